"""A real browser, and runs that are served to it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from facetui.tui.sharing.web import server_process

from ...support.voting import Room

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser():
    """A Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium here: Debian's package chromium, or CHROMIUM=path")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def visit(browser):
    """Opens an address; whatever the page complains about fails the test."""
    error = pytest.importorskip("playwright.sync_api").Error
    contexts, complaints = [], []

    def go(url: str, **settings):
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on(
            "request", lambda asked: complaints.append(asked.url) if not asked.url.startswith((url, "data:")) else None
        )
        for _ in range(100):
            try:
                page.goto(url)
                break
            except error:  # the server is about to begin
                time.sleep(0.05)
        return page

    yield go
    for context in contexts:
        context.close()
    # The server begins after and ends before the browser: until then and from then on connections are refused or reset.
    assert [text for text in complaints if "404" not in text and "ERR_CONNECTION_RE" not in text] == []


@pytest.fixture
def served():
    """Serves a run's folder as long as the test runs."""
    servers = []

    def serve(folder: Path, *, votes: bool = False) -> str:
        servers.append(server_process.start(folder, votes=votes))
        return servers[-1].url

    yield serve
    for server in servers:
        server.stop()


@pytest.fixture
def room(tmp_path):
    """A published run of six moves on which one can vote."""
    made = Room(tmp_path / "run")
    made.write(6)
    made.seq = 9
    yield made
    made.server.stop()
