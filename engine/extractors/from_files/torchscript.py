"""Any TorchScript file: ``torchscript:PATH``. Only with trust: what it does to the machine cannot be checked."""

from __future__ import annotations

import copy
import warnings
from typing import Any, Self

import torch
from torch import Tensor, nn

from facetui.engine.extractors.from_files.foreign import ForeignExtractor, card_beside
from facetui.engine.extractors.from_files.reading import check_archive
from facetui.engine.extractors.from_files.trial import tried
from facetui.engine.extractors.inputs import Input
from facetui.engine.extractors.weights import check_trusted, find_file, sha256
from facetui.engine.records.errors import DataError


class _Script(nn.Module):
    """A script module that can be copied like others: the copy's weights are weights, not results of a computation."""

    def __init__(self, script: Any) -> None:
        super().__init__()
        self.script = script

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        with torch.no_grad():
            twin = type(self)(copy.deepcopy(self.script, memo)).train(self.training)
        for ours, theirs in zip(self.parameters(), twin.parameters(), strict=True):
            theirs.requires_grad_(ours.requires_grad)
        return twin

    def forward(self, x: Tensor) -> Any:
        return self.script(x)


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
    return tried(name, _Script(network.float()), card.expected(Input()), card, sha256(path))
