"""``facetui protect``: progress on stderr, a summary on stdout."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from facetui.engine import casts
from facetui.engine.attacks import ATTACKS
from facetui.engine.budget import Budget
from facetui.engine.device import choose
from facetui.engine.errors import Cancelled, UsageError
from facetui.engine.protect import Outcome, Protector, as_json, find_inputs, summary
from facetui.tui.displays import short

PROBLEMS = ("refused", "unreadable")


def protect(
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
    kind = ATTACKS.get(attack)
    settings: dict[str, Any] = {"mode": mode} if mode else {}
    try:
        chosen = kind(**settings)
    except TypeError:
        raise UsageError(f"{attack} has no modes; leave --mode out") from None
    names = [n.strip() for n in surrogates.split(",") if n.strip()] if surrogates else casts.load("embedded").surrogates
    pairs = find_inputs(inputs, out)
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)

    def check() -> None:
        if stopped:
            raise Cancelled("stopped; run the same command again to go on")

    outcomes: list[Outcome] = []
    with _Bar(len(pairs)) as bar:

        def progress(done: int, total: int) -> None:
            check()
            bar.steps(done, total)

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
        cancelled = None
        try:
            for outcome in protector.run(pairs):
                outcomes.append(outcome)
                bar.photo(outcome, len(outcomes))
                check()
        except Cancelled as error:
            cancelled = error
    if as_one_json:
        print(as_json(protector, outcomes))
    else:
        for line in _summary(protector, outcomes, len(pairs)):
            print(line)
    if cancelled is not None:
        print(f"facetui: {cancelled}", file=sys.stderr)
        return 128 + stopped[0] if stopped else cancelled.exit_code
    return 4 if any(outcome.state in PROBLEMS for outcome in outcomes) else 0


class _Bar:
    """A progress bar with time left on a terminal, a line a photo elsewhere."""

    def __init__(self, n_photos: int) -> None:
        self._n = n_photos
        self._bar: Any = None
        self._task: Any = None
        self._photos = 0.0

    def __enter__(self) -> _Bar:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("protecting", total=self._n)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def steps(self, done: int, total: int) -> None:
        if self._bar is not None and total:
            self._bar.update(self._task, description=f"protecting, {done / total:4.0%} of these faces")

    def photo(self, outcome: Outcome, done: int) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
        else:
            print(f"{done} of {self._n}: {short(Path(outcome.source))}: {outcome.state}", file=sys.stderr, flush=True)


def _summary(protector: Protector, outcomes: list[Outcome], n_photos: int) -> list[str]:
    width = max((len(_name(o)) for o in outcomes), default=0)
    lines = [_line(outcome, width) for outcome in outcomes]
    counts = ", ".join(f"{count} {state}" for state, count in summary(outcomes).items()) or "nothing done"
    lines.append(f"{len(outcomes)} of {n_photos} photos: {counts}; in {short(protector.out)}")
    lines.append(f"{protector.attack.name} ({protector.budget}), against {', '.join(protector.surrogates)}")
    if protector.attack.about:
        lines.append(protector.attack.about)
    if any(outcome.state == "protected" for outcome in outcomes):
        lines.append("What this does against any other extractor, today's or a later one, these figures do not say.")
    return lines


def _name(outcome: Outcome) -> str:
    return short(Path(outcome.source))


def _line(outcome: Outcome, width: int) -> str:
    head = f"{_name(outcome):<{width}}  {outcome.state:<11}"
    if outcome.state == "protected":
        seen = f"DSSIM {outcome.dssim:.4f}, " if outcome.dssim is not None else ""
        faces = f"{outcome.faces} face{'s' if outcome.faces != 1 else ''}"
        psnr = f"PSNR {outcome.psnr:.1f} dB" if outcome.psnr is not None else ""
        return f"{head} {faces}, at most {outcome.linf:.0f}/255, {seen}{psnr}"
    return f"{head} {outcome.why}".rstrip()
