"""Processes of our own, for `workers` as a number: started once, kept for the next gradient, replaced when one dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, Future
from typing import Any

from jitgrad.launch.workers.blocks import BLOCK_SECONDS
from jitgrad.launch.workers.extras import extra
from jitgrad.launch.workers.shipment import Shipment, by_file
from jitgrad.launch.workers.task import Answer, Task, run_task

IDLE_SECONDS = 60
"""After which time without work the processes end: an optimiser's own work between two gradients takes less."""

THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What tells libraries how many threads to start: each process gets its share of the cores."""

_pools: dict[tuple[int, int], Any] = {}
_lock = threading.Lock()


class Own:
    """Processes of our own.

    Not `loky.get_reusable_executor`, of which a process has one: resizing or killing ours would hit the caller's.

    Parameters
    ----------
    size : int

    Raises
    ------
    ImportError
        If loky is not installed.
    RuntimeError
        In a process that may not start others.
    """

    block_seconds = BLOCK_SECONDS

    def __init__(self, size: int) -> None:
        self.size = size
        self._loky = extra("loky", f"workers={size}")
        if multiprocessing.current_process().daemon:
            raise RuntimeError(
                f"workers={size} needs a process that may start others, but this one is daemonic, as workers of "
                "multiprocessing.Pool and of Dask are. Leave workers out here, or let the outer ones be a number too."
            )

    def send(self, value: Any) -> Shipment:
        """Bring an object to the workers."""
        return by_file(value)

    def submit(self, task: Task, shipments: tuple[Shipment, ...]) -> Future[Answer]:  # noqa: ARG002 - the task says all
        """Let a worker do a task."""
        future: Future[Answer] = self._pool().submit(run_task, task)
        return future

    def died(self, error: BaseException) -> bool:
        """Tell whether a worker died. A pool that another thread aborted counts too."""
        return isinstance(error, BrokenExecutor | self._loky.process_executor.ShutdownExecutorError)

    def replace(self) -> str:
        """Start new processes with the next task."""
        self.abort()
        return ""

    def abort(self) -> None:
        """Kill the processes, and those that they started."""
        with _lock:
            pool = _pools.pop(self._key, None)
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=True)

    @property
    def _key(self) -> tuple[int, int]:
        return os.getpid(), self.size  # processes do not outlive a fork

    def _pool(self) -> Any:
        with _lock:
            if self._key not in _pools:
                _pools[self._key] = self._loky.ProcessPoolExecutor(
                    self.size, timeout=IDLE_SECONDS, initializer=_leave_interrupts, env=_environment(self.size)
                )
            return _pools[self._key]


def cores() -> int:
    """Return how many cores this process may use, limits of containers included."""
    return int(extra("loky", "workers=-1").cpu_count())


def _environment(size: int) -> dict[str, str]:
    share = max(1, cores() // size)
    given = {name: os.environ.get(name, "") for name in THREADS}  # a list, for OpenMP that nests, is replaced
    return {name: str(min(share, int(value)) if value.isdigit() else share) for name, value in given.items()}


def _leave_interrupts() -> None:
    """Let Ctrl-C, which a terminal sends to all processes, be dealt with by the caller's alone, who ends the others.

    A function and not SIG_IGN, which the programs that a loss starts would inherit.
    """
    signal.signal(signal.SIGINT, lambda *_: None)
