"""The perturbed view reads like a copy of x in which one element is replaced: in plain compiled code, bit for bit."""

from __future__ import annotations

import math
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit, typeof
from numba.core.errors import TypingError

from jitgrad.loss.device import products, view_numpy  # noqa: F401  # they register what NumPy has for views
from jitgrad.loss.device.twin import PerturbedArray
from jitgrad.loss.device.view import View, perturbed, view_type

N = 7
SPECIAL = (0.3, -0.0, math.nan, math.inf)


@cache
def through_view(loss):
    @njit(error_model="numpy")
    def call(x, i, v, w):
        return loss(perturbed(x, i, v), w)

    return call


def replaced(x, i, v):
    y = x.copy()
    if i >= 0:
        y[i] = v
    return y


@njit
def by_index(x, w):
    total = 0.0
    for j in range(len(x)):
        total = total * 1.1 + x[j] * w[j]
    return total


@njit
def from_the_end(x, w):
    total = 0.0
    for j in range(1, x.size + 1):
        total = total * 1.1 + x[-j]
    return total


@njit
def unsigned(x, w):
    total = 0.0
    for j in range(np.uint8(x.shape[0])):
        total = total * 1.1 + x[j]
    return total


@njit
def iterated(x, w):
    total = 0.0
    for value in x:
        total = total * 1.1 + value
    return total


@njit
def enumerated(x, w):
    total = 0.0
    for j, value in enumerate(x):
        total = total * 1.1 + value * w[j]
    return total


@njit
def zipped(x, w):
    total = 0.0
    for a, b in zip(x[1:], w):  # noqa: B905  # numba has no other
        total = total * 1.1 + a * b
    return total


@njit
def helper(x, j):
    return x[j] * x[j + 1]


@njit
def through_helper(x, w):
    total = 0.0
    for j in range(x.size - 1):
        total = total * 1.1 + helper(x, j)
    return total


@njit
def sliced(x, w):
    even, odd = x[::2], x[1::2]
    total = 0.0
    for j in range(len(odd)):
        total = total * 1.1 + even[j] * odd[-1 - j] + x[2:5][1]
    return total + x[::-1][0] + x.ndim


ACCESSES = (by_index, from_the_end, unsigned, iterated, enumerated, zipped, through_helper, sliced)


@pytest.fixture(params=[np.float64, np.float32], ids=["f64", "f32"])
def dtype(request):
    return request.param


@pytest.fixture(params=[1, 3], ids=["contiguous", "strided"])
def x(request, dtype):
    values = np.random.default_rng(5).normal(size=N * request.param).astype(dtype)
    return values[:: request.param]


@pytest.mark.parametrize("loss", ACCESSES, ids=lambda loss: loss.__name__)
def test_reads_as_a_copy_does(loss, x, dtype):
    w = np.arange(1.0, N + 1)
    call = through_view(loss)
    for v in SPECIAL:
        for i in range(-1, N):
            np.testing.assert_array_equal(call(x, i, dtype(v), w), loss(replaced(x, i, v), w))


def test_the_sign_of_zero_stays(dtype):
    @njit
    def first(x, w):
        return x[0]

    zeros = np.array([-0.0, 1.0], dtype)
    assert np.signbit(through_view(first)(zeros, 1, dtype(2), 0))
    assert np.signbit(through_view(first)(np.abs(zeros), 0, dtype(-0.0), 0))


@njit
def collected(view):
    out = np.empty(len(view))
    for j in range(len(view)):
        out[j] = view[j]
    return out


@njit
def part(x, i, v, key):
    return collected(perturbed(x, i, v)[key])


@njit
def part_of_part(x, i, v, first, second):
    return collected(perturbed(x, i, v)[first][second])


SLICES = st.builds(
    slice,
    st.none() | st.integers(-9, 9),
    st.none() | st.integers(-9, 9),
    st.none() | st.integers(-4, 4).filter(bool),
)
AT = st.integers(-1, N - 1)


@given(key=SLICES, i=AT)
@settings(deadline=None)
def test_a_slice_is_that_of_a_list(key, i):
    x = np.arange(float(N))
    expected = replaced(x, i, -1.0).tolist()[key]
    assert part(x, i, -1.0, slice(key.start, key.stop, key.step)).tolist() == expected


@given(first=SLICES, second=SLICES, i=AT, spacing=st.sampled_from([1, 2]))
@settings(deadline=None)
def test_a_slice_of_a_slice_is_that_of_a_list(first, second, i, spacing):
    x = np.arange(float(N * spacing))[::spacing]
    expected = replaced(x, i, -1.0).tolist()[first][second]
    assert part_of_part(x, i, -1.0, first, second).tolist() == expected


def test_a_step_of_zero_raises():
    with pytest.raises(ValueError, match="step cannot be zero"):
        part(np.zeros(3), 0, 1.0, slice(None, None, 0))


def test_neighbours_stay_contiguous():
    @njit
    def loss(x, w):
        return x[1:][0] + x[:2][1]

    call = through_view(loss)
    assert call(np.arange(3.0), 1, 5.0, 0) == 10
    assert "View(float64, C)" in {str(s.args[0]) for s in loss.nopython_signatures}


@pytest.mark.parametrize("body", ["x[0] = 1.0", "x[0] += 1.0", "x[:] = 1.0"])
def test_it_cannot_be_written_to(body):
    names = {}
    exec(f"def loss(x, w):\n    {body}\n    return x[0]", names)
    with pytest.raises(TypingError, match="etitem"):
        through_view(njit(names["loss"]))(np.zeros(3), 0, 1.0, 0)


