"""Any graph model of TensorFlow.js: ``graph:PATH``, its topology; the weights lie beside it under the names it gives.

Which node is the embedding, a TOML file beside it says (``node = "..."``); without one it is among those that the
model returns.
"""

from __future__ import annotations

from facetui.engine.extractors.from_files.foreign import ForeignExtractor, card_beside
from facetui.engine.extractors.from_files.normalisation import normalised_by
from facetui.engine.extractors.from_files.tfjs.files import read
from facetui.engine.extractors.from_files.tfjs.network import GraphNetwork
from facetui.engine.extractors.from_files.trial import tried
from facetui.engine.extractors.inputs import Input
from facetui.engine.extractors.weights import find_file, sha256


def load(name: str) -> ForeignExtractor:
    """The network in a graph model.

    Args:
        name: ``graph:PATH``.

    Raises:
        DataError: a file is missing, damaged or refused, a node is unknown, or it is no network from one picture to one
            vector.
    """
    path = find_file(name.partition(":")[2])
    card = card_beside(path)
    graph = read(path)
    network = GraphNetwork(graph, graph.outputs if card.node is None else [card.node])
    found, own = Input(network.height, network.width, layout="nhwc"), network.beginning()
    if own is not None:
        found = normalised_by(*own, found)
    return tried(name, network, card.expected(found), card, sha256(path))
