"""The noise level of a jitted loss."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import ArgsAxes, Bounds, Loss, Vectorize
from jitgrad.noise import NoiseEstimate, noise_along_direction
from jitgrad.prepared.gradient import Gradient


def noise_cpu(
    loss: Loss,
    x: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    bounds: Bounds = None,
    args_axes: ArgsAxes = None,
    seed: int = 0,
    threads: int | None = None,
    vectorize: Vectorize = "auto",
) -> NoiseEstimate:
    """Noise level of a jitted loss at a point, from a few values along a random direction.

    Parameters
    ----------
    loss : numba-jitted function
        ``loss(x, *args) -> float``.
    x : array_like of shape (n,) or (..., n)
        A point, or a batch of points.
    args : tuple, optional
        What the loss takes after ``x``.
    bounds : tuple (lower, upper), optional
        The loss is never evaluated outside.
    args_axes : sequence, optional
        For a batch: which axis of each argument runs along the points, None if all points share it.
    seed : int, default 0
        Of the direction.
    threads : int, optional
        Number of threads. Default: all where that is faster, else one.
    vectorize : {"auto", "off", "require"}, default "auto"
        As in `grad_cpu`.

    Returns
    -------
    NoiseEstimate
        Level (standard deviation of a value, in units of the loss), reason and evaluations, each of shape (...).

    Raises
    ------
    LossCompileError, TypeError, ValueError, Exception
        As in `estimate_cpu`, which gives the noise that each coordinate shows.

    References
    ----------
    J. J. Moré and S. M. Wild, "Estimating Computational Noise", SIAM Journal on Scientific Computing 33 (2011)
    1292-1314.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.round((x * x).sum() * 1e6) / 1e6   # six decimals
    >>> found = jg.noise_cpu(loss, np.linspace(0.1, 0.9, 5))
    >>> bool(1e-7 < found.level < 1e-6)
    True
    """
    points = _check.checked_points(x)
    prepared = Gradient(loss, bounds=bounds, args_axes=args_axes, threads=threads, vectorize=vectorize)
    around = prepared.evaluator(points, _check.checked_args(args))
    limits = prepared.plan(points).formula.limits
    found = noise_along_direction(around, limits[..., 1], limits[..., 2], seed=seed)
    shape = points.shape[:-1]
    return NoiseEstimate(found.level.reshape(shape), found.reason.reshape(shape), found.evaluations.reshape(shape))
