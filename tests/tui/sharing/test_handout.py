"""What people take home: reports, runs in one file, and the recording that comes along."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import msgspec
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui import scenarios
from facetui.engine.records import journal
from facetui.engine.records.errors import FacetuiError, JournalError, UnknownName, UsageError
from facetui.engine.records.events import Note, ProtectionMeasured, RunBegan, RunFailed, encode
from facetui.engine.records.journal import Journal
from facetui.engine.runs.environment import repeats
from facetui.tui.app import launch
from facetui.tui.app.app import FacetApp
from facetui.tui.app.terminal import capabilities
from facetui.tui.cli.machine.bench_screens import Pty
from facetui.tui.cli.runs import watch
from facetui.tui.cli.runs.watch import unpacked
from facetui.tui.runs import archive, recordings
from facetui.tui.runs.archive import pack, unpack, zstd
from facetui.tui.sharing.reports import run_report
from facetui.tui.text.spans import text_of

from ...support.sample_run import SOURCE, sample_events, write_sample

MAIN = [sys.executable, "-m", "facetui.tui.cli.main"]
RECORDING = Path(recordings.__file__).with_name("arms_race.tar.zst")


@pytest.fixture
def run(run) -> Path:
    (run / "engine.log").write_text("not for others")
    return run


# --- one file -----------------------------------------------------------------------------------------------------


def test_a_run_comes_out_of_its_file_as_it_went_in(run, tmp_path):
    packed = tmp_path / "run.tar.zst"
    assert pack(run, packed) == packed.stat().st_size
    (tmp_path / "out").mkdir()
    out = unpack(packed, tmp_path / "out")
    assert journal.read(out) == journal.read(run)
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert "events.jsonl" in names and sum(name.startswith("pictures/") for name in names) == 2
    assert "engine.log" not in names
    with pytest.raises(JournalError, match="not overwritten"):
        pack(run, packed)
    with tarfile.open(fileobj=io.BytesIO(zstd.decompress(packed.read_bytes()))) as tar:
        assert all((entry.uid, entry.mtime, entry.uname) == (0, 0, "") for entry in tar), "nothing of this machine"


@pytest.mark.parametrize(
    ("claimed", "pictures", "n"),
    [("true", "fictional", 2), ("false", "fictional", 0), ("false", "all", 2), ("true", "none", 0)],
)
def test_pictures_go_along_only_when_they_may(claimed, pictures, n, run, tmp_path):
    lines = (run / journal.EVENTS).read_bytes().replace(b'"fictional":true', f'"fictional":{claimed}'.encode())
    (run / journal.EVENTS).write_bytes(lines)
    pack(run, tmp_path / "run.tar.zst", pictures)
    (tmp_path / "out").mkdir()
    assert len(list(unpack(tmp_path / "run.tar.zst", tmp_path / "out").glob("pictures/*"))) == n


def packed_by_a_stranger(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for entry, data in entries:
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    path.write_bytes(zstd.compress(out.getvalue()))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    "bad",
    [
        entry("../outside"),
        entry("/etc/passwd"),
        entry("pictures/../../outside"),
        entry("events.jsonl", tarfile.SYMTYPE, "/etc/passwd"),
        entry("events.jsonl", tarfile.LNKTYPE, "../outside"),
        entry("events.jsonl", tarfile.CHRTYPE),
        entry("events.jsonl", tarfile.FIFOTYPE),
        entry("pictures", tarfile.DIRTYPE),
        entry("run.py"),
        entry("pictures/0123456789abcdef.png/x"),
        entry("events.jsonl\n"),
    ],
    ids=lambda made: f"{made.name!r} {made.type}",
)
def test_nothing_but_a_run_is_unpacked(bad, tmp_path):
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(JournalError, match="no part of a run"):
        unpack(packed_by_a_stranger(tmp_path / "bad.tar.zst", (bad, b"")), into)
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("into", "bad.tar.zst")] == []


def test_files_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    def refused(*entries: tuple[tarfile.TarInfo, bytes]) -> str:
        path, into = tmp_path / "bad.tar.zst", tmp_path / f"into{time.monotonic_ns()}"
        into.mkdir()
        packed_by_a_stranger(path, *entries)
        with pytest.raises(JournalError) as error:
            unpack(path, into)
        assert sum(f.stat().st_size for f in into.rglob("*") if f.is_file()) <= 5 << 20
        return str(error.value)

    assert "a file of 5 MB" in refused((entry("pictures/0123456789abcdef.png"), b"0" * (5 << 20)))
    monkeypatch.setattr(archive, "ENTRIES_MOST", 3)
    assert "more than 3 files" in refused(*((entry(f"pictures/{i:016x}.png"), b"x") for i in range(5)))
    monkeypatch.setattr(archive, "WHOLE_MOST", 1 << 20)
    assert "damaged" in refused((entry("pictures/0123456789abcdef.png"), b"0" * (3 << 20)))
    assert "holds no run" in refused((entry("cues.jsonl"), b"{}\n"))


def raw(name: str, kind: bytes, size: int) -> bytearray:
    """A header block as GNU's tar writes it, of an entry that may lie about its size."""
    made = entry(name, kind)
    made.size = size
    return bytearray(made.tobuf(tarfile.GNU_FORMAT))


