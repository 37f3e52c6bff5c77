"""How many probes go into the next block: few while their cost is not known, and few again at the end."""

from __future__ import annotations

BLOCK_SECONDS = 0.05
"""What a block shall take, where no engine says otherwise: 50 times what sending it to a process costs (1 ms)."""

LEAST = 0.1
"""The part of that time that it shall take at the end too, where blocks get shorter so that nobody waits long."""

TAIL = 2
"""Blocks per worker that the rest of a list is made into."""

GROWTH = 8
"""How much longer than the longest so far a block may be: one cheap evaluation does not speak for all."""


class Blocks:
    """The blocks of a list, made one at a time as workers ask for them.

    Parameters
    ----------
    start, stop : int
        Places of the first probe and behind the last.
    size : int
        Number of workers.
    multiple : int, default 1
        What the length of a block must be a multiple of, the first and last aside.
    origin : int, default 0
        Where multiples are counted from.
    seconds : float
        What a block shall take.
    """

    def __init__(
        self, start: int, stop: int, size: int, multiple: int = 1, origin: int = 0, seconds: float = BLOCK_SECONDS
    ) -> None:
        self._next = start
        self._stop = stop
        self._size = size
        self._multiple = multiple
        self._origin = origin
        self._seconds = seconds
        self._cost: float | None = None
        self._longest = 0

    def measured(self, evaluations: int, seconds: float) -> None:
        """Take note of what a block took. Later ones count more: the first may have compiled or imported something."""
        cost = max(seconds / evaluations, 1e-9)
        self._cost = cost if self._cost is None else (self._cost + cost) / 2
        self._longest = max(self._longest, evaluations)

    def take(self) -> tuple[int, int] | None:
        """Return start and stop of the next block, or None at the end."""
        if self._next >= self._stop:
            return None
        start = self._next
        end = self._edge(start + self._length())
        self._next = self.shortest(start, self._stop) if end <= start else min(end, self._stop)
        return start, self._next

    def shortest(self, start: int, stop: int) -> int:
        """Return where the shortest block ends that begins at `start`, or `stop` if that comes first."""
        return min(self._edge(start) + self._multiple, stop)

    def _edge(self, place: int) -> int:
        return self._origin + (place - self._origin) // self._multiple * self._multiple

    def _length(self) -> int:
        if self._cost is None:
            return 1
        wanted = self._seconds / self._cost
        fair = (self._stop - self._next) / (TAIL * self._size)
        return max(1, int(min(wanted, max(fair, LEAST * wanted), GROWTH * max(self._longest, 1))))
