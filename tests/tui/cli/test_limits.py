"""Full, read-only and vanishing disks, few files, little memory, no home, damaged caches: the same numbers, or one
sentence that says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.core.cache import Cache, key
from facetui.engine.records import journal, places
from facetui.engine.records.errors import DataError, OutOfMemory, lack_of_memory

from ...support.commands import MAIN, SHORT, facetui, rates


def may(*command: str) -> bool:
    """Whether this machine lets us do something; containers often do not."""
    try:
        return subprocess.run(command, capture_output=True, timeout=20).returncode == 0
    except OSError:
        return False


needs_mounts = pytest.mark.skipif(
    not may("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"), reason="needs to mount a disk of its own"
)
needs_another_user = pytest.mark.skipif(
    not may("setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", "true"),
    reason="needs to be another user",
)


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("story") / "short.py"
    path.write_text(SHORT)
    return path


@pytest.fixture(scope="module")
def numbers(story, tmp_path_factory) -> list:
    """What the story measures on a machine that lacks nothing."""
    runs = tmp_path_factory.mktemp("runs")
    assert facetui("run", story, "--no-cache", FACETUI_RUNS=str(runs)).returncode == 0
    return rates(journal.runs(runs)[0])


def limited(shell: str, *arguments: object, **settings) -> subprocess.CompletedProcess[str]:
    """Run facetui in a shell that limits itself first."""
    command = ["sh", "-c", f'{shell}; exec "$@"', "sh", *MAIN, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **settings})


def is_a_sentence(ran: subprocess.CompletedProcess[str], code: int) -> bool:
    said = [line for line in ran.stderr.splitlines() if line.startswith("facetui: ")]
    return (
        ran.returncode == code and len(said) == 1 and "this is a bug" not in said[0] and "Traceback" not in ran.stderr
    )


# --- limits of the system -----------------------------------------------------------------------------------------


def test_twenty_open_files_are_enough(story, numbers, tmp_path):
    ran = limited("ulimit -n 20", "run", story, FACETUI_RUNS=str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert rates(journal.runs(tmp_path)[0]) == numbers


@pytest.mark.parametrize("kilobytes", [300_000, 1_500_000, 2_800_000])
@pytest.mark.parametrize("command", ["run", "repl"])
def test_too_little_memory_for_pytorch_is_one_sentence(kilobytes, command, story):
    ran = limited(f"ulimit -v {kilobytes}", command, story)
    assert is_a_sentence(ran, 5) and "raise the limit" in ran.stderr


def test_commands_that_compute_nothing_need_little_memory():
    for command in (["list"], ["runs"], ["--help"], ["demo", "--display", "plain"]):
        assert limited("ulimit -v 300000", *command).returncode == 0


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("std::bad_alloc"), True),
        (torch.OutOfMemoryError("whatever it says"), True),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("shapes do not fit"), False),
        (ImportError("no module named x"), False),
        (OSError(28, "No space left on device"), False),
    ],
)
def test_a_lack_of_memory_is_known_however_it_is_said(error, lacks, story, tmp_path):
    assert lack_of_memory(error) == lacks
    from facetui.engine.runs.scenario import Scenario

    scenario = Scenario.parse("def scenario(lab):\n    raise lab\n", story)
    with pytest.raises(OutOfMemory if lacks else Exception) as said:
        scenario.play(error)
    assert ("memory ran out" in str(said.value)) == lacks and "line 2" in str(said.value)


# --- disks --------------------------------------------------------------------------------------------------------


def test_a_file_that_may_not_grow_is_one_sentence(story, tmp_path):
    ran = limited("ulimit -f 2", "run", story, "--no-cache", FACETUI_RUNS=str(tmp_path))
    assert is_a_sentence(ran, 4) and "make room" in ran.stderr


@needs_mounts
@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "follow"])
def test_a_pace_that_does_not_exist_is_refused(command):
    done = facetui(command, "arms_race", "--pace", "slowly")
    assert done.returncode == 2 and "expected the pace read or fast, got 'slowly'" in done.stderr


@pytest.mark.parametrize("what", ["cache", "runs"])
@pytest.mark.parametrize("how", ["size=64k", "ro"])
def test_full_and_read_only_disks(what, how, story, numbers, tmp_path):
    (tmp_path / "disk").mkdir()
    places_ = {"cache": tmp_path / "cache", "runs": tmp_path / "runs", what: tmp_path / "disk"}
    inside = 'mount -t tmpfs -o "$1" none "$2"; shift 2; exec "$@"'
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", inside, "sh", how, str(tmp_path / "disk"), *MAIN, "run", str(story)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "FACETUI_CACHE": str(places_["cache"]), "FACETUI_RUNS": str(places_["runs"])},
    )
    if what == "cache":
        assert ran.returncode == 0, ran.stderr
        assert rates(journal.runs(tmp_path / "runs")[0]) == numbers
    else:
        assert is_a_sentence(ran, 4) and "--out" in ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("what", ["cache", "runs"])
def test_disks_that_vanish_during_a_run(what, story, numbers, tmp_path):
    folders = {"FACETUI_CACHE": str(tmp_path / "cache"), "FACETUI_RUNS": str(tmp_path / "runs")}
    process = subprocess.Popen(
        [*MAIN, "run", str(story), "--display", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **folders},
    )
    process.stdout.readline()
    for _ in range(20):
        shutil.rmtree(tmp_path / what, ignore_errors=True)
        time.sleep(0.02)
    out, err = process.communicate(timeout=120)
    if what == "cache":
        assert process.returncode == 0, err
        assert rates(journal.runs(tmp_path / "runs")[0]) == numbers
    else:
        ran = subprocess.CompletedProcess([], process.returncode, out, err)
        assert is_a_sentence(ran, 4) and "cannot write the journal" in err


@needs_another_user
@pytest.mark.slow
def test_nobodys_home_is_a_folder_of_ones_own(story, tmp_path):
    nobody = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups"]
    if subprocess.run([*nobody, sys.executable, "-c", "import facetui.tui.cli.main"], capture_output=True).returncode:
        pytest.skip("this installation lies where other users cannot read it")
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o777)
        here = {"PATH": os.environ["PATH"], "TMPDIR": place, "PYTHONDONTWRITEBYTECODE": "1"}
        for arguments in (["run", "naive_poisoning", "--strength", "workshop"], ["doctor"], ["runs"]):
            command = [*nobody, *MAIN, *arguments]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=300, env=here, cwd=place)
            assert ran.returncode == 0 and "bug" not in ran.stderr, ran.stderr
        assert "naive_poisoning" in ran.stdout
        (made,) = Path(place).iterdir()
        assert made.name == "facetui-54321" and made.stat().st_mode & 0o077 == 0


def test_a_temporary_home_that_somebody_else_made_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))

    def no_home(name: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_data_path", no_home)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"facetui-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"belongs to somebody else|cannot be used"):
        places.data()


def test_a_home_that_cannot_be_written_is_one_sentence(story):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FACETUI", "XDG"))}
    ran = subprocess.run(
        [*MAIN, "run", str(story)], capture_output=True, text=True, timeout=120, env={**environment, "HOME": "/proc"}
    )
    assert is_a_sentence(ran, 4) and "--out" in ran.stderr


# --- one cache ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_runs_on_one_cache_at_once(story, numbers, tmp_path):
    shared = {"FACETUI_CACHE": str(tmp_path / "cache")}
    done: list[int] = []

    def play(name: str) -> None:
        done.append(facetui("run", story, FACETUI_RUNS=str(tmp_path / name), **shared).returncode)

    threads = [threading.Thread(target=play, args=(name,)) for name in ("a", "b")]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert done == [0, 0]
    assert all(rates(journal.runs(tmp_path / name)[0]) == numbers for name in ("a", "b"))
    assert not list((tmp_path / "cache").rglob("*.part"))


def damage(kind: str, path: Path, other: bytes) -> None:
    content = bytearray(path.read_bytes())
    match kind:
        case "empty":
            content = bytearray()
        case "cut":
            content = content[: len(content) // 2]
        case "one byte less":
            content = content[:-1]
        case "longer":
            content += b"\0"
        case "a bit at the beginning":
            content[3] ^= 1
        case "a bit in the middle":
            content[len(content) // 2] ^= 0x10
        case "a bit at the end":
            content[-1] ^= 0x80
        case "zeros":
            content = bytearray(len(content))
        case "another key's":
            content = bytearray(other)
        case "a folder":
            path.unlink()
            path.mkdir()
            return
        case "a link in a circle":
            path.unlink()
            path.symlink_to(path)
            return
    path.write_bytes(bytes(content))


DAMAGES = (
    "empty",
    "cut",
    "one byte less",
    "longer",
    "a bit at the beginning",
    "a bit in the middle",
    "a bit at the end",
    "zeros",
    "another key's",
    "a folder",
    "a link in a circle",
)


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_result_is_computed_again(kind, tmp_path):
    cache = Cache(tmp_path)
    good = torch.arange(600.0).reshape(3, 200)
    cache.save(key("mine"), {"value": good})
    cache.save(key("other"), {"value": good + 1})
    path, other = cache._path(key("mine")), cache._path(key("other"))
    assert torch.equal(cache.load(key("mine"))["value"], good)
    damage(kind, path, other.read_bytes())
    assert cache.load(key("mine")) is None
    assert torch.equal(cache.get(key("mine"), lambda: good * 2), good * 2)
    assert not list(tmp_path.rglob("*.part"))


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 1000), bit=st.integers(0, 7), cut=st.booleans())
def test_no_bit_of_a_result_can_change_unseen(at, bit, cut, tmp_path_factory):
    cache = Cache(tmp_path_factory.mktemp("cache"))
    cache.save("abcd", {"value": torch.arange(200.0)})
    path = cache._path("abcd")
    content = bytearray(path.read_bytes())
    at %= len(content)
    content[at] ^= 1 << bit
    path.write_bytes(content[:at] if cut else content)
    assert cache.load("abcd") is None


@pytest.mark.slow
def test_a_run_on_a_cache_in_which_every_file_is_damaged_gives_the_same_numbers(story, numbers, tmp_path):
    shared = {"FACETUI_CACHE": str(tmp_path / "cache"), "FACETUI_RUNS": str(tmp_path / "runs")}
    assert facetui("run", story, **shared).returncode == 0
    files = sorted((tmp_path / "cache").rglob("*.tensors"))
    contents = [path.read_bytes() for path in files]
    for number, path in enumerate(files):
        damage(DAMAGES[number % len(DAMAGES)], path, contents[number - 1])
    assert len(files) >= 5
    ran = facetui("run", story, **shared)
    assert ran.returncode == 0, ran.stderr
    assert rates(journal.runs(tmp_path / "runs")[0]) == numbers
