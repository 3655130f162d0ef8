"""Files of weights, read so that nothing in them can run."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from facetui.engine.records.errors import DataError

MAX_BYTES = 1 << 30
"""Larger files are refused, and archives that unpack to more: no face recognition network needs a gigabyte."""

CODE_BYTES = 1 << 24
"""TorchScript's source code is compressed inside its archive; tensors are not."""


def check_size(path: Path) -> None:
    """Refuse a file that is missing or too large, before anything of it is read.

    Raises:
        DataError: it is.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its path") from error
    if size > MAX_BYTES:
        raise DataError(f"{path} has {size:,} bytes, more than the {MAX_BYTES:,} allowed; it is no extractor of ours")


def read_bytes(path: Path) -> bytes:
    """All of a file.

    Raises:
        DataError: it cannot be read, or is too large.
    """
    check_size(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its path") from error


def check_archive(path: Path) -> None:
    """Refuse a zip archive, which is what torch writes, that unpacks to more than it should.

    Raises:
        DataError: too large, packed more than torch packs, or no archive.
    """
    check_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise DataError(f"{path} is not a file that torch saved, or only a part of one ({error})") from None
    if any(entry.compress_type != zipfile.ZIP_STORED and entry.file_size > CODE_BYTES for entry in entries):
        raise DataError(f"{path} holds compressed tensors, which torch never writes; it is refused")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise DataError(f"{path} unpacks to more than {MAX_BYTES:,} bytes; it is refused")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a state dictionary that torch saved.

    Raises:
        DataError: missing, too large, truncated, or a pickle that holds more than tensors, of which nothing is run.
    """
    if path.suffix == ".safetensors":
        check_size(path)
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise DataError(f"{path} cannot be read as safetensors ({error}); fetch it again") from error
    check_size(path)
    with path.open("rb") as file:
        archive = file.read(2) == b"PK"
    if archive:  # torch before 1.6 wrote none, and the published FaceNets may be that old
        check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about pickle protocols; what cannot be read is said below
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise DataError(
            f"{path} is a pickle that holds more than tensors, and nothing of it was run; save the network's "
            "state_dict() as safetensors instead"
        ) from None
    except Exception as error:  # on bytes that are no pickle, torch's reader raises whatever it stumbles over
        raise DataError(f"{path} cannot be read ({type(error).__name__}); fetch it again") from error
    if not isinstance(loaded, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in loaded.items()
    ):
        raise DataError(f"{path} holds no state dictionary; expected tensors by name")
    return loaded
