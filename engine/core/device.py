"""Where to compute, in batches of what size, and what to do when memory runs out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import torch
from torch import Tensor

from facetui.engine.records.errors import OutOfMemory, UsageError, lack_of_memory

_told: ContextVar[Callable[[str], None] | None] = ContextVar("told when memory runs out", default=None)


@contextlib.contextmanager
def telling(tell: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile ``tell`` is called with a sentence whenever memory ran out and a smaller batch is tried."""
    before = _told.set(tell)
    try:
        yield
    finally:
        _told.reset(before)


def halve(size: int, error: RuntimeError | MemoryError) -> int:
    """A smaller batch after memory ran out, the device's or the machine's; whoever listens is told.

    Raises:
        OutOfMemory: it was one photo already.
        RuntimeError: the error itself, where it says something else.
    """
    if not lack_of_memory(error):
        raise error
    if size <= 1:
        raise OutOfMemory(
            "the device has too little free memory for a single photo; close other programs on it, or use --device cpu"
        ) from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
    tell = _told.get()
    if tell is not None:
        tell(f"The device ran out of memory with {size} photos at a time: from here on {size // 2} at a time.")
    return size // 2


def choose(name: str = "auto") -> torch.device:
    """The device to compute on: ``auto`` (cuda, then mps, then cpu), or any name torch knows.

    Apple's processors were never tested: one is taken only after it computed a small network as the CPU does.

    Raises:
        UsageError: an unknown device, or one this machine lacks.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        mps = torch.device("mps")
        return mps if torch.backends.mps.is_available() and agrees_with_cpu(mps) else torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"expected a device auto, cpu, mps, cuda or cuda:N, got {name!r}") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise UsageError(f"the device {name} is not here ({count} CUDA devices found); use --device auto")
        return torch.device("cuda", device.index or 0)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("the device mps is not here; use --device auto")
    if device.type == "mps" and not agrees_with_cpu(device):
        raise UsageError("the device mps computes other numbers than the CPU with this PyTorch; use --device cpu")
    if device.type not in ("cpu", "mps"):
        raise UsageError(f"expected a device auto, cpu, mps, cuda or cuda:N, got {name!r}")
    return device


AGREES = 1e-3
"""Largest difference, of numbers near one, that single precision on another processor may make."""


def agrees_with_cpu(device: torch.device) -> bool:
    """Whether a small network's embeddings and gradients on a device are those on the CPU, as its pixels lie here."""
    drawn = torch.Generator().manual_seed(0)
    pixels = torch.rand(2, 3, 16, 16, generator=drawn)
    weights = [torch.randn(8, 3, 3, 3, generator=drawn) / 5, torch.randn(4, 8, generator=drawn) / 3]

    def computed(where: torch.device) -> tuple[Tensor, Tensor]:
        seen = pixels.to(where).contiguous(memory_format=torch.channels_last).requires_grad_(True)
        kernel, last = (weight.to(where) for weight in weights)
        pooled = torch.nn.functional.conv2d(seen, kernel, stride=2, padding=1).relu().mean((2, 3))
        embedded = torch.nn.functional.normalize(pooled @ last.T, dim=1)
        (gradient,) = torch.autograd.grad(embedded[:, 0].sum(), seen)
        return embedded.detach().cpu(), gradient.cpu() * gradient[0].numel()

    try:
        pairs = zip(computed(device), computed(torch.device("cpu")), strict=True)
        return all(bool(((one - other).abs() < AGREES).all()) for one, other in pairs)
    except RuntimeError:  # it lacks an operation
        return False


def describe(device: torch.device) -> str:
    """The device in words: ``cpu, 2 threads`` or ``cuda:0, NVIDIA H100``."""
    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    return f"cpu, {torch.get_num_threads()} threads" if device.type == "cpu" else str(device)


def batch_size(device: torch.device) -> int:
    """Photos in one forward+backward pass: what ran fastest on two CPU cores, far more where there is a GPU."""
    return 1024 if device.type == "cuda" else 64 if device.type == "mps" else 32


@contextlib.contextmanager
def autocast(device: torch.device) -> Iterator[None]:
    """Half precision where it is faster and safe (CUDA, bfloat16); otherwise nothing."""
    if device.type == "cuda":
        with torch.autocast("cuda", dtype=torch.bfloat16):
            yield
    else:
        yield


class Portion:
    """How many rows are computed at a time; fewer from then on when memory runs out.

    Args:
        size: rows to begin with.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def of(self, n: int, function: Callable[[slice], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """``function`` over slices of n rows, what it gives put together.

        Raises:
            OutOfMemory: a single row does not fit.
        """
        while True:
            try:
                parts = [function(slice(at, min(n, at + self.size))) for at in range(0, n, self.size)]
                return parts[0] if len(parts) == 1 else tuple(torch.cat(some) for some in zip(*parts, strict=True))
            except (RuntimeError, MemoryError) as error:
                self.size = halve(self.size, error)


def backward(loss: Callable[[slice], Tensor], n: int, reset: Callable[[], None]) -> None:
    """Gradients of a mean over n rows; in parts, which add up to the same, when memory runs out.

    Args:
        loss: of some of the rows, their mean.
        n: rows in all.
        reset: forgets gradients; called before every attempt.

    Raises:
        OutOfMemory: a single row does not fit.
    """
    size, done = n, False
    while not done:
        reset()
        try:
            for at in range(0, n, size):
                rows = slice(at, min(n, at + size))
                ((rows.stop - rows.start) / n * loss(rows)).backward()
            done = True
        except (RuntimeError, MemoryError) as error:
            size = halve(size, error)


def in_batches(function: Callable[[Tensor], Tensor], rows: Tensor, size: int) -> Tensor:
    """``function`` over slices of ``rows``, put together; halves the slices when memory runs out.

    Args:
        function: maps ``(n, ...)`` to ``(n, ...)``, row by row.
        rows: ``(N, ...)``, at least one.
        size: rows to begin with in a slice.

    Raises:
        OutOfMemory: a single row does not fit.
    """
    out: Tensor | None = None
    at = 0
    while at < len(rows):
        try:
            part = function(rows[at : at + size])
        except (RuntimeError, MemoryError) as error:
            size = halve(size, error)
            continue
        if out is None:  # one allocation for all: putting parts together at the end would hold them twice
            out = part.new_empty((len(rows), *part.shape[1:]))
        out[at : at + len(part)] = part
        at += len(part)
    assert out is not None
    return out
