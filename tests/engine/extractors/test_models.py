"""Weights from elsewhere: fetching them, and trying them out."""

from __future__ import annotations

import hashlib
import http.server
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from facetui.engine import extractors
from facetui.engine.extractors import weights
from facetui.engine.records.errors import DataError, DownloadError, UnknownName, UsageError
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
