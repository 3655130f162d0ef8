"""Indexes: the exact one finds what a plain comparison finds, whatever the blocks; others are told from it."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from facetui.engine.applications.benchmarks import search as bench
from facetui.engine.core.search import INDEXES, exact, make, vector_file
from facetui.engine.core.search.exact import Exact
from facetui.engine.records.errors import DataError, UnknownName, UsageError

FAISS = importlib.util.find_spec("faiss") is not None


def unit(n: int, size: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(n, size, generator=torch.Generator().manual_seed(seed)), dim=1)


@settings(deadline=None)
@given(
    n=st.integers(1, 70), q=st.integers(1, 9), k=st.integers(1, 80), block=st.integers(1, 40), probes=st.integers(1, 5)
)
def test_whatever_the_blocks_it_finds_what_one_comparison_finds(n, q, k, block, probes):
    vectors, asked = unit(n, 6), unit(q, 6, 1)
    index = Exact(6)
    for part in vectors.split(23):
        index.add(part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "BLOCK", block)
        patch.setattr(exact, "PROBES", probes)
        similarity, rows = index.search(asked, k)
    expected = (asked @ vectors.T).topk(min(k, n), dim=1)
    assert rows.shape == (q, min(k, n)) and torch.allclose(similarity, expected.values, atol=1e-6)
    assert torch.allclose((vectors[rows] * asked[:, None]).sum(2), similarity, atol=1e-6)
    assert all(len(set(row)) == len(row) for row in rows.tolist())


@pytest.mark.parametrize("k", [1, 3])
def test_of_equal_ones_the_earlier_comes_first(k, monkeypatch):
    monkeypatch.setattr(exact, "BLOCK", 2)
    index = Exact(4)
    index.add(torch.eye(4)[[1, 0, 0, 0, 1]])
    assert index.search(torch.eye(4)[:1], k)[1][0].tolist() == [1, 2, 3][:k]


def test_what_lies_in_a_file_is_searched_there_and_what_comes_after_it_too(tmp_path, monkeypatch):
    monkeypatch.setattr(exact, "BLOCK", 7)
    vectors = unit(50, 16)
    vector_file.write(tmp_path / "faces.npy", 40, vectors[:40].split(9))
    index = Exact.over(tmp_path / "faces.npy")
    index.add(vectors[40:])
    assert len(index) == 50
    similarity, rows = index.search(vectors, 1)
    assert rows[:, 0].tolist() == list(range(50)) and torch.allclose(similarity, torch.ones(50, 1), atol=3e-4)
    assert np.load(tmp_path / "faces.npy").shape == (40, 16), "any program reads it"


@pytest.mark.parametrize(
    ("make_file", "message"),
    [
        (lambda path: None, "no file of vectors"),
        (lambda path: path.write_bytes(b"\x93NUMPY"), "no file of vectors"),
        (lambda path: np.save(path, np.zeros((3, 4), np.float32)), "float32"),
        (lambda path: np.save(path, np.zeros(3, np.float16)), "rows of float16"),
        (lambda path: np.save(path, np.array([object()])), "no file of vectors"),
    ],
)
def test_other_files_are_refused_in_words(make_file, message, tmp_path):
    make_file(tmp_path / "x.npy")
    with pytest.raises(DataError, match=message):
        Exact.over(tmp_path / "x.npy")


def test_a_file_that_was_cut_is_said(tmp_path):
    path = tmp_path / "x.npy"
    vector_file.write(path, 30, unit(30, 4).split(10))
    index = Exact.over(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match="ends too early"):
        index.search(unit(1, 4), 1)
    for n, blocks in ((5, unit(9, 4).split(3)), (9, unit(5, 4).split(3)), (1, [])):
        with pytest.raises(ValueError, match="vectors"):
            vector_file.write(tmp_path / "y.npy", n, blocks)


@pytest.mark.parametrize(
    "name", ["exact", pytest.param("faiss:Flat", marks=pytest.mark.skipif(not FAISS, reason="faiss is not installed"))]
)
def test_every_index_refuses_alike(name):
    index = make(name, 4)
    assert index.exact
    with pytest.raises(UsageError, match="empty"):
        index.search(unit(1, 4), 1)
    with pytest.raises(UsageError, match=r"\(N, 4\)"):
        index.add(unit(2, 5))
    index.add(unit(6, 4))
    assert len(index) == 6 and index.search(unit(2, 4, 1), 9)[1].shape == (2, 6)
    with pytest.raises(UsageError, match="k of at least 1"):
        index.search(unit(1, 4), 0)


def test_names():
    assert "exact" in INDEXES and "faiss:HNSW32" in INDEXES
    with pytest.raises(UnknownName):
        make("exakt", 4)
    with pytest.raises(UsageError, match="no settings"):
        Exact(4, "fast")


@pytest.mark.skipif(not FAISS, reason="faiss is not installed")
def test_what_an_approximate_index_misses_is_its_recall():
    lines = list(bench.measure([2000], ["faiss:Flat", "faiss:IVF64,Flat"], rounds=1))
    by = {line.index: line for line in lines}
    assert list(by) == ["exact", "faiss:Flat", "faiss:IVF64,Flat"] and by["exact"].recall == 1
    assert by["faiss:Flat"].recall >= 0.99, "float16 in the file may turn two that are nearly alike"
    assert 0 < by["faiss:IVF64,Flat"].recall < 0.95, "it looks into one of 64 lists"
    with pytest.raises(UsageError, match="knows no index"):
        make("faiss:Nonsense99", 8)


def test_made_up_faces_are_the_same_whoever_asks():
    few, many = (torch.cat(list(bench.vectors(n, 3))) for n in (100, 70_000))
    assert torch.equal(few, many[:100]) and torch.allclose(many.norm(dim=1), torch.ones(70_000), atol=1e-5)
    index = Exact(bench.SIZE)
    index.add(many)
    found = index.search(bench.probes(70_000, 3), 1)[1][:, 0]
    known = torch.linspace(0, bench.CHUNK - 1, bench.PROBES).long()
    assert (found == known).float().mean() > 0.9, "a probe has somebody to be found"
    with pytest.raises(UsageError, match="at least 1"):
        list(bench.measure([0], []))


@pytest.mark.slow
def test_memory_does_not_grow_with_what_is_searched(tmp_path):
    import subprocess
    import sys

    n = 400_000
    vector_file.write(tmp_path / "faces.npy", n, bench.vectors(n, 0))
    code = (
        "import resource, sys, torch; from pathlib import Path\n"
        "from facetui.engine.core.search.exact import Exact\n"
        "index, probes = Exact.over(Path(sys.argv[1])), torch.nn.functional.normalize(torch.randn(768, 128), dim=1)\n"
        "few = Exact(128); few.add(torch.randn(4096, 128)); few.search(probes, 1)\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); index.search(probes, 1); print(peak() - before)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "faces.npy"], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 60_000, "100 MB lie in the file"
