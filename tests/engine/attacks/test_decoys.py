"""Decoys: other people crowd a protected one out of a face search."""

from __future__ import annotations

import pytest

from facetui.engine.core.cache import Cache, default_folder
from facetui.engine.lab.lab import Lab
from facetui.engine.people import identities as peoples
from facetui.engine.people.casts import Cast, Generation
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import PhotosPosted, SearchMeasured, decode, encode

from ...support.builders import SHARED


def crowded(lab: Lab, counts, k=10, **settings) -> list[SearchMeasured]:
    """One search before, and one after each further helping of decoys."""
    lab.at("2020-12")
    lab.users.post(4)
    lab.trainer.scrape()
    found = [lab.search(k)]
    for count in counts:
        lab.users.decoy(count, **settings)
        lab.trainer.scrape()
        found.append(lab.search(k))
    return found


def test_decoys_are_the_helpers_own_photos_and_are_counted(make_lab):
    events = []
    lab = make_lab(users=None, emit=events.append)
    before, _, after = crowded(lab, [1, 1], k=5, steps=3, strategy="random")
    assert (before.n_decoys, after.n_decoys) == (0, 2 * 4 * len(lab.protected))
    pictures = [photo.numpy().tobytes() for post in lab.web if post.decoys for photo in post.photos]
    assert len(set(pictures)) == len(pictures), "a second call made the same decoys again"
    assert before.n_enrolled == after.n_enrolled == 4 * len(lab.protected)
    decoys = [post for post in lab.web if post.decoys]
    assert decoys and not set(lab.protected) & {p for post in decoys for p in post.who.tolist()}
    probes = {(p, i) for p in range(len(lab.people)) for i in lab.world.split[p][0]}
    assert not probes & {
        (p, i) for post in decoys for p, i in zip(post.who.tolist(), post.source.tolist(), strict=True)
    }
    said = [e for e in events if isinstance(e, PhotosPosted) and e.attack == "foggysight"]
    assert len(said) == 2 * len(lab.protected) and all("3 steps, longer ones" in e.about for e in said)
    assert all("decoys for" in e.cohort for e in said)
    for post in decoys:
        for photo, person, index in zip(post.photos, post.who.tolist(), post.source.tolist(), strict=True):
            change = (photo.int() - lab.people.persons[person].photos[index].int()).abs()
            assert 0 < change.max() <= 30, "each decoy is the photo it says it was made from"
    assert all(e.linf <= 30 / 255 + 1e-4 for e in said)
    assert decode(encode(after)) == after
    assert lab.measure().whole.n_probes  # decoys are no cohort of the protected people
    assert all("decoys" not in m.cohort for m in lab.measurements)


def test_decoys_ask_for_what_they_need(make_lab):
    lab = make_lab()
    with pytest.raises(UsageError, match="post first"):
        lab.users.decoy()
    with pytest.raises(UsageError, match=r"lab\.users\.decoy"):
        lab.users.protect("foggysight")
    with pytest.raises(UsageError, match=r"lab\.users\.protect"):
        lab.users.decoy(attack="pgd")
    lab.users.post(1)
    with pytest.raises(UsageError, match="at least 1"):
        lab.users.decoy(0)


@pytest.mark.slow
def test_recall_falls_with_decoys_on_the_embedded_people(embedded):
    people, tool = peoples.tool_faces(embedded)
    cast = Cast("one", "", "embedded", ("compact-a",), (Generation("compact-a", "2019-06"),))
    lab = Lab(people, cast, tool=tool, users=["p05"], cache=Cache(default_folder()))
    none, some, more = crowded(lab, [5, 5], steps=80)
    assert none.recall >= 0.9 and none.recall > some.recall >= more.recall
    assert more.recall <= 0.95 * none.recall
    weak = Lab(people, cast, tool=tool, users=["p05"], cache=Cache(default_folder()))
    *_, faint = crowded(weak, [5, 5], steps=80, budget="linf 3/255")
    assert faint.recall > more.recall, "a tenth of the change crowds less"


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(not (SHARED / "models").is_dir(), reason="real faces and networks are not beside the checkout")
def test_recall_falls_with_decoys_on_real_faces(monkeypatch):
    monkeypatch.setenv("FACETUI_MODELS", str(SHARED / "models"))
    cache = Cache(default_folder())
    people, tool = peoples.tool_faces(peoples.load(str(SHARED / "faces" / "glint"), cache=cache))
    name = "mobilefacenet-casia"
    cast = Cast("one", "", "glint", (name,), (Generation(name, "2019-06"),))
    lab = Lab(people, cast, tool=tool, users=["g05"], cache=cache)
    none, some, more = crowded(lab, [5, 5], steps=40)  # 0, 5 and 10 a photo
    assert none.recall >= 0.8
    assert none.recall > some.recall >= more.recall
