"""What is set once and for all: read, written and obeyed; what is wrong in it is one sentence with file and line."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.main import get_command

from facetui.engine.records import places
from facetui.engine.records.errors import UsageError
from facetui.tui.app import config, remembered
from facetui.tui.app.app import FacetApp
from facetui.tui.app.terminal.themes import THEMES
from facetui.tui.cli import defaults
from facetui.tui.cli.machine.config import VALUES
from facetui.tui.cli.main import COMMANDS, app

from ...support.commands import facetui

GOOD = {
    "theme": "facetui-light",
    "motion": False,
    "mouse": False,
    "pace": "fast",
    "device": "cuda:1",
    "people": "/somewhere/faces",
    "crowd": "12",
    "cast": "networks",
    "strength": "workshop",
}


@pytest.fixture
def path(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in config.KEYS:
        monkeypatch.delenv(f"FACETUI_{name.upper()}", raising=False)
    return config.place()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_every_key_can_be_set_shown_and_taken_back(path):
    assert set(GOOD) == set(config.KEYS) == set(VALUES)
    for name, value in GOOD.items():
        assert config.settings()[name] == config.Setting(None, "default")
        assert config.put(name, str(value).lower() if isinstance(value, bool) else value) == value
        assert config.settings()[name] == config.Setting(value, str(path))
    assert tomllib.loads(path.read_text()) == GOOD
    for name in GOOD:
        assert config.unset(name) and not config.unset(name)
    assert config.from_file() == {}


def test_the_command_shows_sets_and_takes_back_without_torch(path, tmp_path):
    (tmp_path / "faces").mkdir()
    assert "is not there yet" in facetui("config").stdout
    ran = subprocess.run(
        [sys.executable, "-c", "from facetui.tui.cli.main import app\nimport sys\ntry: app(sys.argv[1:])\n"
         "except SystemExit: pass\nassert not {'torch', 'numpy', 'textual'} & set(sys.modules)",
         "config", "people", "faces"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert facetui("config", "people").stdout == f"{tmp_path / 'faces'}\n", "called from elsewhere it is the same"
    assert facetui("config", "motion", "off").returncode == 0
    shown = facetui("config", FACETUI_MOTION="yes").stdout.splitlines()
    assert any(line.startswith("motion    true") and "(FACETUI_MOTION)" in line for line in shown)
    assert "goes before the file" in facetui("config", "motion", "off", FACETUI_MOTION="yes").stdout
    assert facetui("config", "motion", "--unset").stdout == "motion is no longer set\n"
    for words in (
        ("tehme",),
        ("tehme", "x"),
        ("theme", "blue"),
        ("--unset",),
        ("crowd", "--unset", "3"),
        ("tehme", "--unset"),
    ):
        ran = facetui("config", *words)
        assert ran.returncode == 2 and ran.stderr.count("\n") == 1, words


def test_comments_and_order_stay_and_a_link_is_followed(path, tmp_path):
    own = tmp_path / "dotfiles.toml"
    own.write_text('# mine\ntheme = "facetui-light"  # by day\n\npace = "fast"\n')
    path.parent.mkdir(parents=True)
    path.symlink_to(own)
    config.put("theme", "facetui")
    config.put("motion", False)
    assert own.read_text() == '# mine\ntheme = "facetui"\n\npace = "fast"\nmotion = false\n' and path.is_symlink()


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('theme = "facetui"\nthemes = 1', 2, "did you mean theme?"),
        ('\n\ntheme = "blue"', 3, "expected facetui, facetui-light"),
        ("motion = 3", 1, "expected true or false"),
        ('device = "gpu"', 1, "expected a device auto, cpu"),
        ('people = "faces"', 1, "a whole path of a folder"),
        ('cast = "nework"', 1, "did you mean networks?"),
        ("cast = 3", 1, "no cast is called '3'"),
        ('strength = "weak"\n', 1, "facetui config strength --unset"),
        ('theme = "facetui"\ntheme = "facetui"', 2, "no TOML"),
        ("theme =", 1, "no TOML"),
        ('[run]\ntheme = "facetui"', 1, "no setting is called 'run'"),
        ("crowd = true", 1, "expected 'embedded' or a whole path"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(text, line, says, path):
    write(path, text)
    with pytest.raises(UsageError) as error:
        config.settings()
    assert str(error.value).startswith(f"{path}, line {line}: ") and says in str(error.value)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"x" * (config.MOST + 1), b"theme = '\x1b[2J'"])
def test_a_file_that_is_none_is_one_sentence(data, path):
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    ran = facetui("run", "arms_race")
    assert ran.returncode == 2 and ran.stderr.count("\n") == 1 and str(path) in ran.stderr and "\x1b" not in ran.stderr


def test_who_does_not_need_the_file_is_not_held_up_by_it(path):
    write(path, "themes = 1")
    for words in (("runs",), ("cache",), ("list", "casts"), ("run", "--help")):
        assert facetui(*words).returncode == 0, words
    assert facetui("demo", "--display", "none").returncode == 0, "it begins whatever the file says"
    for words in (("run", "arms_race"), ("config",), ("check", "--clean", "a", "--protected", "b")):
        assert facetui(*words).returncode == 2, words
    assert facetui("config", "themes", "--unset").returncode == 0, "the way out works"
    assert facetui("config").returncode == 0


async def test_the_app_begins_and_tells(path, tmp_path):
    told = FacetApp(tmp_path, look_for_device=False, motion=False, trouble="config.toml, line 3: no TOML")
    async with told.run_test(size=(100, 30)) as keys:
        await keys.pause(0.3)
        assert any("line 3: no TOML" in note.message for note in told._notifications)


async def test_keys_of_the_app_are_kept_in_the_file_or_it_is_said(path, tmp_path):
    write(path, '# mine\npace = "fast"\n')
    shown = FacetApp(tmp_path, look_for_device=False, remembered=remembered.Remembered(welcomed=True))
    async with shown.run_test(size=(100, 30)) as keys:
        await keys.press("t", "m")
        assert config.from_file() == {"pace": "fast", "theme": "facetui-light", "motion": False}
        write(path, "themes = 1")
        await keys.press("t")
        assert shown.theme == "facetui-contrast" and path.read_text() == "themes = 1"
        assert any("not kept for the next start" in note.message for note in shown._notifications)


def test_what_the_app_remembered_before_there_was_a_file_is_not_lost(path):
    remembered.keep(remembered.Remembered(welcomed=True, theme="facetui-light", motion=False))
    assert config.settings()["theme"].value == "facetui-light" and config.settings()["motion"].value is False
    write(path, "themes = 1")
    config.adopt()
    assert remembered.recall().theme == "facetui-light", "a file that cannot be understood is left alone"
    write(path, "motion = true\n")
    config.adopt()
    assert config.from_file() == {"motion": True, "theme": "facetui-light"}
    assert remembered.recall() == remembered.Remembered(welcomed=True)
    config.adopt()
    config.unset("theme")
    assert config.settings()["theme"].value is None, "it does not come back"


# --- who obeys ----------------------------------------------------------------------------------------------------


def parameters(command) -> dict[str, set[str]]:
    """Names of the parameters of a command, and of those below it."""
    context = typer.Context(command)
    if hasattr(command, "list_commands"):
        return {n: {p.name for p in command.get_command(context, n).params} for n in command.list_commands(context)}
    return {"": {p.name for p in command.params}}


def test_what_a_command_is_given_is_a_parameter_of_it(path, monkeypatch):
    write(path, "".join(f"{name} = {json.dumps(value)}\n" for name, value in GOOD.items()))
    root = get_command(app)
    for name in COMMANDS:
        given = defaults.defaults(name)
        command = root.get_command(typer.Context(root), name)
        own = {p.name for p in command.params}
        below = parameters(command) if hasattr(command, "list_commands") else {}
        for parameter, value in given.items():
            if isinstance(value, dict):
                assert set(value) <= below[parameter], (name, parameter)
            else:
                assert parameter in own or any(parameter in names for names in below.values()), (name, parameter)
    assert defaults.defaults("run")["no_motion"] is True and defaults.defaults("run")["strength"] == "workshop"
    assert defaults.looks() == {"motion": False, "mouse": False}


def test_options_go_before_the_environment_and_that_before_the_file(path, tmp_path):
    write(path, 'strength = "workshop"\ncrowd = "3"\ncast = "nets"\n'.replace("nets", "embedded"))
    (tmp_path / "empty.py").write_text('"""Nothing."""\n\n\ndef scenario(lab):\n    lab.at("2020-07")\n')
    words = ("run", tmp_path / "empty.py", "--display", "json", "--users", "1")

    def began(*more: str, **variables: str) -> tuple[str, int]:
        ran = facetui(*words, *more, **variables)
        assert ran.returncode == 0, ran.stderr
        event = next(e for e in map(json.loads, ran.stdout.splitlines()) if e["kind"] == "run_began")
        return event.get("strength", "release"), event.get("n_crowd", 0)

    assert began() == ("workshop", 3)
    assert began(FACETUI_CROWD="5") == ("workshop", 5)
    assert began("--crowd", "7", "--strength", "release", FACETUI_CROWD="5") == ("release", 7)
    ran = facetui(*words, FACETUI_CROWD="many")
    assert ran.returncode == 2 and ran.stderr.startswith("facetui: FACETUI_CROWD: ")


def test_doctor_says_where_and_what(path):
    from facetui.tui.cli.machine.doctor import _settings

    assert "nothing is set" in _settings()[2]
    config.put("motion", False)
    assert _settings() == (True, "settings", f"{places.short(path)}: motion = false")
    write(path, "themes = 1")
    good, _, said = _settings()
    assert not good and "line 1" in said


def test_our_themes_are_among_those_that_can_be_set():
    assert {theme.name for theme in THEMES} <= set(config.THEMES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_whatever_path_is_set_is_read_as_it_was_set(path, name):
    if "\0" in name:
        return
    try:
        kept = config.put("people", f"/{name}")
    except UsageError:
        return
    assert config.from_file()["people"] == kept
