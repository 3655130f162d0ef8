"""What an ONNX graph says of itself: how it normalises its input, and the same in operators that can be converted."""

from __future__ import annotations

from typing import Any

import numpy as np

from facetui.engine.extractors.from_files.normalisation import as_pixels, normalised_by
from facetui.engine.extractors.inputs import Input

OPSET = 17
"""The set of operators that onnx2torch knows well; other files are rewritten for it."""

OLDEST = 9
"""Of an older set even what is still there may mean something else."""


def convertible(model: Any) -> Any:
    """The model with 32-bit numbers in operators of ``OPSET``, as far as it can be rewritten; else as it is."""
    import onnx

    model = _without_copies(_in_single_precision(model))
    versions = [opset.version for opset in model.opset_import if not opset.domain]
    if all(OLDEST <= version <= OPSET for version in versions):
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except RuntimeError:
        return model  # onnx2torch then names the operator that it does not know


def _in_single_precision(model: Any) -> Any:
    """The same model with every floating-point number of 16 or 64 bits as one of 32, which is known everywhere."""
    import onnx
    from onnx import TensorProto, numpy_helper

    others = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
    made = onnx.ModelProto()
    made.CopyFrom(model)
    tensors = list(made.graph.initializer)
    for node in made.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                tensors.append(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in others:
                attribute.i = TensorProto.FLOAT
    for tensor in tensors:
        if tensor.data_type in others:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    for value in [*made.graph.input, *made.graph.value_info, *made.graph.output]:
        if value.type.tensor_type.elem_type in others:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    return made


def _without_copies(model: Any) -> Any:
    """The same model with weights instead of nodes that copy them, as exporters write for layers with equal weights."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in list(model.graph.node):
        if node.op_type == "Identity" and node.input[0] in weights:
            twin = model.graph.initializer.add()
            twin.CopyFrom(weights[node.input[0]])
            twin.name = node.output[0]
            weights[twin.name] = twin
            model.graph.node.remove(node)
    return model


def own_normalisation(model: Any, found: Input) -> Input:
    """``found``, but for the scale of pixels where the graph begins with a scale of its own, or takes whole numbers."""
    scale, shift, moved = _beginning(model)
    weights = {tensor.name for tensor in model.graph.initializer}
    first = next(value for value in model.graph.input if value.name not in weights)
    whole_numbers = first.type.tensor_type.elem_type not in (1, 10, 11, 16)  # no kind of floating point
    if whole_numbers:
        return as_pixels(found)
    if not moved:
        return found
    return normalised_by(scale, shift, found)


def _beginning(model: Any) -> tuple[Any, Any, bool]:
    """The scale and shift with which a graph begins, a number or one a channel, and whether it does."""
    weights = _constants(model)
    name = next(value.name for value in model.graph.input if value.name not in weights)
    scale, shift, moved = np.ones(1), np.zeros(1), False
    while True:
        users = [node for node in model.graph.node if name in node.input]
        if len(users) != 1 or users[0].op_type not in ("Cast", "Identity", "Transpose", "Sub", "Add", "Mul", "Div"):
            return scale, shift, moved
        node = users[0]
        if len(node.input) == 2:
            other = weights.get(next((n for n in node.input if n != name), ""))
            if other is None or other.size not in (1, 3):
                return scale, shift, moved
            value, first = other.astype(np.float64).ravel(), node.input[0] == name
            match node.op_type:
                case "Sub" if first:
                    shift = shift - value
                case "Sub":
                    scale, shift = -scale, value - shift
                case "Add":
                    shift = shift + value
                case "Mul":
                    scale, shift = scale * value, shift * value
                case "Div" if first and (value != 0).all():
                    scale, shift = scale / value, shift / value
                case _:
                    return scale, shift, moved
            moved = True
        name = node.output[0]


def _constants(model: Any) -> dict[str, Any]:
    """Every constant of a graph by name, whether it is stored or made by a node."""
    from onnx import numpy_helper

    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found
