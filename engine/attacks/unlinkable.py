"""Photos that match nothing: neither their owner's clean photos nor each other.

Perturbed photos that all flee in one direction are found by each other: a gallery that learns, or who merely clusters,
puts them together again. In the manner of Ulixes (Cilloni et al., PETS 2022), DivTrackee (arXiv 2501.06533) and Protego
(CVPR 2026), each photo is also moved away from where the person's other perturbed photos have come to by then.
"""

from __future__ import annotations

import torch
from torch import Tensor

from facetui.engine.attacks.strongest import STEPS, Strongest, same_person
from facetui.engine.records.errors import UsageError


class Unlinkable(Strongest):
    """As ``strongest``, and away from the other perturbed photos of the same person.

    Args:
        steps: as ``strongest``.
        views: as ``strongest``.
        momentum: as ``strongest``.
        dropped: as ``strongest``.
        step_size: as ``strongest``.
        anticipate: as ``strongest``.
        apart: weight of the similarity to the other perturbed photos beside that to the clean ones, at least 0.
    """

    name = "unlinkable"
    source = "in the manner of Ulixes (PETS 2022), DivTrackee (arXiv 2501.06533) and Protego (CVPR 2026)"

    def __init__(
        self,
        steps: int = STEPS,
        views: int = 4,
        momentum: float = 1.0,
        dropped: float = 0.05,
        step_size: float = 0.0025,
        anticipate: bool = False,
        apart: float = 1.0,
    ) -> None:
        super().__init__(steps, views, momentum, dropped, step_size, anticipate)
        if apart < 0:
            raise UsageError(f"expected a weight of at least 0, got {apart}")
        self.apart = apart
        self.about = f"{self.about}, and from each other"

    def _away_from(self, people: Tensor, own: Tensor, last: Tensor) -> Tensor:
        """As ``strongest``, and unlike the mean of the person's other photos as they were at the last step."""
        others = same_person(people) & ~torch.eye(len(people), dtype=torch.bool, device=people.device)
        mean = others.float() @ last / others.sum(1, keepdim=True).clamp_min(1)
        return super()._away_from(people, own, last) + self.apart * mean
