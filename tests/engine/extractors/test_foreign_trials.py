"""Networks from elsewhere on trial: what is read wrongly is refused with the lines that make it right."""

from __future__ import annotations

import copy
import tomllib

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from facetui.engine import extractors
from facetui.engine.core.inference import embed
from facetui.engine.extractors import selftest
from facetui.engine.extractors.from_files import trial
from facetui.engine.extractors.from_files.trial import ReadWrongly, separates, separation
from facetui.engine.records.errors import DataError

from ...support.builders import photos_of
from ...support.networks import CORNERS, Inside, export, usual

onnx = pytest.importorskip("onnx", reason="pip install 'facetui[onnx]'")
pytest.importorskip("onnx2torch", reason="pip install 'facetui[onnx]'")

BYTES = torch.zeros(1, 3, 112, 112, dtype=torch.uint8)
LAST = torch.zeros(1, 112, 112, 3)
ARCFACE = "mean = [127.5, 127.5, 127.5]\ndeviation = [127.5, 127.5, 127.5]\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FACETUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FACETUI_TRUST", "1")


@pytest.fixture(scope="module")
def photos(embedded):
    return photos_of(embedded.persons[10:16], 3).photos


@pytest.fixture(scope="module")
def plain(photos):
    seen = embed(extractors.load("compact-a"), photos)
    return seen @ seen.T


def error(name: str, photos: torch.Tensor, plain: torch.Tensor) -> float:
    seen = embed(extractors.load(name), photos)
    return float((seen @ seen.T - plain).abs().max())


class Several(nn.Module):
    """Returns something else before the embedding, as exports of whole training graphs do."""

    def __init__(self, before) -> None:
        super().__init__()
        self.inside, self.before = Inside(usual), before

    def forward(self, x):
        seen = self.inside(x)
        return self.before(seen, x), seen


SCORES = torch.randn(128, 5, generator=torch.Generator().manual_seed(0))

