"""Protect a user's own photos: full-size pictures in, full-size pictures out, changed within their faces only."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from facetui.engine import extractors
from facetui.engine import people as peoples
from facetui.engine.budget import Budget, dssim
from facetui.engine.errors import DataError, UsageError
from facetui.engine.interfaces import Attack, Bank, Extractor
from facetui.engine.photos import SUFFIXES, align, find_faces, read_picture, to_tensor
from facetui.engine.warp import PastedView, Placement

MANIFEST = ".facetui-protect.jsonl"
GROUP = 8
"""Faces perturbed together: a group's files are written before the next begins."""
SCREEN = 1024
"""Regions with a longer side are reduced to it, by a whole factor, before their DSSIM is measured."""
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    Attributes:
        source: its path.
        output: the file written, or that was there; empty if none is.
        state: ``protected``, ``no face`` (copied), ``done before``, ``refused`` or ``unreadable``.
        faces: how many were found.
        linf: largest change of a channel, of 255.
        dssim: structural dissimilarity of the face that changed most; ``None`` for faces under eleven pixels.
        psnr: of the face that changed most, in dB.
        why: one sentence, for refused and unreadable ones.
    """

    source: str
    output: str
    state: str
    faces: int = 0
    linf: float = 0.0
    dssim: float | None = None
    psnr: float | None = None
    why: str = ""


@dataclass
class _Job:
    source: Path
    target: Path
    digest: str
    picture: Image.Image
    exif: bytes = b""
    profile: bytes = b""
    placements: list[Placement] = field(default_factory=list)
    crops: list[Tensor] = field(default_factory=list)


def find_inputs(inputs: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """Photos and the files they become, without those that lie in ``out`` themselves.

    Two photos that would become one file keep their endings: ``a.jpg.png``.

    Raises:
        DataError: a path that does not exist, or no picture at all.
    """
    found: list[tuple[Path, Path]] = []
    for path in inputs:
        if path.is_dir():
            for file in sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()):
                hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
                if not hidden and out.resolve() not in file.resolve().parents:
                    found.append((file, file.relative_to(path)))
        elif path.exists():
            found.append((path, Path(path.name)))
        else:
            raise DataError(f"there is no {path}; expected a photo or a folder of photos")
    if not found:
        raise DataError(f"no picture ({', '.join(sorted(SUFFIXES))}) was found in {', '.join(map(str, inputs))}")
    names = [relative.with_suffix(".png") for _, relative in found]
    pairs, taken = [], set()
    for (file, relative), name in zip(found, names, strict=True):
        target = name if names.count(name) == 1 else relative.with_name(relative.name + ".png")
        if target in taken:
            raise DataError(f"{file} would become the same file as another photo; protect them into two folders")
        taken.add(target)
        pairs.append((file, out / target))
    return pairs


class Protector:
    """Runs one attack over photos.

    Args:
        attack: what is run.
        surrogates: extractors it may use; all of them for an ensemble attack, else the first.
        out: folder for the results; made when needed.
        budget: absent: the attack's own.
        seed: of every random draw.
        device: where to compute.
        keep_metadata: whether EXIF (upright, like the pixels) and the colour profile are kept.
        progress: called as ``progress(passes done, passes of this group)`` between steps; may raise ``Cancelled``.

    Raises:
        UsageError: an attack that protects somebody else than who is in the photos.
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
        self.attack = attack
        self.surrogates = list(surrogates if attack.ensemble else surrogates[:1])
        self.budget = budget or attack.default_budget
        self.out = out
        self._seed = seed
        self._device = device or torch.device("cpu")
        self._keep_metadata = keep_metadata
        self._progress = progress
        for name in self.surrogates:
            extractors.EXTRACTORS.entry(name)
        self._networks: list[Extractor] = []
        self._bank: Bank | None = None
        settings = [attack.name, attack.settings(), str(self.budget), self.surrogates, seed, keep_metadata]
        self._settings = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def run(self, pairs: Iterable[tuple[Path, Path]]) -> Iterator[Outcome]:
        """Protect photos; yields what became of each as soon as its file is written.

        Args:
            pairs: source and target of each, as ``find_inputs`` gives them.

        Raises:
            DataError: the output folder cannot be written.
            Cancelled: from ``progress``; what was yielded is on disk.
        """
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{self.out} cannot be made ({error.strerror}); choose another folder") from error
        known = self._manifest()
        waiting: list[_Job] = []
        for source, target in pairs:
            made = self._prepare(source, target, known)
            if isinstance(made, Outcome):
                yield made
            elif not made.crops:
                yield self._finish(made, None)
            else:
                waiting.append(made)
                if sum(len(job.crops) for job in waiting) >= GROUP:
                    yield from self._group(waiting)
                    waiting = []
        if waiting:
            yield from self._group(waiting)

    def _prepare(self, source: Path, target: Path, known: dict[str, tuple[str, str]]) -> _Job | Outcome:
        name = str(target.relative_to(self.out))
        try:
            digest = hashlib.sha256(source.read_bytes()).hexdigest()
            if target.exists():
                if known.get(name) == (digest, self._settings):
                    return Outcome(str(source), str(target), "done before")
                why = f"{target} is there already and was made otherwise; choose another output folder"
                return Outcome(str(source), str(target), "refused", why=why)
            picture = read_picture(source)
        except OSError as error:
            why = f"{source} cannot be read ({error.strerror}); mend its permissions or leave it out"
            return Outcome(str(source), "", "unreadable", why=why)
        except DataError as error:
            return Outcome(str(source), "", "unreadable", why=str(error))
        job = _Job(source, target, digest, picture)
        if self._keep_metadata:
            job.exif, job.profile = _metadata(source)
        for face in find_faces(picture):
            placement = Placement.of(face, picture.size)
            if placement.box[2] > placement.box[0] and placement.box[3] > placement.box[1]:
                job.placements.append(placement)
                job.crops.append(to_tensor(align(picture, face)))
        return job

    def _group(self, jobs: list[_Job]) -> Iterator[Outcome]:
        """Perturb the faces of some photos together, then write photo after photo."""
        self._load()
        crops = torch.stack([crop for job in jobs for crop in job.crops])
        clean = crops.float().div(255).to(self._device)
        view = PastedView(clean, [placement for job in jobs for placement in job.placements])
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
        changes = iter((poisoned - clean).cpu())
        for job in jobs:
            yield self._finish(job, [next(changes) for _ in job.crops])

    def _load(self) -> None:
        if self._networks:
            return
        self._networks = [extractors.load(name).to(self._device) for name in self.surrogates]
        _, tool = peoples.tool_faces(peoples.load(peoples.EMBEDDED))
        photos = torch.cat([person.photos[:8] for person in tool.persons]).float() / 255
        people = -1 - torch.arange(len(tool)).repeat_interleave(8)
        self._bank = Bank(photos.to(self._device), people.to(self._device))

    def _finish(self, job: _Job, changes: list[Tensor] | None) -> Outcome:
        before = to_tensor(job.picture)
        after = before
        if changes:
            after = paste_all(before, job.placements, changes, self.budget.linf)
        buffer: dict[str, Any] = {}
        if job.exif:
            buffer["exif"] = job.exif
        if job.profile:
            buffer["icc_profile"] = job.profile
        picture = Image.fromarray(after.permute(1, 2, 0).contiguous().numpy())
        try:
            _write(picture, job.target, buffer)
        except FileExistsError:
            why = f"{job.target} appeared while it was being made; choose another output folder"
            return Outcome(str(job.source), str(job.target), "refused", why=why)
        except OSError as error:
            raise DataError(f"{job.target} cannot be written ({error.strerror}); what was written stays") from error
        self._remember(job)
        if not changes:
            return Outcome(str(job.source), str(job.target), "no face")
        seen = [_visible(before, after, placement.box) for placement in job.placements]
        return Outcome(
            str(job.source),
            str(job.target),
            "protected",
            faces=len(seen),
            linf=max(linf for linf, _, _ in seen),
            dssim=max((d for _, d, _ in seen if d is not None), default=None),
            psnr=min(psnr for _, _, psnr in seen),
        )

    def _manifest(self) -> dict[str, tuple[str, str]]:
        """What earlier runs finished: output name to hash of the source and of the settings."""
        known = {}
        path = self.out / MANIFEST
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            try:
                entry = json.loads(line)
                known[entry["output"]] = (entry["source"], entry["settings"])
            except (json.JSONDecodeError, KeyError, TypeError):
                continue  # the line that a killed run was writing
        return known

    def _remember(self, job: _Job) -> None:
        entry = {"output": str(job.target.relative_to(self.out)), "source": job.digest, "settings": self._settings}
        with (self.out / MANIFEST).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def paste_all(picture: Tensor, placements: Sequence[Placement], changes: Sequence[Tensor], bound: float) -> Tensor:
    """A picture with the changes of its faces; every pixel outside their boxes stays as it is.

    Args:
        picture: ``(3, H, W)`` uint8.
        placements: one a face.
        changes: ``(3, 112, 112)`` each, pixels in [0, 1].
        bound: of the largest change of a channel, pixels in [0, 1]; where faces overlap, of their sum.
    """
    total = torch.zeros(picture.shape, dtype=torch.float32)
    for placement, change in zip(placements, changes, strict=True):
        left, top, right, bottom = placement.box
        total[:, top:bottom, left:right] += placement.paste(change)
    limit = float(np.floor(bound * 255 + 1e-4))
    return (picture + (total * 255).round().clamp(-limit, limit)).clamp(0, 255).to(torch.uint8)


