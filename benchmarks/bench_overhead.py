"""What a gradient costs beside the evaluations of the loss: two coordinates and a loss of a nanosecond."""

from __future__ import annotations

import numpy as np
from numba import njit

import jitgrad as jg


@njit
def rosenbrock(x):
    """The function of H. H. Rosenbrock in two dimensions."""
    return (1.0 - x[0]) ** 2 + 100.0 * (x[1] - x[0] ** 2) ** 2


@njit
def by_hand(x):
    """Write central differences as a user would."""
    gradient = np.empty_like(x)
    moved = x.copy()
    for i in range(x.size):
        h = 6e-6 * max(abs(x[i]), 1.0)
        moved[i] = x[i] + h
        above = rosenbrock(moved)
        moved[i] = x[i] - h
        below = rosenbrock(moved)
        moved[i] = x[i]
        gradient[i] = (above - below) / (2.0 * h)
    return gradient


class Overhead:
    """One gradient of a loss that costs nothing."""

    def setup(self):
        self.x = np.array([-1.2, 1.0])
        self.prepared = jg.gradient_of(rosenbrock)
        for _ in range(3):  # compiles, then learns what an evaluation costs
            self.prepared(self.x)
            jg.grad_cpu(rosenbrock, self.x)
            by_hand(self.x)

    def time_prepared(self):
        self.prepared(self.x)

    def time_prepared_value_and_grad(self):
        self.prepared.value_and_grad(self.x)

    def time_grad_cpu(self):
        jg.grad_cpu(rosenbrock, self.x)

    def time_loop_by_hand(self):
        by_hand(self.x)
