"""Networks of FRBench: its names, its construction with weights of ours, and no network access but by pull."""

from __future__ import annotations

import copy
import functools
import hashlib
import http.server
import io
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from typer.testing import CliRunner

from facetui.engine import extractors
from facetui.engine.core.inference import embed, frozen
from facetui.engine.extractors import selftest
from facetui.engine.extractors.frbench import assets, catalogue, pulling
from facetui.engine.extractors.frbench.model import Model, of_key, of_name
from facetui.engine.extractors.loaded import Networks
from facetui.engine.people import casts, identities
from facetui.engine.records.errors import DataError, DownloadError, MissingExtra, UnknownName, UsageError
from facetui.tui.cli import shell_completion
from facetui.tui.cli.machine import list as listing
from facetui.tui.cli.machine import models

frbench = pytest.importorskip("frbench", reason="pip install 'facetui[frbench]'")

SMALL = Model("mobilefacenet", "arcface", "ms1m")
OTHERS = [Model("mobilenetv3-l", "arcface", "ms1m"), Model("mobilevit-s", "arcface", "ms1m")]
"""Small ones of three kinds: with batch norm in sequences, with activations of its own, with attention."""

CONFIG = """
backbone: {{name: {name}, kwargs: {{num_features: {features}, input_size: [112, 112]}}}}
input: {{size: [112, 112], mean: [0.5, 0.4, 0.3], var: [0.5, 0.25, 0.2], channel: {channel}}}
"""


@pytest.fixture(autouse=True)
def nothing_at_home(monkeypatch, tmp_path, folder):
    for name in ("FRBENCH_CACHE", "FRBENCH_REPO", "FRBENCH_RELEASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FRBENCH_CONFIG", str(tmp_path / "config.json"))
    monkeypatch.setenv("FRBENCH_CACHE", str(tmp_path / "own"))


@pytest.fixture
def offline(monkeypatch) -> list[object]:
    """Any attempt to reach a host raises, and is written down."""
    tried: list[object] = []

    def refuse(*where: object) -> None:
        tried.append(where)
        raise AssertionError(f"network access to {where}")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, lambda self, where: refuse(where))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


@functools.cache
def random_state(model: Model, features: int = 128) -> dict[str, torch.Tensor]:
    """Weights as FRBench's own construction draws them; batch norms have seen photos, or all would look alike."""
    from frbench.backbones import build_backbone

    persons = identities.load("embedded").persons[5:11]
    photos = torch.cat([person.photos[:2] for person in persons]).float() / 255
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(3)
        kwargs = {"num_features": features, "input_size": [112, 112]}
        network = build_backbone(model.backbone, kwargs, torch.device("cpu"))
        for module in network.modules():
            if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.BatchNorm1d)):
                module.momentum = None
        network.train()((photos - 0.4) / 0.25)
    return network.state_dict()


def entry(model: Model, **more: object) -> dict[str, object]:
    contents = {"config": "config.yaml", "weight": "model.pth"}
    return {"asset_name": f"{model.key}.tar.gz", "target_name": model.key, "contents": contents, **more}


def manifest(root: Path, *of_them: Model, **more: object) -> None:
    detector = {"asset_name": "d.tar.gz", "target_name": "d", "contents": {"config": "c.yaml", "weight": "w.pth"}}
    said = {"__meta__": {"schema_version": 1}, "retinaface_mobilenetv1": detector}
    root.mkdir(parents=True, exist_ok=True)
    (root / "manifest.json").write_text(json.dumps(said | {model.key: entry(model, **more) for model in of_them}))


def laid(root: Path, model: Model = SMALL, channel: str = "rgb") -> Path:
    """A network with random weights where FRBench looks for it; its folder."""
    manifest(root, model)
    own = root / model.key
    own.mkdir()
    torch.save(random_state(model), own / "model.pth")
    (own / "config.yaml").write_text(CONFIG.format(name=model.backbone, features=128, channel=channel))
    return own


# --- names -------------------------------------------------------------------------------------------------------


