"""What the nodes of a graph compute, as torch modules.

Values keep TensorFlow's order of axes, ``(N, H, W, C)``. Convolutions and pooling see the same memory as torch's
``(N, C, H, W)`` with channels last, which costs no copy; everything else broadcasts as TensorFlow does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facetui.engine.extractors.prelu import PReLU

MAX_VALUES = 1 << 27
"""Values that a graph may make of one photo, all nodes together."""

Padding = Literal["same", "valid"] | tuple[int, int, int, int]
"""``same`` and ``valid`` as TensorFlow has them, or the zeros at the top, the bottom, the left and the right."""


def same(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's padding SAME along one axis: what cannot be split evenly goes to the end."""
    reach = (kernel - 1) * dilation + 1
    total = max((math.ceil(size / stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


class _Window(nn.Module):
    """Something that slides over a map: how it is padded.

    Args:
        kernel: height and width.
        stride: down and across.
        padding: around the map.
        dilation: down and across.
    """

    def __init__(
        self, kernel: tuple[int, int], stride: tuple[int, int], padding: Padding, dilation: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding, self.dilation = kernel, stride, padding, dilation

    def sides(self, x: Tensor) -> tuple[int, int, int, int]:
        """Rows and columns to be added to ``(N, C, H, W)``: top, bottom, left, right.

        Raises:
            ValueError: it would become too large.
        """
        if self.padding == "valid":
            return 0, 0, 0, 0
        if self.padding == "same":
            rows, columns = (
                same(size, *facts)
                for size, *facts in zip(x.shape[2:], self.kernel, self.stride, self.dilation, strict=True)
            )
            found = (*rows, *columns)
        else:
            found = self.padding
        top, bottom, left, right = found
        if x.shape[1] * (x.shape[2] + top + bottom) * (x.shape[3] + left + right) > MAX_VALUES:
            raise ValueError("its input would become too large once it is padded")
        return found

    def padded(self, x: Tensor, value: float = 0.0) -> Tensor:
        """``(N, C, H, W)`` with what belongs around it."""
        top, bottom, left, right = self.sides(x)
        return F.pad(x, (left, right, top, bottom), value=value) if top or bottom or left or right else x


class Clamp(nn.Module):
    """Values held between two limits, of which one may be infinite."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def then(self, other: Clamp) -> Clamp:
        """The same, and then another."""
        low, high = (min(max(value, other.low), other.high) for value in (self.low, self.high))
        return Clamp(low, high)

    def forward(self, x: Tensor, in_place: bool = False) -> Tensor:
        """The same shape; in place where nothing else takes ``x``, which spares the memory of a map."""
        if (self.low, self.high) == (0, math.inf):
            return F.relu(x, in_place)
        return F.hardtanh(x, self.low, self.high, in_place)


class Linear(nn.Module):
    """Something that multiplies by weights and adds a bias a channel, so that what follows can be folded into it.

    Attributes:
        weight: output channels first.
        bias: one a channel; zeros unless something was folded in.
        clamp: what comes after it, if that was folded in.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    clamp: Clamp | None

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(len(weight)))
        self.clamp = None

    @torch.no_grad()
    def scale(self, factor: Tensor) -> None:
        """Multiply what comes out, by ``(C,)`` or one number."""
        factor = factor.expand(len(self.weight))
        self.weight.copy_(self.weight * factor.view(-1, *[1] * (self.weight.ndim - 1)))
        self.bias.copy_(self.bias * factor)

    @torch.no_grad()
    def shift(self, by: Tensor) -> None:
        """Add to what comes out, ``(C,)`` or one number."""
        self.bias.copy_(self.bias + by)

    def clamped(self, out: Tensor) -> Tensor:
        """What comes out, held between limits if there are any."""
        return out if self.clamp is None else self.clamp(out, in_place=True)


class Convolution(Linear):
    """A convolution, dense or depthwise.

    Args:
        weight: ``(out, in / groups, height, width)``.
        stride: down and across.
        padding: around the map.
        dilation: down and across.
        groups: as torch counts them; for a depthwise convolution the channels that come in.
    """

    def __init__(
        self, weight: Tensor, stride: tuple[int, int], padding: Padding, dilation: tuple[int, int], groups: int = 1
    ) -> None:
        super().__init__(weight.contiguous(memory_format=torch.channels_last))
        self.window = _Window((weight.shape[2], weight.shape[3]), stride, padding, dilation)
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """``(N, H, W, C)`` to the same with other sizes."""
        x = x.permute(0, 3, 1, 2)
        top, bottom, left, right = self.window.sides(x)
        even = (top, left) if (top, left) == (bottom, right) else (0, 0)
        if even == (0, 0):
            x = self.window.padded(x)
        out = F.conv2d(x, self.weight, self.bias, self.window.stride, even, self.window.dilation, self.groups)
        return self.clamped(out).permute(0, 2, 3, 1)


class Dense(Linear):
    """A matrix of weights ``(out, in)``."""

    def forward(self, x: Tensor) -> Tensor:
        """``(N, in)`` to ``(N, out)``."""
        if x.ndim != 2:
            raise ValueError(f"expected a matrix, got {x.ndim} axes")
        return self.clamped(F.linear(x, self.weight, self.bias))


class Pooling(nn.Module):
    """The mean or the largest of each window; what is added around the map counts for neither.

    Args:
        largest: the largest; else the mean.
        window: height and width, stride, padding.
    """

    def __init__(
        self, largest: bool, kernel: tuple[int, int], stride: tuple[int, int], padding: Literal["same", "valid"]
    ) -> None:
        super().__init__()
        self.largest = largest
        self.window = _Window(kernel, stride, padding)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, H, W, C)`` to the same with other sizes."""
        x, window = x.permute(0, 3, 1, 2), self.window
        if self.largest:
            return F.max_pool2d(window.padded(x, -math.inf), window.kernel, window.stride).permute(0, 2, 3, 1)
        out = F.avg_pool2d(window.padded(x), window.kernel, window.stride)
        if window.padding == "same":
            there = window.padded(torch.ones_like(x[:1, :1]))
            out = out / F.avg_pool2d(there, window.kernel, window.stride)
        return out.permute(0, 2, 3, 1)


class Slopes(PReLU):
    """PReLU with one slope a channel, channels last.

    Args:
        slopes: ``(C,)``.
    """

    def __init__(self, slopes: Tensor) -> None:
        super().__init__(len(slopes))
        with torch.no_grad():
            self.weight.copy_(slopes)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, H, W, C)`` or ``(N, C)``, same shape."""
        if x.ndim == 2:
            return super().forward(x[:, :, None, None])[:, :, 0, 0]
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class With(nn.Module):
    """Two values joined, one of which is a constant.

    Args:
        join: of two tensors.
        constant: kept with the weights.
        first: whether the constant is the first of the two.
    """

    constant: Tensor

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor], constant: Tensor, first: bool) -> None:
        super().__init__()
        self.join, self.first = join, first
        self.register_buffer("constant", constant)

    def forward(self, x: Tensor) -> Tensor:
        """The shape that both have together."""
        return self.join(self.constant, x) if self.first else self.join(x, self.constant)


