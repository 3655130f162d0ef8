"""What happens when memory runs out: fewer rows, from where it was, and nothing held that could be free."""

from __future__ import annotations

import weakref

import pytest
import torch

from facetui.engine.core import device
from facetui.engine.core.device import Portion, backward, in_batches
from facetui.engine.defences.detector import Detector
from facetui.engine.defences.purifier import CANDIDATES, Purifier
from facetui.engine.lab.recognition.end_to_end import EndToEnd
from facetui.engine.records.errors import OutOfMemory

from ...support.builders import some_faces, tiny_extractor

CPU = torch.device("cpu")
WAYS = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("MPS backend out of memory (MPS allocated: 5.00 GB)"),
]


@pytest.fixture(autouse=True)
def told():
    said: list[str] = []
    with device.telling(said.append):
        yield said


def narrow(room, error, asked=None):
    """A function of rows that has room for so many, and notes how many it was asked for."""

    def function(rows):
        if asked is not None:
            asked.append(len(rows))
        if len(rows) > room:
            raise error
        return rows * 2

    return function


@pytest.mark.parametrize("error", WAYS, ids=str)
def test_every_way_to_run_out_is_met_with_half_as_many(error, told):
    asked: list[int] = []
    rows = torch.arange(11)
    assert torch.equal(in_batches(narrow(2, error, asked), rows, 8, CPU), rows * 2)
    assert asked == [8, 4, 2, 2, 2, 2, 2, 1] and len(told) == 2
    asked.clear()
    in_batches(narrow(2, error, asked), rows, 8, CPU)
    assert max(asked) == 2 and len(told) == 2, "the next call on the device begins with what fits"
    in_batches(narrow(2, error, asked), rows, 8, torch.device("meta"))
    assert max(asked) == 8, "another device has memory of its own"
    with device.telling(told.append):
        asked.clear()
        in_batches(narrow(2, error, asked), rows, 8, CPU)
    assert max(asked) == 8, "another run begins anew"


def test_none_at_all_fits(told):
    with pytest.raises(OutOfMemory, match="this machine has too little free memory"):
        in_batches(narrow(0, MemoryError()), torch.arange(5), 4, CPU)
    with pytest.raises(OutOfMemory, match="or use --device cpu"):
        Portion(torch.device("cuda", 0), 1).attempt(5, lambda n: narrow(0, MemoryError())(torch.arange(n)))
    with pytest.raises(RuntimeError, match="a fault of another kind"):
        in_batches(narrow(0, RuntimeError("a fault of another kind")), torch.arange(5), 4, CPU)
    assert in_batches(narrow(4, MemoryError()), torch.empty(0, 3), 4, CPU).shape == (0, 3)


def test_what_the_failed_attempt_held_is_free_before_the_device_is_asked_for_it(monkeypatch):
    held, seen = [], []

    def function(rows):
        large = torch.zeros(len(rows), 1000, requires_grad=True)
        graph = (large * 2).exp()
        held.append(weakref.ref(graph))
        if len(rows) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return rows

    monkeypatch.setattr(device, "_empty_cache", lambda where: seen.append([ref() is None for ref in held]))
    in_batches(function, torch.arange(4), 4, CPU)
    assert seen == [[True], [True, True]]


def test_gradients_in_parts_are_those_of_the_whole():
    weight = torch.randn(6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    rows = torch.randn(7, 6, generator=torch.Generator().manual_seed(1))
    room = [7]

    def loss(part):
        value = (rows[part] @ weight).square().mean()
        if part.stop - part.start > room[0]:
            raise MemoryError
        return value

    def reset():
        weight.grad = None

    backward(loss, 7, reset, CPU)
    whole = weight.grad.clone()
    for room[0] in (6, 3, 1):
        with device.telling(lambda text: None):
            backward(loss, 7, reset, CPU)
        assert torch.allclose(weight.grad, whole, atol=1e-5)


@pytest.mark.parametrize("recipe", CANDIDATES)
def test_photos_are_washed_alike_in_any_portions(recipe, monkeypatch):
    photos = (some_faces()[:6] * 255).to(torch.uint8)
    washed, wash = Purifier(recipe)(photos), Purifier._wash

    def small(self, some):
        if len(some) > 2:
            raise MemoryError
        return wash(self, some)

    monkeypatch.setattr(Purifier, "_wash", small)
    assert torch.equal(Purifier(recipe)(photos), washed)
    assert Purifier(recipe)(photos[:0]).shape == photos[:0].shape


def test_a_recogniser_trained_in_parts_says_the_same(monkeypatch):
    photos, people = some_faces()[:12], torch.arange(12) // 2
    network = tiny_extractor("tiny-x")

    def trained(room):
        inner = type(network).features

        def features(self, some):
            if len(some) > room:
                raise torch.OutOfMemoryError("out of memory")
            return inner(self, some)

        with monkeypatch.context() as patch, device.telling(lambda text: None):
            patch.setattr(type(network), "features", features)
            classifier = EndToEnd(network, torch.Generator().manual_seed(0), steps=4, batch=8, learning_rate=1e-4)
            return classifier.fit(photos, people)

    whole, parts = trained(1000), trained(3)
    assert torch.allclose(whole._head, parts._head, atol=1e-3)
    assert torch.equal(whole.predict(photos), parts.predict(photos))


def test_a_detector_with_little_memory_flags_the_same(monkeypatch):
    from facetui.engine.defences import detector

    clean = (some_faces()[:8] * 255).to(torch.uint8)
    noisy = (clean.float() + 12 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 255)
    flags = Detector().fit(clean, noisy.to(torch.uint8)).flags(clean)
    strengths = detector._strengths

    def small(photos):
        if len(photos) > 3:
            raise MemoryError
        return strengths(photos)

    monkeypatch.setattr(detector, "_strengths", small)
    assert torch.equal(Detector().fit(clean, noisy.to(torch.uint8)).flags(clean), flags)


def test_elsewhere_than_on_a_cpu_torch_is_asked_for_ways_that_repeat():
    def asked():
        filled = torch.utils.deterministic.fill_uninitialized_memory
        return (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            filled,
        )

    before = asked()
    with device.repeatable(CPU):
        assert asked() == before
    with pytest.raises(MemoryError), device.repeatable(torch.device("cuda", 0)):
        assert asked() == (True, True, False)
        raise MemoryError
    assert asked() == before
