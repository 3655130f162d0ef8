"""A presenter's side that never ends, lies or breaks off: bounded memory and time, said, and asked again."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from facetui.engine.records import journal
from facetui.tui.app.app import FacetApp
from facetui.tui.runs import cues, picture_policy
from facetui.tui.runs.answers import Limits
from facetui.tui.runs.remote import Mirror
from facetui.tui.text.spans import text_of

from ...support.ending import check_sentence, command, ends_within
from ...support.presenting import copied, until
from ...support.rogue import CUT, FATAL, LATE, OK, Asked, Rogue, for_ever
from ...support.sample_run import a_picture, write_sample

FAST = Limits(
    wait=1,
    patience=0.3,
    rate=20_000,
    pause=0.05,
    back_off=(0.05, 0.1),
    answer=400_000,
    line=50_000,
    run=1 << 20,
)
EVENTS = journal.EVENTS


@pytest.fixture
def files(tmp_path) -> dict[str, bytes]:
    """What a presenter of the sample gives out, by name."""
    folder = tmp_path / "theirs"
    write_sample(folder)
    given = {f"pictures/{path.name}": path.read_bytes() for path in folder.glob("pictures/*.png")}
    told = cues.encode([cues.Cue(3, "faces", "look")])
    return {EVENTS: (folder / EVENTS).read_bytes(), cues.CUES: told, **given}


@pytest.fixture
def rogue(files, tmp_path):
    """Makes a presenter's side and somebody who follows it."""
    made = []

    def make(wrong, limits: Limits = FAST) -> tuple[Rogue, Mirror]:
        server = Rogue(files, wrong)
        mirror = Mirror(server.url, tmp_path, limits)
        made.extend([mirror, server])
        mirror.start()
        return server, mirror

    yield make
    for one in made:
        one.close()


def at_first(wrong, times: int = 1):
    """Wrong the first times, right from then on."""
    return lambda asked: wrong(asked) if asked.number < times else None


def is_whole(mirror: Mirror, files: dict[str, bytes]) -> bool:
    return mirror.over and mirror.failed is None and copied(mirror) == files[EVENTS]


@pytest.mark.parametrize("name", [*LATE, *CUT])
def test_what_never_ends_or_breaks_off_is_said_and_asked_for_again(name, rogue, files):
    began = time.monotonic()
    server, mirror = rogue(at_first((LATE | CUT)[name]))
    until(lambda: mirror.trouble, FAST.wait + FAST.patience + 5)
    check_sentence(mirror.trouble, "the presenter has not answered for", "trying again")
    until(lambda: is_whole(mirror, files))
    assert mirror.trouble == "" and mirror.status == "finished"
    assert time.monotonic() - began < 8
    assert server.sent < 64 << 20, "it is not read for longer than an answer may take"
    assert {path.name for path in mirror.folder.glob("pictures/*")} == {Path(n).name for n in files if "png" in n}
    assert [cue.text for cue in cues.read(mirror.folder)] == ["look"]


@pytest.mark.parametrize("name", FATAL)
def test_what_cannot_be_followed_ends_with_a_sentence(name, rogue):
    wrong, holds = FATAL[name]
    server, mirror = rogue(wrong)
    until(lambda: mirror.over, 8)
    check_sentence(str(mirror.failed), holds)
    assert mirror.over and mirror.status == "killed"
    assert server.sent < 32 << 20 and len(copied(mirror)) <= FAST.answer
    assert len(server.asked) <= 2


@pytest.mark.parametrize("name", ["a length that is a digit for Unicode", "a web page", "gzip", "moved"])
def test_the_command_says_it_and_leaves_with_its_code(name, files, monkeypatch, capfd):
    wrong, holds = FATAL[name]
    server = Rogue(files, wrong)
    try:
        code, _, err = command(monkeypatch, capfd, "follow", server.url, "--display", "plain")
    finally:
        server.close()
    assert code == 4
    check_sentence(err.rstrip("\n"), "facetui: ", holds)


@pytest.mark.parametrize("name", ["gzip", "a journal without end", "an enormous length"])
async def test_the_app_shows_it_and_leaves_with_its_code(name, rogue, tmp_path):
    wrong, holds = FATAL[name]
    _, mirror = rogue(wrong)
    app = FacetApp(tmp_path, mirror.folder, live=True, look_for_device=False, motion=False, mirror=mirror)
    async with app.run_test(size=(120, 30)) as keys:
        until(lambda: mirror.over)
        app.tick()
        await keys.pause()
        assert holds in " ".join(text_of(app.canvas.lines).split())
        await keys.press("q")
    assert app.return_value == 4


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://h:99999999/x/",
        "http://h:x/",
        "https://h/x/",
        "http:///x/",
        "http://h/a b/",
        "http://h/\u00e9/",
        "http://h/\n/",
        "http://" + "h" * 9000 + ":x/",
    ],
)
def test_what_is_no_address_is_said(url, monkeypatch, capfd):
    code, _, err = command(monkeypatch, capfd, "follow", url, "--display", "plain")
    assert code == 2
    check_sentence(err.rstrip("\n"), "expected")


