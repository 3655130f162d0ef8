"""A run in which every text is hostile."""

from __future__ import annotations

import itertools
import unicodedata
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st

from facetui.engine.records.events import WHOLE_ARCHIVE, AnyEvent, Event, RunFailed

from ..support.sample_run import sample_events

PIECES = (
    "\x1b[31mred\x1b[0m\x1b]0;owned\x07",
    "\x9b2J\x9d52;c;eA==\x9c",
    "\r\n- item\n\n# heading\n```\nfence\n",
    "=HYPERLINK(1)",
    '"=1+1',
    "x;=cmd|' /C calc'!A0;\"@SUM(A1)",
    "\t+1",
    "-2",
    "@x",
    "\uff1d1",
    "<script>alert(1)</script>",
    '"><img src=x onerror="alert(1)">',
    "'</style></svg></pre><a href='javascript:1'>x</a>",
    "<!-- ",
    "]]>",
    "&#60;b&#62; &amp;lt;",
    "[x](http://evil.example) ![y](z) [[z]]",
    "http://evil.example www.evil.example me@evil.example <http://evil.example>",
    "**b** __b__ ~~s~~ `c` $m$ | a | b |\\",
    "    indented",
    "1. first",
    "+ item",
    "===",
    "[bold red]markup[/] [@click=app.quit]x[/] [link=http://evil.example]",
    "\u202etfel ot thgir\u2066\u200f\u061c",
    "\udce9\ud800",
    "\u2028\u2029\u0085\ufeff\ufffe\uffff\x00\x7f",
    "👩\u200d🔬 e\u0301 日本 \u200d\u200d a\u200db ▲\ufe0f",
    "constructor",
    "__proto__",
)
WRITING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}

pieces = st.one_of(st.sampled_from(PIECES), st.text(st.characters(categories=None), max_size=12))
hostile = st.one_of(
    st.lists(pieces, max_size=4).map("".join),
    st.sampled_from(PIECES).map(lambda piece: piece * (10_000 // len(piece))),
)
runs = st.lists(hostile, min_size=1, max_size=12).map(lambda texts: hostile_run(texts))
ROUNDS = settings(derandomize=True, max_examples=25, deadline=None)


def hostile_run(texts: list[str]) -> list[Event]:
    """The sample run; every text that is free in it is one of these. Dates are not: they are checked when read."""
    supply = itertools.cycle(texts)

    def poisoned(value: Any, key: str = "") -> Any:
        match value:
            case str() if key not in ("kind", "actor", "basis", "t") and value != WHOLE_ARCHIVE:
                return next(supply)
            case dict() if key:
                return {next(supply) + str(i): poisoned(inner, "value") for i, inner in enumerate(value.values())}
            case dict():
                return {name: poisoned(inner, name) for name, inner in value.items()}
            case list() | tuple():
                return [poisoned(inner, key if not isinstance(inner, dict) else "") for inner in value]
        return value

    failed = RunFailed(error="why", exit_code=1, seq=99, log="log")
    began, *rest = sample_events()
    began = msgspec.structs.replace(began, preprocessing={"a": "b"}, parameters={"a": "b"})
    return [msgspec.convert(poisoned(msgspec.to_builtins(event)), AnyEvent) for event in [began, *rest, failed]]


def unsafe(shown: str, allowed: str = "") -> list[str]:
    """What in a text commands a terminal, turns the direction of writing, or cannot be written."""
    return [
        repr(c)
        for c in shown
        if c not in allowed
        and (
            unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")
            or unicodedata.bidirectional(c) in WRITING
            or c in "\u200e\u200f\u061c\ufeff\ufffe\uffff"
        )
    ]
