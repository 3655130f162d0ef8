"""``facetui protect``: progress on stderr, a summary on stdout."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facetui.engine.applications.protect.files import find_inputs
from facetui.engine.applications.protect.protector import Outcome, Protector, as_json, summary, totals
from facetui.engine.attacks import ATTACKS
from facetui.engine.core.budget import Budget
from facetui.engine.core.device import choose
from facetui.engine.people import casts, inventory
from facetui.engine.records.errors import Cancelled, FacetuiError, UsageError
from facetui.engine.records.places import short
from facetui.tui.cli.options import comma_list
from facetui.tui.cli.photos.progress_bar import ProgressBar
from facetui.tui.runs import interrupts
from facetui.tui.text.plain import say

PROBLEMS = ("refused", "unreadable")


def protect_photos(
    inputs: list[Path],
    attack: str,
    out: Path,
    *,
    mode: str | None,
    budget: str | None,
    surrogates: str | None,
    seed: int,
    device: str,
    keep_metadata: bool,
    as_one_json: bool,
) -> int:
    """Protect photos and say what became of each; returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file name may be one that the terminal cannot show
    kind = ATTACKS.get(attack)
    settings: dict[str, Any] = {"mode": mode} if mode else {}
    try:
        chosen = kind(**settings)
    except TypeError:
        raise UsageError(f"{attack} has no modes; leave --mode out") from None
    names = list(comma_list(surrogates)) if surrogates else casts.load("embedded").surrogates
    left_out = inventory.Inventory()
    pairs = find_inputs(inputs, out, left_out)
    unused = inventory.sentences(left_out.skipped, inputs[0])
    stop, bar = interrupts.Stop(), ProgressBar("left")
    outcomes: list[Outcome] = []

    def progress(done: int, total: int) -> None:
        _check(stop)
        bar.advance(len(outcomes) + (protector.at_work * done / total if total else 0.0))

    protector = Protector(
        chosen,
        list(names),
        out,
        budget=Budget.parse(budget) if budget else None,
        seed=seed,
        device=choose(device),
        keep_metadata=keep_metadata,
        progress=progress,
    )
    failed = _protected(protector, pairs, outcomes, stop, bar)
    if as_one_json:
        print(as_json(protector, outcomes, unused))
    else:
        for line in [*_summary(protector, outcomes, len(pairs)), *(f"not used: {text}" for text in unused)]:
            say(line)
    if failed is not None:
        say(f"facetui: {failed}", sys.stderr)
        return stop.code(failed.exit_code) if isinstance(failed, Cancelled) else failed.exit_code
    return 4 if any(outcome.state in PROBLEMS for outcome in outcomes) else 0


def _check(stop: interrupts.Stop) -> None:
    if stop:
        raise Cancelled("stopped; run the same command again to go on")


def _protected(
    protector: Protector,
    pairs: Sequence[tuple[Path, Path]],
    outcomes: list[Outcome],
    stop: interrupts.Stop,
    bar: ProgressBar,
) -> FacetuiError | None:
    """Protect photo after photo, adding to ``outcomes``; returns what ended it before the last one."""
    n = len(pairs)
    with interrupts.handled(stop), bar:
        if sys.stderr.isatty():
            bar.show(f"0 of {n} photos", 0, n)
        try:
            for outcome in protector.run(pairs):
                outcomes.append(outcome)
                done = f"{len(outcomes)} of {n}"
                bar.show(f"{done} photos", len(outcomes), n, f"{done}: {short(Path(outcome.source))}: {outcome.state}")
                _check(stop)
        except FacetuiError as error:  # a full disk, an interruption: what was done until then is told all the same
            return error
    return None


def _summary(protector: Protector, outcomes: list[Outcome], n_photos: int) -> list[str]:
    width = max((len(_name(o)) for o in outcomes), default=0)
    lines = [_line(outcome, width) for outcome in outcomes]
    counts = ", ".join(f"{count} {state}" for state, count in summary(outcomes).items()) or "nothing done"
    lines.append(f"{len(outcomes)} of {n_photos} photos: {counts}; in {short(protector.out)}")
    changed = [outcome for outcome in outcomes if outcome.state == "protected"]
    if len(changed) > 1:
        lines.append(f"all of them: {_figures(Outcome('', '', '', **totals(changed)))}")
    lines.append(f"{protector.attack.name} ({protector.budget}), against {', '.join(protector.surrogates)}")
    if protector.attack.about:
        lines.append(protector.attack.about)
    if changed:
        lines.append("The budget holds on the aligned 112x112 photo; measured were the faces' regions in full size.")
        lines.append("What this does against any other extractor, today's or a later one, these figures do not say.")
    return lines


def _name(outcome: Outcome) -> str:
    return short(Path(outcome.source))


def _line(outcome: Outcome, width: int) -> str:
    head = f"{_name(outcome):<{width}}  {outcome.state:<11}"
    if outcome.state == "protected":
        return f"{head} {_figures(outcome)}{f'; {outcome.why}' if outcome.why else ''}"
    return f"{head} {outcome.why}".rstrip()


def _figures(outcome: Outcome) -> str:
    faces = f"{outcome.faces} face{'s' if outcome.faces != 1 else ''}"
    seen = f"DSSIM {outcome.dssim:.4f}, " if outcome.dssim is not None else ""
    return f"{faces}, at most {outcome.linf:.0f}/255, {seen}PSNR {outcome.psnr:.1f} dB"
