"""How many threads evaluate a probe list, and when it is safe to start them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import numba
from numba.np.ufunc import parallel as numba_threads

_lock = threading.Lock()
_forked_with_threads = False

LAUNCHES_TIMED = 5
"""How often an empty parallel loop is timed to learn what starting the threads costs."""


def _in_child() -> None:
    """Note after a fork whether the parent had a thread pool, which the child does not inherit."""
    global _lock, _forked_with_threads
    _lock = threading.Lock()  # the parent's may be held for ever
    _forked_with_threads = bool(numba_threads._is_initialized) and layer() != "workqueue"
    launch_seconds.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def layer() -> str | None:
    """Return numba's threading layer, or None if it has not started."""
    try:
        return str(numba.threading_layer())
    except ValueError:
        return None


def thread_limit(wanted: int | None) -> int:
    """Return how many threads may be used: `wanted`, or all that numba has; 1 where threads are unsafe."""
    # GNU OpenMP kills a forked child that enters a parallel region, and TBB may hang in one.
    if _forked_with_threads:
        return 1
    return int(numba.get_num_threads()) if wanted is None else wanted


@contextmanager
def exclusive() -> Iterator[None]:
    """Keep other Python threads out while this one runs a parallel loop, where the layer needs it.

    The workqueue layer ends the whole process on concurrent use. Before the first launch the layer is not
    known, so that launch is guarded too.
    """
    guard: Any = _lock if layer() in (None, "workqueue") else nullcontext()
    with guard:
        yield


@cache
def launch_seconds(launch: Callable[[], None]) -> float:
    """Measure what starting the threads costs: the fastest of some launches of an empty loop."""
    launch()  # starts the pool
    best = float("inf")
    for _ in range(LAUNCHES_TIMED):
        before = time.perf_counter()
        launch()
        best = min(best, time.perf_counter() - before)
    return best
