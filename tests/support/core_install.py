"""``facetui-core`` as somebody installs it: the wheel of this tree and what it asks for, alone in an environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = ("engine", "scenarios", "tui", "pyproject.toml", "README.md", "LICENSE")


@dataclass
class Core:
    """An environment with facetui-core and nothing of the lab.

    Attributes:
        root: the environment's folder.
        packages: where packages lie in it.
        third_party: bytes on the disk of all packages but our own.
    """

    root: Path
    packages: Path
    third_party: int

    @property
    def python(self) -> str:
        return str(self.root / "bin" / "python")

    @property
    def facetui(self) -> str:
        return str(self.root / "bin" / "facetui")

    def run(self, *arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.facetui, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **self.environment, **settings},
        )

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the environment that runs the tests; no uv, so that the command to install is pip's."""
        return {"PYTHONPATH": "", "PATH": f"{self.root / 'bin'}:/usr/bin:/bin"}


def installed(root: Path, project: Path) -> Core:
    """Build the wheel and install it; what it asks for is taken from the environment that runs the tests.

    So no package comes over the network, and the versions are those that are tested otherwise.
    """
    tree, made = root / "tree", root / "wheels"
    for name in PROJECT:
        source = project / name
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, tree / name, ignore=hidden) if source.is_dir() else shutil.copy(source, tree / name)
    _do(uv=["build", "--wheel", "-o", made, tree], pip=["wheel", "--no-deps", "-w", made, tree])
    venv.create(root / "venv", symlinks=True)
    python = root / "venv" / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(root / "venv")}))
    (wheel,) = made.glob("facetui_core-*.whl")
    for name in sorted(_closure(wheel)):
        _copy(name, packages)
    third_party = sum(_on_disk(path) for path in packages.rglob("*"))
    _do(
        uv=["pip", "install", "--no-deps", "-p", python, wheel],
        pip=["--python", python, "install", "--no-deps", "--no-index", wheel],
    )
    return Core(root / "venv", packages, third_party)


def _do(uv: list[object], pip: list[object]) -> None:
    program = shutil.which("uv")
    words = [program, *uv] if program else [sys.executable, "-m", "pip", *pip]
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, env=alone)
    assert done.returncode == 0, done.stderr


def _closure(wheel: Path) -> set[str]:
    """Names of the distributions that a wheel asks for without extras, and those ask for."""
    (own,) = metadata.Distribution.discover(path=[str(wheel)])
    found: set[str] = set()
    waiting = [(own, frozenset[str]())]
    while waiting:
        distribution, extras = waiting.pop()
        for requirement in map(Requirement, distribution.requires or []):
            marker = requirement.marker
            wanted = marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, ""))
            if wanted and requirement.name not in found:
                found.add(requirement.name)
                waiting.append((metadata.distribution(requirement.name), frozenset(requirement.extras)))
    return found


def _copy(name: str, packages: Path) -> None:
    """One distribution's files, without what Python compiles, and without commands."""
    for path in metadata.distribution(name).files or []:
        if ".." not in path.parts and "__pycache__" not in path.parts:
            target = packages / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(path.locate()), target)


def _on_disk(path: Path) -> int:
    """Bytes that it takes, as du counts them."""
    return path.lstat().st_blocks * 512
