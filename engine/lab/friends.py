"""Friends, who do not ask."""

from __future__ import annotations

from facetui.engine.lab.world.moves import Player, move
from facetui.engine.lab.world.web import Post
from facetui.engine.lab.world.world import World
from facetui.engine.records.events import PhotosPosted


class Friends(Player):
    """People who post photos of the protected ones, unasked and clean."""

    actor = "friends"

    def __init__(self, world: World) -> None:
        self.recorder = world.recorder
        self._world = world

    @move
    def post(self, n: int = 1) -> Post:
        """Post ``n`` clean photos of each protected person.

        Raises:
            UsageError: somebody has too few photos left.
        """
        world = self._world
        taken = {person: world.take(person, n) for person in world.protected}
        photos, who, which = world.gather(world.protected, lambda person: taken[person])
        cohort = f"{world.t} friends".strip()
        post = world.web.post(world.t, "friends", cohort, None, photos=photos, people=who, source=which)
        world.recorder.emit(
            PhotosPosted(
                actor="friends",
                cohort=cohort,
                attack=None,
                budget=None,
                n_people=len(world.protected),
                n_photos=len(photos),
            )
        )
        return post
