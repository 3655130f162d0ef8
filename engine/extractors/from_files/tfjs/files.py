"""A graph model as it is stored: ``net.json`` names nodes, and the files beside it that hold the weights.

The format is that of ``tfjs.GraphModel``. The topology is TensorFlow's GraphDef as protobuf writes it in JSON: whole
numbers as text, bytes in base 64. The manifest lists groups; the files of a group, one after the other, hold its
tensors in order and without gaps, little-endian. A quantised tensor is stored in half precision, or as whole numbers
of one or two bytes with a scale and a smallest value.

Nothing in these files can run. They are read with bounds: what a manifest claims is compared with the sizes of the
files before anything is set aside for it, and a file outside the topology's folder, or behind a link, is refused.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from facetui.engine.extractors.from_files.reading import MAX_BYTES
from facetui.engine.records import files
from facetui.engine.records.errors import DataError
from facetui.engine.records.text import brief

MOST = 1 << 24
"""Bytes that a topology may have; a ResNet of a hundred layers takes a hundredth of that."""

MAX_NODES = 20_000
"""Nodes of a graph."""

LARGEST = 1 << 16
"""The largest stride, size or number of zeros that a node may ask for."""

STORED = {"float32": "<f4", "int32": "<i4", "bool": "|u1", "float16": "<f2", "uint16": "<u2", "uint8": "|u1"}
"""How numbers of each kind are stored."""

KINDS = ("float32", "int32", "bool")
"""What a tensor may be once it is read."""


class _Dimension(msgspec.Struct, frozen=True):
    size: int | str = -1


class _Shape(msgspec.Struct, frozen=True):
    dim: list[_Dimension] = []


class _List(msgspec.Struct, frozen=True):
    i: list[int | str] = []
    s: list[str] = []


class _Attribute(msgspec.Struct, frozen=True):
    s: str | None = None
    f: float | str | None = None
    b: bool | None = None
    list: _List | None = None
    shape: _Shape | None = None


class _Node(msgspec.Struct, frozen=True):
    name: str
    op: str
    input: list[str] = []
    attr: dict[str, _Attribute] = {}


class _Topology(msgspec.Struct, frozen=True):
    node: list[_Node]


class _Quantization(msgspec.Struct, frozen=True):
    dtype: str
    scale: float = 1.0
    min: float = 0.0


class _Weight(msgspec.Struct, frozen=True):
    name: str
    shape: list[int]
    dtype: str
    quantization: _Quantization | None = None


class _Group(msgspec.Struct, frozen=True):
    paths: list[str]
    weights: list[_Weight]


class _Named(msgspec.Struct, frozen=True):
    name: str | None = None


class _Signature(msgspec.Struct, frozen=True):
    outputs: dict[str, _Named] = {}


class _File(msgspec.Struct, frozen=True):
    modelTopology: _Topology
    weightsManifest: list[_Group]
    signature: _Signature | None = None


@dataclass(frozen=True)
class Node:
    """A node of the graph.

    Attributes:
        name: unique in its graph.
        op: TensorFlow's name of what it computes.
        inputs: names of the nodes whose first output it takes.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, _Attribute]

    @property
    def words(self) -> str:
        """For messages."""
        return f"the node {brief(self.name, 80)} ({brief(self.op, 40)})"

    def text(self, key: str, default: str = "") -> str:
        """An attribute of text.

        Raises:
            ValueError: it is not in base 64.
        """
        said = self._of(key).s
        return default if said is None else _decoded(said)

    def texts(self, key: str) -> list[str]:
        """An attribute of several texts.

        Raises:
            ValueError: one is not in base 64.
        """
        said = self._of(key).list
        return [_decoded(text) for text in said.s] if said else []

    def flag(self, key: str) -> bool:
        """An attribute of yes or no; no where it is absent."""
        return bool(self._of(key).b)

    def number(self, key: str, default: float) -> float:
        """An attribute with a fraction.

        Raises:
            ValueError: it is no finite number.
        """
        said = self._of(key).f
        value = default if said is None else float(said)
        if not math.isfinite(value):
            raise ValueError(f"expected {key} as a number, got {value}")
        return value

    def wholes(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """An attribute of several whole numbers from 0.

        Raises:
            ValueError: one is no whole number, or out of all proportion.
        """
        said = self._of(key).list
        values = tuple(_whole(value) for value in said.i) if said and said.i else default
        if not all(0 <= value <= LARGEST for value in values):
            raise ValueError(f"expected {key} from 0 to {LARGEST:,}, got {brief(values, 40)}")
        return values

    def shape(self) -> tuple[int, ...]:
        """The attribute ``shape``; -1 where a size is open, nothing where there is none.

        Raises:
            ValueError: a size is no whole number.
        """
        said = self._of("shape").shape
        return tuple(_whole(dimension.size) for dimension in said.dim) if said else ()

    def _of(self, key: str) -> _Attribute:
        return self.attributes.get(key) or _Attribute()


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise ValueError(f"expected text in base 64, got {brief(repr(text), 40)}") from None


def _whole(value: int | str) -> int:
    if isinstance(value, str) and len(value) > 20:
        raise ValueError(f"expected a whole number, got {brief(value, 40)}")
    return int(value)


@dataclass(frozen=True)
class Graph:
    """A graph model.

    Attributes:
        path: its topology.
        nodes: by name.
        constants: by name of the node that holds it; floating point as float32, whole numbers as int64.
        outputs: names of the nodes that it returns, in its order.
    """

    path: Path
    nodes: dict[str, Node]
    constants: dict[str, Tensor]
    outputs: tuple[str, ...]


def read(path: Path) -> Graph:
    """The graph model in a topology's file and the files of weights that it names.

    Args:
        path: of the topology.

    Raises:
        DataError: a file is missing, too large, damaged, of another kind, or outside the topology's folder.
    """
    try:
        real = path.resolve()  # whoever typed the path may have typed a link; what it names lies beside the file itself
        text = files.read(real.parent, real.name, MOST)
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "it is a link in a circle"
        raise DataError(f"{path} cannot be read ({why}); check its path") from None
    try:
        stored = msgspec.json.decode(text, type=_File)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else brief(error)
        kind = " (a Keras layers model, not a graph model)" if b'"model_config"' in text[:65536] else ""
        raise DataError(f"{path} is no graph model of TensorFlow.js{kind}: {why}; convert it to one") from None
    nodes = _nodes(path, stored.modelTopology.node)
    constants: dict[str, Tensor] = {}
    for group in stored.weightsManifest:
        for name, tensor in _tensors(real, group):
            if name in constants:
                raise DataError(f"{path} names the weights {brief(name)} twice; fetch it again")
            constants[name] = tensor
    return Graph(path, nodes, constants, _outputs(path, stored, nodes))


def _nodes(path: Path, stored: list[_Node]) -> dict[str, Node]:
    if len(stored) > MAX_NODES:
        raise DataError(f"{path} has {len(stored):,} nodes, more than {MAX_NODES:,}; it is refused")
    nodes = {}
    for node in stored:
        # ^name only says what has to be run before; name:0 is the first output, as is the name alone.
        inputs = tuple(name.removesuffix(":0") for name in node.input if not name.startswith("^"))
        if node.name in nodes:
            raise DataError(f"{path} has two nodes {brief(node.name)}; fetch it again")
        nodes[node.name] = Node(node.name, node.op, inputs, node.attr)
    return nodes


def _outputs(path: Path, stored: _File, nodes: dict[str, Node]) -> tuple[str, ...]:
    """What the signature names; without one, the nodes that nobody takes anything from."""
    said = stored.signature.outputs if stored.signature else {}
    names = [(output.name or key).removesuffix(":0") for key, output in said.items()]
    if not names:
        taken = {name for node in nodes.values() for name in node.inputs}
        names = [name for name, node in nodes.items() if name not in taken and node.op not in ("Const", "NoOp")]
    missing = [name for name in names if name not in nodes]
    if missing or not names:
        raise DataError(f"{path} has no node {brief(missing[0])}" if missing else f"{path} returns nothing")
    return tuple(names)


def _tensors(path: Path, group: _Group) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a group, by name."""
    kinds = [_kind(path, weight) for weight in group.weights]
    counts = [_count(path, weight) for weight in group.weights]
    expected = sum(count * kind.itemsize for count, kind in zip(counts, kinds, strict=True))
    if max(expected, 4 * sum(counts)) > MAX_BYTES:
        raise DataError(f"{path} claims {expected:,} bytes of weights, more than {MAX_BYTES:,}; it is refused")
    data, at = _content(path, group.paths, expected), 0
    for weight, kind, count in zip(group.weights, kinds, counts, strict=True):
        values = np.frombuffer(data, kind, count, at).reshape(weight.shape)
        at += count * kind.itemsize
        # Whole numbers that stand for a scale of fractions are fractions once they are read.
        quantization = weight.quantization
        if quantization is not None and kind.kind == "u":
            values = values * np.float32(quantization.scale) + np.float32(quantization.min)
        wanted = np.float32 if weight.dtype == "float32" else np.int64
        yield weight.name, torch.from_numpy(values.astype(wanted))


def _kind(path: Path, weight: _Weight) -> np.dtype[np.generic]:
    stored = weight.quantization.dtype if weight.quantization else weight.dtype
    if weight.dtype not in KINDS or stored not in STORED:
        said = brief(weight.dtype if weight.dtype not in KINDS else stored, 40)
        raise DataError(f"{path} holds {brief(weight.name, 80)} as {said}; expected {', '.join(STORED)}")
    return np.dtype(STORED[stored])


def _count(path: Path, weight: _Weight) -> int:
    if len(weight.shape) > 8 or any(not 0 <= size <= MAX_BYTES for size in weight.shape):
        raise DataError(f"{path} gives {brief(weight.name, 80)} the shape {brief(weight.shape, 60)}; it is refused")
    return math.prod(weight.shape)


def _content(path: Path, names: list[str], expected: int) -> bytes:
    """What the files of a group hold together, once their sizes are known to be right."""
    try:
        sizes = [files.facts(path.parent, name).st_size for name in names]
        if sum(sizes) != expected:
            said = brief(", ".join(names), 80)
            raise DataError(f"{said} beside {path} hold {sum(sizes):,} bytes, expected {expected:,}; fetch them again")
        parts = [files.read(path.parent, name, size) for name, size in zip(names, sizes, strict=True)]
    except OSError as error:
        said = brief(error.filename or "", 120)
        raise DataError(f"the weights {said} of {path} cannot be read ({brief(error.strerror)})") from None
    content = parts[0] if len(parts) == 1 else b"".join(parts)
    if len(content) != expected:
        raise DataError(f"the weights beside {path} changed while they were read; try again")
    return content
