"""A bar that shows how many evaluations are done and how long the others will take."""

from __future__ import annotations

from jitgrad.launch.workers.extras import extra


class Progress:
    """One bar, for one gradient, by tqdm.

    Raises
    ------
    ImportError
        If tqdm is not installed.
    """

    def __init__(self) -> None:
        tqdm = extra("tqdm", "progress=True")
        self._bar = tqdm.tqdm(total=0, unit=" evaluations", dynamic_ncols=True)

    def expect(self, evaluations: int) -> None:
        """Add evaluations to those that the bar waits for: tuners look at values before they ask for more."""
        self._bar.total += evaluations
        self._bar.refresh()

    def advance(self, evaluations: int) -> None:
        """Count evaluations that are done."""
        self._bar.update(evaluations)

    def close(self) -> None:
        """Leave the bar as it is, and the line to others."""
        self._bar.close()
