"""Gradients inside the user's own ``@njit`` code."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from jitgrad._jit import jitted
from jitgrad._types import Loss, Method
from jitgrad.difference import step_of, usual_size
from jitgrad.formula import ANCHOR, COUNT, formula_for
from jitgrad.loss.accept import jitted_loss
from jitgrad.nodes import place_nodes
from jitgrad.stencils import stencil
from jitgrad.steps import StepRule, Textbook, as_scaling_rule


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
        As in `grad_cpu`, but without a step the textbook one is taken, unchecked: repairs need the launcher. An array
        of steps needs one entry per coordinate.

    Returns
    -------
    numba-jitted function
        ``gradient(x, *args) -> ndarray of shape (n,)``, for one point ``x`` of shape (n,). It runs on the
        calling thread, and may be called from several at once, for instance from a ``prange`` loop.

    Raises
    ------
    TypeError
        If `loss` is not a jitted function, or `step` a rule that looks at the loss.
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
    loss = jitted_loss(loss)
    chosen = stencil(method, order)
    rule = Textbook() if step is None else as_scaling_rule(step)
    # Numbers of a closure are constants to the compiler: both precisions are prepared and one is dropped.
    double, single = (rule.scaling(np.dtype(real), chosen.order) for real in (np.float64, np.float32))
    table, settings, _ = formula_for(chosen, double, np.empty((1, 1, 3)))
    accuracy, anchor = chosen.order, float(settings[ANCHOR])
    floors64, floors32 = np.atleast_1d(double.floor), np.atleast_1d(single.floor)
    relative64, relative32, at_zero = double.relative, single.relative, double.at_zero
    count, knee, least = int(settings[COUNT]), double.knee, double.least
    share, most64, most32 = double.usual, double.most, single.most
    largest64, largest32 = float(np.finfo(np.float64).max), float(np.finfo(np.float32).max)

    @jitted
    def gradient(x: Any, *args: Any) -> Any:
        point = x / x.dtype.type(1)  # a copy; integers become float64, float32 stays
        is_double = point.itemsize == 8
        floors, relative, most, largest = floors64, relative64, most64, largest64
        if not is_double:
            floors, relative, most, largest = floors32, relative32, most32, largest32
        usual = 0.0
        if share > 0.0:
            typical = usual_size(point.reshape((1, point.size)), 0)
            usual = share * step_of(typical, relative, 0.0, 0.0, knee, least, 0.0, 0.0)
        derivatives, scratch = np.empty_like(point), np.empty_like(point)
        nodes = np.empty(accuracy + 1, point.dtype)
        displacements, weights, values = np.empty(accuracy + 1), np.empty(accuracy + 1), np.empty(accuracy + 1)
        at_point, known = 0.0, False  # the loss at the point itself, evaluated at most once
        for j in range(point.size):
            h = step_of(point[j], relative, floors[min(j, floors.size - 1)], at_zero, knee, least, usual, most)
            for side in (BOTH, ABOVE, BELOW):
                lower = point[j] if side == ABOVE else -largest
                upper = point[j] if side == BELOW else largest
                placed = place_nodes(
                    point[j], h, lower, upper, table, 0, count, accuracy, anchor, nodes, displacements, weights
                )
                if placed <= 0:
                    raise ValueError("step must change x, but it is too small for one of the coordinates of x")
                reference = -1
                for s in range(placed):
                    if displacements[s] == 0.0:
                        reference = s
                    if displacements[s] != 0.0 or not known:
                        scratch[:] = point  # in full: the loss may have written to it
                        scratch[j] = nodes[s]
                        values[s] = loss(scratch, *args)
                        if displacements[s] == 0.0:
                            at_point, known = values[s], True
                    else:
                        values[s] = at_point
                subtracted = values[max(reference, 0)]
                total = 0.0
                for s in range(placed):
                    if s != reference:
                        total += weights[s] * (values[s] - subtracted)
                derivatives[j] = total
                if np.isfinite(derivatives[j]):
                    break
                derivatives[j] = np.nan
        return derivatives

    return gradient


BOTH, ABOVE, BELOW = 0, 1, 2
"""Sides of a coordinate, in the order in which they are tried."""
