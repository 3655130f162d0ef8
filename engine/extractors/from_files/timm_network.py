"""Any network of timm: ``timm:NAME``, with weights from ``NAME.safetensors`` in a folder with weights.

Nothing is downloaded, and a network with random weights is never passed off as an extractor: without the file it is
refused. Input size, mean and deviation are those of timm's own configuration; a file ``NAME.toml`` beside the weights
overrules them. The embedding is what the classifier of the network would get.
"""

from __future__ import annotations

import difflib
from typing import Any

from facetui.engine.extractors.from_files.foreign import ForeignExtractor, card_beside
from facetui.engine.extractors.from_files.reading import read_tensors
from facetui.engine.extractors.from_files.trial import tried
from facetui.engine.extractors.inputs import Input
from facetui.engine.extractors.weights import find_file, model_folders, sha256
from facetui.engine.records.errors import DataError, MissingExtra, UnknownName


def load(name: str) -> ForeignExtractor:
    """A network of timm with weights of its own.

    Args:
        name: ``timm:NAME``, as timm calls it.

    Raises:
        MissingExtra: timm is not installed.
        UnknownName: timm has no such network.
        DataError: the weights are missing, damaged, or another network's.
    """
    try:
        import timm
    except ImportError:
        raise MissingExtra("timm:NAME", "timm") from None
    wanted = name.partition(":")[2]
    # timm takes names that begin with hf-hub: or local-dir: for places to load from; those are no names of networks.
    if not timm.is_model(wanted):
        known = timm.list_models()
        nearest = difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)
        raise UnknownName("network of timm", wanted, nearest, [f"{len(known):,} names, see timm.list_models()"])
    try:
        path = find_file(f"{wanted}.safetensors")
    except DataError:
        raise DataError(
            f"the weights {wanted}.safetensors are not in {' or '.join(map(str, model_folders()))}; "
            f"nothing is downloaded for timm, save the network's state_dict() there"
        ) from None
    network: Any = timm.create_model(wanted, pretrained=False, num_classes=0).eval()
    facts = network.pretrained_cfg
    classifiers = facts.get("classifier") or ()
    heads = (classifiers,) if isinstance(classifiers, str) else tuple(classifiers)
    tensors = {k: v for k, v in read_tensors(path).items() if not any(k.startswith(f"{head}.") for head in heads)}
    expected = {key: value.shape for key, value in network.state_dict().items()}
    if {key: value.shape for key, value in tensors.items()} != expected:
        raise DataError(
            f"{path} does not hold the tensors of {wanted}; save that network's state_dict() as safetensors"
        )
    network.load_state_dict(tensors)
    card = card_beside(path)
    _, height, width = facts["input_size"]
    mean, deviation = (tuple(255 * value for value in facts[key]) for key in ("mean", "std"))
    found = Input(height, width, mean=mean, deviation=deviation)
    return tried(name, network, card.expected(found), card, sha256(path))
