"""What somebody sets once and for all: ``config.toml``; before it go the command line and the environment. No torch.

::

    theme = "facetui-light"
    motion = false
    people = "~/faces"

What is set on the command line goes first, then ``FACETUI_THEME`` and the like, then the file, then what facetui does
by itself.
"""

from __future__ import annotations

import difflib
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facetui.engine import system
from facetui.engine.records import places
from facetui.engine.records.errors import DataError, UnknownName, UsageError
from facetui.engine.records.text import brief, clean
from facetui.tui.app import remembered

FILE = "config.toml"
MOST = 1 << 16
"""Bytes of that file."""

THEMES = ("facetui", "facetui-light", "facetui-contrast", "ansi-dark", "ansi-light")
"""The themes that a key goes through."""

Value = str | bool
_SWITCH = {"on": True, "true": True, "yes": True, "1": True, "off": False, "false": False, "no": False, "0": False}
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


def _switch(value: object) -> Value:
    found = value if isinstance(value, bool) else _SWITCH.get(str(value).lower())
    if found is None:
        raise UsageError(f"expected true or false, got {brief(repr(value))}")
    return found


def _one_of(*names: str) -> Callable[[object], Value]:
    def check(value: object) -> Value:
        if not isinstance(value, str) or value not in names:
            raise UsageError(f"expected {' or '.join((', '.join(names[:-1]), names[-1]))}, got {brief(repr(value))}")
        return value

    return check


def _device(value: object) -> Value:
    if not isinstance(value, str) or not _DEVICE.fullmatch(value):
        raise UsageError(f"expected a device auto, cpu, mps, cuda or cuda:N, got {brief(repr(value))}")
    return value


def _folder(value: object) -> Value:
    """``embedded``, or a folder; one that is not there just now is no fault of the file."""
    if value == "embedded":
        return "embedded"
    if not isinstance(value, str) or not places.expanded(Path(value)).is_absolute():
        raise UsageError(f"expected 'embedded' or a whole path of a folder, got {brief(repr(value))}")
    return value


def _crowd(value: object) -> Value:
    """A number of fictional people, or a folder."""
    if str(value).isascii() and str(value).isdigit() and not isinstance(value, bool):
        return str(value)
    return _folder(value)


def _cast(value: object) -> Value:
    if isinstance(value, str) and value.endswith(".toml") and places.expanded(Path(value)).is_absolute():
        return value
    from facetui.engine.people import casts

    known = casts.names()
    if not isinstance(value, str) or value not in known:
        nearest = difflib.get_close_matches(str(value), known, 2, 0.6)
        raise UnknownName("cast", brief(str(value)), nearest, known)
    return value


@dataclass(frozen=True)
class Key:
    """Something that can be set.

    Attributes:
        about: what it is, in a few words.
        default: what holds where nobody sets it, in words.
        check: gives the value, or raises ``UsageError``.
    """

    about: str
    default: str
    check: Callable[[object], Value]


KEYS: Mapping[str, Key] = {
    "theme": Key("of the app", "facetui", _one_of(*THEMES)),
    "motion": Key("the app glides instead of stepping", "true", _switch),
    "mouse": Key("the app hears the mouse", "true", _switch),
    "pace": Key("of a story in the app", "read", _one_of("read", "fast")),
    "device": Key("what computes", "auto", _device),
    "people": Key("a folder with one folder of photos a person", "as the cast says", _folder),
    "crowd": Key("further people to search among", "490 fictional ones", _crowd),
    "cast": Key("surrogates and the trainer's extractors", "embedded", _cast),
    "strength": Key("of the tools", "release", _one_of("release", "workshop")),
}


@dataclass(frozen=True)
class Setting:
    """What holds.

    Attributes:
        value: as the program takes it; ``None``: its own default.
        source: where it comes from: the file, a variable, ``default``.
    """

    value: Value | None
    source: str


def place() -> Path:
    """Where the file is, or would be."""
    return places.config() / FILE


def _key(name: str) -> Key:
    if name not in KEYS:
        raise UnknownName("setting", brief(name), difflib.get_close_matches(name, KEYS, 2, 0.6), list(KEYS))
    return KEYS[name]


# --- reading ------------------------------------------------------------------------------------------------------


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(f"{places.short(path)} cannot be read ({error.strerror}); remove it") from error
    if len(data) > MOST:
        raise UsageError(f"{places.short(path)} is larger than {MOST >> 10} kB; facetui config lists what can be set")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{places.short(path)} is no text in UTF-8; write it anew, or remove it") from None


def _lines_of(text: str, name: str) -> list[int]:
    """Indices of the lines on which a key is set."""
    sets = re.compile(rf"\s*(\[+\s*)?([\"']?){re.escape(name)}\2\s*[=.\]]")
    return [number for number, line in enumerate(text.split("\n")) if sets.match(line)]


