"""What bad input gets: the message, the caller's data unchanged, and a process that goes on."""

import numpy as np
import pytest
from losses import quadratic, raises_at, smooth
from numba import njit

import jitgrad as jg

X = np.array([0.5, 1.5, 2.5])


def refuses(kind, message, loss, x, args=(), **options):
    """Check the exception of all verbs, and that nothing of the caller's changed; return the exception."""
    before = [v.copy() if isinstance(v, np.ndarray) else v for v in (x, *args)]
    calls = [
        lambda: jg.grad_cpu(loss, x, args=args, **options),
        lambda: jg.value_and_grad_cpu(loss, x, args=args, **options),
        lambda: jg.gradient_of(loss, **options)(x, *args),
    ]
    for call in calls:
        with pytest.raises(kind, match=message) as caught:
            call()
    for old, new in zip(before, (x, *args), strict=True):
        if isinstance(old, np.ndarray):
            assert new.dtype == old.dtype
            assert new.tobytes() == old.tobytes()
    # The next call works as if nothing had happened.
    np.testing.assert_allclose(jg.grad_cpu(quadratic, np.array([1.0])), [2.0], rtol=1e-8)
    return caught.value


def plain(x):
    return x.sum()


def test_plain_python_function():
    refuses(TypeError, r"compiled by numba\.njit, got the function 'plain'.*@njit.*grad_blackbox", plain, X)
    with pytest.raises(TypeError, match="grad_blackbox"):
        jg.jit_grad(plain)


@pytest.mark.parametrize("thing", [3, None, "loss", np.ones(2)])
def test_not_a_function(thing):
    refuses(TypeError, r"loss must be a function compiled by numba\.njit, got", thing, X)


@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        (
            np.array([1 + 2j]),
            TypeError,
            "x must hold float64, float32 or integers, got dtype complex128.*real and imaginary",
        ),
        (np.array([1.0, None]), TypeError, "got dtype object.*numpy.asarray"),
        (np.array(["a"]), TypeError, "got dtype <U1"),
        (np.array([True, False]), TypeError, "got dtype bool"),
        (np.array([1.0], np.float16), TypeError, "got dtype float16.*astype"),
        (np.array([1.0], np.longdouble), TypeError, "x must hold float64"),
        (np.float64(1.0), ValueError, r"x must have shape \(n,\) or \(\.\.\., n\), got .*1.0.* without a dimension"),
        (np.array(1.0), ValueError, "without a dimension"),
        ([[1.0], [1.0, 2.0]], TypeError, "ragged"),
        (np.ma.masked_array([1.0, 2.0], [0, 1]), TypeError, "masked array"),
        (np.array([1.0, np.nan, 3.0]), ValueError, "x must be finite, got nan at coordinate 1"),
        (np.array([1.0, 2.0, -np.inf]), ValueError, "x must be finite, got -inf at coordinate 2"),
        (np.array([[1.0, 2.0], [3.0, np.nan]]), ValueError, "got nan at coordinate 1 of point 1"),
    ],
)
def test_bad_x(x, kind, message):
    refuses(kind, message, quadratic, x)


def test_nan_in_a_coordinate_that_is_not_differentiated():
    refuses(ValueError, "got nan at coordinate 1", quadratic, np.array([1.0, np.nan]), coords=[0])


@njit
def untypable(x):
    s = 0.0
    y = x.no_such_attribute
    return s + y


def test_loss_that_does_not_compile():
    error = refuses(
        jg.LossCompileError, r"loss 'untypable' must compile.*line \d+ \(y = x\.no_such_attribute\)", untypable, X
    )
    assert isinstance(error, TypeError)
    assert "no_such_attribute" in str(error.__cause__)


@njit
def gives_array(x):
    return x * 2


@njit
def gives_none(x):
    x.sum()


@njit
def gives_complex(x):
    return 1j * x.sum()


@njit
def sometimes_none(x):
    if x[0] > 0:
        return None
    return 1.0


