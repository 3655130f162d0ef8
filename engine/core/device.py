"""Where to compute, in batches of what size, and what to do when memory runs out."""

from __future__ import annotations

import contextlib
import gc
import os
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

import torch
from torch import Tensor

from facetui.engine.core.memory import give_back
from facetui.engine.records.errors import OutOfMemory, UsageError, lack_of_memory

SIZES = {"cpu": 32, "mps": 64, "cuda": 1024}
"""Photos in one forward+backward pass: what ran fastest on two CPU cores, far more where there is a GPU."""

_T = TypeVar("_T")
_fitting: dict[tuple[str, int], int] = {}
"""Rows at a time after memory ran out, by device and by how many were tried at first: work of another kind, which
begins with another number, may need less of it."""
_told: ContextVar[Callable[[str], None] | None] = ContextVar("told when memory runs out", default=None)


@contextlib.contextmanager
def telling(tell: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile ``tell`` is called with a sentence whenever memory ran out and a smaller batch is tried.

    Begins with whole batches: what did not fit before may fit now.
    """
    _fitting.clear()
    before = _told.set(tell)
    try:
        yield
    finally:
        _told.reset(before)


def choose(name: str = "auto") -> torch.device:
    """The device to compute on: ``auto`` (cuda, then mps, then cpu), or any name torch knows.

    Apple's processors were never tested: one is taken only after it computed a small network as the CPU does.

    Raises:
        UsageError: an unknown device, or one this machine lacks.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return _cuda(torch.cuda.current_device())
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
        return _cuda(device.index or 0)
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


def _cuda(index: int) -> torch.device:
    # Read when cuBLAS is first used: with it, sums of products repeat, see ``repeatable``.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return torch.device("cuda", index)


def describe(device: torch.device) -> str:
    """The device in words: ``cpu, 2 threads`` or ``cuda:0, NVIDIA H100``."""
    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    return f"cpu, {torch.get_num_threads()} threads" if device.type == "cpu" else str(device)


def batch_size(device: torch.device) -> int:
    """Photos in one forward+backward pass."""
    return SIZES.get(device.type, SIZES["cpu"])


@contextlib.contextmanager
def autocast(device: torch.device) -> Iterator[None]:
    """Half precision where it is faster and safe (CUDA, bfloat16); otherwise nothing."""
    if device.type == "cuda":
        with torch.autocast("cuda", dtype=torch.bfloat16):
            yield
    else:
        yield


@contextlib.contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Meanwhile convolutions compute in the numbers' own precision, whatever was chosen around them.

    That is neither autocast's sixteen bits nor TensorFloat-32, which has ten bits of fraction and is what cuDNN takes
    unless it is told otherwise.
    """
    with contextlib.ExitStack() as after:
        if torch.amp.is_autocast_available(device.type):
            after.enter_context(torch.autocast(device.type, enabled=False))
        if hasattr(torch.backends.cudnn, "conv"):  # from torch 2.9 on; the older name cannot be read in every state
            for library in (torch.backends.cudnn, torch.backends.mkldnn):
                after.callback(setattr, library.conv, "fp32_precision", library.conv.fp32_precision)
                library.conv.fp32_precision = "ieee"
        else:
            after.callback(setattr, torch.backends.cudnn, "allow_tf32", torch.backends.cudnn.allow_tf32)
            torch.backends.cudnn.allow_tf32 = False
        yield


@contextlib.contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Meanwhile a GPU computes in an order of its own only what torch knows no other way for; a CPU never does.

    What remains is why a run says that such a device repeats within a tolerance; torch's own warnings say no more.
    """
    if device.type == "cpu":
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic
    filling = memory.fill_uninitialized_memory
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*deterministic")
        try:
            torch.use_deterministic_algorithms(True, warn_only=True)
            memory.fill_uninitialized_memory = False  # nothing here reads what it has not written
            yield
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
            memory.fill_uninitialized_memory = filling


class Portion:
    """How many rows are computed at a time on a device; fewer from then on when memory runs out.

    Args:
        device: where; what it had no memory for is not tried on it again.
        size: rows to begin with, at least 1.
    """

    def __init__(self, device: torch.device, size: int) -> None:
        self._device = device
        self._key = str(device), size

    def attempt(self, n: int, function: Callable[[int], _T]) -> _T:
        """``function`` of how many rows to take, at most n; once more with half of them whenever memory runs out.

        What an attempt changed that matters to the next one, a generator's state for one, it has to put back itself.

        Raises:
            OutOfMemory: a single row does not fit.
        """
        while True:
            size = min(n, _fitting.get(self._key, self._key[1]))
            try:
                return function(size)
            except (RuntimeError, MemoryError) as error:
                if not lack_of_memory(error):
                    raise
                if size <= 1:
                    raise OutOfMemory(_too_little(self._device)) from error
            # Only here, where nothing holds the error any more, are the tensors free that its traceback held.
            self._halve(size)

    def _halve(self, size: int) -> None:
        _fitting[self._key] = size // 2
        _empty_cache(self._device)
        tell = _told.get()
        if tell is not None:
            tell(f"The device ran out of memory with {size} photos at a time: from here on {size // 2} at a time.")

    def of(self, n: int, function: Callable[[slice], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """``function`` over slices of n rows, what it gives put together.

        Raises:
            OutOfMemory: a single row does not fit.
        """

        def attempt(size: int) -> tuple[Tensor, ...]:
            parts = [function(slice(at, min(n, at + size))) for at in range(0, n, size)]
            return parts[0] if len(parts) == 1 else tuple(torch.cat(some) for some in zip(*parts, strict=True))

        return self.attempt(n, attempt)


def _too_little(device: torch.device) -> str:
    where, way_out = ("the device", ", or use --device cpu") if device.type != "cpu" else ("this machine", "")
    return f"{where} has too little free memory for a single photo; close other programs on it{way_out}"


def _empty_cache(device: torch.device) -> None:
    """Give back what is allocated and free."""
    gc.collect()  # graphs that hold each other
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    else:
        give_back()


def backward(loss: Callable[[slice], Tensor], n: int, reset: Callable[[], None], device: torch.device) -> None:
    """Gradients of a mean over n rows; in parts, which add up to the same, when memory runs out.

    Args:
        loss: of some of the rows, their mean.
        n: rows in all.
        reset: forgets gradients; called before every attempt.
        device: where the loss is computed.

    Raises:
        OutOfMemory: a single row does not fit.
    """

    def attempt(size: int) -> None:
        reset()
        for at in range(0, n, size):
            rows = slice(at, min(n, at + size))
            ((rows.stop - rows.start) / n * loss(rows)).backward()

    Portion(device, n).attempt(n, attempt)


def in_batches(function: Callable[[Tensor], Tensor], rows: Tensor, size: int, device: torch.device) -> Tensor:
    """``function`` over slices of ``rows``, put together; halves the slices when memory runs out.

    Args:
        function: maps ``(n, ...)`` to ``(n, ...)``, row by row.
        rows: ``(N, ...)``, on any device.
        size: rows to begin with in a slice, at least 1.
        device: where the function computes.

    Raises:
        OutOfMemory: a single row does not fit.
    """
    portion = Portion(device, size)
    out: Tensor | None = None
    at = 0
    while at < len(rows) or out is None:
        rest = rows[at:]
        part = portion.attempt(len(rest), lambda n, rest=rest: function(rest[:n]))  # type: ignore[misc]
        if out is None:  # one allocation for all: putting parts together at the end would hold them twice
            out = part.new_empty((len(rows), *part.shape[1:]))
        out[at : at + len(part)] = part
        at += len(part)
        del part
    return out
