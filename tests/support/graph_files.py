"""Graph models of TensorFlow.js: small ones to be written, and the same operations once more in NumPy, in doubles."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np


def text(value: str) -> dict[str, str]:
    return {"s": base64.b64encode(value.encode()).decode()}


def texts(*values: str) -> dict[str, Any]:
    return {"list": {"s": [base64.b64encode(value.encode()).decode() for value in values]}}


def wholes(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def node(name: str, op: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "input": list(inputs), "attr": attributes}


def photos(height: int = 112, width: int = 112, name: str = "x") -> dict[str, Any]:
    sizes = [{"size": str(size)} for size in (-1, height, width, 3)]
    return node(name, "Placeholder", shape={"shape": {"dim": sizes}})


def window(stride: int = 1, padding: str = "SAME", dilation: int = 1, **more: Any) -> dict[str, Any]:
    """The attributes of a convolution."""
    strides, dilations = wholes(1, stride, stride, 1), wholes(1, dilation, dilation, 1)
    return {"strides": strides, "dilations": dilations, "padding": text(padding), "data_format": text("NHWC"), **more}


def write(
    path: Path,
    nodes: list[dict[str, Any]],
    weights: dict[str, np.ndarray],
    *,
    outputs: list[str] | None = None,
    half: bool = False,
    shards: int = 1,
) -> Path:
    """A graph model beside whose topology its weights lie, in so many files."""
    entries, data = [], b""
    for name, values in weights.items():
        whole = values.dtype.kind in "iu"
        entry: dict[str, Any] = {"name": name, "shape": list(values.shape), "dtype": "int32" if whole else "float32"}
        if half and not whole:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
        entries.append(entry)
        data += values.astype("<i4" if whole else "<f2" if half else "<f4").tobytes()
    size = math.ceil(len(data) / shards) if data else 1
    names = [f"{path.stem}-{i + 1}of{shards}.bin" for i in range(shards)]
    for i, name in enumerate(names):
        (path.parent / name).write_bytes(data[i * size : (i + 1) * size])
    constants = [node(name, "Const") for name in weights]
    model: dict[str, Any] = {
        "format": "graph-model",
        "modelTopology": {"node": [*constants, *nodes], "versions": {"producer": 1}},
        "weightsManifest": [{"paths": names, "weights": entries}],
    }
    if outputs:
        model["signature"] = {"outputs": {name: {"name": f"{name}:0"} for name in outputs}}
    path.write_text(json.dumps(model), encoding="utf-8")
    return path


def said(attributes: dict[str, Any], key: str, default: str = "") -> str:
    return base64.b64decode(attributes[key]["s"]).decode() if key in attributes else default


def two(attributes: dict[str, Any], key: str) -> tuple[int, int]:
    values = [int(value) for value in attributes[key]["list"]["i"]] if key in attributes else [1, 1, 1, 1]
    return values[1], values[2]


def windows(x: np.ndarray, size: tuple[int, int], attributes: dict[str, Any], fill: float = 0.0) -> np.ndarray:
    """Every window of a map ``(N, H, W, C)``: ``(N, rows, columns, C, height, width)``."""
    strides, dilations = two(attributes, "strides"), two(attributes, "dilations")
    amounts = []
    if said(attributes, "padding") == "EXPLICIT":
        every = [int(value) for value in attributes["explicit_paddings"]["list"]["i"]]
        amounts = [tuple(every[2:4]), tuple(every[4:6])]
    for n, k, s, d in zip(x.shape[1:3], size, strides, dilations, strict=True):
        if said(attributes, "padding") == "SAME":  # as TensorFlow's documentation of tf.nn has it, for any stride
            reach = (k - 1) * d + 1
            total = max(reach - s, 0) if n % s == 0 else max(reach - n % s, 0)
            amounts.append((total // 2, total - total // 2))
        elif said(attributes, "padding") == "VALID":
            amounts.append((0, 0))
    x = np.pad(x, [(0, 0), *amounts, (0, 0)], constant_values=fill)
    reach = tuple((k - 1) * d + 1 for k, d in zip(size, dilations, strict=True))
    every = np.lib.stride_tricks.sliding_window_view(x, reach, (1, 2))
    return every[:, :: strides[0], :: strides[1], :, :: dilations[0], :: dilations[1]]


def compute(op: str, a: dict[str, Any], x: list[np.ndarray]) -> np.ndarray:
    """What a node gives, after TensorFlow's documentation."""
    match op.removeprefix("_").removeprefix("Fused"):
        case "Conv2D":
            return fused(np.einsum("nhwcij,ijco->nhwo", windows(x[0], x[1].shape[:2], a), x[1], optimize=True), a, x)
        case "DepthwiseConv2dNative":
            out = np.einsum("nhwcij,ijcm->nhwcm", windows(x[0], x[1].shape[:2], a), x[1], optimize=True)
            return fused(out.reshape(*out.shape[:3], -1), a, x)
        case "MatMul":
            return fused(x[0] @ (x[1].T if a.get("transpose_b", {}).get("b") else x[1]), a, x)
        case "BatchNormV3" | "BatchNorm":
            return x[1] * (x[0] - x[3]) / np.sqrt(x[4] + a["epsilon"]["f"]) + x[2]
        case "Add" | "AddV2" | "BiasAdd":
            return x[0] + x[1]
        case "Sub":
            return x[0] - x[1]
        case "Mul":
            return x[0] * x[1]
        case "RealDiv":
            return x[0] / x[1]
        case "Minimum":
            return np.minimum(x[0], x[1])
        case "Maximum":
            return np.maximum(x[0], x[1])
        case "Mean" | "Sum" | "Max":
            join = {"Mean": np.mean, "Sum": np.sum, "Max": np.max}[op]
            return join(x[0], axis=tuple(x[1].ravel()), keepdims=bool(a.get("keep_dims", {}).get("b")))
        case "MaxPool":
            return windows(x[0], two(a, "ksize"), a, -np.inf).max((-1, -2))
        case "AvgPool":
            here = windows(np.ones_like(x[0]), two(a, "ksize"), a).sum((-1, -2))
            return windows(x[0], two(a, "ksize"), a).sum((-1, -2)) / here
        case "Pad" | "PadV2":
            return np.pad(x[0], x[1], constant_values=x[2] if len(x) > 2 else 0)
        case "Reshape":
            return x[0].reshape(x[1])
        case "Squeeze":
            return x[0].squeeze(tuple(int(i) for i in a["squeeze_dims"]["list"]["i"]))
        case "ConcatV2":
            return np.concatenate(x[:-1], int(x[-1]))
        case "Prelu":
            return np.where(x[0] > 0, x[0], x[1] * x[0])
        case "LeakyRelu":
            return np.where(x[0] > 0, x[0], a["alpha"]["f"] * x[0])
        case _:
            return activation(op, x[0])


