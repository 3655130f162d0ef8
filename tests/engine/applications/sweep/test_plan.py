"""Plans: what is wrong is said by its key; names are of the content, so that other settings are other units."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facetui import scenarios
from facetui.engine.applications.sweep import plan as plans
from facetui.engine.applications.sweep.expand import expand
from facetui.engine.applications.sweep.plan import Plan
from facetui.engine.applications.sweep.units import Task, name_of
from facetui.engine.core.cache import Cache
from facetui.engine.records.errors import DataError, FacetuiError, UsageError

from ....support.sweeps import TINY


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "plan.toml").write_text(text)
    return tmp_path / "plan.toml"


def units(tmp_path: Path, text: str):
    return expand(plans.read(written(tmp_path, text)), Cache(None), scenarios.path_of)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected attacks, for a grid, or stories, got neither"),
        ('attacks = ["clean"]\nstories = ["arms_race"]', "got both"),
        ('atacks = ["clean"]', "no key 'atacks'; did you mean attacks?"),
        ('attacks = ["clean"]\nzzz = 1', "known: title, attacks"),
        ('attacks = "clean"', "attacks: expected"),
        ('attacks = ["clean"]\nseeds = ["a"]', "seeds[0]: expected `int`"),
        ('attacks = ["clean"]\nseeds = [-1]', "seeds[0]: expected `int` >= 0"),
        ('attacks = ["clean"]\nphotos = 0', "photos: expected"),
        ('attacks = ["clean"]\nseeds = []', "seeds is empty"),
        ('attacks = ["clean", "clean"]', "attacks has something twice"),
        ('attacks = ["clean"]\nanswers = ["guess"]', "answers: expected some of nearest"),
        ('attacks = ["clean"]\nstrength = "workshop"', "strength says nothing of a grid"),
        ('stories = ["arms_race"]\nbudgets = ["own"]', "budgets says nothing of a story"),
        ('attacks = ["clean"', "is not TOML"),
    ],
)
def test_what_is_wrong_is_said_by_its_key(text, said, tmp_path):
    with pytest.raises((UsageError, DataError)) as error:
        plans.read(written(tmp_path, text))
    assert said in str(error.value) and "plan.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        plans.read(tmp_path / "none.toml")
    (tmp_path / "plan.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="UTF-8"):
        plans.read(tmp_path / "plan.toml")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('attacks = ["pdg"]', "did you mean pgd"),
        ('attacks = ["foggysight"]', "attacks: foggysight protects somebody else"),
        ('attacks = ["pgd"]\nbudgets = ["much"]', "budgets: expected a budget like"),
        ('attacks = ["pgd"]\ncasts = ["nobody"]', "no cast is called 'nobody'"),
        ('attacks = ["pgd"]\nextractors = ["compact-z"]', "compact-z"),
        ('attacks = ["pgd"]\nusers = 400', "users: expected 1 to"),
        ('attacks = ["pgd"]\nusers = ["nobody"]', "nobody"),
        ('attacks = ["pgd"]\nphotos = 400', "photos: of a protected person"),
        ('attacks = ["pgd"]\ncrowds = [5000]', "the embedded crowd has"),
        ('attacks = ["clean"]\nanswers = ["adapted"]', "answers: a trainer adapts to tools"),
        ('stories = ["arms_rice"]', "did you mean arms_race"),
        ('stories = ["arms_race"]\nset = {nothing = [1]}', "set: the scenario arms_race has no parameter"),
        ('stories = ["arms_race"]\nstrength = "weak"', "expected the strength"),
    ],
)
def test_what_does_not_exist_or_fit_is_said_before_anything_is_computed(more, said, tmp_path):
    with pytest.raises(FacetuiError) as error:
        units(tmp_path, more)
    assert said in str(error.value)


def test_everything_with_everything_and_what_is_shared_once(tmp_path):
    made = units(tmp_path, TINY)
    perturbed = [unit for unit in made if unit.task.kind == "perturb"]
    measured = [unit for unit in made if unit.task.kind == "measure"]
    assert [unit.task.words for unit in perturbed] == ["pgd steps=2", "pgd steps=2 linf 4/255"]
    assert len(measured) == 3 * 2, "an attack has no budget where there is none"
    by_name = {unit.name: unit for unit in made}
    for unit in measured:
        assert [by_name[need].task.words for need in unit.needs] == [unit.task.words] * (unit.task.words != "clean")
        assert unit.gallery == 40 + int(unit.task.crowd)
    assert [unit.name for unit in units(tmp_path, TINY)] == [unit.name for unit in made], (
        "the same plan, the same names"
    )
    wider = units(tmp_path, TINY.replace("[0, 20]", "[0, 20, 30]"))
    assert {unit.name for unit in made} < {unit.name for unit in wider}, "a longer list keeps what was finished"
    own = units(tmp_path, TINY.replace('["own", "linf 4/255"]', '["own", "linf 8/255"]'))
    assert len([unit for unit in own if unit.task.kind == "perturb"]) == 1, "the attack's own, by another name"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("steps=2", "steps=3"),
        ("linf 4/255", "linf 5/255"),
        ("users = 3", "users = 4"),
        ("photos = 2", "photos = 3"),
        ("users = 3", "users = 3\nseeds = [7]"),
        ('extractors = ["compact-a", "compact-b"]', 'extractors = ["compact-c"]\ncasts = ["other.toml"]'),
    ],
)
def test_another_setting_is_another_unit(before, after, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.toml").write_text(
        'surrogates = ["compact-b"]\n[[generations]]\nextractor = "compact-b"\nreleased = "2020-01"\n'
    )
    first = [unit for unit in units(tmp_path, TINY) if "linf 4/255" in unit.task.words]
    second = [unit for unit in units(tmp_path, TINY.replace(before, after)) if "linf" in unit.task.words]
    assert first and second and not {unit.name for unit in first} & {unit.name for unit in second}


def test_stories_with_their_parameters(tmp_path):
    story = tmp_path / "mine.py"
    story.write_text(
        '"""Mine."""\n\n\ndef scenario(lab, photos: int = 2, loud: bool = True):\n    lab.users.post(photos)\n'
    )
    text = f'stories = ["{story}"]\nset = {{photos = [1, 2], loud = [false]}}\ncrowds = [0, 10]\n'
    made = units(tmp_path, text)
    assert [(unit.task.values, unit.task.crowd) for unit in made] == [
        ({"photos": photos, "loud": False}, crowd) for photos in (1, 2) for crowd in ("0", "10")
    ]
    assert made[1].needs == [made[0].name], "who is searched among changes nothing of what users post"
    story.write_text(story.read_text().replace("Mine", "Mine too"))
    assert not {unit.name for unit in units(tmp_path, text)} & {unit.name for unit in made}, "another source"


FIELDS = [field for field in Task.__struct_fields__ if field != "kind"]


@given(st.sampled_from(FIELDS), st.integers(1, 1000))
def test_every_field_of_a_task_is_in_its_name(field, number):
    task = Task(kind="measure", seed=0, people="embedded")
    kinds = {int: number, str: str(number), list: [str(number)], dict: {"x": str(number)}, float: 1 / (1 + number)}
    value = getattr(task, field)
    other = not value if isinstance(value, bool) else kinds[type(value)]
    assert name_of(task) == name_of(msgspec.structs.replace(task))
    assert name_of(msgspec.structs.replace(task, **{field: other})) != name_of(task)


def test_a_plan_says_what_it_knows():
    for name in Plan.__struct_fields__:
        assert name in (Path(__file__).parents[4] / "docs" / "sweeps.md").read_text(encoding="utf-8"), name
