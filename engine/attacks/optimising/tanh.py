"""The optimisation both releases of Fawkes share: Adadelta on a variable in tanh space, under a DSSIM penalty.

Carlini and Wagner 2017 (arXiv 1608.04644) for the change of variable; Shan et al. 2020 (arXiv 2002.08327) for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from facetui.engine.core.budget import Budget
from facetui.engine.records.errors import UsageError

SHRINK = 2 - 1e-6
"""Pixels in [0, 1] times this, less half of it, lie strictly within (-1, 1)."""

PENALTY = 1e6
"""Weight of the squared excess of DSSIM over its budget; the default of both releases' command lines."""

RHO = 0.95
"""Adadelta's decay."""


@dataclass(frozen=True)
class Mode:
    """One strength of a release.

    Attributes:
        dssim: tolerated structural dissimilarity, (1 - SSIM) / 2.
        steps: optimisation steps.
        learning_rate: of Adadelta.
    """

    dssim: float
    steps: int
    learning_rate: float


def choose_mode(modes: dict[str, Mode], mode: str, steps: int | None = None) -> Mode:
    """A mode by name, with another number of steps if one is given.

    Raises:
        UsageError: there is none, or fewer than 1 step.
    """
    if mode not in modes:
        raise UsageError(f"expected a mode {', '.join(modes)}, got {mode!r}")
    if steps is not None and steps < 1:
        raise UsageError(f"expected at least 1 step, got {steps}")
    return modes[mode] if steps is None else replace(modes[mode], steps=steps)


def tolerance(budget: Budget, mode: Mode) -> float:
    """The DSSIM a run is penalised above: the budget's, or the mode's under a budget in another norm."""
    return budget.epsilon if budget.norm == "dssim" else mode.dssim


def to_tanh(photos: Tensor) -> Tensor:
    """The variable whose ``to_pixels`` are these photos in [0, 1]."""
    return torch.atanh((photos - 0.5) * SHRINK)


def to_pixels(variable: Tensor) -> tuple[Tensor, Tensor]:
    """Photos in [0, 1], and the derivative of every pixel by its variable."""
    tanh = torch.tanh(variable)
    return tanh * (1 / SHRINK) + 0.5, tanh.square_().neg_().add_(1).mul_(1 / SHRINK)


def penalty_term(dssim: Tensor, limit: float, weight: float) -> Tensor:
    """``weight * max(dssim - limit, 0)^2``, photo by photo ``(N,)``."""
    return weight * (dssim - limit).clamp_min(0).square()


class Adadelta:
    """Zeiler 2012 (arXiv 1212.5701), every number for itself, so that photos of a batch do not touch each other.

    Args:
        like: the shape.
        epsilon: stabiliser; where gradients are small it decides how long a step is.
    """

    def __init__(self, like: Tensor, epsilon: float) -> None:
        self._epsilon = epsilon
        self._squares = torch.zeros_like(like)
        self._updates = torch.zeros_like(like)

    def step(self, variable: Tensor, gradient: Tensor, learning_rate: float) -> None:
        """Move ``variable`` against ``gradient``, in place; overwrites the gradient."""
        self._squares.mul_(RHO).addcmul_(gradient, gradient, value=1 - RHO)
        update = (self._updates + self._epsilon).div_(self._squares + self._epsilon).sqrt_().mul_(gradient)
        self._updates.mul_(RHO).addcmul_(update, update, value=1 - RHO)
        variable.sub_(update, alpha=learning_rate)
