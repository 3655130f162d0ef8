"""What if: moves counted as on the timeline, changed one by one, and what cannot be changed said in a sentence."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.records.errors import FacetuiError, UsageError
from facetui.engine.records.events import (
    DefenceApplied,
    Event,
    ExtractorReleased,
    LawPassed,
    PhotosPosted,
    PhotosScraped,
    Progress,
    ProtectionMeasured,
)
from facetui.engine.runs.branches.changes import READERS, Change, MoveCount, check, dates, moves_of
from facetui.engine.runs.branches.what_if import TAKES, Branch
from facetui.engine.runs.scenario import Scenario
from facetui.scenarios import path_of
from facetui.tui.runs import recordings
from facetui.tui.state.branching import WhatIf
from facetui.tui.state.snapshot import Scene

from ...support.hostile_run import ROUNDS, runs
from ...support.sample_run import sample_events

STORY = '''"""A story."""


def scenario(lab):
    lab.at("2020-07")
    lab.note("a tool")
    lab.users.protect("pgd", steps=1)
    lab.users.post(2)
    lab.trainer.scrape()
    lab.measure()
    lab.at("2021-01")
    lab.trainer.adapt(steps=1)
    lab.law.retention(12)
    lab.measure()
    lab.at("2021-03")
    lab.users.post(1)
    lab.trainer.use("tiny-y")
    lab.measure()
'''


@pytest.fixture
def play(make_lab, tmp_path):
    """Plays a story with changes; gives its events."""

    def played(*changes: str, story: str = STORY) -> list[Event]:
        branch, events = Branch([Change.parse(text) for text in changes]), []
        lab = make_lab(emit=lambda event: (events.append(event), branch.heard(event)), on_move=branch.make)
        branch.lab = lab
        Scenario.parse(story, tmp_path / "story.py").play(lab)
        branch.finish()
        return events

    return played


def posted(events: list[Event]) -> list[tuple[str, str | None, int]]:
    return [(e.t, e.attack, e.n_photos // e.n_people) for e in events if isinstance(e, PhotosPosted)]


def kinds(events: list[Event]) -> list[str]:
    return [move.event.kind for move in moves_of(events)]


# --- counting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", recordings.names())
def test_moves_are_counted_as_the_timeline_counts_them(name):
    scene, counter = Scene(), MoveCount()
    for event in recordings.read(name).events:
        scene.add(event)
        counter.add(event)
        assert scene.moves == counter.count
    made = moves_of(recordings.read(name).events)
    assert [move.number for move in made] == list(range(1, counter.count + 1))
    for move in made:
        assert set(move.values) <= set(READERS), move
        for what, value in move.values.items():
            if (what, value) != ("answer", "best-of"):
                Change(move.number, what, value).read()


@ROUNDS
@given(runs, st.integers(0, 40))
def test_a_strangers_run_is_counted_and_offers_what_can_be_read(run, number):
    scene, counter = Scene(), MoveCount()
    for event in run:
        scene.add(event)
        counter.add(event)
    assert scene.moves == counter.count
    asked = WhatIf.of(run, run[0], number)
    assert asked is not None
    for _ in asked.moves:
        for _ in asked.choices:
            asked.choose(1, 1)
        assert all(change.move == asked.move.number for change in asked.changes)
        asked.turn_to(asked.place + 1)


def test_everything_that_a_move_takes_can_be_read():
    assert {name for takes in TAKES.values() for name in takes} | {"date"} == set(READERS)


# --- changes -------------------------------------------------------------------------------------------------------


def test_without_a_change_everything_is_as_it_was(play):
    assert kinds(play()) == [
        *("photos_posted", "extractor_released", "photos_scraped", "protection_measured"),
        *("defence_applied", "law_passed", "protection_measured"),
        *("photos_posted", "extractor_released", "protection_measured"),
    ]


def test_a_tool_is_another_from_that_post_on_and_the_trainer_learns_of_no_other(play):
    events = play("1: attack=filters")
    assert posted(events) == [("2020-07", "filters", 2), ("2021-03", "filters", 1)]
    (adapted,) = [e for e in events if isinstance(e, DefenceApplied)]
    assert adapted.against == ["filters"]
    events = play("8: attack=filters")
    assert posted(events) == [("2020-07", "pgd", 2), ("2021-03", "filters", 1)]
    assert posted(play("8: attack=none"))[1] == ("2021-03", None, 1)


def test_budget_share_photos_and_date(play):
    events = play("1: budget=linf 2/255", "1: photos=4", "1: share=0.5", "9: date=2021-05")
    first = next(e for e in events if isinstance(e, PhotosPosted))
    assert first.budget == "linf 2/255" and first.linf <= 2 / 255 + 1e-6
    # Photos without a tool are a move of their own, so what was the eighth is the ninth now.
    assert posted(events)[:3] == [("2020-07", "pgd", 2), ("2020-07", None, 2), ("2021-05", None, 1)], "half of one"
    events = play("8: date=2021-05", "9: date=2021-06")
    assert [e.t for e in events if isinstance(e, PhotosPosted | ExtractorReleased)] == [
        *("2020-07", "2020-07", "2021-05", "2021-06")
    ]


def test_the_trainers_answer(play):
    events = play("5: answer=purify")
    assert [e.defence for e in events if isinstance(e, DefenceApplied)] == ["purify"]
    events = play("5: answer=none", "6: months=24")
    assert not any(isinstance(e, DefenceApplied) for e in events), "what is left out keeps its number"
    assert [e.months for e in events if isinstance(e, LawPassed)] == [24]
    events = play("2: extractor=tiny-y", "9: extractor=tiny-x")
    assert [e.extractor for e in events if isinstance(e, ExtractorReleased)] == ["tiny-y", "tiny-x"]
    events = play("5: answer=adapt", "5: against=filters")
    assert [e.against for e in events if isinstance(e, DefenceApplied)] == [["filters"]]
    events = play("9: answer=rescan", "5: against=filters")
    assert [(e.defence, e.against) for e in events if isinstance(e, DefenceApplied)] == [
        ("adapt", ["filters"]),
        ("rescan", []),
    ]


def test_the_same_draws_before_the_change(play):
    plain, changed = play(), play("8: attack=filters")

    def until(events):
        # What comes out of the cache shows no progress.
        moved = [event for event in events if not isinstance(event, Progress)]
        return [msgspec.structs.replace(e, wall=0.0, seq=0) for e in moved if e.t < "2021-03"]

    assert until(plain) == until(changed)


def test_a_story_that_depends_on_results_simply_goes_on(play):
    story = STORY + (
        "    if lab.measurements[-1].protection_rate <= 1:\n        lab.at('2022-01')\n        lab.trainer.scrape()\n"
    )
    events = play("9: answer=none", story=story)
    assert events[-1].t == "2022-01" and isinstance(events[-1], PhotosScraped)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("11: date=2022-01", "the story makes 10 moves; there is no move 11"),
        ("4: attack=pgd", "move 4 is measure; of it can be changed: date; not attack"),
        ("3: date=2020-08", "move 3 is made together with move 2"),
        ("5: months=3", "move 5 is trainer adapt; of it can be changed: answer, against, date; not months"),
        ("1: date=2021-02", "move 1 is put at 2021-02, and later the story says: the clock stands"),
        ("1: photos=900", "photos to post"),
    ],
)
def test_what_cannot_be_is_one_sentence(change, said, play):
    with pytest.raises(UsageError, match=said) as raised:
        play(change)
    assert "\n" not in str(raised.value)


def test_a_budget_without_a_tool_says_so(play):
    bare = STORY.replace('    lab.users.protect("pgd", steps=1)\n', "")
    with pytest.raises(UsageError, match="as they are in move 1; choose a tool, too"):
        play("1: budget=linf 8/255", story=bare)
    assert posted(play("1: attack=pgd", "1: budget=linf 2/255", story=bare))[0] == ("2020-07", "pgd", 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected --what-if"),
        ("x: attack=pgd", "expected --what-if"),
        ("-1: attack=pgd", "expected --what-if"),
        ("1: attack", "expected --what-if"),
        ("0: attack=pgd", "counted from 1"),
        ("99999999999: attack=pgd", "expected --what-if"),
        ("1: colour=red", "expected one of attack, budget"),
        ("1: attack=pdg", "did you mean pgd"),
        ("1: share=2", "share from 0 to 1"),
        ("1: share=nan", "share from 0 to 1"),
        ("1: photos=0", "whole number from 1 on"),
        ("1: photos=1e3", "whole number from 1 on"),
        ("1: date=yesterday", "a date like 2020-07"),
        ("1: extractor=compact-z", "no extractor is called"),
        ("1: answer=surrender", "expected an answer of the trainer, adapt"),
        ("1: against=", "expected names of attacks"),
        ("1: \x1b[2J=1", "expected one of"),
    ],
)
def test_what_is_typed_wrong_is_said_before_anything_is_computed(text, said):
    with pytest.raises(UsageError, match=said) as raised:
        Change.parse(text)
    assert "\x1b" not in str(raised.value) and "\n" not in str(raised.value)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_anything_typed_is_a_change_or_a_sentence(text):
    for typed in (text, f"1: {text}", f"1: attack={text}", f"1: date={text}", f"1: share={text}", f"1: photos={text}"):
        try:
            change = Change.parse(typed)
        except FacetuiError as error:
            assert str(error)
        else:
            assert Change.parse(str(change)) == change


def test_two_values_for_the_same_and_a_wrong_budget_are_refused():
    with pytest.raises(UsageError, match="changed twice"):
        Branch([Change.parse("1: photos=2"), Change.parse("1: photos=3")])
    with pytest.raises(UsageError, match="expected a budget like"):
        Branch([Change.parse("1: budget=much")])


def test_a_run_says_beforehand_what_of_it_can_be_changed():
    events = recordings.read("arms_race").events
    check([Change.parse("7: attack=pgd"), Change.parse("5: answer=none"), Change.parse("7: date=2021-02")], events, "r")
    for text, said in (
        ("22: attack=pgd", "r makes 21 moves; there is no move 22"),
        ("5: attack=pgd", "of move 5 of r can be changed: answer, against, date; not attack"),
        ("3: date=2020-08", "move 3 is made together with move 2"),
        ("7: date=2021-05", "a date from 2021-01 to 2021-03 for move 7"),
        ("7: date=2020", "a date like"),
    ):
        with pytest.raises(UsageError, match=said):
            check([Change.parse(text)], events, "r")
    assert dates(moves_of(events), 21) == ("2022-03", "")


def test_what_a_post_leaves_besides_its_first_tool_counts_with_it():
    post = {"n_people": 8, "n_photos": 16, "actor": "users", "t": "2020-07", "line": 4}
    events: list[Event] = [
        *sample_events()[:3],
        PhotosPosted(cohort="2020-07 pgd", attack="pgd", budget="linf 8/255", **post),
        PhotosPosted(cohort="2020-07 clean", attack=None, budget=None, **post),
    ]
    first, second = moves_of(events)
    assert (first.values["photos"], first.values["share"], second.values) == ("4", "0.5", {})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["retention_law", "retroactive_model"])
def test_stories_that_come_along_go_on_after_a_change(name, make_lab):
    story = Scenario.read(path_of(name))
    branch, events = Branch([Change.parse("2: attack=filters")] if name == "retention_law" else []), []
    if name == "retroactive_model":
        branch = Branch([Change.parse("1: attack=filters"), Change.parse("5: attack=pgd")])
    lab = make_lab(
        emit=lambda event: (events.append(event), branch.heard(event)),
        on_move=branch.make,
        posts=story.posts,
        strength="workshop",
    )
    branch.lab = lab
    story.play(lab)
    branch.finish()
    assert any(isinstance(e, ProtectionMeasured) and e.attack == "filters" for e in events)
