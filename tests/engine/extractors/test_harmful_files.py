"""Files that mean harm: nothing in them runs, grows or reads beyond its folder, and one sentence says why."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from facetui.engine import extractors
from facetui.engine.extractors.from_files import reading
from facetui.engine.records.errors import DataError, Untrusted


class Harm:
    """Unpickled, it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(self.folder),))


@pytest.mark.parametrize("kind", ["archive", "old archive", "bare pickle"])
@pytest.mark.parametrize("trust", ["", "1"])
def test_a_pickle_is_refused_and_never_run(kind, trust, tmp_path, folder, monkeypatch):
    monkeypatch.setenv("FACETUI_TRUST", trust)
    folder.mkdir()
    path, trace = folder / "20180408-102900-casia-webface.pt", tmp_path / "harm"
    if kind == "bare pickle":
        path.write_bytes(pickle.dumps(Harm(trace)))
    else:
        torch.save({"x": Harm(trace)}, path, _use_new_zipfile_serialization=kind == "archive")
    for name in ("facenet-casia", f"torchscript:{path}"):
        with pytest.raises(DataError) as caught:
            extractors.load(name)
        assert "\n" not in str(caught.value) and path.name in str(caught.value)
    assert not trace.exists()


def test_torchscript_is_not_even_opened_without_trust(folder, monkeypatch):
    folder.mkdir()
    (folder / "net.pt").write_bytes(b"anything")
    monkeypatch.setattr(torch.jit, "load", lambda *a, **k: pytest.fail("opened"))
    with pytest.raises(Untrusted, match="--trust"):
        extractors.load("torchscript:net.pt")


def test_the_trust_option_is_for_one_command_only(folder):
    folder.mkdir()
    (folder / "net.pt").write_bytes(b"anything")
    main = [sys.executable, "-m", "facetui.tui.cli.main"]
    for arguments, words in (
        (["models", "verify", "torchscript:net.pt"], "--trust"),
        (["models", "verify", "torchscript:net.pt", "--trust"], "not a file that torch saved"),
    ):
        done = subprocess.run([*main, *arguments], capture_output=True, text=True, env=dict(os.environ))
        assert done.returncode == 4 and words in done.stderr and "Traceback" not in done.stderr
    assert "--trust" in subprocess.run([*main, "run", "--help"], capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", ["facenet-casia", "torchscript:20180408-102900-casia-webface.pt"])
@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "bomb", "many", "enormous"])
def test_damaged_and_swollen_archives_are_refused(name, kind, folder, monkeypatch):
    monkeypatch.setenv("FACETUI_TRUST", "1")
    folder.mkdir()
    path = folder / "20180408-102900-casia-webface.pt"
    if kind == "truncated":
        torch.save({"x": torch.zeros(10_000)}, path)
        path.write_bytes(path.read_bytes()[:20_000])
    elif kind == "bomb":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("net/data.pkl", bytes(1 << 26))
    elif kind == "many":
        monkeypatch.setattr(reading, "MAX_BYTES", 1 << 20)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(40):
                archive.writestr(f"net/{i}", bytes(1 << 16))
    elif kind == "enormous":
        with path.open("wb") as file:
            file.truncate(reading.MAX_BYTES + 1)  # a hole: takes no space
    else:
        path.write_bytes(b"" if kind == "empty" else b"these are no weights")
    with pytest.raises(DataError, match="casia-webface") as caught:
        extractors.load(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["list", "other tensors", "nested"])
def test_archives_with_something_else_are_refused(kind, folder):
    folder.mkdir()
    what = {"list": [1, 2], "other tensors": {"x": torch.zeros(2)}, "nested": {"a": {"b": torch.zeros(2)}}}[kind]
    torch.save(what, folder / "20180408-102900-casia-webface.pt")
    with pytest.raises(DataError, match=r"state dictionary|does not hold"):
        extractors.load("facenet-casia")


