from __future__ import annotations

import io
import subprocess
import sys

import msgspec
import pytest

from facetui.engine.records import journal
from facetui.engine.records.cohort_table import cell_marks, cell_remarks, cohort_table, marks
from facetui.engine.records.errors import JournalError, UsageError
from facetui.engine.records.events import (
    AnyEvent,
    ClockMoved,
    Note,
    Progress,
    ProtectionMeasured,
    RunBegan,
    RunEnded,
    decode,
    encode,
)
from facetui.tui.text.plain import Plain

from ...support.sample_run import sample_events


def example(kind: type) -> object:
    """An event of a kind with something in every field."""
    values = {
        str: "a",
        int: 3,
        float: 0.5,
        bool: True,
    }
    filled = {}
    for field in msgspec.structs.fields(kind):
        if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
            origin = getattr(field.type, "__origin__", field.type)
            filled[field.name] = {dict: {}, list: [], tuple: (0.25, 0.5)}.get(origin, values.get(origin))
    return kind(**filled)


@pytest.mark.parametrize("kind", AnyEvent.__args__, ids=lambda kind: kind.__struct_config__.tag)
def test_every_event_survives_json(kind):
    event = example(kind)
    assert decode(encode(event)) == event


def test_a_journal_reads_back_and_tells_how_it_stands(tmp_path):
    book = journal.Journal(tmp_path)
    events = [ClockMoved(seq=0, t="2020-07"), Note(seq=1, text="ein Übergang")]
    for event in events:
        book.append(event)
    assert journal.read(tmp_path) == events
    # The lock is this process's own; another one sees that the run goes on.
    code = (
        "import sys; from pathlib import Path; from facetui.engine.records import journal as j;"
        "f = Path(sys.argv[1]); print(j.status(f, j.read(f)))"
    )
    told = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "running"
    book.close()
    assert journal.status(tmp_path, events) == "killed"
    assert journal.status(tmp_path, [*events, RunEnded(peak_memory=1)]) == "finished"
    with pytest.raises(JournalError, match="closed"):
        book.append(events[0])


def test_unknown_kinds_are_skipped_and_partial_lines_kept(tmp_path):
    book = journal.Journal(tmp_path)
    book.append(Note(text="one"))
    book.close()
    with book.path.open("ab") as file:
        file.write(b'{"kind":"from_the_future","seq":1,"x":{}}\n' + encode(Note(text="two"))[:-4])
    assert [event.text for event in journal.read(tmp_path)] == ["one"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"hello\n", "not a facetui journal"),
        (b'{"facetui_journal": 99}\n', "upgrade"),
        (b'{"facetui_journal": 1}\n{"kind": "note"}\n', "line 2"),
        (b'{"facetui_journal": 1}\nnot json\n', "line 2"),
    ],
)
def test_damage_is_named(tmp_path, content, message):
    (tmp_path / journal.EVENTS).write_bytes(content)
    with pytest.raises(JournalError, match=message) as caught:
        journal.read(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_runs_are_found_by_the_beginning_of_their_name(tmp_path):
    for _ in range(2):
        folder = journal.new_run_folder(tmp_path, "a story/../x")
        journal.Journal(folder).close()
        assert folder.parent == tmp_path
    newest = journal.runs(tmp_path)[0]
    assert journal.find(newest.name, [tmp_path]) == newest
    with pytest.raises(UsageError, match="beginning of 2 runs"):
        journal.find("a-story", [tmp_path])
    with pytest.raises(UsageError, match="no run is called"):
        journal.find("other", [tmp_path])


def measured(cohort: str, extractor: str, rate: float, **more) -> ProtectionMeasured:
    return ProtectionMeasured(
        cohort=cohort,
        attack="pgd",
        extractor=extractor,
        defence=more.pop("defence", None),
        classifier="nearest",
        protection_rate=rate,
        n_probes=10,
        interval=(0, 1),
        **more,
    )


def test_the_table_is_a_fold():
    events = [
        Progress(task="", done=1, total=2),
        measured("whole archive", "a", 1.0),
        measured("2020-07 pgd", "a", 1.0),
        measured("whole archive", "a robust", 0.25, defence="adapt"),
        measured("2020-07 pgd", "a robust", 0.1, defence="adapt"),
        measured("2020-07 pgd", "b", 0.2),
        measured("2020-07 pgd", "b", 0.3, steps=["rescan until 2020-12"]),
        measured("x", "WebFace", 0.97, basis="cited", source="paper"),
    ]
    table = cohort_table(events)
    assert table.cohorts == ["2020-07 pgd", "whole archive"]
    assert table.generations == ["a", "a robust", "b", "b + rescan until 2020-12"]
    assert not table.rises("2020-07 pgd", "a robust") and table.rises("2020-07 pgd", "b")
    assert not table.rises_by_law("2020-07 pgd", "b"), "a worse model, and no law"
    assert [event.source for event in table.cited] == ["paper"]


def test_a_law_that_protects_is_told_from_a_worse_model():
    months = "12 months' retention"
    table = cohort_table(
        [
            measured("x", "a", 0.1),
            measured("x", "a", 0.9, law=months),
            measured("x", "b", 0.95, law=months),
            measured("x", "c", 0.2),
            measured("x", "d", 0.3),
        ]
    )
    risen = [name for name in table.generations if table.rises("x", name)]
    assert risen == [f"a + {months}", f"b + {months}", "d"]
    assert [name for name in risen if table.rises_by_law("x", name)] == [f"a + {months}"]
    assert len(marks(table)) == 2 and cell_remarks(table, "x", f"a + {months}")[0].startswith("higher, for a law")
    assert cell_marks(table, "x", "d", "^") == " ^" and cell_marks(table, "x", "c") == ""


def test_a_run_began_knows_everything_needed_to_repeat_it():
    fields = {field.name for field in msgspec.structs.fields(RunBegan)}
    assert {"seed", "device", "cast", "people", "users", "extractors", "versions", "source"} <= fields


def test_lines_of_a_second_run_know_nothing_of_the_first():
    def lines(runs):
        out = io.StringIO()
        plain = Plain(out, width=100)
        for events in runs:
            for event in events:
                plain(event)
        return out.getvalue()

    first = sample_events()
    second = [event for event in first if not isinstance(event, ProtectionMeasured) or event.extractor != "CLIP"]
    assert lines([first, second]) == lines([first]) + lines([second])
