"""``facetui cache``: what lies there by kind, what goes first, and that nothing in use goes."""

from __future__ import annotations

import ast
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facetui.engine.core import cache_folder
from facetui.engine.core.cache import Cache, Checkpoint, key
from facetui.engine.core.cache_folder import IN_USE, Kind
from facetui.engine.records.errors import UsageError
from facetui.tui.cli.options import seconds_of, size_of

from ...support.commands import MAIN, facetui

DAY = 86400.0
HOLDS = """
import sys, torch
from facetui.engine.core.cache import Cache
cache = Cache(__import__("pathlib").Path(sys.argv[1]))
print(cache.load(sys.argv[2]) is not None, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FACETUI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fill(folder: Path, days: dict[str, float], kind: Kind = Kind.EMBEDDINGS) -> dict[str, Path]:
    """Entries of 4 kB and a little, last used so many days ago; this process is then no longer a user."""
    for name, ago in days.items():
        Cache(folder).save(key(name), {"value": torch.zeros(1000)}, kind)
        os.utime(place(folder, name), (time.time() - ago * DAY,) * 2)
    left(folder)
    return {name: place(folder, name) for name in days}


def place(folder: Path, name: str) -> Path:
    return folder / key(name)[:2] / f"{key(name)}.tensors"


def left(folder: Path) -> None:
    """As if this process had ended."""
    number = cache_folder._marks.pop(folder, None)
    if number is not None:
        os.close(number)
    for mark in (folder / IN_USE).iterdir():
        os.utime(mark, (time.time() - 60,) * 2)


def there(paths: dict[str, Path]) -> set[str]:
    return {name for name, path in paths.items() if path.exists()}


def test_each_kind_is_shown_with_its_size_and_without_torch(folder):
    fill(folder, {"a": 1, "b": 2})
    fill(folder, {"c": 1}, Kind.PERTURBED)
    Checkpoint(Cache(folder), "training").save({"step": torch.ones(1)})
    old = folder / "ab" / ("ab" * 32 + ".tensors")  # as versions wrote it that said no kind
    old.parent.mkdir(exist_ok=True)
    from safetensors.torch import save

    old.write_bytes(save({"value": torch.zeros(3)}) + bytes(32))
    (folder / "ab" / "tmp1.part").write_bytes(b"half")
    (folder / "letter.txt").write_text("not ours")
    (folder / "cd").symlink_to(folder / "ab")
    left(folder)
    program = "import sys; from facetui.tui.cli.main import app\ntry: app(['cache'])\nexcept SystemExit: pass\n"
    program += "assert not {'torch', 'numpy', 'textual'} & set(sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    first, *lines = ran.stdout.splitlines()
    assert first.startswith(f"{folder}: ") and "in 6 entries" in first
    counted = {line[:27].strip(): int(line.split(" entries")[0].split()[-1]) for line in lines}
    assert counted == {
        "embeddings": 2,
        "perturbed photos": 1,
        "unfinished trainings": 1,
        "of earlier versions": 1,
        "left behind by killed runs": 1,
    }


def test_the_least_recently_used_go_first(folder):
    paths = fill(folder, {"old": 9, "older": 40, "new": 1})
    size = paths["new"].stat().st_size
    Cache(folder).load(key("older"))  # used again: now it is the newest
    left(folder)
    ran = facetui("cache", "prune", "--to", f"{2 * size}B", "--yes")
    assert ran.returncode == 0 and there(paths) == {"older", "new"}
    assert "freed 0.0 MB, 1 entries" in ran.stdout
    assert facetui("cache", "prune", "--older-than", "12h", "--yes").returncode == 0
    assert there(paths) == {"older"}
    assert facetui("cache", "clear", "--yes").returncode == 0 and there(paths) == set()


def test_what_a_living_process_uses_stays_and_what_a_dead_one_left_goes(folder):
    paths = fill(folder, {"used": 50, "unused": 50})
    torn = paths["used"].parent / "tmpx.part"
    torn.write_bytes(b"half of something")
    os.utime(torn, (time.time() - 3 * DAY,) * 2)
    letter = folder / "ab" / "letter.txt"
    letter.parent.mkdir(exist_ok=True)
    letter.write_text("not ours")
    command = [sys.executable, "-c", HOLDS, str(folder), key("used")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "True"
        assert "in use by 1 process" in facetui("cache").stdout
        ran = facetui("cache", "clear", "--yes")
        assert ran.returncode == 0 and there(paths) == {"used"} and not torn.exists() and letter.exists()
        assert "more stay, in use by 1 process" in ran.stdout
        process.kill()
    for mark in (folder / IN_USE).iterdir():
        os.utime(mark, (time.time() - 60,) * 2)
    assert facetui("cache", "clear", "--yes").returncode == 0 and there(paths) == set()
    assert list((folder / IN_USE).iterdir()) == []


def test_what_is_used_while_it_is_being_removed_stays(folder):
    paths = fill(folder, {"a": 5, "b": 5})
    chosen = cache_folder.plan(folder, to=0)
    assert torch.equal(Cache(folder).load(key("b"))["value"], torch.zeros(1000))
    freed = cache_folder.remove(chosen)
    assert there(paths) == {"b"} and (freed.entries, freed.left) == (1, paths["b"].stat().st_size)
    left(folder)


def test_nothing_is_deleted_unasked(folder):
    paths = fill(folder, {"a": 5})
    ran = facetui("cache", "clear")
    assert ran.returncode == 2 and "--yes" in ran.stderr and there(paths) == {"a"}
    for answer, code, remains in ((b"n\n", 1, {"a"}), (b"y\n", 0, set())):
        ours, theirs = pty.openpty()
        with subprocess.Popen([*MAIN, "cache", "clear"], stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.write(ours, answer)
            assert process.wait(60) == code and there(paths) == remains
        os.close(ours)
        os.close(theirs)
    assert facetui("cache", "clear").returncode == 0, "where there is nothing to delete, nobody is asked"


@pytest.mark.parametrize("words", [(), ("--to", "many"), ("--to", "-1GB"), ("--older-than", "30"), ("--to", "2XB")])
def test_what_cannot_be_meant_is_said(folder, words):
    paths = fill(folder, {"a": 5})
    ran = facetui("cache", "prune", "--yes", *words)
    assert ran.returncode == 2 and ran.stderr.count("\n") == 1 and there(paths) == {"a"}


def test_a_folder_that_cannot_be_written_is_said(folder):
    paths = fill(folder, {"a": 5})
    chosen = cache_folder.plan(folder, to=0)
    paths["a"].unlink()
    paths["a"].mkdir()  # what unlink refuses, whoever runs this
    os.utime(paths["a"], (chosen.going[0].used,) * 2)
    freed = cache_folder.remove(chosen)
    assert freed.entries == 0 and sum(freed.refused.values()) == 1


@given(st.integers(1, 9999), st.sampled_from(["B", "kB", "MB", "GB", "KiB", "GiB"]), st.sampled_from(["", " "]))
def test_sizes_grow_with_their_units(number, unit, gap):
    assert size_of(f"{number}{gap}{unit}") >= number and size_of(f"{number + 1}{unit}") > size_of(f"{number}{unit}")
    assert seconds_of("2d") == 48 * 3600 == seconds_of("48h")


@given(st.text(max_size=8))
def test_other_texts_are_no_sizes_and_no_times(text):
    for read in (size_of, seconds_of):
        try:
            assert read(text) >= 0
        except UsageError as error:
            assert "expected a" in str(error)


def test_every_writer_says_what_it_writes():
    root = Path(cache_folder.__file__).parents[1]
    silent = []
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            on = ast.unparse(node.func.value).split(".")[-1]
            writes = node.func.attr in ("save", "get") and on in ("cache", "_cache")
            if writes and "Kind." not in ast.unparse(node):
                silent.append(f"{path.name}:{node.lineno}")
    assert silent == [], "facetui cache would call these other results"
