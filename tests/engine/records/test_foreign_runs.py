"""Runs and photos from elsewhere: what they may not do, and what they may not pass for."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from facetui.engine.people import identities as peoples
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records import files, installation, journal
from facetui.engine.records.events import PicturesShown, RunBegan, decode, encode
from facetui.engine.records.journal import Journal
from facetui.engine.runs.settings import Settings
from facetui.engine.runs.setup import begin, open_lab, prepare
from facetui.tui.app.app import FacetApp
from facetui.tui.figures import photos
from facetui.tui.runs import archive, cues
from facetui.tui.runs.archive import zstd
from facetui.tui.runs.picture_policy import PicturePolicy
from facetui.tui.sharing.reports import run_report

from ...support.presenting import Presenter, until
from ...support.sample_run import a_picture, sample_events, write_sample

SECRET = b"-----BEGIN OPENSSH PRIVATE KEY-----\nnobody's but mine\n"


@pytest.fixture
def key(tmp_path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "id_rsa").write_bytes(SECRET)
    return home / "id_rsa"


def photos_of_somebody(folder: Path, n_people: int = 3) -> Path:
    """A folder of folders of aligned photos, which nobody knows to be fictional."""
    for person in peoples.load(EMBEDDED).persons[:n_people]:
        (folder / person.name).mkdir(parents=True)
        for i, photo in enumerate(person.photos[:3]):
            pixels = photo.permute(1, 2, 0).contiguous().numpy()
            Image.fromarray(pixels).save(folder / person.name / f"{i}.png")
    return folder


# --- who is fictional ---------------------------------------------------------------------------------------------


def test_the_people_of_the_package_are_fictional(embedded):
    assert embedded.fictional
    game, tool = peoples.tool_faces(embedded)
    assert game.fictional and tool.fictional


@pytest.mark.parametrize("name", ["embedded", "Embedded", "EMBEDDED"])
@pytest.mark.parametrize("linked", [False, True], ids=["folder", "link"])
def test_no_name_of_a_folder_makes_its_people_fictional(name, linked, tmp_path, monkeypatch, tiny_cast):
    target = photos_of_somebody(tmp_path / ("real" if linked else name))
    if linked:
        (tmp_path / name).symlink_to("real")
    monkeypatch.chdir(tmp_path)
    for source in (f"./{name}", str(tmp_path / name), str(target)):
        people = peoples.load(source)
        assert not people.fictional and people.source != EMBEDDED
        game, tool = peoples.tool_faces(people)
        assert len(game) == len(people), "nobody of them is taken for a face that comes with the tools"
        assert tool.fictional


def test_other_data_in_the_place_of_the_packages_people_is_not_fictional(monkeypatch):
    monkeypatch.setattr(peoples, "FICTIONAL_SHA256", "0" * 64)
    assert not peoples.load(EMBEDDED).fictional


@pytest.mark.parametrize("name", ["embedded", "faces"])
def test_a_runs_first_event_says_whether_its_people_are_fictional(name, tmp_path, monkeypatch):
    photos_of_somebody(tmp_path / name, 2)
    monkeypatch.chdir(tmp_path)
    for source, fictional in ((f"./{name}", False), ("embedded", True)):
        told = []
        world = prepare(Settings(people=source, device="cpu"))
        lab = open_lab(world, emit=told.append, keep_picture=lambda png: "", cancelled=lambda: False)
        begin(lab, world, name="x", title="", source="")
        assert isinstance(told[0], RunBegan) and told[0].fictional is fictional


def published(folder: Path, asked: str = "fictional") -> list[str]:
    policy = PicturePolicy(folder, asked)
    policy.learn(journal.read(folder))
    return [name for name in policy.names if policy.picture(name) is not None]


def edited(folder: Path) -> None:
    """Somebody opens the journal in an editor, and has it say that its people do not exist."""
    path = folder / journal.EVENTS
    lines = path.read_bytes().split(b"\n")
    began = decode(lines[1])
    assert isinstance(began, RunBegan)
    lines[1] = encode(msgspec.structs.replace(began, fictional=True, people="embedded"))
    path.write_bytes(b"\n".join(lines))


def real_run(folder: Path) -> Path:
    """A run about somebody's family, made here."""
    folder.mkdir()
    book = Journal(folder)
    names = [book.add_picture(a_picture(shade)) for shade in (1, 2)]
    began, *rest = sample_events((names[0], names[1]))
    for event in [msgspec.structs.replace(began, fictional=False, people="family"), *rest]:
        book.append(event)
    book.close()
    return folder


def test_pictures_of_fictional_people_that_were_made_here_may_leave(run):
    assert len(published(run)) == 2 and published(run, "none") == [] and len(published(run, "all")) == 2


