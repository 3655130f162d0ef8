"""A closed tool's public demonstration: a few photos of the trainer's own choice, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from facetui.engine.core.cache import Cache
from facetui.engine.lab.trainer.training_photos import training_photos
from facetui.engine.lab.world.tools import DEMONSTRATION
from facetui.engine.people.persons import EMBEDDED, Person
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import DefenceApplied


@pytest.fixture
def make_closed(make_lab, embedded, tmp_path):
    def make(**settings):
        events: list = []
        around = [Person(f"c{i}", person.photos[:2]) for i, person in enumerate(embedded.persons[20:26])]
        lab = make_lab(crowd=around, cache=Cache(tmp_path), emit=events.append)
        lab.at("2021-04")
        lab.users.protect("pgd", steps=2, public=False, **settings)
        lab.users.post(2)
        lab.trainer.scrape()
        return lab, events

    return make


def test_a_trainer_uploads_photos_of_its_own_to_a_tool_that_it_cannot_run(make_closed):
    lab, events = make_closed()
    lab.trainer.adapt(pairs="server", uploads=5, steps=2)
    ((clean, copies),) = lab.trainer.state.uploads["pgd"]
    assert len(clean.photos) == len(copies) == 5 and not torch.equal(clean.photos, copies)
    assert not set(clean.people.tolist()) & {*lab.protected, *lab.world.kept}
    tool = lab.world.tools.closed("pgd")
    moved = (copies.float() - clean.photos.float()).abs().amax((1, 2, 3)) / 255
    assert moved.max() <= tool.budget.epsilon + 1e-6 and moved.min() > 0
    applied = next(e for e in events if isinstance(e, DefenceApplied))
    assert (applied.n_photos, applied.against, applied.extractor) == (5, ["pgd"], "tiny-y from 5 uploads")
    who = f"{applied.n_people} other people"
    assert applied.detail.startswith(f"uploads 5 photos of {who} to the public demonstration of pgd and learns")
    assert applied.accuracy_after is not None and f"({applied.n_probes} probes)" in applied.detail
    assert lab.trainer.pipelines[-1].against == ("pgd",)
    lab.trainer.use("tiny-y")
    lab.trainer.adapt(["pgd"], pairs="server", uploads=4, steps=2)
    assert lab.trainer.pipelines[-1].extractor == "tiny-y from 9 uploads", "what it has it keeps"
    first, second = (batch[0].photos for batch in lab.trainer.state.uploads["pgd"])
    pixels = [{photo.numpy().tobytes() for photo in photos} for photos in (first, second)]
    assert not pixels[0] & pixels[1], "nothing is uploaded twice"
    with pytest.raises(UsageError, match="upload a few photos"):
        lab.trainer.adapt(["pgd"])


def test_a_demonstration_takes_few_photos_in_all(make_closed):
    lab, _ = make_closed()
    tools = lab.world.tools
    assert tools.demonstrated() == ["pgd"]
    tools.upload("pgd", DEMONSTRATION - 1)
    with pytest.raises(UsageError, match="expected 1 to 1 uploads"):
        tools.upload("pgd", 2)
    assert tools.upload("pgd", 1).attack.name == "pgd"
    with pytest.raises(UsageError, match="takes no more"):
        lab.trainer.adapt(pairs="server", uploads=1)
    assert lab.trainer.state.uploads.get("pgd", []) == []


def test_there_are_as_many_photos_to_upload_as_are_wanted(make_lab, embedded):
    around = [Person(f"c{i}", person.photos[:2]) for i, person in enumerate(embedded.persons[20:26])]
    of_a_folder = make_lab(crowd=around).world
    fictional = len(of_a_folder.tool.persons)
    assert [len(training_photos(of_a_folder, n).photos) - fictional for n in (3, 8, 20)] == [3, 8, 20]
    world = make_lab(crowd=around).world
    world.people = replace(world.people, source=EMBEDDED)
    assert [len(training_photos(world, n).photos) for n in (3, 8)] == [3, 8]


def test_where_there_is_no_demonstration(make_closed, make_lab):
    lab, _ = make_closed(demonstration=False)
    for call, said in [
        (lambda: lab.trainer.adapt(pairs="server"), "no public demonstration of a closed tool"),
        (lambda: lab.trainer.adapt(["pgd"], pairs="server"), "pgd has no public demonstration here"),
        (lambda: lab.trainer.adapt(["opom"], pairs="server"), "nobody has used opom as a closed tool"),
        (lambda: lab.trainer.adapt(["pgd"], pairs="server", uploads=0), "pgd has no public"),
        (lambda: lab.trainer.adapt(["pgd"], pairs="server", uploads=999), "add people"),
    ]:
        with pytest.raises(UsageError, match=said):
            call()
    lab.users.protect("pgd", steps=2)
    with pytest.raises(UsageError, match="pgd is public here"):
        lab.trainer.adapt(["pgd"], pairs="server")
    assert not lab.world.tools.is_closed("pgd")


def test_the_same_seed_uploads_the_same_photos(make_closed):
    def play():
        lab, _ = make_closed()
        lab.trainer.answer("learned-purifier", pairs="server", uploads=3, steps=2, width=4, depth=2)
        assert lab.trainer.pipelines[-1].extractor == "tiny-y purified from 3 uploads"
        return lab.world.networks.weights("tiny-y purified from 3 uploads")

    assert play() == play()
