"""Faces are searched by several processes: the same bytes, a stop that is heard, a sentence when one of them dies."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from facetui.engine.core.cache import Cache
from facetui.engine.people import finding, identities
from facetui.engine.people.alignment import to_picture
from facetui.engine.records.errors import Cancelled, DataError, FacetuiError
from facetui.tui.text import plain

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


def album(root: Path, embedded, names: str = "abc", photos: int = 4) -> Path:
    """Pictures in which faces have to be searched, and of other kinds."""
    for name, person in zip(names, embedded.persons, strict=False):
        (root / name).mkdir(parents=True)
        for i in range(photos):
            scene = Image.new("RGB", (260, 240), (90, 110, 90))
            scene.paste(to_picture(person.photos[i]).resize((150, 150), Image.Resampling.BICUBIC), (40 + 9 * i, 50))
            scene.save(root / name / f"{i}.jpg")
        to_picture(person.photos[9]).save(root / name / "aligned.png")
    (root / "a" / "cut.jpg").write_bytes((root / "a" / "0.jpg").read_bytes()[:900])
    Image.new("RGB", (260, 240), "grey").save(root / "b" / "nobody.png")
    return root


def searchers() -> list[int]:
    """Processes of this one that search pictures."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if parent == os.getpid() and b"search_process" in command:
                found.append(int(entry.name))
    return found


@pytest.fixture
def several(monkeypatch):
    """Two processes, from the second search on."""
    monkeypatch.setattr(finding, "FEW", 1)
    monkeypatch.setattr(finding, "processes", lambda: 2)


@linux
def test_several_processes_find_the_same_bytes_as_one(tmp_path, embedded, monkeypatch, several):
    root = album(tmp_path / "faces", embedded)
    seen = []
    many = identities.load(
        str(root), cache=Cache(tmp_path / "many"), tell=lambda *line: seen.append((line, len(searchers())))
    )
    assert max(n for _, n in seen) == 2 and searchers() == [], "there were two, and there are none"
    dones = [done for (_, done, _), _ in seen]
    assert dones == sorted(dones) and dones[-1] == 17 and set(dones) == set(range(18))
    monkeypatch.setattr(finding, "processes", lambda: 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        one = identities.load(str(root), cache=Cache(tmp_path / "one"))
        assert torch.get_num_threads() == 2, "and what it computes with elsewhere stays as it was"
    finally:
        torch.set_num_threads(threads)
    assert many.fingerprint() == one.fingerprint() and many.left_out == one.left_out
    kept, also = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.tensors")} for name in ("many", "one")
    )
    assert kept == also and len(kept) == 13, "twelve faces, and a picture of nobody"
    assert "1 of 17 pictures could not be read: a/cut.jpg" in many.left_out[0]
    assert "no face was found in 1 of 17 pictures: b/nobody.png" in many.left_out[1]


@linux
def test_what_is_in_the_cache_starts_no_process(tmp_path, embedded, several):
    root, cache = album(tmp_path / "faces", embedded), Cache(tmp_path / "cache")
    first = identities.load(str(root), cache=cache)
    (root / "a" / "cut.jpg").unlink()  # the search of what is no picture ends at once, and is not kept
    numbers = []
    again = identities.load(str(root), cache=cache, tell=lambda *line: numbers.append(len(searchers())))
    assert max(numbers) == 0 and again.fingerprint() == first.fingerprint()


@linux
def test_without_a_cache_it_is_the_same(tmp_path, embedded, monkeypatch, several):
    root = album(tmp_path / "faces", embedded, "ab")
    many = identities.load(str(root))
    monkeypatch.setattr(finding, "processes", lambda: 1)
    assert identities.load(str(root)).fingerprint() == many.fingerprint()


@linux
def test_a_stop_is_heard_while_nothing_was_found_yet_and_leaves_nobody_behind(tmp_path, embedded, several):
    root = album(tmp_path / "faces", embedded)
    began = time.monotonic()

    def stop(what: str, done: int, total: int) -> None:
        if searchers():
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        identities.load(str(root), cache=Cache(tmp_path / "cache"), tell=stop)
    assert searchers() == [] and time.monotonic() - began < 30


@linux
def test_a_process_that_dies_is_one_sentence(tmp_path, embedded, several):
    root = album(tmp_path / "faces", embedded)

    def kill(what: str, done: int, total: int) -> None:
        for number in searchers():
            os.kill(number, signal.SIGKILL)

    with pytest.raises(FacetuiError, match=r"faces/a/0\.jpg for a face was ended by signal SIGKILL") as caught:
        identities.load(str(root), cache=Cache(tmp_path / "cache"), tell=kill)
    assert not isinstance(caught.value, DataError), "a picture that is no picture is left out, this is not"
    assert "\n" not in str(caught.value) and "goes on from there" in str(caught.value) and searchers() == []


def test_a_process_that_cannot_begin_is_one_sentence(tmp_path, embedded, several, monkeypatch):
    false = tmp_path / "python"
    false.write_text("#!/bin/sh\nexit 3\n")
    false.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(false))
    with pytest.raises(FacetuiError, match="left with exit code 3"):
        identities.load(str(album(tmp_path / "faces", embedded, "ab")))


@linux
def test_strict_ends_at_the_same_picture(tmp_path, embedded, several):
    with pytest.raises(DataError, match=r"a/cut\.jpg cannot be read as a picture"):
        identities.load(str(album(tmp_path / "faces", embedded)), strict=True)
    assert searchers() == []


def test_few_pictures_are_searched_here(tmp_path, embedded, monkeypatch):
    monkeypatch.setattr(finding, "processes", lambda: 2)
    monkeypatch.setattr(sys, "executable", "/nowhere")
    assert len(identities.load(str(album(tmp_path / "faces", embedded, "ab")))) == 2


def test_no_more_is_read_than_a_few_pictures_ahead(tmp_path, embedded, monkeypatch):
    monkeypatch.setattr(finding, "AHEAD", 4)
    monkeypatch.setattr(finding, "processes", lambda: 1)
    paths = sorted(album(tmp_path / "faces", embedded, "ab").rglob("*.png"))
    read = []

    def given():
        for path in [*paths, *paths, *paths]:
            read.append(path)
            yield path

    faces = finding.faces_in(given(), Cache(None))
    next(faces)
    assert len(read) == 4 and len(list(faces)) == 3 * len(paths) - 1


def test_who_waits_for_the_first_face_is_told_so_once(capsys):
    tell = plain.Telling()
    for _ in range(20):
        tell("find the face in each picture", 0, 9)
    tell("who does not look like the others", 0, 1)
    assert capsys.readouterr().err.splitlines() == [
        "  find the face in each picture",
        "  who does not look like the others",
    ]
