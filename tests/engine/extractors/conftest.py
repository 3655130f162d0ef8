from __future__ import annotations

from pathlib import Path

import pytest

from facetui.engine.extractors import weights


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FACETUI_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("FACETUI_TRUST", "")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(weights.places, "data", lambda: tmp_path / "data")
    return tmp_path / "models"
