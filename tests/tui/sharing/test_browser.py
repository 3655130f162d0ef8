"""The page in a real browser: live, scrubbed by keys, on a telephone, in the dark, without JavaScript, under attack."""

from __future__ import annotations

import msgspec
import pytest

from facetui.engine.records.events import Note
from facetui.engine.records.journal import Journal
from facetui.tui.runs import cues
from facetui.tui.sharing.reports.run_report import write
from facetui.tui.sharing.web import server_process
from facetui.tui.sharing.web.page import page as whole_page

from ...support.sample_run import sample_events, write_sample

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")


def text(page, selector: str) -> str:
    return page.locator(selector).inner_text()


def test_a_run_is_followed_live_scrubbed_and_caught_up_with(visit, served, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    book, events = Journal(folder), sample_events()
    for event in events[:9]:
        book.append(event)
    url = served(folder)
    page = visit(url, viewport={"width": 1280, "height": 900})
    playwright.expect(page.locator("#table")).to_contain_text("98 %")
    assert "live" in text(page, "#state") and "model-a" in text(page, "#table")
    for event in events[9:20]:
        book.append(event)
    playwright.expect(page.locator("#table")).to_contain_text("model-a robust")
    assert "!" in page.locator("td.news").first.evaluate("node => getComputedStyle(node, '::after').content")
    page.keyboard.press("g")
    assert "behind" in text(page, "#state") and "nothing was measured" in text(page, "#table")
    page.keyboard.press("}")
    page.keyboard.press("]")
    when = text(page, "#when")
    for event in events[20:]:
        book.append(event)
    cues.send(folder, 8, "timeline", "<b>the first curve</b>")
    page.wait_for_selector("#cue:not([hidden])")
    assert "<b>the first curve</b>" in text(page, "#cue") and text(page, "#when") == when, "a cue moves nobody"
    page.get_by_role("button", name="go there").click()
    assert "98 %" in text(page, "#table") and "model-b" not in text(page, "#table")
    page.keyboard.press("G")
    playwright.expect(page.locator("#table")).to_contain_text("model-b")
    book.close()
    playwright.expect(page.locator("#state")).to_contain_text("finished")
    title = page.locator("svg.live title").first.text_content()
    assert "whole archive" in title and page.get_by_role("button", name="previous move").count() == 1
    assert "11 %" in text(page, "#table"), "7 of 64, as in the app"
    page.keyboard.press("g")
    page.keyboard.press(" ")
    playwright.expect(page.locator("#state")).to_contain_text("playing")


def test_it_is_readable_on_a_telephone_and_in_the_dark(visit, served, tmp_path):
    write_sample(tmp_path / "run")
    url = served(tmp_path / "run")
    phone = visit(url, viewport={"width": 360, "height": 740}, color_scheme="dark", reduced_motion="reduce")
    phone.wait_for_selector("svg.live")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360, "nothing is cut off at the side"
    assert phone.locator("figure li").count() >= 3, "the lines are named below the chart"
    size = phone.locator("svg.live text").first.evaluate("node => node.getBoundingClientRect().height")
    assert size >= 9
    dark = phone.evaluate("getComputedStyle(document.body).backgroundColor")
    light = visit(url).evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    assert phone.locator("#faces img").count() == 3, "faces, where they are published"
    assert "as posted" in text(phone, "#faces"), "a picture says what it is"


def test_without_javascript_it_shows_the_last_state(visit, served, tmp_path):
    write_sample(tmp_path / "run")
    page = visit(served(tmp_path / "run"), java_script_enabled=False)
    assert "It began at 98 % and ends at 6 %." in text(page, "main") and "model-b" in text(page, "#table")
    assert page.locator("figure svg").count() == 1 and not page.locator("#controls").is_visible()


def test_when_the_presenter_is_gone_it_says_so_and_comes_back(visit, served, tmp_path):
    write_sample(tmp_path / "run")
    folder = tmp_path / "growing"
    folder.mkdir()
    book = Journal(folder)
    for event in sample_events()[:9]:
        book.append(event)
    server = server_process.start(folder)
    page = visit(server.url)
    page.wait_for_selector("svg.live")
    server.process.kill()
    playwright.expect(page.locator("#state")).to_contain_text("not answered")
    assert "98 %" in text(page, "#table"), "what was seen stays"


HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "\x1b]0;owned\x07\x1b[2J\u202e backwards",
    "{{constructor.constructor('x')()}} ${document.title='owned'}",
    "x" * 900_000,
)


def test_hostile_text_stays_text(visit, served, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    book = Journal(folder)
    began, *rest = sample_events()
    replaced = msgspec.structs.replace(began, scenario=HOSTILE[0], title=HOSTILE[1], source=HOSTILE[1])
    notes = [Note(text=words, t="2020-07") for words in HOSTILE]
    posted = [msgspec.structs.replace(e, cohort=HOSTILE[0]) if hasattr(e, "cohort") else e for e in rest]
    for seq, event in enumerate([replaced, *notes, *posted]):
        book.append(msgspec.structs.replace(event, seq=seq))
    book.close()
    url = served(folder)
    for settings in ({}, {"java_script_enabled": False}):
        page = visit(url, **settings)
        page.wait_for_selector("#notes li")
        assert "owned" not in page.title() or page.title().startswith("<img")
        assert page.locator("main script, main img[src=x]").count() == 0
        assert "<img src=x" in text(page, "#notes") and "\x1b" not in page.content()
    assert len(whole_page([replaced, *notes])) < 200_000, "long texts are cut"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_report_of_a_hostile_run_runs_nothing_and_fits(visit, tmp_path, width, scheme):
    book, hostile = Journal(tmp_path), '</pre></style><img src=x onerror="window.got=1"><script>window.got = 1</script>'
    for event in sample_events():
        names = [
            name for name in ("text", "title", "scenario", "cohort", "extractor", "source") if hasattr(event, name)
        ]
        book.append(msgspec.structs.replace(event, **dict.fromkeys(names, hostile)))
    book.append(Note(text="long" * 250_000))
    book.close()
    write(tmp_path, tmp_path / "r.html")
    page = visit((tmp_path / "r.html").as_uri(), viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("window.got") is None and page.locator("script, img").count() == 0
    assert page.locator("h1").inner_text() == hostile
    assert page.evaluate("document.documentElement.scrollWidth") <= width
