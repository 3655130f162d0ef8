"""Following by the commands and in the app."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facetui.engine.records import journal
from facetui.engine.records.events import PicturesShown
from facetui.tui.app.app import FacetApp
from facetui.tui.runs import cues
from facetui.tui.sharing.web import server_process
from facetui.tui.text.spans import text_of

from ...support.presenting import count, until
from ...support.sample_run import write_sample

MAIN = [sys.executable, "-m", "facetui.tui.cli.main"]


# --- the commands -------------------------------------------------------------------------------------------------


def limited_disk() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))


def test_followers_say_what_happens_in_lines(presenter, tmp_path):
    presenter.write(8)
    lines = tmp_path / "told.jsonl"
    with lines.open("wb") as out:
        command = [*MAIN, "follow", presenter.url, "--display", "json"]
        told = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True)
    full = subprocess.Popen(
        [*MAIN, "follow", presenter.url, "--display", "plain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited_disk,
    )
    until(lambda: "run_began" in lines.read_text())
    cues.send(presenter.folder, 4, "timeline", "the curve \x1b[31m")
    time.sleep(1)
    peak = int(
        next(
            row for row in Path(f"/proc/{told.pid}/status").read_text().splitlines() if row.startswith("VmHWM")
        ).split()[1]
    )
    assert peak < 60_000, f"a follower takes {peak} kB"
    presenter.finish()
    _, err = told.communicate(timeout=30)
    assert told.returncode == 0
    assert [json.loads(row)["seq"] for row in lines.read_text().splitlines()] == list(range(len(presenter.events)))
    assert "look here: the curve" in err and "\x1b" not in err
    _, err = full.communicate(timeout=30)
    assert full.returncode != 0 and "cannot be written" in err and "make room" in err


def test_a_run_whose_disk_is_full_ends_for_those_who_follow_it(tmp_path):
    story = tmp_path / "story.py"
    body = '    for _ in range(100):\n        lab.note("x" * 200)\n        time.sleep(0.4)\n'
    story.write_text(f'"""S."""\nimport time\n\n\ndef scenario(lab):\n{body}')
    environment = {**os.environ, "FACETUI_RUNS": str(tmp_path / "runs"), "CI": ""}
    command = [*MAIN, "run", str(story), "--display", "plain", "--publish"]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=limited_disk
    )
    url = run.stderr.readline().split()[-1]
    follower = subprocess.run([*MAIN, "follow", url, "--display", "json"], capture_output=True, text=True, timeout=60)
    assert follower.returncode != 0 and "killed" in follower.stderr
    _, err = run.communicate(timeout=60)
    assert run.returncode != 0 and "make room" in err


def test_a_run_is_published_while_it_is_played(tmp_path):
    story = tmp_path / "story.py"
    story.write_text(
        '"""S."""\nimport time\n\n\ndef scenario(lab):\n    for i in range(8):\n'
        "        lab.note(str(i))\n        time.sleep(0.5)\n"
    )
    environment = {**os.environ, "FACETUI_RUNS": str(tmp_path / "runs"), "CI": ""}
    run = subprocess.Popen(
        [*MAIN, "run", str(story), "--display", "plain", "--publish"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    line = run.stderr.readline()
    assert line.startswith("facetui follow http://127.0.0.1:")
    follower = subprocess.run(
        [*MAIN, "follow", line.split()[-1], "--display", "json"], capture_output=True, text=True, timeout=60
    )
    assert follower.returncode == 0, follower.stderr
    assert [e["text"] for e in map(json.loads, follower.stdout.splitlines()) if e["kind"] == "note"] == [
        str(i) for i in range(8)
    ]
    run.communicate(timeout=30)
    assert run.returncode == 0


async def test_cues_are_shown_and_followed_when_one_likes(presenter, tmp_path, follow):
    presenter.write(20)
    mirror = follow(presenter.url)
    until(lambda: count(mirror) == 20)
    app = FacetApp(tmp_path, mirror.folder, live=True, look_for_device=False, motion=False, mirror=mirror)
    own = FacetApp(tmp_path, presenter.folder, live=True, look_for_device=False, motion=False)
    async with own.run_test(size=(80, 24)) as keys:
        await keys.press("2", "g", "]", "]", "]", "c", *"look", "enter")
        await keys.pause(0.3)
    (cue,) = cues.read(presenter.folder)
    until(lambda: len(cues.read(mirror.folder)) == 1)
    assert (cue.view, cue.text) == ("cohorts", "look") and cue.at > 0
    async with app.run_test(size=(80, 24)) as keys:
        await keys.pause(0.5)
        head = app.stage.player.head
        cues.send(presenter.folder, cue.at, "cohorts", "and now")
        for _ in range(50):
            await keys.pause(0.1)
            if "and now" in text_of(app.canvas.lines):
                break
        assert "and now" in text_of(app.canvas.lines) and app.stage.player.head == head, "a cue moves nobody"
        await keys.press("v")
        assert app.stage.view == "cohorts" and app.stage.player.events[app.stage.player.head].seq == cue.at
        await keys.press("c")
        assert len(app.screen_stack) == 1, "only the presenter sends cues"
        presenter.server.process.kill()
        for _ in range(100):
            await keys.pause(0.1)
            if "no answer" in text_of(app.canvas.lines):
                break
        assert "no answer" in text_of(app.canvas.lines)


def test_pictures_come_along_and_are_what_they_are_called(tmp_path, follow):
    folder = tmp_path / "run"
    write_sample(folder)
    server = server_process.start(folder)
    try:
        mirror = follow(server.url)
        until(lambda: mirror.over)
        shown = [e for e in journal.read(folder) if isinstance(e, PicturesShown)]
        for name in {shown[0].original, shown[0].posted}:
            assert (mirror.folder / "pictures" / f"{name}.png").read_bytes() == (
                folder / "pictures" / f"{name}.png"
            ).read_bytes()
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.alone
def test_following_costs_little_and_loses_nothing():
    """Wide bounds, for machines that do other things meanwhile; the bench prints the figures."""
    from facetui.tui.cli.machine.bench_followers import measure

    cost = measure(followers=20, seconds=5, rounds=1)
    assert cost.lost == 0 and cost.lines > 20 * 5
    assert cost.behind[0] < 1.0 and cost.behind[1] < 4.0
    assert cost.slowed < 0.4 and 0 < cost.server < 150e6
