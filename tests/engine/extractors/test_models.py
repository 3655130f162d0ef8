"""Weights from elsewhere: fetching them, trying them out, and files that mean harm."""

from __future__ import annotations

import hashlib
import http.server
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from facetui.engine import extractors
from facetui.engine.extractors import weights
from facetui.engine.extractors.from_files import reading
from facetui.engine.records.errors import DataError, DownloadError, UnknownName, Untrusted, UsageError
from facetui.tui.cli.machine import models

BODY = bytes(range(256)) * 8192  # 2 MB, more than one chunk


class Host(http.server.BaseHTTPRequestHandler):
    """Sends BODY, in the way that the path asks for."""

    def do_GET(self) -> None:
        kind = self.path.strip("/")
        if kind == "missing":
            self.send_error(404)
            return
        if kind == "silent":
            time.sleep(2)
            return
        self.send_response(200)
        body = {"wrong": BODY[::-1], "long": BODY + b"!", "short": BODY[:-1]}.get(kind, BODY)
        if kind == "interrupted":
            self.send_header("Content-Length", str(len(BODY)))
            body = BODY[: len(BODY) // 2]
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FACETUI_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("FACETUI_TRUST", "")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(weights.places, "data", lambda: tmp_path / "data")
    return tmp_path / "models"


def published(url: str) -> weights.Published:
    return weights.Published(url, "net.pt", len(BODY), hashlib.sha256(BODY).hexdigest(), "CC0")


def test_pull_brings_the_published_file(host, folder):
    seen: list[tuple[int, int]] = []
    path = weights.pull(published(f"{host}/right"), lambda done, total: seen.append((done, total)))
    assert path == folder / "net.pt" and path.read_bytes() == BODY
    assert [entry.name for entry in folder.iterdir()] == ["net.pt"]
    assert seen[-1] == (len(BODY), len(BODY)) and len(seen) > 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("wrong", "SHA-256 .* not the published"),
        ("long", "more than"),
        ("short", "2,097,151 bytes, expected 2,097,152"),
        ("interrupted", "1,048,576"),
        ("missing", "404|Not Found"),
        ("silent", "cannot be reached|broke off"),
        ("refused", "cannot be reached"),
        ("unknown", "cannot be reached"),
    ],
)
def test_pull_leaves_nothing_behind_when_it_fails(kind, words, host, folder, monkeypatch):
    monkeypatch.setattr(weights, "TIMEOUT", 0.5)
    url = f"{host}/{kind}"
    if kind == "refused":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    elif kind == "unknown":
        url = "http://host.invalid/net.pt"
    with pytest.raises(DownloadError, match=words) as caught:
        weights.pull(published(url))
    assert list(folder.iterdir()) == []
    assert "\n" not in str(caught.value) and (kind == "wrong" or "by hand" in str(caught.value))


def test_pull_keeps_what_is_there_when_it_fails(host, folder):
    folder.mkdir()
    (folder / "net.pt").write_bytes(b"before")
    with pytest.raises(DownloadError):
        weights.pull(published(f"{host}/wrong"))
    assert (folder / "net.pt").read_bytes() == b"before" and len(list(folder.iterdir())) == 1


def test_pull_into_a_folder_that_cannot_be(tmp_path, folder):
    folder.write_text("a file in the way")
    with pytest.raises(DataError, match="FACETUI_MODELS"):
        weights.pull(published("http://host.invalid/"))


def test_pull_says_everything_and_asks_first(host, folder, monkeypatch):
    monkeypatch.setitem(weights.PUBLISHED, "facenet-casia", published(f"{host}/right"))
    shell = CliRunner()
    asked = shell.invoke(models.app, ["pull", "facenet-casia"], input="n\n")
    assert asked.exit_code == 1 and not folder.exists()
    for words in ("2.1 MB", "CC0", hashlib.sha256(BODY).hexdigest(), f"{host}/right"):
        assert words in asked.output
    assert shell.invoke(models.app, ["pull", "facenet-casia"], input="y\n").exit_code == 0
    assert (folder / "net.pt").read_bytes() == BODY
    assert "at hand" in shell.invoke(models.app, ["pull", "facenet-casia"]).output
    assert "2.1 MB" in shell.invoke(models.app, ["list"]).output
    assert shell.invoke(models.app, ["rm", "facenet-casia"], input="n\n").exit_code == 1
    assert (folder / "net.pt").exists()
    assert shell.invoke(models.app, ["rm", "facenet-casia", "--yes"]).exit_code == 0
    assert not (folder / "net.pt").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["pull", "dlib"], UsageError, "facetui\\[dlib\\]"),
        (["pull", "compact-a"], UsageError, "come with the package"),
        (["pull", "onnx:x.onnx"], UsageError, "file of yours"),
        (["pull", "facenet-casa"], UnknownName, "did you mean facenet-casia"),
        (["rm", "compact-a"], UsageError, "nothing to delete"),
        (["rm", "onnx:/etc/passwd"], UsageError, "nothing to delete"),
        (["rm", "facenet-casia"], DataError, "not at hand"),
        (["verify", "facenet-casia"], DataError, "facetui models pull facenet-casia"),
        (["verify", "onnx:nowhere.onnx"], DataError, "no file"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, error, words, folder):
    result = CliRunner().invoke(models.app, arguments)
    assert isinstance(result.exception, error)
    assert re.search(words, str(result.exception))


def test_verify_tries_an_embedded_extractor_out(folder):
    result = CliRunner().invoke(models.app, ["verify", "compact-a"])
    assert result.exit_code == 0 and "WRONG" not in result.output
    for what in ("preprocessing", "embedding", "gradient", "batch", "licence MIT"):
        assert what in result.output


def test_verify_notices_a_wrong_preprocessing(folder, monkeypatch):
    from facetui.engine.extractors.families.compact import Compact

    monkeypatch.setattr(Compact, "prepare", lambda self, photos: photos.flip(1) * 2 - 1)
    result = CliRunner().invoke(models.app, ["verify", "compact-a"])
    assert isinstance(result.exception, DataError) and "WRONG  preprocessing" in result.output


def test_listing_models_and_extractors_imports_no_torch(folder):
    code = (
        "import sys; from facetui.tui.cli.machine import models, list as listing; models.list_models(); "
        "print(*listing.lines('extractors'), sep='\\n'); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for words in ("onnx:PATH", "facenet-vggface2", "year 2017", "licence CC0", "weights embedded"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("onxx:a.onnx", "onnx:a.onnx"),
        ("face.onnx", "onnx:face.onnx"),
        ("torchscrip:a.pt", "torchscript:a.pt"),
        ("facenet-vggface", "facenet-vggface2"),
        ("onnx:", "onnx:PATH"),
        ("dlb", "dlib"),
    ],
)
def test_unknown_names_come_with_the_nearest(name, nearest):
    assert name not in extractors.EXTRACTORS
    with pytest.raises(UnknownName) as caught:
        extractors.EXTRACTORS.entry(name)
    assert caught.value.nearest[0] == nearest
    assert "onnx:anything at all.onnx" in extractors.EXTRACTORS


# Files that mean harm


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
