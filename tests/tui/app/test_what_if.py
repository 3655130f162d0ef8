"""What if: a move is chosen otherwise in the app, the branch is drawn beside the run that it comes from."""

from __future__ import annotations

import itertools
import os
import shlex
from pathlib import Path

import msgspec
import pytest

from facetui.engine.records import journal
from facetui.engine.records.events import WHOLE_ARCHIVE, Event, PhotosPosted, ProtectionMeasured, RunBegan
from facetui.engine.records.journal import Journal
from facetui.tui.app.actions import home
from facetui.tui.app.app import FacetApp
from facetui.tui.app.canvas import Canvas
from facetui.tui.figures.drawing import draw, svg
from facetui.tui.runs import named
from facetui.tui.runs.recent import recent
from facetui.tui.sharing.reports import run_report
from facetui.tui.state.branching import as_it_was
from facetui.tui.state.snapshot import Scene
from facetui.tui.text.sentences import words
from facetui.tui.text.spans import length, text_of

from ...support.commands import SHORT, facetui
from ...support.hostile_run import PIECES, hostile_run, unsafe
from ...support.sample_run import sample_events, write_sample


def shown(app: FacetApp) -> str:
    return text_of(app.screen.query_one(Canvas).lines)


def branched(events: list[Event], of: str, change: str = "7: attack=lowkey") -> list[Event]:
    """A run as another branch of the sample: what was measured from 2021 on is otherwise."""
    changed = []
    for event in events:
        if isinstance(event, RunBegan):
            event = msgspec.structs.replace(event, branch_of=of, changes=[change])
        elif isinstance(event, ProtectionMeasured) and event.t >= "2021" and event.people:
            missed = [0] * 8
            event = msgspec.structs.replace(event, missed=missed, protection_rate=0.0, interval=(0.0, 0.37))
        changed.append(event)
    return changed


def write(folder: Path, events: list[Event]) -> None:
    folder.mkdir(parents=True)
    book = Journal(folder)
    for event in events:
        book.append(event)
    book.close()


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """Runs that the app would have started."""
    calls: list[list[str]] = []
    monkeypatch.setattr(home, "start", lambda app, story, options, name: calls.append([story, *options, name]))
    return calls


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_what_can_be_changed_of_a_move_is_chosen_with_arrows(size, run, started):
    app = FacetApp(run.parent, run, look_for_device=False, motion=False)
    async with app.run_test(size=size, notifications=True) as keys:
        await keys.press("g", "}", "w")
        told = shown(app)
        assert "What if move 1 were another?" in told and "pgd" in told and "Nothing is changed" in told
        assert all(length(line) <= size[0] for line in app.screen.query_one(Canvas).lines)
        await keys.press("enter")
        assert len(app.screen_stack) == 2 and not started, "there is nothing to run yet"
        await keys.press("right", "right", "right", "left")
        assert app.screen.options == ["--what-if", "1: attack=fawkes-1.0"]
        assert "fawkes-1.0" in shown(app)
        if size[0] >= 80:
            assert "its own" in shown(app) and "--what-if '1: attack=fawkes-1.0'" in shown(app)
        await keys.press("down", "down", "right", "]", "[")
        assert app.screen.options == [], "another move begins anew"
        await keys.press("right", "down", "down", "right", "enter")
        ((story, *options, name),) = started
        assert Path(story) == run / "story" / "sample.py" and name == "sample"
        assert Path(story).read_text(encoding="utf-8") == app.stage.known.began.source
        assert options == [
            *("--branch-of", run.name),
            *("--what-if", "1: attack=fawkes-0.3", "--what-if", "1: share=0.75"),
        ]
        await keys.press("G", "w", "escape")
        assert len(app.screen_stack) == 1 and len(started) == 1


