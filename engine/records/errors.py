"""Everything facetui raises on purpose.

::

    FacetuiError                    one clear sentence, and the way out
    ├── UsageError                  a name or a value that was asked for does not exist or fit (exit code 2)
    │   ├── UnknownName             not in a registry; carries the nearest names
    │   └── MissingLab              only what follows and reads runs is installed; carries the command for the rest
    ├── ScenarioError               a scenario file that cannot be read, or that raised (exit code 1)
    ├── DataError                   photos, people, weights or casts that are missing or unusable (exit code 4)
    │   ├── MissingExtra            a package that is not installed by default; carries the command that installs it
    │   ├── Untrusted               a file that could run code of its own; says how to allow it
    │   └── DownloadError           weights that did not arrive, or not as published; says how to fetch them by hand
    ├── JournalError                a journal that cannot be written or read (exit code 4)
    ├── OutOfMemory                 even one photo at a time does not fit (exit code 5)
    └── Cancelled                   somebody asked the run to stop (exit code 130)

The command line prints ``str(error)`` and leaves with ``error.exit_code``; anything else is a bug, goes to a log
with its traceback, and leaves with 1.
"""

import errno
import shutil
import sys
from pathlib import Path

LAB = {
    "torch": "torch",
    "torchvision": "torchvision",
    "facenet_pytorch": "facenet-pytorch",
    "kornia": "kornia",
    "numpy": "numpy",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "safetensors": "safetensors",
    "IPython": "ipython",
    "traitlets": "traitlets",
}
"""Packages that compute, which ``facetui`` brings and ``facetui-core`` does not: as imported, and as installed."""

DRIVERS = ("/proc/driver/nvidia/version", "/dev/dxg", r"C:\Windows\System32\nvcuda.dll")
"""Files that are there where a driver of NVIDIA is: Linux, Linux in Windows, Windows."""

WITHOUT_CUDA = "https://download.pytorch.org/whl/cpu"


class FacetuiError(Exception):
    """The root of the tree: its text is meant for the person at the keyboard."""

    exit_code = 1


class UsageError(FacetuiError):
    """A name, option or value that does not exist or does not fit."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that no registry entry carries.

    Attributes:
        nearest: registered names that look alike, best first; may be empty.
    """

    def __init__(self, kind: str, name: str, nearest: list[str], known: list[str]) -> None:
        self.nearest = nearest
        hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"known: {', '.join(known) or 'none'}"
        super().__init__(f"no {kind} is called {name!r}; {hint}")


class MissingLab(UsageError):
    """What computes is not installed here.

    Args:
        package: the one that was looked for.
    """

    def __init__(self, package: str) -> None:
        super().__init__(f"this needs the lab, which facetui-core does not bring ({package}); {lab_command()}")


class ScenarioError(FacetuiError):
    """A scenario file that cannot be read, or a scenario that raised."""


class DataError(FacetuiError):
    """Photos, people, weights or casts that are missing or unusable."""

    exit_code = 4


class MissingExtra(DataError):
    """A package is needed that ``pip install facetui`` does not bring."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed; {extra_command(extra)}")


class Untrusted(DataError):
    """A file whose format can run code of its own, and which nobody vouched for."""


class DownloadError(DataError):
    """Weights did not arrive, or are not those that were published."""


class JournalError(FacetuiError):
    """A journal that cannot be written or read."""

    exit_code = 4


class OutOfMemory(FacetuiError):
    """The device ran out of memory with the smallest batch there is."""

    exit_code = 5


_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "bad_alloc",
    "not enough memory",
    "defaultcpuallocator",
    "status_alloc_failed",  # of cuBLAS and cuDNN
)
_NOT_LOADED = ("failed to map segment", "cannot allocate memory")


def lack_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; libraries say so in many ways, and few have a kind for it."""
    said = str(error).lower()
    match error:
        case MemoryError() | OutOfMemory():
            return True
        case OSError():
            return error.errno == errno.ENOMEM or any(text in said for text in _NOT_LOADED)
        case ImportError():
            return any(text in said for text in _NOT_LOADED)
        case RuntimeError():
            return type(error).__name__ == "OutOfMemoryError" or any(text in said for text in _NO_MEMORY)
    return False


def lack_of_lab(error: BaseException) -> MissingLab | None:
    """What an error means that was raised because a package of the lab is not installed; ``None`` for any other."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return MissingLab(LAB[name]) if name in LAB else None


def lab_command() -> str:
    """What to type on this machine to install the lab: without a driver of NVIDIA, without the gigabytes of CUDA."""
    if shutil.which("uv"):  # a tool of the same command may be there, the core
        return f"uv tool install facetui {_backend()}{' --force' if _is_tool() else ''}"
    needless = sys.platform == "linux" and not _has_cuda()
    return f"pip install facetui{f' --extra-index-url {WITHOUT_CUDA}' if needless else ''}"


def extra_command(extra: str) -> str:
    """What to type to install an extra where facetui itself is."""
    return f"uv tool install 'facetui[{extra}]' {_backend()}" if _is_tool() else f"pip install 'facetui[{extra}]'"


def _has_cuda() -> bool:
    return shutil.which("nvidia-smi") is not None or any(Path(driver).exists() for driver in DRIVERS)


def _backend() -> str:
    return f"--torch-backend {'auto' if _has_cuda() else 'cpu'}"


def _is_tool() -> bool:
    """Whether uv installed what runs as a tool, in an environment of its own into which pip installs nothing."""
    return Path(sys.prefix, "uv-receipt.toml").is_file()


class Cancelled(FacetuiError):
    """The run was asked to stop and did, between two steps."""

    exit_code = 130
