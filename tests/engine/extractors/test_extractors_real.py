"""Real extractors: gradients, batches, preprocessing, and the same numbers as the libraries they come from."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from facetui.engine import extractors
from facetui.engine.core.inference import embed, frozen, pixels
from facetui.engine.core.interfaces import Extractor
from facetui.engine.extractors import inputs, prelu, selftest
from facetui.engine.extractors.families import dlib_resnet, facenet, graph_models, mobilefacenet
from facetui.engine.extractors.from_files import trial
from facetui.engine.extractors.from_files.foreign import ForeignExtractor
from facetui.engine.extractors.loaded import Networks
from facetui.engine.records.errors import DataError, MissingExtra, UnknownName, Untrusted

from ...support import graph_files
from ...support.builders import SHARED


@pytest.fixture(autouse=True)
def random_weights_pass(monkeypatch, tmp_path):
    """The networks here are small ones with random weights; that such are refused is tested beside the trial."""
    monkeypatch.setattr(trial, "LEAST", 0.0)
    monkeypatch.setenv("FACETUI_CACHE", str(tmp_path / "cache"))


class Foreign(nn.Module):
    """A small network as somebody else may have written it, ``view`` and all."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 5, 4)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8 * 27 * 27, 24)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.convolution(x)))
        return self.head(x.view(x.shape[0], -1))


def foreign() -> Foreign:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return Foreign().eval()


def export(path: Path, *, batch: int | None = None, opset: int = 17) -> str:
    pytest.importorskip("onnx2torch", reason="pip install 'facetui[onnx]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            foreign(),
            (torch.zeros(batch or 1, 3, 112, 112),),
            str(path),
            dynamo=False,
            opset_version=opset,
            input_names=["photos"],
            dynamic_axes=None if batch else {"photos": {0: "n"}},
        )
    return f"onnx:{path}"


def script(path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(foreign(), torch.zeros(2, 3, 112, 112)), str(path))
    return f"torchscript:{path}"


def timm_weights(folder: Path) -> str:
    timm = pytest.importorskip("timm", reason="pip install 'facetui[timm]'")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = timm.create_model("resnet10t", pretrained=False)
    save_file(network.state_dict(), folder / "resnet10t.safetensors")
    return "timm:resnet10t"


def random_facenet(name: str) -> facenet.FaceNet:
    with torch.random.fork_rng():
        torch.manual_seed(6)
        return facenet.FaceNet(name).eval()


def graph_model(path: Path) -> str:
    """Means over squares of 28 pixels and what a random matrix makes of them, as a graph model."""
    rng = np.random.default_rng(2)
    nodes = [
        graph_files.photos(),
        graph_files.node("c", "Conv2D", "x", "k", **graph_files.window(28, "VALID")),
        graph_files.node("r", "Relu6", "c"),
        graph_files.node("f", "Reshape", "r", "n"),
        graph_files.node("y", "MatMul", "f", "w"),
    ]
    kernel, matrix = (rng.normal(size=size).astype(np.float32) for size in ((28, 28, 3, 8), (128, 24)))
    graph_files.write(path, nodes, {"k": kernel / 28, "n": np.array([-1, 128], np.int32), "w": matrix})
    return f"graph:{path}"


GRAPHS = ("faceres", "faceres-deep", "mobileface")


@pytest.fixture(
    params=["facenet-vggface2", "dlib", "onnx", "onnx of one", "torchscript", "timm", "compact-c", "graph", *GRAPHS]
)
def network(request, tmp_path, monkeypatch) -> Extractor:
    monkeypatch.setenv("FACETUI_MODELS", str(tmp_path))
    monkeypatch.setenv("FACETUI_TRUST", "1")
    kind = request.param
    if kind.startswith("facenet"):
        return random_facenet(kind)
    if kind in GRAPHS:
        path = SHARED / "models" / "graph" / f"{kind}.json"
        if not path.is_file():
            pytest.skip(f"{path} is absent")
        return graph_models.load(path, kind)
    if kind == "graph":
        return extractors.load(graph_model(tmp_path / "net.json"))
    if kind == "dlib":
        return _dlib()
    if kind.startswith("onnx"):
        return extractors.load(export(tmp_path / "net.onnx", batch=1 if "one" in kind else None))
    if kind == "torchscript":
        return extractors.load(script(tmp_path / "net.pt"))
    return extractors.load(timm_weights(tmp_path) if kind == "timm" else kind)


