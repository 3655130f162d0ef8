"""Runs a scenario: events out, cancellation in."""

from __future__ import annotations

import ast
import platform
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from facetui.engine.records.errors import (
    Cancelled,
    FacetuiError,
    OutOfMemory,
    ScenarioError,
    UsageError,
    lack_of_memory,
)
from facetui.engine.records.events import Event, RunEnded, RunFailed
from facetui.engine.records.journal import Journal, new_run_folder

Display = Callable[[Event], None]

KINDS = {"int": int, "float": float, "str": str, "bool": bool}


NO_MEMORY = (
    "memory ran out; close other programs, use fewer people or photos, another --device, or raise the limit "
    "(ulimit -v); what was computed is in the cache"
)

Value = int | float | str | bool
"""What a scenario's parameter can be."""


@dataclass(frozen=True)
class Parameter:
    """Something that a scenario lets be set: ``def scenario(lab, photos: int = 8)``.

    Attributes:
        name: as in the signature.
        kind: its annotation, else what its default is.
        default: used when nothing is set.
    """

    name: str
    kind: type
    default: Value

    def parse(self, text: str) -> Value:
        """A value from the command line.

        Raises:
            UsageError: it is of another kind.
        """
        try:
            value: Value = msgspec.convert(text, self.kind, strict=False)
        except msgspec.ValidationError:
            raise UsageError(f"expected {self.name} as {self.kind.__name__}, got {text!r}") from None
        return value


