"""``facetui bench search``: how long a face search takes, by how many faces it knows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.records.errors import UsageError
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import SeedOption, comma_list
from facetui.tui.text.plain import say


def search(
    faces: Annotated[str, typer.Option(help="How many the gallery holds, one or several.")] = "10000,100000,1000000",
    index: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=shell.one_of("faiss:Flat", "faiss:IVF1024,Flat", "faiss:HNSW32"),
            help="Besides exact, which is always measured: faiss:FACTORY; may be given several times.",
        ),
    ] = None,
    seed: SeedOption = 0,
    folder: Annotated[
        Path | None, typer.Option(help="Where the file of faces is made, and removed.", file_okay=False, exists=True)
    ] = None,
) -> None:
    """Measure the search for 768 probes among made-up faces: time, memory, and what an approximate index misses."""
    from facetui.engine.applications.benchmarks.search import PROBES, SIZE, measure
    from facetui.engine.system import peak_memory

    sizes = [number(text) for text in comma_list(faces)]
    say(f"{PROBES} probes, embeddings of {SIZE} numbers; exact: float16 in a file; others: in memory")
    say(
        f"{'faces':>12}  {'index':<20} {'seconds':>8} {'spread':>7} {'filled in':>10} {'recall@1':>9} {'MB so far':>10}"
    )
    before = None
    for line in measure(sizes, index or [], seed=seed, folder=folder, tell=tell):
        grown = ""
        if line.index == "exact":
            if before:
                grown = (
                    f"   {line.faces / before.faces:.0f} x the faces, {line.seconds / before.seconds:.1f} x the time"
                )
            before = line
        filled = f"{line.built:.1f} s" if line.built else "-"
        say(
            f"{line.faces:>12,}  {line.index:<20} {line.seconds:>8.2f} {line.spread:>7.2f} {filled:>10} "
            f"{line.recall:>9.4f} {peak_memory() / 1e6:>10.0f}{grown}"
        )


def number(text: str) -> int:
    """A number of faces: ``1000000`` or ``1_000_000``.

    Raises:
        UsageError: it is none, or zero.
    """
    digits = text.replace("_", "")
    if not digits.isdecimal() or not int(digits):
        raise UsageError(f"expected numbers of faces such as 1000000, got {text!r}")
    return int(digits)


def tell(text: str) -> None:
    """What happens just now, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}\r", end="", file=sys.stderr, flush=True)
