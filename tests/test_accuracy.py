"""Every formula on every scenario against what theory says its error can be.

The error of a formula is its truncation error, computed here in exact arithmetic at the step in use, plus at most
what the rounding of the loss becomes when it is divided by the step. Both are known for every scenario.
"""

from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from exact import Exact

import jitgrad as jg
from jitgrad.stencils import ORDERS, Stencil, stencil
from jitgrad.testing import scenario, scenarios

NAMES = [s.name for s in scenarios()]
FORMULAS = [stencil(method, order) for method, orders in ORDERS.items() for order in orders]
COORDINATES = 2
DIGITS = 36
# The loss rounds as it does when called alone: lanes, which round functions differently, are off here.
SLACK = 2.0

POINTS = pytest.mark.parametrize("points", [pytest.param(20, marks=pytest.mark.slow), 4])


class Line:
    """The loss of a scenario along one coordinate from one point, in exact arithmetic and as compiled."""

    def __init__(self, s, exact, x, i):
        self.s, self.exact, self.x, self.i = s, exact, x, i
        self.derivative = exact.derivative(x, i)
        self.values = {}

    def exactly(self, displacement):
        displacement = self.exact.real(displacement)
        if displacement not in self.values:
            self.values[displacement] = self.exact.displaced(self.x, self.i, displacement)
        return self.values[displacement]

    def compiled(self, displacement):
        """The loss and its error: noise, rounding, or at least the last bit of the value."""
        x = self.x.copy()
        x[self.i] += displacement
        value = self.s.loss(x.copy(), *self.s.args)
        wanted = self.exactly(self.exact.real(x[self.i]) - self.exact.real(self.x[self.i]))
        return value, max(abs(value - wanted), np.finfo(np.float64).eps * abs(wanted), self.s.noise)

    def step(self, formula):
        """The textbook step, rounded so that the nodes are floating-point numbers."""
        real = self.x.dtype.type
        scaling = jg.Textbook().scaling(self.x.dtype, formula.order)
        h = real(max(scaling.relative * abs(self.x[self.i]), float(scaling.floor)))
        furthest = abs(self.x[self.i]) + max(map(abs, formula.offsets)) * h
        return float((furthest + h) - furthest)

    def bound(self, formula):
        """Truncation error plus the largest rounding error at the textbook step."""
        h = self.step(formula)
        slope = combined(formula, [self.exactly(o * h) for o in formula.offsets]) / self.exact.real(h)
        worst = max(self.compiled(o * h)[1] for o in formula.offsets)
        rounding = float(sum(map(abs, formula.weights))) * worst / h
        # The result is itself a floating-point number.
        last_bit = np.spacing(abs(self.x.dtype.type(self.derivative)))
        return float(abs(slope - self.derivative) + rounding + last_bit)

    def error(self, derivative):
        return float(abs(self.exact.real(derivative) - self.derivative))

    def ratio(self, formula):
        """Error of jitgrad over its bound."""
        found = jg.grad_cpu(
            self.s.loss,
            self.x,
            args=self.s.args,
            method=formula.method,
            order=formula.order,
            step=jg.Textbook(),
            coords=[self.i],
            vectorize="off",
        )
        assert found.dtype == self.x.dtype
        return self.error(found[0]) / self.bound(formula)

    def ratio_with(self, formula, weights):
        """Error of the formula with other weights over the bound of the formula."""
        h = self.step(formula)
        other = Stencil(formula.method, formula.order, formula.offsets, weights)
        slope = combined(other, [self.compiled(o * h)[0] for o in formula.offsets]) / h
        return self.error(slope) / self.bound(formula)


def combined(formula, values):
    return sum(w.numerator * value / w.denominator for w, value in zip(formula.weights, values, strict=True))


@cache
def lines(name, points, dtype=np.float64):
    s = scenario(name)
    exact = Exact(s, DIGITS)
    rng = np.random.default_rng(11)
    drawn = [(s.draw(rng).astype(dtype), rng.choice(s.n, COORDINATES, replace=False)) for _ in range(points)]
    return [Line(s, exact, x, int(i)) for x, chosen in drawn for i in chosen]


@POINTS
@pytest.mark.parametrize("name", NAMES)
def test_error_is_what_theory_says(name, points):
    ratios = {formula: [line.ratio(formula) for line in lines(name, points)] for formula in FORMULAS}
    assert max(map(max, ratios.values())) < SLACK
    # A bound far above every error would say nothing, and half of the errors are below what is possible.
    assert min(map(max, ratios.values())) > 1e-3
    assert np.median(list(ratios.values())) < 1.0


@pytest.mark.parametrize("name", NAMES)
def test_error_in_single_precision_is_what_theory_says(name):
    for formula in (stencil("central", 2), stencil("central", 4), stencil("forward", 1)):
        assert max(line.ratio(formula) for line in lines(name, 3, np.float32)) < SLACK


@pytest.mark.parametrize("name", NAMES)
def test_bound_is_violated_by_a_weight_that_is_slightly_wrong(name):
    for formula in FORMULAS:
        first, *others = formula.weights
        wrong = (first * (1 + Fraction(1, 10**5)), *others)
        assert max(line.ratio_with(formula, formula.weights) for line in lines(name, 4)) < SLACK
        assert max(line.ratio_with(formula, wrong) for line in lines(name, 4)) > SLACK


@pytest.mark.parametrize("method", ORDERS)
def test_bound_is_violated_by_the_formula_of_the_order_below(method):
    for lower, order in pairwise(ORDERS[method]):
        formula, below = stencil(method, order), stencil(method, lower)
        weights = dict(zip(below.offsets, below.weights, strict=True))
        wrong = tuple(weights.get(offset, Fraction(0)) for offset in formula.offsets)
        # Not polynomials, of which both formulas may be exact.
        for name in ("ackley", "sine_bumps", "lennard_jones", "gaussian_process"):
            assert max(line.ratio_with(formula, wrong) for line in lines(name, 4)) > SLACK


@pytest.mark.parametrize("name", NAMES)
def test_result_does_not_depend_on_the_number_of_threads(name):
    s = scenario(name)
    rng = np.random.default_rng(12)
    points = np.array([s.draw(rng) for _ in range(7)])
    for method, order in [("central", 2), ("forward", 1), ("backward", 4)]:
        options = {"args": s.args, "method": method, "order": order, "step": 1e-6}
        for way in ("auto", "off"):
            one, *more = (
                jg.grad_cpu(s.loss, points, threads=threads, vectorize=way, **options) for threads in (1, 2, 3, 4)
            )
            for other in more:
                assert np.array_equal(other, one)
        # In lanes a point alone is evaluated in other groups than in a batch, and functions round differently.
        for x, row in zip(points, one, strict=True):
            assert np.array_equal(jg.grad_cpu(s.loss, x, vectorize="off", **options), row)
