"""The report of a check: one HTML file that needs nothing else, no script, no network, not this tool."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor

from facetui.engine.applications.check.pairing.pair import Pair
from facetui.engine.applications.check.result import Report
from facetui.engine.applications.check.search import Share
from facetui.engine.applications.check.verdict import WRONG_TEST, Verdict, notes
from facetui.engine.people.alignment import to_picture
from facetui.engine.records.rates import percent
from facetui.engine.records.text import html as escaped

PICTURED = 6
"""Photos whose pictures are shown, the most visible changes."""

AMPLIFIED = 8
"""How much stronger than it is a change is drawn."""

ANSWERS = {
    "broken": "Not protected",
    "partly": "Protected in part",
    "held": "Not identified today",
    "unknown": "No answer",
    "unchanged": "Nothing was changed",
}
TRAINERS = {
    "naive": "stands still: the first extractor of the cast",
    "newer": "waited for a newer extractor",
    "other": "an extractor that protection tools themselves attack",
    "adapted": "learnt from public tools, run on other people's photos",
    "purified": "cleans every photo before it looks",
    "detected": "throws away photos that look perturbed",
}
STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1c; --page: #fff; --soft: #555; --line: #c8c8c8; --tint: #f3f3f3;
  --bad: #a4161a; --good: #1b5e20; --warn: #7a4b00; --bar: #c9484c; --clean: #8a8a8a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --page: #161616; --soft: #adadad; --line: #454545;
  --tint: #222; --bad: #ff8a80; --good: #8fd694; --warn: #f0c070; --bar: #d96a6d; --clean: #8f8f8f; } }
body { font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 56rem;
  margin: 0 auto; padding: 1rem 1.2rem 3rem; }
h1 { font-size: 1.3rem; margin: .5rem 0 1rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; }
.answer { border-left: .5rem solid var(--warn); background: var(--tint); padding: .8rem 1.2rem; }
.answer.broken, .answer.unchanged { border-color: var(--bad); } .answer.held { border-color: var(--good); }
.answer .short { font-size: 1.9rem; font-weight: 700; line-height: 1.2; margin: 0; }
.answer .long { font-size: 1.1rem; margin: .4rem 0 0; }
li { margin: .25rem 0; } .soft, caption, figcaption { color: var(--soft); font-size: .9rem; font-weight: 400; }
.private { border: 1px solid var(--line); padding: .5rem .8rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; white-space: nowrap; } tbody th { font-weight: 600; white-space: nowrap; }
.bar { display: block; height: .4rem; min-width: 1px; background: var(--bar); }
.bar.clean { background: var(--clean); } td.share { min-width: 8.5rem; }
.photo { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; } figure { margin: 0; max-width: 15rem; }
img { display: block; max-width: 100%; height: auto; }
@media print { body { max-width: none; font-size: 10pt; } .photo, tr, .answer { break-inside: avoid; }
  .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def html(report: Report, verdict: Verdict) -> str:
    """The whole file; text from file names is escaped, pictures are inside."""
    return "".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="referrer" content="no-referrer">\n',
            f"<title>Do your protected photos protect you? {ANSWERS[verdict.state]}</title>\n",
            f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Do your protected photos protect you?</h1>\n",
            *_answer(verdict),
            '<p class="private"><strong>This file contains photos of you</strong>, before and after. Keep it as such '
            "and think before you pass it on. Nothing left your machine to make it.</p>\n",
            *_warnings(report),
            *_trainers(report),
            *_pairwise(report),
            *_recoded(report),
            *_detection(report),
            *_visible(report),
            "<h2>How this was measured</h2>\n<ul>\n",
            *(f"<li>{_text(note)}</li>\n" for note in notes(report)),
            f"<li>Cast {_text(report.cast)}, seed {report.seed}. What each extractor does to pixels first: ",
            "; ".join(f"{_text(name)}: {_text(what or 'not said')}" for name, what in report.preprocessing.items()),
            ".</li>\n<li>Made by facetui check.</li>\n</ul>\n</main>\n</body>\n</html>\n",
        )
    )


def _answer(verdict: Verdict) -> Iterator[str]:
    yield f'<div class="answer {verdict.state}">\n<p class="short">{ANSWERS[verdict.state]}</p>\n'
    yield f'<p class="long">{_text(verdict.headline)}</p>\n</div>\n<ul>\n'
    yield from (f"<li>{_text(point)}</li>\n" for point in verdict.points)
    yield "</ul>\n"


def _warnings(report: Report) -> Iterator[str]:
    if not report.warnings and not report.left_out:
        return
    yield "<h2>Look at these first</h2>\n<ul>\n"
    yield from (f"<li>{_text(warning)}</li>\n" for warning in report.warnings)
    if report.left_out:
        yield f"<li>{len(report.left_out)} photos took no part:\n<ul>\n"
        yield from (f"<li>{_text(entry.text)}</li>\n" for entry in report.left_out)
        yield "</ul></li>\n"
    yield "</ul>\n"


def _trainers(report: Report) -> Iterator[str]:
    yield "<h2>Would clean photos of you be identified?</h2>\n"
    yield (
        f"<p>A trainer has collected what you posted, among photos of {report.n_crowd} other people. It is shown a "
        f"clean photo of you, {report.n_probes} times. How often does it name you first?</p>\n"
    )
    head = (
        "trainer",
        "extractor",
        "protected photos collected",
        "among the first 10",
        "a tenth of them clean",
        "clean photos collected",
    )
    body = []
    for row in report.rows:
        who = f'{row.trainer}<br><span class="soft">{TRAINERS[row.trainer]}</span>'
        what = f'{_text(row.extractor)}<br><span class="soft">{_text(row.detail)}</span>'
        cells = [row.protected.first, row.protected.listed, row.leaked.first]
        body.append([who, what, *map(_share, cells), _share(row.clean.first, "clean")])
    yield from _table(
        "Share of searches in which you are named, with 95 % interval and counts. The last column says whether the "
        "trainer knows you at all; only where it is high can a low one beside it mean protection.",
        head,
        body,
    )
    yield (
        '<p class="soft">Who throws away flagged photos and has none left cannot name you, but knows that you hide: a '
        "zero there is no protection.</p>\n"
    )


def _pairwise(report: Report) -> Iterator[str]:
    yield f"<h2>The test that misleads: one photo against its own copy</h2>\n<p>{WRONG_TEST}</p>\n"
    body = [
        [
            _text(pair.extractor),
            *(
                f'{mean:.2f}<br><span class="soft">{percent(match.rate)} match</span>'
                for mean, match in (
                    (pair.own_copy, pair.own_copy_match),
                    (pair.after, pair.after_match),
                    (pair.before, pair.before_match),
                )
            ),
            f"{pair.threshold:.2f}",
        ]
        for pair in report.pairwise
    ]
    yield from _table(
        "Mean cosine similarity; a pair matches above what one in a hundred pairs of strangers reaches.",
        ("extractor", "a photo and its own copy", "a photo and other copies", "two clean photos", "strangers (1 %)"),
        body,
    )


def _recoded(report: Report) -> Iterator[str]:
    yield "<h2>Does it survive a new encoding?</h2>\n"
    recodings = list(dict.fromkeys(entry.recoding for entry in report.recoded))
    cells = {(entry.extractor, entry.recoding): entry for entry in report.recoded}
    body = []
    for extractor in dict.fromkeys(entry.extractor for entry in report.recoded):
        body.append([_text(extractor), *(_share(cells[extractor, recoding].first) for recoding in recodings)])
    yield from _table(
        "How often you are named first once the whole protected pictures were encoded anew. A screenshot here is 0.77 "
        "of the size, a little soft, JPEG 85.",
        ("extractor as released", *(recoding or "as they are" for recoding in recodings)),
        body,
    )
    lost = [f"{e.recoding}: {report.n_pairs - e.n_faces}" for e in report.recoded if e.n_faces < report.n_pairs]
    if lost:
        yield f'<p class="soft">Photos without a face afterwards: {_text(", ".join(dict.fromkeys(lost)))}.</p>\n'


def _detection(report: Report) -> Iterator[str]:
    yield "<h2>Do the photos stand out?</h2>\n"
    found = report.detection
    body = [
        ["your protected photos", _share(found.protected)],
        ["your clean photos", _share(found.clean, "clean")],
        ["clean photos of people it was not trained on", _share(found.false_positives, "clean")],
        *([f"other people's, after {_text(tool)}", _share(share)] for tool, share in found.recall.items()),
    ]
    caption = "Photos that a detector takes for perturbed; it learnt from public tools on other people's photos."
    if not found.tells:
        caption += " It takes so many of your clean ones for perturbed that it tells nothing about the others."
    yield from _table(
        caption,
        ("photos", "flagged"),
        body,
    )


def _visible(report: Report) -> Iterator[str]:
    yield "<h2>How visible is the change?</h2>\n"
    shown = report.pictures[:PICTURED]
    yield (
        f"<p>The {len(shown)} photos that changed most, the worst first: original, protected, and the difference drawn "
        f"{AMPLIFIED} times as strong (grey: no change).</p>\n"
    )
    for pair in shown:
        yield from _pictures(pair)
    body = [
        [
            f'{_text(photo.name)}<br><span class="soft">{_text(photo.protected_name)}</span>',
            f"{photo.linf:.0f}/255",
            f"{photo.dssim:.4f}" if photo.dssim is not None else "face too small",
            f"{photo.psnr:.1f} dB" if photo.psnr is not None else "unchanged",
            "yes" if photo.flagged else "no",
        ]
        for photo in report.photos
    ]
    yield from _table(
        "In the region of the face. DSSIM is 0 for no change; PSNR is higher the smaller the change.",
        ("photo", "largest change", "DSSIM", "PSNR", "flagged by the detector"),
        body,
    )


def _pictures(pair: Pair) -> Iterator[str]:
    name = _text(pair.name)
    change = (pair.after.float() - pair.before.float()) * AMPLIFIED + 128
    pictures = (
        (pair.before, "original", name),
        (pair.after, "protected", _text(pair.protected_name)),
        (change.round().clamp(0, 255).byte(), f"difference, {AMPLIFIED} times", ""),
    )
    yield '<div class="photo">\n'
    for photo, what, file in pictures:
        yield f'<figure><img src="{_data(photo)}" alt="{what}: the face in {name}"><figcaption>{what}'
        yield f"<br>{file}</figcaption></figure>\n"
    yield "</div>\n"


def _data(photo: Tensor) -> str:
    """A picture as PNG, without metadata, as a data: address."""
    buffer = io.BytesIO()
    to_picture(photo).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _table(caption: str, head: Sequence[str], body: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table; the cells of the body are HTML already, the first of each row is its header."""
    yield f'<div class="scroll"><table>\n<caption>{caption}</caption>\n<thead><tr>'
    yield from (f'<th scope="col">{name}</th>' for name in head)
    yield "</tr></thead>\n<tbody>\n"
    for row in body:
        yield f'<tr><th scope="row">{row[0]}</th>'
        yield from (f"<td>{cell}</td>" for cell in row[1:])
        yield "</tr>\n"
    yield "</tbody></table></div>\n"


def _share(share: Share, kind: str = "") -> str:
    if share.rate is None:
        return "not measured"
    low, high = (round(100 * end) for end in share.interval)
    bar = f'<span class="bar {kind}" style="width:{100 * share.rate:.0f}%" aria-hidden="true"></span>'
    counts = f'<span class="soft">{share.hits} of {share.n}<br>[{low}, {high}]</span>'
    return f"<strong>{percent(share.rate)}</strong> {counts}{bar}"


def _text(text: str) -> str:
    """Foreign text, without control characters, escaped."""
    return escaped(text)
