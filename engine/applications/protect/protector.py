"""Protect a user's own photos: full-size pictures in, full-size pictures out, changed within their faces only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facetui.engine import extractors
from facetui.engine.applications.protect.files import Beside, Manifest, is_result, read_beside, write_new
from facetui.engine.applications.protect.paste import STRIP, Box, PastedView, Placement, around, without_colours
from facetui.engine.core.budget import Budget, dssim
from facetui.engine.core.interfaces import Attack, Bank, Extractor
from facetui.engine.core.memory import give_back
from facetui.engine.people import identities as peoples
from facetui.engine.people.alignment import align, faces_to_cut, to_tensor
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.people.pictures import read_picture
from facetui.engine.records.errors import DataError, UsageError

TWICE = "a second change would add to the first: protect the original, or a copy of it in a folder of its own"

GROUP = 8
"""Faces perturbed together: a group's files are written before the next begins."""
SCREEN = 1024
"""Regions with a longer side are reduced to it, by a whole factor, before their DSSIM is measured."""


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    Attributes:
        source: its path.
        output: the file written, or that was there; empty if none is.
        state: ``protected``, ``no face`` (copied), ``done before``, ``refused`` or ``unreadable``.
        faces: how many were found.
        linf: largest change of a channel, of 255; like the next two ``None`` unless it was protected in this run.
        dssim: structural dissimilarity of the face that changed most; ``None`` for faces under eleven pixels.
        psnr: of the face that changed most, in dB.
        why: one sentence, for refused and unreadable ones; for others what is written otherwise than it was.
    """

    source: str
    output: str
    state: str
    faces: int = 0
    linf: float | None = None
    dssim: float | None = None
    psnr: float | None = None
    why: str = ""


@dataclass
class _Job:
    """A photo on its way; one that an earlier run finished takes part if others of its group are missing."""

    source: Path
    target: Path
    digest: str
    done: bool = False
    faces: int = 0
    grey: bool = False
    placements: list[Placement] = field(default_factory=list)
    crops: list[Tensor] = field(default_factory=list)


class Protector:
    """Runs one attack over photos.

    Args:
        attack: what is run.
        surrogates: extractors it may use; all of them for an ensemble attack, else the first.
        out: folder for the results; made when needed.
        budget: absent: the attack's own.
        seed: of every random draw.
        device: where to compute.
        keep_metadata: whether EXIF (upright, like the pixels) is kept; the colour profile always is.
        progress: called as ``progress(passes done, passes of this group)`` between steps; may raise ``Cancelled``.

    Raises:
        UsageError: an attack that protects somebody else than who is in the photos; no surrogate.

    Attributes:
        at_work: photos whose faces are being perturbed now.
    """

    def __init__(
        self,
        attack: Attack,
        surrogates: Sequence[str],
        out: Path,
        *,
        budget: Budget | None = None,
        seed: int = 0,
        device: torch.device | None = None,
        keep_metadata: bool = False,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        if attack.decoy:
            raise UsageError(f"{attack.name} makes decoys, which protect somebody else; choose another attack")
        if not surrogates:
            raise UsageError(f"{attack.name} needs at least one surrogate extractor, got none")
        self.attack = attack
        self.surrogates = list(surrogates if attack.ensemble else surrogates[:1])
        self.budget = budget or attack.default_budget
        self.out = out
        self.at_work = 0
        self._seed = seed
        self._device = device or torch.device("cpu")
        self._keep_metadata = keep_metadata
        self._progress = progress
        for name in self.surrogates:
            extractors.EXTRACTORS.entry(name)
        self._networks: list[Extractor] = []
        self._bank: Bank | None = None
        settings = [
            "own colours",
            attack.name,
            attack.settings(),
            str(self.budget),
            self.surrogates,
            seed,
            keep_metadata,
        ]
        self._settings = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def run(self, pairs: Iterable[tuple[Path, Path]]) -> Iterator[Outcome]:
        """Protect photos; yields what became of each as soon as its file is written.

        Args:
            pairs: source and target of each, as ``find_inputs`` gives them.

        Raises:
            DataError: the output folder cannot be written.
            Cancelled: from ``progress``; what was yielded is on disk.
        """
        manifest = Manifest(self.out)
        waiting: list[_Job] = []
        for source, target in pairs:
            made = self._prepare(source, target, manifest)
            if isinstance(made, Outcome):
                yield made
                continue
            if made.done:
                yield Outcome(str(source), str(target), "done before", faces=made.faces)
            elif not made.faces:
                yield self._finish(made, [], manifest)
            if made.faces:
                waiting.append(made)
            if sum(job.faces for job in waiting) >= GROUP:
                yield from self._group(waiting, manifest)
                waiting = []
        if waiting:
            yield from self._group(waiting, manifest)

    def _prepare(self, source: Path, target: Path, manifest: Manifest) -> _Job | Outcome:
        try:
            if not source.is_file():  # opening a pipe would wait for ever
                raise DataError(f"{source} is no file; leave it out")
            digest = hashlib.sha256(source.read_bytes()).hexdigest()
            if manifest.made(digest) or is_result(source, digest):
                return Outcome(str(source), "", "refused", why=f"{source} is protected already; {TWICE}")
            if target.exists():
                faces = manifest.faces(self._name(target), digest, self._settings)
                if faces is not None:
                    return _Job(source, target, digest, done=True, faces=faces)
                why = f"{target} is there already and was made otherwise; choose another output folder"
                return Outcome(str(source), str(target), "refused", why=why)
            job = _Job(source, target, digest)
            self._cut(job)
        except OSError as error:
            why = f"{source} cannot be read ({error.strerror}); mend its permissions or leave it out"
            return Outcome(str(source), "", "unreadable", why=why)
        except DataError as error:
            return Outcome(str(source), "", "unreadable", why=str(error))
        return job

    def _name(self, target: Path) -> str:
        return target.relative_to(self.out).as_posix()

    def _cut(self, job: _Job) -> None:
        """Cut a photo's faces out; the photo itself is read again when it is written, as eight may be too many."""
        picture = read_picture(job.source)
        job.grey = read_beside(job.source, self._keep_metadata).is_grey
        for face in faces_to_cut(picture):
            placement = Placement.of(face, picture.size)
            if placement.box[2] > placement.box[0] and placement.box[3] > placement.box[1]:
                job.placements.append(placement)
                job.crops.append(to_tensor(align(picture, face)))
        job.faces = len(job.crops)
        give_back()

    def _open(self, job: _Job, window: Box) -> tuple[Tensor, Beside]:
        """A window of a photo as it was when its faces were cut out, ``(3, h, w)`` uint8, and what it holds besides."""
        if hashlib.sha256(job.source.read_bytes()).hexdigest() != job.digest:
            raise DataError(f"{job.source} was changed meanwhile; protect it again")
        return to_tensor(read_picture(job.source).crop(window)), read_beside(job.source, self._keep_metadata)

    def _group(self, jobs: list[_Job], manifest: Manifest) -> Iterator[Outcome]:
        """Perturb the faces of some photos together, then write photo after photo.

        A group has the same members however often a run was interrupted: a face perturbed in other company, or with
        other random draws, would come out otherwise.
        """
        missing = [job for job in jobs if not job.done]
        if not missing:
            return
        for job in jobs:
            if job.done:
                self._cut(job)
        self._load()
        self.at_work = len(missing)
        crops = torch.stack([crop for job in jobs for crop in job.crops])
        clean = crops.float().div(255).to(self._device)
        grey = [job.grey for job in jobs for _ in job.crops]
        view = PastedView(clean, [placement for job in jobs for placement in job.placements], grey)
        drawn = hashlib.sha256(f"{self._seed}".encode() + crops.numpy().tobytes()).digest()
        poisoned = self.attack.perturb(
            clean,
            self._networks,
            budget=self.budget,
            generator=torch.Generator().manual_seed(int.from_bytes(drawn[:8], "big") >> 1),
            bank=self._bank,
            view=view,
            progress=self._progress,
        )
        self.at_work = 0
        changes = iter(without_colours(poisoned - clean, torch.tensor(grey, device=self._device)).cpu())
        for job in jobs:
            mine = [next(changes) for _ in job.crops]
            if not job.done:
                yield self._finish(job, mine, manifest)
                give_back()

    def _load(self) -> None:
        if self._networks:
            return
        self._networks = [extractors.load(name).to(self._device) for name in self.surrogates]
        _, tool = peoples.tool_faces(peoples.load(EMBEDDED))
        aims = peoples.aims(tool)
        self._bank = Bank((aims.photos.float() / 255).to(self._device), aims.people.to(self._device))

    def _finish(self, job: _Job, changes: list[Tensor], manifest: Manifest) -> Outcome:
        window = around(job.placements)
        placements = [placement.within(window) for placement in job.placements]
        try:
            before, beside = self._open(job, window)
        except OSError as error:
            why = f"{job.source} cannot be read any more ({error.strerror})"
            return Outcome(str(job.source), "", "unreadable", why=why)
        except DataError as error:
            return Outcome(str(job.source), "", "unreadable", why=str(error))
        after = paste_all(before, placements, changes, self.budget.linf)
        said = beside.said
        try:
            write_new(beside.written(before, after, window), job.target, beside.options)
            manifest.add(self._name(job.target), job.digest, self._settings, job.faces)
        except FileExistsError:
            why = f"{job.target} cannot be made without overwriting something; choose another output folder"
            return Outcome(str(job.source), str(job.target), "refused", why=why)
        except ValueError as error:
            return Outcome(str(job.source), "", "unreadable", why=f"{job.source}: {error}; convert it to sRGB first")
        except OSError as error:
            raise DataError(f"{job.target} cannot be written ({error.strerror}); what was written stays") from error
        if not changes:
            return Outcome(str(job.source), str(job.target), "no face", why=said)
        del beside  # it holds the whole picture, and comparing takes as much
        seen = [visible_change(before, after, placement.box) for placement in placements]
        return Outcome(
            str(job.source),
            str(job.target),
            "protected",
            faces=len(seen),
            linf=max(linf for linf, _, _ in seen),
            dssim=max((d for _, d, _ in seen if d is not None), default=None),
            psnr=min(psnr for _, _, psnr in seen),
            why=said,
        )


