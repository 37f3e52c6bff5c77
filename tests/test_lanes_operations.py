"""Every operation of the table of lanes, against numba's scalar code."""

import math
import operator

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lanes import in_lanes, one_by_one

from jitgrad.loss.lanes.operations import COMPARISONS, OPERATIONS
from jitgrad.loss.shim import DISAGREED, OK

SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -2.2e-308, 1e308, 0.5, -2.5])
ROWS = [(row, function) for row in OPERATIONS for function in row.functions]
INPLACE = {
    operator.iadd: operator.add, operator.isub: operator.sub, operator.imul: operator.mul,
    operator.itruediv: operator.truediv, operator.imod: operator.mod, operator.ifloordiv: operator.floordiv,
    operator.ipow: operator.pow,
}  # fmt: skip
INFIX = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/", operator.mod: "%",
    operator.floordiv: "//", operator.pow: "**", operator.lt: "<", operator.le: "<=", operator.gt: ">",
    operator.ge: ">=", operator.eq: "==", operator.ne: "!=",
}  # fmt: skip
PREFIX = {operator.neg: "-", operator.pos: "+", operator.not_: "not "}


def name_of(entry):
    row, function = entry
    return f"{getattr(function, '__module__', 'numpy')}.{function.__name__}".strip(".") if row else ""


def loss_of(row, function):
    """A loss that applies the operation to x[0], x[1]: as an operator where it is one."""
    function = INPLACE.get(function, function)
    names = ["x[0]", "x[1]"][: len(row.domain)]
    if function in INFIX:
        text = f" {INFIX[function]} ".join(names)
    elif function in PREFIX:
        text = PREFIX[function] + names[0]
    else:
        text = f"function({', '.join(names)})"
    space = {"function": function}
    # Truth values become numbers, as in a sum; branches are tested elsewhere.
    exec(f"def f(x):\n    return 1.0 * ({text})", space)
    return numba.njit(error_model="numpy")(space["f"])


def distance(found, expected):
    """Differences in units of the last place; 0 where both are NaN."""
    with np.errstate(invalid="ignore"):
        same = (found == expected) | (np.isnan(found) & np.isnan(expected))
        return np.where(same, 0.0, abs(found - expected) / np.spacing(abs(expected)))


@pytest.mark.parametrize("entry", ROWS, ids=name_of)
def test_an_operation_agrees_with_the_scalar_one(entry):
    row, function = entry
    loss = loss_of(row, function)
    rng = np.random.default_rng(0)
    for _ in range(20):
        columns = np.stack([rng.uniform(*interval, 8) for interval in (*row.domain, (0.0, 1.0))[:2]])
        values, status = in_lanes(loss, columns)
        assert status == OK
        worst = distance(values, one_by_one(loss, columns)).max()
        assert worst <= row.ulps


@pytest.mark.parametrize("entry", [(row, f) for row, f in ROWS if row.ulps == 0], ids=name_of)
def test_an_exact_operation_agrees_for_special_values(entry):
    row, function = entry
    loss = loss_of(row, function)
    pairs = np.array(np.meshgrid(SPECIAL, SPECIAL)).reshape(2, -1)
    for first in range(0, pairs.shape[1], 8):
        columns = pairs[:, first : first + 8]
        values, status = in_lanes(loss, columns)
        assert status == OK
        np.testing.assert_array_equal(values, one_by_one(loss, columns))


@pytest.mark.parametrize("count", [2, 4, 16])
@pytest.mark.parametrize("function", [operator.add, math.exp, np.tanh, math.atan2, min])
def test_any_number_of_lanes(function, count):
    row = next(row for row in OPERATIONS if function in row.functions)
    loss = loss_of(row, function)
    columns = np.random.default_rng(1).uniform(0.1, 2.0, (2, count))
    values, status = in_lanes(loss, columns)
    assert status == OK
    assert distance(values, one_by_one(loss, columns)).max() <= row.ulps


@pytest.mark.parametrize("entry", ROWS, ids=name_of)
def test_single_precision_stays_single(entry):
    row, function = entry
    loss = loss_of(row, function)
    columns = np.stack(
        [np.random.default_rng(2).uniform(*interval, 8) for interval in (*row.domain, (0.0, 1.0))[:2]]
    ).astype(np.float32)
    values, status = in_lanes(loss, columns)
    assert status == OK
    expected = one_by_one(loss, columns)
    error = abs(values - expected) / np.spacing(abs(expected).astype(np.float32))
    assert error.max() <= max(row.ulps, 1)


@numba.njit
def branch_on(x):
    if x[0] < x[1]:
        return x[0]
    return 2.0 * x[1]


@numba.njit
def index_with(x):
    return x[int(x[0])] + x[0]


@numba.njit
def divide(x):
    return x[0] / x[1]


@pytest.mark.parametrize("loss", [branch_on, index_with, divide])
@given(st.lists(st.floats(0.0, 1.99), min_size=16, max_size=16))
@settings(max_examples=60, deadline=None)
def test_lanes_agree_or_say_that_they_disagree(loss, numbers):
    columns = np.array(numbers).reshape(2, 8)
    same = {
        branch_on: len(set(columns[0] < columns[1])) == 1,
        index_with: len(set(columns[0].astype(int))) == 1,
        divide: bool((columns[1] != 0.0).all()),
    }[loss]
    values, status = in_lanes(loss, columns)
    assert status == (OK if same else DISAGREED)
    if same:
        np.testing.assert_array_equal(values, one_by_one(loss, columns))


def test_every_comparison_is_in_the_table():
    assert {operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne} <= {
        function for row in COMPARISONS for function in row.functions
    }
