"""A scenario's file: what it tells, what can be set, and playing it."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from facetui.engine.records.errors import (
    Cancelled,
    FacetuiError,
    OutOfMemory,
    ScenarioError,
    UsageError,
    lack_of_memory,
)

NO_MEMORY = (
    "memory ran out; close other programs, use fewer people or photos, another --device, or raise the limit "
    "(ulimit -v); what was computed is in the cache"
)

KINDS = {"int": int, "float": float, "str": str, "bool": bool}

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
        posts: how many photos it posts of each protected person, at each time: its ``POSTS = (4, 4)``; empty: it does
            not say.
    """

    name: str
    path: Path
    source: str
    title: str
    story: str = ""
    parameters: tuple[Parameter, ...] = ()
    posts: tuple[int, ...] = ()

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
        title, parameters = story.splitlines()[0], _parameters(path, functions[-1])
        return cls(path.stem, path, source, title, story, parameters, _posts(path, tree))

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


def _posts(path: Path, tree: ast.Module) -> tuple[int, ...]:
    """What a module says in ``POSTS``, without running it."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["POSTS"]:
            try:
                return msgspec.convert(ast.literal_eval(node.value), tuple[Annotated[int, msgspec.Meta(ge=1)], ...])
            except (ValueError, msgspec.ValidationError):
                line = f"{path}, line {node.lineno}"
                raise ScenarioError(f"{line}: expected POSTS as numbers of photos, e.g. POSTS = (4, 4)") from None
    return ()


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
