"""Functions of several outputs and second derivatives of any callable: the bits of the jitted verbs, costs, errors."""

import pickle

import numpy as np
import pytest
from numba import njit

import jitgrad as jg
from jitgrad.launch.probes import replaced
from jitgrad.loss.arguments import BatchedArguments
from jitgrad.prepared.called import Called

RNG = np.random.default_rng(8)
U = RNG.uniform(0.5, 2.0, (6, 4))
W = RNG.normal(size=(6, 3))
V = RNG.normal(size=(6, 4))
B = RNG.uniform(0.5, 2.0, (6, 4))
ARGS = {"args": (2.0, B), "args_axes": (None, 0)}

# As in test_vector: steps of Auto are 2.4e-5, truncation below 1e-9 and rounding of values near 10 makes 1e-10.
TOLERANCE = 1e-8


# Without functions of a library, which may differ in the last bit between Python and compiled code.
@njit
def three(u, a, b):
    s = 0.0
    for i in range(u.size):
        s += b[i] * u[i] * u[i] * u[i]
    return np.array([a * u[0] / (1.0 + u[1]), s, u[0] * u[1]])


@njit
def no_numbers(u):
    """Of single precision everywhere, where numba and NumPy disagree about ``1.0 + u[0]``."""
    return u[0] * u[1] * u[2], u[3] / (u[0] + u[1]), u[1] * u[1] - u[2]


@njit
def cubic(x, c):
    s = 0.0
    for i in range(x.size - 1):
        s += c[i] * x[i] * x[i] * x[i + 1]
    return s


def three_rows(u, a, b):
    return np.stack([a * u[:, 0] / (1.0 + u[:, 1]), (b * u**3).sum(1), u[:, 0] * u[:, 1]], axis=1)


def exact_jacobian(u, a, b):
    found = np.zeros((*u.shape[:-1], 3, u.shape[-1]))
    found[..., 0, 0], found[..., 0, 1] = a / (1 + u[..., 1]), -a * u[..., 0] / (1 + u[..., 1]) ** 2
    found[..., 1, :] = 3 * b * u**2
    found[..., 2, 0], found[..., 2, 1] = u[..., 1], u[..., 0]
    return found


def cubic_hessian(x, c):
    found = np.zeros((x.size, x.size))
    for i in range(x.size - 1):
        found[i, i] += 2 * c[i] * x[i + 1]
        found[i, i + 1] += 2 * c[i] * x[i]
        found[i + 1, i] += 2 * c[i] * x[i]
    return found


JACOBIAN = exact_jacobian(U, 2.0, B)


class Counted:
    """A callable that remembers how many points it got at every call."""

    def __init__(self, function):
        self.function, self.calls = function, []

    def __call__(self, u, *args):
        self.calls.append(len(u) if u.ndim > 1 else 1)
        return self.function(u, *args)


@pytest.mark.parametrize("step", [None, 1e-5, jg.Textbook(), jg.Shi(), jg.Richardson()])
@pytest.mark.parametrize(
    ("function", "args", "dtype"), [(three, ARGS, np.float64), (no_numbers, {}, np.float32)], ids=["double", "single"]
)
def test_the_bits_of_the_jitted_verbs(step, function, args, dtype):
    u, v = U.astype(dtype), V.astype(dtype)
    options = {**args, "step": step}
    fun = function.py_func
    np.testing.assert_array_equal(jg.values_blackbox(fun, u, **args), jg.values_cpu(function, u, **args))
    np.testing.assert_array_equal(jg.jacobian_blackbox(fun, u, **options), jg.jacobian_cpu(function, u, **options))
    np.testing.assert_array_equal(
        jg.vjp_blackbox(fun, u, W, **options), jg.vjp_cpu(function, u, W, vectorize="off", **options)
    )
    np.testing.assert_array_equal(jg.jvp_blackbox(fun, u, v, **options), jg.jvp_cpu(function, u, v, **options))


@pytest.mark.parametrize("options", [{}, {"order": 4}, {"step": 1e-3}, {"bounds": (0.4, 2.0)}, {"coords": [2, 0]}])
def test_the_bits_of_second_derivatives(options):
    options = {"args": (B,), "args_axes": (0,), **options}
    v = -np.abs(V)
    np.testing.assert_array_equal(
        jg.hessian_blackbox(cubic.py_func, U, **options), jg.hessian_cpu(cubic, U, vectorize="off", **options)
    )
    np.testing.assert_array_equal(
        jg.hvp_blackbox(cubic.py_func, U, v, **options), jg.hvp_cpu(cubic, U, v, vectorize="off", **options)
    )