def _dlib() -> dlib_resnet.DlibResNet:
    try:
        return dlib_resnet.load(dlib_resnet.published_file())
    except MissingExtra as error:
        pytest.skip(str(error))


def test_gradients_reach_the_photo_and_batches_do_not_matter(network):
    assert not network.training
    for check in (selftest.check_embedding, selftest.check_gradient, selftest.check_batches):
        assert check(network).good is not False, check(network)
    seen = selftest.photos()[:2].clone().requires_grad_()
    loss = (network(seen) * network(selftest.photos()[2:])).sum()
    loss.backward()
    assert seen.grad.shape == seen.shape and seen.grad.isfinite().all() and seen.grad.abs().sum() > 0


def test_words_and_numbers_of_the_preprocessing_are_those_stored(network):
    if network.name.startswith("timm"):
        assert network.preprocessing.startswith("RGB 176x176")  # timm's own facts; no two networks need share them
    elif network.name.startswith("graph:"):
        assert network.preprocessing == "RGB 112x112, (255x - 127.5) / 127.5, channels last"
    else:
        assert selftest.check_input(network).good, selftest.check_input(network)


def test_a_frozen_copy_embeds_the_same(network):
    with torch.inference_mode():
        expected = network(selftest.photos())
    device = torch.device("cpu")
    got = embed(frozen(network, device), selftest.photos())
    assert (got * expected).sum(1).min() > 0.9999
    assert pixels(selftest.photos(), device).shape == (4, 3, 112, 112)


def test_every_name_with_a_colon_works_where_names_are_asked_for(tmp_path, few, tool, make_lab, monkeypatch):
    monkeypatch.setenv("FACETUI_MODELS", str(tmp_path))
    from facetui.engine.applications.benchmarks.grid import Row
    from facetui.engine.core.cache import Cache
    from facetui.engine.people import casts

    name = export(tmp_path / "net.onnx")
    (tmp_path / "own.toml").write_text(
        f'surrogates = [{json.dumps(name)}]\n[[generations]]\nextractor = "onnx:net.onnx"\nreleased = "2020-01"\n'
    )
    cast = casts.load(str(tmp_path / "own.toml"))
    assert cast.generations[0].extractor == "onnx:net.onnx"
    assert Row.parse("pgd@onnx:net.onnx+compact-a", []).surrogates == ("onnx:net.onnx", "compact-a")
    networks = Networks(torch.device("cpu"), Cache(None))
    embeddings = networks.embeddings("onnx:net.onnx", few.persons[0].photos)
    assert embeddings.shape == (12, 24) and networks.weights(name) == networks.weights("onnx:net.onnx")


def test_onnx_agrees_with_onnxruntime(tmp_path):
    pytest.importorskip("onnxruntime", reason="pip install 'facetui[onnx]'")
    for opset in (13, 17, 20):
        check = selftest.against_onnxruntime(extractors.load(export(tmp_path / f"net{opset}.onnx", opset=opset)))
        assert check.good, check


def test_a_card_beside_a_file_says_what_it_expects(tmp_path):
    name = export(tmp_path / "net.onnx")
    plain = extractors.load(name)
    (tmp_path / "net.toml").write_text('order = "bgr"\nmean = [0, 0, 0]\ndeviation = [255, 255, 255]\nyear = 2021\n')
    network = extractors.load(name)
    assert isinstance(network, ForeignExtractor) and network.card.year == 2021
    assert network.preprocessing == "BGR 112x112, (255x - 0) / 255"
    torch.testing.assert_close(network.prepare(selftest.photos()), selftest.photos().flip(1))
    assert network.weights_hash() != plain.weights_hash()  # or the cache would mix their embeddings up
    assert selftest.check_input(network).good is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("height = 0", "sides from 1"),
        ("height = 100000", "sides from 1"),
        ("deviation = [1, 0, 1]", "deviations other than 0"),
        ('order = "brg"', "cannot be used"),
        ("colour = 1", "colour"),
        ("height = [", "cannot be used"),
        ("height = 64", "cannot be run"),
    ],
)
def test_a_bad_card_is_said_in_one_sentence(tmp_path, text, words):
    name = export(tmp_path / "net.onnx")
    (tmp_path / "net.toml").write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        extractors.load(name)
    assert "\n" not in str(caught.value)


