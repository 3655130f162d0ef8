"""Graph models of TensorFlow.js: every kind of node against NumPy, and the published networks."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facetui.engine import extractors
from facetui.engine.core.inference import embed, frozen
from facetui.engine.extractors import selftest, weights
from facetui.engine.extractors.families import graph_models
from facetui.engine.extractors.from_files import trial
from facetui.engine.extractors.from_files.tfjs import files, modules, network, operations
from facetui.engine.records.errors import DataError

from ...support import graph_files as small
from ...support.builders import SHARED

RNG = np.random.default_rng(5)
NODE = small.node
BIAS, FACTOR = RNG.normal(size=6).astype(np.float32), RNG.uniform(0.5, 1.5, 6).astype(np.float32)
KERNEL = RNG.normal(size=(3, 3, 3, 6)).astype(np.float32)
DEEP = RNG.normal(size=(3, 3, 3, 2)).astype(np.float32)
NORM = {"s": FACTOR, "o": BIAS, "m": BIAS[::-1].copy(), "v": FACTOR**2}
MATRIX = RNG.normal(size=(3, 6)).astype(np.float32)
AXES = np.array([1, 2], np.int32)
ZERO, SIX, TWO = (np.array(value, np.float32) for value in (0, 6, 2))


def normalised(**more):
    return small.window(epsilon={"f": 0.001}, fused_ops=small.texts(*more.pop("fused")), num_args={"i": "4"}, **more)


CASES: dict[str, tuple[list, dict]] = {
    **{
        f"convolution {padding} {stride} {dilation}": (
            [NODE("y", "Conv2D", "x", "k", **small.window(stride, padding, dilation))],
            {"k": KERNEL},
        )
        for padding, stride, dilation in [
            ("SAME", 1, 1),
            ("SAME", 2, 1),
            ("SAME", 3, 1),
            ("VALID", 2, 1),
            ("SAME", 1, 2),
        ]
    },
    "an even kernel, SAME": ([NODE("y", "Conv2D", "x", "k", **small.window(1))], {"k": KERNEL[:2]}),
    "a kernel of one": ([NODE("y", "Conv2D", "x", "k", **small.window(2))], {"k": KERNEL[:1, :1]}),
    "convolution, explicit": (
        [
            NODE(
                "y",
                "Conv2D",
                "x",
                "k",
                **small.window(2, "EXPLICIT", explicit_paddings=small.wholes(0, 0, 1, 2, 0, 1, 0, 0)),
            )
        ],
        {"k": KERNEL},
    ),
    **{
        f"depthwise {padding} {stride}": (
            [NODE("y", "DepthwiseConv2dNative", "x", "k", **small.window(stride, padding))],
            {"k": DEEP},
        )
        for padding, stride in [("SAME", 1), ("SAME", 2), ("VALID", 1)]
    },
    "batch norm as a product and a sum": (
        [
            NODE("c", "Conv2D", "x", "k", **small.window(2)),
            NODE("p", "Mul", "c", "s"),
            NODE("y", "AddV2", "p", "o"),
        ],
        {"k": KERNEL, **NORM},
    ),
    "constants first": (
        [
            NODE("c", "DepthwiseConv2dNative", "x", "k", **small.window(1)),
            NODE("p", "Mul", "s", "c"),
            NODE("d", "Sub", "o", "p"),
            NODE("y", "Add", "m", "d"),
        ],
        {"k": DEEP, **NORM},
    ),
    "divided": (
        [NODE("c", "Conv2D", "x", "k", **small.window()), NODE("y", "RealDiv", "c", "s")],
        {"k": KERNEL, **NORM},
    ),
    "batch norm after a convolution": (
        [
            NODE("c", "Conv2D", "x", "k", **small.window()),
            NODE("y", "FusedBatchNormV3", "c", "s", "o", "m", "v", epsilon={"f": 0.001}),
        ],
        {"k": KERNEL, **NORM},
    ),
    "batch norm alone": (
        [NODE("y", "FusedBatchNormV3", "x", "s", "o", "m", "v", epsilon={"f": 0.001})],
        {name: value[:3] for name, value in NORM.items()},
    ),
    "a convolution that two take": (
        [
            NODE("c", "Conv2D", "x", "k", **small.window()),
            NODE("p", "Mul", "c", "s"),
            NODE("r", "Relu", "c"),
            NODE("y", "Add", "p", "r"),
        ],
        {"k": KERNEL, **NORM},
    ),
    "fused bias and relu6": (
        [NODE("y", "_FusedConv2D", "x", "k", "o", **small.window(2, fused_ops=small.texts("BiasAdd", "Relu6")))],
        {"k": KERNEL, **NORM},
    ),
    "fused batch norm and elu": (
        [NODE("y", "_FusedConv2D", "x", "k", "s", "o", "m", "v", **normalised(fused=("FusedBatchNorm", "Elu")))],
        {"k": KERNEL, **NORM},
    ),
    "fused slopes": (
        [
            NODE(
                "y",
                "FusedDepthwiseConv2dNative",
                "x",
                "k",
                "o",
                "s",
                **small.window(fused_ops=small.texts("BiasAdd", "Prelu")),
            )
        ],
        {"k": DEEP, **NORM},
    ),
    "relu6 in three nodes": (
        [
            NODE("c", "Conv2D", "x", "k", **small.window()),
            NODE("r", "Relu", "c"),
            NODE("l", "Minimum", "r", "six"),
            NODE("y", "Maximum", "l", "zero"),
        ],
        {"k": KERNEL, "six": SIX, "zero": ZERO},
    ),
    "limits in another order": (
        [NODE("a", "Maximum", "six", "x"), NODE("y", "Minimum", "a", "two")],
        {"six": SIX, "two": TWO},
    ),
    "prelu in four nodes": (
        [
            NODE("c", "Conv2D", "x", "k", **small.window()),
            NODE("a", "Maximum", "zero", "c"),
            NODE("b", "Minimum", "zero", "c"),
            NODE("p", "Mul", "s", "b"),
            NODE("y", "AddV2", "a", "p"),
        ],
        {"k": KERNEL, "zero": ZERO, **NORM},
    ),
    "almost prelu": (
        [
            NODE("a", "Maximum", "zero", "x"),
            NODE("b", "Minimum", "two", "x"),
            NODE("p", "Mul", "s", "b"),
            NODE("y", "AddV2", "a", "p"),
        ],
        {"zero": ZERO, "two": TWO, "s": FACTOR[:3]},
    ),
    "prelu": ([NODE("y", "Prelu", "x", "s")], {"s": FACTOR[:3]}),
    "leaky": ([NODE("y", "LeakyRelu", "x", alpha={"f": 0.3})], {}),
    "zeros around a map, then a convolution": (
        [NODE("z", "Pad", "x", "n"), NODE("y", "Conv2D", "z", "k", **small.window(2, "VALID"))],
        {"n": np.array([[0, 0], [1, 1], [2, 1], [0, 0]], np.int32), "k": KERNEL},
    ),
    "zeros that a convolution cannot take": (
        [NODE("z", "Pad", "x", "n"), NODE("y", "Conv2D", "z", "k", **small.window(2, "SAME"))],
        {"n": np.array([[0, 0], [1, 1], [2, 1], [0, 0]], np.int32), "k": KERNEL},
    ),
    "twos around channels too": (
        [NODE("y", "PadV2", "x", "n", "two")],
        {"n": np.array([[0, 0], [1, 0], [0, 2], [1, 1]], np.int32), "two": TWO},
    ),
    "a matrix": (
        [
            NODE("f", "Mean", "x", "axes"),
            NODE("c", "MatMul", "f", "k"),
            NODE("p", "Mul", "c", "s"),
            NODE("y", "BiasAdd", "p", "o"),
        ],
        {"axes": AXES, "k": MATRIX, **NORM},
    ),
    "a matrix the other way round, fused": (
        [
            NODE("f", "Mean", "x", "axes"),
            NODE("y", "_FusedMatMul", "f", "k", "o", transpose_b={"b": True}, fused_ops=small.texts("BiasAdd", "Relu")),
        ],
        {"axes": AXES, "k": MATRIX.T.copy(), **NORM},
    ),
    "flattened in TensorFlow's order": (
        [
            NODE("c", "Conv2D", "x", "k", **small.window(2)),
            NODE("f", "Reshape", "c", "n"),
            NODE("y", "MatMul", "f", "w"),
        ],
        {"k": KERNEL, "n": np.array([-1, 180], np.int32), "w": RNG.normal(size=(180, 4)).astype(np.float32)},
    ),
    **{
        f"pooling {op} {padding}": (
            [NODE("y", op, "x", ksize=small.wholes(1, 3, 2, 1), **small.window(2, padding))],
            {},
        )
        for op in ("MaxPool", "AvgPool")
        for padding in ("SAME", "VALID")
    },
    **{
        f"{op}, {kept}": ([NODE("y", op, "x", "axes", keep_dims={"b": kept})], {"axes": AXES})
        for op in ("Mean", "Sum", "Max")
        for kept in (True, False)
    },
    "without axes": (
        [
            NODE("m", "Mean", "x", "axes", keep_dims={"b": True}),
            NODE("y", "Squeeze", "m", squeeze_dims=small.wholes(1, 2)),
        ],
        {"axes": AXES},
    ),
    "one after the other": (
        [NODE("a", "Relu", "x"), NODE("y", "ConcatV2", "a", "x", "last")],
        {"last": np.array(-1, np.int32)},
    ),
    "unit length, as graphs write it": (
        [
            NODE("q", "Square", "x"),
            NODE("t", "Sum", "q", "last", keep_dims={"b": True}),
            NODE("l", "Maximum", "t", "tiny"),
            NODE("r", "Rsqrt", "l"),
            NODE("y", "Mul", "x", "r"),
        ],
        {"last": np.array([3], np.int32), "tiny": np.array(1e-12, np.float32)},
    ),
    "a root": ([NODE("q", "Square", "x"), NODE("y", "Sqrt", "q")], {}),
    **{f"{op} of a map": ([NODE("y", op, "x")], {}) for op in ("Relu", "Relu6", "Elu", "Sigmoid", "Tanh", "Softmax")},
    "the same under other names": (
        [
            NODE("c", "Conv2D", "x", "k", **small.window()),
            NODE("i", "Identity", "c:0", "^k"),
            NODE("p", "Mul", "i", "s"),
            NODE("y", "Identity", "p"),
        ],
        {"k": KERNEL, **NORM},
    ),
    "constants computed from constants": (
        [
            NODE("e", "Add", "v", "tiny"),
            NODE("r", "Rsqrt", "e"),
            NODE("f", "Mul", "r", "s"),
            NODE("c", "Conv2D", "x", "k", **small.window()),
            NODE("y", "Mul", "c", "f"),
        ],
        {"k": KERNEL, "tiny": np.array(0.001, np.float32), **NORM},
    ),
    "the larger of two maps": (
        [
            NODE("a", "Tanh", "x"),
            NODE("b", "Sigmoid", "x"),
            NODE("m", "Maximum", "a", "b"),
            NODE("y", "Minimum", "m", "x"),
        ],
        {},
    ),
    "a row across a map": ([NODE("y", "Sub", "x", "row")], {"row": RNG.normal(size=(1, 1, 9, 1)).astype(np.float32)}),
}


def loaded(folder: Path, nodes, constants, wanted: str = "y", sizes=(11, 9), **more) -> network.GraphNetwork:
    path = small.write(folder / "net.json", [small.photos(*sizes), *nodes], constants, **more)
    return network.GraphNetwork(files.read(path), [wanted])


@pytest.mark.parametrize("case", CASES)
def test_every_node_gives_what_numpy_gives(case, tmp_path):
    nodes, constants = CASES[case]
    net = loaded(tmp_path, nodes, constants)
    given = RNG.normal(size=(3, 11, 9, 3)).astype(np.float32) * 3
    expected = small.run(tmp_path / "net.json", "y", given)
    x = torch.from_numpy(given).requires_grad_()
    out = net(x)
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(net(x[1:2]).detach().numpy(), expected[1:2], rtol=2e-4, atol=2e-4)
    assert net.returned[0][1:] == out.shape[1:]
    # The gradient, in doubles, against differences of both sides.
    net = net.double()
    x = torch.from_numpy(given).double().requires_grad_()
    weight = torch.from_numpy(RNG.normal(size=out.shape))
    (gradient,) = torch.autograd.grad((net(x) * weight).sum(), x)
    direction, step = RNG.normal(size=given.shape), 1e-6
    ahead, behind = (small.run(tmp_path / "net.json", "y", given + s * step * direction) for s in (1, -1))
    slope = ((ahead - behind) * weight.numpy()).sum() / (2 * step)
    assert math.isclose((gradient.numpy() * direction).sum(), slope, rel_tol=1e-3, abs_tol=1e-3)


def test_every_operation_was_tried():
    tried = {each["op"] for nodes, _ in CASES.values() for each in nodes}
    assert set(operations.OPERATIONS) - tried == {"FusedBatchNorm", "FusedBatchNormV2"}, "earlier names of V3"


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("batch norm as a product and a sum", ["Convolution"]),
        ("constants first", ["Convolution"]),
        ("batch norm after a convolution", ["Convolution"]),
        ("fused bias and relu6", ["Convolution"]),
        ("relu6 in three nodes", ["Convolution"]),
        ("prelu in four nodes", ["Convolution", "Slopes"]),
        ("zeros around a map, then a convolution", ["Convolution"]),
        ("zeros that a convolution cannot take", ["Pad", "Convolution"]),
        ("a matrix", ["Reduce", "Dense"]),
        ("almost prelu", ["Clamp", "Clamp", "With", "Function"]),
        ("a convolution that two take", ["Convolution", "With", "Clamp", "Function"]),
        ("the same under other names", ["Convolution"]),
        ("constants computed from constants", ["Convolution"]),
    ],
)
def test_what_can_be_folded_is(case, expected, tmp_path):
    assert [type(module).__name__ for module in loaded(tmp_path, *CASES[case]).stages] == expected


def test_weights_may_lie_in_several_files_and_in_half_precision(tmp_path):
    nodes, constants = CASES["batch norm as a product and a sum"]
    x = torch.rand(2, 11, 9, 3, generator=torch.Generator().manual_seed(0))
    whole = loaded(tmp_path, nodes, constants)(x)
    split = loaded(tmp_path, nodes, constants, shards=5)(x)
    assert len(list(tmp_path.glob("*of5.bin"))) == 5 and torch.equal(whole, split)
    half = loaded(tmp_path, nodes, constants, half=True)(x)
    assert half.dtype == torch.float32 and not torch.equal(half, whole)
    torch.testing.assert_close(half, whole, rtol=5e-3, atol=2e-2)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_weights_may_be_whole_numbers_with_a_scale(kind, tmp_path):
    path = small.write(tmp_path / "net.json", [small.photos(), NODE("y", "Mul", "x", "k")], {"k": FACTOR[:3]})
    model = json.loads(path.read_text())
    (entry,) = model["weightsManifest"][0]["weights"]
    entry["quantization"] = {"dtype": kind, "scale": 0.5, "min": -3.0, "original_dtype": "float32"}
    path.write_text(json.dumps(model))
    (tmp_path / "net-1of1.bin").write_bytes(np.array([0, 7, 200], kind).tobytes())
    assert files.read(path).constants["k"].tolist() == [-3.0, 0.5, 97.0]


def test_several_outputs_come_in_the_order_of_the_signature(tmp_path):
    nodes = [NODE("a", "Relu", "x"), NODE("b", "Mean", "a", "axes"), NODE("c", "Tanh", "b")]
    path = small.write(tmp_path / "net.json", [small.photos(), *nodes], {"axes": AXES}, outputs=["c", "b"])
    graph = files.read(path)
    assert graph.outputs == ("c", "b")
    first, second = network.GraphNetwork(graph, graph.outputs)(torch.rand(1, 112, 112, 3))
    torch.testing.assert_close(first, second.tanh())
    unsigned = small.write(tmp_path / "net.json", [small.photos(), *nodes], {"axes": AXES})
    assert files.read(unsigned).outputs == ("c",)


@pytest.mark.parametrize("size", [5, 6, 7, 8])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_padding_same_puts_more_at_the_end(size, kernel, stride):
    first, last = modules.same(size, kernel, stride)
    assert 0 <= last - first <= 1
    assert (size + first + last - kernel) // stride + 1 == math.ceil(size / stride)


PHOTOS = {"mean": "[0, 0, 0]", "deviation": "[255, 255, 255]"}


def colours(folder: Path, name: str = "net") -> Path:
    """A graph that looks at the colours of sixteen squares, and at nothing else."""
    kernel = RNG.normal(size=(28, 28, 3, 4)).astype(np.float32)
    nodes = [
        NODE("c", "Conv2D", "x", "k", **small.window(28, "VALID")),
        NODE("r", "Relu", "c"),
        NODE("f", "Reshape", "r", "n"),
    ]
    return small.write(
        folder / f"{name}.json",
        [small.photos(), *nodes, NODE("m", "Mean", "r", "axes")],
        {"k": kernel, "n": np.array([-1, 64], np.int32), "axes": AXES},
        outputs=["f", "m"],
    )


def test_a_file_of_ones_own_is_an_extractor_as_its_card_says(tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "LEAST", 0.0)  # it looks at colours only
    monkeypatch.setenv("FACETUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FACETUI_MODELS", str(tmp_path))
    colours(tmp_path)
    lines = [f"{key} = {value}" for key, value in PHOTOS.items()]
    (tmp_path / "net.toml").write_text("\n".join([*lines, 'order = "bgr"', "year = 2021"]))
    net = extractors.load("graph:net.json")
    assert net.embedding_size == 64 and net.card.year == 2021 and net.outputs == 2
    assert net.preprocessing == "BGR 112x112, (255x - 0) / 255, channels last"
    torch.testing.assert_close(net.prepare(selftest.photos()), selftest.photos().flip(1).permute(0, 2, 3, 1))
    for check in (selftest.check_embedding, selftest.check_gradient, selftest.check_batches):
        assert check(net).good is not False, check(net)
    (tmp_path / "net.toml").write_text("\n".join([*lines, 'node = "m"']))
    other = extractors.load("graph:net.json")
    assert other.embedding_size == 4 and other.outputs == 1 and other.weights_hash() != net.weights_hash()
    (tmp_path / "net.toml").write_text("\n".join([*lines, 'node = "nowhere"']))
    with pytest.raises(DataError, match="no node nowhere"):
        extractors.load("graph:net.json")


@pytest.mark.parametrize(("scale", "shift", "mean", "deviation"), [(1 / 128, -1.0, 0.0, 1.0), (2.0, -1.0, 0.0, 255.0)])
def test_a_graph_that_normalises_its_input_is_not_normalised_twice(
    scale, shift, mean, deviation, tmp_path, monkeypatch
):
    monkeypatch.setattr(trial, "LEAST", 0.0)
    monkeypatch.setattr(trial, "_best", lambda *facts: None)
    monkeypatch.setenv("FACETUI_CACHE", str(tmp_path / "cache"))
    nodes = [
        NODE("a", "Mul", "x", "scale"),
        NODE("b", "Add", "a", "shift"),
        NODE("c", "Conv2D", "b", "k", **small.window(28, "VALID")),
        NODE("f", "Reshape", "c", "n"),
    ]
    constants = {
        "scale": np.array([scale], np.float32),
        "shift": np.full(3, shift, np.float32),
        "k": RNG.normal(size=(28, 28, 3, 4)).astype(np.float32),
        "n": np.array([-1, 64], np.int32),
    }
    path = small.write(tmp_path / "net.json", [small.photos(), *nodes], constants)
    expected = extractors.load(f"graph:{path}").expected
    assert expected.mean == (mean,) * 3 and expected.deviation == (deviation,) * 3


PUBLISHED = tuple(graph_models.MODELS)


def published(name: str) -> graph_models.GraphModel:
    path = SHARED / "models" / "graph" / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    return graph_models.load(path, name)


def glint() -> tuple[torch.Tensor, torch.Tensor]:
    """Twelve photos each of seventeen people, uint8, and whose they are."""
    folders = sorted(path for path in (SHARED / "faces" / "glint").glob("g*") if path.is_dir())[:17]
    if len(folders) < 17:
        pytest.skip(f"{SHARED / 'faces' / 'glint'} is absent")
    pictures = [sorted(folder.iterdir())[:12] for folder in folders]
    photos = [np.array(Image.open(path).convert("RGB")) for paths in pictures for path in paths]
    return torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2), torch.arange(17).repeat_interleave(12)


@pytest.mark.real
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_are_what_the_registry_says(name):
    net = published(name)
    facts = extractors.EXTRACTORS.entry(name).facts
    assert facts["embedding"] == f"{net.embedding_size}, node {graph_models.MODELS[name].node}"
    for file in weights.PUBLISHED[name].files:
        path = SHARED / "models" / "graph" / file.file
        assert (path.stat().st_size, weights.sha256(path)) == (file.size, file.sha256)
    for check in (selftest.check_input, selftest.check_embedding, selftest.check_gradient, selftest.check_batches):
        assert check(net).good, check(net)


@pytest.mark.real
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_give_what_numpy_gives(name):
    net = published(name)
    photo = selftest.photos()[:1]
    with torch.inference_mode():
        ours, given = net.features(photo).numpy(), net.prepare(photo).numpy()
    path = SHARED / "models" / "graph" / f"{name}.json"
    theirs = small.run(path, graph_models.MODELS[name].node, given)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.real
@pytest.mark.parametrize("name", ["faceres", "mobileface"])
def test_the_gradient_of_published_networks_is_that_of_differences(name):
    net = published(name).double()
    photo = selftest.photos()[:1].double().requires_grad_()
    aim = net(selftest.photos()[1:2].double()).detach()
    (gradient,) = torch.autograd.grad((net(photo) * aim).sum(), photo)
    # Millions of activations have kinks; at a step of 1e-6 some are crossed, and the slope is off by a percent.
    generator, step = torch.Generator().manual_seed(3), 1e-8
    for _ in range(3):
        direction = torch.randn(photo.shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            ahead, behind = ((net(photo + s * step * direction) * aim).sum() for s in (1, -1))
        slope = float(ahead - behind) / (2 * step)
        assert math.isclose(float((gradient * direction).sum()), slope, rel_tol=1e-4, abs_tol=1e-6)


@pytest.mark.real
@pytest.mark.parametrize("name", PUBLISHED)
def test_rank_1_is_what_the_registry_says(name):
    photos, people = glint()
    similarity = _similarity(published(name), photos)
    rank1 = float((people[similarity.fill_diagonal_(-2).argmax(1)] == people).double().mean())
    said = float(extractors.EXTRACTORS.entry(name).facts["rank-1"].partition(",")[0])
    assert abs(rank1 - said) < 0.006  # one photo of 204


def _similarity(net, photos):
    embeddings = embed(frozen(net, torch.device("cpu")), photos)
    return embeddings @ embeddings.T


@pytest.mark.real
def test_weights_are_found_in_a_folder_of_graph_models_too(monkeypatch):
    published("mobileface")
    monkeypatch.setenv("FACETUI_MODELS", str(SHARED / "models"))
    net = extractors.load("mobileface")
    assert net.name == "mobileface" and weights.weights_at_hand("mobileface").parent.name == "graph"


@pytest.mark.real
def test_a_network_can_be_trained_on():
    net = published("mobileface").train()
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-2)
    photos, before = selftest.photos(), net.weights_hash()
    losses = []
    for _ in range(3):
        loss = 1 - (net(photos[:2]) * net(photos[2:])).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] and net.weights_hash() != before
