"""What a story may call: marked where it is written, and known from there to sessions, completion and help."""

from __future__ import annotations

import inspect

import pytest
import torch

from facetui.engine.core.interfaces import Combining, Defence, Detecting, Estimating, Purifying
from facetui.engine.defences import DEFENCES
from facetui.engine.defences.adapt import Adapt
from facetui.engine.lab.world.moves import moves_of
from facetui.engine.records.errors import UnknownName, UsageError
from facetui.engine.records.events import DefenceApplied

MOVES = {
    "": {"ask", "at", "cite", "compare", "forecast", "guess", "identify", "measure", "note", "search", "show"},
    "users": {"decoy", "post", "protect", "publish_pairs"},
    "friends": {"post"},
    "trainer": {
        *(
            "adapt",
            "answer",
            "choose",
            "classify_by",
            "combine",
            "detect",
            "enrol",
            "link",
            "purify",
            "rescan",
            "scrape",
            "search_among",
            "subtract",
            "use",
        ),
    },
    "law": {"moratorium", "no_scraping", "retention"},
}


def test_the_moves_are_these_and_nothing_else_is_public_but_questions(make_lab):
    lab = make_lab()
    assert {name: set(moves_of(player)) for name, player in lab.players.items()} == MOVES
    questions = {
        "": {"restart"},
        "users": {"left", "left_to_show"},
        "friends": set(),
        "trainer": set(),
        "law": {"bans", "keeps", "may_scrape"},
    }
    for name, player in lab.players.items():
        public = {n for n, f in inspect.getmembers(type(player), inspect.isfunction) if not n.startswith("_")}
        assert public - set(MOVES[name]) == questions[name], name


def test_every_move_says_what_it_does(make_lab):
    for name, player in make_lab().players.items():
        for verb, method in moves_of(player).items():
            assert inspect.getdoc(method), f"{name}.{verb}"
            assert next(iter(inspect.signature(method).parameters)) == "self"


def test_moves_go_through_one_place(make_lab):
    made = []

    def noted(verb, call, args, kwargs):
        made.append((verb, args, kwargs))
        return call(*args, **kwargs)

    lab = make_lab(on_move=noted)
    lab.at("2020-07")
    lab.users.post(2)
    lab.trainer.scrape()
    lab.law.retention(months=3)
    assert [verb for verb, *_ in made] == ["at", "users.post", "trainer.scrape", "trainer.use", "law.retention"]
    assert made[0][1] == ("2020-07",) and made[-1][2] == {"months": 3}


def test_a_lab_that_is_begun_again_is_the_same_object_in_its_first_state(make_lab):
    lab = make_lab()
    lab.at("2020-07")
    left, users = lab.users.left(), lab.users
    lab.users.post(2)
    lab.trainer.scrape()
    lab.measure()
    lab.restart()
    assert (lab.recorder.t, len(lab.web), lab.measurements, lab.trainer.archive) == ("", 0, [], ())
    assert lab.users.left() == left and lab.users is not users


# --- answers of somebody else -------------------------------------------------------------------------------------


class Halved(Adapt):
    name = "halved"


class Bright(Detecting):
    name, source = "bright", "a test"

    def fit(self, clean, poisoned):
        return self

    def flags(self, photos):
        return photos.float().mean((1, 2, 3)) > 300


class Inverted(Purifying):
    name, source = "inverted", "a test"

    def __init__(self, strength=1):
        self.recipe = f"inverted {strength}"

    def __call__(self, photos):
        return 255 - photos


class Darker(Estimating):
    name, source, recipe = "darker", "a test", "darker"

    def fit(self, clean):
        return self

    def clean(self, photos, people):
        return photos // 2


class Robust(Combining):
    name, source, words, detail = "always-robust", "a test", "always", "in its place"

    def answers(self, accurate, similarity, robust):
        return robust[:, None]


class Shrug(Defence):
    name, source = "shrug", "a test"


@pytest.fixture
def others():
    made = {kind.name: kind for kind in (Halved, Bright, Inverted, Darker, Robust, Shrug)}
    for name, kind in made.items():
        DEFENCES.register(name, kind)
    yield made
    for name in made:
        DEFENCES.forget(name)


def test_an_answer_from_elsewhere_is_called_by_name_whatever_its_kind(make_lab, others):
    events = []
    lab = make_lab(emit=events.append)
    lab.at("2020-07")
    lab.users.protect("pgd", steps=2)
    lab.users.post(2)
    lab.trainer.scrape()
    lab.trainer.answer("halved", steps=2)
    lab.trainer.use("tiny-x")
    lab.trainer.answer("bright", action="flag")
    lab.trainer.answer("inverted", strength=2)
    assert lab.trainer.pipelines[-1].steps == ["inverted 2"]
    photos = torch.randint(0, 256, (2, 3, 112, 112), dtype=torch.uint8)
    assert torch.equal(lab.trainer.pipelines[-1].purified(photos), 255 - photos)
    lab.trainer.answer("darker")
    assert lab.trainer.pipelines[-1].steps == ["darker", "inverted 2"], "scraped photos first"
    state, post = lab.trainer.state, lab.web[0]
    assert torch.equal(state.photos(lab.trainer.pipelines[-1], post), 255 - post.photos // 2)
    lab.trainer.use("tiny-x")
    lab.trainer.answer("always-robust")
    assert lab.trainer.pipelines[-1].generation == "tiny-x + tiny-x robust always"
    robust = lab.measure().whole.protection_rate
    lab.trainer.use("tiny-x robust")
    assert lab.measure().whole.protection_rate == robust, "its rule decides"
    applied = [e.defence for e in events if isinstance(e, DefenceApplied)]
    assert applied == ["halved", "bright", "inverted", "darker", "always-robust"]
    lab.trainer.answer("purify", recipe="jpeg 75")
    assert lab.trainer.pipelines[-1].steps == ["jpeg 75"], "ours, too"


def test_an_answer_of_no_kind_and_one_under_another_verb_are_refused(make_lab, others):
    lab = make_lab()
    lab.at("2020-07")
    lab.users.post(2)
    lab.trainer.scrape()
    with pytest.raises(UsageError, match="none of Training, Detecting, Purifying, Combining"):
        lab.trainer.answer("shrug")
    with pytest.raises(UsageError, match="not one that purifies"):
        lab.trainer.purify(defence="bright")
    with pytest.raises(UsageError, match="cannot take these settings"):
        lab.trainer.answer("inverted", colour="red")
    with pytest.raises(UnknownName, match="invertde"):
        lab.trainer.answer("invertde")
