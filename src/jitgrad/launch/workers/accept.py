"""What callers may pass as `workers`."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np

from jitgrad.launch.workers.crew import Crew, Lent
from jitgrad.launch.workers.dask import Dask
from jitgrad.launch.workers.mapped import Mapped
from jitgrad.launch.workers.own import Own, cores

KINDS = "a number of processes, an executor (concurrent.futures, loky, Dask, MPI) or a function like map"


def crew_of(workers: Any) -> Crew | Mapped | None:
    """Return who evaluates, or None for this process itself.

    Parameters
    ----------
    workers : None, int, Executor or map-like callable
        None and 1 are this process, -1 is one process per core, `k` are `k` processes.

    Returns
    -------
    Crew, Mapped or None

    Raises
    ------
    TypeError, ValueError
        If it is none of these; the message names what to pass instead.
    ImportError
        If a number is given and loky is not installed.
    """
    if workers is None:
        return None
    if isinstance(workers, int | np.integer) and not isinstance(workers, bool):
        return _processes(int(workers))
    if isinstance(workers, Executor):
        of_dask = type(workers).__module__.startswith("distributed.") and hasattr(workers, "_client")
        return Dask(workers) if of_dask else Lent(workers)
    kind = type(workers).__name__
    for attribute, advice in _INSTEAD:
        if callable(getattr(workers, attribute, None)):
            raise TypeError(f"workers must be {KINDS}, got a {kind}. Pass {advice}.")
    if (callable(workers) and not isinstance(workers, type | bool)) or workers is map:
        return Mapped(workers)
    raise TypeError(f"workers must be {KINDS}, got {workers!r}. Leave it out to evaluate in this process.")


_INSTEAD = (
    ("get_executor", "client.get_executor()"),  # Dask's client
    ("executor", "client.executor()"),  # ipyparallel's
    ("map", "pool.map"),  # pools of multiprocessing and of Ray
)


def _processes(workers: int) -> Own | None:
    if workers < -1 or workers == 0:
        raise ValueError(f"workers must be at least 1, or -1 for one per core, got {workers}. Leave it out for none.")
    size = cores() if workers == -1 else workers
    return None if size == 1 else Own(size)
