"""The lab: a clock, a web that only grows, and the actors who move on it.

A scenario drives it; every move becomes an event. ``lab.users`` poison what they post, ``lab.friends`` post clean
photos of the same people, ``lab.trainer`` scrapes and recognises, and ``lab.measure()`` asks: shown clean photos, whom
does the trainer name?
"""

from __future__ import annotations

import hashlib
import io
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor

from facetui.engine import extractors
from facetui.engine.attacks import ATTACKS
from facetui.engine.core.budget import Budget
from facetui.engine.core.cache import Cache
from facetui.engine.core.interfaces import Attack, Bank
from facetui.engine.extractors.loaded import Networks
from facetui.engine.lab.law import Law
from facetui.engine.lab.questions.identification import measure, search
from facetui.engine.lab.questions.pictures import Shower
from facetui.engine.lab.questions.verification import compare
from facetui.engine.lab.trainer.trainer import Trainer
from facetui.engine.lab.users import Friends, Users
from facetui.engine.lab.world.perturb import perturb
from facetui.engine.lab.world.web import Web
from facetui.engine.people.alignment import to_picture
from facetui.engine.people.casts import DATE, Cast
from facetui.engine.people.identities import aims, select
from facetui.engine.people.persons import People
from facetui.engine.records.errors import Cancelled, UsageError
from facetui.engine.records.events import (
    Actor,
    ClockMoved,
    Event,
    Note,
    Progress,
    ProtectionMeasured,
    SearchMeasured,
    VerificationMeasured,
)
from facetui.engine.records.measurements import Measurements

MAX_USERS = 8
MAX_PROBES = 16
PROGRESS_SECONDS = 0.25


