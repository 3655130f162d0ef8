"""``facetui bench forecast``: from a million strangers to billions, checked on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.records.rates import percent, percents
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.machine.bench_search import number, tell
from facetui.tui.cli.options import DeviceOption, SeedOption, comma_list
from facetui.tui.text.plain import say


def forecast(
    extractor: Annotated[str, typer.Option(autocompletion=shell.extractors, help="An extractor's name.")] = "compact-c",
    faces: Annotated[
        str, typer.Option(help="Strangers: the first number is counted, the others are foretold, then counted.")
    ] = "1000000,10000000",
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    folder: Annotated[
        Path | None, typer.Option(help="Where the file of faces is made, and removed.", file_okay=False, exists=True)
    ] = None,
) -> None:
    """Foretell how many clean photos a search misnames among billions of strangers, and check it on millions."""
    from facetui.engine.applications.benchmarks.forecast import measure
    from facetui.engine.core import device as devices

    sizes = [number(text) for text in comma_list(faces)]
    say(f"fictional people who protect nothing, {extractor}; strangers are drawn like the fictional crowd")
    say(
        f"{'strangers':>14}  {'not named':>9}  {'foretold':>8}  {'95 % interval':>13}  {'GB':>7}  "
        f"{'seconds here':>12}  {'80 GB cards':>11}  {'least seconds there':>19}"
    )
    chosen = devices.choose(device)
    for line in measure(extractor, sizes, seed=seed, device=chosen, folder=folder, tell=tell):
        say(
            f"{line.faces:>14,}  {'-' if line.counted is None else percent(line.counted):>9}  "
            f"{'-' if line.foretold is None else percent(line.foretold):>8}  "
            f"{'-' if line.interval is None else percents(*line.interval):>13}  {line.gigabytes:>7.3g}  "
            f"{line.seconds:>12.3g}  {line.cards:>11,}  {line.least_seconds:>19.2g}"
        )
    say("not named: searched and counted; foretold: by the tail of the first number; people resampled; seconds of the")
    say("last lines by the rate of the largest search; cards: arithmetic, 3.35 TB/s each (NVIDIA's data sheet)")
