"""Files from elsewhere, changed at random: every outcome is a value, or one sentence that names the file, and an end.

``FACETUI_FUZZ`` is the number of examples for each kind; ``make fuzz`` sets it so that this takes about twenty minutes.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facetui.engine.people import casts
from facetui.engine.records import journal
from facetui.engine.records.cohort_table import cohort_table
from facetui.engine.records.errors import FacetuiError, JournalError
from facetui.engine.records.events import (
    Answered,
    Asked,
    Counted,
    DetectionMeasured,
    Event,
    OpenSetMeasured,
    RunFailed,
    SearchForecast,
    SearchMeasured,
    VerificationMeasured,
    decode,
    encode,
)
from facetui.engine.records.fields import DATE
from facetui.tui.runs import archive, cues, recent
from facetui.tui.runs.answers import Limits
from facetui.tui.runs.archive import zstd
from facetui.tui.runs.remote import Mirror
from facetui.tui.screens import frame
from facetui.tui.screens.pages import PAGES
from facetui.tui.sharing.reports import export, run_report
from facetui.tui.sharing.web.page import page
from facetui.tui.state.app_state import Stage
from facetui.tui.state.snapshot import Scene
from facetui.tui.text import sentences
from facetui.tui.text.plain import Plain
from facetui.tui.text.table import table_lines

from ...support import mutations
from ...support.ending import check_error, ends_within
from ...support.mutations import changed, changes, raw_changes
from ...support.rogue import Rogue
from ...support.sample_run import write_sample

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("FACETUI_FUZZ", "150"))
SECONDS = 10.0
"""Within which everything must be over, on a machine that does other things besides."""

VIEWS = tuple(page.name for page in PAGES)

fuzzed = settings(
    derandomize=True,
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)


class Sample(NamedTuple):
    """A small finished run: its journal, its cues, and an archive of it, also without its compression."""

    events: bytes
    cues: bytes
    packed: bytes
    tar: bytes

    def __repr__(self) -> str:
        return "the sample"


def more_events() -> list[Event]:
    """Of the kinds that the sample has none of."""
    search = SearchMeasured(
        extractor="model-b",
        k=10,
        recall=0.4,
        discovery=0.9,
        discovery_interval=(0.8, 0.95),
        identity_uniformity=0.2,
        n_probes=64,
        n_enrolled=160,
        n_decoys=40,
    )
    detection = DetectionMeasured(
        against=["pgd"],
        attack="pgd",
        recall=0.97,
        recall_interval=(0.9, 0.99),
        false_positive_rate=0.02,
        false_positive_interval=(0.01, 0.05),
        precision=0.98,
        base_rate=0.001,
        base_rate_precision=0.04,
        base_rate_precision_low=0.02,
        n_clean=128,
        n_poisoned=64,
    )
    open_set = OpenSetMeasured(
        extractor="model-b",
        false_alarms=0.01,
        threshold=0.4,
        false_negatives=0.2,
        interval=(0.1, 0.4),
        people=[8, 8],
        missed=[1, 2],
        unprotected_error=0.1,
        n_unprotected=88,
        n_strangers=1148,
        n_gallery=530,
    )
    verification = VerificationMeasured(
        extractor="model-b",
        threshold=0.4,
        match_clean=0.99,
        match_posted=0.3,
        similarity_clean=0.7,
        similarity_posted=0.3,
        n_pairs=64,
    )
    asked = Asked(question="1", text="What now?", options=["a", "b"], seconds=30)
    counted, guessed = Counted(question="1", counts=[1, 2]), Asked(question="2", text="How many?")
    said = Answered(question="1", answer="b", choice=2, by="room", counts=[1, 2])
    middle = Answered(question="2", answer="40 %", choice=40, by="room", guesses=[10, 40, 90])
    room = [asked, counted, said, guessed, middle]
    foretold = SearchForecast(
        extractor="model-b",
        photos=[10**6, 10**9],
        rates=[0.6, 0.9],
        intervals=[(0.5, 0.7), (0.8, 1.0)],
        unprotected=[0.1, 0.2],
        n_probes=64,
        n_people=8,
        counted_among=[100, 1000],
        counted=[0.1, 0.3],
        checked_from=250,
        checked=0.28,
    )
    return [
        search,
        detection,
        open_set,
        foretold,
        verification,
        *room,
        RunFailed(error="no memory", exit_code=5, log="engine.log"),
    ]


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Sample:
    folder = tmp_path_factory.mktemp("fuzz") / "sample"
    events = write_sample(folder)
    with (folder / journal.EVENTS).open("ab") as file:
        for seq, event in enumerate(more_events(), len(events)):
            file.write(encode(msgspec.structs.replace(event, seq=seq, t="2022-03")) + b"\n")
    (folder / cues.CUES).write_bytes(cues.encode([cues.Cue(i, "faces", f"look {i}", "2026-01-01") for i in range(4)]))
    archive.pack(folder, folder / "run.tar.zst", "all")
    packed = (folder / "run.tar.zst").read_bytes()
    tar = zstd.decompress(packed)
    return Sample((folder / journal.EVENTS).read_bytes(), (folder / cues.CUES).read_bytes(), packed, tar)


def in_a_folder(name: str, data: bytes, do: Callable[[Path], object]) -> object:
    """Do something with a folder that holds one file."""
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        (place / name).write_bytes(data)
        with ends_within(SECONDS):
            return do(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def refused(error: FacetuiError, place: Path, name: str = journal.EVENTS) -> None:
    check_error(error, str(place / name))
    if "damaged" in str(error):
        assert f"{name}, line " in str(error), str(error)


# --- journals -----------------------------------------------------------------------------------------------------


def read(place: Path) -> list[Event] | None:
    """The journal, by everything that reads journals; they must agree on whether it can be read."""
    tail, got, said = journal.Tail(place), None, None
    try:
        got = journal.read(place)
    except JournalError as error:
        refused(error, place)
        said = str(error)
    try:
        followed = tail.more()
        assert followed == got or (not followed and got is None)
    except JournalError as error:
        refused(error, place)
        assert said is not None
    for one in recent.recent(place.parent):
        if one.folder == place:
            assert one.state in ("running", "finished", "failed", "killed", "empty", "damaged") and one.scenario
    try:
        assert len(journal.began_at(place)) <= 40
    except JournalError as error:
        refused(error, place)
    return got


@fuzzed
@given(changes)
def test_journals(sample, how):
    in_a_folder(journal.EVENTS, changed(sample.events, how), read)


@fuzzed
@given(st.lists(mutations.in_values | mutations.in_lines, min_size=1, max_size=6))
def test_what_is_made_of_events(sample, how):
    in_a_folder(journal.EVENTS, readable(changed(sample.events, how)), show)


def readable(data: bytes) -> bytes:
    """The lines that can be read: what is strange about them is then to be shown."""

    def is_read(line: bytes) -> bool:
        try:
            return decode(line) is not None or b"facetui_journal" in line
        except msgspec.DecodeError:
            return False

    return b"".join(line + b"\n" for line in data.split(b"\n") if is_read(line))


def show(place: Path) -> None:
    """Everything that is drawn, said and written of a run."""
    events = read(place)
    if events is None:
        return
    lines, plain = io.StringIO(), Plain(io.StringIO())
    for event in events:
        assert encode(event) and isinstance(sentences.words(event), str) and sentences.short_label(event) is not None
        plain(event)
        print(encode(event), file=lines)
    table_lines(cohort_table(events))
    assert page(events).endswith("</html>\n")
    draw(place, events)
    for kind in run_report.KINDS:
        try:
            run_report.write(place, place / f"report{kind}")
        except JournalError as error:
            check_error(error, place.name)
    try:
        archive.pack(place, place / "run.tar.zst")
    except JournalError as error:
        check_error(error, place.name)
    export.exported(Scene.of(events), kept=True)


def draw(place: Path, events: list[Event]) -> None:
    stage = Stage(motion=False)
    stage.open(place, live=True)
    stage.extend(events)
    for view in VIEWS:
        stage.view = view
        for width, height in ((80, 24), (200, 60), (40, 12)):
            assert len(frame.paint(stage, width, height)) == height
    for head in range(0, len(events), 7):
        stage.player.jump(head)
        stage.fold()
        stage.view = "timeline"
        frame.paint(stage, 100, 30)


near_the_head = st.one_of(
    st.builds(mutations.flip, st.floats(0, 0.08), st.integers(0, 7)),
    st.builds(mutations.insert, st.floats(0, 0.08), st.sampled_from([b"\r\n", b":", b"-", b"9" * 30, b"\xb2", b"\0"])),
    st.builds(mutations.cut, st.floats(0, 0.08), st.integers(1, 40)),
)


# --- followers ----------------------------------------------------------------------------------------------------


@fuzzed
@given(changes, st.integers(1, 3000))
def test_followers(sample, how, piece):
    data = changed(sample.events, how)
    with tempfile.TemporaryDirectory() as parent, ends_within(SECONDS):
        mirror = Mirror("http://127.0.0.1:9/x/", Path(parent))
        try:
            for at in range(0, len(data), piece):
                mirror._take(data[at : at + piece])
        except JournalError as error:
            check_error(error)
            assert "line" in str(error) or "events are missing" in str(error) or "format" in str(error), str(error)
        kept = journal.load(mirror.folder)
        assert data.startswith(kept)
        if b"\n" in kept:
            events = journal.read(mirror.folder)
            assert all(event.seq >= 0 for event in events)
        mirror.close()


def as_presented(data: bytes) -> list[bytes]:
    """A journal as answers of HTTP."""
    told = b'ETag: "one"\r\nFacetui-Status: finished\r\nFacetui-Cues: 0\r\n'
    part = b"Content-Range: bytes 0-%d/%d\r\n" % (len(data) - 1, len(data))
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(data[i : i + 999]), data[i : i + 999]) for i in range(0, len(data), 999))
    return [
        b"HTTP/1.1 206 Partial Content\r\n%s%sContent-Length: %d\r\n\r\n%s" % (told, part, len(data), data),
        b"HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n%s0\r\nA: b\r\n\r\n" % (told, pieces),
    ]


@fuzzed
@given(st.lists(mutations.raw, max_size=3), st.lists(near_the_head, min_size=1, max_size=3), st.booleans())
def test_answers(sample, how, head, chunked):
    """An answer whose bytes are changed; the presenter's side is gone afterwards."""
    answer = changed(changed(as_presented(sample.events[:3000])[chunked], how), head)
    server = Rogue({}, lambda asked: iter([answer]) if asked.number == 0 else None)
    limits = Limits(wait=1, patience=0.5, pause=0.01, back_off=(0.01,), answer=1 << 20, run=1 << 20)
    with tempfile.TemporaryDirectory() as parent, ends_within(SECONDS):
        mirror = Mirror(server.url, Path(parent), limits)
        mirror.start()
        while not mirror.over:
            time.sleep(0.002)
        server.close()
        if mirror.failed is not None:
            check_error(mirror.failed)
        assert len(journal.load(mirror.folder)) <= len(answer)
        mirror.close()


