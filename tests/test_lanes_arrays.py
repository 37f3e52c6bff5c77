"""Functions on arrays of lanes, against NumPy: views, two dimensions, empty arrays, NaN and single precision."""

import numba
import numpy as np
import pytest
from lanes import in_lanes, one_by_one, refusal

from jitgrad.loss.shim import OK

LANES = 8
SIZE = 12
# A dozen elements are added up in another order, with weights below 13.
ROUNDING = {"float64": 1e-14, "float32": 1e-5}

LINES = {  # one dimension of another
    "whole": "x",
    "every second": "x[::2]",
    "backwards": "x[::-1]",
    "column": "x.reshape(4, 3)[:, 1]",
    "one": "x[3:4]",
}
EMPTY = {"empty": "x[:0]"}
TABLES = {
    "matrix": "x.reshape(3, 4)",
    "transposed": "x.reshape((3, -1)).T",
    "part": "x.reshape(3, 4)[1:, 1:3]",
    "narrow": "x.reshape(12, 1)",
}
NO_ROWS = {"no rows": "x.reshape(3, 4)[:0]"}
NUMBERS = ["np.sum(a)", "a.sum()", "np.nansum(a)", "1.0 * np.sum(a > 0.2)",
          "1.0 * np.any(a > 0.2)", "1.0 * np.all(a < 9.0)",
           "1.0 * np.count_nonzero(a > 0.2)", "(a < 0.3).sum() + 0.5"]  # fmt: skip
NUMBERS_OF_SOME = ["np.mean(a)", "np.nanmean(a)", "a.var()", "np.std(a)", "np.prod(a)", "np.max(a)", "a.min()"]
NUMBERS_OF_LINES = [
    "np.linalg.norm(a)",
    "np.dot(a, a)",
    "np.sum(a[a > 0.2] ** 2)",
    "a[np.argmax(a)]",
    "np.trace(np.outer(a, a + 1.0))",
]
ARRAYS = ["a + 1.0", "a * a - x[0]", "x[1] / (2.0 + a)", "np.exp(-a) + 2 * a**2", "np.abs(a)",
          "np.where(a > 0.2, a, -2.0 * a)",
          "np.where(a > 0.2, 1.0, x[0])", "np.maximum(a, 0.3) - np.minimum(a, x[2])",
          "np.zeros_like(a) + x[3]", "np.full_like(a, 2.5) * a",
          "a.copy()", "(a > 0.3) * a", "np.sinc(a)", "np.clip(a, -0.5, 0.8)"]  # fmt: skip
LINES_OF_LINES = [
    "np.cumsum(a)",
    "np.cumprod(a)",
    "np.diff(a.copy())",
    "np.diff(a.copy(), 2)",
    "np.diff(a.copy(), n=3)",
    "a[a < 0.4]",
    "np.concatenate((a, x[:2]))",
    "np.outer(a, x[:3])[:, 1]",
]
LINES_OF_TABLES = [
    "np.sum(a, axis=0)",
    "a.sum(axis=1)",
    "np.sum(a, axis=-1)",
    "a.flatten()",
    "a @ np.ones(a.shape[1])",
    "np.ones(a.shape[0]) @ a",
]
TABLES_OF_TABLES = ["a * a[0]", "a + a[:, :1]", "a.copy().reshape(a.shape[1], a.shape[0])", "a @ a.T"]
STATEMENTS = {
    "in place": "b = a.copy()\n    b += 1.5\n    b *= a\n    b /= 2.0 + a * a\n    b -= x[0]\n    b **= 2",
    "mask": "b = a.copy()\n    b[a > 0.2] = x[1]\n    b[b < -0.3] = 0.25",
    "part": "b = np.zeros_like(a)\n    b[1:] = a[1:]\n    b[:1] = 3.0",
    "overlap": "b = a.copy()\n    b[1:] = b[:-1]",
}
SUM_OF_LINE = "    s = 0.0\n    for i in range(b.shape[0]):\n        s += (i + 1.3) * b[i]\n    return s"
SUM_OF_TABLE = (
    "    s = 0.0\n    for i in range(b.shape[0]):\n        for j in range(b.shape[1]):\n"
    "            s += (i + 0.3 * j + 1.3) * b[i, j]\n    return s"
)


