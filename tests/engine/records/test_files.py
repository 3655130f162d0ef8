"""Files in folders that a stranger laid out: nothing goes through a link."""

from __future__ import annotations

import os

import pytest

from facetui.engine.records import files


@pytest.fixture
def secret(tmp_path):
    outside = tmp_path / "home"
    outside.mkdir()
    (outside / "id_rsa").write_bytes(b"secret")
    return outside / "id_rsa"


def links_to(folder, secret):
    """A folder in which every way of leading out of it is laid: a link, a linked folder, a link to a link."""
    folder.mkdir()
    (folder / "plain").write_bytes(b"mine")
    (folder / "link").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent)
    (folder / "again").symlink_to("link")
    (folder / "nowhere").symlink_to("is-not-there")
    return folder


@pytest.mark.parametrize(
    "name", ["link", "linked/id_rsa", "again", "nowhere", "linked", "../home/id_rsa", "/etc/passwd"]
)
def test_nothing_is_read_or_written_through_a_link(tmp_path, secret, name):
    folder = links_to(tmp_path / "run", secret)
    with pytest.raises(OSError):
        files.read(folder, name)
    assert not files.is_file(folder, name)
    for write in (
        lambda: files.write(folder, name, b"x"),
        lambda: files.write(folder, name, b"x", replace=False),
        lambda: files.append(folder, name, b"x"),
        lambda: files.open_to_make(folder, name),
    ):
        with pytest.raises(OSError):
            write()
    assert secret.read_bytes() == b"secret"
    assert sorted(p.name for p in secret.parent.iterdir()) == ["id_rsa"]
    assert not (tmp_path / "run" / "is-not-there").exists()


def test_a_refusal_says_what_to_do(tmp_path, secret):
    folder = links_to(tmp_path / "run", secret)
    with pytest.raises(OSError, match="symbolic link") as raised:
        files.read(folder, "linked/id_rsa")
    assert "linked" in str(raised.value)


def test_the_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "short").symlink_to("real")
    files.write(tmp_path / "short", "a/b", "text")
    assert files.read(tmp_path / "real", "a/b") == b"text"


def test_pipes_and_folders_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError):
            files.read(tmp_path, name)
        with pytest.raises(OSError):
            files.append(tmp_path, name, b"x")
        with pytest.raises(OSError):
            files.write(tmp_path, name, b"x")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    files.write(tmp_path, "exports/table.csv", b"old")
    with pytest.raises(FileExistsError):
        files.write(tmp_path, "exports/table.csv", b"new", replace=False)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.write(tmp_path, "exports/table.csv", b"new")
    assert files.read(tmp_path, "exports/table.csv") == b"old"
    assert [p.name for p in (tmp_path / "exports").iterdir()] == ["table.csv"]


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    (tmp_path / "large").write_bytes(b"12345")
    assert files.read(tmp_path, "large", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        files.read(tmp_path, "large", 4)