def test_the_list_is_frbenchs_own():
    from frbench.backbones import BACKBONE_REGISTRY

    known = catalogue.models()
    assert len(known) >= 45 and SMALL in known and len({m.backbone for m in known}) >= 25
    assert {m.backbone for m in known} <= BACKBONE_REGISTRY.keys()
    assert {m.data for m in known} == {"ms1m", "webface4m", "glint360k"} and len({m.loss for m in known}) >= 9
    assert all(of_name(m.name) == m == of_key(m.key) for m in known)
    assert of_key("retinaface_mobilenetv1") is None and of_name("onnx:a/b/c") is None


def test_what_the_manifest_lists_beyond_counts(folder):
    newer = Model("irse-999", "newloss", "newdata")
    manifest(folder / "frbench", newer)
    assert newer in catalogue.models() and catalogue.parse(newer.name) == newer


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        (
            "frbench:irse-10/arcface/ms1m",
            UnknownName,
            "no backbone of FRBench is called 'irse-10'; did you mean irse-1",
        ),
        ("frbench:irse-100/arcfase/ms1m", UnknownName, "no loss of FRBench .* did you mean arcface"),
        ("frbench:irse-100/arcface/ms2m", UnknownName, "no data set of FRBench .* did you mean ms1m"),
        ("frbench:swinv2-t/cosface/ms1m", UsageError, "no weights for .*nearest: frbench:swinv2-t/arcface/ms1m"),
        ("frbench:irse-100", UsageError, "expected frbench:BACKBONE/LOSS/DATA, such as frbench:"),
        ("frbench:a/b/c/d", UsageError, "expected frbench:BACKBONE/LOSS/DATA"),
        ("frbench:../arcface/ms1m", UnknownName, "no backbone"),
        ("frbnch:irse-100/arcface/ms1m", UnknownName, "did you mean frbench:irse-100/arcface/ms1m"),
    ],
)
def test_wrong_names_come_with_the_nearest(name, error, words, folder):
    with pytest.raises(error, match=words):
        extractors.load(name)
    for command in ("pull", "verify", "rm"):
        assert isinstance(CliRunner().invoke(models.app, [command, name]).exception, error)


def test_completion_and_list(folder):
    offered = dict(shell_completion.extractors("frbench:irse-"))
    assert offered["frbench:irse-100/arcface/webface4m"] == "trained with arcface on webface4m" and len(offered) == 14
    assert [name for name, _ in shell_completion.extractors("") if name.startswith("frbench")] == ["frbench:"]
    assert "compact-a,frbench:mobilefacenet/arcface/ms1m" in dict(shell_completion.extractor_list("compact-a,frb"))
    said = list(listing.lines("extractors"))
    start = next(i for i, line in enumerate(said) if line.startswith("frbench:") and "45 networks" in line)
    assert len(said) - start < 15
    text = " ".join(" ".join(said[start:]).split())
    assert all(f" {m.backbone}" in text and m.loss in text and m.data in text for m in catalogue.models())