# --- archives, cues, casts ----------------------------------------------------------------------------------------


def unpack(place: Path) -> None:
    """An archive is opened and read as ``facetui replay`` does."""
    file = place / "run.tar.zst"
    try:
        with archive.unpacked_for_now(file) as folder:
            assert {p.relative_to(folder).parts[0] for p in folder.rglob("*")} <= {
                "events.jsonl",
                "cues.jsonl",
                "pictures",
            }
            journal.read(folder)
            cues.read(folder)
    except JournalError as error:
        check_error(error, str(file))


@fuzzed
@given(raw_changes)
def test_archives(sample, how):
    in_a_folder("run.tar.zst", changed(sample.packed, how), unpack)


@fuzzed
@given(raw_changes)
def test_archives_that_are_packed_well_but_hold_something_else(sample, how):
    data = zstd.compress(changed(sample.tar, how), level=1)
    in_a_folder("run.tar.zst", data, unpack)


@fuzzed
@given(changes)
def test_cues(sample, how):
    data = changed(sample.cues, how)

    def look(place: Path) -> None:
        for cue in cues.read(place):
            assert len(cue.text) <= cues.LONGEST and cues.encode([cue]).count(b"\n") == 1
        cues.send(place, 1, "timeline", "after all of that")
        assert cues.read(place)[-1:] != [] or len(data) > cues.MOST - 200 or not data.endswith(b"\n")

    in_a_folder(cues.CUES, data, look)