async def test_the_move_is_that_of_the_cursor_and_every_move_can_be_reached(run, started):
    app = FacetApp(run.parent, run, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("G", "left", "left", "left", "w")
        slot = app.stage.selection.slot
        assert app.screen.asked.move.number == max(n for _, _, n in app.stage.now.slots[slot].moves)
        seen = set()
        for _ in range(20):
            seen.add(app.screen.asked.move.number)
            await keys.press("[")
        for _ in range(20):
            seen.add(app.screen.asked.move.number)
            await keys.press("]")
        assert seen == set(range(1, 15)) - {number for number in range(1, 15) if number not in seen} and len(seen) >= 12


async def test_what_cannot_be_branched_says_why(run, stranger, started):
    app = FacetApp(run.parent, stranger, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24), notifications=True) as keys:
        await keys.press("G", "w")
        await keys.pause(0.2)
        assert len(app.screen_stack) == 1 and not started
        app.open(run, live=False)
        app.stage.known.began = msgspec.structs.replace(app.stage.known.began, source="")
        await keys.press("G", "w")
        await keys.pause(0.2)
        told = [notice.message for notice in app._notifications]
        assert any("say where it is" in text or "stranger" in text for text in told)
        assert any("move by move" in text for text in told) and not started


async def test_a_branch_is_drawn_beside_what_it_comes_from_and_compared_with_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FACETUI_RUNS", str(tmp_path))
    events = write_sample(tmp_path / "first")
    write(tmp_path / "branch", branched(events, "first"))
    app = FacetApp(tmp_path, tmp_path / "branch", look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("G")
        told = shown(app)
        assert "╌ as it was 11 %" in told and "━ whole archive 0 %" in told
        assert "what if, all it kept: 11 % -> 0 %" in told
        assert all(length(line) == 80 for line in app.canvas.lines)
        await keys.press("g", "}")
        assert "as it was" not in shown(app), "before the changed move both are one"
        await keys.press("G", "d")
        assert "what if none -> 7: attack=lowkey" in shown(app) and "two runs compared" in shown(app)
        await keys.press("escape", "5")
        assert "not after this branch" in shown(app)
        await keys.press("escape", "0", "1")
        app.open(tmp_path / "first", live=False)
        await keys.press("G")
        assert "as it was" not in shown(app) and " d " not in "\n".join(shown(app).splitlines()[-3:])


def test_the_line_follows_the_runs_own_measurements():
    events = sample_events()
    now, base = Scene.of(branched(events, "x")), Scene.of(events)
    line = as_it_was(now, base, kept=False)
    assert [round(64 * rate) for _, rate in line] == [5, 7]
    assert [slot for slot, _ in line] == [point.slot for point in now.curves[WHOLE_ARCHIVE][-2:]]
    assert as_it_was(now, None, kept=False) == as_it_was(base, base, kept=False) == ()
    drawn = svg(draw(now, kept=False, base=base))
    assert "as it was 11 %" in drawn and "as it was" not in svg(draw(base, kept=False))


def test_a_report_of_a_branch_has_the_paired_difference_and_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("FACETUI_RUNS", str(tmp_path))
    events = write_sample(tmp_path / "first")
    write(tmp_path / "branch", branched(events, "first"))
    run_report.write(tmp_path / "branch", tmp_path / "report.md")
    told = (tmp_path / "report.md").read_text(encoding="utf-8").replace("\\", "")
    assert "## What if" in told and "7: attack=lowkey" in told and "How their figures differ" in told
    assert "--what-if '7: attack=lowkey'" in told and "as it was 11 %" in told
    began = journal.began(journal.read(tmp_path / "branch"), tmp_path / "branch")
    assert "what if, by moves: 7: attack=lowkey, branching from first" in words(began)
    for folder in ("first",):
        for file in (tmp_path / folder).rglob("*.jsonl"):
            file.unlink()
    run_report.write(tmp_path / "branch", tmp_path / "alone.md")
    assert "is not at hand" in (tmp_path / "alone.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["../first", "", "branch", "/etc", "demo:../x", "demo:nothing", "x\x1b[2J"])
def test_what_a_journal_branches_from_is_only_looked_for_among_runs(name, tmp_path, monkeypatch):
    monkeypatch.setenv("FACETUI_RUNS", str(tmp_path / "runs"))
    write_sample(tmp_path / "first")
    write(tmp_path / "runs" / "branch", branched(sample_events(), name))
    began = journal.read(tmp_path / "runs" / "branch")[0]
    assert named.base_of(tmp_path / "runs" / "branch", began) == ""


async def test_a_strangers_branch_is_text(tmp_path):
    changes = [*PIECES[:6], "99999999999999999999: x", "3: attack=\x1b[2J", "٣: attack=pgd"]
    run = hostile_run(list(PIECES))
    began = msgspec.structs.replace(run[0], changes=changes, branch_of="\x1b[2J..", source="x")
    write(tmp_path / "run", [began, *run[1:-1]])
    assert unsafe(words(began)) == []
    app = FacetApp(tmp_path, tmp_path / "run", look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("G")
        assert unsafe(shown(app), "\n") == []
        app.stage.known.began = msgspec.structs.replace(app.stage.known.began, people="embedded")
        await keys.press("w")
        for key in itertools.chain(["right", "down"] * 4, ["["] * 16):
            assert unsafe(shown(app), "\n") == []
            assert all(length(line) <= 80 for line in app.screen.query_one(Canvas).lines)
            await keys.press(key)


@pytest.mark.slow
def test_a_branch_from_the_command_line_goes_on_from_the_cache(tmp_path):
    story = tmp_path / "short.py"
    story.write_text(SHORT)
    runs = Path(os.environ["FACETUI_RUNS"])
    more = ["--display", "none", "--crowd", 0, "--users", 8, "--seed", 2]
    assert facetui("run", story, *more).returncode == 0
    (base,) = journal.runs(runs)
    for wrong, said in (
        (["--what-if", "9: attack=pgd"], "makes 6 moves"),
        (["--what-if", "3: date=2020-08"], "made together with move 2"),
        ([], "--branch-of goes with"),
    ):
        ran = facetui("run", story, "--branch-of", base.name, "--display", "none", *wrong)
        assert ran.returncode == 2 and ran.stderr.count("\n") == 1 and said in ran.stderr, ran.stderr
    assert journal.runs(runs) == [base], "nothing was begun"
    ran = facetui("run", story, "--branch-of", base.name, "--what-if", "5: answer=none", "--display", "none")
    assert ran.returncode == 0, ran.stderr
    branch = next(folder for folder in journal.runs(runs) if folder != base)
    before, after = journal.read(base), journal.read(branch)
    assert (after[0].branch_of, after[0].changes, after[0].seed) == (base.name, ["5: answer=none"], 2)
    assert after[0].users == before[0].users and after[0].n_crowd == 0
    assert f"what if     5: answer=none, branching from {base.name}" in facetui("runs", "show", branch.name).stdout
    assert [run.changes for run in recent(runs)] == ["5: answer=none", ""]
    told = facetui("diff", base.name, branch.name, "--display", "plain").stdout
    assert "paired by person" in told and "what if  none -> 5: answer=none" in told
    assert shlex.quote("5: answer=none") in run_report.command(after[0])


def test_a_branch_does_not_ask_the_room_again(tmp_path):
    story = tmp_path / "asks.py"
    story.write_text(
        '"""It asks the room.\n\nNothing else.\n"""\n\n\ndef scenario(lab):\n    lab.at("2020-07")\n'
        '    said = lab.ask("Under what?", options=["pgd", "filters"], seconds=1)\n    lab.users.protect(said)\n'
        "    lab.users.post(2)\n    lab.trainer.scrape()\n    lab.measure()\n"
    )
    common = ("--crowd", "5", "--display", "none")
    ran = facetui("run", story, "--answers", "2", *common)
    assert ran.returncode == 0, ran.stderr
    (base,) = journal.runs(journal.runs_folder())
    ran = facetui("run", story, "--branch-of", base.name, "--what-if", "1: photos=1", *common)
    assert ran.returncode == 0, ran.stderr
    (branch,) = [folder for folder in journal.runs(journal.runs_folder()) if folder != base]
    posted = [event for event in journal.read(branch) if isinstance(event, PhotosPosted) and event.attack]
    assert [(event.attack, event.n_photos // event.n_people) for event in posted] == [("filters", 1)]
