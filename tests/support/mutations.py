"""What can become of a file: bits, bytes, lines, lengths, and values of the wrong kind at every place of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Change = Callable[[bytes], bytes]

# What a text of JSON can hold at the place of a value, well formed or not.
VALUES = (
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1",
    b"1.0",
    b"1e-308",
    b"9007199254740992",
    b"1e308",
    b"-1e308",
    b"1e999",
    b"NaN",
    b"-Infinity",
    b"9007199254740993",
    b"-9223372036854775809",
    b"340282366920938463463374607431768211456",
    b"1" * 5000,
    b"0.1e-400",
    b'""',
    b'"0000-00"',
    b'"0000-01"',
    b'"9999-12-31"',
    b'"2021-02-30"',
    '"２０２１-０３"'.encode(),
    b'"\\ud800"',
    b'"\\u0000\\u001b[2J"',
    b'"\xff"',
    b'"%s"' % (b"x" * 70_000),
    b'"%s"' % (b"a b\\n" * 5000),
    b'"whole archive"',
    b'["a","a",""]',
    b'{"":"","a":"=1"}',
    b"[0,0]",
    b"[1,0]",
    b"[]",
    b"{}",
    b"[[]]",
    b'{"":{"":{}}}',
    b"[" * 3000,
    b"[" * 3000 + b"]" * 3000,
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
)


def _at(data: bytes, share: float) -> int:
    return min(len(data), int(share * (len(data) + 1)))


def flip(share: float, bit: int) -> Change:
    def change(data: bytes) -> bytes:
        at = min(_at(data, share), len(data) - 1)
        return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :] if data else data

    return change


def insert(share: float, what: bytes | int) -> Change:
    """Bytes, or one of ``VALUES``, anywhere."""
    more = VALUES[what] if isinstance(what, int) else what
    return lambda data: data[: _at(data, share)] + more + data[_at(data, share) :]


def cut(share: float, length: int) -> Change:
    return lambda data: data[: _at(data, share)] + data[_at(data, share) + length :]


def end(share: float) -> Change:
    return lambda data: data[: _at(data, share)]


def lines(what: str, one: float, other: float) -> Change:
    """Drop, double or swap whole lines."""

    def change(data: bytes) -> bytes:
        all_lines = data.splitlines(keepends=True)
        if not all_lines:
            return data
        a, b = (min(int(share * len(all_lines)), len(all_lines) - 1) for share in (one, other))
        if what == "drop":
            del all_lines[a]
        elif what == "double":
            all_lines.insert(b, all_lines[a])
        else:
            all_lines[a], all_lines[b] = all_lines[b], all_lines[a]
        return b"".join(all_lines)

    return change


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path, *(place for key, inner in value.items() for place in _places(inner, (*path, key)))]
    if isinstance(value, list):
        return [path, *(place for i, inner in enumerate(value) for place in _places(inner, (*path, i)))]
    return [path]


def value(line_share: float, place_share: float, what: int) -> Change:
    """Another one of ``VALUES`` at a place inside a line of JSON; well placed where the line still is JSON."""
    mark = "\x07replaced\x07"

    def change(data: bytes) -> bytes:
        all_lines = data.splitlines(keepends=True)
        if not all_lines:
            return data
        at = min(int(line_share * len(all_lines)), len(all_lines) - 1)
        try:
            told = json.loads(all_lines[at])
            places = _places(told)
        except (ValueError, RecursionError):
            return data
        *above, last = ("whole", *places[min(int(place_share * len(places)), len(places) - 1)])
        whole = inner = {"whole": told}
        for key in above:
            inner = inner[key]
        inner[last] = mark
        try:
            written = json.dumps(whole["whole"]).encode()
        except (ValueError, RecursionError):
            return data
        all_lines[at] = written.replace(json.dumps(mark).encode(), VALUES[what]) + b"\n"
        return b"".join(all_lines)

    return change


shares = st.floats(0, 1)
raw = st.one_of(
    st.builds(flip, shares, st.integers(0, 7)),
    st.builds(insert, shares, st.binary(min_size=1, max_size=8) | st.integers(0, len(VALUES) - 1)),
    st.builds(cut, shares, st.integers(1, 400)),
    st.builds(end, shares),
)
in_lines = st.builds(lines, st.sampled_from(["drop", "double", "swap"]), shares, shares)
in_values = st.builds(value, shares, shares, st.integers(0, len(VALUES) - 1))
changes = st.lists(st.one_of(in_values, in_values, in_lines, raw), min_size=1, max_size=4)
"""Several changes of a text of lines of JSON."""

raw_changes = st.lists(raw, min_size=1, max_size=4)


def changed(data: bytes, how: list[Change]) -> bytes:
    for change in how:
        data = change(data)
    return data
