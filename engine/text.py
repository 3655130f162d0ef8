"""Text from elsewhere: cleaned in one way for what is shown, and in one way for each format that is written.

Names of people, cohorts, attacks and files come from folders and journals that somebody else may have made. On a
terminal an escape sequence in one is a command, in a spreadsheet an equals sign is a formula.
"""

from __future__ import annotations

import re
import unicodedata

# Control characters, the marks that turn the direction of writing or take no room (but not the joiners that emoji and
# several scripts need), lone halves of surrogate pairs (bytes of a file name that are no text), and tags.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]+"
)
_NO_TEXT = re.compile("[\ud800-\udfff]")
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def clean(text: str) -> str:
    """Text that can be shown: control characters become a space, bytes that are no text ``\ufffd``."""
    return _NO_TEXT.sub("\ufffd", _UNSEEN.sub(" ", text))


def name(text: str) -> str:
    """A name as it is compared, shown and written in journals: cleaned, and composed (NFC).

    ``José`` typed on one machine and ``José`` made by another's file system are then the same.
    """
    return unicodedata.normalize("NFC", clean(text))


def csv_cell(value: object) -> object:
    """A value for a cell of CSV: text is cleaned, and what a spreadsheet would take for a formula begins with ``'``."""
    if not isinstance(value, str):
        return value
    shown = clean(value)
    return f"'{shown}" if _FORMULA.match(shown) else shown