def loss_of(view, body, end):
    text = f"def f(x):\n    a = {view}\n    {body}\n{end}"
    space = {"np": np}
    exec(text, space)
    return numba.njit(space["f"])


def cases():
    for kinds, expressions, end in (
        ({**LINES, **TABLES, **EMPTY, **NO_ROWS}, NUMBERS, "    return b"),
        ({**LINES, **TABLES}, NUMBERS_OF_SOME, "    return b"),
        ({**LINES, **EMPTY}, NUMBERS_OF_LINES, "    return b"),
        ({**LINES, **EMPTY}, ARRAYS + LINES_OF_LINES, SUM_OF_LINE),
        ({**TABLES, **NO_ROWS}, ARRAYS + TABLES_OF_TABLES, SUM_OF_TABLE),
        ({**TABLES, **NO_ROWS}, LINES_OF_TABLES, SUM_OF_LINE),
    ):
        for name, view in kinds.items():
            for expression in expressions:
                if ("argmax" in expression and name == "empty") or ("a[0]" in expression and name == "no rows"):
                    continue
                yield pytest.param(view, f"b = {expression}", end, id=f"{name}-{expression}")
    for statement, body in STATEMENTS.items():
        for name, view in {**LINES, **EMPTY}.items():
            yield pytest.param(view, body, SUM_OF_LINE, id=f"{name}-{statement}")
        # numba has no masks of two dimensions.
        for name, view in {**TABLES, **NO_ROWS}.items() if statement != "mask" else ():
            yield pytest.param(view, body, SUM_OF_TABLE, id=f"{name}-{statement}")


ALL = list(cases())
# One in 24 by default, so that each function is compiled for some arrays; all when asked.
SWEPT = [
    case if k % 24 == 0 else pytest.param(*case.values, id=case.id, marks=pytest.mark.slow)
    for k, case in enumerate(ALL)
]


def compare(view, body, end, columns):
    loss = loss_of(view, body, end)
    values, status = in_lanes(loss, columns)
    assert status == OK
    with np.errstate(all="ignore"):
        wanted = [float(loss.py_func(np.ascontiguousarray(column))) for column in columns.T]
    bound = ROUNDING[columns.dtype.name]
    np.testing.assert_allclose(values, wanted, rtol=bound, atol=50.0 * bound)


def columns_of(seed, dtype=np.float64):
    """Lanes near each other, so that they take the same branches."""
    point = np.random.default_rng(seed).uniform(-1.0, 1.0, SIZE)
    return (point[:, None] * (1.0 + 1e-6 * np.arange(LANES))).astype(dtype)


@pytest.mark.parametrize(("view", "body", "end"), SWEPT)
@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPerformanceWarning")  # of the scalar loss
def test_arrays_of_lanes_are_as_in_numpy(view, body, end):
    compare(view, body, end, columns_of(0))


@pytest.mark.parametrize("expression", ["np.nansum(a)", "np.nanmean(a)", "np.sum(a)", "np.max(a)",
          "np.min(a)", "1.0 * np.sum(a > 0.2)",
                                        "np.sum(np.where(a > 0.2, a, 1.0))", "np.sum(np.maximum(a, 0.0))"])  # fmt: skip
def test_nan_is_as_in_numpy(expression):
    columns = columns_of(1)
    columns[[2, 7]] = np.nan
    compare("x", f"b = {expression}", "    return b", columns)


@pytest.mark.parametrize(
    "expression", ["np.sum(a)", "np.mean(a * a)", "np.sum(np.where(a > 0.2, a, -a))", "np.cumsum(a)[5]", "a @ a"]
)
def test_single_precision(expression):
    compare("x", f"b = {expression}", "    return b", columns_of(2, np.float32))


