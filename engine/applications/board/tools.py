"""The tools of a board: somebody's program, or an attack of this package; a folder of photos in, a folder out."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from facetui.engine import system
from facetui.engine.applications.protect.files import find_inputs
from facetui.engine.applications.protect.protector import Protector
from facetui.engine.lab.world.strength import Strength, tool_of
from facetui.engine.people import inventory
from facetui.engine.people.casts import Cast
from facetui.engine.records.errors import DataError, UsageError
from facetui.engine.records.text import brief

INPUT, OUTPUT = "{input}", "{output}"
"""What is replaced by folders in a command."""

LOOK = 0.1
"""Seconds between two looks at a program that runs."""

GRACE = 3.0
"""Seconds that a program has to end when it is asked to."""

LAST = 1 << 16
"""Bytes of what a program said that are read, from the end."""

Check = Callable[[], None]
"""Called now and then; may raise ``Cancelled``."""


class ToolFailed(DataError):
    """A tool did not do what it should: one sentence."""


class Tool(Protocol):
    """Whatever protects photos."""

    def run(self, photos: Path, out: Path, check: Check) -> None:
        """Protect the photos of one person.

        Args:
            photos: a folder of PNG files, which the tool may change.
            out: an empty folder for the results.
            check: called now and then.

        Raises:
            ToolFailed: it failed.
        """


@dataclass(frozen=True)
class Program:
    """Somebody's program, run once a person.

    Attributes:
        words: the command, word by word; with a shell one word, the whole line.
        shell: whether a shell reads it.
        limit: seconds that one run may take.
    """

    words: Sequence[str]
    shell: bool = False
    limit: float = 600.0

    @classmethod
    def parse(cls, given: Sequence[str], *, shell: bool = False, limit: float = 600.0) -> Program:
        """A command as it was typed: one text that is split as a shell would, or word by word.

        Raises:
            UsageError: ``{input}`` is not in it, quotes do not close, or there is no such program.
        """
        if shell:
            words = [" ".join(given)]
        elif len(given) == 1:
            try:
                words = system.words(given[0])
            except ValueError as error:
                raise UsageError(f"the command cannot be split into words ({error}); close its quotes") from None
        else:
            words = list(given)
        if not any(INPUT in word for word in words):
            raise UsageError(
                f"expected {INPUT} in the command, and {OUTPUT} unless the tool writes beside the originals, got "
                f"{brief(' '.join(words))!r}"
            )
        if not shell and INPUT not in words[0] and shutil.which(words[0]) is None:
            raise UsageError(
                f"there is no program {brief(words[0])!r}; check its path, or use --shell for a shell's own"
            )
        return cls(words, shell, limit)

    def run(self, photos: Path, out: Path, check: Check) -> None:
        """As ``Tool.run``; where the command names no output, what is new or changed among the photos is taken.

        Raises:
            ToolFailed: it ended with an error, took too long, or wrote no picture.
        """
        before = {path.name: path.read_bytes() for path in photos.iterdir()}
        quote = system.quoted if self.shell else str
        words = [word.replace(INPUT, quote(str(photos))).replace(OUTPUT, quote(str(out))) for word in self.words]
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:
            code = self._wait(words, said, errors, check)
            last = _last_line(errors) or _last_line(said)
        told = f"; it said last: {brief(_without(last, photos, out))}" if last else " and said nothing"
        if code is None:
            raise ToolFailed(f"the command was stopped after {self.limit:g} seconds{told}; raise --limit")
        if code:
            how = f"was ended by {system.name_of_signal(-code)}" if code < 0 else f"ended with exit code {code}"
            raise ToolFailed(f"the command {how}{told}")
        if not any(OUTPUT in word for word in self.words):
            _take_new(photos, before, out)
        if not _holds_pictures(out):
            raise ToolFailed(f"the command ended with exit code 0 and wrote no picture{told}")

    def _wait(self, words: list[str], said: Any, errors: Any, check: Check) -> int | None:
        """The exit code; ``None``: it took too long."""
        try:
            process = subprocess.Popen(
                words[0] if self.shell else words,
                shell=self.shell,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=errors,
                start_new_session=True,
                creationflags=system.OWN_GROUP,
            )
        except OSError as error:
            raise ToolFailed(f"the command cannot be run ({error.strerror})") from error
        end = time.monotonic() + self.limit
        try:
            while process.poll() is None and time.monotonic() < end:
                check()
                try:
                    process.wait(LOOK)
                except subprocess.TimeoutExpired:
                    continue
            return process.poll()
        finally:
            _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    """End a program that still runs, and what it started: its whole session, asked first."""
    for hard in (False, True):
        if process.poll() is not None and not hard:
            return
        system.end_group(process, hard=hard)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue


def _last_line(stream: Any) -> str:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - LAST))
    lines = stream.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _without(said: str, photos: Path, out: Path) -> str:
    """What a program said, with the placeholders for our folders: their names mean nothing to anybody."""
    return said.replace(str(photos), INPUT).replace(str(out), OUTPUT)


def _take_new(photos: Path, before: dict[str, bytes], out: Path) -> None:
    """Move what a tool wrote beside the originals, or over them."""
    for path in sorted(photos.rglob("*")):
        if path.is_file() and not path.is_symlink() and before.get(path.name) != path.read_bytes():
            target = out / path.relative_to(photos)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)


def _holds_pictures(folder: Path) -> bool:
    try:
        return bool(inventory.walk(folder).pictures)
    except DataError:
        return False


class OwnAttack:
    """An attack of this package, run as ``facetui protect`` runs it.

    Args:
        name: in the registry.
        cast: its surrogates are attacked.
        strength: ``release`` or ``workshop``, which weakens it.
        seed: of every random draw.
        device: where to compute.

    Attributes:
        about: how it is run, in words.

    Raises:
        UnknownName: no such attack.
        UsageError: an attack that protects somebody else.
    """

    def __init__(self, name: str, cast: Cast, *, strength: Strength, seed: int, device: torch.device | None) -> None:
        self._tool = tool_of(strength, name)
        if self._tool.attack.decoy:
            raise UsageError(f"{name} makes decoys, which protect somebody else; choose another attack")
        self._surrogates, self._seed, self._device = cast.surrogates, seed, device
        used = cast.surrogates if self._tool.attack.ensemble else cast.surrogates[:1]
        parts = [f"{self._tool.budget}, against {', '.join(used)}", self._tool.weakened, self._tool.attack.about]
        self.about = "; ".join(filter(None, parts))

    def run(self, photos: Path, out: Path, check: Check) -> None:
        """As ``Tool.run``."""
        protector = Protector(
            self._tool.attack,
            list(self._surrogates),
            out,
            budget=self._tool.budget,
            seed=self._seed,
            device=self._device,
            progress=lambda done, total: check(),
        )
        for outcome in protector.run(find_inputs([photos], out)):
            if outcome.state not in ("protected", "no face"):
                raise ToolFailed(f"{Path(outcome.source).name} was not protected: {outcome.why or outcome.state}")
