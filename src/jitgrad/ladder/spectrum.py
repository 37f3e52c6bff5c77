"""Values on the ladder, written in polynomials that are orthonormal on its rungs.

For a pair of values at ``x + h`` and ``x - h`` put ``d(h) = (f(x+h) - f(x-h)) / 2h``, the odd slope, and
``e(h) = (f(x+h) + f(x-h)) / 2 - f(x)``, the even part. By Taylor's theorem both are power series in ``u = h**2``::

    d = f' + f''' u / 3! + ...          e = f'' u / 2! + f'''' u**2 / 4! + ...

and if every value of the loss carries an independent error of size sigma, that of ``d`` has size
``sigma / (sqrt(2) h)``. Weighted by ``2 h**2`` the slopes have errors of size sigma all alike. Take the polynomials
``p_0, p_1, ...`` in ``u`` that are orthonormal on the rungs under these weights. The coefficients
``z_j = sum of w d p_j`` then say everything at once:

- ``sum of z_j p_j(0) for j <= p`` is the best polynomial of degree ``p`` at ``h = 0``: Richardson extrapolation of
  that depth where there are as many rungs as coefficients, least squares where there are more;
- its error from noise is ``sigma * sqrt(sum of p_j(0)**2)``;
- pure noise gives coefficients that are independent, of mean 0 and variance ``sigma**2``, for every ``j``, while those
  of a smooth function fall off. A plateau at the end of the spectrum is the noise level.

The even part does not help to extrapolate, but its spectrum (weights 2; ``f(x)`` itself is a node at ``u = 0`` of
weight 1) has the same plateau, and costs no evaluation. A one-sided ladder is the same with ``u = h``,
``d = (f(x+h) - f(x)) / h``, weights ``h**2`` and no even part.

Orthonormal polynomials on given nodes: G. E. Forsythe, Journal of SIAM 5 (1957) 74-88.
"""

from __future__ import annotations

import math

from jitgrad._jit import element
from jitgrad._types import FloatArray

NODES = 9  # rungs in one window: smaller ones carry no weight beside the others
DEGREES = 9  # coefficients of the odd part that are looked at, at most
EVEN_DEGREES = DEGREES + 1


@element
def expand(
    nodes: FloatArray,
    weights: FloatArray,
    values: FloatArray,
    count: int,
    degrees: int,
    basis: FloatArray,
    row: int,
    coefficients: FloatArray,
    at_zero: FloatArray,
) -> int:
    """Fill in the coefficients of `values` in the polynomials that are orthonormal on `nodes`.

    Parameters
    ----------
    nodes, weights, values : ndarray
        The first `count` entries; nodes distinct, at most 1 and of order 1, weights above 0.
    count : int
        Number of nodes.
    degrees : int
        Number of coefficients wanted; at most as many as nodes are computed.
    basis : ndarray of shape (degrees, count + 1)
        Scratch: receives the polynomials, their values at 0 in the last column used.
    row : int
        Row of the results to fill.
    coefficients, at_zero : ndarray of shape (rows, degrees)
        Receive the coefficients, and the values of the polynomials at 0.

    Returns
    -------
    int
        How many were computed.

    Notes
    -----
    Gram-Schmidt on ``u * p_(j-1)``, twice, because nodes that crowd towards 0 lose orthogonality in the
    three-term recurrence.
    """
    degrees = min(degrees, count)
    for i in range(count):
        basis[0, i] = 1.0
    basis[0, count] = 1.0
    for j in range(degrees):
        if j > 0:
            for i in range(count):
                basis[j, i] = basis[j - 1, i] * nodes[i]
            basis[j, count] = 0.0
            for _ in range(2):
                for b in range(j):
                    overlap = 0.0
                    for i in range(count):
                        overlap += weights[i] * basis[j, i] * basis[b, i]
                    for i in range(count + 1):
                        basis[j, i] -= overlap * basis[b, i]
        square = 0.0
        for i in range(count):
            square += weights[i] * basis[j, i] * basis[j, i]
        if not square > 0.0:
            return j
        norm = 1.0 / math.sqrt(square)
        total = 0.0
        for i in range(count):
            basis[j, i] *= norm
            total += weights[i] * values[i] * basis[j, i]
        basis[j, count] *= norm
        coefficients[row, j] = total
        at_zero[row, j] = basis[j, count]
    return degrees
