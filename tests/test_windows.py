"""Facetui where it believes that it is on Windows: tests/support/windows says what it lacks there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from facetui.engine.records import journal
from facetui.engine.records.events import Progress, RunFailed

from .support import windows

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="is told on Linux what Windows lacks")

STORY = '''"""A story for tests."""


def scenario(lab):
    """Post once, and for long."""
    lab.users.protect("pgd", steps=20000)
    lab.users.post(2)
'''

IMPORT_ALL = """
import importlib, pkgutil
import facetui.engine, facetui.scenarios, facetui.tui
found = [m.name for top in (facetui.engine, facetui.scenarios, facetui.tui)
         for m in pkgutil.walk_packages(top.__path__, top.__name__ + ".")]
for name in found:
    if name not in OF_POSIX and not name.endswith("__main__"):
        importlib.import_module(name)
from facetui.engine import system
assert system.WINDOWS
print(len(found))
"""
OF_POSIX = {"facetui.tui.app.terminal.posix", "facetui.tui.cli.machine.bench_screens"}


@pytest.mark.parametrize("blocked", ["", "1"], ids=["for facetui", "for everybody"])
def test_every_module_is_imported_without_what_is_posix_alone(blocked):
    done = windows.program(f"OF_POSIX = {OF_POSIX!r}\n{IMPORT_ALL}", FACETUI_WITHOUT_POSIX=blocked)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 280


def test_the_disguise_lacks_what_windows_lacks():
    done = windows.program("import facetui.tui.app.terminal.posix")
    assert "No module named 'termios'" in done.stderr
    done = windows.program("import facetui.engine.system as s; s.os.killpg")
    assert "Windows has no os.killpg" in done.stderr


PILOT = """
import asyncio, sys
from pathlib import Path
from facetui.tui.app.app import FacetApp
from facetui.tui.app.terminal.driver import Terminal
from facetui.tui.text.spans import text_of

async def look():
    run = Path(sys.argv[1])
    app = FacetApp(run.parent, run, look_for_device=False, motion=False, driver=Terminal)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("G", "2")
        assert app.stage.view == "cohorts" and app.stage.player.at_end
        print(text_of(app.canvas.lines))

asyncio.run(look())
"""


def test_the_app_starts_headless_without_posix(run):
    done = windows.program(PILOT, str(run), FACETUI_WITHOUT_POSIX="1")
    assert done.returncode == 0, done.stderr
    assert "whole archive" in done.stdout


def test_the_app_is_drawn_and_left(run):
    from facetui.tui.cli.machine.bench_screens import Pty

    environment = windows.environment(FACETUI_DISPLAY="tui", CI="")
    terminal = Pty([*windows.MAIN, "replay", str(run)], (80, 24), environment)
    terminal.read_until(b"quit", 20)
    terminal.type("q")
    assert terminal.process.wait(10) == 0
    terminal.close()


def test_a_break_ends_the_app_and_restores_its_console(run):
    from facetui.tui.cli.machine.bench_screens import Pty

    terminal = Pty([*windows.MAIN, "replay", str(run)], (80, 24), windows.environment(FACETUI_DISPLAY="tui", CI=""))
    terminal.read_until(b"quit", 20)
    os.kill(terminal.process.pid, signal.SIGUSR2)  # what stands for SIGBREAK
    seen, end = b"", time.monotonic() + 10
    while b"\x1b[?1049l" not in seen and time.monotonic() < end:
        seen += terminal.read(0.1)
    assert b"\x1b[?1049l" in seen and b"\x1b[?25h" in seen
    assert terminal.close() == 128 + signal.SIGUSR2


HOLD = """
import sys, time
from pathlib import Path
from facetui.engine.records.journal import Journal
book = Journal(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""
ASK = """
import sys
from pathlib import Path
from facetui.engine.records import journal
folder = Path(sys.argv[1])
print(journal.is_locked(folder), journal.status(folder, journal.read(folder)))
"""


def test_a_run_under_way_is_recognised_and_one_that_was_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], env=windows.environment(), stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    assert windows.program(ASK, str(tmp_path)).stdout == "True running\n"
    holder.kill()
    holder.wait()
    assert windows.program(ASK, str(tmp_path)).stdout == "False empty\n"


