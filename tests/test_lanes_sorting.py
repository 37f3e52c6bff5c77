"""Sorting in lanes, against NumPy: every lane has an order of its own, except where indices are asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lanes import in_lanes, one_by_one
from numba import njit

from jitgrad.loss.shim import DISAGREED, OK

LANES = 8
WEIGHTS = np.random.default_rng(2).permutation(200).astype(float)
LENGTHS = (1, 2, 3, 4, 7, 8, 9, 31, 64, 100)


@njit
def copied(x):
    """Numbers and weights are whole, and their sums below 2**53: no order of terms rounds."""
    s = 0.0
    for i, v in enumerate(np.sort(x)):
        s += WEIGHTS[i] * v
    return s


@njit
def in_place(x):
    y = x.copy()
    y.sort()
    s = 0.0
    for i, v in enumerate(y):
        s += WEIGHTS[i] * v
    return s


@njit
def every_second(x):
    s = 0.0
    for i, v in enumerate(np.sort(x[::2])):
        s += WEIGHTS[i] * v
    return s


@njit
def list_in_place(x):
    y = [2.0 * v for v in x]
    y.sort()
    s = 0.0
    for i, v in enumerate(y):
        s += 0.5 * WEIGHTS[i] * v
    return s


@njit
def python_sorted(x):
    s = 0.0
    for i, v in enumerate(sorted(x)):
        s += WEIGHTS[i] * v
    return s


@njit
def sorted_list(x):
    y = [x[k] for k in range(x.size)]
    s = 0.0
    for i, v in enumerate(sorted(y)):
        s += WEIGHTS[i] * v
    return s + y[0] - x[0]


@njit
def ranked(x):
    s = 0.0
    for i, k in enumerate(np.argsort(x)):
        s += WEIGHTS[i] * x[k]
    for i, k in enumerate(x[::2].argsort(kind="mergesort")):
        s += WEIGHTS[i] * x[2 * k]
    return s


@njit
def sorted_lists(x):
    down, up = [3, 1, 2], [1.0 * k for k in range(3, 0, -1)]
    down.sort(reverse=True)
    up.sort()
    return down[0] * x[0] + up[0] * x[1]


def columns(rng, n, dtype=float):
    return rng.integers(-1000, 1000, (n, LANES)).astype(dtype) + 0.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "loss", [copied, in_place, every_second, list_in_place, python_sorted, sorted_list], ids=lambda loss: loss.__name__
)
def test_every_lane_is_sorted(loss, dtype):
    rng = np.random.default_rng(3)
    for n in LENGTHS:
        x = columns(rng, n, dtype)
        values, status = in_lanes(loss, x)
        assert status == OK
        step = 2 if loss is every_second else 1
        ordered = np.sort(x[::step].astype(float), axis=0)
        np.testing.assert_array_equal(values, WEIGHTS[: len(ordered)] @ ordered)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-3, 3)] * LANES), min_size=1, max_size=40))
def test_values_that_repeat(rows):
    x = np.array(rows, float)
    values, status = in_lanes(copied, x)
    assert status == OK
    np.testing.assert_array_equal(values, WEIGHTS[: len(x)] @ np.sort(x, axis=0))


def test_an_order_that_lanes_share():
    rng = np.random.default_rng(4)
    for n in LENGTHS:
        x = (10.0 * rng.permutation(n))[:, None] + rng.integers(0, 5, (n, LANES))
        values, status = in_lanes(ranked, x)
        assert status == OK
        np.testing.assert_array_equal(values, one_by_one(ranked, x))


@pytest.mark.parametrize("case", ["an order of its own", "a tie", "NaN"])
def test_an_order_that_one_lane_does_not_share_is_noticed(case):
    x = np.arange(12.0)[:, None] + np.zeros(LANES)
    x[3, 5] = {"an order of its own": 6.5, "a tie": 4.0, "NaN": np.nan}[case]
    assert in_lanes(ranked, x)[1] == DISAGREED


@pytest.mark.parametrize("value", [np.nan, -0.0])
@pytest.mark.parametrize("loss", [copied, in_place, python_sorted], ids=lambda loss: loss.__name__)
def test_what_has_no_place_of_its_own_is_left_to_scalar_code(loss, value):
    x = np.arange(12.0)[:, None] + np.zeros(LANES)
    x[7, 6] = value
    assert in_lanes(loss, x)[1] == DISAGREED


def test_lists_are_sorted_as_they_were():
    x = np.arange(1.0, 3.0)[:, None] + np.zeros(LANES)
    values, status = in_lanes(sorted_lists, x)
    assert status == OK
    np.testing.assert_array_equal(values, np.full(LANES, 5.0))


@njit
def extremes(x):
    table = x[: 2 * (x.size // 2)].reshape(-1, 2)
    return 1e6 * np.argmax(x) + 1e3 * x[::2].argmin() + np.argmax(table)


def test_places_of_extremes():
    rng = np.random.default_rng(6)
    for n in LENGTHS[1:]:
        # Equal elements too: the first of them counts.
        x = (10.0 * rng.integers(0, 4, n))[:, None] + rng.uniform(0.0, 1.0, LANES)
        values, status = in_lanes(extremes, x)
        assert status == OK
        np.testing.assert_array_equal(values, one_by_one(extremes, x))


@pytest.mark.parametrize("value", [20.0, np.nan])
def test_a_place_that_one_lane_does_not_share_is_noticed(value):
    x = np.arange(12.0)[:, None] + np.zeros(LANES)
    x[3, 5] = value
    assert in_lanes(extremes, x)[1] == DISAGREED