def _parsed(path: Path, text: str) -> dict[str, Value]:
    """What a file sets.

    Raises:
        UsageError: something in it cannot be understood; says which line.
    """
    try:
        found: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        where = f", line {line[1] if line else text.rstrip().count(chr(10)) + 1}"  # "at end of document"
        raise UsageError(f"{places.short(path)}{where}: no TOML ({brief(error)}); write: key = value") from None
    values = {}
    for name, value in found.items():
        lines = _lines_of(text, name)
        where = f"{places.short(path)}, line {lines[0] + 1 if lines else 1}"
        try:
            key = _key(name)
        except UnknownName as error:
            raise UsageError(f"{where}: {error}; correct that line, or remove it") from None
        try:
            values[name] = key.check(value)
        except UsageError as error:
            raise UsageError(f"{where}: {name}: {error}; to take it back: facetui config {name} --unset") from None
    return values


def from_file() -> dict[str, Value]:
    """What the file sets, by name.

    Raises:
        UsageError: it cannot be read, or something in it cannot be understood; says which line.
    """
    return _parsed(place(), _text(place()))


def settings() -> dict[str, Setting]:
    """Everything that can be set, by name, with what holds unless the command line says otherwise.

    Raises:
        UsageError: the file or a variable says what cannot be understood.
    """
    kept, before = from_file(), remembered.recall()
    earlier: dict[str, Value] = {"theme": before.theme} if before.theme in THEMES else {}
    earlier |= {} if before.motion else {"motion": False}
    found = {}
    for name, key in KEYS.items():
        variable = f"FACETUI_{name.upper()}"
        if given := os.environ.get(variable):
            try:
                found[name] = Setting(key.check(given), variable)
            except UsageError as error:
                raise UsageError(f"{variable}: {error}; correct it, or unset it") from None
        elif name in kept:
            found[name] = Setting(kept[name], places.short(place()))
        elif name in earlier:
            found[name] = Setting(earlier[name], "what the app remembers")
        else:
            found[name] = Setting(None, "default")
    return found


# --- writing ------------------------------------------------------------------------------------------------------


def put(name: str, value: object) -> Value:
    """Set something in the file; every other line of it stays as it is.

    Args:
        name: of what is set.
        value: as typed, or as the program has it.

    Returns:
        The value as it is kept.

    Raises:
        UsageError: no such name, or no such value, or the file cannot be understood.
        DataError: it cannot be written.
    """
    kept = _key(name).check(_whole(name, value))
    _write(name, kept)
    return kept


def unset(name: str) -> bool:
    """Take something out of the file; whether it was there. What is wrong with its value is no matter.

    Raises:
        UsageError: the file cannot be understood without it.
        DataError: it cannot be written.
    """
    lines = _text(place()).split("\n")
    if not _lines_of("\n".join(lines), name):
        _key(name)
        return False
    _write(name, None)
    return True


def _whole(name: str, value: object) -> object:
    """A path that was typed here, as it is called from everywhere."""
    typed = isinstance(value, str) and ((name == "cast" and value.endswith(".toml")) or name in ("people", "crowd"))
    if not typed or value == "embedded" or str(value).isdigit():
        return value
    return str(places.expanded(Path(str(value))).absolute())


def _write(name: str, value: Value | None) -> None:
    path = place()
    text = _text(path)
    lines = text.split("\n")
    there = _lines_of(text, name)
    line = [] if value is None else [f"{name} = {_toml(value)}"]
    if there:
        lines[there[0] : there[0] + 1] = line
    else:  # a file that can be read has no tables, in which a line at the end would be
        lines = [*text.rstrip("\n").split("\n"), *line] if text.strip() else line
    new = "\n".join(lines)
    if _parsed(path, new).get(name) != value:
        raise UsageError(f"{places.short(path)} sets {name} in a way that is not changed from here; change it by hand")
    _replace(path.resolve(), new if new.endswith("\n") or not new else new + "\n")


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    escaped = "".join(f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in clean(value))
    return f'"{escaped}"'


def _replace(path: Path, text: str) -> None:
    """Write a file of the user's own, or nothing; where its name is a link, what it leads to."""
    new = path.with_name(f".{FILE}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        system.replace(new, path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise DataError(f"{places.short(path)} cannot be written ({error.strerror})") from error


def adopt() -> None:
    """Move into the file what the app remembered elsewhere before there was one; where that fails, it stays there."""
    before = remembered.recall()
    if not before.theme and before.motion:
        return
    with suppress(UsageError, DataError):
        kept = from_file()
        if before.theme in THEMES and "theme" not in kept:
            put("theme", before.theme)
        if not before.motion and "motion" not in kept:
            put("motion", False)
        remembered.keep(remembered.Remembered(welcomed=before.welcomed))
