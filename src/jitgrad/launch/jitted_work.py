"""A jitted loss with its arguments, to be compiled and evaluated in another process."""

from __future__ import annotations

import traceback
from threading import Lock
from typing import Any

from jitgrad.launch.cpu import attempt
from jitgrad.launch.failure import call_again
from jitgrad.launch.probes import Probes
from jitgrad.launch.widen import widen_as_elsewhere
from jitgrad.launch.work import Failure, Reply
from jitgrad.loss.bind import BoundLoss, bind


class JittedWork:
    """A jitted loss with its arguments, which is compiled where it is first evaluated.

    Parameters
    ----------
    loss : numba dispatcher
    args, axes, batch
        As `jitgrad.loss.bind.bind` takes them.
    lanes : int
        How many lanes are used, so that values do not depend on where they were computed.
    seconds : float
        What one evaluation costs.
    threads : int or None
        Threads for each list; None for as many as pay.
    """

    def __init__(
        self,
        loss: Any,
        args: tuple[Any, ...],
        axes: tuple[int | None, ...],
        batch: tuple[int, ...],
        lanes: int,
        seconds: float,
        threads: int | None,
    ) -> None:
        self._how = (loss, args, axes, batch)
        self._lanes, self._seconds, self._threads = lanes, seconds, threads
        self._bound: BoundLoss | None = None
        self._lock = Lock()

    def __reduce__(self) -> Any:
        return type(self), (*self._how, self._lanes, self._seconds, self._threads)  # addresses mean nothing elsewhere

    def run(self, probes: Probes, *, forgive: bool = False) -> Reply:
        """Evaluate the loss at every probe; see `jitgrad.launch.work.Work`."""
        bound = self._ready(probes)
        found = attempt(bound, probes, self._seconds, threads=self._threads, forgive=forgive)
        if found.raised < 0:
            return Reply(found.values, found.seconds * found.values.size, None)
        try:
            call_again(bound, probes, found.raised)
        except Exception as error:  # noqa: BLE001  # it leaves with a note
            return Reply(found.values, 0.0, Failure(found.raised, error, traceback.format_exc()))

    def _ready(self, probes: Probes) -> BoundLoss:
        """Compile the loss, once."""
        with self._lock:
            if self._bound is None:
                loss, args, axes, batch = self._how
                self._bound = bind(loss, probes.points, args, axes, batch)
                widen_as_elsewhere(self._bound, self._lanes)
            return self._bound
