"""Time, error and number of evaluations of a gradient, for losses of several kinds and sizes."""

from __future__ import annotations

import numpy as np
from numba import njit, objmode

import jitgrad as jg
from jitgrad.testing import scenario

SCENARIOS = ["rosenbrock", "lennard_jones", "perceptron"]
SIZES = [10, 100, 1000]


def relative_error(gradient, exact):
    """Largest error, relative to the largest exact derivative."""
    return float(np.abs(gradient - exact).max() / np.abs(exact).max())


class Gradient:
    """The default: central differences of order 2."""

    params = [SCENARIOS, SIZES]
    param_names = ["scenario", "n"]
    order = 2

    def setup(self, name, n):
        self.scenario = scenario(name, n)
        self.gradient = jg.gradient_of(self.scenario.loss, order=self.order)
        for _ in range(2):  # compiles, then learns what an evaluation costs
            self.run()

    def run(self):
        return self.gradient(self.scenario.point, *self.scenario.args)

    def time_gradient(self, name, n):
        self.run()

    def track_error(self, name, n):
        return relative_error(self.run(), self.scenario.gradient(self.scenario.point, *self.scenario.args))


class GradientOrder6(Gradient):
    """Three times the evaluations, for more digits."""

    order = 6


_count = 0


def _counted():
    global _count  # noqa: PLW0603  # the loss has no other way to tell
    _count += 1


@njit
def _counting(x):
    with objmode():
        _counted()
    return (x * x).sum()


class Evaluations:
    """How often a gradient evaluates the loss."""

    params = [["central", "forward"], [None, 4], SIZES]
    param_names = ["method", "order", "n"]

    def track_evaluations(self, method, order, n):
        global _count  # noqa: PLW0603
        x = np.ones(n)
        jg.grad_cpu(_counting, x, method=method, order=order)  # the first call may evaluate once more
        _count = 0
        jg.grad_cpu(_counting, x, method=method, order=order)
        return _count


class Memory:
    """Ten thousand coordinates: the probe list is the largest thing there is."""

    def setup(self):
        self.scenario = scenario("rosenbrock", 10_000)

    def peakmem_gradient(self):
        jg.grad_cpu(self.scenario.loss, self.scenario.point)

    def peakmem_numba_alone(self):
        self.scenario.loss(self.scenario.point)
