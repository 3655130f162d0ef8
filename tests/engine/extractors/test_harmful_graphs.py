"""Graph models that mean harm or are damaged: one sentence says why, and nothing is set aside for what they claim."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from facetui.engine import extractors
from facetui.engine.extractors.from_files import reading
from facetui.engine.extractors.from_files.tfjs import files, network
from facetui.engine.records.errors import DataError

from ...support import graph_files as small

try:
    import resource
except ImportError:
    resource = None

NODE = small.node
KERNEL = np.full((28, 28, 3, 4), 0.01, np.float32)
SHAPE = np.array([-1, 64], np.int32)


def harmless(folder: Path) -> Path:
    nodes = [
        small.photos(),
        NODE("c", "Conv2D", "x", "k", **small.window(28, "VALID")),
        NODE("y", "Reshape", "c", "n"),
    ]
    return small.write(folder / "net.json", nodes, {"k": KERNEL, "n": SHAPE}, outputs=["y"])


def refused(path: Path, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        extractors.load(f"graph:{path}")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700


def kernel(model):
    return model["weightsManifest"][0]["weights"][0]


def nodes(model):
    return {node["name"]: node for node in model["modelTopology"]["node"]}


def first(model):
    return model["weightsManifest"][0]["paths"]


CHANGES = {
    "a kind that is none": (lambda m: kernel(m).update(dtype="complex64"), "holds k as complex64; expected float32"),
    "a quantisation that is none": (lambda m: kernel(m).update(quantization={"dtype": "int4"}), "holds k as int4"),
    "a shape too large": (lambda m: kernel(m).update(shape=[1 << 20, 1 << 20]), "claims 4,398,.* bytes"),
    "a size too large": (lambda m: kernel(m).update(shape=[1 << 62, 4]), "the shape .*refused"),
    "a negative size": (lambda m: kernel(m).update(shape=[-28, -28, 3, 4]), "the shape .*refused"),
    "a size that is a fraction": (lambda m: kernel(m).update(shape=[28.5]), "no graph model"),
    "a hundred axes": (lambda m: kernel(m).update(shape=[1] * 100), "the shape .*refused"),
    "weights twice": (lambda m: kernel(m).update(name="n"), "names the weights n twice"),
    "one value too few": (lambda m: kernel(m).update(shape=[28, 28, 3, 3]), "hold 37,640 bytes, expected 28,232"),
    "a file above": (lambda m: first(m).__setitem__(0, "../net-1of1.bin"), "cannot be read .*below the folder"),
    "a file elsewhere": (lambda m: first(m).__setitem__(0, "/etc/passwd"), "cannot be read .*below the folder"),
    "a file that is not there": (lambda m: first(m).__setitem__(0, "not-there.bin"), "not-there.bin.*cannot be read"),
    "a file of no name": (lambda m: first(m).__setitem__(0, ""), "cannot be read"),
    "a folder": (lambda m: first(m).__setitem__(0, "folder"), "folder.*cannot be read"),
    "a link": (lambda m: first(m).__setitem__(0, "link.bin"), "link.bin.*symbolic link"),
    "a null byte": (lambda m: first(m).__setitem__(0, "a\0b"), "cannot be read"),
    "the same file many times": (lambda m: first(m).extend(["net-1of1.bin"] * 9999), "bytes, expected 37,640"),
    "a circle": (lambda m: nodes(m)["c"].update(input=["y", "k"]), "in a circle at the node"),
    "a node that takes itself": (lambda m: nodes(m)["y"].update(input=["y", "n"]), "in a circle at the node y"),
    "a node that is not there": (lambda m: nodes(m)["c"].update(input=["z", "k"]), "no node z, which the node c"),
    "two nodes of a name": (lambda m: nodes(m)["c"].update(name="y"), "two nodes y"),
    "a second output of a node": (lambda m: nodes(m)["y"].update(input=["c:1", "n"]), "no node c:1"),
    "weights that are missing": (lambda m: m["weightsManifest"].clear(), "no weights for the node k"),
    "an operation that is none": (lambda m: nodes(m)["c"].update(op="Einsum"), r"the node c \(Einsum\).*not known"),
    "an operation in colour": (lambda m: nodes(m)["c"].update(op="\x1b[31m\n" * 99), "the node c .*not known"),
    "a signature of nothing": (lambda m: m["signature"]["outputs"].update(y={"name": "w"}), "no node w"),
    "no kernel": (lambda m: nodes(m)["c"].update(input=["x", "x"]), r"the node c \(Conv2D\).*kernel as a constant"),
    "nothing taken": (lambda m: nodes(m)["c"].update(input=[]), "it takes nothing"),
    "a shape for a kernel": (lambda m: nodes(m)["c"].update(input=["x", "n"]), "kernel of four axes"),
    "a shape that does not fit": (lambda m: nodes(m)["c"]["attr"].update(small.window(14, "VALID")), r"y \(Reshape\)"),
    "channels first": (lambda m: nodes(m)["c"]["attr"].update(data_format=small.text("NCHW")), "channels last"),
    "a padding that is none": (lambda m: nodes(m)["c"]["attr"].update(padding=small.text("NONE")), "SAME or VALID"),
    "text that is none": (lambda m: nodes(m)["c"]["attr"].update(padding={"s": "%%%"}), "base 64"),
    "a stride of nothing": (lambda m: nodes(m)["c"]["attr"].update(strides=small.wholes(1, 0, 0, 1)), "strides"),
    "a stride beyond all": (lambda m: nodes(m)["c"]["attr"].update(strides=small.wholes(1, 1 << 70, 1, 1)), "whole"),
    "a stride of words": (lambda m: nodes(m)["c"]["attr"].update(strides={"list": {"i": ["many"]}}), "the node c"),
    "a pace across photos": (lambda m: nodes(m)["c"]["attr"].update(strides=small.wholes(2, 1, 1, 1)), "strides"),
    "zeros beyond all": (
        lambda m: nodes(m)["c"]["attr"].update(small.window(1, "SAME", 60000)),
        "too large once it is padded",
    ),
    "grey pictures": (
        lambda m: nodes(m)["x"]["attr"]["shape"]["shape"]["dim"][3].update(size="1"),
        "not RGB pictures",
    ),
    "giant pictures": (
        lambda m: nodes(m)["x"]["attr"]["shape"]["shape"]["dim"][1].update(size="90000"),
        "more than 1024",
    ),
    "two inputs": (
        lambda m: (
            m["modelTopology"]["node"].append(small.photos(name="z")),
            nodes(m)["y"].update(op="Add", input=["c", "z"]),
        ),
        "more than one input",
    ),
    "no photo": (lambda m: nodes(m)["y"].update(op="Mul", input=["n", "n"]), "whatever the photo is"),
    "a layers model": (lambda m: m.update(modelTopology={"model_config": {}}), "Keras layers model"),
    "no topology": (lambda m: m.pop("modelTopology"), "no graph model"),
    "a list for a node": (lambda m: m["modelTopology"]["node"].append([]), "no graph model"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_a_graph_that_claims_what_is_not_so_is_refused_in_one_sentence(kind, folder):
    folder.mkdir()
    path = harmless(folder)
    (folder / "folder").mkdir()
    (folder / "link.bin").symlink_to(folder / "net-1of1.bin")
    change, words = CHANGES[kind]
    model = json.loads(path.read_text())
    change(model)
    path.write_text(json.dumps(model))
    refused(path, words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no graph model"),
        (b"this is no graph", "no graph model"),
        (b"[" * 1_000_000, "no graph model"),
        (b'{"modelTopology": ' + b"[" * 100_000, "no graph model"),
        (b"\xff\xfe\x00", "no graph model"),
        (b"null", "no graph model"),
        (b'{"modelTopology": {"node": []}, "weightsManifest": []}', "returns nothing"),
    ],
)
def test_what_is_no_topology_is_refused(content, words, folder):
    folder.mkdir()
    (folder / "net.json").write_bytes(content)
    refused(folder / "net.json", words)


def test_files_that_are_too_large_are_not_read(folder):
    folder.mkdir()
    path = harmless(folder)
    with path.open("r+b") as file:
        file.truncate(files.MOST + 1)
    refused(path, "larger than")
    path = harmless(folder)
    with (folder / "net-1of1.bin").open("r+b") as file:
        file.truncate(reading.MAX_BYTES + 1)  # a hole: takes no space
    refused(path, "1,073,741,825 bytes, expected 37,640")


def test_a_link_in_a_circle_and_a_pipe_are_refused(folder):
    import os

    folder.mkdir()
    (folder / "a.json").symlink_to(folder / "b.json")
    (folder / "b.json").symlink_to(folder / "a.json")
    refused(folder / "a.json", "no file")
    path = harmless(folder)
    (folder / "net-1of1.bin").unlink()
    os.mkfifo(folder / "net-1of1.bin")
    refused(path, "not a plain file")


def most_memory() -> int:
    """Bytes that this process had at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.skipif(resource is None, reason="this system does not say how much memory a process had")
