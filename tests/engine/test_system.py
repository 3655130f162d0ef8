"""What differs between systems, as far as one of them can tell; the rest in tests/test_windows.py."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facetui.engine import system
from facetui.engine.records import files, installation, journal


def test_a_lock_is_seen_by_others_and_ends_with_the_file(tmp_path):
    path = tmp_path / "locked"
    with path.open("wb") as file:
        system.lock(file.fileno())
        with path.open("rb") as other:
            assert system.is_locked(other.fileno())
    with path.open("rb") as other:
        assert not system.is_locked(other.fileno())
        assert not system.is_locked(other.fileno()), "who looks leaves no lock"


def test_a_folder_is_locked_once(tmp_path):
    first = system.lock_folder(tmp_path)
    assert first is not None and system.lock_folder(tmp_path) is None
    os.close(first)
    second = system.lock_folder(tmp_path)
    assert second is not None
    os.close(second)


@pytest.mark.parametrize(
    "name", ["NUL", "con", "Aux.txt", "com1", "LPT9.tar.gz", "conin$", "a:b", "a\\b", "a.", "a ", ""]
)
def test_names_that_windows_takes_for_something_else_are_known(name):
    assert name == "" or not system.is_plain_name(name)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_every_text_becomes_a_name_that_every_system_takes(text):
    name = system.plain_name(text)
    assert system.is_plain_name(name)
    if system.is_plain_name(text):
        assert name == text


def test_stories_with_names_of_devices_get_folders_of_their_own(tmp_path):
    for name in ("aux", "nul.v2", "con.", "a:b"):
        folder = journal.new_run_folder(tmp_path, name)
        assert system.is_plain_name(folder.name), folder


@pytest.mark.parametrize(
    ("tag", "wanted"), [(0xA000_000C, True), (0xA000_0003, True), (0x9000_001A, False), (0, False)]
)
def test_junctions_are_links_and_files_of_a_cloud_are_files(tag, wanted):
    facts = SimpleNamespace(st_mode=stat.S_IFREG, st_reparse_tag=tag)
    assert system.is_link(facts) is wanted  # type: ignore[arg-type]


def test_a_file_that_is_being_read_is_replaced_once_it_is_free(tmp_path, monkeypatch):
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    real, tries = os.replace, []

    def busy(*paths, **folders):
        tries.append(paths)
        if len(tries) < 3:
            raise PermissionError(13, "it is open")
        real(*paths, **folders)

    monkeypatch.setattr(os, "replace", busy)
    with pytest.raises(PermissionError):
        system.replace(tmp_path / "new", tmp_path / "old")
    monkeypatch.setattr(system, "WINDOWS", True)
    system.replace(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"new" and len(tries) == 3


def test_commands_of_windows_keep_their_backslashes(monkeypatch):
    typed = r'"C:\Program Files\tool.exe" --in {input}'
    monkeypatch.setattr(system, "WINDOWS", True)
    assert system.words(typed) == [r"C:\Program Files\tool.exe", "--in", "{input}"]
    assert system.quoted(r"C:\my photos") == r'"C:\my photos"'


def test_a_process_and_all_it_started_end(tmp_path):
    inner = "import time, sys; open(sys.argv[1], 'w').close(); time.sleep(60)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}, sys.argv[1]])"
    process = subprocess.Popen(
        [sys.executable, "-c", outer, str(tmp_path / "began")],
        stdout=subprocess.PIPE,
        start_new_session=True,
        creationflags=system.OWN_GROUP,
    )
    while not (tmp_path / "began").exists():
        assert process.poll() is None
    system.end_group(process, hard=True)
    assert process.wait(10) != 0
    assert process.stdout is not None and process.stdout.read() == b"", "whoever held its other end is gone, too"


def test_where_nothing_can_be_linked_a_secret_is_kept_nevertheless(tmp_path, monkeypatch):
    def refused(*paths, **more):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refused)
    made = installation._secret_in(tmp_path / "a disk without links")
    assert made is not None and made == files.read(tmp_path / "a disk without links", installation.SECRET)
    assert sorted(p.name for p in (tmp_path / "a disk without links").iterdir()) == [installation.SECRET]


@pytest.mark.parametrize(("platform", "word"), [("win32", "Windows"), ("darwin", "macOS"), ("linux", "")])
def test_systems_that_nobody_tested_are_said(platform, word, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    assert word in system.untested() and bool(word) == bool(system.untested())


@pytest.mark.skipif(system.WINDOWS, reason="a console there is no terminal of this kind")
def test_a_terminal_that_hung_up_is_known_without_waiting_for_it():
    import pty

    from facetui.tui.app.terminal import posix

    master, slave = pty.openpty()
    assert not posix._is_gone(slave)
    os.close(master)
    assert posix._is_gone(slave)
    os.close(slave)
    assert posix._is_gone(slave), "a descriptor that is closed leads nowhere, either"
