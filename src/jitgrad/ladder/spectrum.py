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
from typing import NamedTuple

import numpy as np

from jitgrad._jit import inlined
from jitgrad._types import FloatArray, IntArray
from jitgrad.ladder.steps import displacement_of

NODES = 9  # rungs in one window: smaller ones carry no weight beside the others
REACH = 10  # rungs from the largest to the smallest of a window; beyond it rank is lost
KEPT = 512  # patterns of rungs whose polynomials are kept; a gradient meets some dozens


class Polynomials(NamedTuple):
    """Polynomials of the patterns of rungs met so far, displacements in units of the largest.

    They depend on the rungs alone: what rounding adds to a displacement changes an estimate by that fraction of what
    is extrapolated, which is far below the rounding of the values.

    Attributes
    ----------
    keys : ndarray of int64, shape (kept,)
        Which pattern an entry is for; 0 if none.
    odd, even : ndarray of shape (kept, degrees, nodes)
        Weight times polynomial at each node, for the odd and the even part.
    at_zero : ndarray of shape (kept, degrees)
        The polynomials of the odd part at ``h = 0``.
    even_last : ndarray of shape (kept,)
        The last polynomial of the even part at ``h = 0``: its coefficient over this is by how much the value at the
        point is off the polynomial through all pairs.
    limits : ndarray of shape (kept, degrees, nodes)
        Weights of the slopes in the estimate of each degree, divided by ``sqrt(2)`` for pairs: those of the errors of
        single values over the displacement.
    basis, nodes, weights : ndarray
        Scratch.
    """

    keys: IntArray
    odd: FloatArray
    even: FloatArray
    at_zero: FloatArray
    even_last: FloatArray
    limits: FloatArray
    basis: FloatArray
    nodes: FloatArray
    weights: FloatArray


def make_polynomials() -> Polynomials:
    """Allocate room for polynomials; none is computed."""
    return Polynomials(
        keys=np.zeros(KEPT, np.int64),
        odd=np.empty((KEPT, NODES, NODES)),
        even=np.empty((KEPT, NODES + 1, NODES)),
        at_zero=np.empty((KEPT, NODES)),
        even_last=np.ones(KEPT),
        limits=np.empty((KEPT, NODES, NODES)),
        basis=np.empty((NODES + 1, NODES + 2)),
        nodes=np.empty(NODES + 1),
        weights=np.empty(NODES + 1),
    )


@inlined
def orthonormal(nodes: FloatArray, weights: FloatArray, count: int, basis: FloatArray) -> None:
    """Fill row ``j`` of `basis` with the polynomial of degree ``j`` at the nodes, and at 0 in column `count`.

    Parameters
    ----------
    nodes, weights : ndarray
        The first `count` entries: nodes distinct and between 0 and 1, weights above 0.
    count : int
        Number of nodes, and of polynomials.
    basis : ndarray of shape (count, count + 1) at least

    Notes
    -----
    Gram-Schmidt on ``u * p_(j-1)``, twice, because nodes that crowd towards 0 lose orthogonality in the
    three-term recurrence.
    """
    for i in range(count + 1):
        basis[0, i] = 1.0
    for j in range(count):
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
        norm = 1.0 / math.sqrt(square)
        for i in range(count + 1):
            basis[j, i] *= norm


@inlined
def polynomials_of(polynomials: Polynomials, rungs: IntArray, first: int, count: int, two_sided: bool) -> int:
    """Return the entry that belongs to ``rungs[first : first + count]``, computed if it is not there.

    Parameters
    ----------
    polynomials : Polynomials
    rungs : ndarray of int64
        Descending.
    first, count : int
        The window, of `NODES` rungs and a span of `REACH` at most.
    two_sided : bool
        Whether the rungs are pairs.

    Returns
    -------
    int
    """
    pattern: int = 0
    for i in range(first + 1, first + count):
        pattern |= 1 << (rungs[first] - rungs[i] - 1)
    # The mantissas repeat every eight rungs.
    key = 1 + ((pattern << 3 | rungs[first] & 7) << 1 | (1 if two_sided else 0))
    entry = int(key * 40503 >> 6) % KEPT
    if polynomials.keys[entry] != key:
        polynomials.keys[entry] = key
        compute_entry(polynomials, entry, rungs, first, count, two_sided)
    return entry


@inlined
def compute_entry(
    polynomials: Polynomials, entry: int, rungs: IntArray, first: int, count: int, two_sided: bool
) -> None:
    """Fill in an entry."""
    nodes, weights, basis = polynomials.nodes, polynomials.weights, polynomials.basis
    top = displacement_of(rungs[first])
    for i in range(count):
        h = displacement_of(rungs[first + i]) / top
        nodes[i], weights[i] = (h * h, 2.0 * h * h) if two_sided else (h, h * h)
    orthonormal(nodes, weights, count, basis)
    for j in range(count):
        polynomials.at_zero[entry, j] = basis[j, count]
        for i in range(count):
            polynomials.odd[entry, j, i] = weights[i] * basis[j, i]
    parts = math.sqrt(0.5) if two_sided else 1.0
    for i in range(count):
        total = 0.0
        for j in range(count):
            total += basis[j, count] * weights[i] * basis[j, i]
            polynomials.limits[entry, j, i] = parts * total
    if two_sided:
        for i in range(count):
            weights[i] = 2.0
        nodes[count], weights[count] = 0.0, 1.0
        orthonormal(nodes, weights, count + 1, basis)
        # The node at 0 is where the even part vanishes, so it adds nothing to any coefficient.
        for j in range(count + 1):
            for i in range(count):
                polynomials.even[entry, j, i] = 2.0 * basis[j, i]
        polynomials.even_last[entry] = basis[count, count]
