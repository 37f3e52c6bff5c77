"""Hessians and their products with vectors, against second derivatives by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

import jitgrad as jg

RNG = np.random.default_rng(11)
X = RNG.uniform(0.5, 1.5, (4, 5))
V = RNG.normal(size=(4, 5))
C = RNG.uniform(-0.5, 0.5, (4, 5))

# `hessian_cpu` says what follows from steps of 5e-4 (order 2) and 1e-2 (order 4): 2e-8 and 1e-10 times fourth and sixth
# derivatives, which reach 10 here, and mixed entries have four times the truncation.
TOLERANCES = {2: 1e-6, 4: 1e-8}


@njit
def loss(x, c):
    s = np.exp((c * x).sum())
    for i in range(x.size - 1):
        s += np.sin(x[i]) * x[i + 1]
    return s


def exact(x, c):
    found = c[..., :, None] * c[..., None, :] * np.exp((c * x).sum(-1))[..., None, None]
    for i in range(x.shape[-1] - 1):
        found[..., i, i] -= np.sin(x[..., i]) * x[..., i + 1]
        found[..., i, i + 1] += np.cos(x[..., i])
        found[..., i + 1, i] += np.cos(x[..., i])
    return found


HESSIAN = exact(X, C)
PRODUCT = np.einsum("sij,sj->si", HESSIAN, V)
OPTIONS = {"args": (C,), "args_axes": (0,)}


@njit
def cubic(x):
    return x[0] ** 3 + x[0] * x[1] ** 2 + x[1] * x[2]


def cubic_hessian(x):
    return np.array([[6 * x[0], 2 * x[1], 0], [2 * x[1], 2 * x[0], 1.0], [0, 1.0, 0]])


@njit
def inside_the_unit_cube(x):
    if x.min() < 0.0 or x.max() > 1.0:
        raise ValueError("outside")
    return np.exp(x[0] * x[1]) + x[2] ** 4


def cube_hessian(x):
    e = np.exp(x[0] * x[1])
    mixed = e * (1 + x[0] * x[1])
    return np.array([[x[1] ** 2 * e, mixed, 0], [mixed, x[0] ** 2 * e, 0], [0, 0, 12 * x[2] ** 2]])


@njit
def far_away(x):
    return np.cos(x[0] - 1e4) + np.exp(1e6 * x[1]) + x[0] * x[1]


@pytest.mark.parametrize("order", [2, 4])
def test_batches(order):
    found = jg.hessian_cpu(loss, X, order=order, **OPTIONS)
    np.testing.assert_allclose(found, HESSIAN, atol=TOLERANCES[order])
    np.testing.assert_array_equal(found, found.swapaxes(1, 2))
    np.testing.assert_allclose(jg.hvp_cpu(loss, X, V, order=order, **OPTIONS), PRODUCT, atol=TOLERANCES[order])


def test_shapes_are_those_of_the_batch():
    x, c = X.reshape(2, 2, 5), C.reshape(2, 2, 5)
    assert jg.hessian_cpu(loss, x, args=(c,), args_axes=(0,)).shape == (2, 2, 5, 5)
    found = jg.hvp_cpu(loss, x, V.reshape(x.shape), args=(c,), args_axes=(0,))
    np.testing.assert_allclose(found, PRODUCT.reshape(x.shape), atol=TOLERANCES[2])
    assert jg.hessian_cpu(cubic, np.empty((0, 3))).shape == (0, 3, 3)
    assert jg.hvp_cpu(cubic, np.empty((0, 3)), np.empty((0, 3))).shape == (0, 3)


@pytest.mark.interpreted
def test_one_point():
    np.testing.assert_allclose(jg.hessian_cpu(loss, X[0], args=(C[0],)), HESSIAN[0], atol=TOLERANCES[2])
    np.testing.assert_allclose(jg.hvp_cpu(loss, X[0], V[0], args=(C[0],)), PRODUCT[0], atol=TOLERANCES[2])


def test_coordinates_of_every_size():
    # 1e4 with a loss that varies on the scale of 1, and 1e-6 with one that varies on its own.
    x = np.array([1e4 + 0.3, 1e-6])
    expected = np.array([[-np.cos(0.3), 1.0], [1.0, 1e12 * np.e]])
    # Steps of 5e-2 and 5e-10: 2e-4 of truncation; the values are 1e4 * 1e-6 + 3.7, over steps whose product is 2e-11.
    found = jg.hessian_cpu(far_away, x)
    np.testing.assert_allclose(found[0, 0], expected[0, 0], rtol=3e-4)
    np.testing.assert_allclose(found[1, 1], expected[1, 1], rtol=1e-6)
    np.testing.assert_allclose(found[0, 1], 1.0, atol=4 * 2.2e-16 * 4 / 2e-11)


def test_zero_is_a_point_like_any_other():
    np.testing.assert_allclose(jg.hessian_cpu(cubic, np.zeros(3)), cubic_hessian(np.zeros(3)), atol=1e-8)


def test_what_is_smaller_than_any_unit_is_as_good_as_zero():
    x = np.array([0.0, 1.0, 3e-228])
    np.testing.assert_allclose(jg.hessian_cpu(cubic, x), cubic_hessian(x), atol=1e-6)


def test_single_precision():
    x, c = X.astype(np.float32), C.astype(np.float32)
    found = jg.hessian_cpu(loss, x, args=(c,), args_axes=(0,))
    product = jg.hvp_cpu(loss, x, V, args=(c,), args_axes=(0,))
    assert found.dtype == product.dtype == np.float32
    # Order 4 with steps of 7 %: values up to 10, rounded to 6e-8, over the square of the steps.
    expected = exact(x.astype(float), c.astype(float))
    np.testing.assert_allclose(found, expected, atol=3e-3)
    np.testing.assert_allclose(product, np.einsum("sij,sj->si", expected, V), atol=1e-2)


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("corner", [[0.0, 1.0, 0.0], [0.5, 0.0, 1.0], [1e-4, 1.0 - 1e-4, 0.5]])
def test_bounds_are_kept_at_the_same_order(order, corner):
    x = np.array(corner)
    found = jg.hessian_cpu(inside_the_unit_cube, x, bounds=(0.0, 1.0), order=order)
    # One-sided formulas have ten times the truncation of central ones; the step of a coordinate of 1e-4 grows until
    # rounding is 1e-6 of its second difference.
    allowed = 20 * TOLERANCES[order] + 2e-6
    np.testing.assert_allclose(found, cube_hessian(x), atol=allowed)
    v = np.where(x > 0.5, -1.0, 2.0)
    product = jg.hvp_cpu(inside_the_unit_cube, x, v, bounds=(0.0, 1.0), order=order)
    np.testing.assert_allclose(product, cube_hessian(x) @ v, atol=2 * allowed)


def test_a_direction_without_room_is_refused():
    with pytest.raises(ValueError, match=r"leave room to move x along v.*hessian_cpu"):
        jg.hvp_cpu(inside_the_unit_cube, np.array([0.0, 0.0, 0.5]), np.array([1.0, -1.0, 0.0]), bounds=(0.0, 1.0))


def test_coordinates_held_fixed():
    x, bounds = np.array([0.5, 0.3, 0.2]), (np.array([0.0, 0.3, 0.0]), np.array([1.0, 0.3, 1.0]))
    expected = cube_hessian(x)
    expected[1], expected[:, 1] = 0.0, 0.0
    np.testing.assert_allclose(jg.hessian_cpu(inside_the_unit_cube, x, bounds=bounds), expected, atol=1e-6)
    product = jg.hvp_cpu(inside_the_unit_cube, x, np.ones(3), bounds=bounds)
    np.testing.assert_allclose(product, expected.sum(1), atol=1e-6)


def test_chosen_coordinates():
    chosen = [3, 0]
    found = jg.hessian_cpu(loss, X, coords=chosen, **OPTIONS)
    np.testing.assert_allclose(found, HESSIAN[:, chosen][:, :, chosen], atol=TOLERANCES[2])
    product = jg.hvp_cpu(loss, X, V, coords=chosen, **OPTIONS)
    np.testing.assert_allclose(product, PRODUCT[:, chosen], atol=TOLERANCES[2])


@pytest.mark.parametrize("step", [1e-3, jg.Relative(1e-3), jg.Textbook(), jg.Auto()])
def test_step_rules(step):
    # Steps up to 1.5e-3: 2e-7 times fourth derivatives of 10.
    np.testing.assert_allclose(jg.hessian_cpu(loss, X, step=step, **OPTIONS), HESSIAN, atol=1e-5)
    np.testing.assert_allclose(jg.hvp_cpu(loss, X, V, step=step, **OPTIONS), PRODUCT, atol=1e-5)


def test_the_step_is_the_true_displacement():
    # A parabola has no truncation error, and powers of two no rounding: the result is exact.
    @njit
    def parabola(x):
        return x[0] * x[0] + x[0] * x[1]

    found = jg.hessian_cpu(parabola, np.array([1.0, 2.0]), step=2.0**-10)
    np.testing.assert_array_equal(found, [[2.0, 1.0], [1.0, 0.0]])


# Down to 1e-6: smaller coordinates beside others of size 1 may be taken for a direction's shortest length.
NUMBERS = st.one_of(st.just(0.0), st.floats(1e-6, 3.0), st.floats(-3.0, -1e-6))


@given(st.lists(NUMBERS, min_size=6, max_size=6))
@settings(max_examples=25, deadline=None)
def test_product_is_that_of_the_hessian(numbers):
    x, v = np.array(numbers[:3]), np.array(numbers[3:])
    hessian = jg.hessian_cpu(cubic, x)
    np.testing.assert_array_equal(hessian, hessian.T)
    # No fourth derivatives. Values up to 60 are rounded; steps of small coordinates grow until that is 1e-6 of
    # their own second difference, of 20 at most, or until they are 5e-4.
    np.testing.assert_allclose(hessian, cubic_hessian(x), atol=1e-4)
    np.testing.assert_allclose(jg.hvp_cpu(cubic, x, v), cubic_hessian(x) @ v, atol=1e-4 * max(1.0, abs(v).max()) * 3)


def test_prepared_objects_see_new_arrays():
    hessian, hvp = jg.hessian_of(loss, args_axes=(0,)), jg.hvp_of(loss, args_axes=(0,))
    rng = np.random.default_rng(2)
    for _ in range(3):
        x, c, v = rng.uniform(0.5, 1.5, X.shape), rng.uniform(-0.5, 0.5, C.shape), rng.normal(size=V.shape)
        np.testing.assert_allclose(hessian(x, c), exact(x, c), atol=TOLERANCES[2])
        product = np.einsum("sij,sj->si", exact(x, c), v)
        np.testing.assert_allclose(hvp(x, v, c), product, atol=2 * TOLERANCES[2])


def test_parts_of_the_list_make_no_difference(monkeypatch):
    whole = jg.hessian_cpu(loss, X, vectorize="off", **OPTIONS)
    monkeypatch.setattr("jitgrad.prepared.hessian.PAIRS_AT_ONCE", 7)
    np.testing.assert_array_equal(jg.hessian_cpu(loss, X, vectorize="off", **OPTIONS), whole)


def test_results_do_not_depend_on_threads():
    x, c = np.tile(X, (20, 1)), np.tile(C, (20, 1))
    one, two = (jg.hessian_cpu(loss, x, args=(c,), args_axes=(0,), threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_exceptions_name_both_coordinates():
    with pytest.raises(ValueError, match="outside") as caught:
        jg.hessian_cpu(inside_the_unit_cube, np.array([0.5, 1.0, 0.5]))
    assert any("x[1] displaced from 1.0" in note for note in caught.value.__notes__)


def test_values_that_are_not_finite_are_seen():
    @njit
    def ends(x):
        return np.sqrt(x[0]) + x[1] * x[1]

    found = jg.hessian_cpu(ends, np.array([0.0, 1.0]))
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(found[1, 1], 2.0, atol=1e-6)


def test_bad_input():
    with pytest.raises(TypeError, match=r"step rule for second derivatives, got Shi"):
        jg.hessian_cpu(cubic, X[0, :3], step=jg.Shi())
    with pytest.raises(ValueError, match=r"v must have the shape of x, \(3,\), got \(2,\)"):
        jg.hvp_cpu(cubic, X[0, :3], V[0, :2])
    with pytest.raises(ValueError, match="x must be finite, got nan at coordinate 1"):
        jg.hvp_cpu(cubic, np.array([1.0, np.nan, 1.0]), np.ones(3))
    with pytest.raises(TypeError, match="method"):
        jg.hessian_cpu(cubic, X[0, :3], method="forward")
    with pytest.raises(jg.LossCompileError, match="must return one real number"):
        jg.hessian_cpu(njit(lambda x: x), X[0])
