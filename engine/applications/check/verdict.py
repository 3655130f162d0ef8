"""What a check means, in plain words that promise nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facetui.engine.applications.check.result import Report, Row
from facetui.engine.applications.check.search import LISTED, Share

OFTEN = 0.5
"""From this share of searches on, a trainer names the user."""

SELDOM = 0.1
"""Up to this share, it does not."""

NO_PROMISE = (
    "No test shows that a future model will fail. What is posted stays where it was copied to, and is searched again "
    "with every newer model."
)
WRONG_TEST = (
    "Comparing a photo with its own protected copy is the wrong test. A face search never compares those two: it holds "
    "your posted photos against another photo of you, and asks whether anybody else is nearer."
)


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        state: ``broken``, ``partly``, ``held``, ``unknown`` or ``unchanged``.
        headline: one sentence.
        points: what was found, one or two sentences each, the most important first.
    """

    state: str
    headline: str
    points: list[str]


def judge(report: Report) -> Verdict:
    """The answer to whether these photos protect."""
    # Who drops what it flags names nobody by it: that is told apart, for it is no protection.
    rows = [row for row in report.rows if row.trainer != "detected"]
    known = [row for row in rows if (row.clean.first.rate or 0) >= OFTEN]
    naming = [row for row in known if (row.protected.first.rate or 0) >= OFTEN]
    best = max(known or rows, key=lambda row: row.protected.first.rate or 0)
    rate = best.protected.first.rate or 0
    if report.unchanged == report.n_pairs:
        state, headline = "unchanged", "Nothing was changed in these photos: they protect nobody."
    elif not known:
        top = max((row.clean.first for row in rows), key=lambda share: share.rate or 0)
        state = "unknown"
        headline = f"Nothing can be said: even from clean photos these trainers name at most {counted(top)} of you."
    elif naming:
        state = "broken"
        headline = (
            f"These photos do not protect you: {len(naming)} of the {len(known)} trainers that know you from clean "
            f"photos still name you from the protected ones."
        )
    elif rate > SELDOM:
        state = "partly"
        headline = f"These photos protect you in part: the best trainer here names {counted(best.protected.first)}."
    else:
        state = "held"
        headline = (
            f"None of the trainers here names you often today (at most {counted(best.protected.first)}). "
            "That is no promise."
        )
    return Verdict(state, headline, [*_points(report), NO_PROMISE])


def _points(report: Report) -> Iterator[str]:
    released = [row for row in report.rows if row.trainer in ("naive", "newer", "other")]
    held = [row.extractor for row in released if _held(row)]
    broken = [row.extractor for row in released if (row.protected.first.rate or 0) >= OFTEN]
    if held:
        yield f"Protected, today, against {joined(held)} as released."
    if broken:
        best = max((row for row in released if row.extractor in broken), key=lambda row: row.protected.first.hits)
        yield (
            f"Recognised by {joined(broken)}, which had to know nothing about your tool: {best.extractor} names "
            f"{counted(best.protected.first)} of you."
        )
    for kind, how in (
        ("adapted", "learnt from public tools on other people"),
        ("purified", "cleans every photo first"),
    ):
        rows = [row for row in report.rows if row.trainer == kind]
        top = max(rows, key=lambda row: row.protected.first.rate or 0)
        which = f"{top.extractor}, {top.detail}" if top.detail else top.extractor
        yield f"A trainer that {how} ({which}) names {counted(top.protected.first)}."
    seen, falsely = report.detection.protected, report.detection.clean
    if not report.detection.tells:
        yield (
            f"Whether the photos stand out cannot be said: a detector that learnt from public tools takes "
            f"{falsely.hits} of your {falsely.n} clean photos for perturbed, too. No trainer who drops "
            "photos by it is shown."
        )
    elif (seen.rate or 0) > 2 * (falsely.rate or 0) and (seen.rate or 0) >= SELDOM:
        yield (
            f"The photos stand out: a detector that never saw your tool flags {seen.hits} of {seen.n} as perturbed, "
            f"and {falsely.hits} of your {falsely.n} clean ones. Who drops flagged photos may not name you, and "
            "knows that you hide."
        )
    elif (falsely.rate or 0) >= SELDOM:
        yield (
            f"The detector tells little about these photos: it flags {seen.hits} of {seen.n} protected and "
            f"{falsely.hits} of {falsely.n} clean ones."
        )
    yield from _fragile(report, held)
    leaks = [row for row in report.rows if row.extractor in held and row.trainer in ("naive", "newer", "other")]
    if leaks:
        worst = max(leaks, key=lambda row: row.leaked.first.rate or 0)
        yield (
            f"If one in ten of your photos is out there clean, {worst.extractor} names "
            f"{counted(worst.leaked.first)} instead of {worst.protected.first.hits}."
        )


