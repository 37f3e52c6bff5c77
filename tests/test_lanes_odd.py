"""Losses that look as if they could not take lanes, and do, with the same result."""

import numba
import numpy as np
import pytest
from numba import njit

import jitgrad as jg

X = np.linspace(-1.0, 2.0, 40)


@njit
def squares(x):
    """Sums in order: the sums of NumPy on lanes are in another order than numba's."""
    s = 0.0
    for v in x:
        s += v * v
    return s


@njit
def sorts(x):
    return np.sort(x)[2] * x[0]


@njit
def orders(x):
    return x[np.argsort(x)[3]] * x[0]


@njit
def keeps_in_a_dict(x):
    values = {}
    for i in range(x.size):
        values[i] = x[i] * x[0]
    return values[1] + values[2]


@njit
def catches(x):
    s = 1.0
    try:
        if x[0] > 0.0:
            raise ValueError
    except Exception:  # noqa: BLE001  # numba knows no other
        s = 2.0
    return s * x[0] * x[1]


@njit
def raises_with_a_value(x):
    if x[0] > 1e300:
        raise ValueError("too large", x[0])
    return squares(x)


@njit
def counts(x):
    c = 0
    for v in x:
        c += v > 0.0
    return c * x[0]


@njit
def indexes(x):
    return x[int(3.0 + x[0])] * x[np.nonzero(x > 0.0)[0]][1]


@njit
def truth(x):
    return x[0] > -1.0


@njit
def whole(x):
    return int(1e6 * x[0])


@njit(locals={"s": numba.float32})
def local_in_single_precision(x):
    s = 2.0 * x[0]
    return s * x[1]


@njit
def memory_in_single_precision(x):
    b = np.zeros(3, np.float32)
    b[0] = x[0]
    return b[0] * x[1] + b[1]


@njit
def memory_in_double_precision(x):
    b = np.zeros(x.size, dtype=np.float64)
    for i in range(x.size):
        b[i] = x[i]
    return squares(b)


@njit("float64(float64[:])")
def any_layout(x):
    return squares(x)


@njit
def counts_calls(x, calls):
    calls[0] += 1
    return calls[0] * x[0]


@njit
def iterates(x):
    s = 0.0
    for v in x.flat:
        s += v * v
    for i, v in np.ndenumerate(x):
        s += i[0] * v
    return s


ODD = [
    sorts, orders, keeps_in_a_dict, catches, raises_with_a_value, counts, indexes, truth, whole,
    local_in_single_precision, memory_in_single_precision, memory_in_double_precision, any_layout, iterates,
]  # fmt: skip


@pytest.mark.parametrize("loss", ODD, ids=lambda loss: loss.__name__)
def test_an_odd_loss_takes_lanes_and_gives_the_same(loss):
    options = {"step": jg.Textbook(), "threads": 1}
    in_lanes = jg.grad_cpu(loss, X, vectorize="require", **options)
    np.testing.assert_array_equal(in_lanes, jg.grad_cpu(loss, X, vectorize="off", **options))


def test_a_counter_among_the_arguments_starts_anew_for_every_group():
    calls = np.zeros(1, np.int64)
    gradient = jg.grad_cpu(counts_calls, X, args=(calls,), step=jg.Textbook(), vectorize="require")
    np.testing.assert_allclose(gradient, np.eye(X.size)[0], atol=1e-9)
    assert calls[0] == 0
