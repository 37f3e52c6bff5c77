"""Gradients inside the user's own ``@njit`` code."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from jitgrad._types import Loss, Method
from jitgrad.difference import step_of
from jitgrad.loss.accept import require_jitted
from jitgrad.nodes import place_nodes
from jitgrad.prepared import formula_for
from jitgrad.stencils import stencil
from jitgrad.steps import StepRule, as_rule


def jit_grad(
    loss: Loss,
    *,
    method: Method = "central",
    order: int | None = None,
    step: float | npt.ArrayLike | StepRule | None = None,
) -> Any:
    """Make a jitted function that returns the gradient of a loss, for use inside ``@njit`` code.

    Parameters
    ----------
    loss : numba-jitted function
        ``loss(x, *args) -> float``.
    method, order, step
        As in `grad_cpu`. An array of steps needs one entry per coordinate.

    Returns
    -------
    numba-jitted function
        ``gradient(x, *args) -> ndarray of shape (n,)``, for one point ``x`` of shape (n,). It runs on the
        calling thread, and may be called from several at once, for instance from a ``prange`` loop.

    Raises
    ------
    TypeError
        If `loss` is not a jitted function.
    ValueError
        If an option is out of range; from the compiled function, if a step is too small to change ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return (x * x).sum()
    >>> gradient = jg.jit_grad(loss)
    >>> @njit
    ... def descend(x):
    ...     for _ in range(50):
    ...         x = x - 0.25 * gradient(x)
    ...     return x
    >>> bool(np.abs(descend(np.array([1.0, 2.0]))).max() < 1e-6)
    True
    """
    require_jitted(loss)
    chosen = stencil(method, order)
    rule = as_rule(step)
    # Numbers of a closure are constants to the compiler, so both precisions are prepared and one is dropped.
    double, single = (rule.scaling(np.dtype(t), chosen.order) for t in (np.float64, np.float32))
    table, settings, _ = formula_for(chosen, double, np.zeros((1, 1, 3)))
    anchor, nodes_at_most = settings[1], chosen.order + 1
    floors = np.atleast_1d(double.floor), np.atleast_1d(single.floor)
    largest = float(np.finfo(np.float64).max), float(np.finfo(np.float32).max)

    @numba.njit(error_model="numpy", nogil=True)  # type: ignore[untyped-decorator]
    def gradient(x: Any, *args: Any) -> Any:
        point = x + 0.0 * x.dtype.type(0)  # integers become float64
        is_double = np.finfo(point.dtype).bits == 64
        scaling = double if is_double else single
        return point

    return gradient