@pytest.mark.parametrize(
    ("loss", "returned"),
    [(gives_array, "array"), (gives_none, "None"), (gives_complex, "complex128"), (sometimes_none, "float64")],
)
def test_loss_that_returns_no_real_number(loss, returned):
    refuses(jg.LossCompileError, f"must return one real number, but it returns .*{returned}", loss, X)


def test_wrong_number_of_arguments():
    refuses(
        jg.LossCompileError,
        r"must accept x and the 1 values of args, but its parameters are \(x, a, b\)",
        smooth,
        X,
        (1.0,),
    )
    refuses(jg.LossCompileError, "must accept x and the 3 values of args", smooth, X, (1.0, 2.0, 3.0))


@njit("float64(float64[::1], float64)")
def declared(x, a):
    return a * (x * x).sum()


@njit("float64(float64[:])")
def declared_any_layout(x):
    return (x * x).sum()


def test_arguments_by_keyword_are_refused():
    @njit
    def loss(x, *, a=1.0):
        return a * x[0]

    refuses(jg.LossCompileError, "must take its arguments by position", loss, X)


def test_explicit_signatures():
    np.testing.assert_allclose(jg.grad_cpu(declared, X, args=(2.0,)), 4 * X, rtol=1e-8)
    np.testing.assert_allclose(jg.grad_cpu(declared, X, args=(2,)), 4 * X, rtol=1e-8)  # int becomes float
    np.testing.assert_allclose(jg.grad_cpu(declared_any_layout, X), 2 * X, rtol=1e-8)
    refuses(jg.LossCompileError, "declared_any_layout.*float32", declared_any_layout, X.astype(np.float32))


def test_args_that_numba_cannot_type():
    refuses(
        TypeError,
        r"args\[1\] of loss 'smooth' must be something numba can type, got .*object",
        smooth,
        X,
        (1.0, object()),
    )
    with pytest.raises(TypeError, match=r"args must be a tuple, got ndarray.*args=\(value,\)"):
        jg.grad_cpu(smooth, X, args=X)


def test_loss_that_raises():
    error = refuses(ValueError, "too far", raises_at, X, (1, 1.5))
    (note,) = error.__notes__
    assert "raises_at" in note
    assert "x[1] displaced from" in note
    assert "1.5 to" in note


def test_loss_that_raises_for_one_point_of_a_batch():
    xs = np.array([[0.0, 0.0], [0.0, 2.0]])
    error = refuses(ValueError, "too far", raises_at, xs, (1, 1.0))
    assert "of point 1" in error.__notes__[0]


def test_loss_that_raises_with_a_message_made_at_run_time():
    @njit
    def loss(x):
        if x[0] > 0.5:
            raise ValueError("value", x[0])
        return x[0]

    error = refuses(ValueError, "value", loss, X)
    assert error.args[1] > 0.5


def test_loss_that_divides_by_zero():
    @njit
    def loss(x):
        return 1.0 / (x[0] - 0.5)

    refuses(ZeroDivisionError, "division by zero", loss, X, method="forward")


def test_loss_that_cannot_be_trusted_to_raise_again():
    @njit
    def moody(x):
        if np.random.random() < 0.5:
            raise ValueError("mood")
        return x[0]

    @njit
    def seed(n):
        np.random.seed(n)

    def until_it_raises():
        while True:
            jg.grad_cpu(moody, X, threads=1)

    seen = set()
    for n in range(40):
        seed(n)
        with pytest.raises((ValueError, RuntimeError), match="mood") as caught:
            until_it_raises()
        seen.add(caught.type)
        if caught.type is RuntimeError:
            assert "must give the same result for the same input" in str(caught.value)
    assert seen == {ValueError, RuntimeError}