@pytest.mark.interpreted
def test_derivatives_by_hand():
    fun = three.py_func if hasattr(three, "py_func") else three
    loss = cubic.py_func if hasattr(cubic, "py_func") else cubic
    one = {"args": (2.0, B[0])}
    np.testing.assert_allclose(jg.jacobian_blackbox(fun, U[0], **one), JACOBIAN[0], atol=TOLERANCE)
    np.testing.assert_allclose(jg.vjp_blackbox(fun, U[0], W[0], **one), W[0] @ JACOBIAN[0], atol=TOLERANCE)
    np.testing.assert_allclose(jg.jvp_blackbox(fun, U[0], V[0], **one), JACOBIAN[0] @ V[0], atol=TOLERANCE)
    hessian = cubic_hessian(U[0], B[0])
    # Second differences of order 2 are exact for cubics but for rounding: 1e-15 of values near 20 over 2.5e-7.
    np.testing.assert_allclose(jg.hessian_blackbox(loss, U[0], args=(B[0],)), hessian, atol=5e-7)
    np.testing.assert_allclose(jg.hvp_blackbox(loss, U[0], V[0], args=(B[0],)), hessian @ V[0], atol=5e-7)


@pytest.mark.parametrize(
    ("step", "expected"),
    [(jg.Textbook(), 6 * 8), (1e-5, 6 * 8), (None, 6 * 9)],
)
def test_each_displaced_point_is_evaluated_once_for_all_outputs(step, expected):
    fun = Counted(three.py_func)
    seen = set()

    def watched(u, *args):
        seen.add(u.tobytes())
        return fun(u, *args)

    found = jg.jacobian_blackbox(watched, U, step=step, **ARGS)
    np.testing.assert_allclose(found, JACOBIAN, atol=1e-7)
    if step is None:  # more where an output ignores a coordinate, but no displaced point twice
        assert len(seen) <= len(fun.calls) <= len(seen) + len(U)
    else:
        assert len(fun.calls) == len(seen) == expected


def test_evaluations():
    fun, loss = Counted(three.py_func), Counted(cubic.py_func)

    def count(counted, verb, *given, **options):
        counted.calls.clear()
        verb(counted, *given, **options)
        return len(counted.calls)

    fixed = {"step": 1e-5, **ARGS}
    assert count(fun, jg.values_blackbox, U, **ARGS) == 6
    assert count(fun, jg.vjp_blackbox, U, W, **fixed) == 6 * 8
    assert count(fun, jg.jvp_blackbox, U, V, **fixed) == 6 * 2
    assert count(fun, jg.jacobian_blackbox, U, coords=[1], **fixed) == 6 * 2
    assert count(fun, jg.jacobian_blackbox, U, coords=[], **fixed) == 1  # to see how many outputs there are
    fixed = {"step": 1e-3, "args": (B[0],)}
    assert count(loss, jg.jvp_blackbox, U[0], V[0], **fixed) == 2
    assert count(loss, jg.hessian_blackbox, U[0], **fixed) == 2 * 4**2 + 1
    assert count(loss, jg.hvp_blackbox, U[0], V[0], **fixed) == 4 * 4 + 1


def test_outputs_that_want_the_same_share_it():
    fun = Counted(lambda u: [u[0], u[0] * u[1]])
    outputs = Called().outputs(fun, U, (), ())
    found = outputs.evaluate(replaced(U, [3, 1, 3, 3], [[0], [1], [0], [1]], [[7.0], [8.0], [7.0], [7.0]]))
    x = [np.array([7.0, U[3, 1]]), np.array([U[1, 0], 8.0]), np.array([7.0, U[3, 1]]), np.array([U[3, 0], 7.0])]
    np.testing.assert_array_equal(found, [[y[0], y[0] * y[1]] for y in x])
    assert len(fun.calls) == 3


def test_vectorized_gets_all_samples_in_one_call():
    rows = Counted(three_rows)
    options = {"vectorized": True, "step": 1e-5, **ARGS}

    def calls(verb, *given):
        rows.calls.clear()
        found = verb(rows, *given, **options)
        return found, list(rows.calls)

    rows.calls.clear()
    values = jg.values_blackbox(rows, U, vectorized=True, **ARGS)
    np.testing.assert_allclose(values, three_rows(U, 2.0, B), rtol=1e-15)
    assert rows.calls == [6]
    for verb, given, expected, count in (
        (jg.jacobian_blackbox, (), JACOBIAN, 48),
        (jg.vjp_blackbox, (W,), np.einsum("sp,spk->sk", W, JACOBIAN), 48),
        (jg.jvp_blackbox, (V,), np.einsum("spk,sk->sp", JACOBIAN, V), 12),
    ):
        found, sizes = calls(verb, U, *given)
        np.testing.assert_allclose(found, expected, atol=1e-7)
        assert sizes == [count]


