"""Pictures in real pixels, by sixel or kitty's protocol, where textual-image is installed and the terminal answers."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if sys.platform != "win32":
    import termios
    import tty

if TYPE_CHECKING:
    from PIL.Image import Image
    from textual.app import App

    from facetui.tui.figures.photos import Placed
    from facetui.tui.figures.pixels import Picture

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
            assert picture.picture is not None
            widget = self._widget(_for_pillow(picture.picture))
            widget.styles.layer = "over"
            widget.styles.position = "absolute"
            widget.styles.offset = (picture.x, picture.y)
            widget.styles.width, widget.styles.height = picture.width, picture.width // 2
            app.mount(widget)
            self._shown.append((picture, widget))


def _for_pillow(picture: Picture) -> Image:
    from PIL import Image  # comes with textual-image

    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)


class Asked:
    """Asks the terminal what it is on entering, so that it answers while other things are done; hears it on leaving.

    Attributes:
        graphics: what draws pixels here; ``None`` without textual-image, or where the terminal does not say that it
            can.
    """

    def __init__(self) -> None:
        self.graphics: Graphics | None = None
        self._kitty = "KITTY_WINDOW_ID" in os.environ or "kitty" in os.environ.get("TERM", "")
        self._wanted = (
            importlib.util.find_spec("textual_image") is not None and os.environ.get("FACETUI_PICTURES") != "text"
        )
        self._source: int | None = None
        self._before: list[Any] = []
        self._end = 0.0

    def __enter__(self) -> Self:
        if self._wanted and not self._kitty:
            self._ask()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        attributes = self._hear()
        if kind is not None or not self._wanted or not (self._kitty or SIXEL in attributes):
            return
        try:
            from textual_image.widget import SixelImage, TGPImage  # asks the terminal again, for its cells' size
        except (ZeroDivisionError, OSError):  # a terminal that has no size
            return
        self.graphics = Graphics(TGPImage if self._kitty else SixelImage)

    if sys.platform == "win32":  # a console there cannot be asked

        def _ask(self) -> None:
            pass

        def _hear(self) -> list[str]:
            return []

    else:

        def _ask(self) -> None:
            with contextlib.suppress(OSError, AttributeError, ValueError, termios.error):
                source, target = sys.__stdin__.fileno(), sys.__stdout__.fileno()  # type: ignore[union-attr]
                self._before = termios.tcgetattr(source)
                self._source, self._end = source, time.monotonic() + PATIENCE
                tty.setcbreak(source)
                os.write(target, b"\x1b[c")

        def _hear(self) -> list[str]:
            """The attributes with which the terminal answered (DA1); empty when it stayed silent."""
            source, answer = self._source, b""
            if source is None:
                return []
            try:
                while not answer.endswith(b"c") and self._comes(source):
                    answer += os.read(source, 64)
            except OSError:
                return []
            finally:
                with contextlib.suppress(termios.error):
                    termios.tcsetattr(source, termios.TCSANOW, self._before)
            if not answer.startswith(b"\x1b[?") or not answer.endswith(b"c"):
                return []
            return answer[3:-1].decode("ascii", errors="replace").split(";")

        def _comes(self, source: int) -> bool:
            return bool(select.select([source], [], [], max(0.0, self._end - time.monotonic()))[0])
