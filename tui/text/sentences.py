"""What an event says, in words: the same sentence in plain output, in captions and in the list of events."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from facetui.engine.records.events import (
    GALLERY,
    WHOLE_ARCHIVE,
    Actor,
    Answered,
    Asked,
    ClockMoved,
    Counted,
    DefenceApplied,
    DetectionMeasured,
    Event,
    ExtractorReleased,
    LawPassed,
    Note,
    OpenSetMeasured,
    PhotosPosted,
    PhotosScraped,
    PicturesShown,
    Progress,
    ProtectionMeasured,
    RunBegan,
    RunEnded,
    RunFailed,
    SearchForecast,
    SearchMeasured,
    VerificationMeasured,
)
from facetui.engine.records.measurements import briefly, in_words, verdict
from facetui.engine.records.rates import percent, percents
from facetui.engine.records.text import clean, release

MARKS: dict[Actor, str] = {"users": "▲", "friends": "○", "trainer": "■", "law": "◆", "lab": "·"}
ASCII_MARKS: dict[Actor, str] = {"users": "^", "friends": "o", "trainer": "#", "law": "*", "lab": "-"}
LONGEST = 4000
"""Characters of what is said about an event: a journal may come from elsewhere."""

SHORT = 152
"""Characters of two lines of a caption at 80 columns, about."""

VERBS = {
    "adapt": "adapts",
    "detect": "detects",
    "purify": "purifies",
    "learned-purifier": "purifies",
    "subtract": "subtracts",
    "combine": "combines",
    "best-of": "chooses",
    "rescan": "rescans",
    "gallery": "searches",
}
"""What the trainer does, in one word."""


UNITS = {"image-steps": "steps, each on one photo"}
"""What screens call a unit of work."""


def words(event: Event) -> str:
    """One sentence or two about an event; control characters are stripped. A kind unknown here says its name."""
    return clean(_words(event)[:LONGEST])


def _words(event: Event) -> str:
    match event:
        case RunBegan():
            where = f"cast {event.cast}, seed {event.seed}, {event.device}"
            return f"{event.scenario}: {event.title} {who_protects(event)}; {where}{what_if(event)}"
        case ClockMoved():
            return f"it is {event.t}"
        case Note():
            return event.text
        case Asked():
            return asked(event)
        case Counted():
            return f"answers so far: {', '.join(map(str, event.counts))}"
        case Answered():
            return _answered(event)
        case PhotosPosted():
            return _posted(event)
        case PhotosScraped():
            return f"scrapes {event.n_new} photos, now holds {event.n_archive}"
        case ExtractorReleased():
            return ", ".join(filter(None, [f"uses {event.extractor}", release(event.released, event.published)]))
        case DefenceApplied():
            return _defence(event)
        case LawPassed():
            return event.text
        case ProtectionMeasured():
            return _measured(event)
        case SearchMeasured():
            return _search(event)
        case OpenSetMeasured():
            return _open_set(event)
        case SearchForecast():
            return _forecast(event)
        case DetectionMeasured():
            return _detection(event)
        case VerificationMeasured():
            return _verification(event)
        case PicturesShown():
            named = ", ".join(f"{c.person} {c.similarity:.2f}" for c in event.candidates)
            return f"shown a clean photo of {event.person} it names: {named}"
        case Progress():
            return progress(event)
        case RunEnded():
            memory = f", at most {event.peak_memory / 1e9:.1f} GB" if event.peak_memory else ""
            return f"done in {event.wall:.1f} s{memory}"
        case RunFailed():
            return f"{'stopped' if event.stopped else 'failed'} after {event.wall:.1f} s: {event.error}"
        case _:
            return event.kind.replace("_", " ")


def asked(event: Asked) -> str:
    """A question with what can be answered."""
    options = "; ".join(f"{number} {option}" for number, option in enumerate(event.options, 1))
    return f"The room is asked: {event.text} {options or 'A share from 0 to 100 %.'}"


def _answered(event: Answered) -> str:
    """What the room said, and how many of it; or that nobody was asked."""
    if event.by == "before":
        return f"As was answered before: {event.answer}."
    if event.by in ("nobody", "unasked"):
        why = "Nobody answered" if event.by == "nobody" else "Nobody was asked: there is nobody who can vote"
        return f"{why}. It goes on with: {event.answer}." if event.answer else f"{why}."
    if event.guesses:
        low, high = event.guesses[0], event.guesses[-1]
        return f"The room guesses {event.answer}: the middle of {len(event.guesses)} guesses, {low} to {high} %."
    counts = ", ".join(map(str, event.counts))
    return f"The room answers: {event.answer} (votes by option: {counts})."


def unit(event: Progress) -> str:
    """What a task is counted in, in words that need no glossary."""
    return UNITS.get(event.unit, event.unit)


def progress(event: Progress) -> str:
    """How far a task is."""
    rate = f", {event.rate:,.0f} a second" if event.rate else ""
    return f"{event.task}: {event.done:,} of {event.total:,} {event.unit}{rate}"


def _posted(event: PhotosPosted) -> str:
    under = f"under {event.attack}" if event.attack else "as they are"
    change = ""
    if event.attack:
        strength = f"{event.weakened}; " if event.weakened else ""
        change = f" ({strength}{event.budget}; at most {(event.linf or 0) * 255:.0f}/255, DSSIM {event.dssim or 0:.3f})"
    others = f"; everybody else posts {event.n_others}" if event.n_others else ""
    who = "people post" if event.actor == "users" else "people are shown in"
    about = f". {event.about}" if event.about else ""
    return f"{event.n_people} {who} {event.n_photos} photos {under}{change}{others}{about}"


def _search(event: SearchMeasured) -> str:
    return (
        f"searches with {event.n_probes} clean probes, {event.generation}: of the photos that could be among the first "
        f"{event.k}, {percent(event.recall)} are; any of them in {percent(event.discovery)} of searches; "
        f"{event.n_enrolled} photos of the protected people and {event.n_decoys} decoys in the archive"
    )


def _open_set(event: OpenSetMeasured) -> str:
    return (
        f"may say nobody, {event.generation}: where {100 * event.false_alarms:g} % of {event.n_strangers} searches for "
        f"strangers end in a name (similarity {event.threshold:.2f}), {percent(event.false_negatives)} of the "
        f"protected people's clean photos are not named right (95 % interval {percents(*event.interval)}), and "
        f"{percent(event.unprotected_error)} of everybody else's; among {event.n_gallery} people"
    )


SAID = 4
"""Sizes of a forecast that a sentence names."""


def _forecast(event: SearchForecast) -> str:
    """What would be left, each with its interval, beside what the same tail says of what was counted."""
    rows = list(zip(event.photos, event.rates, event.intervals, strict=False))
    some = rows if len(rows) <= SAID else [rows[len(rows) // 2 - 1], *rows[-2:]]  # the figure has them all
    far = "; ".join(f"among {many(n)}, {percent(rate)} ({percents(*interval)})" for n, rate, interval in some)
    if not far or not event.counted or not event.counted_among:
        return f"foretells nothing, {event.generation}"
    others = f"; of everybody else's, {percent(event.unprotected[-1])} among the most" if event.unprotected else ""
    return (
        f"foretold, not measured, {event.generation}: of {event.n_probes} clean photos of {event.n_people} protected "
        f"people would not be named {far}{others}. Fitted to {event.counted_among[-1]:,} photos of "
        f"strangers; fitted to {event.checked_from} of them it said {percent(event.checked)} for all, and "
        f"{percent(event.counted[-1])} was counted"
    )


def many(n: int) -> str:
    """A number that is large in words: ``3 billion``."""
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if n >= size:
            return f"{n / size:g} {word}"
    return f"{n:,}"


def _detection(event: DetectionMeasured) -> str:
    precision = "none" if event.base_rate_precision is None else percent(event.base_rate_precision)
    known = "" if event.attack in event.against else ", which it was not trained on"
    return (
        f"shown photos of people it never saw, the detector trained on {', '.join(event.against)} flags "
        f"{percent(event.recall)} of {event.n_poisoned} under {event.attack}{known}, and "
        f"{percent(event.false_positive_rate)} of {event.n_clean} clean ones. Where "
        f"{100 * event.base_rate:g} % of photos are perturbed, {precision} of what it flags would be "
        f"(at least {percent(event.base_rate_precision_low)}, by the 95 % intervals){_recoded(event)}"
    )


def _recoded(event: DetectionMeasured) -> str:
    """What is left of a detector once photos were stored again, the worst of each."""
    if not event.recall_recoded or not event.false_positive_recoded:
        return ""
    how, recall = min(event.recall_recoded.items(), key=lambda entry: entry[1])
    worse, alarms = max(event.false_positive_recoded.items(), key=lambda entry: entry[1])
    return (
        f"; re-encoded, at worst {percent(recall)} of the perturbed ones ({how}), and up to {percent(alarms)} of the "
        f"clean ones ({worse})"
    )


def _verification(event: VerificationMeasured) -> str:
    interval = ""
    if event.match_posted_interval is not None:
        interval = f"95 % interval {percents(*event.match_posted_interval)}; "
    return (
        f"compare two photos with {event.extractor}: of {event.n_pairs} pairs of a clean photo and an own one, "
        f"{percent(event.match_clean)} match while both are clean, {percent(event.match_posted)} once one was "
        f"perturbed ({interval}"
        f"mean similarity {event.similarity_clean:.2f} and {event.similarity_posted:.2f}; matches from "
        f"{event.threshold:.2f}, as 1 % of pairs of different people do)"
    )


def _defence(event: DefenceApplied) -> str:
    if event.detail:
        return event.detail
    does = f"{VERBS.get(event.defence, event.defence)} to"
    if event.defence == "learned-purifier":
        does = "learns to purify photos of"
    text = f"{does} {', '.join(event.against)} on {event.n_photos} photos of {event.n_people} other people: "
    text += event.extractor
    if event.accuracy_before is not None and event.accuracy_after is not None:
        before, after = percent(event.accuracy_before), percent(event.accuracy_after)
        text += f"; accuracy on people neither protected nor trained on {before} -> {after} ({event.n_probes} probes)"
    return text


def who_protects(event: RunBegan) -> str:
    """Who protects their photos, and among whom they are asked for."""
    said = f"{len(event.users)} of {event.n_people} people ({event.people}) protect their photos"
    more = f" and {event.n_crowd} more people" if event.n_crowd else ""
    if event.asked == "alone":
        return f"{said}; each is asked for alone, among the clean photos of everybody else{more}"
    return f"{said} at once, among everybody else{more}"


def what_if(event: RunBegan) -> str:
    """What is otherwise than the story has it, behind a semicolon; empty for nothing."""
    if not event.changes:
        return ""
    of = f", branching from {event.branch_of}" if event.branch_of else ""
    return f"; what if, by moves: {'; '.join(event.changes)}{of}"


def live(began: RunBegan) -> str:
    """The command that plays a recording's story anew; whoever is in a folder of photos has one of their own."""
    own = "" if began.people == "embedded" else f" --cast {began.cast} --people DIR"
    return clean(f"facetui run {began.scenario}{own}")


