"""Which protected photo belongs to which original: by their names, else by what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from facetui.engine.errors import DataError
from facetui.engine.outputs import MANIFEST
from facetui.engine.photos import to_tensor
from facetui.engine.pictures import SUFFIXES, read_picture

TOOL_MARK = re.compile(r"[_\-. ](cloak|protect|poison|perturb|attack|lowkey|fawkes|adversarial|shield)", re.IGNORECASE)
"""What tools write behind the name of a photo they changed, e.g. ``a_cloaked.png``."""

THUMBNAIL = 16
SAME_PICTURE = 10.0
"""Mean difference of two thumbnails, in grey levels, up to which they may show one picture: a change that protects
and a new encoding stay below it."""

OTHER_PICTURE = 40.0
"""From here on two files are not one picture before and after, whatever their names say."""

Match = tuple[Path, Path]
"""A photo before, and after."""


@dataclass(frozen=True)
class Matches:
    """Two folders, photo by photo.

    Attributes:
        pairs: in the order of the originals' names.
        by_content: how many of them were found by what is in them.
        clean_alone: originals without a protected copy.
        protected_alone: protected photos without an original.
    """

    pairs: list[Match]
    by_content: int
    clean_alone: list[Path]
    protected_alone: list[Path]


def pictures(folder: Path, what: str) -> list[Path]:
    """Every picture below a folder, by name.

    Args:
        folder: to look in.
        what: it is, for the message.

    Raises:
        DataError: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise DataError(f"expected {what} to be a folder of photos, got {found} at {folder}; check the path")
    found_here = [p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()]
    shown = sorted(p for p in found_here if not any(part.startswith(".") for part in p.relative_to(folder).parts))
    if not shown:
        raise DataError(f"no picture ({', '.join(sorted(SUFFIXES))}) lies in {folder}; expected {what} there")
    return shown


def refuse_swapped(clean: Sequence[Path], protected: Sequence[Path], folders: Match) -> None:
    """Say so when the names or a tool's own list tell that the folders were given the wrong way round.

    Raises:
        DataError: they were.
    """
    marked, other = (sum(bool(TOOL_MARK.search(p.stem)) for p in files) for files in (clean, protected))
    made = [(folder / MANIFEST).is_file() for folder in folders]
    if (marked > len(clean) / 2 and not other) or (made[0] and not made[1]):
        why = "holds the list that facetui protect leaves" if made[0] else f"has {marked} names like {_marked(clean)}"
        raise DataError(
            f"the folders look swapped: --clean {why}; give originals as --clean and the tool's output as --protected"
        )


def _marked(files: Sequence[Path]) -> str:
    return next(p.name for p in files if TOOL_MARK.search(p.stem))


def match(clean: Sequence[Path], protected: Sequence[Path], check: Callable[[], None] = lambda: None) -> Matches:
    """Pair photos by their names, then those that are left by what is in them.

    A name fits if it is the same but for the ending, or goes on where the original's stops: ``a.jpg`` and ``a.png``,
    ``a.jpg.png`` or ``a_high_cloaked.png``. Longer originals first, so that ``a-2_cloaked.png`` is no copy of ``a``.

    Args:
        clean: originals.
        protected: what a tool made of them.
        check: called between two files that have to be read; may raise ``Cancelled``.
    """
    left, found = list(protected), dict[Path, Path]()
    for fits in (_full_name, _same_stem, _goes_on):
        for original in sorted(clean, key=lambda p: -len(p.stem)):
            if original in found:
                continue
            copies = [p for p in left if fits(original.name.casefold(), p.stem.casefold())]
            # Folders below may repeat a name: the copy in the folder of the same name first.
            copies.sort(key=lambda p: (p.parent.name != original.parent.name, len(p.name)))
            if copies:
                found[original] = copies[0]
                left.remove(copies[0])
    alone = [p for p in clean if p not in found]
    seen = dict(match_content(alone, left, check))
    found |= seen
    pairs = [(p, found[p]) for p in clean if p in found]
    return Matches(
        pairs, len(seen), [p for p in alone if p not in seen], [p for p in left if p not in set(seen.values())]
    )


def _full_name(original: str, stem: str) -> bool:
    return stem == original


def _same_stem(original: str, stem: str) -> bool:
    return stem == Path(original).stem


def _goes_on(original: str, stem: str) -> bool:
    start = Path(original).stem
    return stem.startswith(start) and stem[len(start) : len(start) + 1] in set("_-. (")


def match_content(
    clean: Sequence[Path], protected: Sequence[Path], check: Callable[[], None] = lambda: None
) -> Iterator[Match]:
    """Pairs that look alike as thumbnails, each the other's nearest by far."""
    if not clean or not protected:
        return
    before, after = ([_thumbnail_of(p, check) for p in files] for files in (clean, protected))
    distance = torch.stack([torch.stack([thumbnail_distance(a, b) for b in after]) for a in before])
    for row, original in enumerate(clean):
        column = int(distance[row].argmin())
        nearest = float(distance[row, column])
        rivals = torch.cat([distance[row, :column], distance[row, column + 1 :], distance[:row, column]])
        rivals = torch.cat([rivals, distance[row + 1 :, column]])
        second = float(rivals.min()) if len(rivals) else torch.inf
        if nearest <= SAME_PICTURE and nearest < second / 2:
            yield original, protected[column]


def _thumbnail_of(path: Path, check: Callable[[], None]) -> Tensor:
    check()
    try:
        return thumbnail(read_picture(path))
    except DataError:  # said where photos are read; it resembles nothing
        return torch.full((3, THUMBNAIL, THUMBNAIL), torch.inf)


def thumbnail(picture: Image.Image) -> Tensor:
    """What is left of a picture at 16x16, ``(3, 16, 16)`` float."""
    return to_tensor(picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)).float()


def thumbnail_distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean difference of two thumbnails in grey levels; infinite for what could not be read."""
    difference = (one - other).abs().mean()
    return difference if bool(difference.isfinite()) else torch.tensor(torch.inf)
