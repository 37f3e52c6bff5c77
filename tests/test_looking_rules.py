"""Tuners and extrapolations as `step=` of every verb: batches, options, threads, and points without anything."""

import numpy as np
import pytest
from losses import quadratic, smooth, smooth_gradient
from numba import njit

import jitgrad as jg

pytestmark = pytest.mark.interpreted

EXTRAPOLATIONS = [jg.PolynomialFit(), jg.Richardson(), jg.Ridders()]
TUNERS = [
    *(jg.CurtisReid(), jg.DumontetVignes(), jg.Gill(), jg.Kostyrka(), jg.Mathur(), jg.MoreWild(), jg.PlugIn()),
    *(jg.Shi(), jg.SteplemanWinarsky()),
]
RULES = pytest.mark.parametrize("step", EXTRAPOLATIONS + TUNERS, ids=lambda rule: type(rule).__name__)
POINTS = np.random.default_rng(1).uniform(0.5, 1.5, (2, 2, 3))
ARGS = (2.0, 0.5)
EXACT = smooth_gradient(POINTS, *ARGS)
# What differences of order 2 reach within a factor of 1000 of the best step, for a loss of 10: (10 eps)**(2 / 3).
CLOSE = {"rtol": 0.0, "atol": 1e-5}


@njit
def constant(x, height):
    return height


# Whether lanes are used is measured, for each number of evaluations; in them the last bits differ.
SCALAR = {"vectorize": "off"}


@RULES
def test_verbs_and_batches_agree_bit_for_bit(step):
    batch = jg.grad_cpu(smooth, POINTS, args=ARGS, step=step, **SCALAR)
    np.testing.assert_allclose(batch, EXACT, **CLOSE)
    values, gradient = jg.value_and_grad_cpu(smooth, POINTS, args=ARGS, step=step, **SCALAR)
    np.testing.assert_array_equal(gradient, batch)
    np.testing.assert_allclose(values[1, 0], smooth(POINTS[1, 0].copy(), *ARGS), rtol=1e-15)
    g = jg.gradient_of(smooth, step=step, **SCALAR)
    for p in np.ndindex(2, 2):
        np.testing.assert_array_equal(g(POINTS[p], *ARGS), batch[p])
    out = np.empty((2, 2, 2))
    assert jg.grad_cpu(smooth, POINTS, args=ARGS, step=step, **SCALAR, coords=[2, 0], out=out) is out
    np.testing.assert_array_equal(out, batch[..., [2, 0]])
    np.testing.assert_array_equal(jg.grad_cpu(smooth, POINTS, args=ARGS, step=step, **SCALAR, threads=2), batch)


@RULES
def test_bounds_and_single_precision(step):
    upper = POINTS[0, 0] + [1.0, 0.0, 1e-3]
    lower = POINTS[0, 0] - [0.0, 0.0, 1.0]
    bounded = jg.grad_cpu(smooth, POINTS[0, 0], args=ARGS, step=step, bounds=(lower, upper))
    assert bounded[1] == 0.0  # fixed
    np.testing.assert_allclose(bounded[[0, 2]], EXACT[0, 0, [0, 2]], rtol=0, atol=1e-4)
    single = POINTS.astype(np.float32)
    gradient = jg.grad_cpu(smooth, single, args=ARGS, step=step)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, smooth_gradient(single.astype(float), *ARGS), rtol=0, atol=0.05)


@RULES
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0), (0, 0), (2, 0, 3)])
def test_nothing_at_all(step, shape):
    assert jg.grad_cpu(quadratic, np.ones(shape), step=step).shape == shape
    values, gradient = jg.value_and_grad_cpu(quadratic, np.ones(shape), step=step)
    assert np.shape(values) == shape[:-1]
    assert gradient.shape == shape
    assert jg.grad_cpu(quadratic, np.ones(3), step=step, coords=[]).shape == (0,)


@RULES
@pytest.mark.parametrize("height", [0.0, 3.0])
def test_constants(step, height):
    np.testing.assert_array_equal(
        jg.grad_cpu(constant, np.array([1.0, 0.0, -1e8]), args=(height,), step=step), np.zeros(3)
    )


@RULES
def test_a_loss_that_overflows_is_nan_without_a_warning(step):
    assert np.isnan(jg.grad_cpu(quadratic, np.array([1.7e308]), step=step)).all()
