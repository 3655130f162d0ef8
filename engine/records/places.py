"""Where facetui keeps what is its own; also for people without a home, and on machines without a temporary folder."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from facetui.engine import system
from facetui.engine.records.errors import DataError

APP = "facetui"


def home() -> Path | None:
    """The user's home; ``None`` where there is none, as in containers with a user that the system does not know."""
    try:
        found = Path.home()
    except RuntimeError:
        return None
    return found if found.is_absolute() else None


def data() -> Path:
    """For runs, weights and this installation's secret."""
    return _place("data", platformdirs.user_data_path)


def cache() -> Path:
    """For what can be computed again; ``FACETUI_CACHE`` says another one."""
    override = os.environ.get("FACETUI_CACHE")
    return expanded(Path(override)) if override else _place("cache", platformdirs.user_cache_path)


def state() -> Path:
    """For the history of what was typed."""
    return _place("state", platformdirs.user_state_path)


def config() -> Path:
    """For what somebody sets once and for all."""
    return _place("config", platformdirs.user_config_path)


def log() -> Path:
    """For the tracebacks of our own faults."""
    return _place("log", platformdirs.user_log_path)


def temporary() -> Path:
    """A folder for what is not kept.

    Raises:
        DataError: there is none that can be written.
    """
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        raise DataError("there is no temporary folder that can be written; name one with TMPDIR") from None


def expanded(path: Path) -> Path:
    """A path in which ``~`` is the user's home; without a home it stays as it is typed."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def short(path: Path) -> str:
    """A path as people write it: ``~`` for their home."""
    own = home()
    return f"~/{path.relative_to(own)}" if own is not None and path.is_relative_to(own) else str(path)


def _place(what: str, usual: Callable[[str], Path]) -> Path:
    try:
        found = usual(APP)
    except RuntimeError:  # without a home; older versions give "~/...", which would make a folder named ~ here
        found = Path()
    return found if found.is_absolute() else _own_temporary() / what


def _own_temporary() -> Path:
    """A folder of this user alone, under a name that is the same next time."""
    folder = temporary() / f"{APP}-{system.user_number()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
    except OSError as error:
        raise DataError(f"{folder} cannot be used ({error.strerror}); name a home with HOME") from error
    # Whoever made it could read what we keep.
    if facts.st_uid != system.user_number() or not stat.S_ISDIR(facts.st_mode):
        raise DataError(f"{folder} belongs to somebody else; name a home with HOME")
    return folder
