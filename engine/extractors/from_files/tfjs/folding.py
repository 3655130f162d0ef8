"""The modules of a graph, in order, folded together where that changes nothing but rounding.

Batch norm, which such files hold as a multiplication and an addition, becomes part of the convolution before it, and so
do biases and zeros around a map. A minimum and then a maximum becomes one clamp. PReLU, which they write as a maximum,
a minimum, a product and a sum, becomes one module.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facetui.engine.extractors.from_files.tfjs.modules import (
    Affine,
    Clamp,
    Convolution,
    Function,
    Linear,
    Pad,
    Slopes,
    With,
)


@dataclass
class Stage:
    """One module.

    Attributes:
        name: of what it gives.
        inputs: names of what it takes.
    """

    name: str
    module: nn.Module
    inputs: tuple[str, ...]


class Stages(dict[str, Stage]):
    """Stages by name, in the order in which they run.

    Args:
        uses: how often the value of each node is taken.
    """

    def __init__(self, uses: Counter[str]) -> None:
        super().__init__()
        self._uses = uses
        self._aliases: dict[str, str] = {}

    def behind(self, name: str) -> str:
        """The stage that gives the value of that name."""
        return self._aliases.get(name, name)

    def add(self, stage: Stage, out: Tensor) -> None:
        """Put a stage behind those that are there, or into one of them.

        Args:
            stage: its inputs are stages, or the photos.
            out: of the shape of what it gives.
        """
        self._uses.setdefault(stage.name, 1)  # between the parts of one node
        if isinstance(stage.module, nn.Identity):
            same = stage.inputs[0]
            self._aliases[stage.name] = same
            self._uses[same] += self._uses[stage.name] - 1
            return
        before = self.get(stage.inputs[0]) if len(stage.inputs) == 1 else None
        if before is not None and self._uses[before.name] == 1 and self._into(before, stage, out):
            return
        slopes = self._slopes(stage, out)
        self[stage.name] = slopes or stage

    def _into(self, before: Stage, stage: Stage, out: Tensor) -> bool:
        """Fold a stage and the only one that takes its value together, where that can be done."""
        first, second = before.module, stage.module
        if isinstance(first, Clamp) and isinstance(second, Clamp):
            before.module = first.then(second)
        elif isinstance(first, Linear) and isinstance(second, Clamp):
            first.clamp = first.clamp.then(second) if first.clamp else second
        elif isinstance(first, Linear) and first.clamp is not None:
            return False
        elif isinstance(first, Linear) and isinstance(second, Affine):
            first.scale(second.factor.detach())
            first.shift(second.summand.detach())
        elif isinstance(first, Linear) and isinstance(second, With):
            if not _into_linear(first, second, out):
                return False
        elif isinstance(first, Pad) and isinstance(second, Convolution):
            sides = _around_maps(first)
            if sides is None or second.window.padding != "valid":
                return False
            second.window.padding = sides
            del self[before.name]
            self[stage.name] = Stage(stage.name, second, before.inputs)
            return True
        else:
            return False
        self._aliases[stage.name] = before.name
        self._uses[before.name] = self._uses[stage.name]
        return True

    def _slopes(self, stage: Stage, out: Tensor) -> Stage | None:
        """PReLU where a stage adds ``max(x, 0)`` and ``slopes * min(x, 0)``; what it replaces is removed."""
        if not (isinstance(stage.module, Function) and stage.module.function is torch.add):
            return None
        parts = [self.get(name) for name in stage.inputs]
        for positive, scaled in (parts, parts[::-1]):
            if positive is None or scaled is None or not isinstance(scaled.module, With):
                continue
            negative = self.get(scaled.inputs[0])
            factor = scaled.module.constant
            if (
                negative is not None
                and scaled.module.join is torch.mul
                and _limits(positive) == (0, float("inf"))
                and _limits(negative) == (float("-inf"), 0)
                and positive.inputs == negative.inputs
                and _is_for_channels(factor, out)
                and all(self._uses[part.name] == 1 for part in (positive, scaled, negative))
            ):
                for part in (positive, scaled, negative):
                    del self[part.name]
                return Stage(stage.name, Slopes(factor.flatten().expand(out.shape[-1])), positive.inputs)
        return None


def _limits(stage: Stage) -> tuple[float, float] | None:
    return (stage.module.low, stage.module.high) if isinstance(stage.module, Clamp) else None


def _is_for_channels(constant: Tensor, out: Tensor) -> bool:
    """Whether a constant is one number, or one for each of the channels, which come last."""
    last = constant.shape[-1:].numel()
    return constant.ndim <= out.ndim and constant.numel() == last and last in (1, out.shape[-1])


def _into_linear(linear: Linear, after: With, out: Tensor) -> bool:
    constant, join = after.constant.float(), after.join
    if not _is_for_channels(constant, out) or out.shape[-1] != len(linear.weight):
        return False
    constant = constant.flatten()
    if join is torch.mul:
        linear.scale(constant)
    elif join is torch.div and not after.first:
        linear.scale(1 / constant)
    elif join is torch.add:
        linear.shift(constant)
    elif join is torch.sub:
        if after.first:
            linear.scale(torch.tensor([-1.0]))
        linear.shift(constant if after.first else -constant)
    else:
        return False
    return True


def _around_maps(pad: Pad) -> tuple[int, int, int, int] | None:
    """What is added at the top, the bottom, the left and the right, if zeros are added there and nowhere else."""
    if len(pad.amounts) != 4 or pad.value != 0 or pad.amounts[0] != (0, 0) or pad.amounts[3] != (0, 0):
        return None
    return *pad.amounts[1], *pad.amounts[2]
