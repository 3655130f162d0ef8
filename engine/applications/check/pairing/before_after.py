"""A user's photos before and after a tool, read on all cores and kept in the cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import TypeVar

import torch
from torch import Tensor

from facetui.engine.applications.check.pairing.comparison import compare, mixed_up, no_face, share_of
from facetui.engine.applications.check.pairing.matching import SAME_PICTURE, Match, thumbnail, thumbnail_distance
from facetui.engine.applications.check.pairing.pair import RECODINGS, UNDONE, LeftOut, Pair, Probe
from facetui.engine.core import cache as caching
from facetui.engine.core.cache import Cache
from facetui.engine.core.cache_folder import Kind
from facetui.engine.core.interfaces import Progress
from facetui.engine.core.memory import give_back
from facetui.engine.people.alignment import align, faces_to_cut, to_tensor, who_is_meant
from facetui.engine.people.pictures import opened, read_picture
from facetui.engine.records.errors import DataError

LARGE = 16_000_000
"""Pixels from which a picture is compared alone: about ten times three bytes each are at hand meanwhile."""

_LARGE = Lock()

T = TypeVar("T")
R = TypeVar("R")


def read_probe(path: Path) -> Probe | LeftOut:
    """The faces in a clean file; never raises for what is wrong with the file."""
    try:
        picture = read_picture(path)
    except DataError as error:
        return LeftOut(path.name, "unreadable", str(error))
    faces = who_is_meant(faces_to_cut(picture))
    if not faces:
        return no_face(path)
    cuts = torch.stack([to_tensor(align(picture, face)) for face in faces])
    return Probe(cuts, tuple(share_of(face, picture) for face in faces), thumbnail(picture))


def read_pair(match: Match, cache: Cache) -> list[Pair] | LeftOut:
    """As ``compare``, from the cache where possible; never raises for what is wrong with the files."""
    try:
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in match]
        key = caching.key(
            "faces before and after, registered, sRGB, as protect sees it, upright or not, mirrored or not", digests
        )
        kept = cache.load(key)
        if kept is None:
            with one_if_large(match):
                pairs = compare(*match)
            if not isinstance(pairs, LeftOut):
                tensors = (_as_tensors(pair) for pair in pairs)
                named = {f"{i} {name}": t for i, kept in enumerate(tensors) for name, t in kept.items()}
                cache.save(key, named, Kind.PAIRS)
            return pairs
        faces = sorted({int(name.partition(" ")[0]) for name in kept})
        return [
            _from_tensors(match, {n.partition(" ")[2]: t for n, t in kept.items() if n.startswith(f"{i} ")})
            for i in faces
        ]
    except OSError as error:
        return LeftOut(match[0].name, "unreadable", f"{error.filename} cannot be read ({error.strerror})")
    except DataError as error:
        return LeftOut(match[0].name, "unreadable", str(error))


@contextmanager
def one_if_large(match: Match) -> Iterator[None]:
    """Lets one thread at a time compare pictures of which a few would fill the memory of a laptop."""
    with opened(match[0]) as one, opened(match[1]) as other:
        large = max(one.width * one.height, other.width * other.height) > LARGE
    with _LARGE if large else nullcontext():
        yield
        if large:
            give_back()


def _as_tensors(pair: Pair) -> dict[str, Tensor]:
    undone_in = [name in pair.undone for name in UNDONE]
    figures = [pair.faces, pair.share, pair.linf, pair.dssim, pair.psnr, pair.resized, pair.likeness, *undone_in]
    tensors = {"figures": torch.tensor([float("nan") if f is None else float(f) for f in figures], dtype=torch.float64)}
    tensors |= {f"recoded{i}": copy for i, copy in enumerate(pair.recoded) if copy is not None}
    pictures = ("clean", "protected", "before", "after", "thumbnails")
    return tensors | {name: getattr(pair, name).clone() for name in pictures}  # faces of one photo share thumbnails


def _from_tensors(match: Match, tensors: dict[str, Tensor]) -> Pair:
    faces, share, linf, dssim, psnr, resized, likeness, *is_so = (
        None if f != f else f for f in tensors["figures"].tolist()
    )
    return Pair(
        match[0].name,
        match[1].name,
        tensors["clean"],
        tensors["protected"],
        tuple(tensors.get(f"recoded{i}") for i in range(len(RECODINGS))),
        int(faces or 0),
        share or 0.0,
        round(linf or 0.0, 3),
        dssim,
        psnr,
        bool(resized),
        tensors["before"],
        tensors["after"],
        tensors["thumbnails"],
        tuple(name for name, so in zip(UNDONE, is_so, strict=True) if so),
        likeness or 0.0,
    )


def read_all(
    matches: Sequence[Match], cache: Cache, progress: Progress
) -> tuple[list[list[Pair]], list[LeftOut], list[Match]]:
    """Read every pair, on all cores.

    Returns:
        The pairs of each photo, one a face; what was left out; and the matches whose files show different pictures
        (which are left out too).
    """
    pairs, left_out, mixed = [], list[LeftOut](), list[Match]()
    outcomes = in_threads(lambda match: read_pair(match, cache), matches)
    for done, (match, outcome) in enumerate(zip(matches, outcomes, strict=True), 1):
        progress(done, len(matches))
        if not isinstance(outcome, LeftOut):
            pairs.append((match, outcome))
            continue
        left_out.append(outcome)
        if outcome.why == "mixed up":
            mixed.append(match)
    originals = [faces[0].thumbnails[0] for _, faces in pairs]
    kept = []
    for row, (match, faces) in enumerate(pairs):
        distances = torch.stack([thumbnail_distance(faces[0].thumbnails[1], other) for other in originals])
        if float(distances[row]) > SAME_PICTURE and float(distances.min()) < float(distances[row]):
            mixed.append(match)
            left_out.append(mixed_up(match))
        else:
            kept.append(faces)
    return kept, left_out, mixed


def in_threads(read: Callable[[T], R], files: Sequence[T]) -> Iterator[R]:
    """What ``read`` makes of each, in their order; on all cores, as long as somebody asks for more."""
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        yield from pool.map(read, files)
    finally:
        pool.shutdown(cancel_futures=True)
