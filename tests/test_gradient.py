"""The verbs and their options, against closed forms."""

from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from losses import quadratic, quadratic_gradient, smooth, smooth_gradient, writes_x
from numba import njit

import jitgrad as jg

pytestmark = pytest.mark.interpreted

X = np.array([0.3, -1.2, 2.0, 0.0, 5.0])
EPS = np.finfo(np.float64).eps


def close(actual, exact, error=1e-8):
    np.testing.assert_allclose(actual, exact, rtol=error, atol=error)


# Rounding of a loss of size 100 divided by the step that each formula takes, with room for its weights.
FORMULAS = [("central", p, 1e-7) for p in (2, 4, 6, 8)] + [
    (method, p, 1e-4 if p == 1 else 1e-6) for method in ("forward", "backward") for p in (1, 2, 3, 4)
]


@pytest.mark.parametrize(("method", "order", "error"), FORMULAS)
def test_every_formula(method, order, error):
    close(
        jg.grad_cpu(smooth, X[:3], args=(2.0, 0.5), method=method, order=order), smooth_gradient(X[:3], 2.0, 0.5), error
    )


def test_verbs_agree_bit_for_bit():
    # In lanes functions such as sin round differently, and jit_grad has none.
    expected = jg.grad_cpu(smooth, X, args=(2.0, 0.5), step=1e-6, vectorize="off")
    value, gradient = jg.value_and_grad_cpu(smooth, X, args=(2.0, 0.5), step=1e-6, vectorize="off")
    g = jg.gradient_of(smooth, step=1e-6, vectorize="off")
    inside = jg.jit_grad(smooth, step=1e-6)
    assert isinstance(value, float)
    np.testing.assert_allclose(value, smooth(X.copy(), 2.0, 0.5), rtol=4 * EPS)
    for other in (gradient, g(X, 2.0, 0.5), g(X, 2.0, 0.5), g.value_and_grad(X, 2.0, 0.5)[1], inside(X, 2.0, 0.5)):
        np.testing.assert_array_equal(other, expected)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_polynomials_up_to_the_order_are_exact_but_for_rounding(values, which):
    x = np.array(values)
    method, order = [("central", 2), ("central", 6), ("forward", 2), ("backward", 4)][which]
    h = jg.Textbook().scaling(x.dtype, order).relative * np.maximum(abs(x), 1.0)
    size = quadratic(np.abs(x) + order * h)
    # Every value is rounded by at most a few eps of the largest; the weights sum to less than 14 in all.
    bound = 14 * 4 * EPS * max(x.size, 4) * size / h
    gradient = jg.grad_cpu(quadratic, x, method=method, order=order, step=jg.Textbook())
    assert (abs(gradient - quadratic_gradient(x)) <= bound).all()


def test_permuted_coordinates_permute_the_gradient():
    @njit
    def symmetric(x):
        s = 0.0
        for v in np.sort(x):
            s += v**3
        return s

    order = np.array([3, 0, 4, 1, 2])
    np.testing.assert_array_equal(
        jg.grad_cpu(symmetric, X, step=1e-5)[order], jg.grad_cpu(symmetric, X[order], step=1e-5)
    )


def test_steps_are_used_as_given():
    exact = quadratic_gradient(X)
    h = np.array([0.5, 0.25, 0.125, 1.0, 2.0])
    forward_error = np.arange(1, 6) * h  # of a forward difference of a_i x_i^2: exactly a_i h
    close(jg.grad_cpu(quadratic, X, method="forward", step=h), exact + forward_error, 1e-13)
    close(jg.grad_cpu(quadratic, X, method="backward", step=0.25), exact - 0.25 * np.arange(1, 6), 1e-13)
    relative = jg.grad_cpu(quadratic, X, method="forward", step=jg.Relative(0.5))
    close(relative, exact + np.arange(1, 6) * np.where(X == 0, 0.5, 0.5 * abs(X)), 1e-13)


def test_coords_and_out():
    exact = quadratic_gradient(X)
    close(jg.grad_cpu(quadratic, X, coords=[4, -5, 2]), exact[[4, 0, 2]])
    close(jg.grad_cpu(quadratic, X, coords=X > 0), exact[X > 0])
    assert jg.grad_cpu(quadratic, X, coords=[]).shape == (0,)
    out = np.full(5, np.nan)
    assert jg.grad_cpu(quadratic, X, out=out) is out
    close(out, exact)
    strided = np.full(10, np.nan)
    jg.gradient_of(quadratic)(X, out=strided[::2])
    close(strided[::2], exact)
    assert np.isnan(strided[1::2]).all()