def test_an_edited_journal_does_not_make_people_fictional(tmp_path):
    folder = real_run(tmp_path / "run")
    assert published(folder) == [] and len(published(folder, "all")) == 2
    edited(folder)
    assert journal.began(journal.read(folder), folder).fictional
    assert published(folder) == []
    archive.pack(folder, tmp_path / "run.tar.zst")
    (tmp_path / "out").mkdir()
    assert not (archive.unpack(tmp_path / "run.tar.zst", tmp_path / "out") / "pictures").exists()


def test_an_archive_that_claims_to_be_fictional_is_not_believed(run, tmp_path):
    archive.pack(run, tmp_path / "theirs.tar.zst", "all")
    (tmp_path / "out").mkdir()
    theirs = archive.unpack(tmp_path / "theirs.tar.zst", tmp_path / "out")
    assert len(list(theirs.glob("pictures/*"))) == 2 and not installation.made_here(theirs)
    assert published(theirs) == [] and len(published(theirs, "all")) == 2


def test_a_picture_that_somebody_else_put_into_a_run_is_not_vouched_for(run):
    told = journal.read(run)
    shown = next(event for event in told if isinstance(event, PicturesShown))
    (run / "pictures" / f"{shown.original}.png").unlink()
    assert len(published(run)) == 1
    other = a_picture(77)
    (run / "pictures" / f"{shown.original}.png").write_bytes(other)
    assert len(published(run, "all")) == 1, "its content has not the hash of its name"


def test_another_installations_signatures_are_worth_nothing_here(run, tmp_path, monkeypatch):
    assert installation.made_here(run)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another"))
    assert not installation.made_here(run) and published(run) == []