def paste_all(picture: Tensor, placements: Sequence[Placement], changes: Sequence[Tensor], bound: float) -> Tensor:
    """A picture with the changes of its faces; every pixel outside their boxes stays as it is.

    Args:
        picture: ``(3, H, W)`` uint8.
        placements: one a face.
        changes: ``(3, 112, 112)`` each, pixels in [0, 1].
        bound: of the largest change of a channel, pixels in [0, 1]; where faces overlap, of their sum.
    """
    after = picture.clone()
    west, north, east, south = around(placements)
    # Only the rectangle around all faces, by strips and in place: a picture may have a hundred million pixels.
    softened = [placement.softened(change) for placement, change in zip(placements, changes, strict=True)]
    limit = float(np.floor(bound * 255 + 1e-4))
    for row in range(north, south, STRIP):
        end = min(row + STRIP, south)
        total = torch.zeros(3, end - row, east - west)
        for placement, change in zip(placements, softened, strict=True):
            left, top, right, bottom = placement.box
            first, last = max(row, top), min(end, bottom)
            if first < last:
                total[:, first - row : last - row, left - west : right - west] += placement.rows(change, first, last)
        total.mul_(255).round_().clamp_(-limit, limit)
        region = after[:, row:end, west:east]
        region.copy_(total.add_(region).clamp_(0, 255))
    return after