@pytest.mark.parametrize(
    ("chain", "words"),
    [
        # Each is small as a file; what it would make is not.
        ([NODE("p", "Pad", "x", "wide"), NODE("y", "Mean", "p", "axes")], "makes more than 134,217,728 values"),
        ([NODE("a", "Mul", "row", "column"), NODE("b", "Mul", "a", "deep"), NODE("y", "Mul", "b", "x")], "values at"),
        ([NODE(f"v{i}", "ConcatV2", *[f"v{i - 1}" if i else "x"] * 64, "last") for i in range(5)], "values at"),
        ([NODE("y", "MaxPool", "x", ksize=small.wholes(1, 60000, 60000, 1), **small.window())], "once it is padded"),
    ],
)
def test_a_small_file_that_makes_much_is_refused_before_it_is_made(chain, words, folder):
    folder.mkdir()
    constants = {
        "wide": np.array([[0, 0], [60000, 60000], [60000, 60000], [0, 0]], np.int32),
        "row": np.ones((1, 5000, 1, 1), np.float32),
        "column": np.ones((1, 1, 5000, 1), np.float32),
        "deep": np.ones((1, 1, 1, 5000), np.float32),
        "axes": np.array([1, 2], np.int32),
        "last": np.array(3, np.int32),
    }
    path = small.write(folder / "net.json", [small.photos(), *chain], constants, outputs=[chain[-1]["name"]])
    before = most_memory()
    refused(path, words)
    assert most_memory() - before < 1 << 28


