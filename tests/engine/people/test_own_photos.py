"""One's own photos: played with among fictional people, and nothing of them is kept, published or archived."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from PIL import Image

from facetui.engine.people import identities
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records import journal
from facetui.engine.records.errors import DataError, UsageError
from facetui.engine.records.events import Note, PicturesShown, Progress, RunBegan
from facetui.engine.runs.session import Session
from facetui.engine.runs.settings import Settings
from facetui.engine.runs.setup import prepare
from facetui.tui.runs import archive
from facetui.tui.sharing.web import server_process

from ...support.commands import facetui


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder of ten pictures of somebody, large enough for their face to be found."""
    folder = tmp_path_factory.mktemp("mine")
    for number, photo in enumerate(identities.load(EMBEDDED).persons[40].photos[:10]):
        picture = Image.fromarray(np.asarray(photo.permute(1, 2, 0))).resize((336, 336))
        wide = Image.new("RGB", (480, 480), (90, 110, 120))
        wide.paste(picture, (72, 72))
        wide.save(folder / f"me{number}.png")
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture(scope="module")
def played(own, tmp_path_factory):
    """A session in which somebody protected their own photos; its folder and the cache."""
    place = tmp_path_factory.mktemp("session")
    settings = Settings(out=place / "runs", cache=place / "cache", me=own, strength="workshop", crowd="20")
    session = Session(prepare(settings), settings.out)
    lab = session.lab
    lab.at("2020-07")
    lab.users.protect("pgd", steps=4)
    lab.users.post(2)
    lab.trainer.scrape()
    lab.measure()
    lab.show()
    session.close()
    return session.journal.folder, place / "cache"


def test_i_am_among_fictional_people_and_protect_my_photos(played):
    folder, _ = played
    events = journal.read(folder)
    began = journal.began(events, folder)
    assert began.users == ["me"] and began.private and not began.fictional and began.n_postable >= 2
    assert any(isinstance(event, Note) and "neither published nor archived" in event.text for event in events)


def test_no_picture_and_nothing_computed_of_me_stays(played):
    folder, cache = played
    events = journal.read(folder)
    assert not list(folder.glob("pictures/*")), "no picture is kept"
    assert not any(isinstance(event, PicturesShown) for event in events)
    assert not any(isinstance(event, Progress) and event.preview for event in events)
    assert not [path for path in cache.rglob("*") if path.is_file()] if cache.exists() else True


def test_it_is_neither_archived_nor_published(played, tmp_path):
    folder, _ = played
    with pytest.raises(UsageError, match="own photos"):
        archive.pack(folder, tmp_path / "run.tar.zst", "none")
    assert not (tmp_path / "run.tar.zst").exists()
    with pytest.raises(UsageError, match="own photos"):
        server_process.start(folder, "127.0.0.1:0", "none")
    said = facetui("runs", "export", folder, "-o", tmp_path / "a.tar.zst")
    assert said.returncode == 2 and "own photos" in said.stderr


def test_a_journal_that_says_nothing_of_it_is_published_as_ever(run):
    began = journal.read(run)[0]
    assert isinstance(began, RunBegan) and not began.private
    assert not msgspec.structs.replace(began, private=False).private


def test_a_folder_without_a_face_says_so(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="0 usable photos"):
        prepare(Settings(out=tmp_path, me=tmp_path / "empty"))
    Image.new("RGB", (300, 300)).save(tmp_path / "empty" / "black.png")
    with pytest.raises(DataError, match="0 usable photos"):
        prepare(Settings(out=tmp_path, me=tmp_path / "empty"))