def _held(row: Row) -> bool:
    return (row.clean.first.rate or 0) >= OFTEN and (row.protected.first.rate or 0) <= SELDOM


def _fragile(report: Report, held: Sequence[str]) -> Iterator[str]:
    """Where protection held, what a new encoding leaves of it."""
    copies = [entry for entry in report.recoded if entry.extractor in held and entry.recoding]
    if not copies:
        return
    worst = max(copies, key=lambda entry: entry.first.rate or 0)
    if (worst.first.rate or 0) > SELDOM:
        yield (f"A new encoding washes it out: after {worst.recoding}, {worst.extractor} names {counted(worst.first)}.")
    else:
        yield f"It survives JPEG 75, half the size and a screenshot against {joined(sorted(set(held)))}."


def counted(share: Share) -> str:
    """``12 of 40 photos``."""
    return f"{share.hits} of {share.n} photos"


def joined(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


UNDONE_SAID = {
    "turned": "lay on their side and were turned upright",
    "framed": "had a frame around the photo, which was looked past",
    "cropped": "were cropped",
    "mirrored": "were mirrored and turned back",
}


def hidden(n_hidden: int, n: int) -> str:
    """The result that a tool hid faces from the detector."""
    return (
        f"The tool hid the face from the detector (MTCNN) in {n_hidden} of {n} photos: a trainer who looks for faces "
        "with it enrols nothing of them; one with another detector may. They take no part in the rates."
    )


def _found(report: Report) -> Iterator[str]:
    """How originals and copies found each other."""
    if report.hidden:
        yield hidden(report.hidden, report.n_pairs + report.hidden)
    for name, count in report.undone.items():
        if count:
            yield f"{count} of {report.n_pairs} copies {UNDONE_SAID[name]} before they were compared."
    if report.n_groups < report.n_pairs:
        yield (
            f"The {report.n_pairs} photos show {report.n_groups} different ones: copies of one, and photos of the same "
            "moment, are searched for once, and none of them is enrolled meanwhile."
        )
    if report.by_content:
        least = min(photo.sure for photo in report.photos if photo.by_content)
        yield (
            f"{report.by_content} of {report.n_pairs} copies have other names than their originals and were paired by "
            f"what is in them; the least sure pair is {100 * least:.0f} % sure."
        )


def notes(report: Report) -> list[str]:
    """How the figures came about, and what they leave open; one sentence or two each."""
    n_photos, n_people = report.n_training
    if report.protocol == "probes":
        how = (
            f"{report.n_probes} clean photos from --probes were searched for while all {report.n_pairs} were enrolled."
        )
    else:
        how = (
            f"No other clean photos were given (--probes), so each of {report.n_groups} originals was searched for "
            "while the copies of all the others were enrolled, never its own."
        )
    if report.fictional:
        crowd = (
            f"The crowd is {report.n_crowd} people who do not exist ({report.n_enrolled} photos). That makes it easier "
            "to name you than among millions; give real faces with --people DIR, one folder a person."
        )
    else:
        crowd = f"The crowd is {report.n_crowd} people from {report.crowd} ({report.n_enrolled} photos)."
    luck = LISTED / (report.n_crowd + 1)
    people = f"the first {LISTED} of {report.n_crowd + 1} people"
    crowd += f" Among {people} one is by luck alone in {100 * luck:.0f} % of searches."
    return [
        *_found(report),
        how,
        "The face was looked for anew in every protected file, as a trainer has to. That alone moves it by a pixel or "
        "two, which some changes do not survive.",
        crowd,
        f"The adapted trainer, the detector and the choice of the purifier know {report.tools}, on {n_photos} photos "
        f"of {n_people} other people; a trainer who has your tool would do better. No photo of you was trained on.",
        "Intervals are Wilson, 95 %, over searches for you alone: they say nothing about other people, and photos of "
        "one series resemble each other, so they are somewhat too narrow.",
    ]
