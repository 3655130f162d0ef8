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
    thumbnail_distance,
)
from facetui.engine.applications.check.pairing.pair import HIDDEN, LeftOut, Pair
from facetui.engine.core.cache import Cache
from facetui.engine.records.errors import DataError, UsageError

LEAST = 3
"""Pairs with fewer of which nothing can be measured."""

SAME_PHOTO = 3.0
"""Mean difference of two thumbnails, in grey levels, up to which a probe is one of the photos before or after; two
photos of one person differ by more."""

Tell = Callable[[str, int, int], None]
"""Called as ``tell(task, done, total)``; may raise ``Cancelled``."""


@dataclass(frozen=True)
class Album:
    """The user's photos.

    Attributes:
        pairs: in the order of their names.
        left_out: what takes no part, and why.
        probes: clean photos that are no originals of a pair ``(m, 3, 112, 112)`` uint8; ``None``: the originals
            are the probes, each while its own copy is not enrolled.
    """

    pairs: list[Pair]
    left_out: list[LeftOut]
    probes: Tensor | None

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
    pairs, left_out, mixed = read_all(
        matches.pairs, cache, lambda done, total: tell("find the face in each photo", done, total)
    )
    rivals = dict(matches.by_content)
    if mixed:  # names that fit and pictures that do not: once more, by what is in them
        alone = [*matches.clean_alone, *(a for a, _ in mixed)], [*matches.protected_alone, *(b for _, b in mixed)]
        by_content = dict(match_content(*alone))
        rivals |= by_content
        again = list(by_content)
        more, wrong, _ = read_all(again, cache, lambda done, total: tell("pair again", done, total))
        found = {original.name for original, _ in again}
        left_out = [entry for entry in left_out if entry.name not in found] + wrong
        pairs = sorted([*pairs, *more], key=lambda pair: pair.name)
    else:
        again = []
    paired = {path for pair in again for path in pair}
    for path in [p for p in matches.clean_alone if p not in paired]:
        left_out.append(LeftOut(path.name, "unpaired", f"{path.name} has no protected copy"))
    for path in [p for p in matches.protected_alone if p not in paired]:
        left_out.append(LeftOut(path.name, "unpaired", f"{path.name} belongs to no original"))
    names = {(before.name, after.name): rival for (before, after), rival in rivals.items()}
    pairs = [_said(pair, names.get((pair.name, pair.protected_name))) for pair in pairs]
    hidden = sum(entry.why == HIDDEN for entry in left_out)
    if len(pairs) < LEAST and not hidden:
        why = "; ".join(entry.text for entry in left_out[:3])
        raise DataError(
            f"{len(pairs)} photos with a face were found both before and after, at least {LEAST} are needed"
            f"{f' ({why})' if why else ''}; name the copies like the originals, as a.jpg and a_cloaked.png"
        )
    return Album(pairs, left_out, _probes(probes, pairs, left_out, tell) if probes and len(pairs) >= LEAST else None)


def _said(pair: Pair, rival: float | None) -> Pair:
    """A pair that knows how it was found; by content, the nearest rival counts, too."""
    return pair if rival is None else replace(pair, by_content=True, rival=rival)


def _probes(folder: Path, pairs: list[Pair], left_out: list[LeftOut], tell: Tell) -> Tensor:
    """The aligned faces in a folder; without photos that are enrolled themselves, whose answer would be no test."""
    files, photos = pictures(folder, "--probes"), list[Tensor]()
    for done, (path, found) in enumerate(zip(files, in_threads(read_probe, files), strict=True), 1):
        tell("find the face in each probe", done, len(files))
        if isinstance(found, LeftOut):
            left_out.append(found)
            continue
        same = [pair.name for pair in pairs for one in pair.thumbnails if _same(found.thumbnail, one)]
        if same:
            text = f"the probe {path.name} shows the same photo as {same[0]}; probes must be others"
            left_out.append(LeftOut(path.name, "not held out", text))
        else:
            photos.append(found.photo)
    if not photos:
        raise DataError(
            f"none of {len(files)} pictures of --probes {folder} can be searched for ({left_out[-1].text}); give other "
            "clean photos of you, or leave --probes out"
        )
    return torch.stack(photos)


def _same(one: Tensor, other: Tensor) -> bool:
    return float(thumbnail_distance(one, other)) <= SAME_PHOTO