def test_vectorized_second_derivatives():
    def rows(x, c):
        return (c[:, :-1] * x[:, :-1] ** 2 * x[:, 1:]).sum(1)

    options = {"args": (B,), "args_axes": (0,), "vectorized": True}
    expected = np.stack([cubic_hessian(x, c) for x, c in zip(U, B, strict=True)])
    np.testing.assert_allclose(jg.hessian_blackbox(rows, U, **options), expected, atol=5e-7)
    np.testing.assert_allclose(jg.hvp_blackbox(rows, U, V, **options), np.einsum("sij,sj->si", expected, V), atol=2e-6)
    gradient = jg.grad_blackbox(rows, U, **options)
    assert gradient.shape == U.shape
    slopes = jg.jvp_blackbox(rows, U, V, **options)
    np.testing.assert_allclose(slopes, (gradient * V).sum(1), atol=TOLERANCE)


def test_arguments_of_many_points_keep_their_axes():
    rows = np.arange(24.0).reshape(4, 2, 3)  # a batch of (2, 3) from axis 1 on
    arguments = BatchedArguments((rows, "shared"), (1, None), (2, 3))
    points = np.array([5, 0, 5])
    found, shared = arguments.of(points)
    assert shared == "shared"
    np.testing.assert_array_equal(found, np.stack([arguments.at(p)[0] for p in points], axis=1))
    assert arguments.bytes_per_point == 4 * 8


@pytest.mark.parametrize("workers", [2, map])
def test_workers_give_the_same_bits(workers):
    def fun(u, a, b):  # what a notebook defines: pickled by value
        return [a * u[0] / (1.0 + u[1]), float((b * u**3).sum()), u[0] * u[1]]

    def loss(x, c):
        return float((c * x**3).sum() * x[0])

    second = {"args": (B,), "args_axes": (0,)}
    for verb, call, given, options in (
        (jg.values_blackbox, fun, (), ARGS),
        (jg.jacobian_blackbox, fun, (), ARGS),
        (jg.vjp_blackbox, fun, (W,), ARGS),
        (jg.jvp_blackbox, fun, (V,), ARGS),
        (jg.jvp_blackbox, loss, (V,), second),
        (jg.hessian_blackbox, loss, (), second),
        (jg.hvp_blackbox, loss, (V,), second),  # after a look at the loss, for steps
    ):
        there = verb(call, U, *given, workers=workers, **options)
        np.testing.assert_array_equal(there, verb(call, U, *given, **options))


def raises_at_one_sample(u, limit):
    if u[1] > limit:
        raise ValueError("too far")
    return [u[0], u[1]]


