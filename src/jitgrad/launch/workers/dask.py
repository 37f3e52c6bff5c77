"""A Dask cluster: large objects go to all its workers at once, and to those that come later when they ask."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from jitgrad.launch.workers.blocks import BLOCK_SECONDS
from jitgrad.launch.workers.parcel import Parcel, pack
from jitgrad.launch.workers.shipment import SMALL, Carried, Shipment, Ticket
from jitgrad.launch.workers.task import Answer, Task, forget, keep, run_task


class Dask:
    """The executor of a Dask client: ``client.get_executor()``.

    Parameters
    ----------
    executor : distributed.cfexecutor.ClientExecutor
    """

    # A task costs caller and scheduler 5 ms of a core, which workers of the same machine go without.
    block_seconds = 4.0 * BLOCK_SECONDS

    def __init__(self, executor: Any) -> None:
        self._executor = executor
        # There is no public way from the executor to its client, which alone can reach every worker.
        self._client = executor._client
        self.size = max(1, sum(self._client.nthreads().values()))

    def send(self, value: Any) -> Shipment:
        """Bring an object to the workers."""
        parcel = pack(value)
        return Carried(parcel) if parcel.nbytes <= SMALL else Broadcast(parcel, self._client)

    def submit(self, task: Task, shipments: tuple[Shipment, ...]) -> Future[Answer]:
        """Let a worker do a task."""
        remotes = [s.remote for s in shipments if s.remote is not None]
        # pure=False, because Dask would name the task by a hash of all that is in it.
        future: Future[Answer] = self._executor.submit(run_task, task, *remotes, pure=False)
        return future

    def died(self, error: BaseException) -> bool:
        """Tell whether Dask gave a task up: it does a task again by itself, on another worker, some times."""
        return type(error).__name__ == "KilledWorker"

    def replace(self) -> str:
        """Return why not: Dask has tried."""
        return "Dask had others try it (distributed.scheduler.allowed-failures says how often). "

    def abort(self) -> None:
        """Leave the workers to their owner."""


class Broadcast:
    """Sent to every worker, which keeps it.

    Not as a scattered future that all tasks depend on: the scheduler's memory manager drops copies that no task waits
    for, every two seconds, and a worker would then be sent the 100 MB again.

    Parameters
    ----------
    parcel : Parcel
    client : distributed.Client
    """

    def __init__(self, parcel: Parcel, client: Any) -> None:
        self._parcel = parcel
        self._client = client
        self._future: Any = None
        # A worker that goes meanwhile does not matter, and where unpacking fails the first task says so.
        client.run(_receive, parcel, on_error="ignore")

    def ticket(self, *, whole: bool) -> Ticket:  # noqa: ARG002 - the future brings it
        """Return a ticket with the name."""
        return Ticket(self._parcel.token, None, None)

    @property
    def remote(self) -> Any:
        """A future of it, for tasks whose worker was not there yet."""
        if self._future is None:
            # hash=False, because hashing 100 MB takes longer than sending it.
            self._future = self._client.scatter(self._parcel, hash=False)
        return self._future

    def close(self) -> None:
        """Let the workers forget it."""
        if self._client.status == "running":
            self._client.run(forget, self._parcel.token, on_error="ignore")


def _receive(parcel: Parcel) -> None:
    """Keep an object in a worker; what is returned would travel back."""
    keep(parcel)