def sparse(name: str, size: int) -> bytes:
    """A header of a sparse file: no content at all, but a size."""
    block = raw(name, tarfile.GNUTYPE_SPARSE, 0)
    for place, number in ((386, size), (398, 0), (483, size)):
        block[place : place + 12] = b"%011o\0" % number
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "blocks",
    [
        b"".join(sparse(f"pictures/{i:016x}.png", 4 << 20) for i in range(50)),
        (bytes(raw("long", tarfile.GNUTYPE_LONGNAME, 1)) + b"a".ljust(512, b"\0")) * 3000,
        bytes(raw("pax", tarfile.XHDTYPE, 400 << 20)) + bytes(1 << 20),
        bytes(raw("events.jsonl", tarfile.REGTYPE, 100)) + b"short",
        (bytes(raw("events.jsonl", tarfile.REGTYPE, 1)) + b"a".ljust(512, b"\0")) * 2,
    ],
    ids=["sparse files", "a chain of long names", "a large PAX header", "too short", "a name twice"],
)
def test_extensions_of_tar_cannot_fill_disk_memory_or_stack(blocks, tmp_path):
    (tmp_path / "bad.tar.zst").write_bytes(zstd.compress(blocks))
    (tmp_path / "into").mkdir()
    began = time.monotonic()
    with pytest.raises(JournalError):
        unpack(tmp_path / "bad.tar.zst", tmp_path / "into")
    assert time.monotonic() - began < 5
    assert sum(f.stat().st_size for f in (tmp_path / "into").rglob("*") if f.is_file()) < 1024


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=400), cut=st.integers(0, 3000))
def test_damaged_files_are_refused_in_words(data, cut, tmp_path_factory):
    into = tmp_path_factory.mktemp("into")
    whole = RECORDING.read_bytes()
    (into / "x.tar.zst").write_bytes(whole[:cut] + data if cut else data)
    (into / "out").mkdir()
    with pytest.raises(FacetuiError):
        unpack(into / "x.tar.zst", into / "out")


