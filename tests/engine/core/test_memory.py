"""Memory does not grow with the album, beyond the photos themselves."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
import torch

from facetui.engine.core import device
from facetui.engine.extractors import EXTRACTORS
from facetui.engine.extractors.families.compact import Compact
from facetui.engine.people.casts import Generation

from ...support.builders import TINY, tiny_extractor

SCRIPT = """
import resource, sys
import torch
from facetui.engine.attacks import ATTACKS
from facetui.engine.extractors import load
from facetui.engine.core.interfaces import Bank
import kornia.filters, kornia.metrics  # what is imported late would count as growth

torch.set_num_threads(2)
name, settings = sys.argv[1], dict(pair.split("=") for pair in sys.argv[2].split(",") if pair)
attack = ATTACKS.get(name)(**{key: int(value) if value.isdigit() else value for key, value in settings.items()})
network = load("compact-a")
bank = Bank(torch.rand(8, 3, 112, 112), -1 - torch.arange(8))

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def perturb(n):
    photos = torch.rand(n, 3, 112, 112)
    attack.perturb(photos, [network], people=torch.arange(n) // 10, bank=bank, generator=torch.Generator())

perturb(100)
small = peak()
perturb(1000)
print(peak() - small - 2 * 900 * 3 * 112 * 112 * 4 / 2**20)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is asked of the Unix kernel")
@pytest.mark.parametrize("attack", ["pgd steps=1", "fawkes-0.3 mode=min,steps=1", "lowkey steps=1"])
def test_memory_stays_flat(attack):
    name, settings = attack.split(" ")
    ran = subprocess.run([sys.executable, "-c", SCRIPT, name, settings], capture_output=True, text=True, check=True)
    grown = float(ran.stdout)
    assert grown < 60, (
        f"{grown:.0f} MiB more for 900 photos more, beyond the {2 * 900 * 3 * 112 * 112 * 4 >> 20} of both copies"
    )


class Narrow(Compact):
    """Runs out of memory with more than four photos at a time."""

    def features(self, photos):
        if len(photos) > 4:
            raise torch.OutOfMemoryError("too much for this test")
        return super().features(photos)


def narrow(name: str) -> Compact:
    network = Narrow(name, TINY)
    network.load_state_dict(tiny_extractor("tiny-x").state_dict())
    return network.eval()


@pytest.fixture
def tiny_narrow():
    EXTRACTORS.register("tiny-narrow", narrow)
    yield
    EXTRACTORS.forget("tiny-narrow")


def test_a_device_without_memory_gets_smaller_batches_and_the_audience_is_told(make_lab, tiny_cast, tiny_narrow):
    told, rates = [], []
    for name in ("tiny-x", "tiny-narrow"):
        cast = dataclasses.replace(tiny_cast, surrogates=(name,), generations=(Generation(name, "2019-01"),))
        lab = make_lab(cast=cast)
        with device.telling(told.append):
            lab.at("2020-07")
            lab.users.protect("pgd", steps=2)
            lab.users.post(2)
            lab.trainer.scrape()
            lab.trainer.adapt(steps=4, learning_rate=1e-4)  # faster, rounding alone decides about eight probes
            lab.measure()
        rates.append([m.protection_rate for m in lab.measurements])
        assert bool(told) == (name == "tiny-narrow")
    assert all("ran out of memory" in text for text in told) and "from here on 4 at a time" in " ".join(told)
    assert rates[0] == pytest.approx(rates[1], abs=0.1), "the same computation in smaller pieces"
