"""From a node to the modules that compute it, one after the other.

Every operation that is known stands in ``OPERATIONS``. A builder gets the node and what it takes: a tensor for a
constant, ``None`` for what is only known once a photo is there. It raises ``ValueError`` where a node asks for
something else than what is written here, such as channels first; the caller says which node it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from facetui.engine.extractors.from_files.tfjs.files import LARGEST, Node
from facetui.engine.extractors.from_files.tfjs.modules import (
    Affine,
    Clamp,
    Concatenate,
    Convolution,
    Dense,
    Function,
    Pad,
    Padding,
    Pooling,
    Reduce,
    Reshape,
    Slopes,
    Squeeze,
    With,
)

Arguments = Sequence[Tensor | None]
Builder = Callable[[Node, Arguments], list[nn.Module]]


def build(node: Node, arguments: Arguments) -> list[nn.Module]:
    """The modules of a node; the first takes what is not constant, each other one what the one before gives.

    Raises:
        ValueError: the operation, or what it is asked for, is not known here.
    """
    if node.op not in OPERATIONS:
        raise ValueError("this operation is not known here")
    if not arguments:
        raise ValueError("it takes nothing")
    return OPERATIONS[node.op](node, arguments)


def _constant(arguments: Arguments, at: int, what: str) -> Tensor:
    value = arguments[at] if at < len(arguments) else None
    if value is None:
        raise ValueError(f"expected {what} as a constant")
    return value


def _wholes(arguments: Arguments, at: int, what: str, low: int = -LARGEST) -> list[int]:
    value = _constant(arguments, at, what)
    if value.is_floating_point() or value.numel() > 64:
        raise ValueError(f"expected {what} as a few whole numbers")
    found = [int(number) for number in value.flatten()]
    if not all(low <= number <= LARGEST for number in found):
        raise ValueError(f"expected {what} from {low} to {LARGEST}")
    return found


def _two(node: Node, key: str) -> tuple[int, int]:
    """The two numbers of an attribute for ``NHWC`` that are for height and width."""
    values = node.wholes(key, (1, 1, 1, 1))
    if len(values) != 4 or values[0] != 1 or values[3] != 1 or 0 in values:
        raise ValueError(f"expected {key} as 1, height, width, 1, got {values[:8]}")
    return values[1], values[2]


def _padding(node: Node) -> Padding:
    said = node.text("padding")
    if said == "EXPLICIT":
        around = node.wholes("explicit_paddings", ())
        if len(around) != 8 or any(around[at] for at in (0, 1, 6, 7)):
            raise ValueError("expected explicit paddings of height and width")
        return around[2], around[3], around[4], around[5]
    return _same_or_valid(said)


def _same_or_valid(said: str) -> Literal["same", "valid"]:
    if said == "SAME":
        return "same"
    if said == "VALID":
        return "valid"
    raise ValueError(f"expected the padding SAME or VALID, got {said[:20]!r}")


def _channels_last(node: Node) -> None:
    if node.text("data_format", "NHWC") != "NHWC":
        raise ValueError("expected channels last (NHWC)")


def _convolution(depthwise: bool) -> Builder:
    def built(node: Node, arguments: Arguments) -> list[nn.Module]:
        _channels_last(node)
        kernel = _constant(arguments, 1, "the kernel")
        if kernel.ndim != 4 or not kernel.numel():
            raise ValueError(f"expected a kernel of four axes, got {tuple(kernel.shape)}")
        if depthwise:  # (height, width, in, multiplier): channels that come out are grouped by those that come in
            groups = kernel.shape[2]
            weight = kernel.permute(2, 3, 0, 1).flatten(0, 1)[:, None]
        else:  # (height, width, in, out)
            groups, weight = 1, kernel.permute(3, 2, 0, 1)
        stages: list[nn.Module] = [
            Convolution(weight, _two(node, "strides"), _padding(node), _two(node, "dilations"), groups)
        ]
        return stages + _fused(node, arguments)

    return built


def _matrix(node: Node, arguments: Arguments) -> list[nn.Module]:
    weight = _constant(arguments, 1, "the matrix of weights")
    if node.flag("transpose_a") or weight.ndim != 2:
        raise ValueError("expected rows of values times a matrix of weights")
    stages: list[nn.Module] = [Dense((weight if node.flag("transpose_b") else weight.T).contiguous())]
    return stages + _fused(node, arguments)


def _fused(node: Node, arguments: Arguments) -> list[nn.Module]:
    """What an optimiser put into a convolution or a product: a bias, batch norm, an activation."""
    stages: list[nn.Module] = []
    at = 2
    for name in node.texts("fused_ops"):
        if name == "BiasAdd":
            stages.append(With(torch.add, _constant(arguments, at, "the bias"), False))
            at += 1
        elif name == "FusedBatchNorm":
            stages.append(_norm(node, arguments, at))
            at += 4
        elif name == "Prelu":
            stages.append(_slopes(_constant(arguments, at, "the slopes")))
            at += 1
        elif name == "LeakyRelu":
            stages.append(_leaky(node))
        elif name in ACTIVATIONS:
            stages.append(ACTIVATIONS[name]())
        else:
            raise ValueError(f"{name[:40]!r}, which is fused into it, is not known here")
    return stages


def _norm(node: Node, arguments: Arguments, at: int) -> nn.Module:
    scale, offset, mean, variance = (
        _constant(arguments, at + i, f"the {what}") for i, what in enumerate(("scale", "offset", "mean", "variance"))
    )
    factor = scale / (variance + node.number("epsilon", 1e-4)).sqrt()
    return Affine(factor, offset - mean * factor)


def _batch_norm(node: Node, arguments: Arguments) -> list[nn.Module]:
    _channels_last(node)
    return [_norm(node, arguments, 1)]


def _slopes(slopes: Tensor) -> nn.Module:
    if slopes.numel() != slopes.shape[-1:].numel():
        raise ValueError(f"expected one slope a channel, got {tuple(slopes.shape)}")
    return Slopes(slopes.flatten())


def _prelu(node: Node, arguments: Arguments) -> list[nn.Module]:
    return [_slopes(_constant(arguments, 1, "the slopes"))]


def _leaky(node: Node) -> nn.Module:
    return nn.LeakyReLU(node.number("alpha", 0.2))


def _joined(join: Callable[[Tensor, Tensor], Tensor]) -> Builder:
    def built(node: Node, arguments: Arguments) -> list[nn.Module]:
        if len(arguments) != 2:
            raise ValueError(f"expected two inputs, got {len(arguments)}")
        for at, value in enumerate(arguments):
            if value is not None:
                return [With(join, value, at == 0)]
        return [Function(join)]

    return built


def _limit(join: Callable[[Tensor, Tensor], Tensor], clamp: Callable[[float], Clamp]) -> Builder:
    """The larger or the smaller of two; with one number, a limit."""

    def built(node: Node, arguments: Arguments) -> list[nn.Module]:
        found = [value for value in arguments if value is not None]
        if len(arguments) == 2 and len(found) == 1 and found[0].numel() == 1 and found[0].ndim < 2:
            return [clamp(float(found[0]))]
        return _joined(join)(node, arguments)

    return built


def _plain(make: Callable[[], nn.Module]) -> Builder:
    def built(node: Node, arguments: Arguments) -> list[nn.Module]:
        if len(arguments) != 1:
            raise ValueError(f"expected one input, got {len(arguments)}")
        return [make()]

    return built


def _reduction(kind: Literal["Mean", "Sum", "Max"]) -> Builder:
    def built(node: Node, arguments: Arguments) -> list[nn.Module]:
        axes = tuple(_wholes(arguments, 1, "the axes"))
        if not axes:
            raise ValueError("expected axes, got none")
        return [Reduce(kind, axes, node.flag("keep_dims"))]

    return built


def _pooling(largest: bool) -> Builder:
    def built(node: Node, arguments: Arguments) -> list[nn.Module]:
        _channels_last(node)
        padding = _same_or_valid(node.text("padding"))
        return [Pooling(largest, _two(node, "ksize"), _two(node, "strides"), padding)]

    return built


def _pad(node: Node, arguments: Arguments) -> list[nn.Module]:
    amounts = _wholes(arguments, 1, "what is added", 0)
    value = float(_constant(arguments, 2, "the value")) if len(arguments) > 2 else 0.0
    return [Pad(list(zip(amounts[::2], amounts[1::2], strict=True)), value)]


def _reshape(node: Node, arguments: Arguments) -> list[nn.Module]:
    value = _constant(arguments, 1, "the shape")
    if value.is_floating_point() or value.numel() > 8:
        raise ValueError("expected a shape of at most eight whole numbers")
    return [Reshape(tuple(int(size) for size in value.flatten()))]


def _squeeze(node: Node, arguments: Arguments) -> list[nn.Module]:
    return [Squeeze(node.wholes("squeeze_dims", node.wholes("axis", ())))]


def _concatenate(node: Node, arguments: Arguments) -> list[nn.Module]:
    if any(value is not None for value in arguments[:-1]):
        raise ValueError("expected values that depend on the photo")
    (axis,) = _wholes(arguments, len(arguments) - 1, "the axis")
    return [Concatenate(axis)]


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "Relu": lambda: Clamp(0.0, math.inf),
    "Relu6": lambda: Clamp(0.0, 6.0),
    "Elu": nn.ELU,
    "Sigmoid": nn.Sigmoid,
    "Tanh": nn.Tanh,
}

OPERATIONS: dict[str, Builder] = {
    **{name: _plain(make) for name, make in ACTIVATIONS.items()},
    "Identity": _plain(nn.Identity),
    "Softmax": _plain(lambda: nn.Softmax(-1)),
    "Square": _plain(lambda: Function(torch.square)),
    "Sqrt": _plain(lambda: Function(torch.sqrt)),
    "Rsqrt": _plain(lambda: Function(torch.rsqrt)),
    "LeakyRelu": lambda node, arguments: [_leaky(node)],
    "Prelu": _prelu,
    "Conv2D": _convolution(False),
    "_FusedConv2D": _convolution(False),
    "DepthwiseConv2dNative": _convolution(True),
    "FusedDepthwiseConv2dNative": _convolution(True),
    "MatMul": _matrix,
    "_FusedMatMul": _matrix,
    "FusedBatchNorm": _batch_norm,
    "FusedBatchNormV2": _batch_norm,
    "FusedBatchNormV3": _batch_norm,
    "Add": _joined(torch.add),
    "AddV2": _joined(torch.add),
    "BiasAdd": _joined(torch.add),
    "Sub": _joined(torch.sub),
    "Mul": _joined(torch.mul),
    "RealDiv": _joined(torch.div),
    "Minimum": _limit(torch.minimum, lambda value: Clamp(-math.inf, value)),
    "Maximum": _limit(torch.maximum, lambda value: Clamp(value, math.inf)),
    "Mean": _reduction("Mean"),
    "Sum": _reduction("Sum"),
    "Max": _reduction("Max"),
    "MaxPool": _pooling(True),
    "AvgPool": _pooling(False),
    "Pad": _pad,
    "PadV2": _pad,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "ConcatV2": _concatenate,
}
"""Every operation that is known, by TensorFlow's name."""
