"""The corpus of losses is sound: each runs in plain numba, means the same in Python, and is smooth at its point."""

from collections import Counter

import numpy as np
import pytest
from corpus import CASES

# Whole Python evaluates a sum in another order than LLVM, and NumPy's exp is not that of the C library.
DOUBLE = 1e-10
# Python multiplies a float32 and a literal in single precision, numba in double: a few operations at 6e-8 each.
SINGLE = 1e-6
STEP = 1e-6


# A sixth is compiled by default, the same in every run; the rest takes minutes.
DEFAULT = {case.name for case in CASES[::6]}


def swept(cases):
    return [pytest.param(c, id=c.name, marks=() if c.name in DEFAULT else pytest.mark.slow) for c in cases]


def value(case, x):
    got = case.loss(x, *case.args)
    assert isinstance(got, float | np.floating)
    return float(got)


def test_enough_of_them_each_with_a_name_of_its_own():
    assert [name for name, times in Counter(case.name for case in CASES).items() if times > 1] == []
    lanes_expected = [case for case in CASES if not case.scalar_expected]
    assert len(lanes_expected) >= 130
    assert len(CASES) - len(lanes_expected) >= 15


def test_points_have_the_sizes_people_have():
    assert {case.name: case.x.size for case in CASES if not 3 <= case.x.size <= 40} == {}
    assert {case.x.ndim for case in CASES} == {1}
    assert {case.x.dtype.name for case in CASES} == {"float64", "float32"}


@pytest.mark.parametrize("case", swept(CASES))
def test_compiled_and_interpreted_agree(case):
    x = case.x.copy()
    got = value(case, x)
    assert np.isfinite(got)
    wanted = case.interpreted()
    assert got == pytest.approx(wanted, rel=DOUBLE if case.x.dtype == np.float64 else SINGLE, abs=0.0)
    if not case.writes:
        assert np.array_equal(x, case.x)


@pytest.mark.parametrize("case", swept([c for c in CASES if c.x.dtype == np.float64]))
def test_the_point_is_away_from_kinks_and_jumps(case):
    # A jump makes a slope of 1e5 or more and a kink two slopes that differ by a part of their size; curvature times the
    # step and rounding over the step are below 1e-3 for every loss here.
    centre = value(case, case.x.copy())
    for i in range(case.x.size):
        left, right = case.x.copy(), case.x.copy()
        left[i] -= STEP
        right[i] += STEP
        slopes = (centre - value(case, left)) / STEP, (value(case, right) - centre) / STEP
        assert abs(slopes[1] - slopes[0]) <= 1e-3 * (1.0 + abs(slopes[0]) + abs(slopes[1]))