# --- bounds


@njit
def only_inside(x, lower, upper):
    s = 0.0
    for i in range(x.size):
        if not (lower[i] <= x[i] <= upper[i]):
            raise ValueError("outside")
        s += np.exp(x[i])
    return s


@pytest.mark.parametrize(("method", "order", "error"), FORMULAS)
@pytest.mark.parametrize("place", ["lower face", "upper face", "near lower", "near upper", "narrow"])
def test_bounds_are_never_left_and_keep_the_order(method, order, error, place):
    x = np.array([0.5, 1.0, -0.3])
    h = jg.Textbook().scaling(x.dtype, order).relative
    lower, upper = x - 5.0, x + 5.0
    match place:
        case "lower face":
            lower[1] = x[1]
        case "upper face":
            upper[1] = x[1]
        case "near lower":
            lower[1] = x[1] - 0.3 * h
        case "near upper":
            upper[1] = x[1] + 0.3 * h
        case "narrow":
            lower[1], upper[1] = x[1] - 0.4 * h, x[1] + 0.9 * h
    gradient = jg.grad_cpu(only_inside, x, args=(lower, upper), method=method, order=order, bounds=(lower, upper))
    # One-sided formulas of high order amplify rounding up to 100 times, narrow boxes as much again.
    close(gradient, np.exp(x), error * (100 if place == "narrow" else 30))


def test_order_near_a_face_is_that_of_the_formula():
    x = np.array([1.0])
    for order in (2, 4):
        errors = [
            abs(jg.grad_cpu(exponential, x, order=order, step=h, bounds=(1.0, None))[0] - np.exp(1.0))
            for h in (0.1, 0.05)
        ]
        assert np.log2(errors[0] / errors[1]) > order - 0.4


@njit
def exponential(x):
    return np.exp(x[0])


def test_fixed_coordinates_have_derivative_zero():
    lower = np.array([-np.inf, -1.2, 0.0, 0.0, 5.0])
    upper = np.array([np.inf, -1.2, 9.0, 0.0, 5.0])
    expected = quadratic_gradient(X) * (lower < upper)
    close(jg.grad_cpu(quadratic, X, bounds=(lower, upper)), expected)


def test_none_and_infinity_mean_no_bound():
    expected = jg.grad_cpu(quadratic, X)
    for bounds in ((None, None), (-np.inf, np.inf), (None, 1e9), (-1e9, np.inf)):
        np.testing.assert_array_equal(jg.grad_cpu(quadratic, X, bounds=bounds), expected)


def test_float32_bounds_are_rounded_inward():
    x = np.array([0.1], np.float32)
    lower = float(x[0]) - 1e-12  # between two float32 numbers
    close(jg.grad_cpu(quadratic, x, bounds=(lower, None)), 0.2, 1e-3)


# --- points where the loss is not finite


@njit
def root(x):
    s = 0.0
    for i in range(x.size):
        s += np.sqrt(x[i] - 1.0) if x[i] >= 1.0 else np.nan
    return s


@pytest.mark.parametrize("method", ["central", "forward", "backward"])
@pytest.mark.parametrize("order", [2, 4])
def test_the_finite_side_is_used(method, order):
    x = np.array([1.0 + 1e-9, 2.0])  # the first is closer to the edge than any step
    gradient = jg.grad_cpu(root, x, method=method, order=order, step=1e-7)
    close(gradient[1], 0.5, 1e-6)
    assert np.isfinite(gradient[0])
    expected = jg.grad_cpu(root, x, method="forward", order=order, step=1e-7)
    close(gradient[0], expected[0], 1e-6)


def test_nan_where_neither_side_is_finite():
    @njit
    def spike(x):
        return x[0] if x[1] == 2.0 else np.inf

    np.testing.assert_array_equal(jg.grad_cpu(spike, np.array([1.0, 2.0]), coords=[1]), [np.nan])
    close(jg.grad_cpu(spike, np.array([1.0, 2.0]))[0], 1.0)
    close(jg.jit_grad(spike)(np.array([1.0, 2.0]))[0], 1.0)


# --- shapes, types, batches


