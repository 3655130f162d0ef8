"""Albums: which of a person's photos are asked for, which can be posted, and how many a story may take.

A story says beforehand how many photos everybody posts at each time. Where people have fewer, it takes fewer each time;
where they have too few even for one photo a time, that is said before anything is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facetui.engine.records.errors import UsageError

MAX_PROBES = 16


def n_probes(n_photos: int) -> int:
    """How many of a person's photos are kept as probes: a third, at most sixteen; none of a single one."""
    return min(MAX_PROBES, max(1, n_photos // 3)) if n_photos > 1 else 0


def n_to_post(n_photos: int) -> int:
    """How many of a person's photos can be posted."""
    return n_photos - n_probes(n_photos)


def n_needed(n_posted: int) -> int:
    """How many photos somebody must have who posts so many."""
    n = n_posted
    while n_to_post(n) < n_posted or not n_probes(n):
        n += 1
    return n


@dataclass(frozen=True)
class Plan:
    """How many photos a story posts of everybody, at each time.

    Attributes:
        posts: as the story says; empty: it does not say.
        share: of them that are posted, in (0, 1].
    """

    posts: tuple[int, ...] = ()
    share: float = 1.0

    @property
    def most(self) -> int:
        """Photos to post that a person needs for all of it."""
        return sum(self.posts)

    @property
    def least(self) -> int:
        """Photos to post that a person needs for one at a time."""
        return len(self.posts)

    def fewer(self, n: int) -> int:
        """How many are posted where the story says ``n``; at least one."""
        return max(1, int(n * self.share)) if self.share < 1 else n

    def fitted(self, pools: Sequence[tuple[str, int]]) -> Plan:
        """The same story with as many photos as everybody has.

        Args:
            pools: who posts, and how many photos each can post.

        Raises:
            UsageError: somebody has fewer than one for each time.
        """
        if not self.posts:
            return self
        name, pool = min(pools, key=lambda entry: entry[1])
        if pool < self.least:
            raise UsageError(
                f"this story posts {self.least} times and asks for other photos, so it needs {n_needed(self.least)} "
                f"photos of each protected person, and {n_needed(self.most)} for all it shows; {name} has too few: add "
                "photos of them, or name others with --users"
            )
        if pool >= self.most:
            return self
        for percent in range(99, 0, -1):
            plan = Plan(self.posts, percent / 100)
            if sum(map(plan.fewer, self.posts)) <= pool:
                return plan
        return Plan(self.posts, 0.001)


def choose(order: Sequence[int], pools: Sequence[int], count: int, plan: Plan) -> list[int]:
    """Who protects their photos: those who have enough; all others are part of the crowd.

    Args:
        order: everybody, as drawn.
        pools: how many photos each can post, by person.
        count: how many are wanted.
        plan: how many photos they post.
    """
    full = [person for person in order if pools[person] >= max(1, plan.most)]
    if len(full) >= max(1, count // 2):
        return sorted(full[:count])
    able = sorted(order, key=lambda person: -min(pools[person], plan.most))
    return sorted([person for person in able if pools[person] >= max(1, plan.least)][:count] or list(able[:count]))
