"""OPOM (TPAMI 2022): one mask a person, made from a few photos, put onto every photo at once.

Zhong and Deng 2022 (arXiv 2205.11981): the gradient, averaged over a person's photos, pushes them out of the subspace
their features span, a class centre, an affine or a convex hull; one shared mask takes sign steps. Instant on new
photos, and trivial to estimate and subtract for whoever has several of them.

What differs from the release: the hull's nearest point is found by pairwise Frank-Wolfe steps instead of a quadratic
program; it has no DFANet, momentum only on request, and takes 16 steps where theirs may take 100.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from facetui.engine.attacks.optimising.loop import clean_rows, ready, uniform
from facetui.engine.attacks.optimising.views import View
from facetui.engine.core.budget import Budget
from facetui.engine.core.device import Portion, autocast, batch_size
from facetui.engine.core.inference import embed
from facetui.engine.core.interfaces import Album, Attack, Extractor
from facetui.engine.records.errors import UsageError

CENTRE_FIRST = 5
"""Steps for which the convex hull's variant moves away from the centre, as in the release."""
FRANK_WOLFE = 16
SUBSPACES = ("centre", "affine", "convex")
FLAT = 1e-5
"""Directions along which points spread less than by this share of the widest are none of their flat."""
STEP = 1 / 8
"""Length of a step in bounds: the release's 1/255 of 8/255."""


_Tick = Callable[[int, Tensor, Tensor], None]
"""Called with the passes just done, the rows worked on and their photos by then."""


