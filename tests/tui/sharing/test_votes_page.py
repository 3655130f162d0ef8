"""Voting on the page, in a real browser: a telephone, a guess, and another site that would vote, too."""

from __future__ import annotations

import time

import pytest

from facetui.engine.records.events import Answered

from ...support.presenting import until
from ...support.voting import HOSTILE


def test_a_telephone_votes_changes_its_mind_and_sees_the_counts(room, visit):
    playwright = pytest.importorskip("playwright.sync_api")
    page = visit(room.url, viewport={"width": 360, "height": 740})
    box = page.locator("#room")
    page.wait_for_selector("svg.live")
    assert box.is_hidden()
    room.asks("1", "as they are", HOSTILE, seconds=60)
    box.get_by_role("button", name="1 as they are").click()
    playwright.expect(box).to_contain_text("Counted: as they are")
    assert room.votes == {1: 1}
    box.get_by_role("button", name="2 <img").click()
    playwright.expect(box).to_contain_text("You may change it")
    until(lambda: room.votes == {2: 1})
    began = time.monotonic()
    assert room.vote(room.voter(), "1", 2) == 200
    playwright.expect(box.locator(".count").nth(1)).to_have_text("2")
    assert time.monotonic() - began < 3
    playwright.expect(box).to_contain_text("2 votes, ")
    assert page.locator("main script, main img[src=x]").count() == 0 and "owned" not in page.title()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.cookie") == "", "no script can read whose vote it is"
    page.reload()
    playwright.expect(box.get_by_role("button", name="1 as they are")).to_be_visible()
    box.get_by_role("button", name="1 as they are").click()
    until(lambda: room.votes == {1: 1, 2: 1})
    room.tell(Answered(question="1", answer=HOSTILE, choice=2, by="room", counts=[1, 1]))
    playwright.expect(box).to_be_hidden()
    assert "The room answers: <img src=x" in page.locator("#caption").inner_text()


def test_a_guess_is_set_in_a_field_and_all_of_them_stand_on_the_axis(room, visit):
    playwright = pytest.importorskip("playwright.sync_api")
    page = visit(room.url)
    page.wait_for_selector("svg.live")
    room.asks("1", seconds=60)
    box, field = page.locator("#room"), page.locator("#room input")
    field.fill("140")
    field.press("Enter")
    playwright.expect(box).to_contain_text("A whole number from 0 to 100")
    field.fill("40")
    field.press("Enter")
    playwright.expect(box).to_contain_text("Counted: 40 %")
    until(lambda: room.votes == {40: 1})
    playwright.expect(box).to_contain_text("1 guess")
    room.tell(Answered(question="1", answer="40 %", choice=40, by="room", guesses=[10, 40, 40, 90]))
    playwright.expect(page.locator("circle.guessed")).to_have_count(4)
    places = page.locator("circle.guessed").evaluate_all(
        "all => all.map((c) => [c.cx.baseVal.value, c.cy.baseVal.value])"
    )
    assert places[0][1] > places[1][1] == places[2][1] > places[3][1] and places[1][0] < places[2][0]


FORM = """<!doctype html><form method=post action="ADDRESS" enctype="text/plain">
<input name='{"question":"1","choice":1,"x":"' value='"}'></form><script>document.forms[0].submit()</script>"""
SEND = """async (address) => {
  const json = { "Content-Type": "application/json", "Facetui-Vote": "1" };
  for (const headers of [{}, json, { "Content-Type": "text/plain" }]) for (const mode of ["cors", "no-cors"]) {
    const body = '{"question":"1","choice":1}';
    await fetch(address, { method: "POST", mode, credentials: "include", headers, body }).catch(() => 0);
  }
}"""


def test_another_site_cannot_vote_with_the_cookie_of_this_one(browser, room, tmp_path):
    room.asks("1", "a", "b")
    context = browser.new_context()
    page = context.new_page()
    page.goto(room.url)
    page.wait_for_selector("#room button")
    evil = tmp_path / "evil.html"
    evil.write_text(FORM.replace("ADDRESS", f"{room.url}vote"))
    page.goto(evil.as_uri())
    page.wait_for_timeout(300)
    evil.write_text("<!doctype html><p>still here</p>")
    page.goto(evil.as_uri())
    page.evaluate(SEND, f"{room.url}vote")
    assert room.votes == {}
    context.close()
