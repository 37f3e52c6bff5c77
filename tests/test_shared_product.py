"""Products of x that are computed once for all displacements.

Most losses here are quadratic, with small integers for data and a step of 1/8: every operation is exact then, in
whatever order, and so is a central difference. Gradients are compared with closed forms without a tolerance.
"""

import gc
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

import jitgrad as jg
from jitgrad.loss import sharing
from jitgrad.loss.bind import bind
from jitgrad.loss.compiled import lanes_version
from jitgrad.loss.trial import ENTRY

# numba says that BLAS prefers contiguous arrays.
pytestmark = pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPerformanceWarning")

STEP = 0.125
LANES = 8
CENTRAL = [k // 2 for k in range(LANES)]
FORWARD = list(range(LANES))
MIXED = [3, 1, 1, 0, 7, 2, 2, 5]


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-2, 3, size=shape).astype(dtype)


GLOBAL = integers(9, 12, seed=5)


@njit
def least_squares(x, a, b):
    r = a @ x - b
    return 0.5 * np.sum(r * r)


@njit
def by_dot(x, a, b):
    r = np.dot(a, x) - b
    return 0.5 * np.sum(r * r)


@njit
def by_method(x, a, b):
    r = a.dot(x) - b
    return 0.5 * np.sum(r * r)


@njit
def from_the_left(x, a, b):
    r = x @ a.T - b
    return 0.5 * np.sum(r * r)


@njit
def dot_from_the_left(x, a, b):
    r = np.dot(x, a.T) - b
    return 0.5 * np.sum(r * r)


@njit
def _residuals(x, a, b):
    return a @ x - b


@njit
def by_helper(x, a, b):
    r = _residuals(x, a, b)
    return 0.5 * np.sum(r * r)


@njit
def twice(x, a, b):
    r = 0.5 * (a @ x) + 0.5 * (x @ a.T) - b
    return 0.5 * np.sum(r * r)


@njit
def own_matrix(x, a, b):
    r = (a + 0.0) @ x - b
    return 0.5 * np.sum(r * r)


@njit
def own_copy_of_x(x, a, b):
    r = a @ x.copy() - b
    return 0.5 * np.sum(r * r)


@njit
def changed_x(x, a, b):
    r = a @ (2.0 * x) - 2.0 * b
    return 0.125 * np.sum(r * r)


@njit
def row_by_row(x, a, b):
    s = 0.0
    for i in range(b.size):
        s += 0.5 * (np.dot(a[i], x) - b[i]) ** 2
    return s


@njit
def whole_slice(x, a, b):
    r = a @ x[:] - b
    return 0.5 * np.sum(r * r)


SHARING = [
    least_squares,
    by_dot,
    by_method,
    from_the_left,
    dot_from_the_left,
    by_helper,
    whole_slice,
    twice,
    row_by_row,
]
NOT_SHARING = [own_matrix, own_copy_of_x, changed_x]


def gradient(loss, x, args, **options):
    prepared = jg.gradient_of(loss, step=STEP, **{"threads": 1, "vectorize": "require", **options})
    return prepared(x, *args)


ORDERS = [(loss, "C") for loss in SHARING + NOT_SHARING] + [
    (loss, order) for loss in (least_squares, from_the_left, row_by_row) for order in ("F", "slices")
]


@pytest.mark.parametrize(("loss", "order"), ORDERS)
def test_gradients_of_least_squares_are_exact(loss, order):
    x, b = integers(12, seed=1), integers(9, seed=2)
    a = integers(9, 12, seed=3)
    given = {"C": a, "F": np.asfortranarray(a), "slices": np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3]}[order]
    np.testing.assert_array_equal(gradient(loss, x, (given, b)), a.T @ (a @ x - b))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["central", "forward"]), st.integers(0, 10**6))