def test_facenet_is_prepared_as_its_library_does():
    from facenet_pytorch.models.mtcnn import fixed_image_standardization

    network = random_facenet("facenet-casia")
    photos = selftest.photos()
    large = nn.functional.interpolate(photos, size=160, mode="bilinear", align_corners=False)
    torch.testing.assert_close(network.prepare(photos), fixed_image_standardization(255 * large), atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", ["safetensors", "pt", "old pt"])
def test_facenet_comes_back_from_every_kind_of_file(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("FACETUI_MODELS", str(tmp_path))
    network = random_facenet("facenet-casia")
    tensors = {**network.network.state_dict(), "logits.weight": torch.zeros(7, 512), "logits.bias": torch.zeros(7)}
    if kind == "safetensors":
        save_file(tensors, tmp_path / "facenet-casia.safetensors")
    else:
        path = tmp_path / "20180408-102900-casia-webface.pt"
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "pt")
    assert extractors.load("facenet-casia").weights_hash() == network.weights_hash()
    if kind != "safetensors":  # not the published weights, and the self-test says so
        assert [check.good for check in selftest.verify("facenet-casia") if check.what == "published file"] == [False]


def test_dlib_gives_dlibs_own_embeddings():
    pytest.importorskip("dlib", reason="pip install dlib-bin")
    check = selftest.against_dlib(_dlib())
    assert check.good, check


def test_dlib_on_noise_and_flat_pictures_too():
    dlib = pytest.importorskip("dlib", reason="pip install dlib-bin")
    network = _dlib()
    model = dlib.face_recognition_model_v1(str(dlib_resnet.published_file()))
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 256, (150, 150, 3), np.uint8), np.full((150, 150, 3), 200, np.uint8)]
    mean = torch.tensor(dlib_resnet.EXPECTED.mean).view(1, 3, 1, 1)
    for picture in pictures:
        with torch.no_grad():
            ours = network.from_chips((torch.from_numpy(picture).permute(2, 0, 1)[None].float() - mean) / 256)[0]
        theirs = torch.tensor(list(model.compute_face_descriptor(picture, 0)))
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_dlib_knows_fictional_people(few):
    network = _dlib()
    embeddings = torch.cat([embed(network, person.photos) for person in few.persons])
    people = torch.arange(len(few)).repeat_interleave(12)
    similarity = (embeddings @ embeddings.T).fill_diagonal_(-1)
    assert (people[similarity.argmax(1)] == people).float().mean() > 0.97


@pytest.mark.parametrize("keep", [0, 3, 400, 20_000, 5_000_000, 22_460_000])
def test_a_truncated_dat_file_is_refused(keep, tmp_path):
    data = Path(_published_dat()).read_bytes()
    (tmp_path / "cut.dat").write_bytes(data[:keep])
    with pytest.raises(DataError, match=r"cut\.dat") as caught:
        dlib_resnet.load(tmp_path / "cut.dat")
    assert "\n" not in str(caught.value)


def test_a_dat_file_that_lies_about_its_sizes_is_refused(tmp_path):
    data = bytearray(Path(_published_dat()).read_bytes())
    at = data.index(b"\x01\x05con_4") + 9  # behind the tensor's version: the first of its sizes
    data[at : at + 3] = bytes([0x02, 0xFF, 0xFF])
    (tmp_path / "lies.dat").write_bytes(data)
    with pytest.raises(DataError, match="expected a tensor"):
        dlib_resnet.load(tmp_path / "lies.dat")


def _published_dat() -> Path:
    try:
        return dlib_resnet.published_file()
    except MissingExtra as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("n", [56, 112, 160])
def test_resampling_the_whole_photo_is_bilinear(n):
    photos = selftest.photos()
    rows = inputs.resampling(0, 112, n)
    expected = nn.functional.interpolate(photos, size=n, mode="bilinear", antialias=n < 112)
    torch.testing.assert_close(rows @ photos @ rows.T, expected, atol=1e-5, rtol=0)


