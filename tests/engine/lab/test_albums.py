"""Photos are counted before anything is computed: fewer are posted, others chosen, or it is said what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facetui import scenarios
from facetui.engine.core.cache import Cache
from facetui.engine.lab.lab import Lab
from facetui.engine.lab.world.albums import Plan, n_needed, n_probes, n_to_post
from facetui.engine.people.persons import People, Person
from facetui.engine.records.errors import ScenarioError, UsageError
from facetui.engine.records.events import Note, PhotosPosted
from facetui.engine.runs.scenario import Scenario
from facetui.engine.runs.setup import Setup, begin, open_lab

STORY = """\"\"\"A story.\"\"\"

POSTS = (4, 4)


def scenario(lab):
    lab.at("2020-07")
    lab.users.post(4)
    lab.at("2020-08")
    lab.users.post(4)
    lab.trainer.scrape()
    lab.measure()
"""


@given(st.integers(1, 60))
def test_needed_photos_are_enough_and_one_less_is_not(n):
    assert n_to_post(n_needed(n)) >= n and n_probes(n_needed(n)) > 0
    assert n_to_post(n_needed(n) - 1) < n or not n_probes(n_needed(n) - 1)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.integers(0, 80))
def test_a_plan_never_takes_more_than_there_is_and_at_least_one_a_time(posts, pool):
    plan = Plan(tuple(posts))
    if pool < len(posts):
        with pytest.raises(UsageError, match="p7 has too few"):
            plan.fitted([("p1", 99), ("p7", pool)])
        return
    fitted = [plan.fitted([("p1", 99), ("p7", pool)]).fewer(n) for n in posts]
    assert sum(fitted) <= pool and min(fitted) >= 1
    assert fitted == posts or sum(posts) > pool


def people(embedded, *counts: int) -> People:
    """People with so many photos each."""
    return People("few", tuple(Person(p.name, p.photos[:n]) for p, n in zip(embedded.persons, counts, strict=False)))


def lab_of(embedded, tool, tiny_cast, counts, posts=(4, 4), **settings) -> tuple[Lab, list]:
    events = []
    lab = Lab(people(embedded, *counts), tiny_cast, tool=tool, seed=3, emit=events.append, posts=posts, **settings)
    return lab, events


@pytest.mark.parametrize(
    ("counts", "protected", "posted"),
    [
        ((12,) * 8, 2, 4),  # enough for all of it
        ((12, 12, 12, 12, 2, 2, 2, 2), 2, 4),  # who has too few is part of the crowd
        ((12, 12, 12, 12, 1, 1, 1, 1), 2, 4),
        ((6,) * 8, 2, 2),  # fewer at a time
        ((3,) * 8, 2, 1),
        ((5, 4, 3, 3, 1, 1, 1, 1), 2, 1),
    ],
)
def test_a_story_takes_what_there_is(embedded, tool, tiny_cast, counts, protected, posted):
    lab, events = lab_of(embedded, tool, tiny_cast, counts)
    assert len(lab.protected) == protected
    lab.at("2020-07")
    assert lab.users.post(4) == posted
    lab.at("2020-08")
    assert lab.users.post(4) == posted
    assert [e.n_photos for e in events if isinstance(e, PhotosPosted)] == [protected * posted] * 2
    lab.trainer.scrape()
    assert lab.measure().whole.n_probes == sum(n_probes(counts[p]) for p in lab.protected) > 0
    assert bool(lab.world.shortage()) == (posted < 4 or min(counts) < 12)


@pytest.mark.parametrize(
    ("counts", "users", "words"),
    [
        ((2,) * 8, None, "needs 3 photos of each protected person, and 11 for all it shows"),
        ((12, 12, 12, 2), ["p04"], "p04 has too few"),
        ((12, 12, 1), ["p03"], "p03 has one photo"),
    ],
)
def test_too_few_photos_are_said_before_anything_is_computed(embedded, tool, tiny_cast, counts, users, words):
    with pytest.raises(UsageError, match=words):
        lab_of(embedded, tool, tiny_cast, counts, users=users)


def test_a_run_says_that_it_posts_less(embedded, tool, tiny_cast):
    from torch import device

    setup = Setup(tiny_cast, people(embedded, *(6,) * 6, 2, 1), tool, device("cpu"), Cache(None), None, 3)
    events = []
    story = Scenario.parse(STORY, Path("mine.py"))
    lab = open_lab(setup, emit=events.append, posts=story.posts)
    begin(lab, setup, name="mine", title="", source="")
    said = [e.text for e in events if isinstance(e, Note)]
    assert said == [
        "The protected people have few photos: at a time 2, 2 of each are posted, where the story has 4, 4; 11 photos "
        "a person would be enough.",
        "Of everybody else 2 people have fewer photos than are posted: they post what they have.",
    ]
    story.play(lab)
    assert lab.measurements


def test_what_a_story_needs_is_read_without_running_it():
    assert Scenario.parse(STORY, Path("mine.py")).posts == (4, 4)
    assert Scenario.parse(STORY.replace("POSTS = (4, 4)\n", ""), Path("mine.py")).posts == ()
    for wrong in ("(0,)", "four", "-1", "(4, 'a')"):
        with pytest.raises(ScenarioError, match="line 3: expected POSTS"):
            Scenario.parse(STORY.replace("(4, 4)", wrong), Path("mine.py"))


@pytest.mark.parametrize("name", scenarios.SCENARIOS.names())
def test_every_story_says_what_it_posts(name):
    story = Scenario.read(scenarios.path_of(name))
    assert story.posts and n_needed(sum(story.posts)) <= 24
    loops = "    for " in story.source  # in which a post counts several times
    assert loops or story.source.count(".post(") >= len(story.posts)
