"""A probe list, evaluated by workers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from functools import partial

import numpy as np

from jitgrad.launch.failure import describe
from jitgrad.launch.probes import Probes, first_displaced, part_of
from jitgrad.launch.work import Reply, Work
from jitgrad.launch.workers.blocks import Blocks
from jitgrad.launch.workers.crew import Crew
from jitgrad.launch.workers.gather import Block, Gathering
from jitgrad.launch.workers.harvest import Harvest
from jitgrad.launch.workers.mapped import Mapped
from jitgrad.launch.workers.progress import Progress
from jitgrad.launch.workers.shipment import SMALL, Shipment
from jitgrad.launch.workers.task import Answer, Task


class Employed:
    """Workers that know a loss.

    Parameters
    ----------
    crew : Crew or Mapped
    work : Shipment
        The `Work`, on its way.
    multiple : int
        What the length of a block must be a multiple of: lanes that are evaluated together.
    """

    def __init__(self, crew: Crew | Mapped, work: Shipment, multiple: int) -> None:
        self._crew = crew
        self._work = work
        self._multiple = multiple

    def evaluate(
        self, probes: Probes, *, skip: int = 0, forgive: bool = False, progress: Progress | None = None
    ) -> Reply:
        """Evaluate the loss at every probe but the first `skip`, whose values are NaN.

        Parameters
        ----------
        probes : Probes
        skip : int, default 0
        forgive : bool, default False
            Whether a probe that raises gets the value NaN, and nothing stops.
        progress : Progress, optional
            Told of every evaluation.

        Returns
        -------
        Reply
            Its failure is that of the lowest place, whoever was faster; nothing is evaluated after one is known that
            was not under way.

        Raises
        ------
        WorkerLostError
            If workers died and could not be replaced, or died again and again.
        """
        count = probes.point.size
        harvest = Harvest(count, progress)
        if progress is not None:
            progress.expect(count - skip)
        with ExitStack() as stack:
            shared = _large_part(self._crew, probes)
            shipments = (self._work,) if shared is None else (self._work, stack.enter_context(closing(shared)))
            small = probes if shared is None else _without_points(probes)
            origin = max(skip, first_displaced(probes))
            blocks = Blocks(skip, count, self._crew.size, self._multiple, origin, self._crew.block_seconds)

            def task_of(block: Block) -> Task:
                tickets = [shipment.ticket(whole=block.whole) for shipment in shipments]
                other = None if shared is None else tickets[1]
                return Task(block.start, tickets[0], other, part_of(small, block.start, block.stop), forgive)

            if isinstance(self._crew, Mapped):
                self._crew.gather(task_of, blocks, harvest)
            else:
                crew = self._crew

                def submit(block: Block) -> Future[Answer]:
                    return crew.submit(task_of(block), shipments if block.whole else ())

                Gathering(crew, submit, blocks, harvest, partial(_name, probes)).run()
        return harvest.reply()


@contextmanager
def employed(crew: Crew | Mapped, work: Work, *, multiple: int = 1) -> Iterator[Employed]:
    """Bring a loss to the workers, once for all lists that are evaluated inside the `with`.

    Parameters
    ----------
    crew : Crew or Mapped
        See `jitgrad.launch.workers.accept.crew_of`.
    work : Work
        What is picklable, unless the workers are threads of this process.
    multiple : int, default 1
        What the length of a block must be a multiple of, counted from the first probe that is not a point itself.

    Yields
    ------
    Employed

    Raises
    ------
    TypeError
        If `work` cannot be pickled; the message says which part of it.
    """
    with closing(crew.send(work)) as shipment:
        yield Employed(crew, shipment, multiple)


def _large_part(crew: Crew | Mapped, probes: Probes) -> Shipment | None:
    """Send points and directions ahead, where they are too large to travel with every block."""
    if probes.points.nbytes + probes.directions.nbytes <= SMALL:
        return None
    return crew.send((probes.points, probes.directions))


def _without_points(probes: Probes) -> Probes:
    nothing = np.empty((0, 0), probes.points.dtype)
    return probes._replace(points=nothing, directions=nothing)


def _name(probes: Probes, block: Block) -> str:
    last = f" to {block.stop - 1}" if block.stop - block.start > 1 else ""
    first = describe(probes, block.start)
    return f"probe{'s' if last else ''} {block.start}{last} ({first}{', and so on' if last else ''})"
