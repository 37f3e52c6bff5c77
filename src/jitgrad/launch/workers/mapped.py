"""Functions like `map`, which take all tasks at once: a few to learn what an evaluation costs, then the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.pool import ThreadPool
from typing import Any

from jitgrad.launch.workers.blocks import BLOCK_SECONDS, Blocks
from jitgrad.launch.workers.gather import Block
from jitgrad.launch.workers.harvest import Harvest
from jitgrad.launch.workers.shipment import Handed, Send, Shipment, by_file
from jitgrad.launch.workers.task import Answer, Task, run_task


class Mapped:
    """A function that is called as ``function(run, tasks)``.

    Parameters
    ----------
    function : callable
    """

    block_seconds = BLOCK_SECONDS

    def __init__(self, function: Callable[..., Iterable[Any]]) -> None:
        self._function = function
        owner = getattr(function, "__self__", None)
        processes = getattr(owner, "_processes", None)  # pools of multiprocessing and of Ray
        self.size = processes if isinstance(processes, int) and processes > 0 else os.cpu_count() or 1
        here = function is map or isinstance(owner, ThreadPool)
        self._send: Send = Handed if here else by_file

    def send(self, value: Any) -> Shipment:
        """Bring an object to the workers."""
        return self._send(value)

    def gather(self, task_of: Callable[[Block], Task], blocks: Blocks, harvest: Harvest) -> None:
        """Have all blocks evaluated, or those below the first failure.

        A pool of multiprocessing whose worker is killed waits for it for ever, and so does this.
        """
        missing = self._pass([Block(*b) for _ in range(self.size) if (b := blocks.take())], task_of, blocks, harvest)
        missing += self._pass(_others(blocks, harvest), task_of, blocks, harvest)
        while missing:
            missing = self._pass(missing, task_of, blocks, harvest)

    def _pass(
        self, some: Iterable[Block], task_of: Callable[[Block], Task], blocks: Blocks, harvest: Harvest
    ) -> list[Block]:
        """Map over some blocks; return those whose worker could not find the loss."""
        missing = []
        made: list[int] = []
        answered = 0

        def tasks() -> Iterator[Task]:
            for block in some:
                if block.start < harvest.end:
                    made.append(block.start)
                    yield task_of(block)

        for given in self._function(run_task, tasks()):
            if not isinstance(given, Answer):
                raise TypeError(_NOT_MAP.format(f"a {type(given).__name__} among the results"))
            answered += 1
            if given.values is None:
                missing.append(Block(given.start, given.stop, whole=True))
            else:
                harvest.take(given)
                blocks.measured(given.stop - given.start, given.seconds)
        if answered != len(made):
            raise TypeError(_NOT_MAP.format(f"{answered} results of {len(made)}"))
        return missing


_NOT_MAP = (
    "workers(function, iterable) must give function(item) for every item of the iterable, like map, got {}. "
    "Pass such a function, an executor or a number."
)


def _others(blocks: Blocks, harvest: Harvest) -> Iterator[Block]:
    while not harvest.failed and (taken := blocks.take()) is not None:
        yield Block(*taken)
