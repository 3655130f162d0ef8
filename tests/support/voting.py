"""A presenter who asks the room, and those who vote, by real requests."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

import msgspec

from facetui.engine.records.events import Answered, Asked, Event
from facetui.engine.runs import ballots

from .presenting import Presenter, until

JSON = {"Content_Type": "application/json", "Facetui_Vote": "1"}


HOSTILE = "<img src=x onerror=\"document.title='owned'\"> \x1b[31mred\u202e"


class Room(Presenter):
    """A run that is published with votes, whose questions the test asks."""

    def __init__(self, folder: Any, **how: Any) -> None:
        super().__init__(folder, votes=True, **how)
        self.write(3)
        self.seq = 3

    def tell(self, event: Event) -> None:
        self.book.append(msgspec.structs.replace(event, seq=self.seq))
        self.seq += 1

    def asks(self, question: str, *options: str, seconds: float = 60) -> None:
        self.tell(Asked(question=question, text=f"Question {question}?", options=list(options), seconds=seconds))
        until(lambda: self.question().startswith(question))

    def ends(self, question: str) -> None:
        self.tell(Answered(question=question, answer="", choice=None, by="room"))
        until(lambda: not self.question())

    def question(self) -> str:
        """What is told of the open one."""
        return self.ask("HEAD", "events.jsonl")[1].get("facetui-question", "")

    def voter(self) -> str:
        """The number of somebody who came just now."""
        status, _, body = self.ask("GET", "voter")
        assert status == 200 and body
        return body.decode()

    def post(self, body: Any, path: str = "vote", **headers: str) -> tuple[int, bytes]:
        """Send something as a vote."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("POST", self.path + path, content, named)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def vote(self, voter: str, question: str, choice: int, **more: str) -> int:
        return self.post({"question": question, "choice": choice}, **JSON, Facetui_Voter=voter, **more)[0]

    def raw(self, said: bytes) -> socket.socket:
        """A connection on which something was sent."""
        connection = socket.create_connection((self.host, self.port), timeout=20)
        connection.sendall(said)
        return connection

    @property
    def votes(self) -> dict[int, int]:
        """What the engine would read now."""
        now = ballots.read(self.folder)
        assert now is not None
        return now.votes
