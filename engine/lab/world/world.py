"""The world of one run: who is in it, what their photos are for, and what everybody computes with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from facetui.engine import extractors
from facetui.engine.core.cache import Cache
from facetui.engine.core.interfaces import Attack, Bank
from facetui.engine.extractors.loaded import Networks
from facetui.engine.lab.world.recorder import Recorder
from facetui.engine.lab.world.tools import PublicTools
from facetui.engine.lab.world.web import Web
from facetui.engine.people.casts import Cast
from facetui.engine.people.identities import aims, select
from facetui.engine.people.persons import People
from facetui.engine.records.errors import UsageError

MAX_USERS = 8
MAX_PROBES = 16


class World:
    """Who is who, the web, the networks and the seed.

    Args:
        people: everybody in the game.
        cast: the surrogates and the trainer's generations.
        tool: the people whom the users' tool aims at; they are nobody in the game.
        users: names of those who protect their photos; absent: a quarter of the people, at most eight, by the seed.
        seed: of every random draw.
        device: where to compute; absent: the CPU.
        cache: results of earlier runs; absent: none.
        recorder: the clock and the audience; absent: nobody listens.

    Attributes:
        protected: people who protect their photos, by number.
        aims: photos of the tool's people.
        split: each person's probes, and the photos that can be posted, by number.
        web: everything that was posted.
        tools: what users have run so far.
        networks: the extractors, by name.

    Raises:
        UnknownName: a user who is not among the people, or an extractor of the cast that does not exist.
        UsageError: everybody or nobody would be a user.
    """

    def __init__(
        self,
        people: People,
        cast: Cast,
        *,
        tool: People,
        users: Sequence[str] | None = None,
        seed: int = 0,
        device: torch.device | None = None,
        cache: Cache | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.people = people
        self.cast = cast
        self.tool = tool
        self.aims = aims(tool)
        self.seed = seed
        self.device = device or torch.device("cpu")
        self.cache = cache or Cache(None)
        self.recorder = recorder or Recorder()
        self.web = Web()
        self.tools = PublicTools()
        self.networks = Networks(self.device, self.cache, self.recorder.check)
        for name in {*cast.surrogates, *(g.extractor for g in cast.generations)}:
            extractors.EXTRACTORS.entry(name)  # a name that does not exist is said before anything is computed
        self.protected = self._choose_users(users)
        self.split = [self._split(person) for person in range(len(people))]
        self._posted = [0] * len(people)

    def _choose_users(self, names: Sequence[str] | None) -> list[int]:
        known = [person.name for person in self.people.persons]
        if names is None:
            count = min(MAX_USERS, max(1, len(known) // 4))
            return sorted(torch.randperm(len(known), generator=self.generator("users"))[:count].tolist())
        chosen = select(names, known)
        if not 0 < len(chosen) < len(known):
            raise UsageError(f"expected 1 to {len(known) - 1} users among {len(known)} people, got {len(chosen)}")
        return chosen

    def _split(self, person: int) -> tuple[list[int], list[int]]:
        """Probes and the photos that can be posted: one third, at most sixteen, and the rest."""
        entry = self.people.persons[person]
        order = torch.randperm(len(entry.photos), generator=self.generator("split", entry.name)).tolist()
        count = min(MAX_PROBES, max(1, len(order) // 3))
        return order[:count], order[count:]

    @property
    def t(self) -> str:
        """ISO date in the story."""
        return self.recorder.t

    @property
    def others(self) -> list[int]:
        """Everybody who does not protect their photos."""
        return [person for person in range(len(self.people)) if person not in set(self.protected)]

    def first(self, n: int | None) -> list[int]:
        """The first ``n`` protected people; all for ``None``.

        Raises:
            UsageError: fewer than one, or more than there are.
        """
        if n is None:
            return self.protected
        if not 1 <= n <= len(self.protected):
            raise UsageError(f"expected 1 to {len(self.protected)} of the protected people, got {n}")
        return self.protected[:n]

    def gather(self, people: Sequence[int], which: Callable[[int], list[int]]) -> tuple[Tensor, Tensor, Tensor]:
        """Photos ``(N, 3, 112, 112)`` uint8, people ``(N,)``, and which of their photos they are ``(N,)``."""
        rows = [(person, index) for person in people for index in which(person)]
        if not rows:
            return torch.empty(0, 3, 112, 112, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), torch.empty(0)
        photos = torch.stack([self.people.persons[person].photos[index] for person, index in rows])
        return photos, torch.tensor([p for p, _ in rows]), torch.tensor([i for _, i in rows])

    def probes(self, people: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Clean, held-out photos of people, and who is in them."""
        photos, who, _ = self.gather(people, lambda person: self.split[person][0])
        return photos, who

    def training_photos(self, people: Sequence[int], n: int) -> Bank:
        """Up to ``n`` photos of each of some people, never probes."""
        photos, who, _ = self.gather(people, lambda person: self.split[person][1][:n])
        return Bank(photos, who)

    def take(self, person: int, n: int) -> list[int]:
        """The next ``n`` photos of a person that nobody has posted, which are posted now.

        Raises:
            UsageError: fewer are left.
        """
        pool, start = self.split[person][1], self._posted[person]
        if start + n > len(pool):
            name = self.people.persons[person].name
            raise UsageError(
                f"{name} has {len(pool)} photos to post and {start} are posted already, {n} more were asked for; "
                "post fewer, or use people with more photos"
            )
        self._posted[person] = start + n
        return pool[start : start + n]

    def left(self) -> int:
        """How many photos everybody can still post."""
        return min(len(pool) - start for (_, pool), start in zip(self.split, self._posted, strict=True))

    def surrogates(self, attack: Attack) -> list[str]:
        """The cast's surrogates an attack runs: all of them for an ensemble attack, else the first."""
        return list(self.cast.surrogates if attack.ensemble else self.cast.surrogates[:1])

    def generator(self, *parts: Any) -> torch.Generator:
        """A CPU generator that depends on the seed and on what it is for, not on what was drawn before."""
        digest = hashlib.sha256(repr((self.seed, *parts)).encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
