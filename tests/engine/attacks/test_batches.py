"""What an attack makes of a photo depends neither on the size of a batch nor on memory that ran out on the way."""

from __future__ import annotations

import kornia.filters
import pytest
import torch

from facetui.engine.attacks import ATTACKS
from facetui.engine.core import device
from facetui.engine.core.interfaces import Bank
from facetui.engine.extractors.families.compact import Compact
from facetui.engine.records.errors import OutOfMemory

from ...support.builders import TINY, some_faces, tiny_extractor

FEW: dict[str, list[dict[str, object]]] = {
    "fawkes-0.3": [{"mode": "min", "steps": 4}],
    "fawkes-1.0": [{"mode": "low", "steps": 4}],
    "lowkey": [{"steps": 2, "perceptual": "ssim"}],
    "foggysight": [{"steps": 3}, {"steps": 2, "strategy": "gaussian"}],
    "pgd": [{"steps": 3}, {"steps": 6, "stop_at": 0.2, "targeted": False}],
    "robust-pgd": [{"steps": 6}, {"steps": 6, "stop_at": 0.3}],
    "opom": [{"steps": 7}, {"steps": 1, "subspace": "affine"}, {"steps": 1, "subspace": "centre"}],
}
"""Settings under which attacks finish soon, and take every way through their code; all others run as they are."""
CASES = [(name, settings) for name in ATTACKS.names() for settings in FEW.get(name, [{}])]
N = 5


class Alone(Compact):
    """A network that looks at photo after photo.

    Convolutions add up in another order for another size of a batch, and steps along signs make a grey level of a
    rounding: on ordinary networks up to a tenth of the values of fawkes-1.0 come out differently, of other attacks two
    in a hundred. With this one everything that an attack does itself is the same to the byte.

    Attributes:
        room: photos that memory suffices for.
        fails: passes after which memory runs out, once.
    """

    room = 1000
    fails: tuple[int, ...] | list[int] = ()

    def features(self, photos):
        if len(photos) > self.room:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes"
            )
        if self.fails:
            self.fails[0] -= 1
            if not self.fails[0]:
                self.fails.clear()
                raise torch.OutOfMemoryError("CUDA out of memory, says this test")
        return torch.cat([super(Alone, self).features(photo) for photo in photos.split(1)])


@pytest.fixture(scope="module")
def networks():
    found = []
    for name in ("tiny-x", "tiny-y"):
        network = Alone(name, TINY)
        network.load_state_dict(tiny_extractor(name).state_dict())
        found.append(network.eval())
    return found


def perturbed(name, settings, networks, size, monkeypatch, said=None):
    """Photos as they come out in batches of a size, the generator's next number, and all that progress said."""
    said = [] if said is None else said
    monkeypatch.setitem(device.SIZES, "cpu", size)
    faces = some_faces()
    attack, told, generator = ATTACKS.get(name)(**settings), [], torch.Generator().manual_seed(5)
    with device.telling(said.append):
        out = attack.perturb(
            faces[:N],
            networks,
            people=torch.arange(N) // 3,
            bank=Bank(faces[-4:], -1 - torch.arange(4) // 2),
            generator=generator,
            progress=lambda done, total: told.append((done, total)),
        )
    total = N * attack.passes(len(networks))
    assert all(done <= total == of for done, of in told) and (not total or told[-1] == (total, total))
    return out, int(torch.randint(1 << 62, (1,), generator=generator)), told


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_neither_batches_nor_memory_change_a_byte(name, settings, networks, monkeypatch):
    whole, after, told = perturbed(name, settings, networks, 32, monkeypatch)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    for size in (1, 3):
        out, then, _ = perturbed(name, settings, networks, size, monkeypatch)
        assert torch.equal(out, whole) and then == after, f"batches of {size}"
    if not told:  # consults no network
        return
    passes = []
    monkeypatch.setattr(Alone, "fails", passes)
    for at in (2, 8):
        passes[:] = [at]
        out, then, _ = perturbed(name, settings, networks, 32, monkeypatch)
        assert torch.equal(out, whole) and then == after, f"memory that ran out in pass {at}"
    passes.clear()
    monkeypatch.setattr(Alone, "room", 2)
    said = []
    out, then, _ = perturbed(name, settings, networks, 32, monkeypatch, said)
    assert torch.equal(out, whole) and then == after, "memory for two photos"
    assert len(said) <= 6, "what did not fit was tried again: by halves, once with a gradient and once without"
    monkeypatch.setattr(Alone, "room", 0)
    with pytest.raises(OutOfMemory, match="a single photo"):
        perturbed(name, settings, networks, 32, monkeypatch)


def test_the_same_for_what_consults_no_network(networks, monkeypatch):
    whole, after, _ = perturbed("filters", {}, networks, 32, monkeypatch)
    blur = kornia.filters.gaussian_blur2d

    def narrow(photos, *args):
        if len(photos) > 2:
            raise MemoryError
        return blur(photos, *args)

    monkeypatch.setattr(kornia.filters, "gaussian_blur2d", narrow)
    out, then, _ = perturbed("filters", {}, networks, 32, monkeypatch)
    assert torch.equal(out, whole) and then == after
