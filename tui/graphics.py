"""Pictures in real pixels, by sixel or kitty's protocol, where textual-image is installed and the terminal answers."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

    from facetui.tui.faces import Placed

PATIENCE = 0.15
"""Seconds that a terminal has to say what it is; over a slow link pictures are made of characters."""

SIXEL = "4"
"""What a terminal that draws sixels has among its attributes."""


class Graphics:
    """Widgets that lie over the canvas, one a picture.

    Args:
        widget: textual-image's, for the terminal at hand.
    """

    def __init__(self, widget: type[Any]) -> None:
        self._widget = widget
        self._shown: list[tuple[Placed, Any]] = []

    def place(self, app: App[Any], pictures: Sequence[Placed]) -> None:
        """Show some pictures instead of those that were shown; the same ones are left alone."""
        wanted = [picture for picture in pictures if picture.picture is not None]
        if [placed for placed, _ in self._shown] == wanted:
            return
        for _, widget in self._shown:
            widget.remove()
        self._shown = []
        for picture in wanted:
            widget = self._widget(picture.picture)
            widget.styles.layer = "over"
            widget.styles.position = "absolute"
            widget.styles.offset = (picture.x, picture.y)
            widget.styles.width, widget.styles.height = picture.width, picture.width // 2
            app.mount(widget)
            self._shown.append((picture, widget))


def available() -> Graphics | None:
    """What draws pixels here; ``None`` without textual-image, or where the terminal does not say that it can."""
    if importlib.util.find_spec("textual_image") is None or os.environ.get("FACETUI_PICTURES") == "text":
        return None
    kitty = "KITTY_WINDOW_ID" in os.environ or "kitty" in os.environ.get("TERM", "")
    if not kitty and SIXEL not in _attributes():
        return None
    try:
        from textual_image.widget import SixelImage, TGPImage  # asks the terminal again, for its cells' size
    except (ZeroDivisionError, OSError):  # a terminal that has no size
        return None
    return Graphics(TGPImage if kitty else SixelImage)


def _attributes() -> list[str]:
    """The attributes a terminal answers with when it is asked what it is (DA1); empty when it stays silent."""
    try:
        source, target = sys.__stdin__.fileno(), sys.__stdout__.fileno()  # type: ignore[union-attr]
        before = termios.tcgetattr(source)
    except (OSError, AttributeError, ValueError, termios.error):
        return []
    answer, end = b"", time.monotonic() + PATIENCE
    try:
        tty.setcbreak(source)
        os.write(target, b"\x1b[c")
        while not answer.endswith(b"c") and select.select([source], [], [], max(0.0, end - time.monotonic()))[0]:
            answer += os.read(source, 64)
    except OSError:
        return []
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(source, termios.TCSANOW, before)
    if not answer.startswith(b"\x1b[?") or not answer.endswith(b"c"):
        return []
    return answer[3:-1].decode("ascii", errors="replace").split(";")
