"""A run's folder with a damaged journal, by every way to look at it: a sentence with file and line, a code, an end."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from facetui.engine.people import casts
from facetui.engine.records import journal
from facetui.engine.records.errors import DataError, JournalError, UsageError
from facetui.engine.records.events import decode, encode
from facetui.tui.app.app import FacetApp
from facetui.tui.runs import cues, recent
from facetui.tui.runs.answers import Limits
from facetui.tui.runs.archive import zstd
from facetui.tui.runs.remote import Mirror
from facetui.tui.text.spans import text_of

from ...support.ending import check_error, check_sentence, command, ends_within
from ...support.presenting import Presenter, until
from ...support.sample_run import sample_events, write_sample

LINE = 7


def in_line(old: bytes, new: bytes):
    """The journal with something else in its seventh line."""

    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        assert old in lines[LINE - 1]
        lines[LINE - 1] = lines[LINE - 1].replace(old, new, 1)
        return b"\n".join(lines)

    return change


def whole_line(new: bytes):
    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        lines[LINE - 1] = new
        return b"\n".join(lines)

    return change


DEEP = b"[" * 200_000
DAMAGES = {
    "one invalid byte": in_line(b"model-a", b"model\xff-a"),
    "half a character": in_line(b"model-a", b"model-\xe2\x82"),
    "half a line": whole_line(b'{"kind":"extractor_released","se'),
    "an empty line": whole_line(b""),
    "zeros": whole_line(b"\0" * 4096),
    "deep nesting": whole_line(DEEP),
    "deep nesting in a field": in_line(b'"abc"', DEEP),
    "deep nesting that ends": in_line(b'"abc"', DEEP + b"]" * len(DEEP)),
    "a list": whole_line(b"[]"),
    "a number for a word": in_line(b'"abc"', b"7"),
    "a word for a number": in_line(b'"seq":5', b'"seq":"5"'),
    "a list for a number": in_line(b'"wall":5.0', b'"wall":[]'),
    "nothing for a number": in_line(b'"wall":5.0', b'"wall":null'),
    "a number with a fraction": in_line(b'"seq":5', b'"seq":5.5'),
    "a number of 400 digits": in_line(b'"seq":5', b'"seq":' + b"9" * 400),
    "a number of 100000 digits": in_line(b'"seq":5', b'"seq":' + b"9" * 100_000),
    "an enormous exponent": in_line(b'"wall":5.0', b'"wall":1e999'),
    "seconds of aeons": in_line(b'"wall":5.0', b'"wall":1e300'),
    "NaN": in_line(b'"wall":5.0', b'"wall":NaN'),
    "infinity": in_line(b'"wall":5.0', b'"wall":-Infinity'),
    "less than nothing": in_line(b'"wall":5.0', b'"wall":-1e-9'),
    "no date": in_line(b'"2020-07"', b'"2020-13"'),
    "a date in other digits": in_line(b'"2020-07"', '"２０２０-０７"'.encode()),
    "an unknown actor of many words": in_line(b'"trainer"', b'"%s"' % (b"me\\n" * 50_000)),
    "half a surrogate pair": in_line(b'"abc"', b'"\\ud800"'),
    "a field is missing": in_line(b'"released":"2019-06",', b""),
    "two kinds": in_line(b'"seq":5', b'"kind":"note","seq":5'),
}
HEADERS = {
    "no header": (lambda data: data.partition(b"\n")[2], "not a facetui journal"),
    "a damaged header": (lambda data: b"\xff" + data[1:], "not a facetui journal"),
    "a header that is nested": (lambda data: DEEP + b"\n" + data, "not a facetui journal"),
    "a newer format": (lambda data: b'{"facetui_journal":2}\n' + data.partition(b"\n")[2], "upgrade facetui"),
    "a format of many digits": (lambda data: b'{"facetui_journal":%s}\n' % (b"9" * 5000), "not a facetui journal"),
    "a format below one": (lambda data: data.replace(b":1,", b":-1,", 1), "not a facetui journal"),
    "half a header": (lambda data: data[:10], "is empty"),
    "nothing": (lambda data: b"", "is empty"),
}


@pytest.fixture
def damaged(run, monkeypatch):
    """Damages the sample; it is then the only run that is known."""
    monkeypatch.setenv("FACETUI_RUNS", str(run.parent))

    def make(change) -> Path:
        path = run / journal.EVENTS
        path.write_bytes(change(path.read_bytes()))
        return run

    return make


COMMANDS = {
    "replay": ["replay", "RUN", "--display", "plain"],
    "replay-json": ["replay", "RUN", "--display", "json"],
    "show": ["runs", "show", "RUN"],
    "report": ["report", "RUN", "-o", "OUT/report.html"],
    "export": ["runs", "export", "RUN", "-o", "OUT/run.tar.zst"],
    "follow": ["follow", "RUN", "--display", "plain"],
}


@pytest.mark.parametrize("name", DAMAGES)
def test_every_command_says_file_and_line(name, damaged, tmp_path, monkeypatch, capfd):
    folder = damaged(DAMAGES[name])
    (tmp_path / "out").mkdir()
    for arguments in COMMANDS.values():
        given = [a.replace("RUN", folder.name).replace("OUT", str(tmp_path / "out")) for a in arguments]
        code, _, err = command(monkeypatch, capfd, *given)
        assert code == 4, (arguments, code, err)
        check_sentence(err.rstrip("\n"), f"{folder / journal.EVENTS}, line {LINE}: damaged (", "delete that line")
    assert list((tmp_path / "out").iterdir()) == []
    code, out, err = command(monkeypatch, capfd, "runs")
    assert code == 0 and f"{folder.name:<40} damaged" in out
    check_sentence(err.rstrip("\n"), f"line {LINE}: damaged")


@pytest.mark.parametrize("name", HEADERS)
def test_every_command_says_what_is_wrong_with_the_beginning(name, damaged, tmp_path, monkeypatch, capfd):
    change, holds = HEADERS[name]
    folder = damaged(change)
    (tmp_path / "out").mkdir()
    for what, arguments in COMMANDS.items():
        given = [a.replace("RUN", folder.name).replace("OUT", str(tmp_path / "out")) for a in arguments]
        code, _, err = command(monkeypatch, capfd, *given)
        assert code == 4, (arguments, code, err)
        said = "killed" if holds == "is empty" and what == "follow" else holds
        check_sentence(err.rstrip("\n"), str(folder.name), said)
    assert list((tmp_path / "out").iterdir()) == []
    code, out, _ = command(monkeypatch, capfd, "runs")
    assert code == 0 and "damaged" in out


def test_what_is_left_can_be_read_once_the_line_is_deleted(damaged, monkeypatch, capfd):
    folder = damaged(DAMAGES["one invalid byte"])
    path = folder / journal.EVENTS
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(lines[: LINE - 1] + lines[LINE:]))
    assert len(journal.read(folder)) == len(sample_events()) - 1
    code, out, _ = command(monkeypatch, capfd, "replay", folder.name, "--display", "plain")
    assert code == 0 and "sample" in out


@pytest.mark.parametrize("name", ["one invalid byte", "deep nesting", "a number of 100000 digits"])
@pytest.mark.parametrize("what", ["replay", "follow"])
def test_processes_end(name, what, damaged):
    """Processes of their own, whose every thread must end."""
    folder = damaged(DAMAGES[name])
    given = [folder.name if a == "RUN" else a for a in COMMANDS[what]]
    told = subprocess.run(
        [sys.executable, "-m", "facetui.tui.cli.main", *given], capture_output=True, text=True, timeout=20
    )
    assert told.returncode == 4
    check_sentence(told.stderr.rstrip("\n"), f"line {LINE}: damaged")


@pytest.mark.parametrize("name", ["one invalid byte", "half a line", "deep nesting", "an enormous exponent"])
def test_followers_of_an_address_are_told_the_line(name, tmp_path, monkeypatch, capfd):
    folder = tmp_path / "theirs"
    write_sample(folder)
    data = DAMAGES[name]((folder / journal.EVENTS).read_bytes())
    presenter = Presenter(tmp_path / "run")
    try:
        head, _, rest = data.partition(b"\n")
        assert head
        presenter.book._file.write(rest)
        presenter.book.close()
        until(lambda: presenter.ask("HEAD", "events.jsonl")[0] == 200)
        code, out, err = command(monkeypatch, capfd, "follow", presenter.url, "--display", "json")
        assert code == 4 and out.count("\n") == LINE - 2, "what came before it is shown"
        check_sentence(err.rstrip("\n"), f"line {LINE} of this run is damaged")
        status, _, body = presenter.ask("GET", "")
        assert status == 200 and b"<html" in body, "a browser still gets a page"
    finally:
        presenter.server.stop()


async def test_the_app_lists_and_opens_a_damaged_run(damaged):
    folder = damaged(DAMAGES["one invalid byte"])
    app = FacetApp(folder.parent, look_for_device=False, motion=False)
    async with app.run_test(size=(120, 30)) as keys:
        await keys.pause()
        assert "sample" in text_of(app.canvas.lines)
        app.open(folder, live=False)
        app.draw()
        assert f"line {LINE}: damaged" in " ".join(text_of(app.canvas.lines).split())
    assert app.ended == 4


@pytest.mark.parametrize("live", [False, True])
async def test_the_app_leaves_with_a_code_that_says_so(live, damaged):
    folder = damaged(DAMAGES["half a line"])
    app = FacetApp(folder.parent, folder, live=live, look_for_device=False, motion=False)
    async with app.run_test(size=(120, 30)) as keys:
        await keys.pause()
        await keys.press("q")
    assert app.return_value == 4


@pytest.mark.parametrize("name", [*DAMAGES])
def test_the_home_list_is_quick_about_the_ends_only(name, run):
    """What is wrong in the middle is said when the run is opened; what is wrong at an end is seen in the list."""
    path = run / journal.EVENTS
    first, *lines, last = path.read_bytes().splitlines(keepends=True)
    bad = DAMAGES[name](path.read_bytes()).split(b"\n")[LINE - 1] + b"\n"
    for content in (first, bad, *lines[1:], last), (first, *lines, bad), (bad, *lines, last):
        path.write_bytes(b"".join(content))
        assert recent.recent(run.parent)[0].state == "damaged"
    path.write_bytes(b"".join((first, *lines[:4], bad, *lines[5:], last)))
    assert recent.recent(run.parent)[0].state == "finished"


@pytest.mark.parametrize("long", [b"first", b"last"])
def test_the_home_list_reads_lines_that_are_longer_than_it_first_looks(long, run):
    path = run / journal.EVENTS
    header, first, *rest = path.read_bytes().splitlines(keepends=True)
    if long == b"first":
        first = first.replace(b"lab.measure()", b"lab.measure()" + b"#" * 100_000)
    else:
        rest[-1] = b'{"kind":"run_failed","seq":27,"wall":3.5,"error":"%s","exit_code":1}\n' % (b"x" * 100_000)
    path.write_bytes(b"".join((header, first, *rest)))
    (one,) = recent.recent(run.parent)
    assert (one.scenario, one.state) == ("sample", "finished" if long == b"first" else "failed")


@pytest.mark.parametrize("seconds", [-(2**40), 2**40, 2**55])
def test_a_file_of_no_calendar_is_listed(seconds, damaged, monkeypatch, capfd):
    folder = damaged(lambda data: data)
    try:
        os.utime(folder / journal.EVENTS, (0, seconds))
    except (OSError, OverflowError):
        pytest.skip("this file system keeps no such date")
    assert recent.recent(folder.parent)[0].state == "finished"
    code, out, err = command(monkeypatch, capfd, "runs")
    assert code == 0 and "finished" in out and err == ""


def test_an_enormous_journal_is_refused_before_it_fills_the_memory(damaged, monkeypatch, capfd):
    folder = damaged(lambda data: data)
    with (folder / journal.EVENTS).open("r+b") as file:
        file.truncate(1 << 40)
    for arguments in COMMANDS.values():
        given = [a.replace("RUN", folder.name).replace("OUT", str(folder)) for a in arguments]
        code, _, err = command(monkeypatch, capfd, *given, seconds=30)
        assert code == 4
        check_sentence(err.rstrip("\n"), str(folder / journal.EVENTS), "larger than 256 MB")
    assert recent.recent(folder.parent)[0].state == "damaged"


@pytest.mark.parametrize(
    "name", ["x" * 300, "x/" * 3000, "~nobody-of-this-name/run", "~nobody-of-this-name/run.tar.zst"]
)
@pytest.mark.parametrize("what", COMMANDS)
def test_names_that_no_file_can_have(name, what, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    given = [a.replace("RUN", name).replace("OUT/", "") for a in COMMANDS[what]]
    code, _, err = command(monkeypatch, capfd, *given)
    assert code in (2, 4)
    check_sentence(err.rstrip("\n"))


def test_a_parameter_that_could_not_be_written_again_is_damage():
    began = encode(sample_events()[0]).replace(b'"parameters":{}', b'"parameters":{"a":%s}')
    assert decode(encode(decode(began % b"-9223372036854775808"))).parameters == {"a": -(2**63)}
    for large in (b"9223372036854775808", b"9" * 400):
        line = began % large
        with pytest.raises(Exception, match="parameters") as refused:
            encode(decode(line))
        assert type(refused.value).__module__ == "msgspec"


def test_a_packed_run_is_named_by_its_archive(run, tmp_path, monkeypatch, capfd):
    """Not by the folder it was unpacked to, which is gone when that is read."""
    data = DAMAGES["half a line"]((run / journal.EVENTS).read_bytes())
    pack = tmp_path / "run.tar.zst"
    with zstd.open(pack, "wb") as file, tarfile.open(fileobj=file, mode="w|") as tar:
        entry = tarfile.TarInfo(journal.EVENTS)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    for arguments in (
        ["replay", str(pack), "--display", "plain"],
        ["report", str(pack), "-o", str(tmp_path / "r.html")],
    ):
        code, _, err = command(monkeypatch, capfd, *arguments)
        assert code == 4
        check_sentence(err.rstrip("\n"), f"{pack}/events.jsonl, line {LINE}: damaged")


# --- cues and casts -----------------------------------------------------------------------------------------------

CUES = {
    "an invalid byte": b'{"at":1,"text":"\xff"}\n',
    "deep nesting": DEEP + b"\n",
    "a number of many digits": b'{"at":%s}\n' % (b"9" * 5000),
    "below the first event": b'{"at":-1}\n',
    "a fraction": b'{"at":1.5}\n',
    "no number": b'{"at":NaN}\n',
    "a list": b"[]\n",
    "no text": b'{"at":1,"text":7}\n',
}


@pytest.mark.parametrize("name", CUES)
def test_damaged_cues_are_passed_over(name, run):
    (run / cues.CUES).write_bytes(b'{"at":1,"text":"a"}\n' + CUES[name] + b'{"at":2,"text":"b"}\n{"at":3')
    assert [cue.text for cue in cues.read(run)] == ["a", "b"]
    cues.send(run, 4, "timeline", "after half a line")
    assert [cue.text for cue in cues.read(run)] == ["a", "b", "after half a line"]


CAST = 'surrogates = ["a"]\n[[generations]]\nextractor = "a"\nreleased = "2019-01"\n'
CASTS = {
    "an invalid byte": (CAST.encode() + b"# \xff\n", "UTF-8"),
    "deep nesting": (CAST.encode() + b"x = " + DEEP, "nested too deeply"),
    "deep tables": (b"a." * 9000 + b"a = 1\n" + CAST.encode(), "cast.toml"),
    "a number of many digits": (b"training_steps = %s\n" % (b"9" * 5000) + CAST.encode(), "not TOML"),
    "an enormous number": (b"training_steps = 99999999999\n" + CAST.encode(), "training_steps"),
    "steps below one": (b"training_steps = 0\n" + CAST.encode(), "training_steps"),
    "no number": (b"training_steps = nan\n" + CAST.encode(), "training_steps"),
    "a word of many letters": (b"%s = 1\n" % (b"x" * 70_000) + CAST.encode(), "unknown field"),
    "a long date": (CAST.replace("2019-01", "2019-01" + "0" * 9000).encode(), "YYYY-MM"),
    "a date in other digits": (CAST.replace("2019-01", "２０１９-０１").encode(), "YYYY-MM"),
    "a date of TOML's own kind": (CAST.replace('"2019-01"', "2019-01-01").encode(), "released"),
    "half a line": (CAST.encode()[:-6], "at end of document"),
    "no generations": (b'surrogates = ["a"]\ngenerations = []\n', "at least one"),
    "more than a megabyte": (b"#" * (2 << 20) + b"\n" + CAST.encode(), "larger than"),
}


@pytest.mark.parametrize("name", CASTS)
def test_damaged_casts_are_refused_in_a_sentence(name, tmp_path):
    content, holds = CASTS[name]
    (tmp_path / "cast.toml").write_bytes(content)
    with ends_within(20), pytest.raises(DataError) as refused:
        casts.load(str(tmp_path / "cast.toml"))
    check_error(refused.value, str(tmp_path / "cast.toml"), holds)


def test_a_cast_of_a_name_that_no_file_can_have_is_said():
    for name in ("x" * 300, "x" * 300 + ".toml", "~nobody-of-this-name/x.toml"):
        with pytest.raises((UsageError, DataError)) as refused:
            casts.load(name)
        check_error(refused.value)


def test_a_tail_reads_on_where_a_line_was_half_written(tmp_path):
    folder = tmp_path / "run"
    write_sample(folder)
    data = (folder / journal.EVENTS).read_bytes()
    (folder / journal.EVENTS).write_bytes(data[:700])
    tail, got = journal.Tail(folder), []
    for at in range(700, len(data) + 97, 97):
        got += tail.more()
        (folder / journal.EVENTS).write_bytes(data[:at])
    assert got + tail.more() == journal.read(folder)


def test_a_mirror_says_a_long_line_by_its_number(tmp_path):
    mirror = Mirror("http://127.0.0.1:9/x/", tmp_path, Limits(line=100))
    with pytest.raises(JournalError) as refused:
        mirror._take(b'{"facetui_journal":1}\n{"kind":"other","seq":0}\n' + b"x" * 101)
    check_error(refused.value, "line 3", "longer than 100 bytes")
    mirror.close()
