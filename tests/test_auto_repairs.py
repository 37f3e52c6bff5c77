"""What `Auto` does about coordinates that are small by chance, ignored, at flat optima, far from 0 or in float32."""

import math

import numpy as np
import pytest
from numba import njit
from test_auto import count, launches, looked_at, silently_wrong  # noqa: F401

import jitgrad as jg
from jitgrad.difference import differences
from jitgrad.formula import formula_for
from jitgrad.stencils import stencil

EPS = np.finfo(np.float64).eps
ORDINARY = np.linspace(0.5, 2.0, 20)


def steps_of(points, dtype=np.float64):
    """Half of the distance between the outer nodes of every coordinate."""
    rule, order = jg.Auto(), 2 if dtype == np.float64 else 4
    form = stencil("central", order)
    limits = np.array([[[0.0, -1e300, 1e300]]])
    formula = formula_for(form, rule.scaling(np.dtype(dtype), order), limits)
    points = np.atleast_2d(points).astype(dtype)
    found, _ = differences(points, np.arange(points.size), formula)
    value = found.probes.value.astype(np.float64).reshape(points.size, -1)
    return 0.5 * (value[:, -1] - value[:, 0]).reshape(points.shape)


@njit
def exponentials(x):
    return np.exp(x).sum()


@njit
def waves_of_units(x, unit):
    s = 0.0
    for i in range(x.size):
        s += math.sin(x[i] / unit[i] + 0.3)
    return s


@njit
def never_active(x):
    """The weights from the tenth on belong to a unit that is not active unless they are much larger."""
    s = 0.0
    for i in range(10):
        s += math.exp(0.3 * x[i])
    a = -60.0
    for i in range(10, x.size):
        a += 10.0 * x[i]
    return s + max(a, 0.0)


@njit
def stairs(x, width):
    s = 0.0
    for i in range(x.size):
        s += math.floor(x[i] / width) * width
    return s


@njit
def flat_bottom(x):
    s = 100.0
    for i in range(x.size):
        s += x[i] ** 4
    return s


@njit
def bells(x, centre):
    s = 0.0
    for i in range(x.size):
        s += math.exp(-((x[i] - centre) ** 2))
    return s


@njit
def on_an_offset(x):
    s = 1e5
    for i in range(x.size):
        s += math.sin(float(x[i]) + 0.1)
    return s


@pytest.mark.interpreted
def test_a_coordinate_that_is_small_by_chance_gets_a_usual_step():
    x = ORDINARY.copy()
    x[[3, 7]] = 1e-2, -1e-12
    steps, relative = steps_of(x)[0], jg.Auto().scaling(np.dtype(np.float64), 2).relative
    usual = np.sort(np.abs(x))[5]
    np.testing.assert_allclose(steps[3], 0.25 * relative * usual, rtol=1e-6)
    # Never more than 0.3 % of x itself: it may have another unit.
    np.testing.assert_allclose(steps[7], math.sqrt(1e-5) * 1e-12, rtol=1e-3)
    np.testing.assert_allclose(steps[0], relative * x[0], rtol=1e-6)


@pytest.mark.interpreted
def test_few_coordinates_and_zeros_say_nothing_of_what_is_usual():
    few = ORDINARY[:7].copy()
    few[2] = 1e-3
    relative = jg.Auto().scaling(np.dtype(np.float64), 2).relative
    np.testing.assert_allclose(steps_of(few)[0, 2], 1e-3 * relative, rtol=1e-5)
    mostly_zeros = np.zeros(20)
    mostly_zeros[:7] = few
    np.testing.assert_allclose(steps_of(mostly_zeros)[0, 2], 1e-3 * relative, rtol=1e-5)


@pytest.mark.interpreted
def test_points_of_a_batch_do_not_know_each_other():
    one, other = ORDINARY.copy(), 1e-6 * ORDINARY
    one[3] = other[3] = 1e-9
    together = steps_of(np.stack([one, other]))
    np.testing.assert_array_equal(together[0], steps_of(one)[0])
    np.testing.assert_array_equal(together[1], steps_of(other)[0])


