"""``facetui board``: tools that do what they should, tools that fail in every way, and what is kept of them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import torch

from facetui.engine.applications.board import record
from facetui.engine.applications.board.measure import Plan, measure
from facetui.engine.applications.board.posters import draw, framed, write
from facetui.engine.applications.board.record import Board, Person
from facetui.engine.applications.board.tools import OwnAttack, Program, ToolFailed
from facetui.engine.core.cache import Cache, default_folder
from facetui.engine.people import casts
from facetui.engine.people import identities as peoples
from facetui.engine.people.alignment import faces_to_cut, to_picture
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records.errors import Cancelled, DataError, UnknownName, UsageError

from ...support.commands import MAIN, facetui

COPY = "import sys, shutil; shutil.copytree(sys.argv[1], sys.argv[2], dirs_exist_ok=True)"
FILES = "import sys, pathlib; a, b = map(pathlib.Path, sys.argv[1:3]); n = sorted(a.iterdir()); "
NOISE = """
import sys, pathlib
import numpy
from PIL import Image
rng = numpy.random.default_rng(0)
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    pixels = numpy.asarray(Image.open(path)).astype(int)
    noisy = (pixels + rng.integers(-2, 3, pixels.shape)).clip(0, 255).astype("uint8")
    Image.fromarray(noisy).save(pathlib.Path(sys.argv[2]) / (path.stem + "_cloaked.png"))
