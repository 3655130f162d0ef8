"""Is an extractor what it says it is? Each check compares numbers, with stored ones or with another library's.

``data/references.json`` holds, for each extractor, what its input and its embedding looked like for two fictional
people when ``tools/make_references.py`` made it. A preprocessing that is wrong by a channel order, a crop or a scale
shows there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from facetui.engine import extractors
from facetui.engine.core.interfaces import Extractor
from facetui.engine.extractors import weights
from facetui.engine.extractors.from_files.foreign import ForeignExtractor, where
from facetui.engine.extractors.from_files.trial import LEAST, separates
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records.errors import DataError, extra_command

KEPT = 16
"""Pixels and embedding values kept of each photo."""


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        what: in a few words.
        good: whether it held; ``None`` where it could not be checked here.
        detail: what was measured, or what is missing.
    """

    what: str
    good: bool | None
    detail: str


@cache
def photos() -> Tensor:
    """Four photos ``(4, 3, 112, 112)`` in [0, 1] of two fictional people."""
    from facetui.engine.people import identities

    persons = identities.load(EMBEDDED).persons[:2]
    return torch.cat([person.photos[:2] for person in persons]).float() / 255


@cache
def references() -> dict[str, dict[str, Any]]:
    """What was stored, by extractor; for names without end by their prefix."""
    text = (resources.files("facetui.engine") / "data" / "references.json").read_text(encoding="utf-8")
    stored: dict[str, dict[str, Any]] = json.loads(text)
    return stored


