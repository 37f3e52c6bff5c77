"""Other ways to the same gradient, for comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import njit


def loop_by_hand(loss: Any) -> Callable[..., np.ndarray]:
    """Central differences as a user of numba would write them, specialised on the loss."""

    @njit(parallel=True, error_model="numpy")
    def gradient(x, *args):
        result = np.empty_like(x)
        for i in numba.prange(x.size):
            moved = x.copy()
            h = 6e-6 * max(abs(x[i]), 1.0)
            moved[i] = x[i] + h
            above = loss(moved, *args)
            moved[i] = x[i] - h
            result[i] = (above - loss(moved, *args)) / (2.0 * h)
        return result

    return gradient


def scipy_differences(loss: Any, method: str) -> Callable[..., np.ndarray]:
    """Differences as ``scipy.optimize.minimize(jac=method)`` computes them, with the same jitted loss."""
    from scipy.optimize._numdiff import approx_derivative

    def gradient(x, *args):
        return approx_derivative(loss, x, method=method, args=args)

    return gradient