@pytest.mark.interpreted
def test_small_coordinates_keep_their_digits():
    x = np.linspace(0.5, 2.0, 50)
    x[:5] = [1e-3, -2e-3, 3e-3, 5e-3, 1e-2]
    # A few roundings of the loss over the smallest step of the rule, sqrt(1e-5) of 1e-3.
    bound = 4.0 * EPS * np.exp(x).sum() / (math.sqrt(1e-5) * 1e-3)
    assert bound < 1e-6
    np.testing.assert_allclose(jg.grad_cpu(exponentials, x)[:5], np.exp(x[:5]), rtol=bound)


@pytest.mark.parametrize("small", [1e-8, 1e-5, 1e-3, 1e-2, 1e-1])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_units_may_differ(small, share):
    rng = np.random.default_rng(3)
    for _ in range(3):
        unit = np.where(rng.uniform(size=40) < share, small, 1.0)
        x = unit * rng.uniform(0.3, 1.0, 40)
        gradient, named = looked_at(waves_of_units, x, (unit,))
        # The slope is at least cos(1.3) / unit: far above what the rounding of 40 terms does to it.
        assert named == []
        assert not silently_wrong(gradient, np.cos(x / unit + 0.3) / unit, named)


def test_a_unit_that_is_never_active_costs_four_evaluations_more(launches):  # noqa: F811
    x = np.linspace(0.1, 0.4, 20)
    gradient, named = looked_at(never_active, x)
    assert named == []
    np.testing.assert_array_equal(gradient[10:], np.zeros(10))
    np.testing.assert_allclose(gradient[:10], 0.3 * np.exp(0.3 * x[:10]), rtol=1e-8)
    # The loss at the point counts twice: alone, and with those it is compared with bit by bit.
    assert count(launches) <= 2 + 10 * 2 + 10 * 6


@pytest.mark.parametrize("n", [1, 5, 20])
@pytest.mark.parametrize("width", [0.01, 0.1, 0.5])
def test_a_plateau_of_stairs_is_not_taken_for_an_ignored_coordinate(n, width):
    x = np.linspace(0.512, 2.031, n)
    gradient, named = looked_at(stairs, x, (width,))
    assert set(np.flatnonzero(gradient == 0.0)) <= set(named)


@pytest.mark.parametrize("n", [1, 9])
def test_bounds_are_kept_where_nothing_changes(launches, n):  # noqa: F811
    x = np.linspace(0.4, 0.6, n)
    gradient, named = looked_at(stairs, x, (50.0,), bounds=(0.35, 0.65))
    assert named == []
    np.testing.assert_array_equal(gradient, np.zeros(n))
    for probes, _ in launches:
        assert ((probes.value >= 0.35) & (probes.value <= 0.65)).all()


@pytest.mark.parametrize("n", [1, 12])
def test_an_optimum_without_curvature_is_not_warned_of(n):
    for x in (np.zeros(n), np.full(n, 1e-9), np.full(n, -1e-5)):
        gradient, named = looked_at(flat_bottom, x)
        assert named == []
        # Right for a point within 1e-4 of the distance, below 1, at which x**4 shows.
        assert (np.abs(gradient) <= 1e-4 * 4.0).all()


@pytest.mark.parametrize("n", [1, 3, 12])
def test_inflection_points_far_from_zero_are_not_silently_wrong(n):
    centre = 1e8
    x = np.full(n, centre + math.sqrt(0.5)) + np.linspace(0.0, 0.02, n)
    gradient, named = looked_at(bells, x, (centre,))
    exact = -2.0 * (x - centre) * np.exp(-((x - centre) ** 2))
    assert not silently_wrong(gradient, exact, named)


def test_a_loss_in_double_precision_of_a_point_in_single_is_not_mistaken_for_a_rounded_one():
    x = np.linspace(0.2, 1.2, 30).astype(np.float32)
    gradient, named = looked_at(on_an_offset, x)
    assert named == []
    # The offset would hide 1e5 * 1e-7 / 0.02 of the slope if it were rounded to single precision. What is left is the
    # truncation of order 4, below 0.05**4 / 7, and the spacing of the result.
    np.testing.assert_allclose(gradient, np.cos(x.astype(np.float64) + 0.1), rtol=1e-5)