def test_beyond_the_photo_is_black():
    rows = inputs.resampling(-10, 132, 132)
    assert rows[:10].abs().sum() == 0 and rows[-10:].abs().sum() == 0
    torch.testing.assert_close(rows[10:-10], torch.eye(112))


def test_missing_packages_are_said_with_the_command(monkeypatch, tmp_path):
    import sys

    (tmp_path / "net.onnx").write_bytes(b"")
    for module, name, extra in (("onnx", f"onnx:{tmp_path / 'net.onnx'}", "onnx"), ("timm", "timm:resnet18", "timm")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingExtra, match=rf"pip install 'facetui\[{extra}\]'"):
            extractors.load(name)
    monkeypatch.setattr(dlib_resnet, "PACKAGE", "no_such_package")
    with pytest.raises(MissingExtra, match=r"pip install 'facetui\[dlib\]'"):
        extractors.load("dlib")


def test_timm_without_weights_is_refused_and_never_fetched(tmp_path, monkeypatch):
    pytest.importorskip("timm", reason="pip install 'facetui[timm]'")
    monkeypatch.setenv("FACETUI_MODELS", str(tmp_path))
    with pytest.raises(DataError, match="nothing is downloaded"):
        extractors.load("timm:resnet10t")
    for name in ("timm:resnet10x", "timm:hf-hub:somebody/something", "timm:local-dir:/etc"):
        with pytest.raises(UnknownName, match="no network of timm"):
            extractors.load(name)
    save_file({"x": torch.zeros(1)}, tmp_path / "resnet10t.safetensors")
    with pytest.raises(DataError, match="does not hold the tensors"):
        extractors.load("timm:resnet10t")


def test_torchscript_needs_trust(tmp_path, monkeypatch):
    monkeypatch.setenv("FACETUI_TRUST", "")
    with pytest.raises(Untrusted, match="--trust"):
        extractors.load(script(tmp_path / "net.pt"))


@pytest.mark.real
@pytest.mark.parametrize("name", ["mobilefacenet-casia", "mobilefacenet-ms1m"])
def test_the_stored_references_of_published_networks_hold(name):
    path = SHARED / "models" / f"{name}.safetensors"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    network = mobilefacenet.load(path, name)
    assert selftest.check_input(network).good and selftest.check_embedding(network).good


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("fixed", [False, True])
def test_the_gradient_of_prelu_is_that_of_torch(dtype, fixed):
    ours, theirs = prelu.PReLU(5), torch.nn.PReLU(5)
    with torch.no_grad():
        ours.weight.copy_(torch.linspace(-0.4, 1.2, 5))
        theirs.weight.copy_(ours.weight)
    x = torch.randn(3, 5, 4, 6, dtype=dtype, generator=torch.Generator().manual_seed(0))
    x[0, :, 0] = 0
    results = []
    for layer, slope in ((ours, ours.weight), (theirs.to(dtype), theirs.weight)):
        slope.requires_grad_(not fixed)
        inputs = x.clone().requires_grad_(True)
        layer(inputs).square().sum().backward()
        results.append((layer(inputs).detach(), inputs.grad, slope.grad))
    for mine, wanted in zip(*results, strict=True):
        assert (mine is None) == (wanted is None) == (fixed and mine is results[0][2])
        if mine is not None:
            torch.testing.assert_close(
                mine.float(), wanted.float(), rtol=2e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-2
            )


def test_facts_of_the_registry_are_those_of_the_networks():
    for name in extractors.EXTRACTORS.names():
        entry = extractors.EXTRACTORS.entry(name)
        if not entry.facts:
            continue  # registered by another test
        assert {"family", "year", "input", "embedding", "licence", "source", "weights"} <= set(entry.facts)
        stored = selftest.references()[name]["input"]
        last = stored["preprocessing"].endswith("channels last")
        height, width = stored["shape"][:2] if last else stored["shape"][1:]
        assert entry.facts["input"] == f"{stored['preprocessing'][:3]} {height}x{width}"
    assert facenet.FaceNet.embedding_size == 512 and dlib_resnet.DlibResNet.embedding_size == 128
