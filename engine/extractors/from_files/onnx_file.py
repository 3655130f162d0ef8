"""Any network in an ONNX file: ``onnx:PATH``, converted by onnx2torch, so that gradients flow.

An ONNX file holds no code, but it can name other files to be read, be enormous, or make enormous tensors of small ones.
So it is read without the files it names, checked by onnx's own checker, and refused where a file it names lies outside
its folder or where a tensor of one photo would take more than half a gigabyte.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facetui.engine.core.interfaces import SIDE
from facetui.engine.extractors.from_files.foreign import MAX_SIDE, ForeignExtractor, card_beside
from facetui.engine.extractors.from_files.onnx_graph import convertible, own_normalisation
from facetui.engine.extractors.from_files.reading import MAX_BYTES, check_size
from facetui.engine.extractors.from_files.trial import tried
from facetui.engine.extractors.inputs import Input
from facetui.engine.extractors.weights import find_file, sha256
from facetui.engine.records.errors import DataError, MissingExtra

MAX_VALUES = 1 << 27
"""Values in one tensor, for one photo."""


def load(name: str) -> ForeignExtractor:
    """The network in an ONNX file.

    Args:
        name: ``onnx:PATH``.

    Raises:
        MissingExtra: onnx or onnx2torch is not installed.
        DataError: the file is missing, damaged, refused, uses operators that cannot be converted, or is no network from
            one picture to one vector.
    """
    path = find_file(name.partition(":")[2])
    model = read(path)
    try:
        import onnx2torch
    except ImportError:
        raise MissingExtra("onnx:PATH", "onnx") from None
    card = card_beside(path)
    expected = card.expected(own_normalisation(model, expected_input(model, path)))
    try:
        network = onnx2torch.convert(convertible(model))
    except NotImplementedError as error:
        raise DataError(f"{path} cannot be converted: {error}; export it with other operators") from error
    except Exception as error:  # what a converter raises on a graph that it did not foresee is not documented
        raise DataError(f"{path} cannot be converted ({type(error).__name__}: {error}); export it anew") from error
    return tried(name, network, expected, card, sha256(path))


def read(path: Path) -> Any:
    """The model in a file, checked, with the tensors it keeps in other files of its folder.

    Raises:
        MissingExtra: onnx is not installed.
        DataError: damaged, too large, or refused.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise MissingExtra("onnx:PATH", "onnx") from None
    check_size(path)
    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, OSError, ValueError) as error:
        raise DataError(f"{path} is not ONNX, or only a part of it ({error})") from None
    _check_external(model, path)
    try:
        onnx.checker.check_model(str(path))
        onnx.load_external_data_for_model(model, str(path.parent))
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, OSError, ValueError) as error:
        raise DataError(f"{path} is not valid ONNX ({str(error).strip().splitlines()[0]}); export it anew") from None
    for value in [*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output]:
        count = math.prod(max(d.dim_value, 1) for d in value.type.tensor_type.shape.dim)
        if count > MAX_VALUES:
            raise DataError(f"{path} makes a tensor of {count:,} values ({value.name}); it is refused")
    return model


def _messages(message: Any, kind: str) -> Iterator[Any]:
    """Every message of a kind inside a protobuf message, however deep."""
    if message.DESCRIPTOR.name == kind:
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if hasattr(value, "__len__") else [value]:
                yield from _messages(part, kind)


def _check_external(model: Any, path: Path) -> None:
    """Refuse tensors in files outside the model's folder, or in files that are too large together."""
    folder, files = path.resolve().parent, set()
    for tensor in _messages(model, "TensorProto"):
        for entry in tensor.external_data:
            if entry.key != "location":
                continue
            file = (folder / entry.value).resolve()
            if not file.is_relative_to(folder):
                raise DataError(f"{path} reads a file outside its folder ({entry.value}); it is refused")
            if not file.is_file():
                raise DataError(f"{path} keeps tensors in {entry.value}, which is not beside it; fetch it too")
            files.add(file)
    if sum(file.stat().st_size for file in files) > MAX_BYTES:
        raise DataError(f"{path} keeps more than {MAX_BYTES:,} bytes in files beside it; it is refused")


def expected_input(model: Any, path: Path) -> Input:
    """What the graph says about its input; sides that it leaves open are 112.

    Raises:
        DataError: it does not take one batch of colour pictures.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    sizes = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim] if len(inputs) == 1 else []
    if len(sizes) != 4 or 3 not in (sizes[1] or 3, sizes[3]):
        raise DataError(f"{path} does not take one batch of RGB pictures, (N, 3, H, W) or (N, H, W, 3)")
    last = sizes[1] not in (0, 3) and sizes[3] == 3
    height, width = (size or SIDE for size in (sizes[1:3] if last else sizes[2:4]))
    if max(height, width) > MAX_SIDE:
        raise DataError(f"{path} takes pictures of {height}x{width}, more than {MAX_SIDE}; it is refused")
    return Input(height, width, layout="nhwc" if last else "nchw")
