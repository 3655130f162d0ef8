"""What a newcomer is told: four cards at the first start, and what words mean."""

from __future__ import annotations

from facetui.tui.text.spans import Line, wrap

CARDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Who plays",
        (
            "▲ Users change the photos that they post, so that nobody can recognise them by these photos.",
            "■ A trainer collects what was posted, and names people on new, clean photos of them.",
            "○ Friends post photos of the users, unasked. ◆ A law may forbid things.",
            "All faces that come with facetui are of people who do not exist.",
        ),
    ),
    (
        "What happens",
        (
            "A tool works against the network that it was made for.",
            "What is posted stays as it is. The trainer waits: it learns to see through the tool, or takes a newer "
            "network.",
            "Some photos survive that, many do not. Every number here is measured, or cited and marked ×.",
        ),
    ),
    (
        "How to read the chart",
        (
            "Above is hidden, below is found: how many clean photos of the users the trainer fails to name.",
            "Time runs to the right. A line begins when its photos are posted, and then moves with every answer "
            "of the trainer. The thick one is everything that it has kept.",
            "░ is uncertain: where the truth may lie, since few people were asked.",
        ),
    ),
    (
        "Keys",
        (
            "space plays and stops, [ ] go on and back, ← → ask the chart, enter goes there.",
            "1 chart, 2 table, 3 faces, 4 events, 5 Python, 0 home; ? help and words; q leaves.",
            "Begin with demo, the first line: nothing is computed. Your own photos: facetui check.",
        ),
    ),
)

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("trainer", "who scrapes what people post and learns to name them by it: a search engine for faces, say"),
    ("hidden, found", "a clean photo of a user that the trainer fails to name, or names right"),
    (
        "clean photo",
        "one that no tool has changed and nobody posted before, as a camera in the street takes it; on such photos "
        "the trainer is asked who somebody is: tools are to spoil what it learned, not what it is asked",
    ),
    ("probe", "such a clean photo that the trainer is asked to name"),
    ("tool, attack", "what users run on photos: Fawkes, LowKey, FoggySight, ..."),
    ("defence, answer", "what the trainer does about a tool; so attackers protect themselves, and defenders find them"),
    ("release strength", "a tool with the steps and limits of its published version; else: weakened"),
    ("extractor, model", "the network that turns a face into numbers, and what the trainer makes of them"),
    ("robust", "an extractor that was trained on what a tool does to other people's photos"),
    ("archive", "everything that the trainer has scraped; it never forgets unless a law says so"),
    (
        "thick and thin line",
        "thick, whole archive: with everything that the trainer kept, which is what counts; thin: had it only the "
        "photos posted under that tool",
    ),
    (
        "photos under lowkey",
        "a cohort: what was posted on one date under one tool, asked for as if there were no other",
    ),
    ("alone", "each user is asked for as the only one who protects anything, among everybody else's clean photos"),
    ("everybody else", "people who protect nothing and on whom nobody trained: how often the trainer errs anyway"),
    (
        "░, 95 % interval",
        "uncertain, since few people were asked: where the share would lie if other people had been drawn, 19 times "
        "in 20",
    ),
    ("similarity", "how alike two photos are to a model, from -1 to 1; no percentage, and no chance of being right"),
    ("step, image-step", "one photo, once through one network and back: what a tool's work is counted in"),
    ("recorded, story", "a recording was computed on the day it says; the dates of its story are older"),
    ("DSSIM", "how different two photos look, 0 to 1: at 0.01 one must search for it"),
    ("its own test", "the trainer's rehearsal on people it may use; it chooses its model by that, not by the users"),
)


def card_lines(number: int, width: int) -> list[Line]:
    """One card, and how to go on."""
    title, texts = CARDS[number]
    lines: list[Line] = [[], [(f" {title}", "title"), (f"   {number + 1} of {len(CARDS)}", "dim")], []]
    for text in texts:
        lines += [[(f" {part}", "caption")] for part in wrap(text, width - 2, 6)]
        lines.append([])
    last = number == len(CARDS) - 1
    keys = [("enter", "begin" if last else "next"), *([("←", "back")] if number else []), ("esc", "skip")]
    return [*lines, [span for key, does in keys for span in ((f" {key}", "key"), (f" {does} ", "dim"))]]


def glossary_lines(width: int) -> list[Line]:
    """Every word with what it means."""
    lines: list[Line] = [[], [(" words", "title")]]
    for word, meaning in GLOSSARY:
        for number, part in enumerate(wrap(meaning, max(20, width - 24), 4)):
            lines.append([(f" {word if not number else '':<21} ", "key"), (part, "")])
    return lines