WRONG = {
    "a card that repeats what the graph does itself": (
        lambda: Inside(lambda x: usual((x - 127.5) / 127.5)),
        None,
        ARCFACE,
        {"mean": [0.0] * 3, "deviation": [1.0] * 3},
    ),
    "a card that scales whole numbers": (
        lambda: Inside(lambda x: x.float() / 255),
        BYTES,
        ARCFACE,
        {"mean": [0.0] * 3, "deviation": [1.0] * 3},
    ),
    # What is scaled wrongly by a factor alone hardly disturbs a network of convolutions and ReLU; this one saturates.
    "a card that says 0 to 255": (
        lambda: Inside(lambda x: usual(x.clamp(-1.2, 1.2))),
        None,
        "mean = [0, 0, 0]\ndeviation = [1, 1, 1]\n",
        {"mean": [127.5] * 3, "deviation": [127.5] * 3},
    ),
    "limits before its own normalisation": (
        lambda: Inside(lambda x: x.clamp(0, 255) / 255),
        None,
        "",
        {"mean": [0.0] * 3, "deviation": [1.0] * 3},
    ),
    "normalised by a batch norm": (
        lambda: Inside(lambda x: usual(F.batch_norm(x, torch.full((3,), 127.5), torch.full((3,), 127.5**2), eps=0.0))),
        None,
        "",
        {"mean": [0.0] * 3, "deviation": [1.0] * 3},
    ),
    "scores before the embedding": (lambda: Several(lambda seen, x: seen @ SCORES), None, "", {"output": 1}),
    "a length before the embedding": (
        lambda: Several(lambda seen, x: seen.norm(dim=1, keepdim=True)),
        None,
        "",
        {"output": 1},
    ),
    "a map of something else before the embedding": (
        lambda: Several(lambda seen, x: F.avg_pool2d(x, 16)),
        None,
        "",
        {"output": 1},
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_read_wrongly_is_proposed_and_then_right(tmp_path, photos, plain, kind):
    make, example, said, wanted = WRONG[kind]
    card = tmp_path / "net.toml"
    name = export(tmp_path / "net.onnx", make(), example)
    card.write_text(said)
    with pytest.raises(ReadWrongly) as caught:
        extractors.load(name)
    assert "\n" not in str(caught.value) and all(line in str(caught.value) for line in caught.value.toml.splitlines())
    proposed = tomllib.loads(caught.value.toml)
    assert {**tomllib.loads(said), **proposed} == {**tomllib.loads(said), **wanted}
    card.write_text("\n".join(f"{key} = {value}" for key, value in {**tomllib.loads(said), **proposed}.items()))
    assert error(name, photos, plain) < 0.01


def script(path, network: nn.Module, example: torch.Tensor) -> str:
    with torch.no_grad():
        torch.jit.trace(network.eval(), example).save(str(path))
    return f"torchscript:{path}"


SCRIPTS = {
    "its own normalisation of 0 to 255": (lambda x: usual((x - 127.5) / 127.5), torch.rand(1, 3, 112, 112)),
    "channels last": (lambda x: usual(x.permute(0, 3, 1, 2)), LAST),
    "whole numbers": (lambda x: x.float() / 255, BYTES),
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_torchscript_says_nothing_of_itself_and_is_tried_too(tmp_path, photos, plain, kind):
    to_unit, example = SCRIPTS[kind]
    name = script(tmp_path / "net.pt", Inside(to_unit), example)
    with pytest.raises(ReadWrongly) as caught:
        extractors.load(name)
    (tmp_path / "net.toml").write_text(caught.value.toml)
    assert error(name, photos, plain) < 0.01


def test_torchscript_of_sixteen_bits_is_widened(tmp_path, photos, plain):
    name = script(tmp_path / "net.pt", Inside(usual).half(), torch.rand(1, 3, 112, 112).half())
    assert error(name, photos, plain) < 0.02


ENDS = {
    "a map, channels first": lambda seen: seen[:, :, None, None] * CORNERS,
    "a map, channels last": lambda seen: (seen[:, :, None, None] * CORNERS).permute(0, 2, 3, 1),
    "one place, channels first": lambda seen: seen[:, :, None, None],
    "one place, channels last": lambda seen: seen[:, None, None, :],
}


@pytest.mark.parametrize("kind", ENDS)
def test_maps_are_averaged_over_places_and_never_over_features(tmp_path, photos, plain, kind):
    name = export(tmp_path / "net.onnx", Inside(lambda x: usual(x.permute(0, 3, 1, 2)), ENDS[kind]), LAST)
    network = extractors.load(name)
    assert network.embedding_size == 128 and error(name, photos, plain) < 0.01
    assert ("averaged" in selftest.which_output(network)) == kind.startswith("a map")


def test_blue_first_as_its_card_says(tmp_path, photos, plain):
    name = export(tmp_path / "net.onnx", Inside(lambda x: usual(x.flip(1))))
    (tmp_path / "net.toml").write_text('order = "bgr"\n')
    assert error(name, photos, plain) < 0.01


def random_ones(seed: int) -> dict[str, nn.Module]:
    torch.manual_seed(seed)
    flat = nn.Sequential(nn.Conv2d(3, 16, 3, 4), nn.ReLU(), nn.Conv2d(16, 32, 3, 4), nn.Flatten(), nn.LazyLinear(64))
    flat(torch.zeros(1, 3, 112, 112))
    compact = Inside(usual)
    for module in compact.network.modules():
        if module is not compact.network and hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return {
        "flat": flat,
        "compact": compact,
        "resnet": _resnet(),
        "pixels": nn.Sequential(nn.AvgPool2d(8), nn.Flatten()),
    }


def _resnet() -> nn.Module:
    torchvision = pytest.importorskip("torchvision", reason="pip install torchvision")
    network = torchvision.models.resnet18(weights=None)
    network.fc = nn.Identity()
    return network


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", ["flat", "compact", "resnet", "pixels"])
def test_random_weights_and_bare_pixels_tell_nobody_apart(tmp_path, kind, seed):
    """Photos of the fictional people differ so much that 0.9 of all comparisons come out right without training."""
    name = export(tmp_path / "net.onnx", random_ones(seed)[kind])
    with pytest.raises(DataError, match="tells nobody apart") as caught:
        extractors.load(name)
    assert "\n" not in str(caught.value) and "trained network for faces" in str(caught.value)


def halved(model):
    made = copy.deepcopy(model)
    for tensor in [*made.graph.initializer, *(a.t for n in made.graph.node for a in n.attribute if a.HasField("t"))]:
        if tensor.data_type == 1:
            narrow = onnx.numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(onnx.numpy_helper.from_array(narrow, tensor.name))
    del made.graph.value_info[:]
    for value in [*made.graph.input, *made.graph.output]:
        value.type.tensor_type.elem_type = 10
    return made


@pytest.mark.parametrize("kind", ["whole numbers", "sixteen bits", "two outputs", "a map"])
def test_onnxruntime_gets_what_the_graph_takes(tmp_path, photos, plain, kind):
    pytest.importorskip("onnxruntime", reason="pip install 'facetui[onnx]'")
    path = tmp_path / "net.onnx"
    name = f"onnx:{path}"
    if kind == "whole numbers":
        export(path, Inside(lambda x: x.float() / 255), BYTES)
    elif kind == "two outputs":
        export(path, Several(lambda seen, x: seen @ SCORES))
        (tmp_path / "net.toml").write_text("output = 1")
    else:
        export(path, Inside(usual, ENDS["a map, channels last"] if kind == "a map" else lambda seen: seen))
    if kind == "sixteen bits":
        onnx.save(halved(onnx.load(str(path))), str(path))
    check = selftest.against_onnxruntime(extractors.load(name))
    assert check.good, check
    assert error(name, photos, plain) < 0.02


def test_sixty_four_bits_are_read_though_onnxruntime_cannot(tmp_path, photos, plain):
    pytest.importorskip("onnxruntime", reason="pip install 'facetui[onnx]'")
    name = export(tmp_path / "net.onnx", Inside(usual).double(), torch.zeros(1, 3, 112, 112, dtype=torch.float64))
    assert error(name, photos, plain) < 0.01
    check = selftest.against_onnxruntime(extractors.load(name))
    assert check.good is None and "cannot run it" in check.detail


def test_weights_that_an_exporter_shares_are_copied(tmp_path, photos, plain):
    export(tmp_path / "net.onnx", Inside(usual))
    model = onnx.load(str(tmp_path / "net.onnx"))
    shared = next(t.name for t in model.graph.initializer if any(t.name in n.input for n in model.graph.node))
    for node in model.graph.node:
        node.input[:] = ["copy" if given == shared else given for given in node.input]
    model.graph.node.insert(0, onnx.helper.make_node("Identity", [shared], ["copy"]))
    onnx.save(model, str(tmp_path / "net.onnx"))
    assert error(f"onnx:{tmp_path / 'net.onnx'}", photos, plain) < 0.01


@pytest.mark.parametrize(("text", "words"), [("output = 7", "no output 7"), ("output = -1", "cannot be used")])
def test_an_output_that_is_not_there_is_said(tmp_path, text, words):
    name = export(tmp_path / "net.onnx", Noise())
    (tmp_path / "net.toml").write_text(text)
    with pytest.raises(DataError, match=words):
        extractors.load(name)


class Noise(nn.Module):
    """Answers by nothing but two pixels in a corner."""

    def forward(self, x):
        return x[:, :, -2:, -2:].flatten(1) + torch.linspace(1, 2, 12)


def test_a_verdict_is_kept(tmp_path, monkeypatch):
    name = export(tmp_path / "net.onnx", Inside(usual))
    first = separates(extractors.load(name))

    def again(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(trial, "separation", again)
    assert separates(extractors.load(name)) == first
    (tmp_path / "net.toml").write_text('order = "bgr"\n')  # another reading is another network
    with pytest.raises(AssertionError, match="measured again"):
        extractors.load(name)


@pytest.mark.parametrize("letter", "abcd")
def test_every_embedded_network_is_good_in_every_sound_reading(letter):
    network = extractors.load(f"compact-{letter}")
    found = separates(network)
    assert found.is_good and selftest.check_people(network).good
    assert found.right > 0.98 and found.distance > 3.5


def test_separation_of_known_vectors():
    people = torch.arange(3).repeat_interleave(2)
    eye = torch.eye(3)
    apart, swapped = eye.repeat_interleave(2, 0), eye.repeat(2, 1)  # pixels that pair photos of different people
    good = separation(apart, people, swapped)
    assert (good.right, good.same, good.others) == (1.0, 1.0, 0.0) and good.is_good
    bad = separation(swapped, people, swapped)
    assert bad.right == 0.0 and bad.gap < 0 and not bad.is_good
    alike = separation(torch.ones(6, 3), people, swapped)
    assert alike.right == 0.5 and alike.gap == pytest.approx(0) and not alike.is_good


def test_verify_prints_the_lines_and_fails(tmp_path, photos, plain, capsys):
    from facetui.tui.cli.machine import models

    name = export(tmp_path / "net.onnx", Inside(lambda x: x.clamp(0, 255) / 255))
    with pytest.raises(DataError, match="read wrongly"):
        models.verify(name)
    (tmp_path / "net.toml").write_text(capsys.readouterr().out)  # facetui models verify onnx:net.onnx > net.toml
    assert error(name, photos, plain) < 0.01
    models.verify(name)
    out = capsys.readouterr().out
    assert "tells people apart" in out and "number 0 of 1" in out