def test_batches_of_points():
    xs = np.linspace(-1, 1, 24).reshape(2, 3, 4)
    close(jg.grad_cpu(quadratic, xs), quadratic_gradient(xs))
    values, gradients = jg.value_and_grad_cpu(quadratic, xs)
    assert values.shape == (2, 3)
    close(values, (np.arange(1, 5) * xs**2).sum(-1), 1e-14)
    close(gradients, quadratic_gradient(xs))
    assert jg.grad_cpu(quadratic, xs, coords=[2]).shape == (2, 3, 1)
    assert jg.grad_cpu(quadratic, xs[:, :1]).shape == (2, 1, 4)
    assert jg.grad_cpu(quadratic, xs[:0]).shape == (0, 3, 4)
    steps = np.full((2, 3, 4), 1e-3)
    close(jg.grad_cpu(quadratic, xs, step=steps, bounds=(xs, None)), quadratic_gradient(xs))


@njit
def weighted(x, w, t, shared):
    s = 0.0
    for i in range(x.size):
        s += w[i] * (x[i] - t) ** 2 + shared[i] * x[i]
    return s


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int32, np.int64])
def test_arguments_that_vary_with_the_point(kind):
    rng = np.random.default_rng(0)
    xs = rng.normal(size=(2, 3, 4))
    w = rng.integers(1, 9, size=(4, 2, 3)).astype(kind)  # the batch is not the first axis
    t = rng.integers(1, 5, size=(2, 3)).astype(kind)
    shared = rng.normal(size=4)
    exact = 2 * np.moveaxis(w, 0, -1) * (xs - t[..., None]) + shared
    actual = jg.grad_cpu(weighted, xs, args=(w, t, shared), args_axes=(1, 0, None))
    close(actual, exact, 1e-7)
    for p in np.ndindex(2, 3):
        single = jg.grad_cpu(weighted, xs[p], args=(w[:, p[0], p[1]], t[p], shared))
        np.testing.assert_array_equal(actual[p], single)


def test_strings_with_varying_arguments():
    @njit
    def named(x, t, kind):
        return (x - t).sum() ** 2 if kind == "square" else 0.0 * t

    xs, t = np.ones((3, 2)), np.array([0.0, 1.0, 2.0])
    close(jg.grad_cpu(named, xs, args=(t, "square"), args_axes=(0, None)), np.full((3, 2), 4.0) * (1 - t)[:, None])


@pytest.mark.parametrize(
    "x",
    [
        X[::-1],
        np.asfortranarray(np.arange(8.0).reshape(2, 4)),
        X.astype(">f8"),
        np.array([1, 2, 3]),
        np.array([1, 2, 3], np.uint8),
        [0.5, 1.5],
        np.empty(0),
        np.float64([3.0]),
    ],
    ids=["reversed", "fortran", "big-endian", "int64", "uint8", "list", "empty", "one"],
)
def test_any_layout_of_x(x):
    gradient = jg.grad_cpu(quadratic, x)
    assert gradient.dtype == np.float64
    close(gradient, quadratic_gradient(np.asarray(x, float)), 1e-7)


def test_read_only_x_stays_as_it_is():
    x = X.copy()
    x.setflags(write=False)
    close(jg.grad_cpu(writes_x, x), 2 * X)
    np.testing.assert_array_equal(x, X)


def test_float32_is_computed_in_float32_with_its_own_steps():
    x = X.astype(np.float32)
    gradient = jg.grad_cpu(smooth, x, args=(2.0, 0.5))
    assert gradient.dtype == np.float32
    close(gradient, smooth_gradient(x.astype(float), 2.0, 0.5), 1e-3)
    value, _ = jg.value_and_grad_cpu(smooth, x, args=(2.0, 0.5))
    close(value, smooth(x, 2.0, 0.5), 1e-6)


def test_value_of_an_empty_point():
    value, gradient = jg.value_and_grad_cpu(quadratic, np.empty(0))
    assert value == 0.0
    assert gradient.shape == (0,)


# --- what may be in args

Pair = namedtuple("Pair", ["scale", "shift"])


@njit
def helper(v):
    return 3.0 * v