@pytest.mark.parametrize("workers", [None, 2])
def test_exceptions_name_sample_and_coordinate(workers):
    u = np.array([[0.0, 1.0], [0.0, 2.0]])
    options = {"args": (2.0,), "workers": workers}
    for call in (
        lambda: jg.jacobian_blackbox(raises_at_one_sample, u, **options),
        lambda: jg.vjp_blackbox(raises_at_one_sample, u, np.ones((2, 2)), **options),
    ):
        with pytest.raises(ValueError, match="too far") as caught:
            call()
        text = " ".join(caught.value.__notes__)
        assert "'raises_at_one_sample'" in text
        assert "x[1] displaced from 2.0" in text
        assert "of point 1" in text
    with pytest.raises(ValueError, match="too far") as caught:
        jg.values_blackbox(raises_at_one_sample, u, args=(1.5,), workers=workers)
    assert any("x as it was given of point 1" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (None, "None"),
        (3.0, "3.0 of type float"),
        (np.eye(2), r"an array of shape \(2, 2\)"),
        (np.ones(2) * 1j, r"an array of shape \(2,\) and dtype complex128"),
        ("text", "'text'"),
        ([1.0, [2.0]], r"\[1.0, \[2.0\]\]"),
        (np.ma.array([1.0, 2.0]), "a masked array"),
    ],
)
def test_what_are_no_outputs_is_refused(value, got):
    def wrong(u):
        return value

    message = f"'wrong' must return a one-dimensional array or sequence of real numbers, got {got}"
    for call in (
        lambda: jg.values_blackbox(wrong, U),
        lambda: jg.jacobian_blackbox(wrong, U),
        lambda: jg.vjp_blackbox(wrong, U, W),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    if value is None or isinstance(value, str):
        with pytest.raises(TypeError, match="must return one real number or a one-dimensional array"):
            jg.jvp_blackbox(wrong, U, V)


def test_wrong_shapes_of_many_rows_are_named():
    for wrong, got in ((lambda u: u[0], r"\(4,\)"), (lambda u: u[:3], r"\(3, 4\)"), (lambda u: u[..., None], "1")):
        message = rf"vectorized=True must return outputs of shape \(6, p\) for points of 6 rows, got shape .*{got}"
        with pytest.raises(ValueError, match=message):
            jg.values_blackbox(wrong, U, vectorized=True)
    with pytest.raises(TypeError, match=r"vectorized=True must return real numbers, got None"):
        jg.values_blackbox(lambda u: None, U, vectorized=True)
    with pytest.raises(ValueError, match=r"of shape \(12, p\) or \(12,\) for points of 12 rows, got shape \(4,\)"):
        jg.jvp_blackbox(lambda u: u[0], U, V, vectorized=True, step=1e-5)


def test_wrong_weights_say_both_shapes():
    fun = three.py_func
    for vectorized, call in ((False, fun), (True, three_rows)):
        with pytest.raises(
            ValueError, match=r"w must have shape \(6, 3\), one entry per output of 'three.*got \(6, 2\)"
        ):
            jg.vjp_blackbox(call, U, W[:, :2], vectorized=vectorized, **ARGS)
    with pytest.raises(ValueError, match=r"the batch of u, \(6,\).*got shape \(5, 3\)"):
        jg.vjp_blackbox(fun, U, W[:5], **ARGS)


def as_long_as_its_sign(u):
    return np.ones(2) if u[0] < 1.0 else np.ones(3)


@pytest.mark.parametrize("workers", [None, 2, map])
def test_outputs_of_changing_number_are_refused(workers):
    u = np.array([[0.5], [0.6], [1.5]])
    with pytest.raises(
        ValueError, match=r"same shape everywhere, but they are of shape \(2,\) and, elsewhere, \(3,\)"
    ) as caught:
        jg.values_blackbox(as_long_as_its_sign, u, workers=workers)
    assert any("of point 2" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("workers", [None, map])
def test_nan_and_no_outputs(workers):
    found = jg.values_blackbox(lambda u: [np.nan, np.nan], U, workers=workers)
    assert found.shape == (6, 2)
    assert np.isnan(found).all()
    assert jg.values_blackbox(lambda u: [], U, workers=workers).shape == (6, 0)
    assert jg.jacobian_blackbox(lambda u: [], U, workers=workers).shape == (6, 0, 4)


def test_outputs_that_end_on_one_side():
    def ends(u):
        return [3.0 * u[0] if u[0] >= 1.0 else np.nan, u[1] * u[1]]

    found = jg.jacobian_blackbox(ends, np.array([1.0, 3.0]))
    np.testing.assert_allclose(found, [[3.0, 0.0], [0.0, 6.0]], atol=1e-6)


def test_prepared_objects():
    fun = three.py_func
    vjp = jg.vjp_of(fun, device="blackbox", args_axes=(None, 0), workers=map)
    values = jg.values_of(fun, device="blackbox", args_axes=(None, 0))
    hvp = jg.hvp_of(cubic.py_func, device="blackbox")
    for k in range(3):
        u, a = U + k, 1.0 + k
        np.testing.assert_array_equal(values(u, a, B), [fun(*row) for row in zip(u, [a] * 6, B, strict=True)])
        expected = np.einsum("sp,spk->sk", W, exact_jacobian(u, a, B))
        np.testing.assert_allclose(vjp(u, W, a, B), expected, atol=1e-7)  # values near 300
        np.testing.assert_allclose(hvp(U[k], V[k], B[k]), cubic_hessian(U[k], B[k]) @ V[k], atol=5e-7)


def test_options_of_other_devices_are_refused():
    fun = three.py_func
    with pytest.raises(ValueError, match=r"device='blackbox' takes vectorized, workers, progress, got threads=2"):
        jg.vjp_of(fun, device="blackbox", threads=2)
    with pytest.raises(ValueError, match=r"device='cpu' takes threads, got workers=2"):
        jg.jacobian_of(three, workers=2)
    with pytest.raises(ValueError, match="device must be one of 'cpu', 'blackbox', got 'gpu'"):
        jg.values_of(three, device="gpu")
    with pytest.raises(TypeError, match=r"loss must be a function compiled by numba.njit.*_blackbox"):
        jg.vjp_of(fun)
    with pytest.raises(TypeError, match="fun must be something that can be called, got 3"):
        jg.hessian_blackbox(3, U)


def test_what_cannot_be_pickled_has_the_name_that_the_caller_gave_it():
    class Bad:
        def __reduce__(self):
            raise pickle.PicklingError("no")

    with pytest.raises(TypeError, match=r"args\[0\]"):
        jg.vjp_blackbox(lambda u, bad: [u[0]], U[0], np.ones(1), args=(Bad(),), workers=2)