@cache
def evaluated(expression):
    names = {"np": np}
    exec(f"def loss(x, w): return {expression}", names)
    return njit(error_model="numpy")(names["loss"])


# All in one, because each costs a third of a second to compile.
REDUCTIONS = evaluated(
    ", ".join(f"np.{name}(x), x.{name}()" for name in ("sum", "prod", "mean", "var", "std", "min", "max"))
    + ", x[1::2].sum(), sum(x), min(x), max(x)"
)


def test_reductions_are_those_of_arrays(x, dtype):
    for v in SPECIAL:
        for i in range(-1, N):
            values, expected = through_view(REDUCTIONS)(x, i, dtype(v), 0), REDUCTIONS(replaced(x, i, v), 0)
            np.testing.assert_array_equal(values, expected)
    assert [type(value) for value in values] == [type(value) for value in expected]


def test_nothing_has_no_extreme():
    for name in ("min", "max"):
        with pytest.raises(ValueError, match="zero-size"):
            through_view(evaluated(f"np.{name}(x)"))(np.empty(0), -1, 0.0, 0)


def test_the_mean_of_nothing_is_nan():
    assert math.isnan(through_view(evaluated("np.mean(x)"))(np.empty(0), -1, 0.0, 0))


NEW_ARRAYS = evaluated("x.copy(), np.copy(x), np.zeros_like(x), np.ones_like(x), np.zeros(3, x.dtype)")


def test_new_arrays_are_those_of_arrays(x, dtype):
    values, expected = through_view(NEW_ARRAYS)(x, 2, dtype(9), 0), NEW_ARRAYS(replaced(x, 2, 9), 0)
    for value, of_array in zip(values, expected, strict=True):
        np.testing.assert_array_equal(value, of_array)
        assert value.dtype == of_array.dtype


def test_an_empty_array_has_the_size(x, dtype):
    made = through_view(evaluated("np.empty_like(x)"))(x, 2, dtype(9), 0)
    assert (made.shape, made.dtype) == (x.shape, x.dtype)


PRODUCTS = "np.dot(x, w[0]), np.dot(w[0], x), np.vdot(x, x), w @ x, x @ w.T, np.dot(x, w.T), x @ x, x[1:3] @ w.T[1:3]"


def test_products_of_whole_numbers_are_exact(dtype):
    # So small that they are summed without rounding, in whatever order.
    rng = np.random.default_rng(6)
    x, w = (rng.integers(-9, 9, shape).astype(dtype) for shape in (N, (4, N)))
    values = through_view(evaluated(PRODUCTS))(x, 2, dtype(5), w)
    expected = eval(PRODUCTS, {"np": np, "x": replaced(x, 2, 5), "w": w})
    for value, exact in zip(values, expected, strict=True):
        np.testing.assert_array_equal(value, exact)
        assert not isinstance(value, np.ndarray) or value.dtype == dtype


def test_products_of_unequal_lengths_raise(dtype):
    w = np.ones((2, N + 1), dtype)
    for expression in ("np.dot(x, w[0])", "w @ x", "x @ w"):
        with pytest.raises(ValueError, match="incompatible array sizes"):
            through_view(evaluated(expression))(np.ones(N, dtype), 2, dtype(5), w)


def test_the_norm_is_scaled_where_squares_are_out_of_range(dtype):
    norm = through_view(evaluated("np.linalg.norm(x)"))
    for scale in (1.0, 1e-30, 1e30, 0.0):
        x = (np.array([3.0, 0.0, 0.0]) * scale).astype(dtype)
        v = dtype(4 * scale)
        # Half an epsilon for each rounding: 2 divisions, 2 squares, sum, root, and product.
        assert norm(x, 1, v, 0) == pytest.approx(math.hypot(x[0], v), rel=4 * float(np.finfo(dtype).eps), abs=0)


def test_other_norms():
    norm = through_view(evaluated("np.linalg.norm(x, w)"))
    for order, expected in ((0, 2), (1, 7), (2, 5), (np.inf, 4), (-np.inf, 0), (3, 91 ** (1 / 3))):
        # The power rounds once, and its exponent 1 / 3 has an error of its own.
        assert norm(np.array([3.0, 0.0, 0.0]), 1, -4.0, float(order)) == pytest.approx(expected, rel=1e-15)


def test_the_norm_of_what_has_nan_or_inf():
    norm = through_view(evaluated("np.linalg.norm(x)"))
    assert math.isnan(norm(np.array([1e300, 1.0]), 1, math.nan, 0))
    assert norm(np.array([1e300, 1.0]), 1, -math.inf, 0) == math.inf


def test_the_twin_reaches_compiled_code(x, dtype):
    w = np.arange(1.0, N + 1)
    twin = PerturbedArray(x, 3, 0.7)
    assert typeof(twin) == view_type(typeof(x))
    assert iterated(twin, w) == iterated(replaced(x, 3, 0.7), w)
    np.testing.assert_array_equal(np.asarray(twin), replaced(x, 3, 0.7))


def test_the_twin_borrows_the_array():
    x = np.arange(3.0)
    twin = PerturbedArray(x, 0, 2.0)
    before = sys.getrefcount(x)
    for _ in range(10):
        iterated(twin, x)
    assert sys.getrefcount(x) == before


def test_types_are_told_apart():
    kinds = {
        View(kind.dtype, contiguous) for kind in map(typeof, (np.zeros(1), np.zeros(1, "f"))) for contiguous in (1, 0)
    }
    assert len(kinds) == 4
