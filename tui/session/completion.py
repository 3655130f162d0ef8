"""Names to complete inside strings: attacks, defences, extractors."""

from __future__ import annotations

import re

from facetui.engine.attacks import ATTACKS
from facetui.engine.defences import DEFENCES
from facetui.engine.extractors import EXTRACTORS

OPEN_STRING = re.compile(r"""(?:^|[^\w'"])(['"])([\w.+-]*)$""")
"""A string that was begun and not ended, up to the cursor."""


def in_a_string(kind: str) -> list[str]:
    """The names of a kind that stand in strings: ``attack``, ``defence`` or ``extractor``."""
    return {"attack": ATTACKS, "defence": DEFENCES, "extractor": EXTRACTORS}[kind].offered()  # type: ignore[attr-defined]


def begun(text: str) -> str | None:
    """What was typed of a string that is still open at the end of a text; ``None`` outside of strings."""
    found = OPEN_STRING.search(text)
    return found.group(2) if found else None