def test_gradients_of_any_shape_are_exact(m, n, method, seed):
    a, b, x = integers(m, n, seed=seed), integers(m, seed=seed + 1), integers(n, seed=seed + 2)
    found = gradient(least_squares, x, (a, b), method=method)
    extra = 0.5 * STEP * (a * a).sum(0) if method == "forward" else 0.0
    np.testing.assert_array_equal(found, a.T @ (a @ x - b) + extra)


def test_single_precision():
    x, a, b = (integers(*shape, seed=k, dtype=np.float32) for k, shape in enumerate([(12,), (9, 12), (9,)]))
    found = gradient(least_squares, x, (a, b))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, a.T @ (a @ x - b))


# --- which way is taken: the record holds another point than the scratch, so the values tell


def with_record(loss, args, coordinates, displacements, n=12, dtype=np.float64, **changes):
    """Evaluate a loss whose x is 0 with a record of a point that is not; return values, the point, kept products."""
    scratch, point = np.zeros((n, LANES), dtype), integers(n, seed=9, dtype=dtype) + 3
    bound = bind(loss, point.reshape(1, n), args, (None,) * len(args), (1,))
    version = lanes_version(loss, bound.compiled, LANES)
    block, values = bound.blocks[0].copy(), np.empty(LANES)
    block[1] = version.loss
    coordinates, displacements = np.array(coordinates), np.array(displacements, float)
    record = np.zeros(sharing.WORDS, np.int64)
    record[sharing.VALID], record[sharing.SIZE] = 1, n
    record[sharing.SCRATCH], record[sharing.POINT] = scratch.ctypes.data, point.ctypes.data
    record[sharing.COORDINATES] = coordinates.ctypes.data
    record[sharing.DISPLACEMENTS] = displacements.ctypes.data
    for name, value in changes.items():
        record[getattr(sharing, name)] = value
    for _ in range(2):  # the second time it is found
        status = ENTRY(version.shim)(scratch.ctypes.data, n, values.ctypes.data, block.ctypes.data, record.ctypes.data)
        assert status == 0
    return values, point, int(record[sharing.KEPT]), version.shares


def least_squares_at(points, a, b):
    return 0.5 * ((points @ a.T - b) ** 2).sum(1)


@pytest.mark.parametrize("lanes", [CENTRAL, FORWARD, MIXED])
@pytest.mark.parametrize(("loss", "order"), [pair for pair in ORDERS if pair[0] in SHARING and pair[1] != "slices"])
def test_products_of_x_are_shared(loss, order, lanes):
    a, b = np.asarray(integers(9, 12, seed=3), order=order), integers(9, seed=2)
    d = 0.25 * np.arange(LANES)
    values, point, kept, shares = with_record(loss, (a, b), lanes, d)
    points = np.tile(point, (LANES, 1))
    points[np.arange(LANES), lanes] += d
    if loss is row_by_row:  # nine products, of which the last finds no room
        assert kept == sharing.MOST_KEPT
        rows = 0.5 * (points @ a.T - b) ** 2
        expected = rows[:, :8].sum(1) + 0.5 * b[8] ** 2
    else:
        assert kept == 1  # twice has one product, written in two ways
        expected = least_squares_at(points, a, b)
    assert shares
    np.testing.assert_array_equal(values, expected)


def test_single_precision_is_shared():
    a, b = integers(9, 12, seed=3, dtype=np.float32), integers(9, seed=2, dtype=np.float32)
    values, point, kept, _ = with_record(least_squares, (a, b), CENTRAL, np.ones(LANES), dtype=np.float32)
    assert kept == 1
    np.testing.assert_array_equal(values, least_squares_at(point + np.eye(12)[CENTRAL], a, b))


@njit
def with_global(x, a, b):
    r = GLOBAL @ x - b
    return 0.5 * np.sum(r * r)


@njit
def with_rows(x, a, b):
    r = a[1:] @ x - b[1:]
    return 0.5 * np.sum(r * r)


@njit
def linear(x, a, b):
    return np.dot(a[0], x)


