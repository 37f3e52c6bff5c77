"""What the ladder behind `estimate_cpu` costs beside the evaluations of the loss: 100,000 coordinates, one core."""

from __future__ import annotations

import tracemalloc
from time import process_time

import numpy as np

from jitgrad.ladder import climb
from jitgrad.launch.evaluator import Evaluator

N = 100_000
REPETITIONS = 5
LARGEST = np.finfo(np.float64).max


class Losses:
    """As many losses of one number as there are points, evaluated by NumPy; knows how long that took."""

    def __init__(self, noise: float) -> None:
        self.rng, self.noise, self.seconds = np.random.default_rng(0), noise, 0.0
        self.evaluator = Evaluator(self.rng.uniform(0.1, 3.0, (N, 1)), self.launch)

    def launch(self, probes, skip=0):
        """Evaluate ``exp(sin(x))``, with relative noise."""
        before = process_time()
        values = np.exp(np.sin(probes.value if probes.value.size else probes.points[:, 0]))
        values *= 1.0 + self.noise * self.rng.standard_normal(values.size)
        self.seconds += process_time() - before
        return values

    def climb(self):
        """Estimate all derivatives."""
        return climb(self.evaluator, np.arange(N), np.full(N, -LARGEST), np.full(N, LARGEST))


class Ladder:
    """Without noise, and with noise that takes more rounds."""

    params = [0.0, 1e-4]
    param_names = ["noise"]
    timeout = 300

    def setup(self, noise):
        Losses(noise).climb()  # compiles

    def track_own_seconds(self, noise):
        best = np.inf
        for _ in range(REPETITIONS):
            losses = Losses(noise)
            before = process_time()
            losses.climb()
            best = min(best, process_time() - before - losses.seconds)
        return best

    track_own_seconds.unit = "s"

    def track_bytes_per_coordinate(self, noise):
        losses = Losses(noise)
        tracemalloc.start()
        losses.climb()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / N

    track_bytes_per_coordinate.unit = "bytes"
