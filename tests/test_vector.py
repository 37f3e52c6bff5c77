"""Functions of several outputs: values, Jacobians and their products with vectors, against derivatives by hand."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

import jitgrad as jg
from jitgrad.loss.derived import derived_loss

RNG = np.random.default_rng(5)
U = RNG.uniform(0.5, 2.0, (6, 4))
W = RNG.normal(size=(6, 3))
V = RNG.normal(size=(6, 4))
B = RNG.uniform(0.5, 2.0, (6, 4))

# Steps of Auto are 2.4e-5: truncation is below 1e-10 times third derivatives, which are below 10 here, and rounding
# of values near 10 makes 1e-10. In float32 formulas of order 4 have steps of 4 % and leave four digits.
TOLERANCE, SINGLE = 1e-8, 2e-3


@njit
def three(u, a, b):
    return np.array([a * np.sin(u[0]), (b * u * u).sum(), u[0] * u[1]])


@njit
def three_as_tuple(u, a, b):
    return a * np.sin(u[0]), (b * u * u).sum(), u[0] * u[1]


def exact_values(u, a, b):
    return np.stack([a * np.sin(u[..., 0]), (b * u * u).sum(-1), u[..., 0] * u[..., 1]], axis=-1)


def exact_jacobian(u, a, b):
    found = np.zeros((*u.shape[:-1], 3, u.shape[-1]))
    found[..., 0, 0] = a * np.cos(u[..., 0])
    found[..., 1, :] = 2 * b * u
    found[..., 2, 0], found[..., 2, 1] = u[..., 1], u[..., 0]
    return found


JACOBIAN = exact_jacobian(U, 2.0, B)


@njit
def raises_at_sample(u, limit):
    if u[1] > limit:
        raise ValueError("too far")
    return np.array([u[0], u[1]])


@njit
def matrix(u):
    return np.outer(u, u)


@njit
def number(u):
    return u.sum()


@njit
def as_long_as_its_sign(u):
    return np.ones(2) if u[0] < 1.0 else np.ones(3)


@njit
def writes_to_its_argument(u, work):
    for i in range(u.size):
        work[i] += u[i] * u[i]
    return work[:2] * 1.0


@pytest.mark.parametrize("function", [three, three_as_tuple])
def test_batches_with_arguments_that_vary(function):
    options = {"args": (2.0, B), "args_axes": (None, 0)}
    np.testing.assert_allclose(jg.values_cpu(function, U, **options), exact_values(U, 2.0, B), rtol=1e-14)
    np.testing.assert_allclose(jg.jacobian_cpu(function, U, **options), JACOBIAN, atol=TOLERANCE)
    np.testing.assert_allclose(
        jg.vjp_cpu(function, U, W, **options), np.einsum("sp,spk->sk", W, JACOBIAN), atol=TOLERANCE
    )
    np.testing.assert_allclose(
        jg.jvp_cpu(function, U, V, **options), np.einsum("spk,sk->sp", JACOBIAN, V), atol=TOLERANCE
    )


def test_shapes_are_those_of_the_batch():
    u, w, b = U.reshape(2, 3, 4), W.reshape(2, 3, 3), B.reshape(2, 3, 4)
    options = {"args": (2.0, b), "args_axes": (None, 0)}
    assert jg.values_cpu(three, u, **options).shape == (2, 3, 3)
    found = jg.jacobian_cpu(three, u, **options)
    np.testing.assert_allclose(found, JACOBIAN.reshape(2, 3, 3, 4), atol=TOLERANCE)
    expected = np.einsum("abp,abpk->abk", w, JACOBIAN.reshape(2, 3, 3, 4))
    np.testing.assert_allclose(jg.vjp_cpu(three, u, w, **options), expected, atol=TOLERANCE)
    assert jg.jvp_cpu(three, u, V.reshape(u.shape), **options).shape == (2, 3, 3)


def test_one_point():
    options = {"args": (2.0, B[0])}
    np.testing.assert_allclose(jg.values_cpu(three, U[0], **options), exact_values(U[0], 2.0, B[0]), rtol=1e-14)
    np.testing.assert_allclose(jg.jacobian_cpu(three, U[0], **options), JACOBIAN[0], atol=TOLERANCE)
    np.testing.assert_allclose(jg.vjp_cpu(three, U[0], W[0], **options), W[0] @ JACOBIAN[0], atol=TOLERANCE)
    np.testing.assert_allclose(jg.jvp_cpu(three, U[0], V[0], **options), JACOBIAN[0] @ V[0], atol=TOLERANCE)


def test_derivative_of_a_loss_along_a_direction():
    slopes = jg.jvp_cpu(number, U, V)
    np.testing.assert_allclose(slopes, V.sum(1), atol=TOLERANCE)
    one = jg.jvp_cpu(number, U[0], V[0])
    assert isinstance(one, float)
    assert one == pytest.approx(V[0].sum(), abs=TOLERANCE)
    assert jg.jvp_cpu(number, U[0], np.zeros(4)) == 0.0


@pytest.mark.parametrize("length", [1e-12, 1e9])
def test_the_length_of_a_direction_does_not_matter(length):
    np.testing.assert_allclose(
        jg.jvp_cpu(three, U, length * V, args=(2.0, B), args_axes=(None, 0)),
        length * np.einsum("spk,sk->sp", JACOBIAN, V),
        atol=TOLERANCE * length,
    )


@pytest.mark.parametrize("step", [1e-5, jg.Relative(1e-5), jg.Textbook(), jg.Shi(), jg.Richardson()])
def test_steps_pass_through(step):
    options = {"args": (2.0, B), "args_axes": (None, 0), "step": step}
    near = 1e-7  # Shi's steps allow for twice the error of the best
    np.testing.assert_allclose(jg.jacobian_cpu(three_as_tuple, U, **options), JACOBIAN, atol=near)
    np.testing.assert_allclose(
        jg.vjp_cpu(three_as_tuple, U, W, **options), np.einsum("sp,spk->sk", W, JACOBIAN), atol=near
    )
    np.testing.assert_allclose(
        jg.jvp_cpu(three_as_tuple, U, V, **options), np.einsum("spk,sk->sp", JACOBIAN, V), atol=near
    )


def test_single_precision():
    u, b = U.astype(np.float32), B.astype(np.float32)
    options = {"args": (np.float32(2.0), b), "args_axes": (None, 0)}
    jacobian = exact_jacobian(u.astype(float), 2.0, b)
    found = jg.jacobian_cpu(three, u, **options)
    products = jg.vjp_cpu(three, u, W, **options), jg.jvp_cpu(three, u, V, **options)
    assert {found.dtype, products[0].dtype, products[1].dtype} == {np.dtype(np.float32)}
    np.testing.assert_allclose(found, jacobian, atol=SINGLE)
    np.testing.assert_allclose(products[0], np.einsum("sp,spk->sk", W, jacobian), atol=SINGLE)
    np.testing.assert_allclose(products[1], np.einsum("spk,sk->sp", jacobian, V), atol=SINGLE)


@njit
def inside_the_unit_cube(u):
    if u.min() < 0.0 or u.max() > 1.0:
        raise ValueError("outside")
    return np.array([u.sum(), (u * u + u).sum()])


def test_bounds_are_kept():
    u = np.array([[0.0, 1.0, 0.5], [1e-3, 0.25, 1.0]])
    v = np.array([[1.0, -1.0, 3.0], [0.5, 0.0, -2.0]])
    expected = np.stack([np.ones((2, 3)), 2 * u + 1], axis=1)
    bounds = (0.0, 1.0)
    np.testing.assert_allclose(jg.jacobian_cpu(inside_the_unit_cube, u, bounds=bounds), expected, atol=TOLERANCE)
    np.testing.assert_allclose(
        jg.vjp_cpu(inside_the_unit_cube, u, W[:2, :2], bounds=bounds),
        np.einsum("sp,spk->sk", W[:2, :2], expected),
        atol=1e-8,
    )
    np.testing.assert_allclose(
        jg.jvp_cpu(inside_the_unit_cube, u, v, bounds=bounds), np.einsum("spk,sk->sp", expected, v), atol=TOLERANCE
    )


def test_a_direction_without_room_is_refused():
    with pytest.raises(ValueError, match=r"leave room to move x along v.*at point 1.*grad_cpu"):
        jg.jvp_cpu(
            inside_the_unit_cube, np.array([[0.5, 0.5], [0.0, 0.0]]), np.array([[1.0, 1.0], [1.0, -1.0]]), bounds=(0, 1)
        )


def test_coordinates_held_fixed_do_not_move():
    bounds = (np.array([0.5, 0.0, 0.0]), np.array([0.5, 1.0, 1.0]))
    slopes = jg.jvp_cpu(inside_the_unit_cube, np.array([0.5, 0.5, 0.5]), np.ones(3), bounds=bounds)
    np.testing.assert_allclose(slopes, [2.0, 4.0], atol=TOLERANCE)


def test_chosen_coordinates():
    options = {"args": (2.0, B), "args_axes": (None, 0), "coords": [3, 0]}
    np.testing.assert_allclose(jg.jacobian_cpu(three, U, **options), JACOBIAN[..., [3, 0]], atol=TOLERANCE)
    expected = np.einsum("sp,spk->sk", W, JACOBIAN)[:, [3, 0]]
    np.testing.assert_allclose(jg.vjp_cpu(three, U, W, **options), expected, atol=TOLERANCE)


@given(st.lists(st.floats(-10, 10), min_size=6, max_size=6), st.floats(-10, 10))
@settings(max_examples=25, deadline=None)
def test_vjp_is_linear_in_w(weights, factor):
    vjp = jg.vjp_of(three, step=jg.Textbook())
    first, second = np.array(weights[:3]), np.array(weights[3:])
    products = [vjp(U[0], w, 2.0, B[0]) for w in (first + factor * second, first, second)]
    # Rounding of sums up to 110 * 20, over steps of 6e-6.
    np.testing.assert_allclose(products[0], products[1] + factor * products[2], atol=2.2e-16 * 2200 / 6e-6 * 4)


def test_prepared_objects_see_new_arrays_and_changed_ones():
    vjp, jacobian = jg.vjp_of(three, args_axes=(None, 0)), jg.jacobian_of(three, args_axes=(None, 0))
    values, jvp = jg.values_of(three, args_axes=(None, 0)), jg.jvp_of(three, args_axes=(None, 0))
    rng, b = np.random.default_rng(1), B.copy()
    for k in range(4):
        u, w = rng.uniform(0.5, 2.0, U.shape), rng.normal(size=W.shape)
        b = rng.uniform(0.5, 2.0, B.shape) if k % 2 else np.multiply(b, 1.5, out=b)
        expected = exact_jacobian(u, 1.0 + k, b)
        np.testing.assert_allclose(values(u, 1.0 + k, b), exact_values(u, 1.0 + k, b), rtol=1e-14)
        np.testing.assert_allclose(jacobian(u, 1.0 + k, b), expected, atol=TOLERANCE)
        np.testing.assert_allclose(vjp(u, w, 1.0 + k, b), np.einsum("sp,spk->sk", w, expected), atol=TOLERANCE)
        np.testing.assert_allclose(jvp(u, V, 1.0 + k, b), np.einsum("spk,sk->sp", expected, V), atol=TOLERANCE)


def test_arrays_of_earlier_calls_are_let_go():
    vjp = jg.vjp_of(three, args_axes=(None, 0))
    held = []
    for _ in range(4):
        b = B.copy()
        vjp(U, W.copy(), 2.0, b)
        held.append(weakref.ref(b))
    del b
    gc.collect()
    assert [reference() is None for reference in held] == [True, True, True, False]


def test_arrays_of_another_shape_are_bound_anew():
    vjp = jg.vjp_of(three)
    for size in (4, 2, 3):
        u, b = U[0, :size], B[0, :size]
        expected = W[0] @ exact_jacobian(u, 2.0, b)
        np.testing.assert_allclose(vjp(u, W[0], 2.0, b), expected, atol=TOLERANCE)


def test_arguments_that_are_written_to_are_private():
    work = np.zeros(4)
    jacobian = jg.jacobian_of(writes_to_its_argument)
    expected = np.array([[2 * U[0, 0], 0, 0, 0], [0, 2 * U[0, 1], 0, 0]])
    for _ in range(2):
        np.testing.assert_allclose(jacobian(U[0], work), expected, atol=TOLERANCE)
        assert not work.any()
        work = np.zeros(4)


def test_results_do_not_depend_on_threads():
    u = np.random.default_rng(3).uniform(0.5, 2.0, (300, 4))
    w, v = np.ones((300, 3)), np.ones((300, 4))
    for verb, given_too in ((jg.jacobian_cpu, ()), (jg.vjp_cpu, (w,)), (jg.jvp_cpu, (v,))):
        one, two = (verb(three, u, *given_too, args=(2.0, B[0]), threads=threads) for threads in (1, 2))
        np.testing.assert_array_equal(one, two)


def test_each_displaced_point_is_evaluated_once_for_all_outputs(monkeypatch):
    from jitgrad.launch.rows import Outputs

    counts = []
    original = Outputs.evaluate

    def counting(self, probes, skip=0, **options):
        counts.append(probes.point.size - skip)
        return original(self, probes, skip, **options)

    monkeypatch.setattr(Outputs, "evaluate", counting)
    jg.jacobian_cpu(three, U, args=(2.0, B), args_axes=(None, 0), step=jg.Textbook())
    assert counts == [6 * 4 * 2]


def test_wrong_weights_say_both_shapes():
    options = {"args": (2.0, B), "args_axes": (None, 0)}
    with pytest.raises(ValueError, match=r"w must have shape \(6, 3\), one entry per output of 'three'.*got \(6, 2\)"):
        jg.vjp_cpu(three, U, W[:, :2], **options)
    with pytest.raises(ValueError, match=r"the batch of u, \(6,\).*got shape \(5, 3\) for u of shape \(6, 4\)"):
        jg.vjp_cpu(three, U, W[:5], **options)
    with pytest.raises(TypeError, match="w must hold real numbers, got dtype complex128"):
        jg.vjp_cpu(three, U, W + 1j, **options)
    with pytest.raises(ValueError, match=r"v must have the shape of x, \(6, 4\), got \(4,\)"):
        jg.jvp_cpu(three, U, V[0], **options)
    with pytest.raises(ValueError, match=r"v must be finite, got nan at \(0, 0\)"):
        jg.jvp_cpu(three, U, np.full((6, 4), np.nan), **options)


@pytest.mark.parametrize(("function", "kind"), [(matrix, r"array\(float64, 2d, C\)"), (number, "float64")])
def test_what_is_no_vector_is_refused(function, kind):
    message = f"must return a one-dimensional array or a tuple.*but it returns {kind}"
    for call in (
        lambda: jg.values_cpu(function, U),
        lambda: jg.jacobian_cpu(function, U),
        lambda: jg.vjp_cpu(function, U, W),
    ):
        with pytest.raises(jg.LossCompileError, match=message):
            call()


def test_outputs_of_changing_number_are_refused():
    with pytest.raises(ValueError, match=r"same number of outputs everywhere, but it has 2 and, elsewhere, 3"):
        jg.values_cpu(as_long_as_its_sign, np.array([[0.5], [1.5]]))


def test_exceptions_name_sample_and_coordinate():
    u = np.array([[0.0, 1.0], [0.0, 2.0]])
    for call in (
        lambda: jg.jacobian_cpu(raises_at_sample, u, args=(2.0,)),
        lambda: jg.vjp_cpu(raises_at_sample, u, np.ones((2, 2)), args=(2.0,)),
    ):
        with pytest.raises(ValueError, match="too far") as caught:
            call()
        assert any(
            "'raises_at_sample'" in note and "x[1] displaced from 2.0" in note for note in caught.value.__notes__
        )
        assert any("of point 1" in note for note in caught.value.__notes__)
    with pytest.raises(ValueError, match="too far") as caught:
        jg.values_cpu(raises_at_sample, u, args=(1.5,))
    assert any("x as it was given of point 1" in note for note in caught.value.__notes__)


def test_not_finite_on_one_side():
    found = jg.jacobian_cpu(root_that_ends, np.array([1.0, 3.0]))
    np.testing.assert_allclose(found, [[3.0, 0.0], [0.0, 6.0]], atol=1e-6)


@njit
def root_that_ends(u):
    return np.array([3.0 * u[0] if u[0] >= 1.0 else np.nan, u[1] * u[1]])


def test_no_points_and_bad_points():
    with pytest.raises(ValueError, match=r"u must hold at least one point.*got shape \(0, 4\)"):
        jg.jacobian_cpu(three, U[:0], args=(2.0, B[0]))
    assert jg.vjp_cpu(three, U[:0], W[:0], args=(2.0, B[0])).shape == (0, 4)
    with pytest.raises(ValueError, match="x must be finite, got nan at coordinate 0 of point 2"):
        jg.jacobian_cpu(three, np.where(np.arange(24).reshape(6, 4) == 8, np.nan, U), args=(2.0, B[0]))


def test_options_that_do_not_apply_are_refused():
    with pytest.raises(TypeError, match="coords"):
        jg.jvp_of(three, coords=[0])
    with pytest.raises(TypeError, match="vectorize"):
        jg.jacobian_of(three, vectorize="off")
    with pytest.raises(TypeError, match="speed"):
        jg.vjp_of(three, speed=1)


@njit
def sum_and_squares(u):
    return np.array([u.sum(), (u * u).sum()])


def test_warnings_name_output_and_coordinate():
    # On one side of a minimum no formula finds the slope 0 to 1 %.
    with pytest.warns(jg.PrecisionWarning) as caught:
        jg.jacobian_cpu(sum_and_squares, np.array([0.0, 0.25, 1.0]), bounds=(0.0, 1.0))
    assert caught[0].message.coordinates == [(1, 0)]


def test_arguments_that_only_python_can_pass():
    @njit
    def scaled(u, kind):
        return u * 2.0 if kind == "double" else u

    np.testing.assert_allclose(jg.jacobian_cpu(scaled, U[0], args=("double",)), 2 * np.eye(4), atol=TOLERANCE)


def test_a_derived_loss_is_made_once():
    assert derived_loss("weighted", three, (1.0, B)) is derived_loss("weighted", three, (2.0, B))
    with pytest.raises(jg.LossCompileError, match=r"'three' must accept x and the 1 values of args"):
        jg.vjp_cpu(three, U, W, args=(1.0,))