def test_a_graph_of_very_many_nodes_is_refused(folder):
    folder.mkdir()
    chain = [NODE(f"r{i}", "Relu", f"r{i - 1}" if i else "x") for i in range(files.MAX_NODES + 1)]
    refused(small.write(folder / "net.json", [small.photos(), *chain], {}), "more than 20,000")


def test_a_long_chain_in_any_order_is_no_trouble(folder):
    folder.mkdir()
    chain = [NODE(f"r{i}", "Tanh", f"r{i - 1}" if i else "x") for i in range(2000)]
    random.Random(1).shuffle(chain)
    path = small.write(folder / "net.json", [*chain, small.photos(8, 8)], {}, outputs=["r1999"])
    net = network.GraphNetwork(files.read(path), ["r1999"])
    x = torch.rand(1, 8, 8, 3)
    assert len(net.stages) == 2000 and net(x).shape == x.shape


def test_a_topology_may_be_reached_through_a_link_its_weights_lie_beside_the_file_itself(folder, tmp_path):
    (tmp_path / "real").mkdir()
    folder.mkdir()
    (folder / "mine.json").symlink_to(harmless(tmp_path / "real"))
    graph = files.read(folder / "mine.json")
    assert graph.constants["k"].shape == KERNEL.shape


def test_the_command_says_one_sentence_and_no_traceback(folder):
    folder.mkdir()
    path = harmless(folder)
    (folder / "net-1of1.bin").write_bytes(b"cut short")
    main = [sys.executable, "-m", "facetui.tui.cli.main", "models", "verify", f"graph:{path}"]
    done = subprocess.run(main, capture_output=True, text=True)
    assert done.returncode == 4 and "hold 9 bytes, expected 37,640" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_read_or_refused_and_nothing_else(seed, folder):
    """Bytes changed, lost and doubled at random, in the topology and in the weights."""
    folder.mkdir()
    path = harmless(folder)
    draw = random.Random(seed)
    whole = {file: file.read_bytes() for file in (path, folder / "net-1of1.bin")}
    outcomes = set()
    for _ in range(60):
        for file, data in whole.items():
            file.write_bytes(data)
        victim = path if draw.random() < 0.8 else folder / "net-1of1.bin"
        data, at = bytearray(whole[victim]), draw.randrange(len(whole[victim]))
        match draw.randrange(3):
            case 0:
                data[at] = draw.randrange(256)
            case 1:
                del data[at : at + draw.randrange(1, 9)]
            case 2:
                data[at:at] = data[at : at + draw.randrange(1, 9)]
        victim.write_bytes(data)
        try:
            graph = files.read(path)
            network.GraphNetwork(graph, graph.outputs)
            outcomes.add("read")
        except DataError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
