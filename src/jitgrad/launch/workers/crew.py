"""Workers that take tasks: what jitgrad knows of an executor."""

from __future__ import annotations

import os
import threading
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any, Protocol

from jitgrad.launch.workers.blocks import BLOCK_SECONDS
from jitgrad.launch.workers.shipment import Handed, Send, Shipment, by_file
from jitgrad.launch.workers.task import Answer, Task, run_task

_busy = threading.local()


class Crew(Protocol):
    """Workers that take tasks one by one.

    Attributes
    ----------
    size : int
        How many tasks they work on at a time.
    block_seconds : float
        How long a task shall take.
    """

    size: int
    block_seconds: float

    def send(self, value: Any) -> Shipment:
        """Bring an object to the workers."""
        ...

    def submit(self, task: Task, shipments: tuple[Shipment, ...]) -> Future[Answer]:
        """Let a worker do a task; `shipments` are objects that a worker could not find."""
        ...

    def died(self, error: BaseException) -> bool:
        """Tell whether an error of the engine means that a worker died over its task."""
        ...

    def replace(self) -> str:
        """Get new workers for those that died; return why that cannot be done, in a sentence, or "" if it is done."""
        ...

    def abort(self) -> None:
        """End what is running, where the workers are our own."""
        ...


class Lent:
    """An executor of the caller's, which is left as it was found.

    Parameters
    ----------
    executor : concurrent.futures.Executor
    """

    block_seconds = BLOCK_SECONDS

    def __init__(self, executor: Executor) -> None:
        if executor is getattr(_busy, "executor", None):
            raise RuntimeError(
                "workers= must not be the executor that this thread works for: with all its threads waiting like this "
                "one, nobody would be left to evaluate. Leave workers out here."
            )
        self._executor = executor
        self.size = _size_of(executor)
        self._threads = isinstance(executor, ThreadPoolExecutor)
        self._send: Send = Handed if self._threads else by_file

    def send(self, value: Any) -> Shipment:
        """Bring an object to the workers."""
        return self._send(value)

    def submit(self, task: Task, shipments: tuple[Shipment, ...]) -> Future[Answer]:  # noqa: ARG002 - the task says all
        """Let a worker do a task."""
        if self._threads:
            return self._executor.submit(_run_for, self._executor, task)
        return self._executor.submit(run_task, task)

    def died(self, error: BaseException) -> bool:
        """Tell whether a worker died: the whole executor is of no use then."""
        return isinstance(error, BrokenExecutor)

    def replace(self) -> str:
        """Return what the caller can do: only who made an executor can make another."""
        return (
            f"The {type(self._executor).__name__} that was passed as workers= takes no more tasks after that: make "
            "a new one, or pass a number of workers or a Dask executor, which replace those that die. "
        )

    def abort(self) -> None:
        """Leave the workers to their owner."""


def _run_for(executor: Executor, task: Task) -> Answer:
    """Do a task, in a thread that is marked as busy with it."""
    _busy.executor = executor
    try:
        return run_task(task)
    finally:
        del _busy.executor


def _size_of(executor: Any) -> int:
    """Return how many tasks an executor works on at a time; the number of cores where it does not tell."""
    for name in ("_max_workers", "num_workers"):  # standard library and loky; MPI
        size = getattr(executor, name, None)
        if isinstance(size, int) and size > 0:
            return size
    return os.cpu_count() or 1
