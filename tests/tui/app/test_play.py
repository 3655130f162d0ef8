"""A game in a real terminal, from the first form to the last, with a lab that really plays it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from facetui.engine.records import journal
from facetui.engine.records.events import Note, ProtectionMeasured
from facetui.tui.cli.machine.bench_screens import MAIN

from ...support.commands import facetui
from ...support.tmux import Tmux, places


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_game_from_start_to_end_in_a_real_terminal(size, tmp_path):
    settings = {**places(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    if size == (80, 24):  # nobody has trained before: there is time to stop it
        settings["FACETUI_CACHE"] = str(tmp_path / "cache")
    terminal = Tmux(f"sh -c 'cd {tmp_path} && {' '.join(MAIN)} play --strength workshop'", size, settings)
    try:
        assert "weakened, for a workshop" in terminal.wait("you are", 60)
        terminal.press("Enter")
        asked = terminal.wait("Turn 1 of 5", 120)
        assert "fawkes-0.3" in asked and "lab.users.post(4)" in asked and "Price:" in asked
        terminal.press("v")
        assert "as posted" in terminal.wait("difference x10", 60), "what the tool makes of a photo"
        terminal.press("Down", "Down", "Left", "Left", "Left", "Down", "Right", "Enter")  # one photo; 60 % believed
        came = " ".join(terminal.wait("Turn 2 of 5", 200).split())
        assert "you believed 60 %" in came and "are not named" in came, came
        terminal.press("Escape")
        terminal.wait("The game waits")
        terminal.press("p")
        terminal.wait("Turn 2 of 5")
        if size == (80, 24):
            terminal.press("Down", "Down", "Left", "Left", "Left", "Left", "Enter")
            terminal.wait("its own test", 120)
            terminal.press("C-c")  # what was begun of the turn is taken back: nothing of it counts
            terminal.wait("Choose again", 120)
        for turn in (2, 3, 4, 5):  # nothing more is posted, and the trainer answers what is there
            terminal.wait(f"Turn {turn} of 5", 300)
            terminal.press("Down", "Down", "Left", "Left", "Left", "Left", "Enter")
        end = " ".join(terminal.wait("The game is over", 300).split())
        assert "adapt" in end and "believed" in end and "Next:" in end and "off by" in end
        terminal.press("s")
        terminal.wait("Saved: facetui run game-")
        terminal.press("Escape")
        terminal.wait(r"(?s)\A(?!.*The game is over)")
        terminal.press("q")
        terminal.wait("left with 0|The run goes on")
    finally:
        terminal.close()
    (folder,) = journal.runs(tmp_path / "runs")
    events = journal.read(folder)
    assert sum(isinstance(event, Note) and "believes: 60 %" in event.text for event in events) == 1
    assert sum(isinstance(event, ProtectionMeasured) and event.cohort == "whole archive" for event in events) >= 5
    (saved,) = tmp_path.glob("game-*.py")
    assert "try_on" not in saved.read_text(), "to look is no move"
    if size == (80, 24):
        again = facetui("run", saved, "--strength", "workshop", "--display", "plain", "--out", tmp_path / "again")
        assert again.returncode == 0, again.stderr
        (repeated,) = journal.runs(tmp_path / "again")
        assert rates(journal.read(repeated)) == rates(events), "the story that was saved is the game that was played"


def rates(events) -> list[tuple[str, str, float]]:
    return [(e.cohort, e.generation, e.protection_rate) for e in events if isinstance(e, ProtectionMeasured)]


def test_a_game_without_a_terminal_says_what_there_is_instead():
    said = facetui("play")
    assert said.returncode == 2 and "facetui repl" in said.stderr and len(said.stderr.strip().splitlines()) == 1
    said = facetui("play", "--me", "nowhere")
    assert said.returncode == 4 and "is no folder" in said.stderr
    said = facetui("play", "--as", "lawyer")
    assert said.returncode == 2 and "--as user or --as trainer" in said.stderr


def test_the_command_is_in_the_help():
    assert "play" in subprocess.run([*MAIN, "--help"], capture_output=True, text=True, check=True).stdout
