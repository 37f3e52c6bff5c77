"""The loss of one coordinate at a time, in NumPy, for tests of what looks at values before it chooses steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jitgrad.launch.evaluator import Evaluator
from jitgrad.launch.probes import Probes
from jitgrad.stencils import stencil
from jitgrad.steps import Search, Tuner, Tuning


class Recorder:
    """A launcher for points of one coordinate: evaluates ``f`` on arrays, and remembers where it was."""

    def __init__(self, f: Callable[[Any], Any]) -> None:
        self.f = f
        self.rounds: list[np.ndarray] = []

    def __call__(self, probes: Probes) -> np.ndarray:
        x = probes.points[probes.point, 0].copy()
        x[np.diff(probes.begin) == 1] = probes.value
        if probes.along.size:
            x += probes.distance * probes.directions[probes.along, 0]
        self.rounds.append(x)
        with np.errstate(all="ignore"):
            return np.asarray(self.f(x), np.float64) * np.ones(x.size)

    @property
    def places(self) -> np.ndarray:
        return np.concatenate(self.rounds)


def search_of(
    f, x, *, method="central", order=None, lower=None, upper=None, dtype=np.float64
) -> tuple[Search, Recorder]:
    """A search at every point of `x`, each a target of its own."""
    points = np.atleast_1d(np.asarray(x, dtype))[:, None]
    largest = float(np.finfo(dtype).max)
    launch = Recorder(f)
    low = np.broadcast_to(np.float64(-largest if lower is None else lower), points.shape[:1])
    high = np.broadcast_to(np.float64(largest if upper is None else upper), points.shape[:1])
    return Search(Evaluator(points, launch), np.arange(len(points)), low, high, stencil(method, order)), launch


def tuned(tuner: Tuner, f, x, **options) -> Tuning:
    return tuner.tune(search_of(f, x, **options)[0])
