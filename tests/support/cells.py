"""Cells of a grid with made-up figures; nothing outside the tests shows them."""

from __future__ import annotations

from facetui.engine.applications.benchmarks.cells import Cell, Results, Settings

SETTINGS = Settings(
    people="embedded",
    fictional=True,
    users=["p01", "p02", "p03", "p04"],
    n_people=8,
    n_crowd=0,
    crowd="",
    photos=4,
    seed=0,
    asked="alone",
    surrogates=["model-a"],
    tools=["lowkey"],
    training_steps=5,
    weights={"model-a": "abc"},
)


def cell(attack="lowkey", extractor="model-b", answer="nearest", missed=(8, 8, 8, 7), **more) -> Cell:
    figures = {"unprotected_error": 0.0, "n_unprotected": 50, "n_gallery": 8, "asked": "alone", **more}
    return Cell(
        attack=attack,
        extractor=extractor,
        answer=answer,
        generation=extractor,
        missed=list(missed),
        probes=[8] * len(missed),
        **figures,
    )


def grid(*measured: Cell) -> Results:
    return Results(SETTINGS, {one.key: one for one in measured})