def test_where_no_secret_can_be_kept_nothing_counts_as_made_here(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file" / "below"))
    write_sample(tmp_path / "run")
    assert not installation.made_here(tmp_path / "run") and published(tmp_path / "run") == []
    assert len(journal.read(tmp_path / "run")) > 20


def test_a_copied_run_counts_as_made_elsewhere(run, tmp_path):
    assert not installation.made_here(shutil.copytree(run, tmp_path / "copy"))
    run.rename(tmp_path / "moved")
    assert installation.made_here(tmp_path / "moved")


# --- what is read of a folder that a stranger laid out ------------------------------------------------------------


def laid(run: Path, key: Path) -> Path:
    """The run, with links where its files should be."""
    shown = next(event for event in journal.read(run) if isinstance(event, PicturesShown))
    (run / "pictures" / f"{shown.original}.png").unlink()
    (run / "pictures" / f"{shown.original}.png").symlink_to(key)
    (run / cues.CUES).symlink_to(key)
    return run


def unpacked_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return zstd.decompress(file.read())


@pytest.mark.parametrize("asked", ["fictional", "all"])
def test_an_archive_holds_nothing_from_behind_a_link(run, key, tmp_path, asked):
    archive.pack(laid(run, key), tmp_path / "run.tar.zst", asked)
    assert b"PRIVATE KEY" not in unpacked_bytes(tmp_path / "run.tar.zst")
    with zstd.open(tmp_path / "run.tar.zst", "rb") as file, tarfile.open(fileobj=file, mode="r|") as tar:
        assert "cues.jsonl" not in tar.getnames()


def test_an_archive_of_a_run_whose_folder_of_pictures_is_a_link_has_none(run, key, tmp_path):
    (run / "pictures").rename(key.parent / "pictures")
    (run / "pictures").symlink_to(key.parent / "pictures")
    assert published(run, "all") == []


@pytest.mark.parametrize("asked", ["fictional", "all"])
def test_a_server_gives_out_nothing_from_behind_a_link(key, tmp_path, asked):
    presenter = Presenter(tmp_path / "run", asked)
    try:
        names = [presenter.book.add_picture(a_picture(shade), fictional=True) for shade in (1, 2)]
        presenter.events = sample_events((names[0], names[1]))
        presenter.finish()
        laid(presenter.folder, key)
        for path in (f"pictures/{names[0]}.png", cues.CUES, "engine.log", "made-here", "fictional-pictures"):
            status, _, body = presenter.ask("GET", path)
            assert b"PRIVATE" not in body and (status in (404, 416) or not body), path
        assert presenter.ask("GET", f"pictures/{names[1]}.png")[0] == 200
    finally:
        presenter.server.stop()


def test_a_server_writes_cues_anew(tmp_path):
    presenter = Presenter(tmp_path / "run")
    try:
        cue = cues.send(presenter.folder, 3, "timeline", "look")
        with (presenter.folder / cues.CUES).open("ab") as file:
            file.write(b'{"at":4,"text":"more","secret":"kept back"}\nnot a cue\n')
        presenter.finish()
        until(lambda: presenter.ask("GET", cues.CUES)[2])
        status, _, body = presenter.ask("GET", cues.CUES)
        assert status == 200 and b"secret" not in body and b"not a cue" not in body
        lines = [msgspec.json.decode(line, type=cues.Cue) for line in body.splitlines()]
        assert lines[0] == cue and lines[1].text == "more"
    finally:
        presenter.server.stop()


def test_a_journal_behind_a_link_is_not_served_or_packed(run, key, tmp_path):
    (run / journal.EVENTS).rename(key.parent / "events.jsonl")
    (run / journal.EVENTS).symlink_to(key.parent / "events.jsonl")
    with pytest.raises(journal.JournalError, match="symbolic link"):
        archive.pack(run, tmp_path / "run.tar.zst")
    assert not (tmp_path / "run.tar.zst").exists()


def test_a_screen_shows_no_picture_from_behind_a_link(run, key):
    shown = next(event for event in journal.read(run) if isinstance(event, PicturesShown))
    assert photos.load(run, shown.original) is not None
    picture = run / "pictures" / f"{shown.posted}.png"
    picture.rename(key.parent / "private.png")
    picture.symlink_to(key.parent / "private.png")
    assert photos.load(run, shown.posted) is None


# --- what is written beside it ------------------------------------------------------------------------------------


async def saved(run: Path, where: Path, monkeypatch) -> FacetApp:
    monkeypatch.chdir(where)
    app = FacetApp(run.parent, run, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("G", "e", "s")
    return app


async def test_what_is_saved_of_a_strangers_run_overwrites_nothing(run, tmp_path, monkeypatch):
    theirs = shutil.copytree(run, tmp_path / "theirs")
    victims = [tmp_path / "bashrc", tmp_path / "authorized_keys"]
    (theirs / "exports").mkdir()
    for name, victim in zip(("table.csv", "timeline.svg"), victims, strict=True):
        victim.write_text("mine")
        (theirs / "exports" / name).symlink_to(victim)
    (tmp_path / "desk").mkdir()
    await saved(theirs, tmp_path / "desk", monkeypatch)
    assert [victim.read_text() for victim in victims] == ["mine", "mine"]
    made = {path.name for path in (tmp_path / "desk" / "facetui-exports").iterdir()}
    later = {"replay.cast", "replay.gif"}  # these take a moment, and the app may be left before
    assert made - later == {"table.csv", "table.json", "chart.svg", "chart.png", "timeline.svg"}


@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.parametrize("own", [True, False], ids=["own run", "a stranger's"])
async def test_nothing_is_saved_through_a_link_anywhere(run, tmp_path, monkeypatch, what, own):
    folder = run if own else shutil.copytree(run, tmp_path / "theirs")
    desk = tmp_path / "desk"
    desk.mkdir()
    place = run / "exports" if own else desk / "facetui-exports"
    (tmp_path / "victims").mkdir()
    (tmp_path / "victims" / "table.csv").write_text("mine")
    if what == "folder":
        place.symlink_to(tmp_path / "victims")
    else:
        place.mkdir()
        (place / "table.csv").symlink_to(tmp_path / "victims" / "table.csv")
    await saved(folder, desk, monkeypatch)
    assert (tmp_path / "victims" / "table.csv").read_text() == "mine"
    assert [path.name for path in (tmp_path / "victims").iterdir()] == ["table.csv"]


def test_reports_and_archives_are_not_written_through_links(run, tmp_path):
    (tmp_path / "victim").write_text("mine")
    for name in ("report.html", "report.md", "report.csv", "report.svg", "report.png"):
        (tmp_path / name).symlink_to("victim")
        with pytest.raises(journal.JournalError, match="symbolic link"):
            run_report.write(run, tmp_path / name)
    (tmp_path / "run.tar.zst").symlink_to("victim")
    with pytest.raises(journal.JournalError, match="symbolic link"):
        archive.pack(run, tmp_path / "run.tar.zst")
    assert (tmp_path / "victim").read_text() == "mine"


def test_cues_are_not_written_through_a_link(run, key):
    (run / cues.CUES).symlink_to(key)
    with pytest.raises(journal.JournalError, match="symbolic link"):
        cues.send(run, 1, "timeline", "x")
    assert key.read_bytes() == SECRET


def test_the_secret_is_readable_by_its_owner_only(run):
    kept = Path(os.environ["XDG_DATA_HOME"]) / "facetui" / installation.SECRET
    assert kept.stat().st_mode & 0o077 == 0 and len(files.read(kept.parent, kept.name)) == 64
