"""The page of a board: order, what survives, and text from files that somebody else made."""

from __future__ import annotations

import re

import pytest

from facetui.engine.applications.board import record
from facetui.engine.applications.board.record import Board, Cell, Person, Settings
from facetui.tui.sharing.reports import board_page

PROBES = 16
EVIL = "<script>alert(1)</script>|[x](http://evil.example)\x1b[31m`\u202e"


def made(tool: str, missed: dict[str, int], *, command: str = "", seed: int = 0, text: str = "", n: int = 8) -> Board:
    """Everybody misses as many probes of each trainer; of ``p00`` one less where there is one."""
    persons = []
    for i in range(n):
        cells = [
            Cell(
                trainer=kind,
                extractor=f"net-{kind}{text}",
                detail=text,
                probes=PROBES,
                missed=m,
                leaked=m // 2,
                clean=0,
            )
            for kind, m in missed.items()
        ]
        figures = {"photos": 8, "pairs": 7, "hidden": 1, "seconds": 4.0, "linf": 9.0, "dssim": 0.01}
        persons.append(
            Person(name=f"p{i:02d}{text}", state="measured", cells=cells, left_out=[text] * bool(text), **figures)
        )
    settings = Settings(
        people=f"embedded{text}", fictional=True, n_crowd=514, n_people=n, photos=8, size=448, cast=f"c{text}",
        strength="release", seed=seed, weights={f"a{text}": f"0123{text}"},
    )  # fmt: skip
    return Board(
        tool=f"{tool}{text}", command=command, about=text, settings=settings, persons=persons,
        versions={f"torch{text}": text}, device=text,
    )  # fmt: skip


WEAK = made("weak", {"naive": 15, "newer": 2, "purified": 1, "detected": 16})
STRONG = made("strong", {"naive": 16, "newer": 14, "purified": 12}, command="strong --in {input} --out {output}")
HALF = made("half", {"naive": 16, "newer": 8, "purified": 8})


@pytest.mark.parametrize("make", [board_page.html, board_page.markdown])
def test_tools_come_by_their_worst_case_and_what_survives_first(make):
    text = make([WEAK, HALF, STRONG]).replace("\\", "")  # Markdown's own
    assert board_page.in_order([WEAK, HALF, STRONG]) == [STRONG, HALF, WEAK]
    assert "strong survives every trainer here (3): naive net-naive 100 % (63-100 %)" in text
    assert "weak survives 1 of 3: naive net-naive 94 %" in text, "who throws away is left out"
    assert text.index("survives every trainer") < text.index("Tools by trainers")
    assert "strong --in {input} --out {output}" in text and "facetui board half --people-count 8" in text
    assert "6.2 %" in text and "8 of 64 photos" in text and "0.50" in text and "9/255" in text
    assert "cannot be compared" not in text


def test_figures_are_those_of_the_file():
    worst = WEAK.best()
    assert (worst.trainer, worst.rate, sum(worst.probes)) == ("purified", 1 / 16, 8 * PROBES)
    assert worst.interval == (1 / 16, 1 / 16)
    assert WEAK.retroactive().leaked_rate == 1 / 16 and STRONG.best().rate == 0.75
    assert WEAK.seconds_a_photo == 0.5 and WEAK.hidden == (8, 64)
    some = [*WEAK.persons[:3], *HALF.persons[3:]]
    mixed = Board(tool="mixed", command="", settings=WEAK.settings, persons=some)
    assert mixed.best().interval[0] < mixed.best().rate < mixed.best().interval[1]
    assert mixed.best(("detected",)) is None, "not tried on everybody"


def test_boards_measured_otherwise_are_said():
    text = board_page.markdown([STRONG, made("late", {"naive": 3}, seed=4)])
    assert "late was measured with other seed than strong" in text


def test_a_tool_that_failed_for_all_has_no_figures_and_comes_last():
    failed = Person(name="p01", state="failed", why="the command ended with exit code 3", photos=8)
    board = Board(tool="broken", command="x {input}", settings=WEAK.settings, persons=[failed])
    text = board_page.markdown([board, WEAK])
    assert "broken, p01: the command ended with exit code 3" in text and board_page.in_order([board, WEAK])[0] == WEAK
    assert "not measured" in text and "nothing could be measured" in list(board_page.lines(board))[-1]
    assert "No tool here survives" in board_page.html([board])


def prose(markdown: str) -> list[str]:
    """Lines outside of code, whose fences are longer than any in it."""
    lines, fence = [], ""
    for line in markdown.splitlines():
        if not fence and line.startswith("```"):
            fence = line.removesuffix("text")
        elif fence and line == fence:
            fence = ""
        elif not fence:
            lines.append(line)
    assert not fence
    return lines


def test_text_from_a_file_becomes_no_markup(tmp_path):
    evil = made("evil", {"naive": 16, "purified": 16}, command=f"x {{input}}\n```\n{EVIL}", text=EVIL)
    record.write(evil, tmp_path / "e.json")
    board = record.read(tmp_path / "e.json")
    assert board == evil
    page, plain = board_page.html([board]), board_page.markdown([board])
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    for text in (page, plain, "\n".join(board_page.lines(board))):
        assert "\x1b" not in text and "\u202e" not in text
    lines = prose(plain)
    assert len(lines) > 40 and not any(re.search(r"<script|(?<!\\)[\[\]`]", line) for line in lines)
    table = [re.sub(r"\\.", "", line) for line in lines if line.startswith("| evil")]
    assert [line.count("|") for line in table] == [10, 9], "a bar in a name parts no cells"