def test_truncated_safetensors_are_refused(folder):
    folder.mkdir()
    path = folder / "facenet-casia.safetensors"
    save_file({"x": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match="safetensors"):
        extractors.load("facenet-casia")


def onnx_model(path: Path, kind: str) -> None:
    """A small ONNX file, harmless but for what ``kind`` says."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    sizes = {"audio": ["n", 1, 16000], "grey": ["n", 1, 112, 112], "giant": ["n", 3, 9000, 9000]}
    photos = helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes.get(kind, ["n", 3, 112, 112]))
    kernel = numpy_helper.from_array(np.full((4, 3, 56, 56), 0.01, np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], strides=[56, 56]), helper.make_node("Flatten", ["c"], ["y"])]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 16])
    initializers = [kernel]
    if kind == "swelling":
        initializers.append(numpy_helper.from_array(np.array([1 << 20, 1 << 12], np.int64), "shape"))
        nodes += [helper.make_node("ConstantOfShape", ["shape"], ["z"]), helper.make_node("ReduceSum", ["z"], ["s"])]
    if kind == "unknown operator":
        nodes[1] = helper.make_node("Det", ["c"], ["y"])
    if kind.startswith("external"):
        place = {
            "external above": "../../secret",
            "external absolute": "/etc/passwd",
            "external link": "link",
            "external missing": "not-there",
        }[kind]
        kernel.ClearField("raw_data")
        kernel.data_location = TensorProto.EXTERNAL
        for key, value in (("location", place), ("offset", "0"), ("length", str(4 * 4 * 3 * 56 * 56))):
            kernel.external_data.add(key=key, value=value)
    graph = helper.make_graph(nodes, "net", [photos], [out], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    assert onnx.load(str(path), load_external_data=False).graph.name == "net"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("external above", "outside its folder"),
        ("external absolute", "outside its folder"),
        ("external link", "outside its folder"),
        ("external missing", "not beside it"),
        ("swelling", "tensor of 4,294,967,296 values"),
        ("giant", "tensor of|more than 1024"),
        ("grey", "RGB pictures"),
        ("audio", "RGB pictures"),
        ("unknown operator", "cannot be converted"),
        ("truncated", "not ONNX|not valid ONNX"),
        ("text", "not ONNX|not valid ONNX"),
        ("empty", "not ONNX|not valid ONNX"),
        ("enormous", "more than the"),
    ],
)
def test_hostile_onnx_is_refused_in_one_sentence(kind, words, folder):
    pytest.importorskip("onnx2torch", reason="pip install 'facetui[onnx]'")
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    (folder / "secret").write_bytes(bytes(4 * 4 * 3 * 56 * 56))
    (inner / "link").symlink_to(folder / "secret")
    path = inner / "net.onnx"
    if kind in ("text", "empty"):
        path.write_text("this is no network" if kind == "text" else "")
    elif kind == "enormous":
        with path.open("wb") as file:
            file.truncate(reading.MAX_BYTES + 1)
    else:
        onnx_model(path, kind)
        if kind == "truncated":
            path.write_bytes(path.read_bytes()[:30_000])
    with pytest.raises(DataError, match=words) as caught:
        extractors.load(f"onnx:{path}")
    assert "\n" not in str(caught.value)


def test_onnx_may_keep_tensors_in_its_own_folder(folder, monkeypatch):
    pytest.importorskip("onnx2torch", reason="pip install 'facetui[onnx]'")
    import onnx

    from facetui.engine.extractors.from_files import trial

    monkeypatch.setattr(trial, "LEAST", 0.0)  # it looks at colours only
    folder.mkdir()
    onnx_model(folder / "net.onnx", "harmless")
    whole = extractors.load("onnx:net.onnx")
    model = onnx.load(str(folder / "net.onnx"))
    onnx.save_model(
        model, str(folder / "split.onnx"), save_as_external_data=True, location="split.bin", size_threshold=1
    )
    split = extractors.load("onnx:split.onnx")
    photos = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(split(photos), whole(photos))


def test_onnx_reads_no_tensors_through_a_link_that_leaves_its_folder(folder, tmp_path):
    pytest.importorskip("onnx2torch", reason="pip install 'facetui[onnx]'")
    import onnx

    folder.mkdir()
    onnx_model(folder / "net.onnx", "harmless")
    model = onnx.load(str(folder / "net.onnx"))
    onnx.save_model(
        model, str(folder / "split.onnx"), save_as_external_data=True, location="split.bin", size_threshold=1
    )
    (folder / "split.bin").rename(tmp_path / "secret")
    (folder / "split.bin").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match=r"outside its folder \(split\.bin\)"):
        extractors.load("onnx:split.onnx")


def test_a_card_is_read_through_no_link(folder, tmp_path):
    pytest.importorskip("onnx2torch", reason="pip install 'facetui[onnx]'")
    folder.mkdir()
    onnx_model(folder / "net.onnx", "harmless")
    (tmp_path / "secret").write_text('licence = "private"\n')
    (folder / "net.toml").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match=r"net\.toml is a symbolic link, which is not followed"):
        extractors.load("onnx:net.onnx")
    (folder / "net.toml").unlink()
    (folder / "net.toml").write_text("a = " + "[" * 30_000)
    with pytest.raises(DataError, match="cannot be used"):
        extractors.load("onnx:net.onnx")
