"""From the user's folders to photos: pairs, probes, and everything that has to be said about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from facetui.engine.applications.check.pairing.before_after import in_threads, read_all, read_probe
from facetui.engine.applications.check.pairing.matching import (
    match,
    match_content,
    pictures,
    refuse_swapped,
)
from facetui.engine.applications.check.pairing.pair import HIDDEN, LeftOut, Pair
from facetui.engine.core.cache import Cache
from facetui.engine.extractors.describing import describe
from facetui.engine.people import same_photo
from facetui.engine.people.recurring import nearest, recurring
from facetui.engine.records.errors import DataError, UsageError

LEAST = 3
"""Pairs with fewer of which nothing can be measured."""

BURST, SCENE, WIDE = 0.75, 0.95, 0.25
"""Likeness of two faces, and of the pictures around them, from which two photos are of the same moment, where the face
takes up no more than this share of the picture."""

Tell = Callable[[str, int, int], None]
"""Called as ``tell(task, done, total)``; may raise ``Cancelled``."""


@dataclass(frozen=True)
class Album:
    """The user's photos.

    Attributes:
        pairs: in the order of their names.
        groups: ``(n,)`` int64, which of them show the same photo or moment, numbered from 0.
        left_out: what takes no part, and why.
        probes: clean photos that are no originals of a pair ``(m, 3, 112, 112)`` uint8, each moment once; ``None``:
            the originals are the probes, one of each group, while no copy of its group is enrolled.
    """

    pairs: list[Pair]
    groups: Tensor
    left_out: list[LeftOut]
    probes: Tensor | None

    @property
    def n_groups(self) -> int:
        """How many different photos there are."""
        return len(self.groups.unique())

    @property
    def hidden(self) -> list[str]:
        """Names of originals in whose copies no face is found."""
        return [entry.name for entry in self.left_out if entry.why == HIDDEN]

    @property
    def clean(self) -> Tensor:
        """The originals ``(n, 3, 112, 112)`` uint8."""
        return torch.stack([pair.clean for pair in self.pairs])

    @property
    def protected(self) -> Tensor:
        """Their protected copies, row for row."""
        return torch.stack([pair.protected for pair in self.pairs])


def gather(clean: Path, protected: Path, probes: Path | None, cache: Cache, tell: Tell) -> Album:
    """Read the user's photos.

    Raises:
        UsageError: one folder was given twice.
        DataError: a folder without pictures, swapped folders, or fewer than ``LEAST`` pairs.
        Cancelled: from ``tell``.
    """
    folders = [folder.resolve() for folder in (clean, protected)]
    if folders[0] == folders[1]:
        raise UsageError(f"--clean and --protected are one folder, {clean}; give the originals and the tool's output")
    before, after = pictures(clean, "--clean"), pictures(protected, "--protected")
    # One may lie below the other: a tool that writes beside the originals.
    before = [p for p in before if folders[1] not in p.resolve().parents or folders[1] in folders[0].parents]
    after = [p for p in after if folders[0] not in p.resolve().parents or folders[0] in folders[1].parents]
    refuse_swapped(before, after, (clean, protected))
    tell("pair photos by name", 0, 1)
    matches = match(before, after, lambda: tell("compare photos without a partner", 0, 1))
    found, left_out, mixed = read_all(
        matches.pairs, cache, lambda done, total: tell("find the face in each photo", done, total)
    )
    rivals = dict(matches.by_content)
    if mixed:  # names that fit and pictures that do not: once more, by what is in them
        alone = [*matches.clean_alone, *(a for a, _ in mixed)], [*matches.protected_alone, *(b for _, b in mixed)]
        by_content = dict(match_content(*alone))
        rivals |= by_content
        again = list(by_content)
        more, wrong, _ = read_all(again, cache, lambda done, total: tell("pair again", done, total))
        seen = {original.name for original, _ in again}
        left_out = [entry for entry in left_out if entry.name not in seen] + wrong
        found = sorted([*found, *more], key=lambda faces: faces[0].name)
    else:
        again = []
    paired = {path for pair in again for path in pair}
    for path in [p for p in matches.clean_alone if p not in paired]:
        left_out.append(LeftOut(path.name, "unpaired", f"{path.name} has no protected copy"))
    for path in [p for p in matches.protected_alone if p not in paired]:
        left_out.append(LeftOut(path.name, "unpaired", f"{path.name} belongs to no original"))
    names = {(before.name, after.name): rival for (before, after), rival in rivals.items()}
    tell("whose face it is in each photo", 0, 1)
    mine = recurring([torch.stack([pair.clean for pair in faces]) for faces in found], describe)
    pairs = [faces[face] for faces, face in zip(found, mine, strict=True)]
    pairs = [_said(pair, names.get((pair.name, pair.protected_name))) for pair in pairs]
    groups = _groups(pairs)
    n = int(groups.max()) + 1 if pairs else 0
    hidden = sum(entry.why == HIDDEN for entry in left_out)
    if n < LEAST and not hidden:
        why = "; ".join(entry.text for entry in left_out[:3])
        twice = f", which show {n} different ones: copies and bursts count once" if n < len(pairs) else ""
        raise DataError(
            f"{len(pairs)} photos with a face were found both before and after{twice}; at least {LEAST} are needed"
            f"{f' ({why})' if why else ''}; name the copies like the originals, as a.jpg and a_cloaked.png"
        )
    held_out = _probes(probes, pairs, left_out, tell) if probes and n >= LEAST else None
    return Album(pairs, groups, left_out, held_out)


def _groups(pairs: list[Pair]) -> Tensor:
    """Which originals show one photo, or one moment: the same room, and nearly the same face."""
    if not pairs:
        return torch.empty(0, dtype=torch.long)
    seen = [_Seen(pair.clean, pair.thumbnails[0], pair.share) for pair in pairs]
    return same_photo.joined(_same(seen, seen))


@dataclass(frozen=True)
class _Seen:
    """A face ``(3, 112, 112)``, the thumbnail of its picture, and the share of that which it takes up."""

    face: Tensor
    thumbnail: Tensor
    share: float


def _same(ones: list[_Seen], others: list[_Seen]) -> Tensor:
    """Which photos show the same photo, or moment, as which others, ``(N, M)`` bool."""
    if not ones or not others:
        return torch.zeros(len(ones), len(others), dtype=torch.bool)
    alike = same_photo.likeness(*(torch.stack([seen.face for seen in side]) for side in (ones, others)))
    every = torch.corrcoef(torch.stack([seen.thumbnail.flatten() for seen in (*ones, *others)]))
    scenes = every[: len(ones), len(ones) :]
    wide = [torch.tensor([seen.share <= WIDE for seen in side]) for side in (ones, others)]
    return (alike >= same_photo.SAME) | ((alike >= BURST) & (scenes >= SCENE) & wide[0][:, None] & wide[1])


def _said(pair: Pair, rival: float | None) -> Pair:
    """A pair that knows how it was found; by content, the nearest rival counts, too."""
    return pair if rival is None else replace(pair, by_content=True, rival=rival)


def _probes(folder: Path, pairs: list[Pair], left_out: list[LeftOut], tell: Tell) -> Tensor:
    """The user's face in each photo of a folder; without those that are enrolled themselves: that would be no test."""
    files, found = pictures(folder, "--probes"), dict[str, _Seen]()
    clean = torch.stack([pair.clean for pair in pairs])
    posted = [
        _Seen(face, thumbnail, pair.share)
        for pair in pairs
        for face, thumbnail in zip((pair.clean, pair.protected), pair.thumbnails, strict=True)
    ]
    for done, (path, probe) in enumerate(zip(files, in_threads(read_probe, files), strict=True), 1):
        tell("find the face in each probe", done, len(files))
        if isinstance(probe, LeftOut):
            left_out.append(probe)
            continue
        face = nearest(probe.faces, clean, describe)
        photo = _Seen(probe.faces[face], probe.thumbnail, probe.shares[face])
        same = [pairs[at // 2].name for at in _same([photo], posted)[0].nonzero()[:, 0].tolist()]
        before = [list(found)[at] for at in _same([photo], [*found.values()])[0].nonzero()[:, 0].tolist()]
        if same or before:
            what = f"{same[0]}; probes must be others" if same else f"the probe {before[0]}, and counts once"
            text = f"the probe {path.name} shows the same photo as {what}"
            left_out.append(LeftOut(path.name, "not held out", text))
        else:
            found[path.name] = photo
    if not found:
        raise DataError(
            f"none of {len(files)} pictures of --probes {folder} can be searched for ({left_out[-1].text}); give other "
            "clean photos of you, or leave --probes out"
        )
    return torch.stack([seen.face for seen in found.values()])