CAST = b"""title = "A cast"
people = "embedded"
surrogates = ["compact-a"]
training_steps = 300

[[generations]]
extractor = "compact-a"
released = "2019-01"

[[generations]]
extractor = "compact-b"
released = 2021-03-01
"""
TOML = (
    b"1" * 5000,
    b"[" * 3000,
    b"a." * 3000 + b"b = 1\n",
    b"{a=" * 3000,
    b"inf",
    b"nan",
    b"-1",
    b"1e400",
    b"99999999999999999999",
    b"0x" + b"f" * 5000,
    b'"%s"' % (b"x" * 70_000),
    b'"\\u0000"',
    b"9999-99-99",
    b"[[generations]]\n" * 3000,
    '"２０１９-０１"'.encode(),
)


@st.composite
def toml_changes(draw) -> list[mutations.Change]:
    def replaced(which: int, what: int) -> mutations.Change:
        def change(data: bytes) -> bytes:
            rows = data.split(b"\n")
            at = which % len(rows)
            key, equals, _ = rows[at].partition(b"=")
            rows[at] = key + b"= " + TOML[what] if equals else TOML[what]
            return b"\n".join(rows)

        return change

    one = st.builds(replaced, st.integers(0, 30), st.integers(0, len(TOML) - 1))
    return draw(st.lists(one | mutations.raw | mutations.in_lines, min_size=1, max_size=3))


@fuzzed
@given(toml_changes())
def test_casts(how):
    in_a_folder("cast.toml", changed(CAST, how), load_cast)


def load_cast(place: Path) -> None:
    try:
        cast = casts.load(str(place / "cast.toml"))
    except FacetuiError as error:
        check_error(error, str(place / "cast.toml"))
    else:
        assert cast.surrogates and all(DATE.fullmatch(one.released) for one in cast.generations)
        assert 1 <= cast.training_steps <= 1_000_000
        cast.newest("2020-01")
