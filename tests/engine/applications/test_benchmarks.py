"""Benchmarks: what fails is a row that says so, what is measured is measured alternately, a busy machine is said."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facetui.engine.applications.benchmarks import load, peers, speed
from facetui.engine.applications.benchmarks.load import Load, Meter, Processors, processors
from facetui.engine.applications.benchmarks.repeated import Repeated
from facetui.engine.attacks import ATTACKS
from facetui.tui.cli.machine import bench


def no_packaging(head, batch, device):
    raise ModuleNotFoundError("No module named 'packaging'")


def breaks_later(head, batch, device):
    def run(photos, targets):
        if len(photos) > 2:  # not yet when it is warmed up
            raise RuntimeError("expected 3 channels\n\x1b[2Jgot 4")
        return photos

    return run


def does_nothing(head, batch, device):
    return lambda photos, targets: photos


def test_a_peer_that_cannot_be_imported_or_fails_is_a_row_and_the_others_are_measured(tiny_cast):
    invented = {"typer": no_packaging, "rich": breaks_later, "not_there": does_nothing, "msgspec": does_nothing}
    rows = {row.library.split()[0].rstrip(","): row for row in peers.compare("tiny-x", "cpu", invented, rounds=2)}
    assert rows["typer"].missing == "cannot be imported: No module named 'packaging'"
    assert rows["rich"].missing == "failed: expected 3 channels [2Jgot 4"
    assert rows["not_there"].missing.startswith("not installed: ")
    other = rows["msgspec"]
    assert not other.missing and other.library != "msgspec", "its version is said"
    assert len(other.ratio.values) == 2 and other.seconds.median > 0 and other.protection < 1
    assert all(rows[name].rate is None for name in ("typer", "rich", "not_there"))


@pytest.fixture
def few_photos(monkeypatch):
    monkeypatch.setattr(speed.devices, "batch_size", lambda device: 8)
    monkeypatch.setattr(speed, "best_batch", lambda *_: 8)


def test_an_attack_loop_and_its_floor_are_measured_alternately(tiny_cast, few_photos, monkeypatch):
    monkeypatch.setattr(speed, "NETWORKS", ("tiny-x",))
    calls = []
    real = speed._rate
    monkeypatch.setattr(speed, "_rate", lambda work, *a, **k: calls.append(work.__name__) or real(work, *a, **k))
    (row,) = speed.attack_loop("cpu", seconds=0.3, rounds=3)
    assert calls[-6:] == ["work", "loop"] * 3
    assert len(row.bare.values) == len(row.loop.values) == 3
    assert row.ratio.values == tuple(a / b for a, b in zip(row.loop.values, row.bare.values, strict=True))


def test_every_attack_has_its_floor_beside_it(tiny_cast, few_photos, monkeypatch):
    class Some:
        get = staticmethod(ATTACKS.get)

        @staticmethod
        def names():
            return ["filters", "pgd"]

    monkeypatch.setattr(speed, "ATTACKS", Some)
    filters, pgd = speed.attacks("tiny-x", "cpu", seconds=0.2, rounds=2)
    assert filters.passes == 0 and filters.ratio is None
    assert pgd.passes > 0 and len(pgd.wall.values) == 2 and pgd.ratio.median > 0


# --- a busy machine -----------------------------------------------------------------------------------------------


def invented(busy: float, stolen: float, own: float, seconds: float = 10.0) -> Meter:
    """Two processors, for some seconds, of which so many were busy or stolen in all, and so many were our own."""
    times = iter([Processors(1000.0, 300.0, 5.0), Processors(1000.0 + 2 * seconds, 300.0 + busy, 5.0 + stolen)])
    owns = iter([7.0, 7.0 + own])
    return Meter(lambda: next(times), lambda: next(owns))


@pytest.mark.parametrize(
    ("busy", "stolen", "own", "says"),
    [
        (20.0, 0.0, 19.9, ""),
        (20.0, 0.0, 10.0, "others took 50% of the processors meanwhile"),
        (15.0, 4.0, 15.0, "the host took 20% of the processors meanwhile"),
        (16.0, 4.0, 8.0, "others took 40% and the host took 20% of the processors meanwhile"),
        (5.0, 0.0, 6.0, ""),  # two clocks that do not tick together
    ],
)
def test_what_others_take_is_measured(busy, stolen, own, says):
    found = invented(busy, stolen, own).load()
    assert str(found) == says and found.busy == bool(says)


def test_where_the_system_does_not_tell_nothing_is_said(tmp_path):
    assert Meter(lambda: None).load() == Load() and not Load().busy and str(Load()) == ""
    assert processors(tmp_path / "none") is None
    (tmp_path / "stat").write_text("cpu0 1 2\nnonsense\n")
    assert processors(tmp_path / "stat") is None


def test_only_processors_that_may_be_used_count(tmp_path):
    mine = sorted(os.sched_getaffinity(0))
    lines = ["cpu  9 9 9 9 9 9 9 9 0 0", *(f"cpu{n} 100 0 50 800 40 5 5 20 0 0" for n in mine)]
    lines.append(f"cpu{max(mine) + 1} 9999 0 0 0 0 0 0 0 0 0")
    (tmp_path / "stat").write_text("\n".join(lines) + "\nintr 1 2 3\n")
    tick, n = os.sysconf("SC_CLK_TCK"), len(mine)
    assert processors(tmp_path / "stat") == Processors(1020 * n / tick, 160 * n / tick, 20 * n / tick)


def test_what_this_process_does_is_not_others():
    meter = Meter()
    done = 0
    while meter._own() - meter._own_before < 0.3:
        done += sum(range(1000))
    found = meter.load()
    assert found.others is None or 0 <= found.others <= 1


def test_a_busy_machine_is_said_before_beside_and_after(capsys, monkeypatch):
    monkeypatch.setattr(load.os, "getloadavg", lambda: (9.0, 9.0, 9.0))
    monkeypatch.setattr(load.os, "cpu_count", lambda: 2)
    busy = bench.Busy()
    assert busy.mark(Load(0.01, 0.0)) == "" and busy.mark(Load(0.4, 0.0)) == " !" and busy.mark(Load(0.2, 0.0)) == " !"
    busy.say()
    before, after = capsys.readouterr().out.splitlines()
    assert before.startswith("load 9.0 on 2 processors before this began")
    assert after.startswith("! the machine was busy: others took 40% of the processors")


def test_of_a_quiet_machine_nothing_is_said(capsys, monkeypatch):
    monkeypatch.setattr(load.os, "getloadavg", lambda: (0.1, 9.0, 9.0))
    busy = bench.Busy()
    assert busy.mark(Load(0.05, 0.0)) == ""
    busy.say()
    assert capsys.readouterr().out == ""


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=9))
def test_the_median_lies_between_lowest_and_highest(values):
    repeated = Repeated(tuple(values))
    assert min(values) <= repeated.median <= max(values)
    assert ("(" in repeated.words()) == (len(values) > 1)
