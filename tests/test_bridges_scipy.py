"""What SciPy's solvers get from `jitgrad.bridges.scipy`, and what a missing framework answers."""

import sys

import numpy as np
import pytest
from numba import njit
from scipy.optimize import least_squares, minimize, root

import jitgrad as jg

A = 100.0


@njit
def rosenbrock(x, a):
    return (1 - x[0]) ** 2 + a * (x[1] - x[0] ** 2) ** 2


def rosenbrock_hessian(x, a):
    return np.array([[2 - 4 * a * (x[1] - 3 * x[0] ** 2), -4 * a * x[0]], [-4 * a * x[0], 2 * a]])


@njit
def decay(x, t, y):
    return x[0] * np.exp(-x[1] * t) - y


def test_second_derivatives():
    x, p = np.array([-1.2, 1.0]), np.array([1.0, -2.0])
    problem = jg.scipy_loss(rosenbrock)
    value, gradient = problem.fun(x, A)
    assert value == rosenbrock(x.copy(), A)
    np.testing.assert_allclose(gradient, [-215.6, -88.0], rtol=1e-8)
    # 2e-8 of the loss over the square of the length on which it changes, which is 0.1 here.
    np.testing.assert_allclose(problem.hess(x, A), rosenbrock_hessian(x, A), atol=1e-3)
    np.testing.assert_allclose(problem.hessp(x, p, A), rosenbrock_hessian(x, A) @ p, atol=2e-3)


def test_a_black_box_and_its_workers():
    def plain(x, a):
        return (1 - x[0]) ** 2 + a * (x[1] - x[0] ** 2) ** 2

    def outputs(x):
        return np.array([x[0] * x[1], x[1]])

    x, p = np.array([-1.2, 1.0]), np.array([1.0, -2.0])
    for workers in (None, map):
        problem = jg.scipy_loss(plain, device="blackbox", workers=workers)
        np.testing.assert_allclose(problem.fun(x, A)[1], [-215.6, -88.0], rtol=1e-8)
        np.testing.assert_allclose(problem.hessp(x, p, A), rosenbrock_hessian(x, A) @ p, atol=2e-3)
        function = jg.scipy_function(outputs, device="blackbox", workers=workers)
        np.testing.assert_array_equal(function.fun(x), [-1.2, 1.0])
        np.testing.assert_allclose(function.jac(x), [[1.0, -1.2], [0.0, 1.0]], atol=1e-8)


@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-ncg", "trust-exact"])
def test_minimize(method):
    problem = jg.scipy_loss(rosenbrock)
    second = {"BFGS": {}, "trust-exact": {"hess": problem.hess}}.get(method, {"hessp": problem.hessp})
    found = minimize(problem.fun, [-1.2, 1.0], args=(A,), jac=True, method=method, **second)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)


def test_bounds_hold_for_every_evaluation():
    @njit
    def inside(x):
        if x.min() < 0.0:
            raise ValueError("outside")
        return np.sqrt(x).sum() + ((x - 1.0) ** 2).sum()

    problem = jg.scipy_loss(inside, bounds=(0.0, None))
    found = minimize(problem.fun, [2.0, 3.0], jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * 2)
    x = found.x
    assert np.abs(0.5 / np.sqrt(x) + 2 * (x - 1)).max() < 1e-4
    problem.hessp(np.array([1e-9, 1.0]), np.ones(2))


def test_least_squares_and_root():
    t = np.linspace(0.0, 2.0, 20)
    problem = jg.scipy_function(decay)
    y = 3.0 * np.exp(-0.5 * t)
    np.testing.assert_allclose(problem.jac(np.array([3.0, 0.5]), t, y), np.stack([y / 3, -t * y], 1), atol=1e-9)
    found = least_squares(problem.fun, [1.0, 1.0], problem.jac, args=(t, y))
    np.testing.assert_allclose(found.x, [3.0, 0.5], rtol=1e-7)

    @njit
    def circle(x):
        return x[0] ** 2 + x[1] ** 2 - 2.0, x[0] - x[1]

    both = jg.scipy_function(circle)
    np.testing.assert_allclose(root(both.fun, [2.0, 0.5], jac=both.jac).x, 1.0, rtol=1e-7)


@pytest.mark.parametrize("name", ["torch", "tensorflow", "jax"])
def test_a_missing_framework_is_named_with_what_installs_it(name, monkeypatch):
    verb = {"tensorflow": "tf"}.get(name, name) + "_loss"
    monkeypatch.setitem(sys.modules, name, None)  # makes its import fail
    for module in [module for module in sys.modules if module.startswith(f"jitgrad.bridges.{name}")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(vars(jg), verb, raising=False)
    with pytest.raises(ImportError, match=rf"pip install 'jitgrad\[{name}\]'"):
        getattr(jg, verb)