def reported(event: ProtectionMeasured) -> str:
    """A cited figure, with its source."""
    return f"reported: {percent(event.protection_rate)} for {event.attack} on {event.extractor} ({event.source})"


def _measured(event: ProtectionMeasured) -> str:
    if event.basis == "cited":
        return reported(event)
    whole = event.cohort == WHOLE_ARCHIVE
    what = "with everything it holds" if whole else f"from the photos of {event.cohort} alone"
    news = "; it was not trained against their attack" if event.is_news else ""
    return f"{what}, {event.generation} fails to name {in_words(event)} of the protected people's clean photos{news}"


def outcome(
    measured: Sequence[ProtectionMeasured],
    before: Sequence[ProtectionMeasured],
    fresh: Collection[str],
    labels: Mapping[str, str],
) -> str:
    """What a round of measurements found, in a sentence or two: what is new, or survives, first of all.

    Args:
        measured: the round, the whole archive first.
        before: the round before it; empty: there was none.
        fresh: cohorts that were never measured before.
        labels: what cohorts are called.
    """
    whole = next((event for event in measured if event.cohort == WHOLE_ARCHIVE), None)
    if whole is None:
        return words(measured[-1])
    earlier = next((event for event in before if event.cohort == WHOLE_ARCHIVE), None)
    than = f" ({percent(earlier.protection_rate)} before)" if earlier is not None else ""
    found = f"With {clean(whole.generation)} the trainer fails to name {briefly(whole)} of new, clean photos of them"
    apart = [event for event in measured if event.attack and event.cohort != WHOLE_ARCHIVE]
    hiding = [e for e in apart if e.cohort in fresh or verdict(e) == "protected"] if len(apart) > 1 else []
    parts = [
        f"{labels[e.cohort]}'s photos, it would {'' if e.cohort in fresh else 'still '}fail on {briefly(e)}"
        if not place
        else f"only {labels[e.cohort]}'s, on {briefly(e)}"
        for place, e in enumerate(sorted(hiding, key=lambda e: (e.cohort not in fresh, -e.protection_rate))[:2])
    ]
    alone = [f" Had it only {'; '.join(parts[:n])}." for n in range(len(parts), 0, -1)] or [""]
    sayings = [f"{found}{before}.{more}" for more in alone for before in (than, "")]
    return next((said for said in sayings if len(said) <= SHORT), sayings[-1])