def input_facts(network: Extractor) -> dict[str, Any]:
    """What is stored about an extractor's input: the words, the shape, and numbers that give any mistake away."""
    with torch.no_grad():
        seen = network.prepare(photos()).double()
    step = seen[0].numel() // KEPT
    return {
        "preprocessing": network.preprocessing,
        "shape": list(seen.shape[1:]),
        "mean": round(seen.mean().item(), 5),
        "deviation": round(seen.std().item(), 5),
        "values": [[round(v, 4) for v in photo.flatten()[step // 2 :: step][:KEPT].tolist()] for photo in seen[::2]],
    }


def embedding_facts(network: Extractor) -> list[list[float]]:
    """The first values of the embedding of one photo a person, unit length."""
    with torch.no_grad():
        return [[round(v, 5) for v in row[:KEPT].tolist()] for row in network(photos())[::2]]


def verify(name: str) -> Iterator[Check]:
    """Check an extractor; yields as it goes.

    Raises:
        UnknownName: not in the registry.
        DataError: its weights are missing, damaged or not trusted, or a package it needs is not installed.
    """
    network = extractors.load(name)
    yield Check("declared", True, declared(network))
    yield Check("weights", True, f"{sum(p.numel() for p in network.parameters()):,}, hash {network.weights_hash()}")
    published, path = weights.PUBLISHED.get(name), weights.weights_at_hand(name)
    if published is not None and path is not None and path.name == published.file:
        for file in published.files:
            digest = weights.sha256(path.with_name(file.file))
            yield Check("published file", digest == file.sha256, f"{file.file}, SHA-256 {digest}")
    yield check_input(network)
    yield check_embedding(network)
    yield check_people(network)
    if isinstance(network, ForeignExtractor):
        yield Check("output", True, which_output(network))
    yield check_gradient(network)
    yield check_batches(network)
    other = OTHERS.get(name.partition(":")[0])
    if other is not None:
        yield other(network)


def declared(network: Extractor) -> str:
    """Year, licence and source, as the registry or the card beside the file says."""
    if isinstance(network, ForeignExtractor):
        facts = {"year": network.card.year, "licence": network.card.licence, "source": network.card.source}
    else:
        facts = {**extractors.EXTRACTORS.entry(network.name).facts}
    return "; ".join(f"{key} {facts.get(key, 'not said')}" for key in ("year", "licence", "source"))


def check_input(network: Extractor) -> Check:
    """The preprocessing, in words and in numbers, against what was stored."""
    what = "preprocessing"
    stored = references().get(network.name.partition(":")[0], {}).get("input")
    found = input_facts(network)
    if stored is None or (isinstance(network, ForeignExtractor) and stored["preprocessing"] != found["preprocessing"]):
        return Check(what, None, f"{found['preprocessing']}; no reference is stored for it")
    if stored["preprocessing"] != found["preprocessing"] or stored["shape"] != found["shape"]:
        return Check(what, False, f"{found['preprocessing']}, stored {stored['preprocessing']}")
    ours, theirs = (
        torch.tensor([*f["values"][0], *f["values"][1], f["mean"], f["deviation"]]) for f in (found, stored)
    )
    worst = ((ours - theirs).abs() / (1 + theirs.abs())).max().item()
    return Check(what, worst < 1e-3, f"{found['preprocessing']}; differs by {worst:.1g} from the stored reference")


def check_embedding(network: Extractor) -> Check:
    """Unit length, the declared size, and the values that were stored."""
    with torch.no_grad():
        embeddings = network(photos())
    size = f"{network.embedding_size} values"
    if embeddings.shape != (len(photos()), network.embedding_size) or not embeddings.isfinite().all():
        return Check("embedding", False, f"expected {size}, got {tuple(embeddings.shape)}, or not all finite")
    if (embeddings.norm(dim=1) - 1).abs().max() > 1e-4:
        return Check("embedding", False, f"{size}, not of unit length")
    stored = references().get(network.name, {}).get("embedding")
    if stored is None:
        return Check("embedding", None, f"{size} of unit length; no reference is stored for it")
    cosine = F.cosine_similarity(torch.tensor(embedding_facts(network)), torch.tensor(stored)).min().item()
    return Check("embedding", cosine > 0.999, f"{size} of unit length; cosine to the stored reference {cosine:.6f}")


def check_people(network: Extractor) -> Check:
    """Whether it tells the fictional people apart; in doubt where it does so no better than a network read wrongly."""
    found = separates(network)
    good = False if found.right < LEAST else True if found.is_good else None
    detail = f"{found.words}; right in {found.right:.0%} of what bare pixels get wrong, {found.distance:.1f} deviations"
    return Check("tells people apart", good, detail)


def which_output(network: ForeignExtractor) -> str:
    """Which tensor of a network is the embedding, and what was made of it."""
    axes = where((1, *network.returned))
    made = "" if len(network.returned) == 1 else ", flattened" if axes is None else ", a map of features, averaged"
    return f"number {network.output} of {network.outputs}, {'x'.join(map(str, network.returned))}{made}"


def check_gradient(network: Extractor) -> Check:
    """Gradients that reach the photo: attacks need nothing else."""
    seen = photos()[:2].clone().requires_grad_()
    network(seen)[:, 0].sum().backward()
    gradient = seen.grad
    if gradient is None or not gradient.isfinite().all():
        return Check("gradient", False, "none, or not finite")
    share = (gradient != 0).float().mean().item()
    return Check("gradient", share > 0.25, f"finite, other than 0 at {share:.0%} of the photo")


def check_batches(network: Extractor) -> Check:
    """The same embedding, whoever else is in the batch."""
    with torch.no_grad():
        together = network(photos())
        alone = torch.cat([network(photo[None]) for photo in photos()])
    worst = (together - alone).abs().max().item()
    return Check("batch", worst < 1e-3, f"alone and together differ by {worst:.1g}")


def against_dlib(network: Extractor) -> Check:
    """The same chips through dlib itself."""
    what = "against dlib"
    try:
        import dlib
    except ImportError:
        return Check(what, None, "dlib is not installed; pip install dlib-bin")
    from facetui.engine.extractors.families import dlib_resnet

    if not isinstance(network, dlib_resnet.DlibResNet):
        return Check(what, False, "another network goes by this name")
    expected = dlib_resnet.EXPECTED
    mean = torch.tensor(expected.mean).view(1, 3, 1, 1)
    with torch.no_grad():
        # dlib takes bytes, so both get the same rounded chips
        chips = (network.prepare(photos()) * expected.deviation[0] + mean).round().clamp(0, 255)
        ours = network.from_chips((chips - mean) / expected.deviation[0])
    model = dlib.face_recognition_model_v1(str(dlib_resnet.published_file()))
    pictures = chips.permute(0, 2, 3, 1).byte().contiguous().numpy()
    theirs = [list(model.compute_face_descriptor(picture, 0)) for picture in pictures]
    cosine = F.cosine_similarity(ours, torch.tensor(theirs)).min().item()
    return Check(what, cosine > 0.999, f"dlib {dlib.__version__}; cosine {cosine:.8f} at least")


def against_onnxruntime(network: Extractor) -> Check:
    """The same input through onnxruntime, from the same file."""
    what = "against onnxruntime"
    try:
        import onnxruntime
    except ImportError:
        return Check(what, None, f"onnxruntime is not installed; {extra_command('onnx')}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    path = str(weights.find_file(network.name.partition(":")[2]))
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  its errors have no class in common; it knows fewer numbers than ONNX
        return Check(what, None, f"onnxruntime cannot run it ({str(error).strip().splitlines()[0]})")
    if not isinstance(network, ForeignExtractor):
        return Check(what, False, "another network goes by this name")
    slot = session.get_inputs()[0]
    kind = KINDS.get(slot.type)
    if kind is None:
        return Check(what, None, f"it takes {slot.type}, which is not tried here")
    with torch.no_grad():
        prepared = network.prepare(photos())
        if np.issubdtype(kind, np.integer):
            prepared = prepared.round()  # both get the same whole numbers
        ours = network.embedding_of(network.network(prepared))
        inputs = [row.contiguous().numpy().astype(kind) for row in prepared.split(1)]
        outputs = [[torch.from_numpy(out) for out in session.run(None, {slot.name: row})] for row in inputs]
        theirs = torch.cat([network.embedding_of(out) for out in outputs])
    worst = (ours - theirs).abs().max().item()
    scale = theirs.abs().max().item()
    cosine = F.cosine_similarity(ours, theirs).min().item()
    detail = (
        f"onnxruntime {onnxruntime.__version__}; differs by {worst:.2g} of {scale:.2g}, cosine {cosine:.8f} at least"
    )
    return Check(what, cosine > 0.9999, detail)


def against_frbench(network: Extractor) -> Check:
    """The same photos through FRBench's own pipeline, from the same files.

    Differences count in units of those between photos: a network may put all faces close together.
    """
    from facetui.engine.extractors.frbench.network import own_pipeline

    try:
        theirs = own_pipeline(network.name, photos())
    except DataError as error:
        return Check("against FRBench", None, str(error))
    with torch.no_grad():
        worst = (network(photos()) - theirs).norm(dim=1).max().item()
    apart = torch.pdist(theirs).min().item()
    detail = f"differs by {worst:.2g}, two photos by {apart:.2g} at least"
    return Check("against FRBench", worst < 0.01 * apart, detail)


KINDS: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}
"""Numbers that a network may take, as onnxruntime names them."""

OTHERS: dict[str, Callable[[Extractor], Check]] = {
    "dlib": against_dlib,
    "onnx": against_onnxruntime,
    "frbench": against_frbench,
}
"""Other libraries that run the same weights, by the beginning of the extractor's name."""