"""
BLUR = """
import sys, pathlib
from PIL import Image, ImageFilter
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    Image.open(path).filter(ImageFilter.GaussianBlur(40)).save(pathlib.Path(sys.argv[2]) / path.name)
"""


def script(code: str, **settings) -> Program:
    return Program.parse([sys.executable, "-c", code, "{input}", "{output}"], **settings)


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    photos = write(tmp_path / "in", peoples.load(EMBEDDED).persons[0].photos[:3], 112)
    (tmp_path / "out").mkdir()
    return photos, tmp_path / "out"


def nothing() -> None:
    pass


# --- programs -----------------------------------------------------------------------------------------------------


def test_a_command_is_split_as_a_shell_would_and_given_folders(folders):
    photos, out = folders
    Program.parse([f"'{sys.executable}' -c '{COPY}' {{input}} {{output}}"]).run(photos, out, nothing)
    assert [path.name for path in sorted(out.iterdir())] == ["photo01.png", "photo02.png", "photo03.png"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; print('no GPU', file=sys.stderr); sys.exit(7)", "exit code 7; it said last: no GPU"),
        ("import sys; print('at\\x1b[31m', sys.argv[1]); sys.exit(1)", r"exit code 1; it said last: at \[31m {input}"),
        ("pass", "exit code 0 and wrote no picture and said nothing"),
        ("import os; os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
        (FILES + "(b / 'log.txt').write_text('done')", "wrote no picture"),
    ],
)
def test_what_goes_wrong_is_one_sentence(code, words, folders):
    with pytest.raises(ToolFailed, match=words) as failed:
        script(code).run(*folders, nothing)
    assert "\x1b" not in str(failed.value) and "\n" not in str(failed.value)


def test_a_command_that_hangs_is_ended_with_all_that_it_started(folders, tmp_path):
    alive = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(4); pathlib.Path({str(alive)!r}).touch()"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    began = time.monotonic()
    with pytest.raises(ToolFailed, match=r"stopped after 1\.5 seconds"):
        script(code, limit=1.5).run(*folders, nothing)
    assert time.monotonic() - began < 15
    time.sleep(4.5)
    assert not alive.exists()


def test_a_command_is_ended_when_somebody_stops_the_board(folders):
    def stop() -> None:
        raise Cancelled("stopped")

    began = time.monotonic()
    with pytest.raises(Cancelled):
        script("import time; time.sleep(60)").run(*folders, stop)
    assert time.monotonic() - began < 15


def test_what_is_written_beside_or_over_the_originals_is_taken(folders):
    photos, out = folders
    code = "import sys, pathlib; p = sorted(pathlib.Path(sys.argv[1]).iterdir()); p[1].write_bytes(p[0].read_bytes());"
    code += "(p[2].parent / 'photo03_cloaked.png').write_bytes(p[2].read_bytes())"
    Program.parse([sys.executable, "-c", code, "{input}"]).run(photos, out, nothing)
    assert sorted(path.name for path in out.iterdir()) == ["photo02.png", "photo03_cloaked.png"]


def test_a_shell_only_when_asked(folders):
    photos, out = folders
    line = "for f in {input}/*.png; do cp $f {output}/; done"
    with pytest.raises(UsageError, match="no program 'for'"):
        Program.parse([line])
    Program.parse([line], shell=True).run(photos, out, nothing)
    assert len(list(out.iterdir())) == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [(["cp a b"], "{input}"), (["cp '{input}"], "close its quotes"), (["nosuchtool {input} {output}"], "no program")],
)
def test_commands_that_cannot_be_run_are_refused_before_anything_is_computed(given, words):
    with pytest.raises(UsageError, match=words):
        Program.parse(given)


def test_own_attacks_by_name():
    cast = casts.load("embedded")
    with pytest.raises(UnknownName):
        OwnAttack("lowkay", cast, strength="release", seed=0, device=None)
    with pytest.raises(UsageError, match="decoys"):
        OwnAttack("foggysight", cast, strength="release", seed=0, device=None)
    assert "steps" in OwnAttack("lowkey", cast, strength="workshop", seed=0, device=None).about


# --- people -------------------------------------------------------------------------------------------------------


def test_who_posts_is_drawn_by_the_seed_and_in_nobodys_crowd():
    people = peoples.load(EMBEDDED)
    posters, others = draw(people, 8, 8, 3)
    again, _ = draw(people, 8, 8, 3)
    assert [p.name for p in posters] == [p.name for p in again] != [p.name for p in draw(people, 8, 8, 4)[0]]
    assert all(torch.equal(one.posted, other.posted) for one, other in zip(posters, again, strict=True))
    drawn, left = {p.name for p in posters}, {p.name for p in others.persons}
    assert len(drawn) == 8 and not drawn & left and len(drawn | left) == len(people)
    assert others.persons[-8:] == people.persons[-8:], "the tool's people are nobody's"
    for poster in posters:
        rows = torch.cat([poster.posted, poster.probes]).flatten(1)
        assert len(poster.posted) == 8 and len(rows.unique(dim=0)) == 24, "no probe is posted"
    for wrong in ((0, 8), (21, 8), (2, 2), (2, 24)):
        with pytest.raises(UsageError, match="expected"):
            draw(people, *wrong, 0)


def test_a_face_is_found_in_the_photos_that_tools_are_given():
    for person in peoples.load(EMBEDDED).persons[:3]:
        picture = framed(person.photos[0], 448)
        assert picture.shape == (3, 448, 448) and len(faces_to_cut(to_picture(picture))) == 1


# --- a board ------------------------------------------------------------------------------------------------------


def plan(**more) -> Plan:
    cache = Cache(default_folder())  # the tests' own
    return Plan(
        casts.load("embedded"), **{"n_people": 2, "n_photos": 3, "strength": "workshop", "cache": cache, **more}
    )


def board(tool: Program, persons: list[Person], made: Plan) -> Board:
    return Board(tool="mine", command="x {input}", settings=made.settings(), persons=persons)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit(3)", "exit code 3"),
        (FILES + "(b / n[0].name).write_bytes(n[0].read_bytes())", "1 photos with a face .* at least 3"),
        (FILES + "[(b / p.name).write_bytes(b'no picture') for p in n]", "0 photos with a face"),
    ],
)
def test_a_tool_that_fails_is_kept_as_that(code, words, tmp_path):
    made = plan(size=112)
    persons = list(measure(made, script(code), lambda task, done, total: None))
    assert [person.state for person in persons] == ["failed", "failed"]
    kept = board(script(code), persons, made)
    record.write(kept, tmp_path / "mine.json")
    assert record.read(tmp_path / "mine.json") == kept and kept.best() is None and kept.seconds_a_photo is None
    assert all(re.search(words, p.why) and "/tmp" not in p.why and "facetui-board" not in p.why for p in persons)


def test_faces_that_a_tool_hides_are_counted():
    persons = list(measure(plan(n_people=1), script(BLUR)))
    assert [(person.state, person.hidden, person.pairs) for person in persons] == [("hidden", 3, 0)]
    assert "no face is found any more in 3 of 3" in persons[0].why


class _Once:
    """A tool that fails on the first person's photos."""

    def __init__(self, then: Program) -> None:
        self._runs, self._then = 0, then

    def run(self, photos, out, check) -> None:
        self._runs += 1
        (script("import sys; sys.exit('out of luck')") if self._runs == 1 else self._then).run(photos, out, check)


@pytest.mark.slow
def test_copies_and_a_little_noise_protect_nobody_and_trainers_are_taught_once():
    made, tasks = plan(), []
    for code in (COPY, NOISE):
        persons = list(measure(made, script(code), lambda task, done, total: tasks.append(task)))
        kept = board(script(code), persons, made)
        assert [(p.state, p.pairs, p.hidden) for p in persons] == [("measured", 3, 0)] * 2
        figures = kept.figures()
        assert {f.trainer for f in figures} >= {"naive", "newer", "other", "adapted", "purified"}
        assert all(sum(f.probes) == 42 and f.clean_rate <= 0.2 for f in figures)
        shown = [f for f in figures if f.trainer != "detected"]
        assert all(f.rate <= 0.2 for f in shown), "whoever looks is named"
        assert kept.best().rate <= 0.05 and kept.seconds_a_photo > 0
        assert [p.unchanged for p in persons] == ([3, 3] if code == COPY else [0, 0])
        if code == NOISE:
            assert 1 <= kept.linf <= 2.01 and 0 < kept.dssim < 0.2
    trained = {task.partition(": ")[0] for task in tasks if "train compact-a" in task}
    assert len(trained) == 1, "the second person, and the second tool, find the trainer in the cache"


