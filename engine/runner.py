"""Runs a scenario: events out, cancellation in."""

from __future__ import annotations

import ast
import os
import platform
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from facetui.engine.errors import Cancelled, FacetuiError, ScenarioError
from facetui.engine.events import Event, RunBegan, RunEnded, RunFailed
from facetui.engine.journal import Journal, new_run_folder

Display = Callable[[Event], None]


@dataclass(frozen=True)
class Scenario:
    """A story: Python source with ``def scenario(lab)`` and a docstring that tells it.

    Attributes:
        name: the file's name without its ending.
        path: where it was read.
        source: its text.
        title: first line of its docstring.
    """

    name: str
    path: Path
    source: str
    title: str

    @classmethod
    def read(cls, path: Path) -> Scenario:
        """Read and parse a scenario; nothing of it is run.

        Raises:
            ScenarioError: it cannot be read, is not Python, or has no ``scenario``; names file and line.
        """
        try:
            source = path.read_text(encoding="utf-8")
            tree = ast.parse(source, str(path))
        except SyntaxError as error:
            raise ScenarioError(f"{path}, line {error.lineno}: {error.msg}; mend that line and run again") from None
        except (UnicodeDecodeError, ValueError):
            raise ScenarioError(f"{path} is not Python source in UTF-8; expected a scenario file") from None
        except OSError as error:
            raise ScenarioError(f"{path} cannot be read ({error.strerror}); check the path") from error
        if not any(isinstance(node, ast.FunctionDef) and node.name == "scenario" for node in tree.body):
            raise ScenarioError(f"{path} has no function scenario; begin with: def scenario(lab):")
        title = (ast.get_docstring(tree) or path.stem).splitlines()[0]
        return cls(path.stem, path, source, title)

    def play(self, lab: Any) -> None:
        """Run it on a lab.

        Raises:
            FacetuiError: what the lab says, with the line of the scenario that asked for it.
            ScenarioError: anything else that the scenario raises.
        """
        space: dict[str, Any] = {"__name__": f"scenario_{self.name}", "__file__": str(self.path)}
        try:
            exec(compile(self.source, str(self.path), "exec"), space)
            space["scenario"](lab)
        except Cancelled:
            raise
        except FacetuiError as error:
            error.args = (f"{self._where(error)}{error}",)
            raise
        except Exception as error:
            raise ScenarioError(f"{self._where(error)}{type(error).__name__}: {error}") from error

    def _where(self, error: BaseException) -> str:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(self.path)]
        return f"{self.path.name}, line {lines[-1]}: " if lines else ""


@dataclass(frozen=True)
class Settings:
    """What a run depends on, as asked for.

    Attributes:
        cast: name or TOML file.
        people: ``embedded`` or a folder; absent: what the cast says.
        users: names of those who protect their photos; absent: chosen by the seed.
        seed: of every random draw.
        device: as for ``device.choose``.
        out: the folder in which the run's folder is made.
        cache: folder of results; absent: nothing is kept or reused.
        folder: the run's folder, existing and without a journal; absent: one is made in ``out``.
    """

    out: Path
    cast: str = "embedded"
    people: str | None = None
    users: tuple[str, ...] | None = None
    seed: int = 0
    device: str = "auto"
    cache: Path | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes:
        folder: its journal.
        error: what stopped it, or ``None``.
    """

    folder: Path
    error: FacetuiError | None


def versions() -> dict[str, str]:
    """Of facetui, Python and what computes."""
    found = {"python": platform.python_version()}
    for package in ("facetui", "torch", "numpy", "kornia", "facenet-pytorch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def peak_memory() -> int:
    """Most main memory the process held, bytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if platform.system() == "Darwin" else peak * 1024)


def run(
    scenario: Scenario,
    settings: Settings,
    displays: Sequence[Display] = (),
    cancel: threading.Event | None = None,
    on_folder: Callable[[Path], None] = lambda folder: None,
) -> Outcome:
    """Play a scenario, write its journal, and show its events.

    What was computed stays in the cache however a run ends, so running it again goes on where it stopped.

    Args:
        scenario: the story.
        settings: what it depends on.
        displays: called with every event after it is in the journal.
        cancel: set it to stop the run at its next step.
        on_folder: called with the journal's folder once it exists.

    Returns:
        The journal's folder, and the error that stopped the run.

    Raises:
        FacetuiError: before the run began: people, cast, device or folder that do not exist or fit.
    """
    import torch

    from facetui.engine import casts, device, people
    from facetui.engine.cache import Cache
    from facetui.engine.lab import Lab

    cast = casts.load(settings.cast)
    where = device.choose(settings.device)
    cache = Cache(settings.cache)
    everybody, tool = people.tool_faces(people.load(settings.people or cast.people, cache=cache))
    journal = Journal(settings.folder or new_run_folder(settings.out, scenario.name))
    on_folder(journal.folder)
    stop = cancel or threading.Event()

    def emit(event: Event) -> None:
        journal.append(event)
        for display in displays:
            display(event)

    lab: Lab | None = None
    try:
        lab = Lab(
            everybody,
            cast,
            tool=tool,
            users=settings.users,
            seed=settings.seed,
            device=where,
            cache=cache,
            emit=emit,
            keep_picture=journal.add_picture,
            cancelled=stop.is_set,
            scenario_file=str(scenario.path),
        )
        names = list(dict.fromkeys([*cast.surrogates, *(g.extractor for g in cast.generations)]))
        lab.emit(
            RunBegan(
                scenario=scenario.name,
                title=scenario.title,
                source=scenario.source,
                seed=settings.seed,
                device=device.describe(where),
                cast=cast.name,
                people=everybody.source,
                n_people=len(everybody),
                users=[everybody.persons[i].name for i in lab.protected],
                surrogates=list(cast.surrogates),
                extractors={name: lab.networks.weights(name) for name in names},
                versions=versions(),
                pid=os.getpid(),
            )
        )
        for sentence in everybody.left_out:
            lab.note(f"Left out: {sentence}.")
        scenario.play(lab)
        lab.emit(RunEnded(peak_memory=peak_memory()))
    except FacetuiError as error:
        return _failed(journal, lab, error)
    except torch.OutOfMemoryError as error:
        from facetui.engine.errors import OutOfMemory

        way_out = "close other programs on it, use fewer people, or --device cpu"
        return _failed(journal, lab, OutOfMemory(f"the device ran out of memory ({error}); {way_out}"))
    finally:
        journal.close()
    return Outcome(journal.folder, None)


def _failed(journal: Journal, lab: Any, error: FacetuiError) -> Outcome:
    """Note in the journal why a run stopped, and keep the traceback beside it, as far as the disk allows."""
    log = journal.folder / "error.log"
    try:
        if not isinstance(error, Cancelled):
            log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        event = RunFailed(error=str(error), exit_code=error.exit_code, log=log.name if log.exists() else "")
        lab.emit(event) if lab is not None else journal.append(event)
    except (OSError, FacetuiError):
        pass  # the disk is full: the error itself still reaches the person at the keyboard
    return Outcome(journal.folder, error)
