"""Sums of terms on the CPU."""

import numpy as np
import pytest
from numba import njit

import jitgrad as jg


@njit
def squared_error(k, x, inputs, outputs):
    return (x[0] + x[1] * inputs[k] - outputs[k]) ** 2


@njit
def rows(x, inputs, outputs):
    return inputs.size


DATA = np.array([0.0, 1.0, 2.0, 4.0]), np.array([1.0, 3.0, 5.0, 2.0])
X = np.array([0.5, -1.0])


def exact(x, inputs, outputs):
    residual = x[0] + x[1] * inputs - outputs
    return np.array([2.0 * residual.sum(), 2.0 * (residual * inputs).sum()])


@pytest.mark.parametrize("n_terms", [rows, 4, np.int64(4)])
def test_every_verb_takes_it(n_terms):
    loss = jg.Separable(squared_error, n_terms)
    truth = exact(X, *DATA)
    value, gradient = jg.value_and_grad_cpu(loss, X, args=DATA)
    assert value == loss(X, *DATA) == ((X[0] + X[1] * DATA[0] - DATA[1]) ** 2).sum()
    # A quadratic: the formula is exact, and rounding of f near 70 over steps of 1e-5 remains.
    np.testing.assert_allclose(gradient, truth, rtol=1e-8)
    np.testing.assert_allclose(jg.grad_cpu(loss, X, args=DATA), truth, rtol=1e-8)
    np.testing.assert_allclose(jg.gradient_of(loss)(X, *DATA), truth, rtol=1e-8)
    np.testing.assert_allclose(jg.estimate_cpu(loss, X, args=DATA).derivative, truth, rtol=1e-11)
    np.testing.assert_allclose(jg.jit_grad(loss)(X, *DATA), truth, rtol=1e-8)
    assert jg.check_gradient(loss, exact, X, args=DATA).ok
    assert jg.explain(loss, X, args=DATA).name == "squared_error"


def test_a_sum_of_nothing():
    loss = jg.Separable(squared_error, 0)
    np.testing.assert_array_equal(jg.grad_cpu(loss, X, args=DATA), [0.0, 0.0])


def test_what_it_must_be_made_of():
    with pytest.raises(TypeError, match=r"term must be a function compiled by numba.njit, got"):
        jg.Separable(abs, 3)
    with pytest.raises(TypeError, match=r"n_terms must be a function compiled by numba.njit or a number, got 2.5"):
        jg.Separable(squared_error, 2.5)
    with pytest.raises(ValueError, match="n_terms must be at least 0, got -1"):
        jg.Separable(squared_error, -1)
    assert repr(jg.Separable(squared_error, 3)) == "Separable(squared_error, 3)"
