"""The world of one run: who is in it, what their photos are for, and what everybody computes with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from facetui.engine import extractors
from facetui.engine.core import paged
from facetui.engine.core.cache import Cache
from facetui.engine.core.interfaces import SIDE, Attack, Bank
from facetui.engine.extractors.loaded import Networks
from facetui.engine.lab.world.albums import Plan, choose, n_needed, n_probes
from facetui.engine.lab.world.recorder import Recorder
from facetui.engine.lab.world.strength import check
from facetui.engine.lab.world.tools import PublicTools
from facetui.engine.lab.world.web import Post, Web
from facetui.engine.people.casts import Cast
from facetui.engine.people.identities import aims, select
from facetui.engine.people.persons import People, Person
from facetui.engine.records.errors import UsageError

MAX_USERS = 8

Asked = Literal["alone", "together"]
"""How protected people are asked for: in the paper each is the only one who protects anything."""

LOOKED_AT = 2048
"""Photos that are copied between two times at which the process lets go of those in files."""

TRAINING_SHARE = 2 / 3
"""Of the unprotected people: those the trainer may train on; the rest tell what training did to accuracy."""


class World:
    """Who is who, the web, the networks and the seed.

    Args:
        people: everybody in the game.
        cast: the surrogates and the trainer's generations.
        tool: the people whom the users' tool aims at; they are nobody in the game.
        users: names of those who protect their photos, or one number: so many, by the seed; absent: a quarter of the
            people, at most eight.
        seed: of every random draw.
        device: where to compute; absent: the CPU.
        cache: results of earlier runs; absent: none.
        recorder: the clock and the audience; absent: nobody listens.
        posts: how many photos a story posts of each protected person, at each time; empty: it does not say.
        strength: of tools whose settings a story leaves open: ``release``, or ``workshop``, which weakens them.
        crowd: people who only have clean photos on the web, among whom the others are searched for.
        asked: how protected people are asked for: ``alone``, each among everybody else's clean photos, or ``together``.

    Attributes:
        people: everybody, the crowd last.
        crowd: who is in the crowd, by number.
        protected: people who protect their photos, by number.
        aims: photos of those of the tool's people whom users aim at.
        trainers_aims: photos of the others, at whom the trainer aims when it runs the tool.
        split: each person's probes, and the photos that can be posted, by number.
        plan: how many photos are posted at each time.
        web: everything that was posted.
        tools: what users have run so far.
        networks: the extractors, by name.

    Raises:
        UnknownName: a user who is not among the people, or an extractor of the cast that does not exist.
        UsageError: everybody or nobody would be a user, or a user has too few photos for the story.
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
        posts: Sequence[int] = (),
        strength: str = "release",
        crowd: Sequence[Person] = (),
        asked: Asked = "alone",
    ) -> None:
        self.strength = check(strength)
        self.asked: Asked = asked
        self.people = replace(people, persons=(*people.persons, *crowd))
        self.crowd = range(len(people), len(self.people))
        self.cast = cast
        self.tool = tool
        # Two tables: a trainer who runs the tool knows its code, and not whom the users' copies aim at.
        self.aims = aims(replace(tool, persons=tool.persons[::2]))
        self.trainers_aims = aims(replace(tool, persons=tool.persons[1::2] or tool.persons))
        self.seed = seed
        self.device = device or torch.device("cpu")
        self.cache = cache or Cache(None)
        self.recorder = recorder or Recorder()
        self.web = Web()
        self.tools = PublicTools()
        self.anticipated: tuple[str, ...] = ()
        self.networks = Networks(self.device, self.cache, self.recorder.check)
        for name in cast.networks:
            extractors.EXTRACTORS.entry(name)  # a name that does not exist is said before anything is computed
        self.split = [self._split(person) for person in range(len(people))]
        self.split += [([], list(range(len(person.photos)))) for person in crowd]  # nobody asks for them
        self.protected = self._choose_users(users, Plan(tuple(posts)))
        pools = [(people.persons[person].name, len(self.split[person][1])) for person in self.protected]
        self.plan = Plan(tuple(posts)).fitted(pools)
        self._posted = [0] * len(self.people)
        self._unprotected: dict[str, Post] = {}

    def _choose_users(self, names: Sequence[str] | None, plan: Plan) -> list[int]:
        known = [self.people.persons[person].name for person in self.players]
        count = min(MAX_USERS, max(1, len(known) // 4))
        if names is not None and len(names) == 1 and names[0].isdecimal() and names[0] not in known:
            count, names = int(names[0]), None
            if not 0 < count < len(known):
                raise UsageError(f"expected 1 to {len(known) - 1} users among {len(known)} people, got {count}")
        if names is None:
            order = torch.randperm(len(known), generator=self.generator("users")).tolist()
            return choose(order, [len(pool) if probes else 0 for probes, pool in self.split], count, plan)
        chosen = select(names, known)
        for person in chosen:
            if not self.split[person][0]:
                raise UsageError(f"{known[person]} has one photo, and none is left to ask for; add photos")
        if not 0 < len(chosen) < len(known):
            raise UsageError(f"expected 1 to {len(known) - 1} users among {len(known)} people, got {len(chosen)}")
        return chosen

    def _split(self, person: int) -> tuple[list[int], list[int]]:
        """Probes, and the photos that can be posted."""
        entry = self.people.persons[person]
        order = torch.randperm(len(entry.photos), generator=self.generator("split", entry.name)).tolist()
        count = n_probes(len(order))
        return order[:count], order[count:]

    @property
    def t(self) -> str:
        """ISO date in the story."""
        return self.recorder.t

    @property
    def training(self) -> dict[str, Any]:
        """How the trainer fine-tunes the cast's networks unless it is told: settings of ``adapt``."""
        weakened = self.cast.workshop_training_steps if self.strength == "workshop" else None
        sizes = {"sizes": self.cast.training_sizes} if self.cast.training_sizes else {}
        return {"steps": weakened or self.cast.training_steps, **sizes}

    @property
    def players(self) -> range:
        """Everybody but the crowd."""
        return range(self.crowd.start)

    @property
    def others(self) -> list[int]:
        """Everybody who does not protect their photos, without the crowd."""
        return [person for person in self.players if person not in set(self.protected)]

    @property
    def trainable(self) -> list[int]:
        """Unprotected people on whom the trainer may train: two thirds of them."""
        return self._others_apart()[0]

    @property
    def kept(self) -> list[int]:
        """Unprotected people on whom nobody ever trains: "everybody else" in every figure."""
        return self._others_apart()[1]

    def _others_apart(self) -> tuple[list[int], list[int]]:
        order = torch.randperm(len(self.others), generator=self.generator("training")).tolist()
        drawn = [self.others[i] for i in order]
        count = max(1, round(len(drawn) * TRAINING_SHARE))
        return sorted(drawn[:count]), sorted(drawn[count:])

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
        """Copies of photos ``(N, 3, 112, 112)`` uint8, people ``(N,)``, and which of their photos they are ``(N,)``."""
        rows = [(person, index) for person in people for index in which(person)]
        if not rows:
            return torch.empty(0, 3, 112, 112, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), torch.empty(0)
        photos = paged.room((len(rows), 3, SIDE, SIDE), self.cache.folder)
        for row, (person, index) in enumerate(rows):
            photos[row] = self.people.persons[person].photos[index]
            if row % LOOKED_AT == LOOKED_AT - 1:
                paged.let_go()
        return photos, torch.tensor([p for p, _ in rows]), torch.tensor([i for _, i in rows])

    def unprotected(self, post: Post) -> Post:
        """A post as it would be, had nobody protected anything; decoys and clean photos stay as they are."""
        if not post.cohort or not post.attack:
            return post
        if post.digest not in self._unprotected:
            rows = zip(post.who.tolist(), post.source.tolist(), strict=True)
            originals = torch.stack([self.people.persons[p].photos[i] for p, i in rows])
            self._unprotected[post.digest] = post.with_originals(originals)
        return self._unprotected[post.digest]

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

        Who protects nothing posts as many of them as are left.

        Raises:
            UsageError: of a protected person fewer are left.
        """
        pool, start = self.split[person][1], self._posted[person]
        if person not in self.protected:
            n = min(n, len(pool) - start)
        if start + n > len(pool):
            name = self.people.persons[person].name
            raise UsageError(
                f"{name} has {len(pool)} photos to post and {start} are posted already, {n} more were asked for; "
                "post fewer, or use people with more photos"
            )
        self._posted[person] = start + n
        return pool[start : start + n]

    def left(self) -> int:
        """How many photos every protected person can still post."""
        return min(len(self.split[person][1]) - self._posted[person] for person in self.protected)

    def shortage(self) -> list[str]:
        """What is different because people have few photos, one sentence each."""
        said = []
        told, now = self.plan.posts, [self.plan.fewer(n) for n in self.plan.posts]
        if list(told) != now:
            said.append(
                f"The protected people have few photos: at a time {', '.join(map(str, now))} of each are posted, "
                f"where the story has {', '.join(map(str, told))}; {n_needed(self.plan.most)} photos a person "
                "would be enough."
            )
        short = [person for person in self.others if len(self.split[person][1]) < sum(now)]
        if short:
            who = "person has" if len(short) == 1 else "people have"
            said.append(f"Of everybody else {len(short)} {who} fewer photos than are posted: they post what they have.")
        return said

    def surrogates(self, attack: Attack) -> list[str]:
        """The networks an attack runs: of the cast's surrogates the first, or all for an ensemble; robust copies."""
        own = self.cast.surrogates if attack.ensemble else self.cast.surrogates[:1]
        return [*own, *(self.anticipated if attack.anticipate else ())]

    def generator(self, *parts: Any) -> torch.Generator:
        """A CPU generator that depends on the seed and on what it is for, not on what was drawn before."""
        digest = hashlib.sha256(repr((self.seed, *parts)).encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
