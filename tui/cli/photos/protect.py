"""``facetui protect``: perturb the faces in one's own photos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import DeviceOption, SeedOption


def protect(
    inputs: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.", metavar="PHOTO|DIR...")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; nothing in it is overwritten.")],
    attack: Annotated[
        str, typer.Option(autocompletion=shell.attacks, help="Its name: facetui list attacks.")
    ] = "fawkes-1.0",
    mode: Annotated[str | None, typer.Option(help="Of attacks that have modes, e.g. low, mid, high.")] = None,
    budget: Annotated[str | None, typer.Option(help="e.g. 'linf 8/255'; left out: the attack's own.")] = None,
    surrogates: Annotated[
        str | None,
        typer.Option(autocompletion=shell.extractor_list, help="Extractors to run it against, separated by commas."),
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Keep EXIF; dropped otherwise. Colour profiles are always kept.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Perturb the faces in your own photos, at full size; everything else in them stays as it is."""
    from facetui.tui.cli.photos.protect_photos import protect_photos

    code = protect_photos(
        inputs,
        attack,
        out.expanduser(),
        mode=mode,
        budget=budget,
        surrogates=surrogates,
        seed=seed,
        device=device,
        keep_metadata=keep_metadata,
        as_one_json=json,
    )
    raise typer.Exit(code)
