"""The field in which the console's text is typed."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from facetui.engine.records.text import clean
from facetui.tui.session import messages
from facetui.tui.state import transcript


class Prompt(TextArea):
    """Several lines of Python: Enter runs them when they are whole, Tab completes, arrows at the edges recall.

    Args:
        console: what the page shows, and what was typed before.
    """

    class Submitted(Message):
        """Text was typed that is whole."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Wanted(Message):
        """It is asked how the text before the cursor may go on."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The field is left for the timeline."""

    class Typed(Message):
        """What is to be seen changed."""

    DEFAULT_CSS = """
    Prompt, Prompt:focus {
        layer: over; dock: bottom; height: 1; margin: 0 1 1 6; padding: 0; border: none;
        background: $background; color: $foreground; scrollbar-size: 0 0;
        & .text-area--cursor-line { background: $background; }
    }
    """

    def __init__(self, console: transcript.Console) -> None:
        self._page = console
        super().__init__(id="prompt", soft_wrap=False, tab_behavior="indent", show_line_numbers=False, compact=True)

    def _put(self, text: str) -> None:
        self.load_text(text)
        self.move_cursor(self.document.end)

    def _before(self) -> str:
        """The text before the cursor."""
        row, column = self.cursor_location
        return "\n".join([*self.text.split("\n")[:row], self.document.get_line(row)[:column]])

    async def _on_key(self, event: events.Key) -> None:
        """Keys of a console; all others type."""
        row = self.cursor_location[0]
        match event.key:
            case "enter":
                self._entered()
            case "tab":
                before = self._before()
                if not before.rpartition("\n")[2].strip():
                    self.insert("    ")
                else:
                    self.post_message(self.Wanted(before))
            case "up" if row == 0:
                self._recall(-1)
            case "down" if row == self.document.line_count - 1:
                self._recall(1)
            case "pageup" | "pagedown":
                self._page.scroll(5 if event.key == "pageup" else -5)
            case "escape":
                self.post_message(self.Left())
            case "ctrl+d" if not self.text:
                self.post_message(self.Left())
            case _:
                self._page.matches = []
                await super()._on_key(event)
                self.call_after_refresh(self.post_message, self.Typed())
                return
        event.prevent_default().stop()
        self.post_message(self.Typed())

    def _entered(self) -> None:
        text = self.text
        if self.cursor_location == self.document.end and transcript.is_whole(text):
            self._put("")
            self.post_message(self.Submitted(text))
        else:
            self.insert("\n" + transcript.indented(self._before()))

    def _recall(self, direction: int) -> None:
        text = self._page.recall(direction, self.text)
        if text is not None:
            self._put(text)

    def go_on(self, answer: messages.Completed) -> None:
        """Type what is sure, and show what is not; nothing when something else was typed meanwhile."""
        if answer.text != self._before():
            return
        longer = transcript.completed(answer.text, answer.fragment, answer.matches)
        self.insert(clean(longer[len(answer.text) :]))
        self._page.matches = answer.matches if len(answer.matches) > 1 else []