def visible_change(before: Tensor, after: Tensor, box: tuple[int, int, int, int]) -> tuple[float, float | None, float]:
    """L-inf of 255, DSSIM and PSNR of the region of a face."""
    left, top, right, bottom = box
    one, other = (p[:, top:bottom, left:right] for p in (before, after))
    factor = -(-max(one.shape[1:]) // SCREEN)
    rows = max(1, STRIP // factor) * factor
    linf, square, small = 0.0, 0.0, []
    for strip in zip(one.split(rows, 1), other.split(rows, 1), strict=True):  # the region may have ten million pixels
        a, b = (part[None].float() / 255 for part in strip)
        linf, square = max(linf, float((a - b).abs().max())), square + float((a - b).square().sum(dtype=torch.float64))
        if a.shape[2] >= factor:
            small.append([torch.nn.functional.avg_pool2d(p, factor) if factor > 1 else p for p in (a, b)])
    mse = square / one.numel()
    psnr = -10 * float(np.log10(mse)) if mse else float("inf")
    reduced = [torch.cat(parts, 2) for parts in zip(*small, strict=True)]
    seen = max(0.0, float(dssim(*reduced)[0])) if min(reduced[0].shape[2:]) >= 11 else None
    return round(linf * 255, 3), seen, psnr


def summary(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many photos came to each state."""
    return {state: sum(o.state == state for o in outcomes) for state in dict.fromkeys(o.state for o in outcomes)}


def totals(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Faces of all photos together, and the figures of the face that changed most, under the names in ``Outcome``."""
    changed = [o for o in outcomes if o.state == "protected"]
    return {
        "faces": sum(o.faces for o in changed),
        "linf": max((o.linf for o in changed if o.linf is not None), default=None),
        "dssim": max((o.dssim for o in changed if o.dssim is not None), default=None),
        "psnr": min((o.psnr for o in changed if o.psnr is not None), default=None),
    }


def as_json(protector: Protector, outcomes: Sequence[Outcome], left_out: Sequence[str] = ()) -> str:
    """One JSON object with every figure, and what in a folder was not used, one sentence a reason."""
    return json.dumps(
        {
            "attack": protector.attack.name,
            "budget": str(protector.budget),
            "surrogates": protector.surrogates,
            "about": protector.attack.about,
            "summary": summary(outcomes),
            "totals": _plain(totals(outcomes)),
            "photos": [_plain(asdict(o)) for o in outcomes],
            "left_out": list(left_out),
        }
    )


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    """The same without infinity, which JSON does not know."""
    return {k: (None if isinstance(v, float) and not np.isfinite(v) else v) for k, v in figures.items()}
