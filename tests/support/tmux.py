"""A real terminal: tmux, whose screen can be read."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path


class Tmux:
    """One program in a tmux of its own."""

    def __init__(self, command: str, size: tuple[int, int], environment: dict[str, str]) -> None:
        self.socket = f"facetui-{os.getpid()}-{time.monotonic_ns()}"
        settings = " ".join(f"{key}='{value}'" for key, value in environment.items())
        shell = f"trap : INT; env {settings} {command}; echo left with $?; sleep 60"
        self.call("-u", "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), shell)

    def call(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self.socket, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def press(self, *keys: str) -> None:
        self.call("send-keys", *keys)

    def wait(self, pattern: str, seconds: float = 90) -> str:
        end, text = time.monotonic() + seconds, ""
        while time.monotonic() < end:
            text = self.call("capture-pane", "-p")
            if re.search(pattern, text):
                return text
            time.sleep(0.1)
        raise AssertionError(f"{pattern!r} never came:\n{text}")

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True)


def places(base: Path) -> dict[str, str]:
    """What a program in it finds in its environment: runs of its own, the cache that all tests share."""
    return {
        "FACETUI_RUNS": str(base / "runs"),
        "FACETUI_CACHE": os.environ["FACETUI_CACHE"],
        "TERM": "tmux-256color",
        "CI": "",
    }
