"""PReLU with a faster backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class _Function(torch.autograd.Function):
    """PReLU with a backward of operations that are vectorised: torch's own takes four to ten times its forward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return nn.functional.prelu(x, weight.to(x.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        x, weight = ctx.saved_tensors
        above = torch.ops.aten.threshold_backward(gradient, x, 0)
        slope = None
        if ctx.needs_input_grad[1]:
            slope = ((gradient - above) * x).sum((0, 2, 3), dtype=weight.dtype)
        return torch.lerp(above, gradient, weight.to(gradient.dtype).view(1, -1, 1, 1)), slope


class PReLU(nn.PReLU):
    """``nn.PReLU`` for ``(N, C, H, W)`` with one slope a channel."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = _Function.apply(x, self.weight)
        return out
