"""``facetui publish``, and publishing a run while it is played."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.records.errors import JournalError
from facetui.tui.cli.options import PicturesOption, RunArgument, VotesOption
from facetui.tui.runs import labels
from facetui.tui.sharing.web import invitation, server_process
from facetui.tui.text import plain


def publish(
    name: RunArgument,
    address: Annotated[
        str, typer.Argument(help="HOST:PORT; 0.0.0.0:0 is every address of this machine, any free port.")
    ] = server_process.LOOPBACK,
    pictures: PicturesOption = "fictional",
    votes: VotesOption = False,
) -> None:
    """Let others follow a run, finished or not, until Ctrl-C: they only read, and vote if they may."""
    folder = labels.find(name)
    server = server_process.start(folder, address, pictures, votes=votes)
    try:
        for line in invitation.invitation(server.url):
            plain.say(line)
        plain.say(invitation.who_can_read(server.url, pictures, votes=votes), sys.stderr)
        code = server.process.wait()
    except KeyboardInterrupt:
        code = 0
    finally:
        server.stop()
    if code:
        raise JournalError(f"the server ended with exit code {code}; run the command again")


FAREWELL_SECONDS = 1.0
"""For which a run stays published after its end."""


@contextlib.contextmanager
def published(folder: Path | None, address: str | None, pictures: str, *, votes: bool = False) -> Iterator[str]:
    """Let others follow a run meanwhile; gives the address, empty when nobody is to.

    The last answers go out before it ends: whoever follows sees how the run ended.
    """
    if address is None or folder is None:
        yield ""
        return
    server = server_process.start(folder, address, pictures, votes=votes)
    for line in invitation.invitation(server.url):
        plain.say(line, sys.stderr)
    plain.say(invitation.who_can_read(server.url, pictures, votes=votes), sys.stderr)
    try:
        yield server.url
        time.sleep(FAREWELL_SECONDS)
    finally:
        server.stop()
