"""Indexes: what finds the most similar of many embeddings, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.registry import Entry, Registry

if TYPE_CHECKING:
    from facetui.engine.core.search.index import Index

INDEXES: Registry[type[Index]] = Registry(
    "index",
    "facetui.indexes",
    {
        "exact": Entry(
            "facetui.engine.core.search.exact:Exact",
            "compares every probe with every vector, block by block, from memory or a file",
            {"needs": "nothing"},
        ),
    },
    {
        "faiss:FACTORY": Entry(
            "facetui.engine.core.search.faiss:Faiss",
            "an index of faiss by its factory string, e.g. faiss:Flat or faiss:IVF1024,Flat; most are approximate",
            {"needs": "facetui[faiss]"},
        ),
    },
)


def make(name: str, size: int) -> Index:
    """An empty index of vectors with ``size`` numbers.

    Raises:
        UnknownName: there is none of that name.
        UsageError: it cannot be made: a package is missing, or faiss knows no such factory.
    """
    return INDEXES.get(name)(size, name.partition(":")[2])