@pytest.mark.parametrize(
    ("bounds", "kind", "message"),
    [
        (
            (1.0, None),
            ValueError,
            r"x must lie within its bounds, got 0.5 outside \[1.0, .*\] at coordinate 0.*numpy.clip",
        ),
        ((None, [9, 9, 2.0]), ValueError, "got 2.5 outside .* at coordinate 2"),
        (
            ([0, 3, 0], [9, 2, 9]),
            ValueError,
            r"lower bound must be at most the upper bound, got 3.0 > 2.0 at coordinate 1",
        ),
        ((np.nan, None), ValueError, "lower bound must not be NaN"),
        (([0.0, 0.0], None), ValueError, r"lower bound must broadcast to the shape of x, \(3,\), got shape \(2,\)"),
        (3.0, TypeError, r"bounds must be a pair \(lower, upper\), got 3.0"),
        ((1.0, 2.0, 3.0), TypeError, "bounds must be a pair"),
        ((X, np.nextafter(X, 9)), ValueError, "bounds must leave room for the formula.*coordinate 0"),
    ],
)
def test_bad_bounds(bounds, kind, message):
    refuses(kind, message, quadratic, X, bounds=bounds)


@pytest.mark.parametrize(
    ("step", "kind", "message"),
    [
        (0.0, ValueError, "step must be finite and above 0, got 0.0"),
        ([1e-6, -1e-6, 1e-6], ValueError, "got -1e-06 at coordinate 1"),
        (np.nan, ValueError, "got nan"),
        (1e-30, ValueError, r"step must change x, but 0.5 \+ 1e-30 rounds to the same float64 number at coordinate 0"),
        ([1e-6, 1e-6, 1e-17], ValueError, "coordinate 2"),
        ([1e-6, 1e-6], ValueError, r"step must broadcast to the shape of x, \(3,\), got shape \(2,\)"),
        ("auto", TypeError, "step must be a number, an array of numbers or a step rule"),
    ],
)
def test_bad_steps(step, kind, message):
    refuses(kind, message, quadratic, X, step=step)


def test_step_too_small_for_jit_grad():
    with pytest.raises(ValueError, match="step must change x"):
        jg.jit_grad(quadratic, step=1e-30)(X)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"method": "magic"}, ValueError, "method must be one of"),
        ({"order": 3}, ValueError, "order must be one of 2, 4, 6, 8"),
        ({"threads": 0}, ValueError, "threads must be at least 1"),
        ({"threads": 1.5}, TypeError, "threads must be an integer"),
        ({"threads": True}, TypeError, "threads must be an integer"),
        ({"coords": [3]}, IndexError, "coords must lie between -3 and 2, got 3"),
        ({"coords": [0.5]}, TypeError, "coords must be integers or a mask"),
        ({"coords": [[0]]}, ValueError, "coords must be one-dimensional"),
        ({"coords": [True]}, ValueError, "one entry per coordinate, 3, got 1"),
        ({"args_axes": (0,)}, ValueError, "args_axes must have one entry per argument, 0, got 1"),
    ],
)
def test_bad_options(options, kind, message):
    refuses(kind, message, quadratic, X, **options)


def test_bad_args_axes():
    xs = np.ones((4, 3))
    refuses(TypeError, r"args\[1\] must be an array to vary", smooth, xs, (1.0, 2.0), args_axes=(None, 0))
    refuses(
        ValueError,
        r"args\[0\] must have the shape of the batch, \(4,\), from axis 0",
        smooth,
        xs,
        (np.ones(3), 1.0),
        args_axes=(0, None),
    )


@pytest.mark.parametrize(
    ("out", "kind", "message"),
    [
        (np.empty(2), ValueError, r"out must have the shape of the gradient, \(3,\), got \(2,\)"),
        (np.empty(3, np.float32), TypeError, "out must be an array of dtype float64.*got dtype float32"),
        ([0.0] * 3, TypeError, "out must be an array of dtype float64.*got list"),
        (np.broadcast_to(0.0, (3,)), ValueError, "out must be writeable"),
    ],
)
def test_bad_out(out, kind, message):
    for call in (lambda: jg.grad_cpu(quadratic, X, out=out), lambda: jg.gradient_of(quadratic)(X, out=out)):
        with pytest.raises(kind, match=message):
            call()


def test_writing_to_an_array_beside_a_string_is_refused():
    @njit
    def loss(x, work, name):
        work[0] += x[0]
        return work[0] + len(name)

    refuses(
        ValueError, "must not write to an array in args while another argument is a string", loss, X, (np.ones(2), "a")
    )
