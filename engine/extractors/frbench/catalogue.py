"""What FRBench publishes: names of networks, as its own description and its manifest list them; without torch.

Its package brings no weights and no list of them but the table of its description ("Model Zoo"), which is read here.
The manifest of its weights, which comes with the first of them, lists them too. Nothing here uses the network, and
FRBench itself is not imported: its update check cannot run.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from facetui.engine.extractors.frbench import assets
from facetui.engine.extractors.frbench.model import PART, PREFIX, Model, of_key
from facetui.engine.records.errors import MissingExtra, UnknownName, UsageError, extra_command

PATTERN = f"{PREFIX}BACKBONE/LOSS/DATA"
COMMAND = extra_command("frbench")

_ROW = re.compile(rf"^\|[^|\n]*\|\s*`({PART})`\s*\|\s*`({PART})`\s*\|\s*`({PART})`\s*\|", re.MULTILINE)
"""A line of the table: what the network is called in words, and the three parts of its name."""


def installed() -> bool:
    """Whether the package is there; it is not imported."""
    return find_spec("frbench") is not None


def models() -> list[Model]:
    """Every network that FRBench lists, in its order; none where it is not installed."""
    if not installed():
        return []
    try:
        described = metadata.metadata("frbench").json.get("description", "")
    except metadata.PackageNotFoundError:  # lies on the path without what pip writes beside it
        described = ""
    table = [Model(*row) for row in _ROW.findall(str(described))]
    listed = [model for _, manifest in assets.manifests() for key in manifest if (model := of_key(key))]
    return list(dict.fromkeys([*table, *listed]))


def parse(name: str) -> Model:
    """The network of a name.

    Args:
        name: ``frbench:BACKBONE/LOSS/DATA``.

    Raises:
        MissingExtra: FRBench is not installed.
        UsageError: not three parts, or FRBench has no weights for these three together.
        UnknownName: a part that FRBench does not know; the message names the nearest.
    """
    if not installed():
        raise MissingExtra(PATTERN, "frbench")
    known = models()
    parts = name.removeprefix(PREFIX).split("/")
    if len(parts) != 3:
        raise UsageError(f"expected {PATTERN}, such as {known[0].name if known else PATTERN}, got {name!r}")
    model = Model(*parts)
    if model in known:
        return model
    for kind, part, column in zip(("backbone", "loss", "data set"), model, zip(*known, strict=True), strict=True):
        choices = list(dict.fromkeys(column))
        if part not in choices:
            raise UnknownName(f"{kind} of FRBench", part, difflib.get_close_matches(part, choices, 3, 0.5), choices)
    raise UsageError(f"FRBench publishes no weights for {name}; nearest: {' or '.join(_nearest(model, known))}")


def _nearest(model: Model, known: list[Model]) -> list[str]:
    """Networks that have the most parts in common with one that is not published."""
    return [m.name for m in sorted(known, key=lambda m: -sum(a == b for a, b in zip(m, model, strict=True)))[:3]]


def completions(typed: str) -> list[tuple[str, str]]:
    """Names with what trained each; none before anything is typed, among which the others would be lost."""
    return [(m.name, f"trained with {m.loss} on {m.data}") for m in models()] if typed else []


def lines() -> Iterator[str]:
    """What FRBench lists, for ``facetui list``: what was trained alike together; one line where it is not installed."""
    if not installed():
        yield f"{PATTERN}: not installed; {COMMAND}"
        return
    known = models()
    yield f"{PATTERN}: {len(known)} networks, as FRBench lists them; facetui models pull NAME"
    backbones: dict[tuple[str, str], list[str]] = {}
    for model in known:
        backbones.setdefault((model.loss, model.data), []).append(model.backbone)
    losses: dict[tuple[str, str], list[str]] = {}
    for (loss, data), of_them in backbones.items():
        losses.setdefault((data, ", ".join(of_them)), []).append(loss)
    for (data, alike), trained_with in losses.items():
        yield f"  on {data} with {', '.join(trained_with)}: {alike}"
