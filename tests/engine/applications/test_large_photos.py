"""Large photos one at a time: what they take of memory, beyond what is there before, in protect and in check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
from PIL import Image, ImageOps
from facetui.engine import attacks
from facetui.engine.applications.check.pairing.comparison import compare
from facetui.engine.applications.protect.protector import Protector
from facetui.engine.core.memory import give_back

folder = Path(sys.argv[1])
small = Image.open(folder / "scene.png").convert("RGB")
large = lambda picture: picture.resize((4800, 3600), Image.Resampling.BICUBIC)

def status(field):
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith(field))

def took(work):
    give_back()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = status("VmRSS")
    work()
    return status("VmHWM") - before

def protect(name, picture):
    picture.save(folder / name)
    protector = Protector(attacks.make("pgd", steps=1), ["compact-a"], folder / "out")
    def work():
        (outcome,) = protector.run([(folder / name, folder / "out" / f"{name}.png")])
        assert outcome.state == "protected", outcome
    return took(work)

def check(name, copy):
    copy.save(folder / name)
    def work():
        (pair,) = compare(folder / "0.png", folder / name)
    return took(work)

protect("0.png", large(small.resize((640, 480))))  # what is loaded late would count
check("00.png", large(small))
transparent = large(small)
transparent.putalpha(200)
for turn in "ab":
    protected = {"1.jpg": large(small), "2.png": transparent, "3.jpg": large(small).convert("L")}
    checked = {"4.jpg": large(small), "5.jpg": ImageOps.mirror(large(small))}
    print(*(protect(turn + name, picture) for name, picture in protected.items()), end=" ")
    print(*(check(turn + name, picture) for name, picture in checked.items()))
"""

PIXELS = 4800 * 3600 * 4 / 2**20
"""One picture in memory, in MiB: Pillow keeps four bytes of each pixel."""

DETECTOR = 120
"""MiB that finding a face takes, whatever the picture's size; the same work was seen to take 30 more or less."""

MOST = {"RGB": 2.5, "transparent": 4, "grey": 2.5, "copy": 5, "mirrored": 5}
"""How many pictures' worth each may take: protected in three modes, and compared with two kinds of copies."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is asked of Linux")
def test_large_photos_take_a_few_times_their_pixels(tmp_path: Path, embedded):
    from ...support.scenes import scene

    scene(embedded.persons[0].photos[0]).save(tmp_path / "scene.png")
    ran = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    turns = [map(float, line.split()) for line in ran.stdout.splitlines()]
    took = dict(zip(MOST, map(min, *turns), strict=True))  # what the allocator happens to keep comes on top
    assert all(took[kind] < DETECTOR + times * PIXELS for kind, times in MOST.items()), took
