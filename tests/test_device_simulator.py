"""Losses in the simulator, called through views and columns, against the same losses on copies of x."""

from __future__ import annotations

import numpy as np
import pytest
from losses import on_copies
from numba import njit, typeof

from jitgrad.testing import scenarios

pytestmark = pytest.mark.simulator


@pytest.fixture(scope="module")
def launch():
    """Evaluate a loss at x with element i replaced, one thread for each i."""
    # The simulator puts itself in place of `cuda` in the globals of a kernel, and nowhere else.
    global cuda  # noqa: PLW0603
    from numba import config, cuda

    from jitgrad.loss.device.form import compiling, device_form, open_arena, perturbed

    assert config.ENABLE_CUDASIM, "run these with NUMBA_ENABLE_CUDASIM=1"

    def run(loss, x, v, args, column):
        call = device_form(loss)

        @cuda.jit
        def kernel(x, v, args, arenas, columns, values, oks):
            t = cuda.grid(1)
            if t < x.size:
                open_arena(arenas, t)
                if column:
                    y = columns[:, t]
                    for j in range(x.size):
                        y[j] = x[j]
                    y[t] = v[t]
                    values[t], oks[t] = call(y, args)
                else:
                    values[t], oks[t] = call(perturbed(x, t, v[t]), args)

        n = x.size
        values, oks = np.empty(n), np.zeros(n, np.bool_)
        with compiling():
            kernel[1, n](x, v, args, np.zeros((n, 2), np.int64), np.empty((n, n), x.dtype), values, oks)
        return values, oks

    return run


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["f64", "f32"])
@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
def test_every_scenario_is_the_loss_itself(scenario, dtype, launch):
    from jitgrad.loss.device.twin import PerturbedArray

    x = scenario.point.astype(dtype)
    v = x + dtype(0.125)
    expected = on_copies(scenario.loss, x, v, scenario.args)
    values, oks = launch(scenario.loss, x, v, scenario.args, column=True)
    assert oks.all()
    np.testing.assert_array_equal(values, expected)
    if scenario.name in {"array_expressions", "on_the_sphere"}:
        return
    # In the main thread first: a thread of the simulator must not compile while another imports.
    scenario.loss.compile((typeof(PerturbedArray(x, 0, v[0])), *map(typeof, scenario.args)))
    values, oks = launch(scenario.loss, x, v, scenario.args, column=False)
    assert oks.all()
    np.testing.assert_array_equal(values, expected)


def test_a_loss_that_raises_says_so(launch):
    @njit
    def loss(x):
        if x[1] > 1:
            raise ValueError("above 1")
        return x[0]

    values, oks = launch(loss, np.zeros(3), np.full(3, 2.0), (), column=True)
    assert oks.tolist() == [True, False, True]
    np.testing.assert_array_equal(values, [2.0, np.nan, 0.0])


def test_a_loss_that_writes_leaves_x(launch):
    @njit("float64(float64[::1], float64[:])")
    def loss(x, w):
        x[0] *= 2
        return x[0] + w[0] * x[1]

    x = np.arange(3.0)
    values, oks = launch(loss, x, x + 1, (np.ones(1),), column=True)
    assert oks.all()
    np.testing.assert_array_equal(values, [3.0, 2.0, 1.0])
    np.testing.assert_array_equal(x, np.arange(3.0))


def test_arrays_come_out_of_what_wraps_them():
    from collections import namedtuple

    from jitgrad.loss.device.twin import plain

    pair = namedtuple("Pair", "a b")
    assert plain(pair(1, (2.0, np.ones(1)))) == pair(1, (2.0, np.ones(1)))