class Lab:
    """One run's world.

    Args:
        people: everybody in the game.
        tool: the people whom the users' tool aims at; they are nobody in the game.
        cast: the surrogates and the trainer's generations.
        users: names of those who protect their photos; absent: a quarter of the people, at most eight, by the seed.
        seed: of every random draw.
        device: where to compute.
        cache: results of earlier runs.
        emit: receives every event, numbered and dated.
        keep_picture: stores a PNG and returns its hash; absent: pictures are not kept.
        cancelled: asked between steps; when true the run stops with ``Cancelled``.
        scenario_file: file name of the running scenario's code, whose line numbers events carry.

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
        emit: Callable[[Event], None] = lambda event: None,
        keep_picture: Callable[[bytes], str] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        scenario_file: str = "",
    ) -> None:
        self.people = people
        self.cast = cast
        self.seed = seed
        self.device = device or torch.device("cpu")
        self.cache = cache or Cache(None)
        self.t = ""
        self.web = Web()
        self.measurements: list[ProtectionMeasured] = []
        self._emit_event = emit
        self._keep_picture = keep_picture
        self._cancelled = cancelled
        self._scenario_file = scenario_file
        self._began = time.monotonic()
        self._seq = 0
        self.networks = Networks(self.device, self.cache, self.check)
        for name in {*cast.surrogates, *(g.extractor for g in cast.generations)}:
            extractors.EXTRACTORS.entry(name)  # a name that does not exist is said before anything is computed
        self.protected = self._choose_users(users)
        self.tool = tool
        self.aims = aims(tool)
        self.split = [self._split(person) for person in range(len(people))]
        self.users = Users(self)
        self.friends = Friends(self)
        self.trainer = Trainer(self)
        self.law = Law(self)

    # --- who is who ---------------------------------------------------------------------------------------------

    def _choose_users(self, names: Sequence[str] | None) -> list[int]:
        known = [person.name for person in self.people.persons]
        if names is None:
            count = min(MAX_USERS, max(1, len(known) // 4))
            return sorted(torch.randperm(len(known), generator=self.generator("users"))[:count].tolist())
        chosen = select(names, known)
        if not 0 < len(chosen) < len(known):
            raise UsageError(f"expected 1 to {len(known) - 1} users among {len(known)} people, got {len(chosen)}")
        return chosen

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

    def _split(self, person: int) -> tuple[list[int], list[int]]:
        """Probes and the photos that can be posted: one third, at most sixteen, and the rest."""
        entry = self.people.persons[person]
        order = torch.randperm(len(entry.photos), generator=self.generator("split", entry.name)).tolist()
        count = min(MAX_PROBES, max(1, len(order) // 3))
        return order[:count], order[count:]

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

    # --- the clock and the audience -----------------------------------------------------------------------------

    def at(self, t: str) -> None:
        """Move the clock to an ISO date, ``2020-07`` or ``2020-07-29``.

        Raises:
            UsageError: not a date, or one in the past: what happened stays.
        """
        if not DATE.fullmatch(t):
            raise UsageError(f"expected a date like '2020-07' or '2020-07-29', got {t!r}")
        if t < self.t[: len(t)]:
            raise UsageError(f"the clock stands at {self.t} and cannot go back to {t}")
        self.t = t
        self.emit(ClockMoved())

    def note(self, text: str) -> None:
        """Say something to the audience."""
        self.emit(Note(text=text))

    def cite(
        self, protection_rate: float, *, attack: str, extractor: str, source: str, n_probes: int = 0, cohort: str = ""
    ) -> None:
        """Put a figure that somebody else reported beside the measured ones.

        Args:
            protection_rate: in [0, 1], as reported.
            attack: what the photos were perturbed with.
            extractor: the network it was reported for.
            source: where; required, and shown with the figure.
            n_probes: if reported.
            cohort: the cohort of this run it compares with.
        """
        if not source:
            raise UsageError("a cited figure needs its source")
        self.emit(
            ProtectionMeasured(
                cohort=cohort,
                attack=attack,
                extractor=extractor,
                defence=None,
                classifier="nearest",
                protection_rate=protection_rate,
                n_probes=n_probes,
                interval=None,
                basis="cited",
                source=source,
            )
        )

    def measure(self) -> Measurements:
        """Show the trainer clean probes of everybody and count whom it fails to name.

        Measures the whole archive, and each cohort as if the trainer had nothing else of the protected people.
        """
        measured = measure(self)
        self.measurements.extend(measured)
        return Measurements(measured)

    def search(self, k: int = 10, *, people: int | None = None) -> SearchMeasured:
        """Ask the trainer's gallery with clean probes of the protected people, as a face search engine is asked.

        Args:
            k: how many answers somebody reads.
            people: only the first so many of the protected people; absent: all.

        Raises:
            UsageError: nothing was scraped, or ``k`` below 1.
        """
        return search(self, k, people)

    def compare(self, extractor: str | None = None) -> VerificationMeasured:
        """What users see who compare a clean photo with their posted ones, one to one.

        Args:
            extractor: a name; absent: the first surrogate, which the tool itself attacks.

        Raises:
            UnknownName: no such extractor.
            UsageError: no protected person has posted anything under an attack.
        """
        return compare(self, extractor or self.cast.surrogates[0])

    def show(self, person: int | None = None, photo: int = 0, cohort: str | None = None) -> None:
        """Show posted photos beside their originals, and whom the trainer names for a clean probe of each person.

        Args:
            person: which of the protected people, from 0; absent: every one of them.
            photo: which of their photos in the cohort, from 0.
            cohort: its name; absent: the one posted last.
        """
        if self._keep_picture is None:
            return
        posts = [p for p in self.web if p.cohort and p.by == "users" and cohort in (None, p.cohort)]
        if not posts or (person is not None and not 0 <= person < len(self.protected)):
            raise UsageError("there is nothing to show yet: let the users post first")
        shower = Shower(self, posts[-1].cohort)
        for who in self.protected if person is None else [self.protected[person]]:
            rows = [i for i, p in enumerate(posts[-1].who.tolist()) if p == who]
            if not 0 <= photo < len(rows):
                raise UsageError(f"expected a photo from 0 to {len(rows) - 1}, got {photo}")
            entry, probe = self.people.persons[who], self.split[who][0][0]
            original = self._png(entry.photos[int(posts[-1].source[rows[photo]])])
            posted = self._png(posts[-1].photos[rows[photo]])
            self.emit(shower.pictures(who, original, posted, probe, self._png(entry.photos[probe])))

    def _png(self, photo: Tensor) -> str:
        buffer = io.BytesIO()
        to_picture(photo).save(buffer, "PNG")
        return self._keep_picture(buffer.getvalue()) if self._keep_picture else ""

    # --- what the actors compute with -----------------------------------------------------------------------------

    def generator(self, *parts: Any) -> torch.Generator:
        """A CPU generator that depends on the seed and on what it is for, not on what was drawn before."""
        digest = hashlib.sha256(repr((self.seed, *parts)).encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def attack(self, name: str, settings: dict[str, Any]) -> Attack:
        """An attack of the registry with settings of its own.

        Raises:
            UnknownName: no such attack.
            UsageError: a setting it does not have.
        """
        try:
            return ATTACKS.get(name)(**settings)
        except TypeError as error:
            raise UsageError(f"the attack {name} cannot take these settings: {error}") from error

    def surrogates(self, attack: Attack) -> list[str]:
        """The cast's surrogates an attack runs: all of them for an ensemble attack, else the first."""
        return list(self.cast.surrogates if attack.ensemble else self.cast.surrogates[:1])

    def perturb(
        self,
        attack: Attack,
        budget: Budget,
        photos: Tensor,
        people: Tensor,
        *,
        actor: Actor,
        task: str,
        bank: Bank | None = None,
    ) -> Tensor:
        """Photos ``(N, 3, 112, 112)`` uint8 as an attack leaves them, from the cache where possible.

        The attack aims at the tool's people, or at a ``bank`` of uint8 photos.
        """
        return perturb(self, attack, budget, photos, people, actor=actor, task=task, bank=bank)

    def progress(self, actor: Actor, task: str, unit: str = "image-steps") -> Callable[[int, int], None]:
        """A progress callback that emits a few events a second and stops a cancelled run."""
        began = last = time.monotonic()

        def tick(done: int, total: int) -> None:
            nonlocal last
            self.check()
            now = time.monotonic()
            if now - last >= PROGRESS_SECONDS or (done >= total and now - began >= PROGRESS_SECONDS):
                last = now
                rate = done / (now - began)
                self.emit(Progress(task=task, done=done, total=total, unit=unit, rate=rate, actor=actor))

        return tick

    def check(self) -> None:
        """Stop here if the run was cancelled.

        Raises:
            Cancelled: it was.
        """
        if self._cancelled():
            raise Cancelled("stopped on request; what was computed is in the cache")

    def emit(self, event: Event) -> None:
        """Number, date and hand on an event."""
        self._emit_event(
            msgspec.structs.replace(
                event,
                seq=self._seq,
                t=self.t,
                wall=round(time.monotonic() - self._began, 3),
                line=self._line(),
            )
        )
        self._seq += 1

    def _line(self) -> int | None:
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == self._scenario_file:
                return frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return None