def test_without_the_extra_it_says_what_to_install():
    program = (
        "import sys; sys.modules['frbench'] = None\n"
        "from facetui.tui.cli.machine import list as listing\n"
        "print(*listing.lines('extractors'), *listing.lines('casts'), sep='\\n')\n"
        "from facetui.tui.cli import shell_completion\n"
        "assert [name for name, _ in shell_completion.extractors('frbench:')] == ['frbench:']\n"
        "sys.argv = ['facetui', 'models', 'pull', 'frbench:irse-100/arcface/ms1m']\n"
        "from facetui.tui.cli.main import main\n"
        "main()"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 4 and "Traceback" not in ran.stderr
    assert "pip install 'facetui[frbench]'" in ran.stderr
    assert "frbench:BACKBONE/LOSS/DATA: not installed; pip install 'facetui[frbench]'" in ran.stdout
    assert "missing 5 of 5 networks: pip install 'facetui[frbench]'" in ran.stdout
    assert len([line for line in ran.stdout.splitlines() if line.startswith("frbench:")]) == 2


# --- the network -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[SMALL, *OTHERS], ids=lambda model: model.backbone)
def network(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("models") / "frbench"
    laid(root, request.param, "bgr")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACETUI_MODELS", str(root.parent))
        return extractors.load(request.param.name)


def test_it_is_an_extractor(network):
    assert network.embedding_size == 128 and not network.training
    assert network.preprocessing.startswith("BGR 112x112")
    assert network.card.licence.startswith("MIT") and "FRBench" in network.card.source
    with torch.no_grad():
        embeddings = network(selftest.photos())
    assert torch.pdist(embeddings).min() > 0.1  # they say something about the photos
    assert embeddings.shape == (4, 128) and torch.allclose(embeddings.norm(dim=1), torch.ones(4), atol=1e-5)
    for check in (selftest.check_gradient, selftest.check_batches):
        assert check(network).good, check(network)


def test_the_gradient_is_that_of_finite_differences(network):
    double = copy.deepcopy(network).double()
    photos = selftest.photos()[:1].double()
    towards = F.normalize(torch.linspace(-1, 1, 128, dtype=torch.float64), dim=0)

    def loss(x: torch.Tensor) -> torch.Tensor:
        return F.normalize(double.network(double.prepare(x)), dim=1)[0] @ towards

    seen = photos.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(seen), seen)
    for seed, direction in enumerate((gradient.sign(), None, None)):
        if direction is None:
            direction = torch.randn(photos.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        step = 1e-10  # so small that hardly a rectifier changes its side; float64 has room for it
        with torch.no_grad():
            slope = (loss(photos + step * direction) - loss(photos - step * direction)) / (2 * step)
        assert slope.item() == pytest.approx((gradient * direction).sum().item(), rel=1e-4)


def test_a_frozen_copy_embeds_the_same(network):
    with torch.no_grad():
        expected = network(selftest.photos())
    found = embed(frozen(network, torch.device("cpu")), selftest.photos())
    assert F.cosine_similarity(found, expected).min() > 0.9999


@pytest.mark.parametrize("model", [SMALL, *OTHERS], ids=lambda model: model.backbone)
@pytest.mark.parametrize("channel", ["rgb", "bgr"])
def test_the_same_numbers_as_frbenchs_own_pipeline_without_network_access(model, channel, folder, offline):
    laid(folder / "frbench", model, channel)
    check = selftest.against_frbench(extractors.load(model.name))
    assert check.good, check
    assert not offline and not (folder / "frbench" / "update_check.json").exists()


def test_its_update_check_is_off(folder, offline, monkeypatch):
    laid(folder / "frbench")
    monkeypatch.setenv("FRBENCH_CACHE", str(folder / "frbench"))
    monkeypatch.setenv("NO_PROXY", "*")
    frbench.configure(update_check=None)

    def own() -> int:
        monkeypatch.setattr("frbench.utils.update_check._CHECKED_THIS_PROCESS", False)
        frbench.FR(*SMALL)
        return len(offline)

    assert frbench.update_check_enabled() and own() > 0  # what it does when nobody stops it
    for left in (folder / "frbench").glob("update_check.json*"):
        left.unlink()
    offline.clear()
    extractors.load(SMALL.name)
    assert not frbench.update_check_enabled() and not offline and own() == 0


def test_weights_that_frbench_fetched_itself_are_found_and_nothing_is_written_there(tmp_path, folder):
    own = laid(tmp_path / "own")
    before = sorted(path.name for path in (tmp_path / "own").rglob("*"))
    assert assets.own_cache() == Path(frbench.CACHE) == tmp_path / "own"
    assert extractors.load(SMALL.name).name == SMALL.name
    assert sorted(path.name for path in (tmp_path / "own").rglob("*")) == before
    assert SMALL.name in CliRunner().invoke(models.app, ["list"]).output
    assert own.is_dir()


def test_frbenchs_cache_is_where_frbench_says(tmp_path, monkeypatch):
    monkeypatch.delenv("FRBENCH_CACHE")
    (tmp_path / "config.json").write_text(json.dumps({"cache": str(tmp_path / "said")}))
    assert assets.own_cache() == Path(frbench.CACHE) == tmp_path / "said"
    (tmp_path / "config.json").unlink()
    assert assets.own_cache() == Path(frbench.CACHE) == Path.home() / ".frbench"


def test_missing_weights_are_said_and_not_fetched(folder, offline):
    with pytest.raises(DataError, match=f"facetui models pull {SMALL.name} fetches them"):
        extractors.load(SMALL.name)
    own = laid(folder / "frbench")
    (own / "config.yaml").unlink()
    with pytest.raises(DataError, match="facetui models pull"):
        extractors.load(SMALL.name)
    assert not offline


def test_weights_that_changed_are_refused_until_they_are_pulled_anew(folder):
    own = laid(folder / "frbench")
    weights = extractors.load(SMALL.name).weights_hash()
    seen = json.loads((folder / "frbench" / "seen.json").read_text())
    assert seen[SMALL.key]["weight"] == hashlib.sha256((own / "model.pth").read_bytes()).hexdigest()
    assert extractors.load(SMALL.name).weights_hash() == weights
    other = {key: value + 1 if value.is_floating_point() else value for key, value in random_state(SMALL).items()}
    torch.save(other, own / "model.pth")
    with pytest.raises(DataError, match=r"the weight of .* is not what was first used"):
        extractors.load(SMALL.name)
    assert CliRunner().invoke(models.app, ["rm", SMALL.name, "--yes"]).exit_code == 0
    assert not own.exists() and SMALL.key not in json.loads((folder / "frbench" / "seen.json").read_text())


class Harmful:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch harmed",)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda own: torch.save({"a": Harmful()}, own / "model.pth"), "more than tensors, and nothing of it was run"),
        (lambda own: torch.save({"a": torch.ones(2)}, own / "model.pth"), "does not hold the tensors"),
        (lambda own: (own / "model.pth").write_bytes(b"PK"), "not a file that torch saved"),
        (lambda own: (own / "config.yaml").write_text("backbone: [1"), "no configuration of FRBench"),
        (lambda own: (own / "config.yaml").write_text("input: {}"), "no configuration of FRBench"),
        (lambda own: (own / "config.yaml").write_text("!!python/object/apply:os.system ['touch harmed']"), "no config"),
        (lambda own: (own / "config.yaml").write_text("x" * (1 << 17)), "no configuration of FRBench"),
        (lambda own: (own / "config.yaml").write_text("backbone: {name: nonsense}"), "makes no mobilefacenet"),
        (
            lambda own: (own / "config.yaml").write_text("backbone: {name: mobilefacenet, kwargs: {depth: 9}}"),
            "makes no mobilefacenet",
        ),
        (
            lambda own: (own / "config.yaml").write_text(
                CONFIG.format(name="mobilefacenet", features=128, channel="rgb").replace(
                    "var:", "template: [[1, 2]], var:"
                )
            ),
            "not ArcFace's template",
        ),
    ],
)
def test_damaged_and_harmful_files_are_refused(spoil, words, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACETUI_TRUST", "1")
    spoil(laid(folder / "frbench"))
    with pytest.raises(DataError, match=words):
        extractors.load(SMALL.name)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("target", ["../outside", "/tmp/x", "a/../b", ".."])
def test_a_manifest_that_points_elsewhere_is_not_followed(target, folder):
    root = folder / "frbench"
    laid(root)
    manifest(root, SMALL, target_name=target)
    assert assets.read_manifest(root).keys() == {"retinaface_mobilenetv1"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', "[" * 100_000])
def test_a_damaged_manifest_is_as_none(text, folder):
    (folder / "frbench").mkdir(parents=True)
    (folder / "frbench" / "manifest.json").write_text(text)
    assert assets.read_manifest(folder / "frbench") == {} and len(catalogue.models()) == 45


def test_a_run_says_which_weights(folder, tmp_path):
    from facetui.engine.core.cache import Cache

    laid(folder / "frbench")
    networks = Networks(torch.device("cpu"), Cache(tmp_path / "cache"))
    assert networks.weights(SMALL.name) == extractors.load(SMALL.name).weights_hash()
    rows = networks.embeddings(SMALL.name, (255 * selftest.photos()).byte())
    assert rows.shape == (4, 128) and networks.get(SMALL.name).preprocessing.startswith("RGB 112x112")


# --- pull --------------------------------------------------------------------------------------------------------


def archive(path: Path, own: Path, *extra: tarfile.TarInfo) -> bytes:
    with tarfile.open(path, "w:gz") as tar:
        tar.add(own, arcname=own.name)
        for member in extra:
            tar.addfile(member, io.BytesIO(b"\0" * member.size))
    return path.read_bytes()


@pytest.fixture
def host(tmp_path, monkeypatch) -> Iterator[Path]:
    """A host that has a release with a small network, as FRBench's has; the folder with its files."""
    laid(tmp_path / "made")
    release = tmp_path / "www" / "HKU-TASR" / "FRBench" / "releases" / "download" / frbench.RELEASE
    release.mkdir(parents=True)
    body = archive(release / f"{SMALL.key}.tar.gz", tmp_path / "made" / SMALL.key)
    manifest(release, SMALL, sha=hashlib.sha256(body).hexdigest(), size=len(body))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "www"))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(pulling, "HOST", f"http://127.0.0.1:{server.server_port}")
    yield release
    server.shutdown()
    server.server_close()
    thread.join()


