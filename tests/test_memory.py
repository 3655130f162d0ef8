"""Memory does not grow with the album, beyond the photos themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import torch
from facetui.engine.attacks import ATTACKS
from facetui.engine.extractors import load
from facetui.engine.interfaces import Bank
import kornia.filters, kornia.metrics  # what is imported late would count as growth

torch.set_num_threads(1)
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
