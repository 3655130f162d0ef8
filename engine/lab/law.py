"""Laws that limit what the trainer may keep or do: the last slide of the talk, as something to try."""

from __future__ import annotations

from facetui.engine.lab.world.moves import Player, move
from facetui.engine.lab.world.recorder import Recorder
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import LawPassed
from facetui.engine.records.fields import DATE, months_between


class Law(Player):
    """What the trainer must not do; nothing by default."""

    actor = "law"

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._months: int | None = None
        self._ban: tuple[str, str] | None = None
        self._no_scraping = ""

    @property
    def words(self) -> str:
        """What is in force now, for the name of a generation; empty for nothing."""
        if self.bans(self.recorder.t):
            return "moratorium"
        return f"{self._months} months' retention" if self._months is not None else ""

    @move
    def retention(self, months: int | None) -> None:
        """From now on the trainer must forget photos posted more than ``months`` ago; ``None`` lifts the law.

        Raises:
            UsageError: fewer than 0 months.
        """
        if months is not None and months < 0:
            raise UsageError(f"expected a retention of at least 0 months, got {months}")
        self._months = months
        text = "is lifted" if months is None else f"photos older than {months} months must be forgotten"
        self.recorder.emit(LawPassed(actor="law", law="retention", months=months, text=f"retention: {text}"))

    @move
    def moratorium(self, since: str, until: str) -> None:
        """Nobody may be identified from one story date to another, both included.

        Raises:
            UsageError: no dates, or the wrong way round.
        """
        for date in (since, until):
            if not DATE.fullmatch(date):
                raise UsageError(f"expected a date like '2021-07', got {date!r}")
        if until < since:
            raise UsageError(f"expected a moratorium that begins before it ends, got {since} to {until}")
        self._ban = since, until
        text = f"moratorium: nobody may be identified from {since} to {until}"
        self.recorder.emit(LawPassed(actor="law", law="moratorium", text=text))

    @move
    def no_scraping(self, since: str | None) -> None:
        """Nothing that is posted from a date on may be scraped; what was scraped before stays. ``None`` lifts the law.

        Raises:
            UsageError: not a date.
        """
        if since is not None and not DATE.fullmatch(since):
            raise UsageError(f"expected a date like '2025-02-02', got {since!r}")
        self._no_scraping = since or ""
        text = f"nothing that is posted from {since} on may be scraped" if since else "is lifted"
        self.recorder.emit(LawPassed(actor="law", law="scraping", text=f"ban on scraping: {text}"))

    def may_scrape(self, posted: str) -> bool:
        """Whether a photo posted at a date may be scraped."""
        return not self._no_scraping or posted < self._no_scraping

    def keeps(self, posted: str) -> bool:
        """Whether a photo posted at a date may still be used."""
        return self._months is None or not posted or months_between(posted, self.recorder.t) <= self._months

    def bans(self, t: str) -> bool:
        """Whether identification is forbidden at a date."""
        return self._ban is not None and bool(t) and self._ban[0] <= t and t[: len(self._ban[1])] <= self._ban[1]