def brief(event: Event) -> str:
    """A move in one short sentence, for the caption of a run that tells no story."""
    match event:
        case PhotosPosted():
            under = f"under {event.attack}" if event.attack else "as they are"
            who = "people post" if event.actor == "users" else "people are shown in"
            return clean(f"{event.n_people} {who} {event.n_photos} photos {under}.")
        case DefenceApplied() if event.defence == "adapt":
            return clean(f"The trainer learns to see through {', '.join(event.against)}: {event.extractor}.")
        case ProtectionMeasured() if event.basis == "measured":  # what it found is the caption's
            some = len(event.people)
            people = f" of {some} {'person' if some == 1 else 'people'}" if some else ""
            return f"is asked who is on {event.n_probes} new, clean photos{people}"
        case DetectionMeasured():
            flagged, wrong = percent(event.recall), percent(event.false_positive_rate)
            return clean(f"The detector flags {flagged} of the photos under {event.attack}, and {wrong} of clean ones.")
        case _:
            return words(event)


def short_label(event: Event) -> str:
    """One or two words for a lane of the timeline."""
    match event:
        case PhotosPosted():
            return clean(event.attack or "clean photos")
        case PhotosScraped():
            return "scrapes"
        case ExtractorReleased():
            return clean(event.extractor)
        case DefenceApplied():
            if event.defence == GALLERY:
                return f"among {event.n_people}"
            return VERBS.get(event.defence) or clean(event.defence)
        case OpenSetMeasured():
            return "may say nobody"
        case SearchForecast():
            return "forecast"
        case LawPassed():
            return clean(event.law)
        case _:
            return event.kind.replace("_", " ")