def test_of_what_else_products_are_shared():
    a, b = integers(9, 12, seed=3), integers(9, seed=2)
    for loss, expected in (
        (with_global, lambda x: least_squares_at(x, GLOBAL, b)),
        (with_rows, lambda x: least_squares_at(x, a[1:], b[1:])),
        (linear, lambda x: x @ a[0]),
    ):
        values, point, kept, _ = with_record(loss, (a, b), CENTRAL, np.ones(LANES))
        assert kept == 1
        np.testing.assert_array_equal(values, expected(point + np.eye(12)[CENTRAL]))


@njit
def of_slices(x, a, b):
    forwards, backwards = a[:, 1:] @ x[1:], a @ x[::-1]
    return np.sum(forwards) + np.sum(backwards) + np.sum(a[:, :5] @ x[:5])


@pytest.mark.parametrize("loss", [*NOT_SHARING, of_slices])
def test_of_what_products_are_not_shared(loss):
    a, b = integers(9, 12, seed=3), integers(9, seed=2)
    values, _, kept, _ = with_record(loss, (a, b), CENTRAL, np.ones(LANES))
    assert kept == 0
    np.testing.assert_array_equal(values, loss(np.zeros(12), a, b))


@pytest.mark.parametrize("changes", [{"VALID": 0}, {"SCRATCH": 64}, {"SIZE": 11}])
def test_a_record_that_does_not_fit_is_left_alone(changes):
    a, b = integers(9, 12, seed=3), integers(9, seed=2)
    values, _, kept, _ = with_record(least_squares, (a, b), CENTRAL, np.ones(LANES), **changes)
    assert kept == 0
    np.testing.assert_array_equal(values, 0.5 * (b**2).sum())


@njit
def writing(x, a, b):
    a[0, 0] = 3.0
    r = a @ x - b
    return 0.5 * np.sum(r * r)


def test_a_loss_that_writes_to_an_argument_shares_nothing():
    x, a, b = integers(12, seed=1), integers(9, 12, seed=3), integers(9, seed=2)
    bound = bind(writing, x.reshape(1, 12), (a, b), (None, None), (1,))
    assert not lanes_version(writing, bound.compiled, LANES).shares
    before = a.copy()
    found = gradient(writing, x, (a, b))
    np.testing.assert_array_equal(a, before)
    a[0, 0] = 3.0
    np.testing.assert_array_equal(found, a.T @ (a @ x - b))


def test_a_loss_without_products_shares_nothing():
    @njit
    def squares(x, a, b):
        return np.sum(x * x)

    x = integers(12, seed=1)
    bound = bind(squares, x.reshape(1, 12), (GLOBAL, x), (None, None), (1,))
    assert not lanes_version(squares, bound.compiled, LANES).shares


# --- values that are not finite


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_matrix_that_is_not_finite(bad):
    @njit
    def smallest(x, a):
        return np.sum(np.arctan(a @ x))

    a, x = integers(9, 12, seed=3), integers(12, seed=1) + 3.0
    a[4, 5] = bad
    found = jg.gradient_of(smallest, step=STEP, threads=1, vectorize="require")
    if np.isnan(bad):
        assert np.isnan(found(x, a)).all()
        return
    # arctan(inf) is pi/2 whatever x does.
    rows = np.delete(a, 4, 0)
    i = np.eye(12) * STEP
    exact = (np.arctan(rows @ (x + i).T).sum(0) - np.arctan(rows @ (x - i).T).sum(0)) / (2 * STEP)
    # Nine values of at most pi/2, each wrong by 2 ulp at most, over 2 h.
    np.testing.assert_allclose(found(x, a), exact, rtol=0, atol=9 * 2 * 2 * 2.2e-16 / STEP)


# --- lists of probes of all kinds


