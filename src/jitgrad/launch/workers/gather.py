"""Tasks for an executor: a few for each worker at any time, those of workers that died again."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import NamedTuple

from jitgrad._errors import WorkerLostError
from jitgrad.launch.workers.blocks import Blocks
from jitgrad.launch.workers.crew import Crew
from jitgrad.launch.workers.harvest import Harvest
from jitgrad.launch.workers.task import Answer

WINDOW = 2
"""Blocks per worker that are on their way: one that is evaluated and one that waits beside it."""

DEATHS = 3
"""How many workers may die over a block before it is taken to be the reason; for the last it is alone and cut small."""

WAKE_SECONDS = 1.0
"""How often the caller's thread wakes: Windows lets no Ctrl-C through while a thread waits for a lock."""

BREAK_SECONDS = 10.0
"""How long a pool that broke has to say so to all of its tasks."""


class Block(NamedTuple):
    """Probes `start` to `stop - 1`.

    Attributes
    ----------
    start, stop : int
    deaths : int
        Workers that died while this block was with them or waited beside.
    whole : bool
        Whether loss and points go with it, because a worker could not find them.
    """

    start: int
    stop: int
    deaths: int = 0
    whole: bool = False


class Gathering:
    """One list of probes, in the hands of a crew.

    Parameters
    ----------
    crew : Crew
    submit : callable
        Hands a block to the crew.
    blocks : Blocks
    harvest : Harvest
        Where the answers go.
    name : callable
        Says of a block which probes it has.
    """

    def __init__(
        self,
        crew: Crew,
        submit: Callable[[Block], Future[Answer]],
        blocks: Blocks,
        harvest: Harvest,
        name: Callable[[Block], str],
    ) -> None:
        self._crew = crew
        self._submit = submit
        self._blocks = blocks
        self._harvest = harvest
        self._name = name
        self._pending: dict[Future[Answer], Block] = {}
        self._again: list[Block] = []
        self._suspects: list[Block] = []
        self._lost: list[Block] = []

    def run(self) -> None:
        """Have all blocks evaluated, or those below the first failure.

        Raises
        ------
        WorkerLostError
            If workers die over a block again and again, or the crew does not replace them.
        """
        try:
            self._fill()
            # Where something failed the blocks behind it need not be waited for.
            while self._lost or self._awaited():
                if self._lost:
                    self._replace()
                for future in wait(self._pending, WAKE_SECONDS, FIRST_COMPLETED).done:
                    self._take(future)
                self._fill()
        except BaseException as error:
            if not isinstance(error, Exception):  # Ctrl-C above all
                self._crew.abort()
            raise
        finally:
            for future in self._pending:
                future.cancel()

    def _awaited(self) -> bool:
        known = (*self._pending.values(), *self._again[:1], *self._suspects[:1])
        return any(block.start < self._harvest.end for block in known)

    def _fill(self) -> None:
        """Give the workers what to do."""
        while not self._lost and len(self._pending) < WINDOW * self._crew.size:
            if self._suspects and self._pending:
                return  # alone, so that the next death has one reason
            block = self._following()
            if block is None:
                return
            try:
                self._pending[self._submit(block)] = block
            except Exception as error:
                if not self._crew.died(error):
                    raise
                self._lost.append(block)

    def _following(self) -> Block | None:
        if self._suspects and self._suspects[0].start < self._harvest.end:
            block = heapq.heappop(self._suspects)
            end = self._blocks.shortest(block.start, block.stop)
            if end < block.stop:
                heapq.heappush(self._suspects, block._replace(start=end))
            return block._replace(stop=end)
        if self._again and self._again[0].start < self._harvest.end:
            return heapq.heappop(self._again)
        taken = None if self._harvest.failed else self._blocks.take()
        return None if taken is None else Block(*taken)

    def _take(self, future: Future[Answer]) -> None:
        """Take the answer of a task that is done, or note that it was lost."""
        block = self._pending.pop(future)
        error = future.exception()
        if error is not None:
            if not self._crew.died(error):
                raise error
            self._lost.append(block)
            return
        answer = future.result()
        if answer.values is None:
            heapq.heappush(self._again, block._replace(whole=True))
            return
        self._harvest.take(answer)
        self._blocks.measured(answer.stop - answer.start, answer.seconds)

    def _replace(self) -> None:
        """Get new workers, and put the blocks that were lost with the old ones back."""
        reason = self._crew.replace()
        if not reason:
            self._empty()
        lost = sorted(block._replace(deaths=block.deaths + 1) for block in self._lost)
        guilty = lost if reason else [block for block in lost if block.deaths >= DEATHS]
        if guilty:
            names = " or ".join(self._name(block) for block in guilty[:3]) + (" or later ones" if guilty[3:] else "")
            raise WorkerLostError(
                f"workers must live until they answer, but {'one' if reason else DEATHS} died evaluating {names}. "
                f"{reason or 'Others took their places, and died too. '}"
                "Look whether the loss needs more memory than there is, or crashes in compiled code."
            )
        for block in lost:
            heapq.heappush(self._suspects if block.deaths == DEATHS - 1 else self._again, block)
        self._lost = []

    def _empty(self) -> None:
        """Take all tasks back from a pool that broke; answers that came in time count."""
        done, never = wait(self._pending, BREAK_SECONDS)
        for future in done:
            block = self._pending[future]
            try:
                self._take(future)
            except CancelledError:
                self._lost.append(block)
        self._lost += [self._pending.pop(future) for future in never]
