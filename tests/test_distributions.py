"""Two sizes from one tree: facetui-core does without what computes all that needs no computing, and says the rest."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.main import get_command

from facetui.engine.applications.board import record
from facetui.engine.records import errors
from facetui.engine.records.errors import LAB, MissingLab, UsageError, lack_of_lab
from facetui.engine.records.registry import Entry, Registry
from facetui.tui.cli.machine.bench_screens import Pty
from facetui.tui.cli.main import app

from .support.core_install import Core, installed
from .support.sample_run import write_sample
from .support.sweeps import sweep_of, units_of
from .tui.sharing.test_board_page import HALF

ROOT = Path(__file__).resolve().parents[1]
MOST = 30e6
"""Bytes on the disk of all that facetui-core asks for."""


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_both_have_one_version_one_command_and_the_same_extras():
    core, whole = project(ROOT), project(ROOT / "packaging" / "facetui")
    assert (core["name"], whole["name"]) == ("facetui-core", "facetui")
    for key in ("version", "description", "license", "requires-python", "scripts"):
        assert whole[key] == core[key], key
    exactly = f"=={core['version']}"
    assert whole["dependencies"] == [f"facetui-core[lab]{exactly}"]
    forwarded = set(core["optional-dependencies"]) - {"lab", "server", "dev"}
    assert whole["optional-dependencies"] == {extra: [f"facetui-core[{extra}]{exactly}"] for extra in forwarded}


def test_the_lab_is_what_the_extra_brings_and_the_core_does_not():
    core = project(ROOT)
    lab = {canonicalize_name(Requirement(text).name) for text in core["optional-dependencies"]["lab"]}
    base = {canonicalize_name(Requirement(text).name) for text in core["dependencies"]}
    assert set(LAB.values()) - {"traitlets"} == lab - {"facetui-core"} and not base & set(LAB.values())


def test_the_wheel_has_every_package():
    made = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    there = [
        file.parent.relative_to(ROOT)
        for top in ("engine", "scenarios", "tui")
        for file in ROOT.glob(f"{top}/**/__init__.py")
    ]
    assert sorted(made) == sorted(".".join(("facetui", *folder.parts)) for folder in there)


def test_the_wheel_has_every_file_that_the_page_is_made_of():
    made = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    there = {file.name for file in (ROOT / "tui" / "sharing" / "web").iterdir() if file.suffix in (".js", ".css")}
    assert there == set(made["facetui.tui.sharing.web"])


def test_every_extra_that_is_named_exists():
    named = set()
    for file in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("engine/**/*"), *ROOT.glob("tui/**/*.py")]:
        if file.suffix in (".py", ".md", ".toml"):
            text = file.read_text(encoding="utf-8")
            named |= set(re.findall(r"facetui\[([a-z]+)\]", text))
            named |= set(re.findall(r"(?:extra_command\(|MissingExtra\([^()]*, )[\"'](\w+)", text))
    assert len(named) > 6 and named <= set(project(ROOT / "packaging" / "facetui")["optional-dependencies"])


def test_only_what_the_lab_lacks_is_taken_for_its_absence():
    said = lack_of_lab(ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"))
    assert isinstance(said, MissingLab) and said.exit_code == 2 and "(torch)" in str(said)
    for other in (ModuleNotFoundError("x", name="facetui.engine.x"), ModuleNotFoundError("x"), ImportError("torch")):
        assert lack_of_lab(other) is None


@pytest.mark.parametrize(
    ("programs", "receipt", "platform", "command"),
    [
        (("uv",), False, "linux", "uv tool install facetui --torch-backend cpu"),
        (("uv",), True, "linux", "uv tool install facetui --torch-backend cpu --force"),
        (("uv", "nvidia-smi"), False, "linux", "uv tool install facetui --torch-backend auto"),
        (("nvidia-smi",), False, "linux", "pip install facetui"),
        ((), False, "linux", "pip install facetui --extra-index-url https://download.pytorch.org/whl/cpu"),
        ((), False, "darwin", "pip install facetui"),
    ],
)
def test_the_command_is_for_this_machine(programs, receipt, platform, command, tmp_path, monkeypatch):
    for name in programs:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    if receipt:
        (tmp_path / "uv-receipt.toml").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(errors, "DRIVERS", ())
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "platform", platform)
    assert errors.lab_command() == command
    extra = errors.extra_command("onnx")
    assert extra == (
        "uv tool install 'facetui[onnx]' --torch-backend cpu" if receipt else "pip install 'facetui[onnx]'"
    )


def test_a_name_whose_module_needs_the_lab_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "kornia", None)  # as if it were not installed
    names: Registry[Any] = Registry("answer", "facetui.none", {"blur": Entry("kornia:filters"), "none": Entry("no:x")})
    with pytest.raises(MissingLab, match="kornia"):
        names.get("blur")
    with pytest.raises(UsageError, match="cannot be loaded") as said:
        names.get("none")
    assert not isinstance(said.value, MissingLab)


# --- facetui-core, installed --------------------------------------------------------------------------------------

LINE = re.compile(
    r"facetui: this needs the lab, which facetui-core does not bring \([\w-]+\); pip install facetui( --extra.*)?\n"
)


@pytest.fixture(scope="module")
def core(tmp_path_factory) -> Core:
    return installed(tmp_path_factory.mktemp("core"), ROOT)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a run, a board and an empty folder of photos, in which commands are given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACETUI_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("FACETUI_CACHE", str(tmp_path / "cache"))  # it is cleared: not the one that all tests share
    write_sample(tmp_path / "runs" / "sample")
    (tmp_path / "photos").mkdir()
    (tmp_path / "sweep.toml").write_text('attacks = ["clean"]\n')
    sweep_of(tmp_path / "sweep", units_of())
    record.write(HALF, tmp_path / "half.json")
    return tmp_path


def commands(command: Any, name: str = "") -> Iterator[str]:
    """Every command that does something, as it is typed."""
    if not hasattr(command, "list_commands"):
        yield name
        return
    if command.invoke_without_command:
        yield name
    context = command.make_context(name, [], resilient_parsing=True)
    for below in command.list_commands(context):
        yield from commands(command.get_command(context, below), f"{name} {below}".strip())


COMPUTE = {
    "run": "arms_race --display plain",
    "sweep": "sweep.toml",
    "repl": "-c 1",
    "play": "--as user",
    "protect": "photos -o protected",
    "check": "--clean photos --protected photos",
    "board tool": "fawkes-1.0",
    "bench": "",
    "bench attacks": "",
    "bench grid": "",
    "bench paper": "-o paper",
    "bench search": "",
    "bench forecast": "",
    "bench follow": "--followers 1 --seconds 2 --rounds 1 --votes",
    "models verify": "compact-a",
}
"""Commands that need the lab, and what they are given."""

READ = {
    "": [""],
    "new": ["story.py"],
    "list": ["", *["stories", "attacks", "defences", "extractors", "people", "casts"]],
    "board page": ["half.json -o board.html", "half.json -o board.md"],
    "replay": ["sample --display plain"],
    "follow": ["sample --display plain"],
    "publish": [],  # it goes on until it is stopped; has a test of its own
    "report": [f"sample -o report.{kind}" for kind in ("html", "md", "svg", "csv")],
    "diff": [
        *["sample demo:needle", "sample sample --json"],
        *[f"sample sample -o d.{k}" for k in ("html", "md", "csv")],
    ],
    "demo": ["--display plain", "real --display plain"],
    "results": ["", "sample", "-o results.html", "-o results.svg", "sweep", "sweep -o sweep.svg"],
    "doctor": [""],
    "runs": [""],
    "runs list": [""],
    "runs export": ["sample -o sample.tar.zst"],
    "runs show": ["sample"],
    "runs rename": ["sample lesson"],
    "runs note": ["lesson loud"],
    "runs rm": ["sample"],
    "cache": [""],
    "cache show": [""],
    "cache prune": ["--to 1GB --older-than 30d"],
    "cache clear": ["--yes"],
    "config": ["", "cast networks", "cast", "cast --unset"],
    "bench game": ["", "--json"],
    "bench ui": [],  # it takes 40 seconds; what it presses keys in has a test of its own
    "models": [""],
    "models list": [""],
    "models pull": [],  # from other machines
    "models rm": [],  # there is nothing to remove
}
"""Commands that do not, and what they are given, time after time."""


def test_every_command_is_known_to_need_the_lab_or_not():
    assert set(COMPUTE) | set(READ) == set(commands(get_command(app))), "say here what a new command needs"
    assert not set(COMPUTE) & set(READ)


@pytest.mark.slow
def test_the_core_is_small_and_without_the_lab(core):
    assert core.third_party <= MOST, f"{core.third_party / 1e6:.1f} MB"
    program = (
        f"from importlib.util import find_spec; print([n for n in {[*LAB, 'httptools', 'uvloop']!r} if find_spec(n)])\n"
    )
    program += "from facetui.tui.cli import main; print(all(main._made(name) for name in main.COMMANDS))"
    found = subprocess.run([core.python, "-I", "-c", program], capture_output=True, text=True, timeout=60)
    assert found.stdout == "[]\nTrue\n", f"a command's --help needs the lab: {found.stderr}"


@pytest.mark.slow
def test_the_core_does_all_that_needs_no_computing(core, here):
    for command, given in READ.items():
        for arguments in given:
            ran = core.run(*command.split(), *arguments.split())
            assert ran.returncode == 0 and "bug" not in ran.stderr, (command, arguments, ran.stderr)
            assert ran.stdout, (command, arguments)
    assert "8 of 8 units are finished" in core.run("sweep", "sweep").stdout
    assert "98 %" in (here / "report.html").read_text(encoding="utf-8")
    assert core.run("replay", "sample.tar.zst", "--display", "plain").returncode == 0
    assert not (here / "runs" / "sample").exists()


@pytest.mark.slow
def test_the_core_says_in_one_line_what_installs_the_rest(core, here):
    for command, arguments in COMPUTE.items():
        ran = core.run(*command.split(), *arguments.split())
        assert (ran.returncode, ran.stdout) == (2, "") and LINE.fullmatch(ran.stderr), (command, ran.stdout, ran.stderr)
    ran = core.run("report", "sample", "-o", "report.png")
    assert ran.returncode == 2 and LINE.fullmatch(ran.stderr) and not (here / "report.png").exists()
    told = core.run("doctor").stdout
    assert re.search(r"^--  lab +not installed.*; pip install facetui", told, re.MULTILINE)


@pytest.mark.slow
def test_the_core_serves_a_run_and_follows_it(core, here):
    environment = {**os.environ, **core.environment}
    server = subprocess.Popen(
        [core.facetui, "publish", "sample"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        line, without = (server.stdout.readline().strip() for _ in range(2))
        assert line.startswith("facetui follow http://") and without == f"uvx --from facetui-core {line}"
        followed = core.run(*line.split()[1:], "--display", "json")
        assert followed.returncode == 0, followed.stderr
        sent = (here / "runs" / "sample" / "events.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(followed.stdout.splitlines()) == len(sent) - 1, "all but the first line, which is the format's"
        with urllib.request.urlopen(line.split()[-1], timeout=20) as page:
            assert b"<html" in page.read()
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=20)


def left(terminal: Pty) -> int:
    """Leave the app, as soon as it lets one go; returns its exit code."""
    for _ in range(20):
        if terminal.process.poll() is None:
            terminal.type("q")
            terminal.drain(quiet=0.5)
    return terminal.close()


@pytest.mark.slow
def test_the_app_of_the_core_plays_and_says_what_it_cannot(core, here):
    settings = {**core.environment, "FACETUI_DISPLAY": "tui", "CI": "", "COLUMNS": "", "LINES": ""}
    demo = Pty([core.facetui, "demo"], (100, 30), settings)
    demo.read_until(b"quit", 20)
    demo.type("G3")
    demo.read_until("▀".encode(), 20)  # faces, without a library of pictures
    assert left(demo) == 0
    home = Pty([core.facetui], (100, 30), settings)
    home.read_until(b"Who plays", 20)  # the first start's cards
    home.type("\x1b")
    home.drain(0.5)
    home.type("j\r")
    home.read_until(b"needs the lab", 20)
    assert left(home) == 2
    console = Pty([core.facetui, "replay", "sample"], (100, 30), settings)
    console.read_until(b"quit", 20)
    console.type("5")
    console.drain(0.5)
    console.type("lab\r")
    console.read_until(b"needs the lab", 20)
    console.close()
    assert not list((here / "state").rglob("error-*")), "no traceback was written anywhere"
