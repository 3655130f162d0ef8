"""``facetui models`` for the networks of FRBench, whose sizes and hashes stand in a manifest of its own."""

from __future__ import annotations

from collections.abc import Callable

from facetui.engine.extractors.frbench import assets, catalogue, pulling
from facetui.engine.extractors.frbench.model import PREFIX, of_name
from facetui.engine.extractors.weights import model_folders
from facetui.engine.records.errors import DataError
from facetui.engine.records.places import short
from facetui.tui.text.plain import say

__all__ = ["PREFIX", "at_hand", "pull", "rm", "state"]


def at_hand() -> list[str]:
    """Names of the networks whose weights are here."""
    return [model.name for model in catalogue.models() if assets.at_hand(model) is not None]


def state(name: str) -> str:
    """Whether the weights of a network are here, and how to get them."""
    if not catalogue.installed():
        return f"missing; {catalogue.COMMAND}"
    model = of_name(name)
    found = assets.at_hand(model) if model else None
    if found is None:
        return f"missing; facetui models pull {name}"
    return f"{found.weight.stat().st_size / 1e6:.1f} MB, {short(found.folder)}"


def pull(name: str, ask: Callable[[], None], progress: Callable[[int, int], None]) -> None:
    """Fetch a network's weights; says size, licence and SHA-256, and asks first.

    Args:
        name: ``frbench:BACKBONE/LOSS/DATA``.
        ask: leaves where the answer is no.
        progress: called as ``progress(bytes, size)``.
    """
    model = catalogue.parse(name)
    found = assets.at_hand(model)
    if found is not None:
        say(f"{name} is at hand: {short(found.folder)}")
        return
    address = pulling.release()
    say(f"{name}: FRBench of HKU-TASR; its manifest at {address} is read")
    asset = pulling.entry(model, address)
    archive = pulling.published(asset, address)
    say(f"from     {archive.url}")
    say(f"to       {short(model_folders()[0] / assets.FOLDER / asset.target_name)}")
    say(f"size     {archive.size / 1e6:.1f} MB")
    say(f"licence  {archive.licence}")
    say(f"SHA-256  {archive.sha256}, as that manifest says; of the manifest none is published")
    ask()
    found = pulling.pull(model, asset, archive, progress)
    say(f"fetched {short(found.folder)}, SHA-256 as in the manifest")
    say(f"SHA-256 of the weights {assets.seen(model, found)}: written down, and compared from now on")


def rm(name: str, ask: Callable[[], None]) -> None:
    """Delete a network's weights.

    Args:
        name: ``frbench:BACKBONE/LOSS/DATA``.
        ask: leaves where the answer is no.

    Raises:
        DataError: they are not here.
    """
    model = catalogue.parse(name)
    found = assets.at_hand(model)
    if found is None:
        raise DataError(f"the weights of {name} are not at hand; facetui models list says what is")
    say(f"{short(found.folder)}, {found.weight.stat().st_size / 1e6:.1f} MB")
    ask()
    assets.remove(model, found)
    say(f"deleted {short(found.folder)}")
