"""A graph model as a torch module: the nodes that an embedding needs, in order, with weights folded together.

What can be folded together is (``folding.py``): outputs agree up to rounding.

While it is built, every stage runs once on tensors that have a shape and no content, so that a graph whose parts do not
fit, or that would make tensors out of all proportion, is refused before anything is computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from facetui.engine.core.interfaces import SIDE
from facetui.engine.extractors.from_files.foreign import MAX_SIDE
from facetui.engine.extractors.from_files.tfjs.files import Graph, Node
from facetui.engine.extractors.from_files.tfjs.folding import Stage, Stages
from facetui.engine.extractors.from_files.tfjs.modules import MAX_VALUES, With
from facetui.engine.extractors.from_files.tfjs.operations import build
from facetui.engine.records.errors import DataError
from facetui.engine.records.text import brief

T = TypeVar("T")


class GraphNetwork(nn.Module):
    """The part of a graph model that some nodes need.

    Args:
        graph: as read.
        wanted: names of the nodes whose values are returned; at least one.

    Attributes:
        height: of its input as the graph says; 112 where it leaves it open.
        width: the same across.
        returned: shapes of what the wanted nodes give for one photo.

    Raises:
        DataError: a node is missing, unknown, fits badly, or depends on itself; names it and its operation.
    """

    def __init__(self, graph: Graph, wanted: Sequence[str]) -> None:
        super().__init__()
        built = _Builder(graph, wanted)
        stages = list(built.stages.values())
        self.height, self.width = built.sizes
        self.stages = nn.ModuleList(stage.module for stage in stages)
        self.returned = [tuple(built.shapes[name].shape) for name in wanted]
        self._input, self._returned = built.input, [built.stages.behind(name) for name in wanted]
        self._wiring = [(stage.name, stage.inputs, tuple[str, ...]()) for stage in stages]
        seen = {*self._returned}
        for at, (name, inputs, _) in reversed(list(enumerate(self._wiring))):  # what nobody takes any more is let go
            self._wiring[at] = (name, inputs, tuple({*inputs} - seen))
            seen |= {*inputs}
        self.eval()

    def forward(self, photos: Tensor) -> Tensor | list[Tensor]:
        """What the wanted nodes give: a tensor, or a list where several are wanted.

        Args:
            photos: ``(N, H, W, 3)``.
        """
        known = {self._input: photos}
        for module, (name, inputs, done) in zip(self.stages, self._wiring, strict=True):
            known[name] = module(*(known[each] for each in inputs))
            for each in done:
                del known[each]
        found = [known[name] for name in self._returned]
        return found if len(found) > 1 else found[0]

    def beginning(self) -> tuple[Any, Any] | None:
        """Scale and shift with which it begins, a number or one a channel; ``None`` where it begins otherwise."""
        scale, shift, name = np.ones(1), np.zeros(1), self._input
        for module, (given, inputs, _) in zip(self.stages, self._wiring, strict=True):
            if name not in inputs or not isinstance(module, With) or module.constant.numel() not in (1, 3):
                break
            value, first = module.constant.double().flatten().numpy(), module.first
            if module.join is torch.add:
                shift = shift + value
            elif module.join is torch.sub:
                scale, shift = (-scale, value - shift) if first else (scale, shift - value)
            elif module.join is torch.mul:
                scale, shift = scale * value, shift * value
            elif module.join is torch.div and not first and value.all():
                scale, shift = scale / value, shift / value
            else:
                break
            name = given
        return None if name == self._input else (scale, shift)


class _Builder:
    """Goes through the nodes that are needed, in order."""

    def __init__(self, graph: Graph, wanted: Sequence[str]) -> None:
        self.graph = graph
        self.constants = dict(graph.constants)
        self.input = ""
        self.sizes = (SIDE, SIDE)
        self.values = 0
        self.shapes: dict[str, Tensor] = {}
        """What each stage gives for one photo, without content."""
        needed = _in_order(graph, wanted)
        uses = Counter([*wanted, *(name for node in needed for name in node.inputs)])
        self.stages = Stages(uses)
        for node in needed:
            if node.op == "Placeholder":
                self._begin(node)
            elif node.op == "Const":
                if node.name not in self.constants:
                    raise DataError(f"{graph.path} has no weights for {node.words}; fetch it again")
            else:
                self._add(node)
        missing = [name for name in wanted if name in self.constants]
        if missing or not self.input:
            raise DataError(f"{graph.path} gives {brief((missing or wanted)[0])} whatever the photo is; it is refused")

    def _begin(self, node: Node) -> None:
        path = self.graph.path
        if self.input:
            raise DataError(
                f"{path} takes more than one input ({brief(self.input)}, {brief(node.name)}); it is refused"
            )
        shape = self._checked(node, node.shape) or (-1, -1, -1, 3)
        if len(shape) != 4 or shape[3] != 3:
            raise DataError(f"{path} takes {brief(shape)}, not RGB pictures (N, H, W, 3); it is refused")
        height, width = (SIDE if size in (-1, 0) else size for size in shape[1:3])
        if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
            raise DataError(f"{path} takes pictures of {height}x{width}, more than {MAX_SIDE}; it is refused")
        self.input, self.sizes = node.name, (height, width)
        self.shapes[node.name] = torch.empty(1, height, width, 3, device="meta")

    def _add(self, node: Node) -> None:
        arguments = [self.constants.get(name) for name in node.inputs]
        fixed = bool(arguments) and all(value is not None for value in arguments)
        first = arguments[0] if fixed else None
        if fixed:  # the same whatever the photo is: computed once, now
            arguments[0] = None
        modules = self._checked(node, lambda: build(node, arguments))
        if first is not None:
            seen = first.to("meta")
            for module in modules:
                seen = self._run(node, module, (seen,))
                with torch.no_grad():
                    first = module(first)
            self.constants[node.name] = first
            return
        inputs = tuple(self.stages.behind(name) for name in node.inputs if name not in self.constants)
        for at, module in enumerate(modules):
            name = node.name if module is modules[-1] else f"{node.name}\0{at}"  # no node is called so
            self.shapes[name] = self._run(node, module, tuple(self.shapes[each] for each in inputs))
            self.stages.add(Stage(name, module, inputs), self.shapes[name])
            inputs = (self.stages.behind(name),)

    def _run(self, node: Node, module: nn.Module, values: tuple[Tensor, ...]) -> Tensor:
        """What a module gives for tensors without content."""
        weights = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        empty = {name: tensor.to("meta") for name, tensor in weights.items()}
        with torch.no_grad():
            out: Tensor = self._checked(node, lambda: functional_call(module, empty, values))
        self.values += out.numel()
        if self.values > MAX_VALUES:
            raise DataError(f"{self.graph.path} makes more than {MAX_VALUES:,} values at {node.words}; it is refused")
        return out

    def _checked(self, node: Node, run: Callable[[], T]) -> T:
        try:
            return run()
        except (RuntimeError, ValueError, IndexError, TypeError, ArithmeticError) as error:
            why = brief(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
            raise DataError(f"{self.graph.path} cannot be run at {node.words}: {why}") from None


def _in_order(graph: Graph, wanted: Sequence[str]) -> list[Node]:
    """The nodes that some nodes need, each after all that it takes.

    Raises:
        DataError: one is missing, or depends on itself.
    """
    order: dict[str, Node] = {}
    waiting: set[str] = set()
    stack = [(name, "what is asked for") for name in reversed(wanted)]
    while stack:
        name, asker = stack[-1]
        node = graph.nodes.get(name)
        if node is None:
            raise DataError(f"{graph.path} has no node {brief(name)}, which {asker} takes")
        before = [other for other in node.inputs if other not in order]
        if name in order or not before:
            stack.pop()
            waiting.discard(name)
            order.setdefault(name, node)
        elif name in waiting:
            raise DataError(f"{graph.path} goes in a circle at {node.words}; it is refused")
        else:
            waiting.add(name)
            stack += [(other, node.words) for other in reversed(before)]
    return list(order.values())
