"""Training by gradient steps that can be stopped, and goes on from where it was, to the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from facetui.engine.core.cache import Checkpoint
from facetui.engine.core.device import repeatable
from facetui.engine.records.errors import Cancelled


def learn(
    step: Callable[[int], None],
    steps: int,
    state: State,
    *,
    checkpoint: Checkpoint | None,
    progress: Callable[[int], None],
) -> None:
    """Take all steps that are not done yet; leaves a checkpoint every few seconds, and when it is stopped.

    Args:
        step: takes the step of that number; draws nothing at random that depends on the steps before.
        steps: how many there are.
        state: everything that a step changes.
        checkpoint: where to go on from, and where to leave what is done; absent: from the beginning.
        progress: called with the steps done after each; may raise ``Cancelled``.
    """
    done = state.restore(checkpoint.load()) if checkpoint else 0
    try:
        for number in range(done, steps):
            with repeatable(state.device):
                step(number)
            done = number + 1
            if checkpoint and checkpoint.due():
                checkpoint.save(state.tensors(done))
            progress(done)
    except Cancelled:
        if checkpoint:
            checkpoint.save(state.tensors(done))
        raise


class State:
    """A network, a head if there is one, and the optimiser's moments.

    Attributes:
        device: where they are.
    """

    def __init__(self, network: nn.Module, head: Sequence[nn.Parameter], optimiser: torch.optim.Adam) -> None:
        self.device = next(network.parameters()).device
        self._network = network
        self._head = head
        self._optimiser = optimiser

    def tensors(self, done: int) -> dict[str, Tensor]:
        """As plain tensors, after so many steps."""
        found = {f"network.{name}": value for name, value in self._network.state_dict().items()}
        found |= {f"head.{i}": weight.detach() for i, weight in enumerate(self._head)}
        for i, moments in self._optimiser.state_dict()["state"].items():
            found |= {f"adam.{i}.{name}": torch.as_tensor(value) for name, value in moments.items()}
        return {**found, "step": torch.tensor(done)}

    def restore(self, tensors: dict[str, Tensor] | None) -> int:
        """Put back what was saved; returns the steps that are done, 0 for nothing."""
        if tensors is None:
            return 0
        self._network.load_state_dict(
            {name.removeprefix("network."): value for name, value in tensors.items() if name.startswith("network.")}
        )
        with torch.no_grad():
            for i, weight in enumerate(self._head):
                weight.copy_(tensors[f"head.{i}"])
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("adam."):
                _, number, field = name.split(".")
                moments.setdefault(int(number), {})[field] = value
        self._optimiser.load_state_dict({**self._optimiser.state_dict(), "state": moments})
        return int(tensors["step"])
