"""Everything facetui raises on purpose.

::

    FacetuiError                    one clear sentence, and the way out
    ├── UsageError                  a name or a value that was asked for does not exist or fit (exit code 2)
    │   └── UnknownName             not in a registry; carries the nearest names
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


class ScenarioError(FacetuiError):
    """A scenario file that cannot be read, or a scenario that raised."""


class DataError(FacetuiError):
    """Photos, people, weights or casts that are missing or unusable."""

    exit_code = 4


class MissingExtra(DataError):
    """A package is needed that ``pip install facetui`` does not bring."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed; pip install 'facetui[{extra}]'")


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


class Cancelled(FacetuiError):
    """The run was asked to stop and did, between two steps."""

    exit_code = 130
