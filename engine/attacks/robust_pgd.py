"""PGD whose gradient is taken through what happens to a photo on its way: resizing, blur and JPEG.

Expectation over transformation, Athalye et al. 2018 (arXiv 1707.07397), one transformation a step. It answers the
question of the talk's audience whether protection survives a messenger's compression.
"""

from __future__ import annotations

import torch
from torch import Tensor

from facetui.engine.attacks.optimising.resampling import blur, resize
from facetui.engine.attacks.pgd import PGD, SeenAfter
from facetui.engine.records.errors import UsageError

VIEWS = ("plain", "resize", "blur", "jpeg")


class RobustPGD(PGD):
    """PGD over random views: one of plain, resize, blur and JPEG is drawn for each step, for the whole album.

    Args:
        targeted: as ``pgd``.
        steps: as ``pgd``; twice as many, because each sees one view only.
        step_size: as ``pgd``.
        ensemble: as ``pgd``.
        stop_at: as ``pgd``.
        smallest: side length at most this much smaller before the photo is scaled back, in (0, 1].
        worst_quality: of JPEG, in [1, 100].
    """

    name = "robust-pgd"
    source = "Athalye et al. 2018, arXiv 1707.07397"
    about = "random resize, blur and JPEG views in the loop, one a step"
    revision = 2

    def __init__(
        self,
        targeted: bool = True,
        steps: int = 40,
        step_size: float | None = None,
        ensemble: bool = False,
        stop_at: float | None = None,
        smallest: float = 0.5,
        worst_quality: int = 50,
    ) -> None:
        super().__init__(targeted, steps, step_size, ensemble, stop_at)
        if not 0 < smallest <= 1 or not 1 <= worst_quality <= 100:
            raise UsageError(f"expected smallest in (0, 1] and a quality in [1, 100], got {smallest}, {worst_quality}")
        self.smallest = smallest
        self.worst_quality = worst_quality

    def _views(self, generator: torch.Generator) -> SeenAfter:
        # Drawn on the CPU, so that nothing waits for the device.
        kinds = torch.randint(len(VIEWS), (self.steps,), generator=generator).tolist()
        strengths = torch.rand(self.steps, generator=generator).tolist()

        def seen(photos: Tensor, taken: Tensor) -> Tensor:
            # Neighbours in a batch began together, most of them: so they take the same step.
            steps, counts = taken.unique_consecutive(return_counts=True)
            parts = zip(steps.tolist(), photos.split(counts.tolist()), strict=True)
            return torch.cat([self._seen(part, VIEWS[kinds[step]], strengths[step]) for step, part in parts])

        return seen

    def _seen(self, photos: Tensor, kind: str, strength: float) -> Tensor:
        """Photos through one kind of view, of a strength in [0, 1]."""
        if kind == "resize":
            side = round(photos.shape[-1] * (self.smallest + (1 - self.smallest) * strength))
            return resize(resize(photos, side, antialias=True), photos.shape[-1])
        if kind == "blur":
            return blur(photos, 5, 0.3 + 1.2 * strength)
        if kind == "jpeg":
            from kornia.enhance import jpeg_codec_differentiable

            quality = self.worst_quality + (95 - self.worst_quality) * strength
            # Of a single photo it adds up in another order, and rounding makes a step of it: never of a single one.
            several = photos if len(photos) > 1 else photos.repeat(2, 1, 1, 1)
            return jpeg_codec_differentiable(several, torch.full((1,), quality, device=photos.device))[: len(photos)]
        return photos
