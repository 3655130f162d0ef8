"""Which protected photo belongs to which original: by their names, else by what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from facetui.engine.applications.check.pairing.sketch import STRANGER, Sketch, certainty, part_likeness, whole_likeness
from facetui.engine.applications.protect.files import MANIFEST
from facetui.engine.people import inventory, same_photo
from facetui.engine.people.alignment import NO_FACE, aligned_faces, to_tensor
from facetui.engine.people.pictures import SUFFIXES, read_picture
from facetui.engine.records.errors import DataError
from facetui.engine.records.text import name as clean_name

TOOL_MARK = re.compile(r"[_\-. ](cloak|protect|poison|perturb|attack|lowkey|fawkes|adversarial|shield)", re.IGNORECASE)
"""What tools write behind the name of a photo they changed, e.g. ``a_cloaked.png``."""

THUMBNAIL = 16
SAME_PICTURE = 10.0
"""Mean difference of two thumbnails, in grey levels, up to which they may show one picture: a change that protects
and a new encoding stay below it."""

OTHER_PICTURE = 40.0
"""From here on two files are not one picture before and after, whatever their names say."""

TWIN = 0.98
"""Correlation of sketches from which two originals, or two copies, are one picture."""

PROBABLE = 0.75
"""Correlation of sketches from which two may be one picture."""

Match = tuple[Path, Path]
"""A photo before, and after."""


@dataclass(frozen=True)
class Matches:
    """Two folders, photo by photo.

    Attributes:
        pairs: in the order of the originals' names.
        by_content: those that were found by what is in them, and how much alike their nearest rivals are.
        clean_alone: originals without a protected copy.
        protected_alone: protected photos without an original.
    """

    pairs: list[Match]
    by_content: dict[Match, float]
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
    held = inventory.walk(folder)
    if not held.pictures:
        why = "; ".join(["", *inventory.sentences(held.skipped, folder)])
        raise DataError(f"no picture ({', '.join(sorted(SUFFIXES))}) lies in {folder}; expected {what} there{why}")
    return held.pictures


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
            copies = [p for p in left if fits(_plain(original.name), _plain(p.stem))]
            # Folders below may repeat a name: the copy in the folder of the same name first.
            copies.sort(key=lambda p: (p.parent.name != original.parent.name, len(p.name)))
            if copies:
                found[original] = copies[0]
                left.remove(copies[0])
    alone = [p for p in clean if p not in found]
    by_content = dict(match_content(alone, left, check))
    seen = dict(by_content.keys())
    found |= seen
    pairs = [(p, found[p]) for p in clean if p in found]
    taken = set(seen.values())
    return Matches(pairs, by_content, [p for p in alone if p not in seen], [p for p in left if p not in taken])


def _plain(name: str) -> str:
    """A file's name as names are compared: composed, whatever its case."""
    return clean_name(name).casefold()


def _full_name(original: str, stem: str) -> bool:
    return stem == original


def _same_stem(original: str, stem: str) -> bool:
    return stem == Path(original).stem


def _goes_on(original: str, stem: str) -> bool:
    start = Path(original).stem
    return stem.startswith(start) and stem[len(start) : len(start) + 1] in set("_-. (")


def match_content(
    clean: Sequence[Path], protected: Sequence[Path], check: Callable[[], None] = lambda: None
) -> Iterator[tuple[Match, float]]:
    """Pairs of which each is by far the most like the other, and how much alike their nearest rivals are.

    First whole pictures are compared, in four turns; then what is left, also in frames and cropped; last by the faces
    in it, which are found in mirrored copies and small parts, too.
    """
    before, after = ([(path, _sketch_of(path, check)) for path in paths] for paths in (clean, protected))
    ours = [(path, sketch) for path, sketch in before if sketch is not None]
    theirs = [(path, sketch) for path, sketch in after if sketch is not None]
    for look in (_as_wholes, _in_parts, _by_faces):
        if not ours or not theirs:
            return
        found = list(_agreed(*look(ours, theirs, check)))
        for row, column, rival in found:
            yield (ours[row][0], theirs[column][0]), rival
        rows, columns = {row for row, _, _ in found}, {column for _, column, _ in found}
        ours = [entry for row, entry in enumerate(ours) if row not in rows]
        theirs = [entry for column, entry in enumerate(theirs) if column not in columns]


Sketched = Sequence[tuple[Path, Sketch]]
Compared = tuple[Tensor, Tensor, Tensor]
"""Likeness ``(originals, copies)``, which originals are one picture, and which copies are."""


def _as_wholes(originals: Sketched, copies: Sketched, check: Callable[[], None]) -> Compared:
    ours, theirs = ([sketch for _, sketch in sketched] for sketched in (originals, copies))
    twins, copied = (whole_likeness(side, side)[0] >= TWIN for side in (ours, theirs))
    return whole_likeness(ours, theirs)[0], twins, copied


def _in_parts(originals: Sketched, copies: Sketched, check: Callable[[], None]) -> Compared:
    columns = []
    for _, copy in copies:
        check()
        columns.append(torch.tensor([place.likeness for place in part_likeness([o for _, o in originals], copy)]))
    _, twins, copied = _as_wholes(originals, copies, check)
    return torch.stack(columns, 1), twins, copied


def _by_faces(originals: Sketched, copies: Sketched, check: Callable[[], None]) -> Compared:
    ours, theirs = (
        torch.stack([_largest_face(path, check) for path, _ in sketched]) for sketched in (originals, copies)
    )
    twins, copied = (same_photo.likeness(side, side) >= same_photo.SAME for side in (ours, theirs))
    return same_photo.likeness(ours, theirs), twins, copied


def _largest_face(path: Path, check: Callable[[], None]) -> Tensor:
    """The largest face in a picture; flat grey, which is like nothing, where there is none."""
    check()
    faces = aligned_faces(path)
    return faces[0] if len(faces) else torch.full(NO_FACE.shape[1:], 128, dtype=torch.uint8)


def _agreed(likeness: Tensor, twins: Tensor, copied: Tensor) -> Iterator[tuple[int, int, float]]:
    """Rows and columns that are each other's best by far.

    Sketches of a picture in a frame are never quite alike, so the least that is asked for is low, and the distance to
    the nearest rival decides; what is paired is registered on the pictures themselves afterwards. Pictures that are
    there twice are no rivals of each other: each takes one of the copies.

    Args:
        likeness: ``(R, C)``.
        twins: ``(R, R)`` bool, which rows are one picture.
        copied: ``(C, C)`` bool, which columns are.
    """
    left = likeness.clone()
    while left.numel() and float(left.max()) >= PROBABLE:
        row, column = divmod(int(left.argmax()), left.shape[1])
        best = float(left[row, column])
        left[row], left[:, column] = -1.0, -1.0
        rivals = torch.cat([likeness[row, ~copied[column]], likeness[~twins[row], column], torch.tensor([STRANGER])])
        rival = float(rivals.max())
        if certainty(best, rival) >= 0.4:
            yield row, column, rival


def _sketch_of(path: Path, check: Callable[[], None]) -> Sketch | None:
    check()
    try:
        return Sketch.of(read_picture(path))
    except DataError:  # said where photos are read; it resembles nothing
        return None


def thumbnail(picture: Image.Image) -> Tensor:
    """What is left of a picture at 16x16, ``(3, 16, 16)`` float."""
    return to_tensor(picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)).float()


def thumbnail_distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean difference of two thumbnails in grey levels; infinite for what could not be read."""
    difference = (one - other).abs().mean()
    return difference if bool(difference.isfinite()) else torch.tensor(torch.inf)
