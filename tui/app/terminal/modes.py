"""What Textual switches on in a terminal, and what switches it off however the app ends."""

from __future__ import annotations

MODES = (1000, 1003, 1006, 1015, 1004, 2004, 2048)
"""What Textual switches on: the mouse, focus, pasting, sizes."""

RESTORE = "".join(["\x1b\\\x1b[<u", *(f"\x1b[?{m}l" for m in MODES), "\x1b[?7h\x1b[0m\x1b[?1049l\x1b[?25h"]).encode()
"""The first sequence ends a picture or a title that was cut off."""