STOP = """
import sys, time
from pathlib import Path
from facetui.engine.records import journal
from facetui.engine.records.events import Progress
from facetui.tui.runs import engine_process
engine = engine_process.start(sys.argv[1], ["--no-cache"], Path(sys.argv[2]), "story")
engine_process.wait_until_begun(engine)
while not any(isinstance(event, Progress) for event in journal.read(engine.folder)):
    time.sleep(0.1)
assert journal.is_locked(engine.folder)
engine.stop()
print(engine.process.wait(30), engine.folder)
"""


@pytest.mark.slow
def test_a_run_in_the_background_is_asked_to_stop(tmp_path):
    (tmp_path / "story.py").write_text(STORY, encoding="utf-8")
    done = windows.program(STOP, str(tmp_path / "story.py"), str(tmp_path / "runs"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{128 + signal.SIGTERM} ")
    (folder,) = journal.runs(tmp_path / "runs")
    last = journal.read(folder)[-1]
    assert isinstance(last, RunFailed) and last.stopped
    assert any(isinstance(event, Progress) for event in journal.read(folder))


def test_a_move_of_the_console_is_interrupted(tmp_path):
    program = """
import subprocess, sys
from facetui.engine import system
from facetui.tui.session import messages
command, pipe = [sys.executable, "-m", "facetui.tui.session", sys.argv[1]], subprocess.PIPE
process = system.subprocess.Popen(command, stdin=pipe, stdout=pipe, creationflags=system.OWN_GROUP)
def until(kind):
    while True:
        answer = messages.answer(process.stdout.readline())
        if isinstance(answer, kind):
            return answer
until(messages.Ready)
process.stdin.write(messages.line(messages.Run("import time; print('begun', flush=True); time.sleep(60)", 80)))
process.stdin.flush()
until(messages.Said)
system.interrupt(process)
assert not until(messages.Done).ok
process.stdin.close()
print(process.wait(20))
"""
    done = windows.program(program, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0\n"


def test_a_run_is_published_and_followed(run):
    server = subprocess.Popen(
        [*windows.MAIN, "publish", str(run)], env=windows.environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = next(word for line in server.stdout for word in line.split() if word.startswith("http://"))
        followed = windows.run("follow", url, "--display", "plain")
        assert followed.returncode == 0 and "done" in followed.stdout, followed.stderr
    finally:
        server.terminate()
        server.wait(10)


def test_no_name_leads_to_a_device_or_through_a_link(tmp_path):
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "secret").write_text("x", encoding="utf-8")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path / "away")
    program = """
import sys
from pathlib import Path
from facetui.engine.records import files
for name in ("link/secret", "NUL", "events.jsonl:hidden", "pictures\\\\x", "aux.png"):
    for act in (files.read, lambda *where: files.write(*where, b"x")):
        try:
            act(Path(sys.argv[1]), name)
        except OSError:
            continue
        sys.exit(f"{name} was taken")
files.write(Path(sys.argv[1]), "pictures/x.png", b"x")
files.write(Path(sys.argv[1]), "pictures/x.png", b"y")
assert files.read(Path(sys.argv[1]), "pictures/x.png") == b"y"
"""
    done = windows.program(program, str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "away" / "secret").read_text(encoding="utf-8") == "x"


def test_a_program_is_ended_with_all_that_it_started(tmp_path):
    ends = tmp_path / "taskkill"
    ends.write_text('#!/bin/sh\nkill -s KILL -- "-$4"\n', encoding="utf-8")
    ends.chmod(0o755)
    program = """
import sys
from facetui.engine import system
process = system.subprocess.Popen(["sleep", "60"], start_new_session=True, creationflags=system.OWN_GROUP)
system.end_group(process, hard=False)
print(process.wait(10))
"""
    done = windows.program(program, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert done.stdout == f"{-signal.SIGKILL}\n", done.stderr


def test_commands_say_what_cannot_be_had():
    done = windows.run("bench", "ui")
    assert done.returncode == 2 and "POSIX" in done.stderr and done.stderr.count("\n") == 1
    assert "was never tested on Windows" in windows.run("doctor").stdout