class Affine(nn.Module):
    """A factor and a summand a channel: batch norm where there is no convolution to fold it into."""

    def __init__(self, factor: Tensor, summand: Tensor) -> None:
        super().__init__()
        self.factor, self.summand = nn.Parameter(factor), nn.Parameter(summand)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x * self.factor + self.summand


class Pad(nn.Module):
    """A constant around a tensor.

    Args:
        amounts: before and after, for every axis.
        value: the constant.
    """

    def __init__(self, amounts: Sequence[tuple[int, int]], value: float) -> None:
        super().__init__()
        self.amounts, self.value = tuple(amounts), value

    def forward(self, x: Tensor) -> Tensor:
        """Larger along every axis by what is put before and after."""
        if x.ndim != len(self.amounts):
            raise ValueError(f"expected {len(self.amounts)} axes, got {x.ndim}")
        return F.pad(x, [n for pair in reversed(self.amounts) for n in pair], value=self.value)


class Reduce(nn.Module):
    """A mean, sum or maximum over axes."""

    def __init__(self, kind: Literal["Mean", "Sum", "Max"], axes: tuple[int, ...], keep: bool) -> None:
        super().__init__()
        self.kind, self.axes, self.keep = kind, axes, keep

    def forward(self, x: Tensor) -> Tensor:
        """Without those axes, or with one value along each."""
        if self.kind == "Max":
            return x.amax(self.axes, self.keep)
        return x.sum(self.axes, self.keep) if self.kind == "Sum" else x.mean(self.axes, self.keep)


class Reshape(nn.Module):
    """Another shape of the same values, in TensorFlow's order of them."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """The shape; -1 stands for what is left."""
        return x.reshape(self.shape)


class Squeeze(nn.Module):
    """Without axes of size 1: those named, or all."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        """Fewer axes; one photo stays a batch of one."""
        axes = self.axes or tuple(axis for axis in range(1, x.ndim) if x.shape[axis] == 1)
        if any(x.shape[axis] != 1 for axis in axes):
            raise ValueError(f"cannot leave out axes {axes} of {tuple(x.shape)}")
        return x.squeeze(axes)


class Concatenate(nn.Module):
    """Tensors one after the other along an axis."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *values: Tensor) -> Tensor:
        """As large along the axis as all together."""
        return torch.cat(values, self.axis)


class Function(nn.Module):
    """A function without weights, of one tensor or of two."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *values: Tensor) -> Tensor:
        """What the function gives."""
        return self.function(*values)