@dataclass(frozen=True)
class Scenario:
    """A story: Python source with ``def scenario(lab)`` and a docstring that tells it.

    Attributes:
        name: the file's name without its ending.
        path: where it was read.
        source: its text.
        title: first line of its docstring.
        story: its docstring.
        parameters: what can be set, in the order of the signature.
    """

    name: str
    path: Path
    source: str
    title: str
    story: str = ""
    parameters: tuple[Parameter, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Scenario:
        """Read and parse a scenario; nothing of it is run.

        Raises:
            ScenarioError: it cannot be read, is not Python, or has no ``scenario``; names file and line.
        """
        try:
            source = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ScenarioError(f"{path} is not Python source in UTF-8; expected a scenario file") from None
        except OSError as error:
            raise ScenarioError(f"{path} cannot be read ({error.strerror}); check the path") from error
        return cls.parse(source, path)

    @classmethod
    def parse(cls, source: str, path: Path) -> Scenario:
        """A scenario from its text, as a journal keeps it.

        Args:
            source: its text.
            path: the file it stands for; it need not exist.

        Raises:
            ScenarioError: as for ``read``.
        """
        try:
            tree = ast.parse(source, str(path))
        except SyntaxError as error:
            raise ScenarioError(f"{path}, line {error.lineno}: {error.msg}; mend that line and run again") from None
        except ValueError:
            raise ScenarioError(f"{path} is not Python source in UTF-8; expected a scenario file") from None
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "scenario"]
        if not functions:
            raise ScenarioError(f"{path} has no function scenario; begin with: def scenario(lab):")
        story = ast.get_docstring(tree) or path.stem
        return cls(path.stem, path, source, story.splitlines()[0], story, _parameters(path, functions[-1]))

    def values(self, given: Sequence[str]) -> dict[str, Value]:
        """Values for its parameters from ``name=value``.

        Raises:
            UsageError: not of that form, no such parameter, or a value of another kind.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        values: dict[str, Value] = {}
        for text in given:
            name, equals, value = text.partition("=")
            if not equals:
                raise UsageError(f"expected --set name=value, got {text!r}")
            if name.strip() not in known:
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise UsageError(f"the scenario {self.name} has no parameter {name.strip()!r}; {has}")
            values[name.strip()] = known[name.strip()].parse(value.strip())
        return values

    def play(self, lab: Any, values: Mapping[str, Value] | None = None) -> None:
        """Run it on a lab, with its parameters' defaults or other values.

        Raises:
            FacetuiError: what the lab says, with the line of the scenario that asked for it.
            ScenarioError: anything else that the scenario raises.
        """
        space: dict[str, Any] = {"__name__": f"scenario_{self.name}", "__file__": str(self.path)}
        try:
            exec(compile(self.source, str(self.path), "exec"), space)
            space["scenario"](lab, **(values or {}))
        except Cancelled:
            raise
        except FacetuiError as error:
            error.args = (f"{self._where(error)}{error}",)
            raise
        except Exception as error:
            if lack_of_memory(error):
                raise OutOfMemory(f"{self._where(error)}{NO_MEMORY}") from error
            raise ScenarioError(f"{self._where(error)}{type(error).__name__}: {error}") from error

    def _where(self, error: BaseException) -> str:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(self.path)]
        return f"{self.path.name}, line {lines[-1]}: " if lines else ""


def _parameters(path: Path, function: ast.FunctionDef) -> tuple[Parameter, ...]:
    """The parameters after ``lab``; nothing of the file is run for it."""
    asked = [*function.args.posonlyargs, *function.args.args][1:] + function.args.kwonlyargs
    defaults = [*function.args.defaults, *function.args.kw_defaults]
    found = []
    for argument, default in zip(asked, defaults[-len(asked) :] if asked else [], strict=False):
        try:
            value = ast.literal_eval(default) if default is not None else None
        except ValueError:
            value = None
        kind = KINDS.get(ast.unparse(argument.annotation)) if argument.annotation else type(value)
        if kind is None or kind not in KINDS.values() or not isinstance(value, int | float | str | bool):
            raise ScenarioError(
                f"{path}, line {argument.lineno}: expected a parameter like `{argument.arg}: int = 8` "
                "(int, float, str or bool), with a plain value as its default"
            )
        found.append(Parameter(argument.arg, kind, value))
    if len(found) < len(asked):
        raise ScenarioError(f"{path}, line {function.lineno}: every parameter after lab needs a default, like photos=8")
    return tuple(found)


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
        values: of the scenario's parameters; what is left out has its default.
        folder: the run's folder, existing and without a journal; absent: one is made in ``out``.
        strict: a picture that cannot be read ends the run; otherwise it is left out and named.
    """

    out: Path
    cast: str = "embedded"
    people: str | None = None
    users: tuple[str, ...] | None = None
    seed: int = 0
    device: str = "auto"
    cache: Path | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    folder: Path | None = None
    strict: bool = False


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
    tell: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Outcome:
    """Play a scenario, write its journal, and show its events.

    What was computed stays in the cache however a run ends, so running it again goes on where it stopped.

    Args:
        scenario: the story.
        settings: what it depends on.
        displays: called with every event after it is in the journal.
        cancel: set it to stop the run at its next step.
        on_folder: called with the journal's folder once it exists.
        tell: called as ``tell(what, done, total)`` while people are read, before there is a journal.

    Returns:
        The journal's folder, and the error that stopped the run.

    Raises:
        FacetuiError: before the run began: people, cast, device or folder that do not exist or fit.
    """
    from facetui.engine.core import device
    from facetui.engine.runs.setup import begin, open_lab, prepare

    stop = cancel or threading.Event()

    def reading(what: str, done: int, total: int) -> None:
        if stop.is_set():
            raise Cancelled("stopped on request, before the run began; faces that were found are in the cache")
        tell(what, done, total)

    world = prepare(
        cast=settings.cast,
        people_from=settings.people,
        users=settings.users,
        seed=settings.seed,
        device_name=settings.device,
        cache_folder=settings.cache,
        strict=settings.strict,
        tell=reading,
    )
    journal = Journal(settings.folder or new_run_folder(settings.out, scenario.name))
    on_folder(journal.folder)

    def emit(event: Event) -> None:
        journal.append(event)
        for display in displays:
            display(event)

    lab: Any = None
    try:
        lab = open_lab(
            world,
            emit=emit,
            keep_picture=partial(journal.add_picture, fictional=world.people.fictional),
            cancelled=stop.is_set,
            path=str(scenario.path),
        )
        begin(lab, world, name=scenario.name, title=scenario.title, source=scenario.source, values=settings.values)
        with device.telling(lab.note):
            scenario.play(lab, settings.values)
        lab.emit(RunEnded(peak_memory=peak_memory()))
    except FacetuiError as error:
        return _failed(journal, lab, error)
    except Exception as error:
        if not lack_of_memory(error):
            raise
        return _failed(journal, lab, OutOfMemory(NO_MEMORY))
    finally:
        journal.close()
    return Outcome(journal.folder, None)


def _failed(journal: Journal, lab: Any, error: FacetuiError) -> Outcome:
    """Note in the journal why a run stopped, and keep the traceback beside it, as far as the disk allows."""
    log = journal.folder / "error.log"
    try:
        if not isinstance(error, Cancelled):
            log.write_text("".join(traceback.format_exception(error)), "utf-8", "backslashreplace")
        event = RunFailed(error=str(error), exit_code=error.exit_code, log=log.name if log.exists() else "")
        lab.emit(event) if lab is not None else journal.append(event)
    except (OSError, FacetuiError):
        pass  # the disk is full: the error itself still reaches the person at the keyboard
    return Outcome(journal.folder, error)