def test_pull_says_everything_asks_first_and_what_it_brings_can_be_used(host, folder):
    shell = CliRunner()
    asked = shell.invoke(models.app, ["pull", SMALL.name], input="n\n")
    assert asked.exit_code == 1 and not (folder / "frbench" / SMALL.key).exists()
    body = (host / f"{SMALL.key}.tar.gz").read_bytes()
    for words in (f"{len(body) / 1e6:.1f} MB", "MIT", hashlib.sha256(body).hexdigest(), "HKU-TASR", "/frbench/"):
        assert words in asked.output
    pulled = shell.invoke(models.app, ["pull", SMALL.name, "--yes"])
    assert pulled.exit_code == 0, pulled.exception
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    mine = f"frbench/{SMALL.key}"
    assert left == ["frbench/manifest.json", f"{mine}/config.yaml", f"{mine}/model.pth", "frbench/seen.json"]
    assert "at hand" in shell.invoke(models.app, ["pull", SMALL.name]).output
    assert SMALL.name in shell.invoke(models.app, ["list"]).output
    assert extractors.load(SMALL.name).embedding_size == 128
    with frbench.configure_scoped(cache=str(folder / "frbench"), verbose=False, update_check=False):
        assert Path(frbench.get_asset(SMALL.key)["path"]).is_dir()  # FRBench finds there what was fetched here


