"""The users, who protect what they post, and everybody else who posts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from facetui.engine.core.budget import Budget, visibility
from facetui.engine.core.interfaces import Bank
from facetui.engine.lab.world.moves import Player, move
from facetui.engine.lab.world.perturb import perturb
from facetui.engine.lab.world.strength import tool_of
from facetui.engine.lab.world.tools import Tool
from facetui.engine.lab.world.world import World
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import PhotosPosted


@dataclass(frozen=True)
class Policy:
    """What users do to the photos they post from now on."""

    tools: tuple[Tool, ...]
    share: float


class Users(Player):
    """People who protect their photos."""

    actor = "users"

    def __init__(self, world: World, anticipate: Callable[[], None]) -> None:
        """Let users live in a world.

        Args:
            world: theirs.
            anticipate: trains what the makers of tools that anticipate need beforehand.
        """
        self.recorder = world.recorder
        self._world = world
        self._anticipate = anticipate
        self._policy: Policy | None = None

    @move
    def protect(
        self,
        attack: str | Sequence[str] | None,
        *,
        share: float = 1.0,
        budget: str | Budget | None = None,
        public: bool = True,
        demonstration: bool = True,
        **settings: Any,
    ) -> None:
        """From now on, perturb what is posted; what was posted stays as it is.

        Args:
            attack: its name, or ``None`` to post clean photos again; several names: each user's photos are shared out
                among these tools, evenly.
            share: of each user's photos that are perturbed, in [0, 1].
            budget: e.g. ``linf 8/255``; absent: the attack's own.
            public: whether anybody can run the tool, so the trainer too; or it is a closed service.
            demonstration: of a closed service: whether it perturbs a few photos for anybody, so for the trainer too.
            settings: the attack's own settings, e.g. ``steps=40``; absent: as its release runs it, unless the run is
                at a workshop's strength.

        Raises:
            UnknownName: no such attack.
            UsageError: a share, budget or setting that does not fit.
        """
        if not 0 <= share <= 1:
            raise UsageError(f"expected a share in [0, 1], got {share}")
        if attack is None:
            self._policy = None
            return
        names = [attack] if isinstance(attack, str) else list(attack)
        if not names or len(set(names)) < len(names):
            raise UsageError(f"expected one attack or several different ones, got {names}")
        tools = tuple(tool_of(self._world.strength, name, budget, **settings) for name in names)
        for tool in tools:
            if tool.attack.decoy:
                raise UsageError(f"{tool.attack.name} protects somebody else than who posts; use lab.users.decoy(...)")
        self._policy = Policy(tools, share)
        if any(tool.attack.anticipate for tool in tools):
            self._anticipate()
        for tool in tools:
            if public:
                self._world.tools.publish(tool)
            else:
                self._world.tools.close(tool, demonstration)

    def left(self) -> int:
        """How many photos every protected person can still post."""
        return self._world.left()

    @move
    def post(self, n: int = 8, *, unnamed: bool = False) -> int:
        """Everybody posts ``n`` photos: protected people as they decided, all others clean ones.

        Args:
            n: photos of each.
            unnamed: protected people post theirs from accounts that do not say who they are: a trainer has the photos
                and no names, see ``lab.trainer.enrol``.

        Where a story has said how much it posts, and people have fewer photos, fewer are posted.

        Returns:
            How many each protected person posted.

        Raises:
            UsageError: a protected person has too few photos left.
        """
        world, policy = self._world, self._policy
        n = world.plan.fewer(n)
        taken = {person: world.take(person, n) for person in range(len(world.people))}
        perturbed = round(n * policy.share) if policy else 0
        clean, who, which = world.gather([*world.others, *world.crowd], lambda person: taken[person])
        world.web.post(world.t, "users", "", None, photos=clean, people=who, source=which, handed_over=True)
        n_others = len(clean)
        tools = policy.tools[:perturbed] if policy else ()
        for number, tool in enumerate(tools):
            mine = {person: taken[person][number : perturbed : len(tools)] for person in world.protected}
            photos, who, which = world.gather(world.protected, mine.__getitem__)
            task = f"perturb {len(photos)} photos with {tool.attack.name}"
            posted = perturb(world, tool.attack, tool.budget, photos, who, actor="users", task=task)
            self._publish(tool, photos, posted, who, which, n_others, unnamed)
            n_others = 0
        if perturbed < n:
            photos, who, which = world.gather(world.protected, lambda person: taken[person][perturbed:])
            self._publish(None, photos, photos, who, which, n_others, unnamed)
        return n

    def left_to_show(self) -> int:
        """How many people could still publish a pair: see ``publish_pairs``."""
        return len(self._not_shown())

    def _not_shown(self) -> list[int]:
        """People whom nobody asks for and who have published no pair yet, in the order in which they will."""
        world = self._world
        shown = {person for post in world.web if post.pairs for person in post.who.tolist()}
        there = [*world.trainable, *world.crowd]
        order = torch.randperm(len(there), generator=world.generator("pairs")).tolist()
        return [there[i] for i in order if there[i] not in shown and world.split[there[i]][1]]

    @move
    def publish_pairs(
        self, attack: str, *, people: int = 10, budget: str | Budget | None = None, **settings: Any
    ) -> None:
        """Other people publish a photo of theirs beside what a tool makes of it, to show what the tool does.

        They are people whom nobody asks for: those that the trainer may train on, and the crowd. Each shows one photo.

        Args:
            attack: the tool's name.
            people: how many more of them do so.
            budget: e.g. ``linf 8/255``; absent: the attack's own.
            settings: the attack's own settings.

        Raises:
            UnknownName: no such attack.
            UsageError: an attack that makes decoys, or fewer people are left.
        """
        world, left = self._world, self._not_shown()
        tool = tool_of(world.strength, attack, budget, **settings)
        if tool.attack.decoy:
            raise UsageError(
                f"{attack} makes decoys of somebody else; a pair shows what a tool does to one's own photo"
            )
        if not 1 <= people <= len(left):
            raise UsageError(f"expected 1 to {len(left)} people who have shown no pair yet, got {people}")
        clean, who, source = world.gather(sorted(left[:people]), lambda person: world.split[person][1][:1])
        task = f"perturb {len(clean)} photos with {attack}, to be shown beside their originals"
        copies = perturb(world, tool.attack, tool.budget, clean, who, actor="users", task=task)
        world.web.post(
            world.t,
            "users",
            "",
            attack,
            photos=torch.cat([clean, copies]),
            people=who.repeat(2),
            source=source.repeat(2),
            weakened=tool.weakened,
            pairs=True,
        )
        about = "each beside its original, by people who show what the tool does and whom nobody asks for"
        self._tell(tool, f"{world.t} pairs".strip(), clean, copies, who, about=about)

    @move
    def decoy(
        self,
        per_photo: int = 5,
        *,
        people: int | None = None,
        attack: str = "foggysight",
        budget: str | Budget | None = None,
        **settings: Any,
    ) -> None:
        """Everybody else posts decoys for each protected person: own photos that look, to an extractor, like her.

        Helpers take turns with photos of theirs drawn by the seed, posted before or not. The decoys lie near what the
        person has posted so far, which need not be protected by anything: it works for photos already scraped.

        Args:
            per_photo: decoys for each photo that a protected person has on the web.
            people: only for the first so many of the protected people; absent: for all.
            attack: one that makes decoys.
            budget: e.g. ``linf 8/255``; absent: the attack's own.
            settings: the attack's own settings, e.g. ``strategy="random"``.

        Raises:
            UnknownName: no such attack.
            UsageError: an attack that makes no decoys, a number below 1, or nothing posted yet.
        """
        world = self._world
        tool = tool_of(world.strength, attack, budget, **settings)
        if not tool.attack.decoy:
            raise UsageError(f"{attack} makes no decoys; let users protect themselves with it: lab.users.protect(...)")
        if per_photo < 1:
            raise UsageError(f"expected at least 1 decoy a photo, got {per_photo}")
        for person in world.first(people):
            posted = [post.photos[post.people == person] for post in world.web]
            known = torch.cat(posted) if posted else torch.empty(0)
            if not len(known):
                name = world.people.persons[person].name
                raise UsageError(f"{name} has posted nothing that decoys could hide; let the users post first")
            self._post_decoys(tool, person, known, per_photo * len(known))

    def _post_decoys(self, tool: Tool, person: int, known: Tensor, count: int) -> None:
        world, attack, budget = self._world, tool.attack, tool.budget
        pool = [(helper, index) for helper in world.others for index in world.split[helper][1]]
        # More decoys than photos: some are made twice, with noise of their own.
        rounds = -(-count // len(pool))
        # Of what was posted so far too: else a second call at the same date would make the same decoys again.
        generator = world.generator("decoys", world.t, world.people.persons[person].name, len(world.web))
        order = torch.cat([torch.randperm(len(pool), generator=generator) for _ in range(rounds)])[:count]
        rows = [pool[i] for i in order.tolist()]
        photos = torch.stack([world.people.persons[helper].photos[index] for helper, index in rows])
        who, source = torch.tensor([helper for helper, _ in rows]), torch.tensor([index for _, index in rows])
        name = world.people.persons[person].name
        decoys = perturb(
            world,
            attack,
            budget,
            photos,
            who,
            actor="users",
            task=f"make {count} decoys for {name}",
            bank=Bank(known, torch.full((len(known),), person)),
        )
        world.web.post(world.t, "users", "", attack.name, photos=decoys, people=who, source=source, decoys=True)
        self._tell(
            tool,
            f"{world.t} decoys for {name}".strip(),
            photos,
            decoys,
            who,
            about=f"decoys for {name}: {attack.about}",
        )

    def _tell(
        self, tool: Tool, cohort: str, clean: Tensor, posted: Tensor, who: Tensor, *, about: str, n_others: int = 0
    ) -> None:
        """Say what was posted under a tool, and how visible it is."""
        seen = visibility(clean.float() / 255, posted.float() / 255)
        self.recorder.emit(
            PhotosPosted(
                actor="users",
                cohort=cohort,
                attack=tool.attack.name,
                budget=str(tool.budget),
                n_people=len(who.unique()),
                n_photos=len(posted),
                n_others=n_others,
                linf=round(float(seen.linf.max()), 5),
                dssim=round(float(seen.dssim.mean()), 5),
                psnr=round(float(seen.psnr.mean()), 2),
                about=about,
                weakened=tool.weakened,
            )
        )

    def _publish(
        self,
        tool: Tool | None,
        clean: Tensor,
        posted: Tensor,
        who: Tensor,
        which: Tensor,
        n_others: int,
        unnamed: bool,
    ) -> None:
        world = self._world
        attack = tool.attack.name if tool else None
        weakened = tool.weakened if tool else ""
        # In the name, so that it stands wherever the cohort does.
        cohort = (
            f"{world.t} {attack or 'clean'}{' weakened' if weakened else ''}{' unnamed' if unnamed else ''}".strip()
        )
        world.web.post(
            world.t,
            "users",
            cohort,
            attack,
            photos=posted,
            people=who,
            source=which,
            weakened=weakened,
            unnamed=unnamed,
        )
        if tool:
            self._tell(tool, cohort, clean, posted, who, about=tool.attack.about, n_others=n_others)
            return
        self.recorder.emit(
            PhotosPosted(
                actor="users",
                cohort=cohort,
                attack=None,
                budget=None,
                n_people=len(who.unique()),
                n_photos=len(posted),
                n_others=n_others,
            )
        )