def activation(op: str, x: np.ndarray) -> np.ndarray:
    plain = {
        "Identity": lambda x: x,
        "Relu": lambda x: np.maximum(x, 0),
        "Relu6": lambda x: np.clip(x, 0, 6),
        "Elu": lambda x: np.where(x > 0, x, np.expm1(x)),
        "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "Tanh": np.tanh,
        "Square": np.square,
        "Sqrt": np.sqrt,
        "Rsqrt": lambda x: 1 / np.sqrt(x),
        "Softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    }
    return plain[op](x)


def fused(out: np.ndarray, a: dict[str, Any], x: list[np.ndarray]) -> np.ndarray:
    more = list(x[2:])
    for name in a.get("fused_ops", {"list": {"s": []}})["list"]["s"]:
        op = base64.b64decode(name).decode()
        if op == "BiasAdd":
            out = out + more.pop(0)
        elif op == "FusedBatchNorm":
            scale, offset, mean, variance = (more.pop(0) for _ in range(4))
            out = scale * (out - mean) / np.sqrt(variance + a["epsilon"]["f"]) + offset
        elif op == "Prelu":
            out = np.where(out > 0, out, more.pop(0) * out)
        else:
            out = activation(op, out)
    return out


def run(path: Path, wanted: str, given: np.ndarray) -> np.ndarray:
    """What a node of a stored graph gives for ``(N, H, W, 3)``, one node after the other."""
    model = json.loads(path.read_text(encoding="utf-8"))
    known: dict[str, np.ndarray] = {}
    for group in model["weightsManifest"]:
        data, at = b"".join((path.parent / name).read_bytes() for name in group["paths"]), 0
        for entry in group["weights"]:
            stored = entry.get("quantization", {}).get("dtype", entry["dtype"])
            kind = np.dtype(stored).newbyteorder("<")
            values = np.frombuffer(data, kind, math.prod(entry["shape"]), at).reshape(entry["shape"])
            at += values.nbytes
            known[entry["name"]] = values.astype(np.float64 if entry["dtype"] == "float32" else np.int64)
    for each in model["modelTopology"]["node"]:
        if each["op"] == "Placeholder":
            known[each["name"]] = given.astype(np.float64)
        elif each["op"] != "Const":
            inputs = [known[name.removesuffix(":0")] for name in each["input"] if not name.startswith("^")]
            known[each["name"]] = compute(each["op"], each["attr"], inputs)
        if each["name"] == wanted:
            break
    return known[wanted]
