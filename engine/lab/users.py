"""The users, who protect what they post, and their friends, who do not ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from facetui.engine.core.budget import Budget, visibility
from facetui.engine.core.interfaces import Attack, Bank
from facetui.engine.lab.world.web import Post
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import PhotosPosted

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab


@dataclass(frozen=True)
class Policy:
    """What users do to the photos they post from now on."""

    attack: Attack
    budget: Budget
    share: float

    @property
    def tool(self) -> tuple[object, ...]:
        """What somebody needs to know to run the same tool."""
        return self.attack.name, self.attack.settings(), self.budget


class Users:
    """People who protect their photos.

    Attributes:
        tools: every tool they have ever used, by the attack's name: public, so the trainer can run them too.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._policy: Policy | None = None
        self.tools: dict[str, list[Policy]] = {}
        self._next = [0] * len(lab.people)

    def protect(
        self, attack: str | None, *, share: float = 1.0, budget: str | Budget | None = None, **settings: Any
    ) -> None:
        """From now on, perturb what is posted; what was posted stays as it is.

        Args:
            attack: its name, or ``None`` to post clean photos again.
            share: of each user's photos that are perturbed, in [0, 1].
            budget: e.g. ``linf 8/255``; absent: the attack's own.
            settings: the attack's own settings, e.g. ``steps=40``.

        Raises:
            UnknownName: no such attack.
            UsageError: a share, budget or setting that does not fit.
        """
        if not 0 <= share <= 1:
            raise UsageError(f"expected a share in [0, 1], got {share}")
        if attack is None:
            self._policy = None
            return
        chosen = self._lab.attack(attack, settings)
        if chosen.decoy:
            raise UsageError(f"{attack} protects somebody else than who posts; use lab.users.decoy(...)")
        size = Budget.parse(budget) if isinstance(budget, str) else budget or chosen.default_budget
        self._policy = Policy(chosen, size, share)
        known = self.tools.setdefault(attack, [])
        if self._policy.tool not in [policy.tool for policy in known]:
            known.append(self._policy)

    def public_tools(self, name: str) -> list[Policy]:
        """The settings in which an attack was used; its own settings when it was not.

        Raises:
            UnknownName: no such attack.
        """
        if name in self.tools:
            return self.tools[name]
        attack = self._lab.attack(name, {})
        return [Policy(attack, attack.default_budget, 1.0)]

    def take(self, person: int, n: int) -> list[int]:
        """The next ``n`` photos of a person that nobody has posted."""
        pool = self._lab.split[person][1]
        start = self._next[person]
        if start + n > len(pool):
            name = self._lab.people.persons[person].name
            raise UsageError(
                f"{name} has {len(pool)} photos to post and {start} are posted already, {n} more were asked for; "
                "post fewer, or use people with more photos"
            )
        self._next[person] = start + n
        return pool[start : start + n]

    def left(self) -> int:
        """How many photos everybody can still post."""
        return min(len(pool) - start for (_, pool), start in zip(self._lab.split, self._next, strict=True))

    def post(self, n: int = 8) -> None:
        """Everybody posts ``n`` photos: protected people as they decided, all others clean ones.

        Raises:
            UsageError: somebody has too few photos left.
        """
        lab, policy = self._lab, self._policy
        taken = {person: self.take(person, n) for person in range(len(lab.people))}
        perturbed = round(n * policy.share) if policy else 0
        clean, who, which = lab.gather(lab.others, lambda person: taken[person])
        lab.web.post(lab.t, "users", "", None, photos=clean, people=who, source=which)
        n_others = len(clean)
        if policy and perturbed:
            photos, who, which = lab.gather(lab.protected, lambda person: taken[person][:perturbed])
            posted = lab.perturb(
                policy.attack,
                policy.budget,
                photos,
                who,
                actor="users",
                task=f"perturb {len(photos)} photos with {policy.attack.name}",
            )
            self._publish(policy.attack.name, photos, posted, who, which, policy, n_others)
            n_others = 0
        if perturbed < n:
            photos, who, which = lab.gather(lab.protected, lambda person: taken[person][perturbed:])
            self._publish(None, photos, photos, who, which, None, n_others)

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
        lab = self._lab
        chosen = lab.attack(attack, settings)
        if not chosen.decoy:
            raise UsageError(f"{attack} makes no decoys; let users protect themselves with it: lab.users.protect(...)")
        if per_photo < 1:
            raise UsageError(f"expected at least 1 decoy a photo, got {per_photo}")
        size = Budget.parse(budget) if isinstance(budget, str) else budget or chosen.default_budget
        for person in lab.first(people):
            mine = [post.photos[post.people == person] for post in lab.web]
            known = torch.cat(mine) if mine else torch.empty(0)
            if not len(known):
                name = lab.people.persons[person].name
                raise UsageError(f"{name} has posted nothing that decoys could hide; let the users post first")
            self._post_decoys(chosen, size, person, known, per_photo * len(known))

    def _post_decoys(self, attack: Attack, budget: Budget, person: int, known: Tensor, count: int) -> None:
        lab = self._lab
        pool = [(helper, index) for helper in lab.others for index in lab.split[helper][1]]
        # More decoys than photos: some are made twice, with noise of their own.
        rounds = -(-count // len(pool))
        # Of what was posted so far too: else a second call at the same date would make the same decoys again.
        generator = lab.generator("decoys", lab.t, lab.people.persons[person].name, len(lab.web))
        order = torch.cat([torch.randperm(len(pool), generator=generator) for _ in range(rounds)])[:count]
        rows = [pool[i] for i in order.tolist()]
        photos = torch.stack([lab.people.persons[helper].photos[index] for helper, index in rows])
        who, source = torch.tensor([helper for helper, _ in rows]), torch.tensor([index for _, index in rows])
        name = lab.people.persons[person].name
        decoys = lab.perturb(
            attack,
            budget,
            photos,
            who,
            actor="users",
            task=f"make {count} decoys for {name}",
            bank=Bank(known, torch.full((len(known),), person)),
        )
        lab.web.post(lab.t, "users", "", attack.name, photos=decoys, people=who, source=source, decoys=True)
        seen = visibility(photos.float() / 255, decoys.float() / 255)
        lab.emit(
            PhotosPosted(
                actor="users",
                cohort=f"{lab.t} decoys for {name}".strip(),
                attack=attack.name,
                budget=str(budget),
                n_people=len(who.unique()),
                n_photos=count,
                linf=round(float(seen.linf.max()), 5),
                dssim=round(float(seen.dssim.mean()), 5),
                psnr=round(float(seen.psnr.mean()), 2),
                about=f"decoys for {name}: {attack.about}",
            )
        )

    def _publish(
        self,
        attack: str | None,
        clean: Tensor,
        posted: Tensor,
        who: Tensor,
        which: Tensor,
        policy: Policy | None,
        n_others: int,
    ) -> None:
        lab = self._lab
        cohort = f"{lab.t} {attack or 'clean'}".strip()
        lab.web.post(lab.t, "users", cohort, attack, photos=posted, people=who, source=which)
        seen = visibility(clean.float() / 255, posted.float() / 255) if policy else None
        lab.emit(
            PhotosPosted(
                actor="users",
                cohort=cohort,
                attack=attack,
                budget=str(policy.budget) if policy else None,
                n_people=len(who.unique()),
                n_photos=len(posted),
                n_others=n_others,
                linf=round(float(seen.linf.max()), 5) if seen else None,
                dssim=round(float(seen.dssim.mean()), 5) if seen else None,
                psnr=round(float(seen.psnr.mean()), 2) if seen else None,
                about=policy.attack.about if policy else "",
            )
        )


class Friends:
    """People who post photos of the protected ones, unasked and clean."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def post(self, n: int = 1) -> Post:
        """Post ``n`` clean photos of each protected person.

        Raises:
            UsageError: somebody has too few photos left.
        """
        lab = self._lab
        taken = {person: lab.users.take(person, n) for person in lab.protected}
        photos, who, which = lab.gather(lab.protected, lambda person: taken[person])
        cohort = f"{lab.t} friends".strip()
        post = lab.web.post(lab.t, "friends", cohort, None, photos=photos, people=who, source=which)
        lab.emit(
            PhotosPosted(
                actor="friends",
                cohort=cohort,
                attack=None,
                budget=None,
                n_people=len(lab.protected),
                n_photos=len(photos),
            )
        )
        return post