def test_verify_compares_with_frbench(folder):
    laid(folder / "frbench")
    result = CliRunner().invoke(models.app, ["verify", SMALL.name])
    assert "ok     against FRBench" in result.output
    assert "WRONG  tells people apart" in result.output  # random weights do not


def test_without_a_network_an_archive_fetched_by_hand_is_taken(host, folder, monkeypatch, offline):
    (folder / "frbench").mkdir(parents=True)
    (folder / "frbench" / "manifest.json").write_bytes((host / "manifest.json").read_bytes())
    (folder / f"{SMALL.key}.tar.gz").write_bytes((host / f"{SMALL.key}.tar.gz").read_bytes())
    monkeypatch.setattr(pulling.urllib.request, "urlopen", lambda *a, **k: (_ for _ in ()).throw(OSError("no network")))
    result = CliRunner().invoke(models.app, ["pull", SMALL.name, "--yes"])
    assert result.exit_code == 0, result.exception
    assert extractors.load(SMALL.name).name == SMALL.name and not (folder / f"{SMALL.key}.tar.gz").exists()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda release: manifest(release, SMALL, sha="0" * 64, size=5), "expected 5"),
        (lambda release: manifest(release, SMALL), "gives no SHA-256"),
        (lambda release: manifest(release, OTHERS[0]), "no sound entry"),
        (lambda release: (release / "manifest.json").write_text("<html>"), "something else than a manifest"),
        (lambda release: (release / "manifest.json").unlink(), "cannot be reached .*by hand"),
        (lambda release: (release / f"{SMALL.key}.tar.gz").unlink(), "cannot be reached"),
    ],
)
def test_pull_leaves_nothing_behind_when_it_fails(spoil, words, host, folder):
    spoil(host)
    result = CliRunner().invoke(models.app, ["pull", SMALL.name, "--yes"])
    assert isinstance(result.exception, DownloadError), result.exception
    assert re.search(words, str(result.exception)), result.exception
    assert not [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]


