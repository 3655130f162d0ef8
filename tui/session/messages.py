"""What the app's console and its process say to each other: JSON, one message a line. No torch, no IPython."""

from __future__ import annotations

import io
import threading

import msgspec

from facetui.engine.records.text import json


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Typed text to run, and the columns there are for what it prints."""

    text: str
    width: int = 80


class Complete(msgspec.Struct, frozen=True, tag="complete"):
    """Text up to the cursor, to complete."""

    text: str


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The session is open: its run's folder, and what was typed in earlier ones, oldest first."""

    folder: str
    history: list[str]


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A line that was printed."""

    text: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """What was typed has run; the run's folder is another after a move was taken back."""

    ok: bool
    folder: str


class Completed(msgspec.Struct, frozen=True, tag="completed"):
    """How the text may go on: its last characters that would be replaced, and by what."""

    text: str
    fragment: str
    matches: list[str]


class Left(msgspec.Struct, frozen=True, tag="left"):
    """The session is closed, because it was asked to, or because it could not begin."""

    problem: str = ""


Question = Run | Complete
Answer = Ready | Said | Done | Completed | Left

_questions: msgspec.json.Decoder[Question] = msgspec.json.Decoder(Question)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def line(message: Question | Answer) -> bytes:
    """A message with its line break."""
    return json(message) + b"\n"


def question(text: bytes) -> Question:
    """What the app asks."""
    return _questions.decode(text)


def answer(text: bytes) -> Answer:
    """What the process answers."""
    return _answers.decode(text)


class Wire(io.TextIOBase):
    """Messages out, one at a time; as a stream, every line written to it is one."""

    encoding = "utf-8"

    def __init__(self, file: io.BufferedWriter) -> None:
        self._file = file
        self._rest = ""
        self._lock = threading.RLock()

    def send(self, message: Answer) -> None:
        """Send one; an app that is gone is no error, the session ends by its standard input."""
        with self._lock:
            try:
                self._file.write(line(message))
                self._file.flush()
            except OSError:
                pass

    def write(self, text: str) -> int:
        """Keep the last line until it is whole."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            for printed in lines:
                self.send(Said(printed))
        return len(text)

    def finish(self) -> None:
        """Send a last line without its break."""
        with self._lock:
            if self._rest:
                self.write("\n")
