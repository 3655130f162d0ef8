"""A personal mask that survives crops: one mask a person, made once, put onto every new photo at no cost.

In the manner of Chameleon (P3-Masks; Chow et al., ECCV 2024, arXiv 2407.13975) and of FaceCloak (arXiv 2605.19032): the
mask is optimised over several photos of a person and over random crops of them, against all surrogates, with momentum.
It shares OPOM's loop, and its weakness: who has several photos under one mask can estimate it and subtract it.

What differs from both: no generator of masks and no perceptual loss; a plain L-inf bound, that of OPOM.
"""

from __future__ import annotations

import torch

from facetui.engine.attacks.masks.opom import OPOM
from facetui.engine.attacks.optimising.views import View, random_crop, random_view
from facetui.engine.core.budget import Budget

STEPS = 60
STEP = 1 / 16
"""Length of a step in bounds: there are more of them than OPOM takes."""


class PersonalMask(OPOM):
    """One mask a person, optimised through random crops and views.

    Args:
        subspace: as ``opom``.
        steps: as ``opom``; more, because each sees other crops.
        photos_a_mask: as ``opom``.
        ensemble: as ``opom``.
        momentum: as ``opom``.
    """

    name = "personal-mask"
    year = 2024
    default_budget = Budget("linf", 8 / 255)
    release_steps = STEPS
    source = "in the manner of Chow et al., ECCV 2024, arXiv 2407.13975, and FaceCloak, arXiv 2605.19032"

    def __init__(
        self,
        subspace: str = "centre",
        steps: int = STEPS,
        photos_a_mask: int = 10,
        ensemble: bool = True,
        momentum: float = 1.0,
    ) -> None:
        super().__init__(subspace, steps, photos_a_mask, ensemble, momentum)
        self.about = f"one mask a person, from at most {photos_a_mask} photos and random crops of them"

    @property
    def _step(self) -> float:
        return STEP

    def _view(self, generator: torch.Generator) -> View:
        crop, view = random_crop(generator), random_view(generator)
        return lambda photos: view(crop(photos))
