"""What is taken away of a replay: an asciicast that a terminal plays to the same end, and a GIF."""

from __future__ import annotations

import io
import itertools
import json

import pytest
from PIL import Image, ImageChops
from rich.style import Style

from facetui.tui.app.app import FacetApp
from facetui.tui.app.terminal.recording import asciicast
from facetui.tui.figures.animation import gif

from ...support.sample_run import write_sample


@pytest.fixture
def run(tmp_path):
    return tmp_path / "run", write_sample(tmp_path / "run")


def test_the_asciicast_plays_the_replay(run):
    pyte = pytest.importorskip("pyte", reason="a terminal emulator is not installed")
    folder, events = run
    head, *lines = asciicast(events, folder, (100, 30), lambda role: Style(bold="bold" in role), title="x").splitlines()
    header = json.loads(head)
    assert (header["version"], header["width"], header["height"]) == (2, 100, 30)
    terminal = pyte.Screen(100, 30)
    stream, times, looks = pyte.Stream(terminal), [], set()
    for line in lines:
        seconds, kind, text = json.loads(line)
        assert kind == "o"
        times.append(seconds)
        stream.feed(text)
        looks.add("\n".join(terminal.display))
    assert times == sorted(times) and 20 < times[-1] < 120 and len(looks) > 10
    assert "It began at 98 % and ends at 6 %." in "\n".join(terminal.display)


def test_the_gif_shows_every_caption_as_long_as_it_takes_to_read(run):
    folder, events = run
    with Image.open(io.BytesIO(gif(events, folder))) as picture:
        frames, seconds = [], []
        for number in range(picture.n_frames):
            picture.seek(number)
            frames.append(picture.convert("RGB"))
            seconds.append(picture.info["duration"] / 1000)
    assert len(frames) >= 4 and min(seconds) >= 2.4
    assert all(ImageChops.difference(one, two).getbbox() for one, two in itertools.pairwise(frames))


async def test_the_key_that_exports_saves_both(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path / "sample-20210101-000000")
    folder = tmp_path / "sample-20210101-000000"
    app = FacetApp(tmp_path, folder, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("G", "e")
        await app.workers.wait_for_complete()
        (gif_path,) = tmp_path.rglob("replay.gif")
        (cast_path,) = tmp_path.rglob("replay.cast")
    assert (
        gif_path.read_bytes().startswith(b"GIF8") and json.loads(cast_path.read_text().splitlines()[0])["width"] == 80
    )