def test_memory_stays_bounded_while_a_body_never_ends(files):
    """With the limits as they are, in a process of its own."""
    server = Rogue(files, for_ever(OK + b"\r\n", b"x" * (1 << 20)))
    program = (
        "from facetui.tui.cli import main as cli\n"
        "try: cli.main()\n"
        "finally: print(next(row for row in open('/proc/self/status') if row.startswith('VmHWM')))"
    )
    try:
        told = subprocess.run(
            [sys.executable, "-c", program, "follow", server.url, "--display", "plain"],
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        server.close()
    assert told.returncode == 4
    check_sentence(told.stderr.rstrip("\n"), "more than 64 MB at once")
    assert int(told.stdout.split()[-2]) < 260_000, told.stdout
    assert server.sent < 80 << 20


# --- pictures and cues --------------------------------------------------------------------------------------------


def picture_at(number: int, wrong):
    """Wrong for the first question for a picture after so many of them."""
    seen = []

    def answer(asked: Asked):
        if not asked.name.startswith("pictures/"):
            return None
        seen.append(asked.name)
        return wrong(asked) if len(seen) == number + 1 else None

    return answer


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    "wrong",
    [
        *(CUT[name] for name in ("half a status", "half a head", "half a body", "half a chunk")),
        LATE["a drip of a body"],
    ],
    ids=["status", "head", "body", "chunk", "drip"],
)
def test_a_cut_at_each_picture_loses_nothing(number, wrong, rogue, files):
    _, mirror = rogue(picture_at(number, wrong))
    until(lambda: is_whole(mirror, files))
    assert len(list(mirror.folder.glob("pictures/*"))) == 2


def test_pictures_that_never_come_hold_up_no_event(rogue, files):
    server, mirror = rogue(lambda asked: iter([OK]) if "png" in asked.name else None)
    until(lambda: is_whole(mirror, files))
    assert not (mirror.folder / "pictures").exists()
    assert sum("png" in name for name in server.asked) == 6, "each is asked for three times"


WRONG_PICTURES = {
    "another": a_picture(3),
    "none": b"",
    "no picture": b"<svg onload='alert(1)'/>",
    "an end is missing": a_picture(90)[:-1],
    "something follows": a_picture(90) + b"#!/bin/sh\n",
}


@pytest.mark.parametrize("what", WRONG_PICTURES)
def test_a_picture_whose_content_is_another_is_not_kept(what, rogue, files):
    for name in files:
        if "png" in name:
            files[name] = WRONG_PICTURES[what]
    _, mirror = rogue(lambda asked: None)
    until(lambda: is_whole(mirror, files))
    assert list(mirror.folder.glob("pictures/*")) == []


def test_pictures_count_among_what_a_run_may_hold(rogue, files):
    small = Limits(wait=1, patience=0.3, pause=0.05, back_off=(0.05,), run=len(files[EVENTS]) + 100)
    _, mirror = rogue(lambda asked: None, small)
    until(lambda: mirror.over)
    check_sentence(str(mirror.failed), "larger than")
    assert copied(mirror) == files[EVENTS], "the events that came are kept"


@pytest.mark.parametrize("name", [picture_policy.NAME.pattern, "cues"], ids=["picture", "cues"])
def test_one_large_file_ends_it(name, rogue):
    part = "cues" if name == "cues" else "png"
    _, mirror = rogue(lambda asked: iter([OK + b"Content-Length: 99999999\r\n\r\n"]) if part in asked.name else None)
    until(lambda: mirror.over)
    check_sentence(str(mirror.failed), "MB at once")


def test_empty_answers_are_not_asked_for_without_pause(rogue, files):
    empty = b"HTTP/1.1 204 OK\r\nFacetui-Status: running\r\nFacetui-Cues: 999\r\n\r\n"
    server, mirror = rogue(lambda asked: iter([empty]) if asked.name == EVENTS else None)
    time.sleep(1)
    assert not mirror.over
    journal_asked = sum(name == EVENTS for name in server.asked)
    assert 2 <= journal_asked <= 1 / FAST.pause + 2


def test_a_status_that_is_none_is_not_shown(rogue, files):
    body = files[EVENTS]
    told = b"HTTP/1.1 200 OK\r\nFacetui-Status: \x1b[2Jowned\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    _, mirror = rogue(lambda asked: iter([told]) if asked.name == EVENTS else None)
    until(lambda: copied(mirror) == body)
    assert mirror.status in ("running", "empty")


def test_closing_does_not_wait_for_somebody_who_drips(rogue):
    server, mirror = rogue(for_ever(OK + b"\r\n", b"x" * 2000, 0.01))
    until(lambda: server.sent > 4000)
    with ends_within(1):
        mirror.close()
    sent = server.sent
    time.sleep(1.0)
    assert server.sent < sent + 100_000, "it is hung up"
    assert not mirror.folder.exists()


def test_events_are_numbered_in_what_is_said_of_damage(rogue, files):
    lines = files[EVENTS].split(b"\n")
    lines[6] = lines[6].replace(b"model-a", b"model-\xff", 1)
    files[EVENTS] = b"\n".join(lines)
    _, mirror = rogue(lambda asked: None)
    until(lambda: mirror.over)
    check_sentence(str(mirror.failed), "line 7 of this run is damaged", "UTF-8")


@pytest.mark.parametrize("tag", [b'"a\r\n b"', b'"' + b"a" * 9000 + b'"', b"\x1b[2J", b'"\xff"', b""])
def test_no_strange_tag_is_sent_back(tag, rogue, files):
    heads, half = [], files[EVENTS][:2000]

    def answer(asked: Asked):
        heads.append(asked.head)
        head = b"HTTP/1.1 206 OK\r\nETag: %s\r\nContent-Range: bytes 0-1999/9999\r\nContent-Length: 2000\r\n\r\n" % tag
        return iter([head + half]) if asked.number == 0 else None

    _, mirror = rogue(answer)
    until(lambda: is_whole(mirror, files))
    assert not any(b"If-Range" in head for head in heads[:2])
