"""Difference weights on arbitrary nodes, for many coordinates at once."""

from __future__ import annotations

import numpy as np

from jitgrad._types import FloatArray


def derivative_weights(nodes: FloatArray, m: int) -> FloatArray:
    """Return the weights of the derivative of order `m` at 0 of the polynomial through some nodes.

    Parameters
    ----------
    nodes : ndarray of shape (k, s)
        One row of distinct nodes for each of ``k`` coordinates, of ordinary size (in units of a step).
    m : int
        Order of the derivative, below ``s``.

    Returns
    -------
    ndarray of shape (k, s)

    References
    ----------
    B. Fornberg, "Calculation of weights in finite difference formulas", SIAM Review 40 (1998) 685-691.
    """
    count = nodes.shape[1]
    weights = np.zeros((m + 1, count, len(nodes)))
    weights[0, 0] = 1.0
    before = np.ones(len(nodes))
    for i in range(1, count):
        here, last = nodes[:, i], nodes[:, i - 1]
        product = np.ones(len(nodes))
        for j in range(i):
            gap = here - nodes[:, j]
            product = product * gap
            if j == i - 1:
                for order in range(min(i, m), 0, -1):
                    weights[order, i] = before * (order * weights[order - 1, j] - last * weights[order, j]) / product
                weights[0, i] = -before * last * weights[0, j] / product
            for order in range(min(i, m), 0, -1):
                weights[order, j] = (here * weights[order, j] - order * weights[order - 1, j]) / gap
            weights[0, j] = here * weights[0, j] / gap
        before = product
    return np.ascontiguousarray(weights[m].T)
