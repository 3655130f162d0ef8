"""Any TorchScript file: ``torchscript:PATH``. Only with trust: what it does to the machine cannot be checked."""

from __future__ import annotations

import warnings

import torch

from facetui.engine.errors import DataError
from facetui.engine.extractors.files import ForeignExtractor, card_beside
from facetui.engine.extractors.inputs import Input
from facetui.engine.extractors.reading import check_archive
from facetui.engine.extractors.weights import check_trusted, find_file, sha256


def load(name: str) -> ForeignExtractor:
    """The network in a TorchScript file.

    Args:
        name: ``torchscript:PATH``.

    Raises:
        Untrusted: nobody vouched for it; nothing of it was read.
        DataError: the file is missing, too large, damaged, or no face recognition network.
    """
    path = find_file(name.partition(":")[2])
    check_trusted(path, "TorchScript")
    check_archive(path)
    card = card_beside(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch recommends torch.export; such files are many
            warnings.simplefilter("ignore", DeprecationWarning)
            network = torch.jit.load(str(path), map_location="cpu")
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(
            f"{path} is not TorchScript ({reason}); a pickled module is never loaded, save it with torch.jit.save"
        ) from error
    return ForeignExtractor(name, network, card.expected(Input()), card, sha256(path))
