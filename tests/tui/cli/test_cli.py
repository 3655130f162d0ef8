"""The command line as people use it: in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facetui.engine.records import journal

from ...support.commands import MAIN, SHORT, facetui, rates


@pytest.fixture
def story(tmp_path) -> Path:
    path = tmp_path / "short.py"
    path.write_text(SHORT)
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        [],
        ["list"],
        ["runs"],
        ["replay", "nothing"],
        ["run", "--help"],
        ["protect", "--help"],
        ["board", "--help"],
        ["board", "page", "nowhere.json", "-o", "board.md"],
    ],
)
def test_no_torch_where_none_is_needed(arguments):
    code = (
        "import sys; from facetui.tui.cli import main as cli; sys.argv = ['facetui', *sys.argv[1:]]\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'textual', 'numpy', 'kornia', 'sklearn') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]", done.stderr


def test_nothing_useful_gets_examples():
    done = facetui()
    assert done.returncode == 0 and "facetui run arms_race" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "arms_rice"], 2, "did you mean arms_race"),
        (["run", "missing.py"], 1, "missing.py cannot be read"),
        (["run", "arms_race", "--cast", "embeded"], 2, "embedded"),
        (["run", "arms_race", "--people", "/nowhere"], 4, "there is no folder"),
        (["run", "arms_race", "--device", "cuda:9"], 2, "--device auto"),
        (["run", "arms_race", "--device", "toaster"], 2, "expected a device"),
        (["run", "arms_race", "--display", "hologram"], 2, "expected a display"),
        (["run", "arms_race", "--users", "p99"], 2, "no person is called 'p99'"),
        (["run", "arms_race", "--users", ","], 2, "--users expects"),
        (["replay", "nothing"], 2, "no run is called"),
        (["list", "atacks"], 2, "attacks"),
    ],
)
def test_bad_input_is_one_sentence(arguments, code, words):
    done = facetui(*arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr + done.stdout
    assert len([line for line in done.stderr.splitlines() if line.startswith("facetui: ")]) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def scenario(lab:\n", "line 1"),
        ("x = 1\n", "has no function scenario"),
        ('def scenario(lab):\n    lab.at("2020-07")\n    1 / 0\n', "mine.py, line 3: ZeroDivisionError"),
        ('def scenario(lab):\n    lab.users.protect("pdg")\n', "mine.py, line 2: no attack is called 'pdg'"),
    ],
)
def test_a_broken_scenario_names_file_and_line(text, words, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(text)
    done = facetui("run", path)
    assert done.returncode != 0 and words in done.stderr
    assert "Traceback" not in done.stderr
    if "details" in done.stderr:
        log = done.stderr.split("details: ")[1].strip()
        assert "Traceback" in Path(log).expanduser().read_text()


def test_a_run_can_be_listed_shown_replayed_and_deleted(story, tmp_path):
    done = facetui("run", story, "--display", "json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = {event["kind"] for event in events}
    assert {"run_began", "photos_posted", "photos_scraped", "extractor_released", "defence_applied"} <= kinds
    assert events[0]["kind"] == "run_began" and events[-1]["kind"] == "run_ended"
    assert [event["seq"] for event in events] == list(range(len(events)))
    (adapted,) = [e for e in events if e["kind"] == "defence_applied"]
    assert SHORT.splitlines()[adapted["line"] - 1].strip() == "lab.trainer.adapt(steps=6)"
    shown = [e for e in events if e["kind"] == "pictures_shown"]
    assert set(events[0]["users"]) == {e["person"] for e in shown}
    assert shown[0]["person"] == events[0]["users"][0], "a measurement shows one of them"
    (folder,) = journal.runs(Path(os.environ["FACETUI_RUNS"]))
    for event in shown:
        assert all((folder / "pictures" / f"{event[key]}.png").is_file() for key in ("original", "posted", "probe"))

    assert "finished" in facetui("runs").stdout
    assert "protected" in facetui("runs", "show", "short").stdout
    replayed = facetui("replay", "short")
    assert replayed.returncode == 0
    assert "the end" in replayed.stdout and "compact-a robust" in replayed.stdout
    again = facetui("replay", folder, "--display", "json")
    assert again.stdout == done.stdout
    assert facetui("runs", "rm", "short").returncode == 0
    assert "no runs yet" in facetui("runs").stdout


SETTABLE = '''"""A story with parameters.