async def test_a_strangers_run_offers_no_console_and_exports_survive_its_copy(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pack(run, tmp_path / "run.tar.zst")
    (tmp_path / "copy").mkdir()
    run = unpack(tmp_path / "run.tar.zst", tmp_path / "copy")
    app = FacetApp(tmp_path, run, look_for_device=False, motion=False)
    app.has_console, app.copied, app.stage.run.recorded = False, run, "2026-01-02"
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press(":")
        assert app.stage.view == "timeline"
        await keys.press("G", "s", "e")
        assert " sample  recorded" in text_of(app.canvas.lines)
        assert "recorded 2026-01-02; live: facetui run sample" in text_of(app.canvas.lines)
        saved = {path.name for path in (tmp_path / "facetui-exports").iterdir()}
        assert {"timeline.svg", "chart.png", "table.csv"} <= saved and not (run / "exports").exists()
        app.open(run, live=False)
        assert not app.stage.run.recorded, "another run that is opened afterwards is none"


def test_only_runs_that_were_made_here_offer_a_console(run, tmp_path, monkeypatch):
    offered = []
    monkeypatch.setattr(launch, "app", lambda *_, console, **__: offered.append(console) or 0)
    monkeypatch.setattr(capabilities, "resolve", lambda name: name)
    pack(run, tmp_path / "run.tar.zst")
    copied = shutil.copytree(run, tmp_path / "copied")
    for runs, name in (
        (run.parent, run),
        (run.parent, run.name),
        (tmp_path / "elsewhere", run),
        (tmp_path, copied),
        (tmp_path, copied.name),
        (run.parent, tmp_path / "run.tar.zst"),
        (tempfile.gettempdir(), tmp_path / "run.tar.zst"),  # where it is unpacked
    ):
        monkeypatch.setenv("FACETUI_RUNS", str(runs))
        with pytest.raises(typer.Exit):
            watch.replay(str(name), "tui")
    assert offered == [True, True, True, False, False, False, False]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_unpacked_run_does_not_stay_behind(number, run, tmp_path):
    pack(run, tmp_path / "run.tar.zst")
    (tmp_path / "tmp").mkdir()
    places = {
        "FACETUI_RUNS": str(tmp_path / "runs"),
        "TMPDIR": str(tmp_path / "tmp"),
        "FACETUI_DISPLAY": "tui",
        "CI": "",
    }
    terminal = Pty([*MAIN, "replay", str(tmp_path / "run.tar.zst")], (80, 24), places)
    terminal.read_until(b"quit", 20)
    assert list((tmp_path / "tmp").glob("facetui-*/events.jsonl"))
    os.kill(terminal.process.pid, number)
    assert terminal.process.wait(10) == 128 + number
    terminal.close()
    assert not list((tmp_path / "tmp").glob("facetui-*"))


def test_what_a_killed_process_left_behind_goes_with_the_next(run, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    pack(run, tmp_path / "run.tar.zst")
    settings = {"FACETUI_RUNS": str(tmp_path / "runs"), "TMPDIR": str(tmp_path / "tmp"), "FACETUI_DISPLAY": "tui"}
    terminal = Pty([*MAIN, "replay", str(tmp_path / "run.tar.zst")], (80, 24), {**settings, "CI": ""})
    terminal.read_until(b"quit", 20)
    (theirs,) = (tmp_path / "tmp").iterdir()
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "tmp" / f"{archive.FOR_NOW}link"
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    yesterday = time.time() - 86_400
    os.utime(theirs, (yesterday, yesterday))
    os.utime(link, (yesterday, yesterday), follow_symlinks=False)
    with unpacked(str(tmp_path / "run.tar.zst")):
        assert theirs.exists(), "somebody still looks at it"
    terminal.process.kill()
    terminal.process.wait()
    terminal.close()
    with unpacked(str(tmp_path / "run.tar.zst")) as folder:
        assert not theirs.exists() and (folder / journal.EVENTS).is_file() and elsewhere.exists()
    assert list((tmp_path / "tmp").iterdir()) == [link]


# --- reports ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_a_report_says_how_well_the_device_repeats(kind, run, tmp_path):
    first, began, *rest = (run / journal.EVENTS).read_text().splitlines()
    began = json.dumps(json.loads(began) | {"repeats": repeats(kind)})
    (run / journal.EVENTS).write_text("\n".join([first, began, *rest, ""]))
    run_report.write(run, tmp_path / "r.md")
    text = (tmp_path / "r.md").read_text()
    assert f"repeats {repeats(kind)}" in text
    assert ("gives nearly the same figures: this device may differ" in text) == (kind == "cuda")


def test_a_report_says_what_was_measured_what_is_cited_and_how_to_repeat_it(run, tmp_path):
    for name in ("r.html", "r.md", "r.svg", "r.png", "r.csv"):
        run_report.write(run, tmp_path / name)
    page, text = (tmp_path / "r.html").read_text(), (tmp_path / "r.md").read_text()
    for told in (page, text):
        assert "facetui run sample.py --seed 0 --cast sample.toml --users p01,p02" in told and "model-a abc" in told
        assert "62 %" in told and "n 64, 8 people" in told and "a paper" in told and "Cited, not measured" in told
        assert "It began at 98 %" in told and "\x1b" not in told and "this is how far" not in told
        assert "■ trainer: adapts to pgd" in told and "everybody else" in told and "n 256" in told
        assert hashlib.sha256(SOURCE.encode()).hexdigest() in told, "the story, which is none that comes along,"
        assert "    lab.users.post(4)\n    lab.measure()" in told, "is there line by line"
        assert hashlib.sha256((run / journal.EVENTS).read_bytes()).hexdigest() in told
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org", "") and "@media print" in page
    assert "[red]not red[/red]" in page and "\\[red\\]" in text and "whole archive 11 %" in text and "▲ pgd" in text
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert {row["basis"] for row in rows} == {"measured", "cited"}
    with pytest.raises(UsageError, match=r"\.html"):
        run_report.write(run, tmp_path / "r.docx")
    with pytest.raises(JournalError, match="cannot be written"):
        run_report.write(run, tmp_path / "nowhere" / "r.html")


def test_a_report_of_a_run_that_did_not_end_says_so(tmp_path):
    write_sample(tmp_path / "killed", upto=12)
    write_sample(tmp_path / "failed", upto=12)
    failed = tmp_path / "failed" / journal.EVENTS
    failed.write_bytes(failed.read_bytes() + encode(RunFailed(seq=12, error="out of <memory>", exit_code=5)) + b"\n")
    for name, said in (("killed", "The run was killed"), ("failed", "out of &lt;memory&gt;")):
        for kind in ("html", "md"):
            run_report.write(tmp_path / name, tmp_path / f"r.{kind}")
            assert said in (tmp_path / f"r.{kind}").read_text()
    write_sample(tmp_path / "nothing", upto=4)
    with pytest.raises(JournalError, match="nothing was measured"):
        run_report.write(tmp_path / "nothing", tmp_path / "r.html")


def test_the_command_of_a_story_that_comes_along_needs_no_file(tmp_path):
    with unpacked(str(RECORDING)) as folder:
        run_report.write(folder, tmp_path / "r.md")
        users = ",".join(journal.began(journal.read(folder), folder).users)
    told = (tmp_path / "r.md").read_text()
    assert f"facetui run arms_race --seed 0 --cast embedded --users {users}\n" in told and "def scenario" not in told


def test_a_hostile_journal_stays_text_in_a_report(run, tmp_path):
    hostile = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\x1b[2J`rm -rf`\n# heading\n```\n<script>'
    (tmp_path / "bad").mkdir()
    book = Journal(tmp_path / "bad")
    for event in sample_events():
        changed = {
            name: hostile
            for name in ("text", "title", "scenario", "cohort", "extractor", "person", "source")
            if hasattr(event, name)
        }
        book.append(msgspec.structs.replace(event, **changed))
    book.append(Note(text="long " * 200_000 + "<script>"))
    book.close()
    for name in ("r.html", "r.md"):
        run_report.write(tmp_path / "bad", tmp_path / name)
        told = (tmp_path / name).read_text()
        assert "\x1b" not in told and len(told) < 200_000
        # In Markdown the story's source stands between fences, where nothing is markup, and the fences are longer
        # than any run of backticks in it.
        outside = re.sub(r"(?ms)^(`{3,})text$.*?^\1$", "", told)
        assert "<script" not in outside and "<img" not in outside
        assert name == "r.html" or "\n# heading" not in outside


def test_the_commands(run, tmp_path):
    def told(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [*MAIN, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "FACETUI_RUNS": str(run.parent)},
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    assert "pictures: fictional" in told("runs", "export", "sample", "-o", "a.tar.zst")
    assert "whole archive" in told("replay", "a.tar.zst", "--display", "plain")
    assert "wrote" in told("report", "a.tar.zst", "-o", "a.html") and (tmp_path / "a.html").exists()
    assert "ending in .tar.zst" in told("runs", "export", "sample", "-o", "a.zip", code=2)
    (tmp_path / "b.tar.zst").write_bytes(b"nothing")
    assert "damaged" in told("replay", "b.tar.zst", code=4)
    assert "cannot be unpacked" in told("replay", "missing.tar.zst", code=4)


# --- the recording ------------------------------------------------------------------------------------------------


def test_every_story_comes_along_recorded():
    assert set(recordings.names()) == {*scenarios.SCENARIOS.names(), "real"} and recordings.names()[0] == "arms_race"


@pytest.mark.parametrize("story", [name for name in recordings.names() if name != "real"])
def test_a_recording_is_of_the_story_and_the_networks_as_they_are(story):
    from facetui.engine.extractors import load

    packed = RECORDING.with_name(f"{story}.tar.zst")
    with unpacked(str(packed)) as folder:
        began = journal.began(journal.read(folder), folder)
        assert isinstance(began, RunBegan) and journal.began_at(folder)
    again = f"python tools/record_stories.py {story} records it anew"
    assert began.strength == "release" and began.source == scenarios.path_of(story).read_text(encoding="utf-8"), again
    assert {name: load(name).weights_hash() for name in began.extractors} == began.extractors, again
    assert packed.stat().st_size < 2_000_000


def test_the_recording_of_real_people_is_of_the_story_and_holds_no_picture_of_them():
    packed = RECORDING.with_name("real.tar.zst")
    with unpacked(str(packed)) as folder:
        events = journal.read(folder)
        began = journal.began(events, folder)
        assert not list(folder.glob("pictures/*"))
    assert isinstance(began, RunBegan) and not began.fictional and began.strength == "release"
    assert began.source == scenarios.path_of("arms_race").read_text(encoding="utf-8"), "play it again, and pack it"
    measured = [e for e in events if isinstance(e, ProtectionMeasured) and e.basis == "measured"]
    assert {e.extractor for e in measured} > set(began.surrogates), "strangers are asked, too"
    assert all(e.people and e.n_gallery >= 500 and e.asked == "alone" for e in measured)
    assert packed.stat().st_size < 100_000
    with pytest.raises(UnknownName, match="real"), recordings.unpacked("reel"):
        pass


def test_the_demo_moves_within_ten_seconds_and_says_that_it_is_a_recording(tmp_path):
    settings_ = {"FACETUI_RUNS": str(tmp_path), "FACETUI_DISPLAY": "tui", "CI": ""}
    terminal = Pty([*MAIN, "demo"], (120, 40), settings_)
    try:
        assert terminal.read_until(b"recording of", 10) < 10
        terminal.read_until(b"users", 10 - min(9.0, time.perf_counter() - terminal.began))
        assert time.perf_counter() - terminal.began < 10
    finally:
        terminal.type("q")
        terminal.drain()
        terminal.close()
    done = subprocess.run(
        [*MAIN, "demo", "--display", "json"], capture_output=True, text=True, env={**os.environ, **settings_}
    )
    assert done.returncode == 0 and "recording" in done.stderr and "facetui run arms_race" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["kind"] == "run_ended"


def test_what_tar_can_do_beyond_plain_files_is_refused(tmp_path):
    """Long names, sparse files and PAX headers would let a small file fill the memory; a run needs none of them."""
    for number, kind in enumerate((tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE, tarfile.XGLTYPE)):
        into = tmp_path / f"into{number}"
        into.mkdir()
        with pytest.raises(JournalError, match="no part of a run"):
            unpack(packed_by_a_stranger(tmp_path / "bad.tar.zst", (entry("events.jsonl", kind), b"x" * 600)), into)
    (tmp_path / "twice").mkdir()
    twice = [(entry("cues.jsonl"), b"{}\n"), (entry("cues.jsonl"), b"{}\n")]
    with pytest.raises(JournalError, match="twice"):
        unpack(packed_by_a_stranger(tmp_path / "bad.tar.zst", *twice), tmp_path / "twice")
