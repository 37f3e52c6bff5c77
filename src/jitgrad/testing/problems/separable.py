"""Sums of one function of a coordinate, its weight and its centre: awkward in every coordinate at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jitgrad._types import Array, FloatArray, Loss
from jitgrad.testing.definition import njit
from jitgrad.testing.problems.definition import beside, spread, spread_log


class Case(NamedTuple):
    """Point, weights, centres, and noise relative to the size of the sum."""

    x: FloatArray
    w: FloatArray
    c: FloatArray
    level: float = 0.0


@dataclass(frozen=True, eq=False)
class Family:
    """``loss(x) = offset + sum of term(x[i], w[i], c[i]) + noise``.

    Attributes
    ----------
    name : str
    term : numba-jitted function
        ``term(x, w, c) -> float``; any function given is compiled.
    slope : callable
        Its derivative by ``x`` in closed form, elementwise.
    cases : callable
        ``cases() -> list of Case``.
    offset : float
    typical : float
        Slope that errors are measured against where the derivative is smaller.
    single : bool
        Whether it makes sense in float32.
    """

    name: str
    term: Loss
    slope: Callable[[Any, Any, Any], Any]
    cases: Callable[[], list[Case]]
    offset: float = 0.0
    typical: float = 0.0
    single: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "term", njit(self.term))


@njit
def chaos(x):  # type: ignore[no-untyped-def]
    """Deterministic noise of standard deviation 1: any change of any coordinate gives an unrelated number.

    The logistic map doubles small differences, and 60 times double the last digit of a number below 1 into all of
    it; its values are distributed with variance 1/8 about 1/2. Waves of waves, ``sin(1e6 sin(1e6 x))``, are smooth
    below 1e-12, where a derivative of the noise can be found; a hash of bits needs integers, which not every number
    type of a loss has.
    """
    t = 0.3
    for i in range(x.size):
        t += x[i]
        t -= math.floor(t)
        t *= 4.0 * (1.0 - t)
    for _ in range(60):
        t *= 4.0 * (1.0 - t)
    return math.sqrt(8.0) * (t - 0.5)


def separable(term: Loss) -> Loss:
    """Make ``loss(x, w, c, offset, sigma)``; `sigma` is the standard deviation of its noise."""

    @njit
    def loss(x: Array, w: FloatArray, c: FloatArray, offset: float, sigma: float) -> float:
        total = offset
        for i in range(x.size):
            total += term(x[i], w[i], c[i])
        if sigma > 0.0:
            total += sigma * chaos(x)
        return total

    return loss


def _plain(x: FloatArray, w: Any = 1.0, c: Any = 0.0, level: float = 0.0) -> Case:
    return Case(x, np.array(np.broadcast_to(w, x.shape), float), np.array(np.broadcast_to(c, x.shape), float), level)


def _far() -> list[Case]:
    return [_plain(1e8 + spread(0.3, 6, 50), spread_log(1e-2, 1e2, 50), 1e8)]


def _far_held_out() -> list[Case]:
    """Not all coordinates equally far."""
    c = -spread_log(1e6, 1e8, 60)
    return [_plain(c + spread(0.3, 5, 60), spread_log(1e-1, 1e1, 60), c)]


def _aliasing() -> list[Case]:
    """Many coordinates, and one or a few, which cannot learn from each other."""
    w = np.geomspace(1.0, 1e9, 200)
    many = [_plain(spread(0.5, 2, 200 + k)[k:], w) for k in range(10)]
    x = spread(0.5, 2, 200)
    return many + [_plain(x[k : k + n], w[k : k + n]) for n in (1, 3) for k in range(0, 197, 4)]


def _aliasing_held_out() -> list[Case]:
    w = np.geomspace(3.0, 5e8, 150)
    x = spread(0.3, 3, 150)
    many = [_plain(spread(0.3, 3, 150 + k)[k:], w) for k in range(8)]
    return many + [_plain(x[k : k + n], w[k : k + n]) for n in (1, 2, 5) for k in range(0, 145, 5)]


def _kinks() -> list[Case]:
    """95 of 100 coordinates next to their kink, the others far away."""
    c = spread(-2, 2, 100)
    return [_plain(c + np.concatenate([beside(0.0, 1e-9, 1e-6, 95), beside(0.0, 0.1, 1.0, 5)]), 1.0, c)]


def _kinks_held_out() -> list[Case]:
    """Half of the coordinates next to their kink, on either side, the others at all distances."""
    c = spread(-1.5, 1.5, 80)
    return [_plain(c + np.concatenate([beside(0.0, 1e-8, 1e-5, 40), beside(0.0, 1e-4, 0.5, 40)]), 1.0, c)]


def _ordinary_points() -> list[Case]:
    return [_plain(spread(0.2, 2.2, 60))]


def _tiny() -> list[Case]:
    return [_plain(np.concatenate([[0.0], spread_log(1e-12, 1.0, 29)]))]


def _tiny_held_out() -> list[Case]:
    """Of both signs."""
    return [_plain(np.concatenate([[0.0, -0.0], beside(0.0, 1e-10, 1e-1, 38)]))]


def _zero() -> list[Case]:
    return [_plain(np.zeros(30), np.linspace(0.5, 3.0, 30))]


def _optimum() -> list[Case]:
    c = spread(-2, 2, 50)
    return [_plain(c, spread_log(0.1, 10, 50), c)]


def _noisy() -> list[Case]:
    return [_plain(spread(-2, 2, 200), level=level) for level in (1e-12, 1e-8, 1e-4, 1e-2)]


DEVELOPMENT = (
    # x = 1e8 and features of 1.
    Family("far away", lambda x, w, c: w * (x - c) ** 2 + math.sin(x - c),
           lambda x, w, c: 2 * w * (x - c) + np.cos(x - c), _far, single=False),
    # Frequencies from 1 to 1e9 at x = 1.
    Family("aliasing", lambda x, w, c: math.sin(w * x) + c, lambda x, w, c: w * np.cos(w * x) + 0 * c, _aliasing,
           single=False),
    Family("kinks", lambda x, w, c: w * abs(x - c) + 0.1 * math.sin(x),
           lambda x, w, c: w * np.sign(x - c) + 0.1 * np.cos(x), _kinks, single=False),
    # 1e8 and terms of order 1.
    Family("offset", lambda x, w, c: w * math.sin(x) + c, lambda x, w, c: w * np.cos(x) + 0 * c, _ordinary_points,
           offset=1e8, single=False),
    # x says nothing about the length, which is 1.
    Family("tiny x", lambda x, w, c: w * math.cos(x + 0.5) + c, lambda x, w, c: -w * np.sin(x + 0.5) + 0 * c, _tiny),
    Family("x = 0", lambda x, w, c: math.exp(0.5 * x) + w * x * x + math.sin(2.0 * x) + c,
           lambda x, w, c: 0.5 * np.exp(0.5 * x) + 2 * w * x + 2 * np.cos(2 * x) + 0 * c, _zero),
    # The gradient is 0, and there is nothing to warn of.
    Family("optimum", lambda x, w, c: w * (x - c) ** 2, lambda x, w, c: 2 * w * (x - c), _optimum, typical=0.1,
           single=False),
    Family("noisy", lambda x, w, c: w * math.sin(x) + 0.5 * x * x + c, lambda x, w, c: w * np.cos(x) + x + 0 * c,
           _noisy, single=False),
    Family("far away, decay", lambda x, w, c: w * math.exp(-0.1 * (x - c)) + math.log1p((x - c) ** 2),
           lambda x, w, c: -0.1 * np.exp(-0.1 * (x - c)) * w + 2 * (x - c) / (1 + (x - c) ** 2), _far, single=False),
    Family("aliasing, peaks", lambda x, w, c: 1.0 / (2.0 + math.cos(w * x)) + c,
           lambda x, w, c: w * np.sin(w * x) / (2 + np.cos(w * x)) ** 2 + 0 * c, _aliasing, single=False),
    Family("kinks, wedges", lambda x, w, c: max(x - c, -3.0 * (x - c)) + 0.1 * w * x * x,
           lambda x, w, c: np.where(x > c, 1, -3) + 0.2 * w * x, _kinks, single=False),
    Family("offset, saturating", lambda x, w, c: w * x / (1.0 + x) + c, lambda x, w, c: w / (1 + x) ** 2 + 0 * c,
           _ordinary_points, offset=1e7, single=False),
    Family("tiny x, arctangent", lambda x, w, c: w * math.atan(x + 0.5) + c,
           lambda x, w, c: w / (1 + (x + 0.5) ** 2) + 0 * c, _tiny),
    Family("x = 0, odd and even", lambda x, w, c: math.log1p(w * x * x) + math.tanh(w * x) + c,
           lambda x, w, c: 2 * w * x / (1 + w * x * x) + w / np.cosh(w * x) ** 2 + 0 * c, _zero),
    Family("optimum, catenaries", lambda x, w, c: w * math.cosh(x - c), lambda x, w, c: w * np.sinh(x - c), _optimum,
           typical=0.1, single=False),
    Family("noisy, softplus", lambda x, w, c: w * math.log1p(math.exp(x)) + 1.0 / (1.0 + x * x) + c,
           lambda x, w, c: w / (1 + np.exp(-x)) - 2 * x / (1 + x * x) ** 2 + 0 * c, _noisy, single=False),
)  # fmt: skip

HELD_OUT = (
    Family("far away", lambda x, w, c: w * math.exp(0.3 * (x - c)) + (x - c) ** 3 / 30.0,
           lambda x, w, c: 0.3 * w * np.exp(0.3 * (x - c)) + 0.1 * (x - c) ** 2, _far_held_out, single=False),
    Family("aliasing", lambda x, w, c: math.log(2.0 + math.sin(w * x)) + c,
           lambda x, w, c: w * np.cos(w * x) / (2 + np.sin(w * x)) + 0 * c, _aliasing_held_out, single=False),
    Family("kinks", lambda x, w, c: w * abs(math.exp(x - c) - 1.0) + 0.05 * x,
           lambda x, w, c: w * np.sign(x - c) * np.exp(x - c) + 0.05, _kinks_held_out, single=False),
    Family("offset", lambda x, w, c: w * math.log1p(x * x) + c, lambda x, w, c: 2 * w * x / (1 + x * x) + 0 * c,
           _ordinary_points, offset=-3e7, single=False),
    Family("tiny x", lambda x, w, c: w * math.exp(-0.5 * (x + 1.0) ** 2) + c,
           lambda x, w, c: -w * (x + 1) * np.exp(-0.5 * (x + 1) ** 2) + 0 * c, _tiny_held_out),
    Family("x = 0", lambda x, w, c: math.sinh(w * x) + math.sqrt(1.0 + x) + c,
           lambda x, w, c: w * np.cosh(w * x) + 0.5 / np.sqrt(1 + x) + 0 * c, _zero),
    Family("optimum", lambda x, w, c: w * (math.exp(x - c) - (x - c)), lambda x, w, c: w * np.expm1(x - c), _optimum,
           typical=0.1, single=False),
    Family("noisy", lambda x, w, c: w * math.exp(-0.5 * x) + 0.25 * x**4 + c,
           lambda x, w, c: -0.5 * w * np.exp(-0.5 * x) + x**3 + 0 * c, _noisy, single=False),
)  # fmt: skip