class OPOM(Attack):
    """One universal mask a person, within an L-inf ball.

    Args:
        subspace: ``centre``, ``affine`` or ``convex``: what the photos' embeddings are driven away from.
        steps: sign steps.
        photos_a_mask: photos of each person that the mask is made from; it is put onto all of them.
        ensemble: against all surrogates at once; else against the first.
        momentum: of the gradient, in [0, 1]; the release has some.
    """

    name = "opom"
    year = 2022
    default_budget = Budget("linf", 8 / 255)
    source = "Zhong and Deng, TPAMI 2022, arXiv 2205.11981"

    def __init__(
        self,
        subspace: str = "convex",
        steps: int = 16,
        photos_a_mask: int = 10,
        ensemble: bool = False,
        momentum: float = 0.0,
    ) -> None:
        if subspace not in SUBSPACES:
            raise UsageError(f"expected a subspace {', '.join(SUBSPACES)}, got {subspace!r}")
        if steps < 1 or photos_a_mask < 1:
            raise UsageError("expected at least 1 step and 1 photo a mask")
        if not 0 <= momentum <= 1:
            raise UsageError(f"expected a momentum in [0, 1], got {momentum}")
        self.subspace = subspace
        self.steps = steps
        self.photos_a_mask = photos_a_mask
        self.ensemble = ensemble
        self.momentum = momentum
        self.about = f"one mask a person, from at most {photos_a_mask} photos; convex hull by Frank-Wolfe"

    def passes(self, n_surrogates: int) -> int:
        """Forward+backward passes an image costs at most; photos beyond those a mask is made from cost none."""
        return self.steps * n_surrogates

    def _optimise(self, album: Album, surrogates: Sequence[Extractor]) -> Tensor:
        if album.budget.norm != "linf":
            raise UsageError(f"{self.name} works in linf, got the budget {album.budget}; write it as 'linf 8/255'")
        networks = ready(surrogates, album.photos.device)
        people, who = album.people.unique(return_inverse=True)
        masks = self._masks(album, who, len(people), networks)
        album.progress(total := len(album.photos) * self.passes(len(networks)), total)
        out = torch.empty_like(album.photos)
        for rows in torch.arange(len(who), device=who.device).split(batch_size(who.device)):
            out[rows] = (album.photos[rows] + masks[who[rows]]).clamp_(0, 1)
        return out

    @property
    def _step(self) -> float:
        """Length of a step in bounds."""
        return STEP

    def _view(self, generator: torch.Generator) -> View:
        """What networks are shown of photos in a step."""
        return lambda photos: photos

    def _masks(self, album: Album, who: Tensor, n_people: int, networks: Sequence[Extractor]) -> Tensor:
        """The masks ``(P, 3, 112, 112)`` of the people ``0..P-1`` in the rows ``who`` ``(N,)``."""
        # Everybody brings the same number of photos, whoever has fewer brings some twice: so people fit into one batch.
        order, counts = who.argsort(stable=True), torch.bincount(who, minlength=n_people)
        m = min(self.photos_a_mask, int(counts.max()))
        first = counts.cumsum(0) - counts
        turns = torch.arange(m, device=who.device)[None] % counts[:, None]
        chosen = order[first[:, None] + turns]  # (P, m)
        total, done = len(who) * self.passes(len(networks)), 0

        def tick(n: int, rows: Tensor, photos: Tensor) -> None:
            nonlocal done
            done += n
            album.watch(rows, photos)
            album.progress(min(done, total), total)

        views = [self._view(album.generator) for _ in range(self.steps)]  # for all: however they are divided
        groups = chosen.split(max(1, batch_size(who.device) // m))
        return torch.cat([self._group(album, rows, networks, views, tick) for rows in groups])

    def _group(
        self, album: Album, rows: Tensor, networks: Sequence[Extractor], views: Sequence[View], tick: _Tick
    ) -> Tensor:
        """Masks ``(p, 3, 112, 112)`` of some people, from the photos in rows ``(p, m)``."""
        radius, (p, m), flat = album.budget.epsilon, rows.shape, rows.flatten()
        clean = clean_rows(album, flat)
        own = [embed(network, clean).unflatten(0, (p, m)) for network in networks]
        mask, memory = torch.zeros_like(clean[::m]), torch.zeros_like(clean[::m])
        start = uniform(clean, radius, album.generator)  # of every photo: clean ones are a maximum of the loss
        portion = Portion(clean.device, len(flat))
        for step in range(self.steps):
            moved = clean + mask.repeat_interleave(m, 0) + (start if step == 0 else 0)
            early = self.subspace == "convex" and step < CENTRE_FIRST
            nearest, view = NEAREST["centre" if early else self.subspace], views[step]

            def gradient(
                part: slice, moved: Tensor = moved, nearest: Nearest = nearest, view: View = view
            ) -> tuple[Tensor, ...]:
                photos = moved[part].requires_grad_(True)
                seen = view(album.view(photos.clamp(0, 1), flat[part]))
                with autocast(clean.device):
                    embedded = [network(seen).float() for network in networks]
                pairs = zip(embedded, own, strict=True)
                away = [(e - _nearest(nearest, e.detach(), points, part)).square().sum() for e, points in pairs]
                return torch.autograd.grad(torch.stack(away).sum(), photos)

            (by_photo,) = portion.of(len(flat), gradient)
            memory = self.momentum * memory + _scaled(by_photo.unflatten(0, (p, m)).sum(1))
            mask = (mask + memory.sign() * (radius * self._step)).clamp(-radius, radius)
            tick(len(flat) * len(networks), flat, clean + mask.repeat_interleave(m, 0))
        return mask


def _scaled(gradient: Tensor) -> Tensor:
    """Gradients ``(p, 3, h, h)`` of mean size one, so that momentum weighs all steps alike."""
    return gradient / gradient.abs().flatten(1).mean(1).clamp_min(1e-12).view(-1, 1, 1, 1)


def _nearest(nearest: Nearest, embedded: Tensor, points: Tensor, part: slice) -> Tensor:
    """What is nearest to the embeddings ``(n, D)`` of a part of some people's photos, person after person.

    Args:
        nearest: of ``NEAREST``, which takes whole people; the photos of theirs that are not asked for count nothing.
        embedded: of the part.
        points: ``(p, m, D)`` of all of them.
        part: which of the p * m photos.
    """
    m = points.shape[1]
    first, last = part.start // m, -(-part.stop // m)
    before, after = part.start - first * m, last * m - part.stop
    asked = torch.nn.functional.pad(embedded, (0, 0, before, after)).unflatten(0, (last - first, m))
    return nearest(asked, points[first:last]).flatten(0, 1)[before : before + len(embedded)]


def _centre(embedded: Tensor, points: Tensor) -> Tensor:
    """The centre of each person's points ``(p, m, D)``, for each embedding ``(p, n, D)``."""
    return points.mean(1, keepdim=True).expand_as(embedded)


def _affine(embedded: Tensor, points: Tensor) -> Tensor:
    """Of the flat through each person's points ``(p, m, D)`` the point nearest to each embedding ``(p, n, D)``.

    On one's own photos, unperturbed, that is the embedding itself; a photo is driven out of the flat, not along it.
    """
    centre = points.mean(1, keepdim=True)
    # On the CPU, and in double precision: points of one person lie close together, so the system is ill-conditioned.
    spans = (points - centre).mT.cpu().double()  # (p, D, m)
    asked = (embedded - centre).mT.cpu().double()  # (p, D, n)
    basis, sizes, _ = torch.linalg.svd(spans, full_matrices=False)  # (p, D, r)
    basis = basis * (sizes > FLAT * sizes[:, :1]).unsqueeze(1)
    return centre + (basis @ (basis.mT @ asked)).mT.to(embedded.dtype).to(embedded.device)


def _convex(embedded: Tensor, points: Tensor) -> Tensor:
    """Of each person's convex hull the point nearest to each embedding, by Frank-Wolfe from the centre.

    Args:
        embedded: ``(p, n, D)``.
        points: ``(p, m, D)``.
    """
    at = _centre(embedded, points)
    weights = embedded.new_full((*embedded.shape[:2], points.shape[1]), 1 / points.shape[1])
    for _ in range(FRANK_WOLFE):
        # Weight moves from the corner in use that lies furthest behind to the one furthest ahead: pairwise steps,
        # because plain ones zigzag along a face of the hull.
        ahead = (embedded - at) @ points.mT
        to = ahead.argmax(2, keepdim=True)
        since = ahead.masked_fill(weights <= 0, torch.inf).argmin(2, keepdim=True)
        way = points.gather(1, to.expand_as(embedded)) - points.gather(1, since.expand_as(embedded))
        part = ((embedded - at) * way).sum(2, keepdim=True) / way.square().sum(2, keepdim=True).clamp_min(1e-12)
        part = torch.minimum(part.clamp_min(0), weights.gather(2, since))
        weights = weights.scatter_add(2, to, part).scatter_add(2, since, -part)
        at = at + part * way
    return at


Nearest = Callable[[Tensor, Tensor], Tensor]

NEAREST: dict[str, Nearest] = {"centre": _centre, "affine": _affine, "convex": _convex}
"""What is nearest to embeddings in each of ``SUBSPACES``."""