@pytest.mark.slow
def test_what_was_measured_is_kept_where_a_tool_fails_for_somebody():
    made = plan(size=112)
    first, second = measure(made, _Once(script(COPY)))
    assert (first.state, second.state) == ("failed", "measured") and "out of luck" in first.why
    kept = board(script(COPY), [first, second], made)
    assert kept.best().rate <= 0.1 and len(kept.best().cells) == 1


@pytest.mark.slow
def test_the_command_writes_a_board_and_a_page(tmp_path):
    few = ("--people-count", 1, "--photos", 3, "--size", 112, "--strength", "workshop")
    done = facetui("board", "pgd", *few, "-o", tmp_path / "pgd.json")
    assert done.returncode == 0 and "at worst" in done.stdout, done.stderr
    command = (sys.executable, "-c", "import sys; sys.exit('no licence')", "{input}", "{output}")
    failed = facetui("board", "shop", *few, "-o", tmp_path / "shop.json", "--", *command)
    assert failed.returncode == 4 and "exit code 1; it said last: no licence" in failed.stderr
    page = facetui("board", "page", tmp_path / "pgd.json", tmp_path / "shop.json", "-o", tmp_path / "board.html")
    assert page.returncode == 0, page.stderr
    text = (tmp_path / "board.html").read_text()
    assert text.index("pgd") < text.index("no licence") and "linf 8/255" in text


def test_the_command_refuses_before_it_computes(tmp_path):
    assert "did you mean lowkey" in facetui("board", "lowkay", "-o", tmp_path / "a.json").stderr
    assert facetui("board", "lowkey", "-o", tmp_path / "a.html").returncode == 2
    (tmp_path / "package.json").write_text("{}")
    assert "is no board" in facetui("board", "pgd", "-o", tmp_path / "package.json").stderr
    assert (tmp_path / "package.json").read_text() == "{}"
    assert "a file can have" in facetui("board", "a/b", "--", "cp", "{input}", "{output}").stderr


def test_the_command_is_stopped_with_the_program_that_it_runs(tmp_path):
    sign = tmp_path / "alive"
    code = f"import time, pathlib; time.sleep(8); pathlib.Path({str(sign)!r}).touch()"
    words = ["board", "idle", "--people-count", "1", "-o", str(tmp_path / "idle.json")]
    words += ["--", sys.executable, "-c", code, "{input}", "{output}"]
    process = subprocess.Popen([*MAIN, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "the tool" in line:
            break
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143 and "stopped" in said and "Traceback" not in said
    time.sleep(8.5)
    assert not sign.exists() and not (tmp_path / "idle.json").exists()


# --- foreign files ------------------------------------------------------------------------------------------------


def test_files_that_are_no_boards(tmp_path):
    cell = record.Cell(trainer="naive", extractor="a", probes=4, missed=1, leaked=1, clean=0)
    person = Person(name="p01", state="measured", photos=3, pairs=3, cells=[cell])
    settings = record.Settings(
        people="embedded", fictional=True, n_crowd=3, n_people=1, photos=3, size=112, cast="c", strength="s", seed=0,
        weights={},
    )  # fmt: skip
    good = Board(tool="t", command="", settings=settings, persons=[person])
    path = tmp_path / "t.json"
    record.write(good, path)
    assert record.read(path) == good
    change = msgspec.structs.replace
    worse = {
        "twice": change(good, persons=[person, person]),
        "no more missed": change(good, persons=[change(person, cells=[change(cell, missed=5)])]),
        "two figures": change(good, persons=[change(person, cells=[cell, cell])]),
        "without any figure": change(good, persons=[change(person, cells=[])]),
        "without being measured": change(good, persons=[change(person, state="failed")]),
        "more photos": change(good, persons=[change(person, hidden=2)]),
        "newer facetui": change(good, facetui_board=99),
        "no board": change(good, persons=[]),
        "1 or more probes": change(good, persons=[change(person, cells=[change(cell, probes=0, missed=0, leaked=0)])]),
    }
    for words, bad in worse.items():
        record.write(bad, path)
        with pytest.raises(DataError, match=words):
            record.read(path)
    for content in (b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"facetui_board":1e999}', b"x" * (9 << 20)):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"t\.json"):
            record.read(path)
    with pytest.raises(DataError, match="cannot be read"):
        record.read(tmp_path / "nowhere.json")
