"""Arguments that take the general path, and losses that numba objects can reach into."""

import gc
import sys

import numba
import numpy as np
import pytest
from numba import njit, typed, types
from numba.experimental import jitclass

import jitgrad as jg
from jitgrad.loss.bind import bind

X = np.array([1.0, 2.0])


@jitclass([("scale", types.float64), ("data", types.float64[:])])
class Model:
    def __init__(self, scale, data):
        self.scale = scale
        self.data = data

    def factor(self):
        return self.scale * self.data.sum()


def typed_list():
    return typed.List([1.0, 2.0, 4.0])


def typed_dict():
    d = typed.Dict.empty(types.unicode_type, types.float64)
    d["k"] = 7.0
    return d


CASES = {
    "string": (lambda: "seven", lambda a: 7.0 if a == "seven" else 0.0),
    "non-ascii string": (lambda: "süß", lambda a: 1.0 * len(a)),
    "bytes": (lambda: b"ab", lambda a: 1.0 * a[1]),
    "typed list": (typed_list, lambda a: a[0] + a[2]),
    "list of arrays": (lambda: typed.List([np.arange(3.0), np.ones(2)]), lambda a: a[0][2] + a[1][0]),
    "typed dict": (typed_dict, lambda a: a["k"]),
    "jitclass": (lambda: Model(2.0, np.arange(4.0)), lambda a: a.factor()),
    "tuple with string": (lambda: (1.0, "x", (2, np.ones(3))), lambda a: a[0] + len(a[1]) + a[2][0] + a[2][1].sum()),
    "slice": (lambda: slice(1, 3), lambda a: np.arange(5.0)[a].sum()),
    "timedelta": (lambda: np.timedelta64(5, "D"), lambda a: 5.0 if a == a else 0.0),
}


def loss_with(reader):
    pick = njit(reader)

    @njit
    def loss(x, a):
        return pick(a) * (x * x).sum()

    return loss, pick


@pytest.mark.parametrize("threads", [None, 2])
@pytest.mark.parametrize("name", CASES)
def test_every_type_that_numba_knows(name, threads):
    make, reader = CASES[name]
    loss, pick = loss_with(reader)
    value = make()
    g = jg.gradient_of(loss, threads=threads)
    for _ in range(3):
        np.testing.assert_allclose(g(X, value), 2 * pick(value) * X, rtol=1e-8)


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPendingDeprecationWarning")  # numba's own, of such lists
def test_reflected_lists_and_sets():
    loss, _ = loss_with(lambda a: a[0] + len(a))
    np.testing.assert_allclose(jg.grad_cpu(loss, X, args=([2.0, 3.0],)), 2 * 4.0 * X, rtol=1e-8)
    loss, _ = loss_with(lambda a: 1.0 * len(a))
    np.testing.assert_allclose(jg.grad_cpu(loss, X, args=({2.0, 3.0, 4.0},)), 2 * 3.0 * X, rtol=1e-8)


def test_mutable_containers_run_on_one_thread():
    for name in ("typed list", "typed dict", "jitclass"):
        make, reader = CASES[name]
        loss, _ = loss_with(reader)
        assert bind(loss, X[None], (make(),), (None,), (1,)).serial
    loss, _ = loss_with(CASES["string"][1])
    assert not bind(loss, X[None], ("seven",), (None,), (1,)).serial


def test_references_are_given_back():
    data = np.arange(4.0)
    loss, _ = loss_with(CASES["tuple with string"][1])
    value = (1.0, "x", (2, data))
    jg.grad_cpu(loss, X, args=(value,))
    gc.collect()
    before = sys.getrefcount(data)
    for _ in range(20):
        jg.gradient_of(loss)(X, value)
    gc.collect()
    assert sys.getrefcount(data) <= before


def test_content_of_a_container_is_read_anew():
    value = typed_list()
    loss, _ = loss_with(CASES["typed list"][1])
    g = jg.gradient_of(loss)
    g(X, value)
    value[0] = 10.0
    np.testing.assert_allclose(g(X, value), 2 * 14.0 * X, rtol=1e-8)


def test_losses_that_call_python():
    @njit
    def loss(x):
        with numba.objmode(y="float64"):
            y = float(np.linalg.norm(x)) ** 2
        return y  # noqa: RET504  # objmode needs the name

    for threads in (1, 2):
        np.testing.assert_allclose(jg.grad_cpu(loss, X, threads=threads), 2 * X, rtol=1e-8)


def refuse_large(x):
    if x[0] > 1.0:
        raise KeyError("from Python")
    return 1.0


def test_exceptions_from_python_code_in_a_loss():
    @njit
    def loss(x):
        with numba.objmode(y="float64"):
            y = refuse_large(x)
        return y  # noqa: RET504  # objmode needs the name

    for threads in (1, 2):
        with pytest.raises(KeyError, match="from Python") as caught:
            jg.grad_cpu(loss, X, threads=threads)
        assert "x[0] displaced" in caught.value.__notes__[0]


def test_recursive_and_inlined_losses():
    @njit
    def power(v, k):
        return 1.0 if k == 0 else v * power(v, k - 1)

    @njit(inline="always")
    def inner(x):
        return power(x[0], 3) + x[1]

    @njit(fastmath=True, boundscheck=True)
    def loss(x):
        return inner(x)

    np.testing.assert_allclose(jg.grad_cpu(loss, X), [3.0, 1.0], rtol=1e-7)
    np.testing.assert_allclose(jg.grad_cpu(inner, X), [3.0, 1.0], rtol=1e-7)


def test_linear_algebra_shares_the_data():
    a = np.random.default_rng(0).normal(size=(30, 2))

    @njit
    def loss(x, a):
        return (np.dot(a, x) ** 2).sum()

    np.testing.assert_allclose(jg.grad_cpu(loss, X, args=(a,)), 2 * a.T @ (a @ X), rtol=1e-7)
    # BLAS takes the pointer, so nothing is proved, but a trial shows that the matrix stays as it is.
    assert bind(loss, X[None], (a,), (None,), (1,)).private.size == 0


def test_a_new_shape_of_the_same_array_is_noticed():
    @njit
    def loss(x, a):
        return a.shape[0] * (x * x).sum()

    data = np.arange(6.0)
    g = jg.gradient_of(loss)
    np.testing.assert_allclose(g(X, data), 2 * 6 * X, rtol=1e-8)
    data.resize(9, refcheck=False)
    np.testing.assert_allclose(g(X, data), 2 * 9 * X, rtol=1e-8)
