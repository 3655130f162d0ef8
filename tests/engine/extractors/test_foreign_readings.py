"""Networks from elsewhere are read as they mean it, or not at all: the same cosines as the network inside has."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from facetui.engine import extractors
from facetui.engine.core.inference import embed
from facetui.engine.extractors.from_files.trial import separates
from facetui.engine.records.errors import DataError

from ...support.builders import photos_of
from ...support.networks import Inside, export, usual

onnx = pytest.importorskip("onnx", reason="pip install 'facetui[onnx]'")
pytest.importorskip("onnx2torch", reason="pip install 'facetui[onnx]'")

IMAGENET = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@pytest.fixture(scope="module")
def photos(embedded):
    return photos_of(embedded.persons[:6], 3).photos


@pytest.fixture(scope="module")
def plain(photos):
    seen = embed(extractors.load("compact-a"), photos)
    return seen @ seen.T


def cosines(name: str, photos: torch.Tensor) -> torch.Tensor:
    seen = embed(extractors.load(name), photos)
    return seen @ seen.T


def by_imagenet(x):
    """What a graph does that normalises pixels in [0, 1] itself, undone for the network inside."""
    mean, deviation = IMAGENET
    return ((x - mean) / deviation) * deviation + mean


READINGS = {
    "as usual": usual,
    "its own normalisation of 0 to 255": lambda x: ((x - 127.5) / 127.5) * 0.5 + 0.5,
    "its own normalisation of 0 to 255, multiplied": lambda x: ((x + -127.5) * (1 / 127.5)) * 0.5 + 0.5,
    "divided by 255 itself": lambda x: x / 255.0,
    "its own ImageNet normalisation of 0 to 1": by_imagenet,
    "its own normalisation of 0 to 1": lambda x: ((x - 0.5) / 0.5) * 0.5 + 0.5,
    "scaled by 128": lambda x: ((x - 127.5) * 0.0078125) * (128 / 127.5) * 0.5 + 0.5,
}


@pytest.mark.parametrize("reading", READINGS)
def test_a_network_that_normalises_by_itself_is_not_normalised_twice(tmp_path, photos, plain, reading):
    name = export(tmp_path / "net.onnx", Inside(READINGS[reading]))
    assert (cosines(name, photos) - plain).abs().max() < 0.02


def test_whole_numbers_are_pixels(tmp_path, photos, plain):
    whole = torch.zeros(1, 3, 112, 112, dtype=torch.uint8)
    name = export(tmp_path / "net.onnx", Inside(lambda x: x.float() / 255), whole)
    assert (cosines(name, photos) - plain).abs().max() < 0.01


def test_whole_numbers_with_channels_last(tmp_path, photos, plain):
    whole = torch.zeros(1, 112, 112, 3, dtype=torch.uint8)
    name = export(tmp_path / "net.onnx", Inside(lambda x: x.permute(0, 3, 1, 2).float() / 255), whole)
    assert (cosines(name, photos) - plain).abs().max() < 0.01


def test_sixteen_bits_are_widened(tmp_path, photos, plain):
    export(tmp_path / "wide.onnx", Inside(READINGS["as usual"]))
    model = onnx.load(str(tmp_path / "wide.onnx"))
    for tensor in model.graph.initializer:
        if tensor.data_type == 1:
            tensor.CopyFrom(
                onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor).astype(np.float16), tensor.name)
            )
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t") and attribute.t.data_type == 1:
                narrow = onnx.numpy_helper.to_array(attribute.t).astype(np.float16)
                attribute.t.CopyFrom(onnx.numpy_helper.from_array(narrow))
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        value.type.tensor_type.elem_type = 10
    onnx.save(model, str(tmp_path / "net.onnx"))
    assert (cosines(f"onnx:{tmp_path / 'net.onnx'}", photos) - plain).abs().max() < 0.02


@pytest.mark.parametrize("opset", [9, 11, 13])
def test_older_operators(tmp_path, photos, plain, opset):
    name = export(tmp_path / "net.onnx", Inside(READINGS["as usual"]), opset=opset)
    assert (cosines(name, photos) - plain).abs().max() < 0.01


def test_operators_older_than_the_converter_knows_are_rewritten(tmp_path, photos, plain):
    from onnx import version_converter

    export(tmp_path / "nine.onnx", Inside(READINGS["as usual"]), opset=9)
    eight = version_converter.convert_version(onnx.load(str(tmp_path / "nine.onnx")), 8)
    onnx.save(eight, str(tmp_path / "net.onnx"))
    assert (cosines(f"onnx:{tmp_path / 'net.onnx'}", photos) - plain).abs().max() < 0.01


def test_a_scale_that_no_graph_tells_is_proposed_and_then_works(tmp_path, photos, plain):
    """Pixels from 0 to 255, normalised where nobody sees it: inside the first convolution."""

    class Folded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Conv2d(3, 3, 1, groups=3, bias=False)
            self.scale.weight.data.fill_(1 / 255)
            self.network = extractors.load("compact-a")

        def forward(self, x):
            return self.network.features(self.scale(x))

    name = export(tmp_path / "net.onnx", Folded())
    with pytest.raises(DataError, match="is read wrongly") as caught:
        extractors.load(name)
    assert "\n" not in str(caught.value) and "`mean = [0.0, 0.0, 0.0]`, `deviation = [1.0, 1.0, 1.0]`" in str(
        caught.value
    )
    (tmp_path / "net.toml").write_text("mean = [0.0, 0.0, 0.0]\ndeviation = [1.0, 1.0, 1.0]\n")
    assert (cosines(name, photos) - plain).abs().max() < 0.01


class Noise(nn.Module):
    """Answers by nothing that is in the photo but its last pixels."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * rows * 2, 16)
        self.rows = rows

    def forward(self, x):
        return self.linear(x[:, :, -self.rows :, -2:].flatten(1)) + torch.linspace(100, 200, 16)


@pytest.mark.parametrize("rows", [1, 2])
def test_a_network_that_tells_nobody_apart_is_refused(tmp_path, rows):
    torch.manual_seed(rows)
    name = export(tmp_path / "net.onnx", Noise(rows))
    with pytest.raises(DataError, match="tells nobody apart") as caught:
        extractors.load(name)
    assert "\n" not in str(caught.value) and "TOML" in str(caught.value)


def test_gradients_pass_through_what_was_recognised(tmp_path, photos):
    network = extractors.load(export(tmp_path / "net.onnx", Inside(READINGS["its own normalisation of 0 to 255"])))
    x = (photos[:2].float() / 255).requires_grad_(True)
    network(x).sum().backward()
    assert x.grad.abs().mean() > 0 and separates(network).is_good