CASES = {
    "float": (2.5, lambda a: a),
    "int": (-3, lambda a: a),
    "bool": (True, lambda a: 1.0 * a),
    "float32": (np.float32(1.5), lambda a: a),
    "int8": (np.int8(-7), lambda a: 1.0 * a),
    "uint64": (np.uint64(2**60), lambda a: a / 2.0**60),
    "complex": (1.5 - 2j, lambda a: a.real - a.imag),
    "complex64": (np.complex64(1 + 2j), lambda a: a.real + a.imag),
    "array": (np.arange(3.0), lambda a: a[2]),
    "reversed array": (np.arange(6.0)[::-2], lambda a: a[0] + a[2]),
    "fortran array": (np.asfortranarray(np.arange(6.0).reshape(2, 3)), lambda a: a[1, 0] + a[0, 2]),
    "broadcast array": (np.broadcast_to(np.float64(2.0), (3, 3)), lambda a: a[2, 1]),
    "bool array": (np.array([True, False]), lambda a: 1.0 * a[0] + 2.0 * a[1]),
    "int16 array": (np.array([[1], [2]], np.int16), lambda a: 1.0 * a[1, 0]),
    "complex array": (np.array([1 + 3j]), lambda a: a[0].imag),
    "tuple": ((1.0, 2), lambda a: a[0] + a[1]),
    "nested tuple": ((1.0, (np.arange(2.0), (3, np.float32(0.5)))), lambda a: a[0] + a[1][0][1] + a[1][1][1]),
    "named tuple": (Pair(2.0, np.arange(4)), lambda a: a.scale + a.shift[3]),
    "empty tuple": ((), lambda a: 1.0 + len(a)),
    "none": (None, lambda a: 2.0 if a is None else 1.0),
    "function": (helper, lambda a: a(2.0)),
    "string": ("three", lambda a: 3.0 if a == "three" else 0.0),
    "record array": (np.array([(1.0, 2)], [("a", "f8"), ("b", "i4")]), lambda a: a[0]["a"] + a[0]["b"]),
}


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_argument(name):
    value, reader = CASES[name]
    pick = njit(reader)

    @njit
    def loss(x, a):
        return pick(a) * (x * x).sum()

    x = np.array([1.0, 2.0])
    factor = pick(value)
    g = jg.gradient_of(loss)
    for _ in range(3):  # later calls take the prepared path
        close(g(x, value), 2 * factor * x, 1e-8 * max(1.0, abs(factor)))


def test_defaults_and_star_arguments():
    @njit
    def loss(x, a, b=3.0, *rest):
        return (a * b + 10.0 * len(rest)) * (x * x).sum()

    @njit
    def many(x, *rest):
        s = 0.0
        for r in rest:
            s += r
        return s * (x * x).sum()

    x = np.array([1.0, 2.0])
    close(jg.grad_cpu(loss, x, args=(2.0,)), 2 * 6.0 * x, 1e-7)
    close(jg.grad_cpu(loss, x, args=(2.0, 1.0)), 2 * 2.0 * x, 1e-7)
    close(jg.grad_cpu(loss, x, args=(2.0, 1.0, 5, "a")), 2 * 22.0 * x, 1e-7)
    close(jg.grad_cpu(many, x, args=(2.0, 1.0, 5.0)), 2 * 8.0 * x, 1e-7)


def test_new_arguments_are_noticed():
    g = jg.gradient_of(smooth)
    for a, b in ((2.0, 0.5), (3.0, 0.5), (3, 0.25)):
        close(g(X, a, b), smooth_gradient(X, a, b), 1e-7)
    data = np.array([1.0, 2.0])

    @njit
    def dot(x, d):
        return (x * d).sum() ** 2

    h = jg.gradient_of(dot)
    x = np.array([1.0, 1.0])
    close(h(x, data), 2 * 3.0 * data)
    data[:] = 5.0  # the same array with other numbers
    close(h(x, data), 2 * 10.0 * data)


# --- losses that write


def test_a_loss_may_write_to_x():
    x = X.copy()
    close(jg.grad_cpu(writes_x, x), 2 * X)
    close(jg.gradient_of(writes_x, threads=2)(x), 2 * X)
    close(jg.jit_grad(writes_x)(x), 2 * X)
    np.testing.assert_array_equal(x, X)


@njit
def fills(x, work, add):
    for i in range(x.size):
        work[i] += x[i] ** 2  # wrong unless the buffer is as it was given
    return work.sum() + add


def test_a_loss_may_write_to_its_arguments():
    work = np.arange(5.0)[::-1]
    before = work.copy()
    for threads in (1, 3):
        g = jg.gradient_of(fills, threads=threads)
        close(g(X, work, 1.0), 2 * X, 1e-7)
        close(g.value_and_grad(X, work, 1.0)[0], (X**2).sum() + work.sum() + 1.0, 1e-14)
        np.testing.assert_array_equal(work, before)


def test_results_do_not_depend_on_threads():
    x = np.linspace(-1, 1, 37)
    expected = jg.grad_cpu(smooth, x, args=(1.0, 0.3), threads=1)
    for threads in (2, 3, 4, 7, 64):
        np.testing.assert_array_equal(jg.grad_cpu(smooth, x, args=(1.0, 0.3), threads=threads), expected)


def test_repr():
    assert "smooth" in repr(jg.gradient_of(smooth))
    assert "central" in repr(jg.gradient_of(smooth))