def test_a_matrix_that_changes_between_two_calls():
    x, a, b = integers(12, seed=1), integers(9, 12, seed=3), integers(9, seed=2)
    prepared = jg.gradient_of(least_squares, step=STEP, threads=1, vectorize="require")
    np.testing.assert_array_equal(prepared(x, a, b), a.T @ (a @ x - b))
    a += integers(9, 12, seed=4)
    np.testing.assert_array_equal(prepared(x, a, b), a.T @ (a @ x - b))
    x += 1.0
    np.testing.assert_array_equal(prepared(x, a, b), a.T @ (a @ x - b))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("n", [3, 12, 33])
def test_batches(n, threads):
    points, a, b = integers(5, n, seed=1), integers(9, n, seed=3), integers(9, seed=2)
    found = gradient(least_squares, points, (a, b), threads=threads)
    np.testing.assert_array_equal(found, (points @ a.T - b) @ a)


@pytest.mark.parametrize("threads", [1, 2])
def test_batches_with_matrices_of_their_own(threads):
    points, a, b = integers(5, 12, seed=1), integers(5, 9, 12, seed=3), integers(9, seed=2)
    found = gradient(least_squares, points, (a, b), threads=threads, args_axes=(0, None))
    np.testing.assert_array_equal(found, [m.T @ (m @ x - b) for m, x in zip(a, points, strict=True)])


def test_bounds_and_coords():
    x, a, b = integers(12, seed=1), integers(9, 12, seed=3), integers(9, seed=2)
    wanted = np.array([7, 2, 3])
    found = gradient(least_squares, x, (a, b), coords=wanted, bounds=(x, None))
    # At a lower bound: the formula for one side is exact for quadratic losses too.
    np.testing.assert_allclose(found, (a.T @ (a @ x - b))[wanted], rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("n", [7, 50, 601])  # more than one block of coordinates
def test_threads_make_no_difference(n):
    @njit
    def logistic(w, features, labels):
        return np.sum(np.log1p(np.exp(-labels * (features @ w))))

    rng = np.random.default_rng(1)
    features, labels, w = rng.normal(size=(20, n)), np.sign(rng.normal(size=20)), rng.normal(size=n) / np.sqrt(n)
    one, two = (jg.gradient_of(logistic, threads=k, vectorize="require")(w, features, labels) for k in (1, 2))
    np.testing.assert_array_equal(one, two)
    z = labels * (features @ w)
    exact = -features.T @ (labels / (1 + np.exp(z)))
    scalar = jg.gradient_of(logistic, threads=1, vectorize="off")(w, features, labels)
    assert np.abs(one - exact).max() <= 1.5 * np.abs(scalar - exact).max()


def test_lanes_that_disagree_are_evaluated_one_by_one():
    @njit
    def kinked(x, a, b):
        r = a @ x - b
        s = 0.0
        for value in r:
            s += 2.0 * value if value > 0.0 else -value
        return s

    x, a = integers(12, seed=1), integers(9, 12, seed=3)
    b = a @ x  # on every kink
    right = np.maximum(a, 0).sum(0) * 2 - np.minimum(a, 0).sum(0)
    left = np.maximum(-a, 0).sum(0) * 2 - np.minimum(-a, 0).sum(0)
    expected = 0.5 * (right - left)
    np.testing.assert_array_equal(gradient(kinked, x, (a, b)), expected)


LEAK = """
import gc
import numpy as np, psutil, jitgrad as jg
from numba import njit

@njit
def least_squares(x, a, b):
    r = a @ x - b
    return 0.5 * np.sum(r * r)

x, a, b = np.ones(40), np.ones((1000, 40)), np.ones(1000)
prepared = jg.gradient_of(least_squares, threads=1, vectorize="require", step=0.125)

def many(count):
    for _ in range(count):
        prepared(x, a, b)
    gc.collect()
    return psutil.Process().memory_info().rss

before = many(1000)
print(many({count}) - before)
"""


def test_ten_thousand_gradients_do_not_leak():
    pytest.importorskip("psutil")
    run = subprocess.run(
        [sys.executable, "-c", LEAK.replace("{count}", "10000")], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 4e6  # kept products would be 80 MB
    gc.collect()