@pytest.mark.parametrize("text", ["np.array([x[0], 2.0, x[1]])",
          "np.array([[x[0], 1.0], [2.0, x[1]]])[:, 1]", "np.array((x[0], x[1] * x[2]))",
                                  "np.array([v * v for v in x])", "np.eye(3)[1] * x[:3]", "np.identity(2)[0] - x[:2]",
                                  "np.array([0.0] * 3) + x[:3]"])  # fmt: skip
def test_arrays_of_lists(text):
    compare("x", f"b = {text}", SUM_OF_LINE, columns_of(3))


@pytest.mark.parametrize(
    "body", ["b = a[:3] + a[:4]", "b = a.reshape(5, 3)[0]", "b = a[:3][a > 0.0]", "b = a * (a[:2] @ a)"]
)
def test_shapes_that_do_not_fit_raise(body):
    _, status = in_lanes(loss_of("x", body, SUM_OF_LINE), columns_of(4))
    assert status != OK


def test_masks_that_differ_between_lanes_are_noted():
    columns = np.ascontiguousarray(np.random.default_rng(5).uniform(-1.0, 1.0, (SIZE, LANES)))
    _, status = in_lanes(loss_of("x", "b = a[a > 0.0]", SUM_OF_LINE), columns)
    assert status != OK
    _, status = in_lanes(loss_of("x", "b = 1.0 * np.sum(a > 0.0)", "    return b"), columns)
    assert status != OK


@pytest.mark.parametrize("body", ["b = np.where(a > 0.0, a, 2.0 * a)", "b = a.copy()\n    b[a > 0.0] = 0.5"])
def test_choices_lane_by_lane_need_no_agreement(body):
    columns = np.ascontiguousarray(np.random.default_rng(6).uniform(-1.0, 1.0, (SIZE, LANES)))
    compare("x", body, SUM_OF_LINE, columns)


def test_truth_values_of_arrays_are_not_added_as_numbers():
    # NumPy's sum of two truth values is one: what would count to two in lanes does not take them.
    assert refusal(loss_of("x", "b = 1.0 * np.sum((a > 0.0) + (a > 0.1))", "    return b"), np.ones(SIZE))


@numba.vectorize(["float64(float64, float64)"])
def smoothed(v, eps):
    if v > 0.0:
        return (v * v + eps) ** 0.5
    return eps // 2.0 - v


@numba.njit("float64(float64)")
def inverse(v):
    return v**-1


@numba.njit("float64(int64)")
def halved(k):
    return 0.5 * k


@pytest.mark.parametrize(
    "text",
    [
        "np.convolve(a[1:], np.array([0.5, 0.25, x[0]]))",
        "np.convolve(np.array([0.5, 0.25]), a)",
        "np.interp(a, np.linspace(-1.0, 1.0, 5), x[:5])",
        "np.interp(np.linspace(-2.0, 2.0, 9), np.array([-0.5, x[0] * 1e-3, 0.7]), a[:3])",
        "a[:5] + np.array(divmod(x[0], 0.3) + (0.5, np.float64(x[2]), np.remainder(x[3], 0.4)))",
    ],
)
def test_functions_that_are_seldom_used(text):
    compare("x", f"b = {text}", SUM_OF_LINE, columns_of(7))


def test_functions_of_elements_and_signatures_convert_their_arguments():
    @numba.njit
    def loss(x):
        return np.sum(smoothed(x, 3)) + smoothed(x[0], 1) + inverse(2) * x[1] + inverse(x[2])

    columns = columns_of(8)
    values, status = in_lanes(loss, columns)
    assert status == OK
    np.testing.assert_allclose(values, one_by_one(loss, columns), rtol=ROUNDING["float64"])


def test_lanes_do_not_become_whole_numbers():
    # The signature cuts off fractions, one lane like another; lanes would keep them.
    @numba.njit
    def loss(x):
        return halved(x[0]) + x[1]

    assert refusal(loss, np.ones(2))