What they are for.
"""


def scenario(lab, photos: int = 2, tool="pgd", share: float = 1.0, late: bool = False):
    lab.note(f"{photos} {tool} {share} {late}")
    lab.at("2020-07")
    lab.users.post(photos)
'''


def test_parameters_of_a_scenario(tmp_path):
    path = tmp_path / "set.py"
    path.write_text(SETTABLE)
    told = facetui("run", path, "--help-scenario").stdout
    assert "What they are for." in told and "--set photos=2   (int)" in told and "--set tool=pgd   (str)" in told
    given = ["--set", "photos=3", "--set", "late=true", "--set", "share=0.5"]
    done = facetui("run", path, "--display", "json", *given)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["parameters"] == {"photos": 3, "late": True, "share": 0.5}
    assert next(e["text"] for e in events if e["kind"] == "note") == "3 pgd 0.5 True"
    for wrong, message in (("photos=many", "photos as int"), ("colour=red", "it has photos"), ("photos", "name=value")):
        refused = facetui("run", path, "--set", wrong)
        assert refused.returncode == 2 and message in refused.stderr
    for line in (
        "def scenario(lab, photos):",
        "def scenario(lab, photos=[]):",
        "def scenario(lab, photos: bytes = 1):",
    ):
        path.write_text(f"{line}\n    pass\n")
        refused = facetui("run", path)
        assert refused.returncode == 1 and "line 1" in refused.stderr and "default" in refused.stderr


def test_a_new_scenario_runs(tmp_path):
    path = tmp_path / "first_story.py"
    assert facetui("new", path).returncode == 0
    assert facetui("new", path).returncode == 2, "never overwritten"
    assert facetui("new", tmp_path / "x.txt").returncode == 2
    done = facetui("run", path, "--set", "photos=2")
    assert done.returncode == 0 and "First story" in done.stdout, done.stderr
    assert "and once it had adapted" in " ".join(done.stdout.split())


def test_plain_lines_have_the_same_columns_and_no_carriage_returns(story):
    done = facetui("run", story, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "\r" not in done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith("2020-07    #") and "%" in line[50:72]]
    assert len(rows) == 4
    assert len({row.rindex("%") for row in rows}) <= 2 and all(len(row) <= 100 for row in rows)


def test_an_output_folder_that_is_none(story, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = facetui("run", story, "--out", blocked)
    assert done.returncode == 4 and "--out" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_sentence(tmp_path):
    from facetui.engine.records.errors import JournalError
    from facetui.engine.records.events import Note

    book = journal.Journal(tmp_path)
    book._file.close()
    book._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115  the journal closes it
    with pytest.raises(JournalError, match="make room"):
        book.append(Note(text="x"))
    book.close()


@pytest.mark.slow
def test_a_killed_run_says_so_and_goes_on_from_the_cache(tmp_path):
    path = tmp_path / "longer.py"
    path.write_text(SHORT.replace("steps=4", "steps=30").replace("steps=6", "steps=16"))
    environment = {**os.environ, "FACETUI_CACHE": str(tmp_path / "cache")}
    process = subprocess.Popen([*MAIN, "run", str(path), "--display", "json"], env=environment, stdout=subprocess.PIPE)
    for line in process.stdout:
        if json.loads(line)["kind"] == "protection_measured":
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    (killed,) = journal.runs(Path(os.environ["FACETUI_RUNS"]))
    assert journal.status(killed, journal.read(killed)) == "killed"
    assert "killed" in facetui("runs").stdout
    told = facetui("replay", killed)
    assert told.returncode == 4 and "was killed" in told.stderr and "unnamed" in told.stdout

    finished = facetui("run", path, "--display", "json", FACETUI_CACHE=str(tmp_path / "cache"))
    assert finished.returncode == 0, finished.stderr
    events = [json.loads(line) for line in finished.stdout.splitlines()]
    assert not [e for e in events if e["kind"] == "progress" and e["task"].startswith("perturb")], "computed again"
    fresh = facetui("run", path, "--no-cache")
    assert fresh.returncode == 0
    newest, resumed = journal.runs(Path(os.environ["FACETUI_RUNS"]))[:2]
    assert rates(newest) == rates(resumed)
    assert rates(resumed)[: len(rates(killed))] == rates(killed)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_end_a_run_with_a_last_line(number, code, tmp_path):
    path = tmp_path / "long.py"
    path.write_text(SHORT.replace("steps=4", "steps=4000"))
    process = subprocess.Popen([*MAIN, "run", str(path), "--display", "json"], stdout=subprocess.PIPE)
    for line in process.stdout:
        if json.loads(line)["kind"] == "progress":
            break
    sent = time.monotonic()
    process.send_signal(number)
    process.stdout.read()
    assert process.wait(timeout=20) == code
    assert time.monotonic() - sent < 10
    (folder,) = journal.runs(Path(os.environ["FACETUI_RUNS"]))
    assert journal.status(folder, journal.read(folder)) == "stopped"


@pytest.mark.slow
def test_bench_grid_prints_every_cell_with_n_and_interval():
    ran = facetui(
        "bench", "grid", "--attacks", "clean,pgd:steps=4,filters", "--extractors", "compact-a", "--photos", "2"
    )
    assert ran.returncode == 0, ran.stderr
    head, _, _, *lines = ran.stdout.splitlines()
    rows, details = lines[::2], lines[1::2]
    assert "64 clean probes of 8 people" in head and [row.split()[0] for row in rows] == ["clean", "pgd", "filters"]
    rates = [float(re.search(r"(\d\.\d\d) \[\d\.\d\d, \d\.\d\d\]", row)[1]) for row in rows]
    assert rates[0] <= 0.2 and rates[1] > 0.5 > rates[2], "two photos each, among 530 people"
    assert "against compact-a; L-inf 8/255" in details[1] and "others misnamed" in details[0]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("pdg", "did you mean"),
        ("pgd:steps", "settings like"),
        ("pgd@compact-z", "did you mean"),
        ("foggysight", "somebody else"),
    ],
)
def test_bench_grid_refuses(option, message):
    ran = facetui("bench", "grid", "--attacks", option, "--photos", "1")
    assert ran.returncode == 2 and message in ran.stderr and "Traceback" not in ran.stderr


def test_several_seeds_end_with_one_table_of_all(story, tmp_path):
    ran = facetui("run", story, "--seeds", "2", "--seed", "3", "--display", "none", "--out", tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "2 seeds, " in ran.stdout and re.search(r"whole archive +\d+ \(\d+-\d+\)", ran.stdout)
    assert "everybody else" in ran.stdout
    seeds = {journal.began(journal.read(folder), folder).seed for folder in journal.runs(tmp_path)}
    assert seeds == {3, 4}
