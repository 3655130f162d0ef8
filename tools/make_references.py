"""Writes what the self-test of the extractors compares with: ``engine/data/references.json``.

    FACETUI_MODELS=~/models python tools/make_references.py

Only numbers computed from fictional people are stored. An extractor whose weights are not at hand keeps the reference
that it has; FaceNet's preprocessing needs no weights.
"""

from __future__ import annotations

import json
from pathlib import Path

from torch import nn

from facetui.engine import extractors
from facetui.engine.core.interfaces import Extractor
from facetui.engine.extractors import selftest
from facetui.engine.extractors.families import facenet
from facetui.engine.extractors.from_files.foreign import Card, ForeignExtractor
from facetui.engine.extractors.inputs import Input
from facetui.engine.records.errors import DataError

PATH = Path(__file__).resolve().parents[1] / "engine" / "data" / "references.json"


def main() -> None:
    stored = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    for name in extractors.EXTRACTORS.names():
        network: Extractor
        try:
            network = extractors.load(name)
            stored[name] = {"input": selftest.input_facts(network), "embedding": selftest.embedding_facts(network)}
        except DataError as error:
            print(f"{name}: {error}")
            if name.startswith("facenet-"):
                stored.setdefault(name, {})["input"] = selftest.input_facts(facenet.FaceNet(name))
    flat = nn.Sequential(nn.AvgPool2d(28), nn.Flatten())
    for prefix in ("onnx", "torchscript"):
        network = ForeignExtractor(f"{prefix}:any", flat, Input(), Card(), "")
        stored[prefix] = {"input": selftest.input_facts(network)}
    lines = [f"  {json.dumps(name)}: {json.dumps(facts)}" for name, facts in sorted(stored.items())]
    PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{PATH}: {len(stored)} extractors, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
