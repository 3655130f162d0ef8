"""``facetui check``: progress on stderr, a table and a verdict on stdout, a report in a file."""

from __future__ import annotations

import io
import json
import os
import secrets
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facetui.engine.people import PER_PERSON
from facetui.engine.records import text
from facetui.engine.records.errors import Cancelled, DataError, UsageError
from facetui.engine.records.places import short
from facetui.engine.records.rates import percent
from facetui.tui.cli.options import DeviceOption, NoCacheOption, PerPersonOption, SeedOption, StrengthOption
from facetui.tui.cli.photos.progress_bar import ProgressBar
from facetui.tui.runs import interrupts
from facetui.tui.text import spans
from facetui.tui.text.plain import say

if TYPE_CHECKING:
    from facetui.engine.applications.check.album import Album
    from facetui.engine.applications.check.result import Report
    from facetui.engine.applications.check.search import Share
    from facetui.engine.applications.check.verdict import Verdict

WIDTH = 80
SHOWN = 5
"""Photos whose change is listed in the terminal; the report and --json have all of them."""


def check(
    clean: Annotated[Path, typer.Option(help="Folder of your photos as they were.")],
    protected: Annotated[Path, typer.Option(help="Folder of the same photos after any tool.")],
    probes: Annotated[
        Path | None, typer.Option(help="Folder of other clean photos of you, which are searched for.")
    ] = None,
    people: Annotated[
        str, typer.Option(help="The crowd: 'embedded' (fictional), or a folder with one folder a person, without you.")
    ] = "embedded",
    per_person: PerPersonOption = PER_PERSON,
    cast: Annotated[str, typer.Option(help="The trainer's extractors: a name or a TOML file.")] = "embedded",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a report: one HTML file, with pictures of you.")
    ] = None,
    as_one_json: Annotated[bool, typer.Option("--json", help="Every figure as one JSON object.")] = False,
    as_given: Annotated[
        bool,
        typer.Option("--as-given", help="Folders are not swapped and nobody in the crowd is you, even if it looks so."),
    ] = False,
    strength: StrengthOption = "release",
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    no_cache: NoCacheOption = False,
) -> None:
    """Ask whether protected photos of you protect you: against which trainers, and against which not."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if out is not None:
        _refuse_unwritable(out.expanduser())
    from facetui.engine.applications.check.result import Report
    from facetui.engine.applications.check.verdict import judge

    folders = (clean.expanduser(), protected.expanduser(), probes.expanduser() if probes else None)
    found = _measured(
        folders,
        people,
        per_person,
        cast,
        seed=seed,
        device=device,
        no_cache=no_cache,
        as_given=as_given,
        strength=strength,
    )
    if not isinstance(found, Report):
        _say_hidden(found, as_one_json)
        return
    verdict = judge(found)
    if as_one_json:
        print(json.dumps(found.as_dict() | {"verdict": asdict(verdict)}))
    else:
        for line in lines(found, verdict):
            say(line)
    if out is not None:
        from facetui.tui.sharing.reports.check_report import html

        _write(out.expanduser(), html(found, verdict))
        say(f"report, with pictures of you: {short(out)}", sys.stderr)


def _measured(
    folders: tuple[Path, Path, Path | None],
    people: str,
    per_person: int,
    cast: str,
    *,
    seed: int,
    device: str,
    no_cache: bool,
    as_given: bool,
    strength: str,
) -> Report | Album:
    """Read the folders and check them; the album itself, where too few photos are left to search in."""
    from facetui.engine.applications.check.album import LEAST, gather
    from facetui.engine.applications.check.check import check as measure
    from facetui.engine.core.cache import Cache, default_folder
    from facetui.engine.core.device import choose
    from facetui.engine.extractors.describing import describe
    from facetui.engine.lab.world.strength import check as check_strength
    from facetui.engine.people import casts
    from facetui.engine.people import identities as peoples

    chosen, where = casts.load(cast), choose(device)
    cache = Cache(None if no_cache else default_folder())
    with interrupts.stoppable() as stop, ProgressBar("passed") as bar:

        def tell(task: str, done: int, total: int) -> None:
            if stop:
                raise Cancelled("stopped; run the same command again, it goes on from the cache")
            bar.show(task, done, total)

        def about_crowd(task: str, done: int, total: int) -> None:
            tell(f"the crowd: {task}", done, total)

        common: dict[str, Any] = {"cache": cache, "seed": seed, "device": where, "as_given": as_given, "tell": tell}
        common["strength"] = check_strength(strength)
        try:
            album = gather(*folders, cache, tell)
            if album.n_groups < LEAST:
                return album
            crowd = peoples.load(people, cache=cache, tell=about_crowd, describe=describe, per_person=per_person)
            return measure(album, crowd, chosen, cancelled=stop.event.is_set, **common)
        except Cancelled as error:
            bar.close()
            say(f"facetui: {error}", sys.stderr)
            raise typer.Exit(stop.code(error.exit_code)) from None


def _say_hidden(album: Album, as_one_json: bool) -> None:
    """The tool hid so many faces that there is nothing to enrol and to search in: that is the result."""
    from facetui.engine.applications.check.verdict import hidden

    if as_one_json:
        left_out = [asdict(entry) for entry in album.left_out]
        say(json.dumps({"n_pairs": len(album.pairs), "hidden": len(album.hidden), "left_out": left_out}))
        return
    for entry in album.left_out[:SHOWN]:
        say(f"! {entry.text}")
    n = len(album.pairs) + len(album.hidden)
    for line in textwrap.wrap(hidden(len(album.hidden), n), WIDTH):
        say(line)
    say(f"{len(album.pairs)} photos are left; that is too few to search in, so nothing else was measured.")


def _refuse_unwritable(out: Path) -> None:
    """Say before anything is computed that a report cannot be written."""
    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"expected a report's name to end in .html, got {out.name!r}")
    if out.is_dir() or not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise UsageError(f"{short(out)} cannot be written; choose a name in a folder that is there and is yours")


def _write(out: Path, text: str) -> None:
    temporary = out.with_name(f".facetui-{secrets.token_hex(6)}.html")
    try:
        temporary.write_text(text, encoding="utf-8", errors="replace")
        temporary.replace(out)
    except OSError as error:
        raise DataError(
            f"the report {short(out)} cannot be written ({error.strerror}); run again with another -o, the results "
            "are in the cache"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def lines(report: Report, verdict: Verdict) -> Iterator[str]:
    """The result in eighty columns: table first, the verdict last, where the eye rests."""
    from facetui.engine.applications.check.verdict import WRONG_TEST, notes

    yield f"Would clean photos of you be identified?  {report.n_probes} searches, 95 % intervals"
    yield ""
    wide = min(25, max(len(row.extractor) for row in report.rows))
    head = f"{'trainer':<9} {'extractor':<{wide}}"
    yield f"{head} {'named first':>16} {'first 10':>8} {'10 % clean':>10} {'all clean':>9}"
    for row in report.rows:
        name = row.extractor if len(row.extractor) <= wide else f"{row.extractor[: wide - 1]}…"
        yield (
            f"{row.trainer:<9} {name:<{wide}} {_share(row.protected.first):>16} {_rate(row.protected.listed):>8} "
            f"{_rate(row.leaked.first):>10} {_rate(row.clean.first):>9}"
        )
    yield ""
    flagged = report.detection
    detected = (
        f"detected: drops photos that look perturbed (of yours {_of(flagged.protected)} protected and "
        f"{_of(flagged.clean)} clean ones, of others {_of(flagged.false_positives)} clean ones)."
    )
    if not flagged.tells:
        detected = f"No detector is shown: it flags {_of(flagged.clean)} of your clean photos."
    legend = (
        "named first, first 10: your protected photos enrolled; 10 % clean: a tenth of them clean. other: an "
        f"extractor that tools attack; purified: {report.purification.recipe} before every photo. {detected}"
    )
    yield from textwrap.wrap(legend, WIDTH)
    yield ""
    recodings = list(dict.fromkeys(entry.recoding for entry in report.recoded))
    yield f"{'named first, after':<{wide + 10}} " + " ".join(f"{name or 'nothing':>10}" for name in recodings)
    for extractor in dict.fromkeys(entry.extractor for entry in report.recoded):
        found = [_rate(entry.first) for entry in report.recoded if entry.extractor == extractor]
        yield f"{extractor[: wide + 10]:<{wide + 10}} " + " ".join(f"{rate:>10}" for rate in found)
    yield ""
    yield f"{'similarity, one to one':<{wide + 10}} {'own copy':>10} {'others':>10} {'clean':>10} {'strangers':>10}"
    for pair in report.pairwise:
        figures = (pair.own_copy, pair.after, pair.before, pair.threshold)
        yield f"{pair.extractor[: wide + 10]:<{wide + 10}} " + " ".join(f"{figure:>10.2f}" for figure in figures)
    yield from textwrap.wrap(f"strangers: what 1 % of their pairs reach. {WRONG_TEST}", WIDTH)
    yield ""
    yield "how visible, worst first"
    for photo in report.photos[:SHOWN]:
        dssim = f"DSSIM {photo.dssim:.4f}" if photo.dssim is not None else ""
        psnr = f"PSNR {photo.psnr:.1f} dB" if photo.psnr is not None else "unchanged"
        yield f"  {spans.left(photo.name, 34)} {photo.linf:>4.0f}/255  {dssim:<12}  {psnr}"
    yield ""
    for line in [*report.warnings, *_left_out(report)]:
        yield from textwrap.wrap(text.clean(f"! {line}"), WIDTH, subsequent_indent="  ")
    for note in notes(report):
        yield from textwrap.wrap(text.clean(note), WIDTH)
    yield ""
    yield from textwrap.wrap(verdict.headline, WIDTH)
    for point in verdict.points:
        yield from textwrap.wrap(f"- {point}", WIDTH, subsequent_indent="  ")


def _left_out(report: Report) -> Iterator[str]:
    if report.left_out:
        yield f"{len(report.left_out)} photos took no part:"
        yield from (entry.text for entry in report.left_out[:SHOWN])
    if len(report.left_out) > SHOWN:
        yield f"and {len(report.left_out) - SHOWN} more, see the report or --json"


def _rate(share: Share) -> str:
    return "" if share.rate is None else percent(share.rate)


def _share(share: Share) -> str:
    low, high = share.interval
    return f"{_rate(share)} [{100 * low:.0f}, {100 * high:.0f}]"


def _of(share: Share) -> str:
    return f"{share.hits} of {share.n}"