def _visible(before: Tensor, after: Tensor, box: tuple[int, int, int, int]) -> tuple[float, float | None, float]:
    """L-inf of 255, DSSIM and PSNR of the region of a face."""
    left, top, right, bottom = box
    a, b = (p[None, :, top:bottom, left:right].float() / 255 for p in (before, after))
    change = a - b
    mse = float(change.square().mean())
    psnr = -10 * float(np.log10(mse)) if mse else float("inf")
    factor = -(-max(a.shape[2:]) // SCREEN)
    small = [torch.nn.functional.avg_pool2d(p, factor) if factor > 1 else p for p in (a, b)]
    seen = max(0.0, float(dssim(*small)[0])) if min(small[0].shape[2:]) >= 11 else None
    return round(float(change.abs().max() * 255), 3), seen, psnr


def _metadata(path: Path) -> tuple[bytes, bytes]:
    """EXIF, its orientation reset as the pixels are upright, and the colour profile."""
    with Image.open(path) as picture:
        exif = picture.getexif()
        if ORIENTATION in exif:
            exif[ORIENTATION] = 1
        return (exif.tobytes() if len(exif) else b""), picture.info.get("icc_profile") or b""


def _write(picture: Image.Image, target: Path, extra: dict[str, Any]) -> None:
    """Write a PNG under another name and link it to its own, which fails where a file is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".png", prefix=".facetui-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            picture.save(file, "PNG", **extra)
        os.chmod(name, 0o644)
        os.link(name, target)
    finally:
        os.unlink(name)


def summary(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many photos came to each state."""
    return {state: sum(o.state == state for o in outcomes) for state in dict.fromkeys(o.state for o in outcomes)}


def as_json(protector: Protector, outcomes: Sequence[Outcome]) -> str:
    """One JSON object with every figure."""
    photos = [
        {k: (None if isinstance(v, float) and not np.isfinite(v) else v) for k, v in asdict(o).items()}
        for o in outcomes
    ]
    return json.dumps(
        {
            "attack": protector.attack.name,
            "budget": str(protector.budget),
            "surrogates": protector.surrogates,
            "about": protector.attack.about,
            "summary": summary(outcomes),
            "photos": photos,
        },
        ensure_ascii=False,
    )