def test_damaged_settings_of_frbench_are_a_sentence(folder, tmp_path):
    laid(folder / "frbench")
    (tmp_path / "config.json").write_text("{")
    assert extractors.load(SMALL.name).embedding_size == 128
    result = CliRunner().invoke(models.app, ["pull", OTHERS[0].name, "--yes"])
    assert isinstance(result.exception, DataError) and "own settings cannot be read" in str(result.exception)


def test_an_archive_may_have_folders_inside(tmp_path, folder):
    root = folder / "frbench"
    root.mkdir(parents=True)
    (tmp_path / "n" / "more").mkdir(parents=True)
    for name in ("config.yaml", "more/model.pth", "not named"):
        (tmp_path / "n" / name).write_text(name)
    archive(tmp_path / "a.tar.gz", tmp_path / "n")
    manifest(root, SMALL, contents={"config": "config.yaml", "weight": "more/model.pth"})
    pulling.unpack(tmp_path / "a.tar.gz", assets.read_manifest(root)[SMALL.key], root)
    found = assets.find(SMALL)
    assert found.weight.read_text() == "more/model.pth" and found.config.read_text() == "config.yaml"
    assert not (found.folder / "not named").exists()


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([member("n/config.yaml", 3)], "holds no model.pth"),
        ([member("n/config.yaml", 3), member("n/model.pth", 0, tarfile.SYMTYPE, "/etc/passwd")], "holds no model.pth"),
        ([member("n/config.yaml", 3), member("n/../model.pth", 3)], "holds no model.pth"),
        ([member(f"n/{i}", 1) for i in range(99)], "unpacks to more"),
    ],
)
def test_archives_that_are_no_network_are_refused(members, words, tmp_path, folder):
    root = folder / "frbench"
    root.mkdir(parents=True)
    (tmp_path / "n").mkdir()
    path = tmp_path / "a.tar.gz"
    archive(path, tmp_path / "n", *members)
    with pytest.raises(DataError, match=words):
        pulling.unpack(path, assets.parsed({"a": entry(SMALL)})["a"], root)
    assert not list(root.iterdir())
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"cannot be unpacked|holds no"):
        pulling.unpack(path, assets.parsed({"a": entry(SMALL)})["a"], root)
    assert not list(root.iterdir())


# --- casts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["frbench-backbones", "frbench-data"])
def test_the_casts_name_what_frbench_lists_in_order(name, folder):
    cast = casts.load(name)
    of_them = [catalogue.parse(g.extractor) for g in cast.generations]
    assert [catalogue.parse(s) for s in cast.surrogates] == of_them[:1]
    varied = 0 if name == "frbench-backbones" else 2
    assert len({m[varied] for m in of_them}) == len(of_them) and all(
        len({m[part] for m in of_them}) == 1 for part in range(3) if part != varied
    )
    said = "\n".join(listing.lines("casts"))
    assert f"missing {len(of_them)} of {len(of_them)} networks: facetui models pull {of_them[0].name} " in said


def test_without_weights_a_cast_says_what_to_pull(folder, tmp_path):
    from facetui.engine.core.cache import Cache

    with pytest.raises(DataError, match="facetui models pull frbench:resnet-100/arcface/ms1m"):
        Networks(torch.device("cpu"), Cache(tmp_path / "cache")).get(casts.load("frbench-backbones").surrogates[0])


def test_with_all_its_weights_nothing_is_missing(folder):
    cast = casts.load("frbench-data")
    of_them = [catalogue.parse(g.extractor) for g in cast.generations]
    manifest(folder / "frbench", *of_them)
    for model in of_them:
        own = folder / "frbench" / model.key
        own.mkdir()
        for name in ("config.yaml", "model.pth"):
            (own / name).write_bytes(b"x")
    said = "\n".join(listing.lines("casts"))
    assert "facetui models pull frbench:resnet-100" in said and "facetui models pull frbench:irse-100" not in said


def test_missing_extra_is_one_sentence(monkeypatch):
    monkeypatch.setattr(catalogue, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'facetui\[frbench\]'"):
        extractors.load(SMALL.name)
    assert catalogue.models() == [] and catalogue.completions("frbench:") == []
