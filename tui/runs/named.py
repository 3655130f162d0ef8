"""A run by the name that somebody types, wherever it lies: in its folder, in an archive, or among the recordings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from facetui.engine.records import journal, places
from facetui.engine.records.errors import FacetuiError, UsageError
from facetui.engine.records.events import Event, RunBegan
from facetui.tui.runs import archive, labels, recordings
from facetui.tui.runs.recordings import RECORDED


@contextlib.contextmanager
def opened(name: str) -> Iterator[Path]:
    """The folder of a run as long as it is needed.

    Args:
        name: a run's name, the beginning of it, its folder, an archive, ``demo:STORY``; or a story's name alone, where
            no run is called so.

    Raises:
        UsageError: there is none, or more than one.
        UnknownName: no recording of that name.
        JournalError: the archive cannot be unpacked.
    """
    if archive.is_archive(name):
        with archive.unpacked_for_now(places.expanded(Path(name))) as folder:
            yield folder
        return
    recorded = name.removeprefix(RECORDED)
    if recorded == name:
        found = _found(name)
        if found is not None:
            yield found
            return
    with recordings.unpacked(recorded) as (folder, _):
        yield folder


def base_of(folder: Path, began: RunBegan) -> str:
    """The run that another branches from, as ``opened`` takes it; empty where there is none, or it is not at hand.

    A journal may come from elsewhere: what it names is only looked for among one's own runs and the recordings.

    Args:
        folder: of the run that branches.
        began: its first event.
    """
    name = began.branch_of
    if name.startswith(RECORDED) and name.removeprefix(RECORDED) in recordings.names():
        return name
    parents = dict.fromkeys((folder.parent, journal.runs_folder()))
    found = (run for parent in parents for run in journal.runs(parent) if name and run.name == name and run != folder)
    return next((str(run) for run in found), "")


def read_base(name: str, began: RunBegan) -> list[Event]:
    """The events of the run that another branches from; none where it cannot be read, or plays another story.

    Args:
        name: as ``base_of`` gives it.
        began: the first event of the run that branches.
    """
    with contextlib.suppress(FacetuiError, OSError), opened(name) as folder:
        events = journal.read(folder)
        if journal.began(events, folder).scenario == began.scenario:
            return events
    return []


def _found(name: str) -> Path | None:
    """One's own run of that name; ``None`` where only a recording is called so."""
    if name in recordings.names() and not any(f.name.startswith(name) for f in journal.runs(journal.runs_folder())):
        with contextlib.suppress(UsageError):
            return labels.find(name)
        return None
    try:
        return labels.find(name)
    except UsageError as error:
        if name in recordings.names():
            raise UsageError(f"{error}; the recording is {RECORDED}{name}") from None
        raise
