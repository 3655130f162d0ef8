"""Photos in files without a name: the same photos, hardly any memory, and memory where there is no disk."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest
import torch

from facetui.engine.core import paged
from facetui.engine.core.cache import Cache
from facetui.engine.lab.world.web import Web
from facetui.engine.lab.world.world import World
from facetui.engine.people import identities
from facetui.engine.people.alignment import to_picture
from facetui.engine.people.from_folder import FACE_BYTES

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads what memory is held from /proc")


def resident() -> dict[str, int]:
    """Bytes of this process that are in memory: of its own, and of files."""
    told = Path("/proc/self/status").read_text()
    return {kind: 1024 * int(re.search(rf"Rss{kind}:\s+(\d+)", told)[1]) for kind in ("Anon", "File")}


@linux
def test_what_is_in_a_file_needs_no_memory_once_it_is_let_go_and_is_still_there(tmp_path):
    n = 4000
    before = resident()
    there = paged.room((n, 3, 112, 112), tmp_path / "cache")
    assert there.shape == (n, 3, 112, 112) and list((tmp_path / "cache").iterdir()) == [], "the file has no name"
    for row in range(n):
        there[row] = row % 251
    assert resident()["Anon"] - before["Anon"] < 0.1 * n * FACE_BYTES
    assert resident()["File"] - before["File"] > 0.9 * n * FACE_BYTES, "while they are looked at"
    paged.let_go()
    assert resident()["File"] - before["File"] < 0.1 * n * FACE_BYTES
    assert there[:, 0, 0, 0].tolist() == [row % 251 for row in range(n)]


@linux
def test_few_photos_and_those_without_a_folder_stay_in_memory(tmp_path):
    for photos in (paged.room((10, 3, 112, 112), tmp_path / "none"), paged.room((4000, 3, 112, 112), None)):
        before = resident()["Anon"]
        photos.fill_(7)
        assert len(photos) == 10 or resident()["Anon"] - before > 0.9 * 4000 * FACE_BYTES
    assert not (tmp_path / "none").exists()


def test_a_disk_without_space_is_no_matter(tmp_path, monkeypatch):
    def full(*arguments: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    there = paged.room((2000, 3, 112, 112), tmp_path)
    there.fill_(3)
    assert int(there.sum()) == 3 * there.numel()
    (tmp_path / "file").write_text("x")
    assert paged.room((2000, 3, 112, 112), tmp_path / "file").shape == (2000, 3, 112, 112), (
        "nor is a folder that is none"
    )


def test_space_is_taken_by_writing_where_the_system_has_no_other_way(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    there = paged.room((2000, 3, 112, 112), tmp_path)
    assert int(there.sum()) == 0
    there[-1] = 5
    assert there[-1].unique().tolist() == [5]


def test_people_from_a_folder_are_the_same_in_a_file(tmp_path, embedded, monkeypatch):
    for number, person in enumerate(embedded.persons[:4]):
        (tmp_path / "faces" / str(number)).mkdir(parents=True)
        for i in range(6):
            to_picture(person.photos[i]).save(tmp_path / "faces" / str(number) / f"{i}.png")
    plain = identities.load(str(tmp_path / "faces"), cache=Cache(tmp_path / "cache"))
    monkeypatch.setattr(paged, "LARGE", 4 * FACE_BYTES)
    monkeypatch.setattr("facetui.engine.people.from_folder.LARGE", 4 * FACE_BYTES)
    told = []
    filed = identities.load(
        str(tmp_path / "faces"), cache=Cache(tmp_path / "cache"), tell=lambda *line: told.append(line)
    )
    assert filed.fingerprint() == plain.fingerprint() and told[0][0].endswith("MB in a file")
    storages = {person.photos.untyped_storage().data_ptr() for person in filed.persons}
    assert len(storages) == 1, "all are in one"


def test_a_world_of_photos_in_files_posts_the_same(few, tool, tiny_cast, tmp_path, monkeypatch):
    plain = World(few, tiny_cast, tool=tool, seed=3, cache=Cache(tmp_path / "cache"))
    monkeypatch.setattr(paged, "LARGE", 4 * FACE_BYTES)
    monkeypatch.setattr("facetui.engine.lab.world.world.LOOKED_AT", 5)
    filed = World(few, tiny_cast, tool=tool, seed=3, cache=Cache(tmp_path / "cache"))
    for one, other in zip(plain.probes(range(8)), filed.probes(range(8)), strict=True):
        assert torch.equal(one, other)


def test_what_is_handed_over_is_not_copied_and_cannot_be_changed_either():
    photos, who = torch.full((3, 3, 112, 112), 9, dtype=torch.uint8), torch.arange(3)
    web = Web()
    one = web.post("2020-01", "users", "", None, photos=photos, people=who, source=who)
    other = web.post("2020-01", "users", "", None, photos=photos, people=who, source=who, handed_over=True)
    assert one.digest == other.digest and one.is_intact() and other.is_intact()
    for post, same in ((one, False), (other, True)):
        assert (post.seen.data_ptr() == photos.data_ptr()) is same and torch.equal(post.seen, photos)
        with pytest.raises(ValueError, match="read-only"):
            post.pixels[0] = 0
        assert post.photos.data_ptr() != post.seen.data_ptr()


def test_a_story_with_photos_in_files_measures_the_same(make_lab, tmp_path, monkeypatch):
    def played(folder: Path) -> list[object]:
        lab = make_lab(cache=Cache(folder))
        lab.at("2020-01")
        lab.users.protect("pgd", steps=2)
        lab.users.post(4)
        lab.trainer.scrape()
        measured = lab.measure()
        return [measured.whole.missed, measured.whole.n_probes, [post.digest for post in lab.web]]

    plain = played(tmp_path / "plain")
    monkeypatch.setattr(paged, "LARGE", 2 * FACE_BYTES)
    assert played(tmp_path / "filed") == plain
