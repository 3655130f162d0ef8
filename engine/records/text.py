"""Text from elsewhere: cleaned in one way for what is shown, and in one way for each format that is written.

Names of people, cohorts, attacks and files come from folders and journals that somebody else may have made. On a
terminal an escape sequence in one is a command, in a spreadsheet an equals sign is a formula, in a page a bracket is
a link. Whatever is shown or written goes through the function of its place:

=============================  ==========================================================
a screen, a line, a message    ``clean``, and ``printable`` where it meets a stream
a name that is kept            ``name``
CSV                            ``csv_cell``
HTML, SVG and other XML        ``html``
Markdown                       ``markdown``
JSON                           ``json``
=============================  ==========================================================
"""

from __future__ import annotations

import re
import unicodedata
from html import escape

import msgspec

UNSEEN = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
"""The inside of a class of a regular expression: control characters, marks that turn the direction of writing or take
no room, what XML does not allow, and tags. Not the joiners that emoji and several scripts need."""

_UNSEEN = re.compile(f"[{UNSEEN}]+")
_ONE_UNSEEN = re.compile(f"[{UNSEEN}]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")
# Lone halves of surrogate pairs: bytes of a file name that are no text.
_NO_TEXT = re.compile("[\ud800-\udfff]")
# A joiner stands between the parts of one emoji. Elsewhere it makes programs count fewer columns than there are; and
# what changes the character before it would, at a text's beginning, change one that is not the text's.
_JOINS = "\u2190-\u2199\u2620\u2640\u2642\u2695\u2696\u26a7\u26d3\u2708\u2764\u27a1\u2b1b\U0001f300-\U0001faff"
_LOOSE_JOINER = re.compile(
    f"^[\u200d\ufe0e\ufe0f]+|(?<![\u26d3\u26f9\u2764\U0001f300-\U0001faff])(?<![\u26d3\u26f9\u2764\U0001f300-\U0001faff]\ufe0f)\u200d"
    f"|\u200d(?![{_JOINS}])"
)
# Where a cell begins; also where it would for a spreadsheet that parts cells by semicolons, as many languages have it.
_FORMULA = re.compile(r"(^|[;|])([\s\"']*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_MARKDOWN = re.compile(r"[\\`*_\[\]|#~$!{}^@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
_MARKDOWN_START = re.compile(r"^(\d{1,9}(?=[.)])|(?=[-+=]))")


def clean(text: str) -> str:
    """Text that can be shown: control characters become a space, bytes that are no text ``\ufffd``."""
    if text.isascii() and text.isprintable():
        return text
    return _LOOSE_JOINER.sub("", _NO_TEXT.sub("\ufffd", _UNSEEN.sub(" ", text)))


def brief(text: object, most: int = 160) -> str:
    """What a sentence can quote of a foreign text: cleaned, and so many characters of it at most."""
    said = clean(str(text))
    return said if len(said) <= most else said[: most - 1] + "…"


def release(released: str, published: str) -> str:
    """When an extractor is released in the story, and when it really was published, so that neither passes for both.

    Args:
        released: ISO date in the story; may be empty.
        published: year, or year and month; may be empty.
    """
    story = f"in this story released {released}" if published else f"released {released}"
    return "; ".join(filter(None, [story if released else "", f"published {published}" if published else ""]))


def printable(text: str, encoding: str | None = "utf-8") -> str:
    r"""Text for a stream: cleaned, and spelt out (``\xe9``) where its encoding cannot write it."""
    encoding = encoding or "ascii"
    return clean(text).encode(encoding, "backslashreplace").decode(encoding)


def name(text: str) -> str:
    """A name as it is compared, shown and written in journals: cleaned, and composed (NFC).

    ``José`` typed on one machine and ``José`` made by another's file system are then the same.
    """
    return unicodedata.normalize("NFC", clean(text))


def csv_cell(value: object) -> object:
    """A value for a cell of CSV: text is cleaned, and what a spreadsheet would take for a formula begins with ``'``."""
    return _FORMULA.sub(r"\1'\2", clean(value)) if isinstance(value, str) else value


def html(text: str) -> str:
    """Text for HTML, SVG and other XML, between tags and in quoted attributes."""
    return escape(clean(text))


def markdown(text: str) -> str:
    """Text for one paragraph, item or cell of Markdown: no markup, no HTML, no addresses that become links."""
    said = _MARKDOWN.sub(r"\\\g<0>", escape(clean(text).strip(), quote=False))
    return _MARKDOWN_START.sub(r"\1\\", said)


def json(value: object, *, ascii_only: bool = False) -> bytes:
    r"""A value as one line of JSON that can be printed: what ``clean`` takes away is written as ``\uXXXX``.

    Args:
        value: whatever msgspec can encode; halves of surrogate pairs in it become ``\ufffd``.
        ascii_only: write everything beyond ASCII so.
    """
    try:
        line = msgspec.json.encode(value)
    except UnicodeEncodeError:
        line = msgspec.json.encode(_whole(msgspec.to_builtins(value)))
    if line.isascii() and b"\x7f" not in line:
        return line
    hidden = _BEYOND_ASCII if ascii_only else _ONE_UNSEEN
    return hidden.sub(lambda found: _escaped(found[0]), line.decode()).encode()


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _whole(value: object) -> object:
    """A value of lists, dictionaries and text, without halves of surrogate pairs."""
    match value:
        case str():
            return _NO_TEXT.sub("\ufffd", value)
        case dict():
            return {_whole(key): _whole(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_whole(inner) for inner in value]
        case _:
            return value
