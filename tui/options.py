"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

DeviceOption = Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:N.")]
SeedOption = Annotated[int, typer.Option(help="Of every random draw.", min=0)]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Compute everything anew and keep nothing.")]
NoMotionOption = Annotated[bool, typer.Option("--no-motion", help="The app steps instead of gliding.")]
NoMouseOption = Annotated[bool, typer.Option("--no-mouse", help="Leave the mouse to the terminal, for its selection.")]
