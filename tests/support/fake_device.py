"""A device beside the CPU that knows no double precision, as Apple's graphics processors: what it refuses is refused.

Tensors on it lie in this machine's memory, but say that they are on another device: computing with both, reading one
as an array, and double precision are errors. Python's name for it is that of a device that every PyTorch has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map

DEVICE = torch.device("meta")
_MAY_MIX = ("copy_", "_to_copy", "index.Tensor", "index_put", "_index_put_impl_")
"""Operations that take tensors of both: copies, and rows that are chosen by numbers on the CPU."""


class OnDevice(torch.Tensor):
    """A tensor on the device; ``held`` is where its numbers are."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> OnDevice:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
            requires_grad=False,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        return _computed(function, arguments, named or {})

    def __repr__(self) -> str:  # type: ignore[override]
        return f"OnDevice({self.held!r})"


class _Device(TorchDispatchMode):
    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        return _computed(function, arguments, named or {})


def _computed(function: Any, arguments: Any, named: dict[str, Any]) -> Any:
    name = str(function).removeprefix("aten.")
    given = [leaf for leaf in tree_iter((arguments, named)) if isinstance(leaf, torch.Tensor)]
    there = [tensor for tensor in given if isinstance(tensor, OnDevice)]
    wanted = named.get("device")
    on_device = bool(there) if wanted is None else torch.device(wanted) == DEVICE
    if there and not name.startswith(_MAY_MIX):
        stray = [tensor for tensor in given if not isinstance(tensor, OnDevice) and tensor.ndim]
        assert not stray, f"{name}: expected all tensors to be on the same device"
    if name.startswith("copy_"):
        on_device = isinstance(arguments[0], OnDevice)
    held = {key: value for key, value in named.items() if key != "device"} | ({"device": "cpu"} if wanted else {})
    if name.startswith("_to_copy") and on_device and held.get("dtype") == torch.float64:
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64.")
    out = function(*_held(arguments), **_held(held))
    if function._schema.is_mutable and given and not name.startswith("_native_batch_norm"):
        return arguments[0] if isinstance(out, torch.Tensor) else out
    return tree_map(lambda value: _wrapped(name, value) if on_device else value, out)


def _held(values: Any) -> Any:
    return tree_map(lambda value: value.held if isinstance(value, OnDevice) else value, values)


def _wrapped(name: str, value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    if value.dtype == torch.float64:
        raise TypeError(f"{name}: the MPS framework doesn't support float64")
    return OnDevice(value)


class _Generator(torch.Generator):
    def __new__(cls, device: Any = "cpu") -> Any:
        return super().__new__(cls, "cpu" if torch.device(device) == DEVICE else device)


@contextmanager
def fake_device() -> Iterator[torch.device]:
    """The device, as long as it is needed."""
    with pytest.MonkeyPatch.context() as patch, _Device():
        patch.setattr(torch, "Generator", _Generator)
        yield DEVICE
