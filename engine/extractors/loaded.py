"""The extractors of a run: loaded once, known by name and by what their weights hash to, folded for embedding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from facetui.engine import extractors
from facetui.engine.core import cache as caching
from facetui.engine.core import paged
from facetui.engine.core.cache import Cache
from facetui.engine.core.cache_folder import Kind
from facetui.engine.core.inference import embed, frozen
from facetui.engine.core.interfaces import Extractor


class Networks:
    """Extractors by name, on one device.

    Args:
        device: where to compute.
        cache: keeps embeddings.
        check: called before every batch of anything long; may raise ``Cancelled``.
    """

    def __init__(self, device: torch.device, cache: Cache, check: Callable[[], None] = lambda: None) -> None:
        self._device = device
        self._cache = cache
        self._check = check
        self._known: dict[str, Extractor] = {}
        self._folded: dict[str, Extractor] = {}
        self._hashes: dict[str, str] = {}

    def get(self, name: str) -> Extractor:
        """The extractor of that name, loaded once.

        Raises:
            UnknownName: there is none.
        """
        if name not in self._known:
            self.add(extractors.load(name))
        return self._known[name]

    def add(self, extractor: Extractor) -> None:
        """Make an extractor known under its name."""
        self._hashes[extractor.name] = extractor.weights_hash()
        self._known[extractor.name] = extractor.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # A folded copy embeds a sixth faster.
        self._folded[extractor.name] = frozen(extractor, self._device)

    def weights(self, name: str) -> str:
        """The weights hash of an extractor."""
        self.get(name)
        return self._hashes[name]

    def embeddings(self, name: str, photos: Tensor, *, raw: bool = False) -> Tensor:
        """Embeddings ``(N, D)`` on the CPU, from the cache when the same network saw the same photos before.

        Args:
            name: of the network.
            photos: ``(N, 3, 112, 112)`` uint8.
            raw: as the network's last layer gives them; otherwise of unit length.
        """
        self._check()
        key = caching.key("raw embeddings" if raw else "embeddings", self.weights(name), photos)

        def compute() -> Tensor:
            return embed(self._folded[name], photos, self._check, raw=raw).cpu()

        found = self._cache.get(key, compute, Kind.EMBEDDINGS)
        paged.let_go()
        return found
