"""A small fixed journal for the tests of screens. Its figures are made up; nothing outside the tests shows them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from facetui.engine.records.events import (
    WHOLE_ARCHIVE,
    Candidate,
    ClockMoved,
    DefenceApplied,
    Event,
    ExtractorReleased,
    LawPassed,
    Note,
    PhotosPosted,
    PhotosScraped,
    PicturesShown,
    Progress,
    ProtectionMeasured,
    RunBegan,
    RunEnded,
)
from facetui.engine.records.journal import Journal
from facetui.engine.records.rates import METHOD, people_interval

SOURCE = '"""A sample."""\n\n\ndef scenario(lab):\n    lab.at("2020-07")\n    lab.users.post(4)\n    lab.measure()\n'
HOSTILE = "[red]not red[/red] \x1b[31mand no escape\x07"


PROBES = [8] * 8
BEGAN: dict[str, Any] = {
    "scenario": "sample",
    "title": "A sample.",
    "source": SOURCE,
    "seed": 0,
    "device": "cpu, 2 threads",
    "cast": "sample",
    "people": "embedded",
    "fictional": True,
    "n_people": 40,
    "users": ["p01", "p02"],
    "surrogates": ["model-a"],
    "extractors": {"model-a": "abc"},
    "versions": {"facetui": "0"},
}


def spread(missed: int) -> list[int]:
    """Misses of eight people with eight probes each."""
    return [min(8, max(0, missed - 8 * person)) for person in range(8)]


def measured(cohort: str, extractor: str, missed: int, best: int, attack: str | None = None, **more) -> Event:
    return ProtectionMeasured(
        actor="trainer",
        cohort=cohort,
        attack=attack,
        extractor=extractor,
        defence=None,
        classifier="nearest",
        protection_rate=missed / 64,
        n_probes=64,
        interval=people_interval(spread(missed), PROBES),
        method=METHOD,
        people=PROBES,
        missed=spread(missed),
        unprotected_error=0.01,
        n_unprotected=256,
        best_protection_rate=best / 64,
        best_interval=people_interval(spread(best), PROBES),
        best_generation=extractor,
        **more,
    )


def shown(original: str, posted: str, person: str, named: str, extractor: str) -> Event:
    others = [Candidate("p31", 0.44), Candidate("p40", 0.35)]
    return PicturesShown(
        actor="trainer",
        person=person,
        cohort="2020-07 pgd",
        original=original,
        posted=posted,
        probe=original,
        extractor=extractor,
        candidates=[Candidate(named, 0.81), *others],
    )


def sample_events(pictures: tuple[str, str] = ("one", "two")) -> list[Event]:
    """A run of three models and two tools, with every kind of mark on the chart."""
    began = RunBegan(**BEGAN)
    post = {"n_people": 8, "n_photos": 32, "n_others": 128, "actor": "users"}
    moves: list[tuple[str, Event]] = [
        ("", began),
        ("2020-07", ClockMoved()),
        ("2020-07", Note(text=f"A tool appears. {HOSTILE}")),
        ("2020-07", Progress(task="perturb 32 photos with pgd", done=320, total=640, rate=412.0, actor="users")),
        ("2020-07", PhotosPosted(cohort="2020-07 pgd", attack="pgd", budget="linf 8/255", linf=0.03, **post)),
        ("2020-07", ExtractorReleased(actor="trainer", extractor="model-a", released="2019-06", weights="abc")),
        ("2020-07", PhotosScraped(actor="trainer", n_new=160, n_archive=160)),
        ("2020-07", measured(WHOLE_ARCHIVE, "model-a", 63, 63, "pgd")),
        ("2020-07", measured("2020-07 pgd", "model-a", 63, 63, "pgd")),
        ("2020-07", shown(*pictures, "p01", "p31", "model-a")),
        ("2021-01", ClockMoved()),
        (
            "2021-01",
            DefenceApplied(
                actor="trainer", defence="adapt", against=["pgd"], extractor="model-a robust", n_people=21, n_photos=42
            ),
        ),
        ("2021-01", measured(WHOLE_ARCHIVE, "model-a robust", 4, 4, "pgd", against=["pgd"])),
        ("2021-01", measured("2020-07 pgd", "model-a robust", 4, 4, "pgd", against=["pgd"])),
        (
            "2021-01",
            PhotosPosted(cohort="2021-01 friends", attack=None, budget=None, n_people=8, n_photos=8, actor="friends"),
        ),
        ("2021-03", PhotosPosted(cohort="2021-03 lowkey", attack="lowkey", budget="linf 33/255", linf=0.1, **post)),
        ("2021-03", PhotosScraped(actor="trainer", n_new=168, n_archive=328)),
        ("2021-03", measured(WHOLE_ARCHIVE, "model-a robust", 5, 5, None, against=["pgd"])),
        ("2021-03", measured("2020-07 pgd", "model-a robust", 4, 4, "pgd", against=["pgd"])),
        ("2021-03", measured("2021-03 lowkey", "model-a robust", 40, 40, "lowkey", against=["pgd"])),
        ("2021-06", LawPassed(actor="law", law="retention", text="retention: forget after 60 months", months=60)),
        ("2022-03", ExtractorReleased(actor="trainer", extractor="model-b", released="2022-03", weights="def")),
        ("2022-03", measured(WHOLE_ARCHIVE, "model-b", 7, 4, None)),
        ("2022-03", measured("2020-07 pgd", "model-b", 8, 4, "pgd")),
        ("2022-03", measured("2021-03 lowkey", "model-b", 20, 20, "lowkey")),
        ("2022-03", shown(*pictures, "p01", "p01", "model-b")),
        (
            "2022-03",
            ProtectionMeasured(
                cohort=WHOLE_ARCHIVE,
                attack="lowkey",
                extractor="CLIP",
                defence=None,
                classifier="nearest",
                protection_rate=0.24,
                n_probes=0,
                interval=None,
                basis="cited",
                source="a paper",
            ),
        ),
        ("2022-03", Note(text="It began at 98 % and ends at 6 %.")),
        ("2022-03", RunEnded(peak_memory=1_100_000_000)),
    ]
    return [
        msgspec.structs.replace(event, seq=seq, t=t, wall=float(seq), line=5 + seq % 3 if seq else None)
        for seq, (t, event) in enumerate(moves)
    ]


def a_picture(shade: int) -> bytes:
    """A small PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (112, 112), (shade, 60, 200 - shade)).save(buffer, "PNG")
    return buffer.getvalue()


def write_sample(folder: Path, upto: int | None = None) -> list[Event]:
    """The sample as a run's folder, with two small pictures; only its first events if wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    book = Journal(folder)
    names = []
    for shade in (90, 140):
        names.append(book.add_picture(a_picture(shade), fictional=True))
    events = sample_events((names[0], names[1]))[:upto]
    for event in events:
        book.append(event)
    book.close()
    return events
