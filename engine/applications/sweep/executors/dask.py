"""The workers of a Dask cluster, which somebody started: its scheduler places what it is given (``facetui[dask]``)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facetui.engine.applications.sweep.executors.base import Executor
from facetui.engine.applications.sweep.outcome import Asked, Outcome
from facetui.engine.records.errors import DataError, MissingExtra, UsageError

PATIENCE = "20s"
"""For which a scheduler is waited for."""


class Dask(Executor):
    """A Dask cluster.

    Args:
        rest: its scheduler's address, ``tcp://HOST:8786``, or the scheduler's file, which ends in ``.json``.
        folder: of the sweep, which every worker sees.
        options: none.

    Raises:
        UsageError: no address.
        MissingExtra: dask.distributed is not installed.
        DataError: nobody answers there.
    """

    def __init__(self, rest: str, folder: Path, options: Mapping[str, Any]) -> None:
        super().__init__()
        if not rest:
            raise UsageError("expected --on dask:ADDRESS, e.g. dask:tcp://127.0.0.1:8786, or dask:scheduler.json")
        try:
            from distributed import Client
        except ImportError:
            raise MissingExtra("dask", "dask") from None
        where = {"scheduler_file": rest} if rest.endswith(".json") else {"address": rest}
        try:
            self._client = Client(**where, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise DataError(f"no Dask scheduler answers at {rest} ({error}); start one with: dask scheduler") from None
        self._futures: dict[str, list[Any]] = {}

    @property
    def at_once(self) -> int:
        """As many as the workers that are there now have threads."""
        with contextlib.suppress(OSError, RuntimeError):
            return sum(self._client.nthreads().values())
        return 0

    def start(self, name: str, asked: Asked) -> None:
        """Submit a unit."""
        from facetui.engine.applications.sweep.compute import compute

        # Whether it is tried again after a death, our own queue says: it knows which other units wait for it.
        future = self._client.submit(compute, asked, pure=False, retries=0)
        self._futures.setdefault(name, []).append(future)
        future.add_done_callback(lambda ended: self._ended(name, ended))

    def _ended(self, name: str, future: Any) -> None:
        mine = self._futures.get(name, [])
        if future not in mine:
            return  # it was taken back
        mine.remove(future)
        try:
            self.ended.put(future.result())
        except Exception as error:  # noqa: BLE001  a worker or the scheduler that is no more, each of its own kind
            why = f"its worker is no more ({type(error).__name__})"
            self.ended.put(Outcome(name=name, state="died", error=why, again=True))

    def wait(self, seconds: float) -> list[Outcome]:
        """As of ``Executor``.

        Raises:
            DataError: the scheduler is no more.
        """
        if self._client.status not in ("running", "connecting"):
            raise DataError("the Dask scheduler is no more; what is finished stays so, the same command goes on")
        return super().wait(seconds)

    def cancel(self, name: str) -> None:
        """Take back what is still computed; a worker ends what it has begun."""
        if late := self._futures.pop(name, []):
            self._client.cancel(late, force=True)

    def close(self) -> None:
        """Take everything back and leave the cluster as it is."""
        for name in list(self._futures):
            self.cancel(name)
        self._client.close()
