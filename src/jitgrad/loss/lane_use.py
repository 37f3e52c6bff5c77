"""Whether a loss is evaluated in lanes, and why not."""

from __future__ import annotations

from dataclasses import dataclass

RESTING_LAUNCHES = 100
"""So many launches are scalar after one in which lanes disagreed so often that they did not pay."""


@dataclass
class LaneUse:
    """What is known about a loss in lanes, at the points and arguments of one prepared call.

    Attributes
    ----------
    count : int
        Lanes of the version that is ready; 1 if there is none.
    reason, line : str
        Why there is none, and the line of the loss that is to blame, where there is one.
    scalar_seconds, lanes_seconds : float
        Time of one evaluation, by itself and in lanes, as measured when it was prepared; NaN if it was not.
    resting : int
        Launches to come that are scalar, because lanes disagreed too often in an earlier one.
    """

    count: int = 1
    reason: str = "lanes were not asked for"
    line: str = ""
    scalar_seconds: float = float("nan")
    lanes_seconds: float = float("nan")
    resting: int = 0

    def lanes_now(self) -> int:
        """Return how many lanes the next launch shall use."""
        if self.resting > 0:
            self.resting -= 1
            return 1
        return self.count

    def learn(self, alone: int, total: int) -> None:
        """Draw conclusions from a launch of `total` probes in lanes, `alone` of them evaluated twice.

        Lanes take 1/s of the time that scalar evaluations take, s being their gain; and those that disagreed take
        the time of scalar evaluations on top. So they pay as long as that is less than 1 - 1/s of all.
        """
        if alone > (1.0 - self.lanes_seconds / self.scalar_seconds) * total:
            self.resting = RESTING_LAUNCHES
