"""The same PGD in other libraries, beside ours, in one run: foolbox, torchattacks and ART.

They need a classifier, so an extractor gets a head: cosine similarity to the centres of some people, times a
temperature. Everybody attacks the same photos with the same targets, budget, steps and batch size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from facetui.engine import extractors
from facetui.engine.applications.benchmarks.repeated import Repeated
from facetui.engine.attacks.pgd import PGD
from facetui.engine.core import device as devices
from facetui.engine.core.inference import centres, embed
from facetui.engine.core.interfaces import Bank, Extractor
from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.people import identities as peoples
from facetui.engine.people import persons
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records.errors import extra_command
from facetui.engine.records.rates import error_rate
from facetui.engine.records.text import brief

EPSILON, STEPS = 8 / 255, 20
STEP_SIZE = 2.5 * EPSILON / STEPS
STOP_AT = 0.8
"""Cosine similarity to the target at which our photos leave the batch, in the line that says so."""
TEMPERATURE = 16.0
USERS, PHOTOS = 8, 8


@dataclass(frozen=True)
class Peer:
    """A library's line of the table.

    Attributes:
        library: name and version.
        missing: why it was not measured; empty when it was.
        rate: image-steps a second; of a run that stops early, steps not taken included; absent, as the
            seconds, where it was not measured.
        ratio: our image-steps a second by theirs, each time measured one after the other; absent for our own.
        protection: share of clean probes named wrong by the same network.
        seconds: wall time for all photos.
    """

    library: str
    missing: str = ""
    rate: Repeated | None = None
    ratio: Repeated | None = None
    protection: float = 0.0
    seconds: Repeated | None = None


class Head(nn.Module):
    """An extractor as a classifier: logits ``(N, P)`` from photos in [0, 1]."""

    def __init__(self, network: Extractor, known: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("known", known)

    def forward(self, photos: Tensor) -> Tensor:
        logits: Tensor = self.network(photos) @ self.known.T * TEMPERATURE
        return logits


@dataclass(frozen=True)
class _Scene:
    """Who poisons what, and who is asked for."""

    photos: Tensor
    people: Tensor
    others: Tensor
    others_people: Tensor
    probes: Tensor
    truth: list[int]
    bank: Bank


def _scene(device: torch.device) -> _Scene:
    everybody, tool = peoples.tool_faces(peoples.load(EMBEDDED))

    def some(persons: tuple[persons.Person, ...], first: int, last: int) -> Tensor:
        return torch.cat([p.photos[first:last] for p in persons]).to(device) / 255

    aims = peoples.aims(tool)
    users, rest = everybody.persons[:USERS], everybody.persons[USERS:]
    who = torch.arange(USERS, device=device).repeat_interleave(PHOTOS)
    return _Scene(
        some(users, 0, PHOTOS),
        who,
        some(rest, 0, PHOTOS),
        torch.arange(USERS, USERS + len(rest), device=device).repeat_interleave(PHOTOS),
        some(users, PHOTOS, 2 * PHOTOS),
        who.tolist(),
        Bank(aims.photos.to(device) / 255, aims.people.to(device)),
    )


Perturb = Callable[[Tensor, Tensor], Tensor]
Prepare = Callable[[Head, int, torch.device], Perturb]


def compare(
    network_name: str, device_name: str = "auto", libraries: Mapping[str, Prepare] | None = None, rounds: int = 3
) -> Iterator[Peer]:
    """Ours, then every library that is installed, then ours again with finished photos leaving the batch.

    Round after round ours is timed, then each of theirs. A library that cannot be imported, or fails, is a line that
    says so.

    Args:
        network_name: an extractor's.
        device_name: as for ``device.choose``.
        libraries: what makes their attack, by the name under which they are installed; absent: ``LIBRARIES``.
        rounds: how often everything is measured.
    """
    device = devices.choose(device_name)
    network = extractors.load(network_name).to(device).requires_grad_(False)
    scene, batch = _scene(device), devices.batch_size(device)
    known, _ = centres(embed(network, scene.bank.photos), scene.bank.people)
    users, _ = centres(embed(network, scene.photos), scene.people)
    targets = (users @ known.T).argmin(1)[scene.people]
    head = Head(network, known).eval()

    def ours(photos: Tensor, stop_at: float | None = None) -> Tensor:
        return PGD(steps=STEPS, step_size=STEP_SIZE, stop_at=stop_at).perturb(
            photos,
            [network],
            people=scene.people[: len(photos)],
            bank=scene.bank,
            generator=torch.Generator().manual_seed(0),
        )

    theirs, failed = _prepared(LIBRARIES if libraries is None else libraries, head, batch, device)
    mine: list[float] = []
    took: dict[str, list[float]] = {name: [] for name in theirs}
    outs: dict[str, Tensor] = {}
    for _ in range(rounds):
        own_out, seconds = _timed(ours, scene.photos, device)
        mine.append(seconds)
        for name, perturb in list(theirs.items()):
            try:
                outs[name], seconds = _timed(lambda p, run=perturb: run(p, targets[: len(p)]), scene.photos, device)  # type: ignore[misc]
                took[name].append(seconds)
            except Exception as error:  # noqa: BLE001  whatever somebody else's library raises: the others are measured
                failed[name] = f"failed: {_said(error)}"
                del theirs[name]
    yield _peer("facetui", network, scene, own_out, mine)
    for name in took | failed:
        if name in failed:
            yield Peer(name, missing=failed[name])
            continue
        ratio = Repeated(tuple(their / my for their, my in zip(took[name], mine, strict=True)))
        yield replace(_peer(f"{name} {_version(name)}".strip(), network, scene, outs[name], took[name]), ratio=ratio)
    stopping = [_timed(lambda p: ours(p, STOP_AT), scene.photos, device) for _ in range(rounds)]
    yield _peer(f"facetui, finished at cosine {STOP_AT}", network, scene, stopping[0][0], [s for _, s in stopping])


def _prepared(
    libraries: Mapping[str, Prepare], head: Head, batch: int, device: torch.device
) -> tuple[dict[str, Perturb], dict[str, str]]:
    """The attacks of libraries that are here, and why others are not, both by name."""
    there: dict[str, Perturb] = {}
    failed: dict[str, str] = {}
    for name, prepare in libraries.items():
        if find_spec(MODULES.get(name, name)) is None:
            failed[name] = f"not installed: {extra_command('peers')}"
            continue
        try:
            there[name] = prepare(head, batch, device)
        except ImportError as error:
            failed[name] = f"cannot be imported: {_said(error)}"
        except Exception as error:  # noqa: BLE001  whatever somebody else's library raises: the others are measured
            failed[name] = f"failed: {_said(error)}"
    return there, failed


def _said(error: Exception) -> str:
    return brief(str(error).strip() or type(error).__name__, 100)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _timed(perturb: Callable[[Tensor], Tensor], photos: Tensor, device: torch.device) -> tuple[Tensor, float]:
    perturb(photos[:2])  # imports, warms up
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    out = perturb(photos)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return out, time.perf_counter() - began


def _peer(library: str, network: Extractor, scene: _Scene, out: Tensor, seconds: Sequence[float]) -> Peer:
    posted = (out.detach() * 255).round().clamp(0, 255) / 255
    enrolled = embed(network, torch.cat([posted, scene.others])).cpu()
    gallery = NearestNeighbour().fit(enrolled, torch.cat([scene.people, scene.others_people]).cpu())
    named = gallery.predict(embed(network, scene.probes).cpu())
    rate, _, _ = error_rate(named.tolist(), scene.truth)
    rates = Repeated(tuple(len(out) * STEPS / each for each in seconds))
    return Peer(library, rate=rates, protection=rate, seconds=Repeated(tuple(seconds)))


def _in_batches(run: Perturb, batch: int) -> Perturb:
    return lambda photos, targets: torch.cat(
        [run(p, t) for p, t in zip(photos.split(batch), targets.split(batch), strict=True)]
    )


def _foolbox(head: nn.Module, batch: int, device: torch.device) -> Perturb:
    import foolbox

    model = foolbox.PyTorchModel(head, bounds=(0, 1), device=device)
    attack = foolbox.attacks.LinfPGD(abs_stepsize=STEP_SIZE, steps=STEPS)

    def run(photos: Tensor, targets: Tensor) -> Tensor:
        criterion = foolbox.criteria.TargetedMisclassification(targets)
        _, out, _ = attack(model, photos, criterion, epsilons=EPSILON)
        return out

    return _in_batches(run, batch)


def _torchattacks(head: nn.Module, batch: int, device: torch.device) -> Perturb:
    import torchattacks

    attack = torchattacks.PGD(head, eps=EPSILON, alpha=STEP_SIZE, steps=STEPS)
    attack.set_mode_targeted_by_label(quiet=True)
    return _in_batches(lambda photos, targets: attack(photos, targets), batch)


def _art(head: nn.Module, batch: int, device: torch.device) -> Perturb:
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    classifier = PyTorchClassifier(
        head,
        loss=nn.CrossEntropyLoss(),
        input_shape=(3, 112, 112),
        nb_classes=len(head.known),  # type: ignore[arg-type]
        clip_values=(0, 1),
        device_type="gpu" if device.type == "cuda" else "cpu",
    )
    attack = ProjectedGradientDescentPyTorch(
        classifier,
        norm="inf",
        eps=EPSILON,
        eps_step=STEP_SIZE,
        max_iter=STEPS,
        targeted=True,
        num_random_init=1,
        batch_size=batch,
        verbose=False,
    )

    def run(photos: Tensor, targets: Tensor) -> Tensor:
        wanted = nn.functional.one_hot(targets, len(head.known)).cpu().numpy()  # type: ignore[arg-type]
        return torch.from_numpy(attack.generate(photos.cpu().numpy(), wanted)).to(photos.device)

    return run


LIBRARIES: dict[str, Prepare] = {
    "foolbox": _foolbox,
    "torchattacks": _torchattacks,
    "adversarial-robustness-toolbox": _art,
}
"""Who is measured: what makes their attack, by the name under which they are installed."""

MODULES = {"adversarial-robustness-toolbox": "art"}
"""How a library is imported, where that is another name."""
