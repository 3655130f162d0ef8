"""What a tool makes of one photo, to look at before anything is posted: no move, and nobody is asked for it."""

from __future__ import annotations

from typing import Any

from facetui.engine.core.budget import Visibility, visibility
from facetui.engine.core.inference import embed
from facetui.engine.lab.world.perturb import perturb
from facetui.engine.lab.world.strength import tool_of
from facetui.engine.lab.world.world import World
from facetui.engine.records import events


def try_on(world: World, attack: str, budget: str | None = None, **settings: Any) -> Visibility:
    """Run a tool on one photo of the first protected person, and show it where pictures are kept.

    The photo is the first of those that can be posted; it stays where it is, and its copy is not posted. As far as a
    tool treats each photo for itself, it would be posted like this.

    Args:
        world: who is who.
        attack: the tool's name.
        budget: e.g. ``linf 8/255``; absent: the attack's own.
        settings: the attack's own settings.

    Returns:
        How much of it can be seen.

    Raises:
        UnknownName: no such attack.
        UsageError: a budget or setting that does not fit.
    """
    tool = tool_of(world.strength, attack, budget, **settings)
    person = world.protected[0]
    photos, people, _ = world.gather([person], lambda who: world.split[who][1][:1])
    task = f"try {attack} on a photo"
    copies = perturb(world, tool.attack, tool.budget, photos, people, actor="users", task=task)
    if world.recorder.keeps_pictures:
        network = world.networks.get(world.cast.surrogates[0])
        before, after = (embed(network, photo)[0] for photo in (photos, copies))
        shown = events.Preview(
            person=world.people.persons[person].name,
            original=world.recorder.picture(photos[0]),
            now=world.recorder.picture(copies[0]),
            similarity=round(float(before @ after), 3),
        )
        world.recorder.emit(events.Progress(actor="users", task=task, done=1, total=1, unit="photos", preview=shown))
    return visibility(photos.float() / 255, copies.float() / 255)
