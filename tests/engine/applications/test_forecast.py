"""``bench forecast``: ten times the strangers are foretold before they are searched, and the forecast holds."""

from __future__ import annotations

import pytest
import torch

from facetui.engine.applications.benchmarks.forecast import FAR, know, measure
from facetui.engine.records.errors import UsageError

from ...support.commands import facetui


def test_ten_times_the_strangers_are_foretold_and_then_counted(tmp_path):
    first, second, *far = measure("compact-c", [10_000, 100_000], folder=tmp_path)
    assert first.foretold is None and first.counted is not None
    assert second.counted is not None and second.foretold is not None and second.interval is not None
    low, high = second.interval
    assert low - 0.02 <= second.counted <= high + 0.02, second
    assert [line.faces for line in far] == list(FAR)
    assert all(line.counted is None and (line.foretold or 0) > second.counted for line in far)
    assert far[1].cards >= 9 * far[0].cards > 0 and far[1].seconds > far[0].seconds
    assert not list(tmp_path.iterdir()), "the file is gone"


def test_strangers_resemble_the_crowd_and_are_the_same_for_every_number():
    known = know("compact-a", torch.device("cpu"))
    few, many = next(known.strangers(1000, 4)), next(known.strangers(70_000, 4))
    assert torch.equal(few, many[:1000]) and torch.allclose(few.norm(dim=1), torch.ones(1000))
    similar = (known.probes @ few.T).max(1).values
    assert 0.2 < float(similar.mean()) < float(known.own.mean()), "nearer than by chance, farther than oneself"


@pytest.mark.parametrize("sizes", [[1_000_000], [100, 1_000_000], [5000, 5000]])
def test_one_number_is_no_check(sizes, tmp_path):
    with pytest.raises(UsageError, match="two or more"):
        next(measure("compact-a", sizes, folder=tmp_path))
    assert not list(tmp_path.iterdir())


def test_the_command_prints_what_was_counted_beside_what_was_foretold():
    said = facetui("bench", "forecast", "--faces", "5000,20_000")
    assert said.returncode == 0, said.stderr
    rows = [line.split() for line in said.stdout.splitlines()]
    assert rows[2][0] == "5,000" and "foretold" in rows[1]
    assert facetui("bench", "forecast", "--faces", "many").returncode == 2
