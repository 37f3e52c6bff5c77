"""Where the loss is evaluated around one coordinate, and with which weights: compiled, for any formula.

Away from bounds the nodes are those of the stencil. Near a face, or where rounding moves a node, the weights
are computed for the nodes as they are, so that the formula keeps its order.
"""

from __future__ import annotations

import numpy as np

from jitgrad._jit import element, inlined
from jitgrad._types import Array, FloatArray

FIXED = 0  # lower == upper: no nodes, and the derivative is 0
STEP_VANISHES = -1
BOUNDS_TOO_CLOSE = -2


@element
def representable_step(x: float, h: float, reach: float) -> float:
    """Round `h` so that ``x + k * h`` is a floating-point number for every ``|k| <= reach``.

    Parameters
    ----------
    x, h : float
        Coordinate and step, of the type that the numbers shall be representable in.
    reach : float
        Largest multiple of the step that is used.

    Returns
    -------
    float
        A multiple of the spacing of numbers at the outermost node; 0 if `h` is less than half of it.

    Notes
    -----
    Adding a large number and subtracting it again leaves what its last digit can resolve; that is ten times
    faster than taking the exponent apart. Where ``x`` itself is finer than that spacing (near a power of two,
    or where ``|x| < h``) some node is still rounded, which `place_nodes` notices.
    """
    furthest = abs(x) + reach * h
    return (furthest + h) - furthest if np.isfinite(furthest + h) else h


@element
def slope_weights(displacements: FloatArray, count: int, scale: float, weights: FloatArray) -> None:
    """Fill `weights` with those of the first derivative at 0 on arbitrary distinct nodes.

    Parameters
    ----------
    displacements : ndarray
        The first `count` entries are the nodes, relative to the point of the derivative.
    count : int
        Number of nodes.
    scale : float
        Typical size of a displacement; keeps products in range.
    weights : ndarray
        Receives `count` weights, in units of one over those of `displacements`.

    Notes
    -----
    Derivative at 0 of the Lagrange polynomials: B. Fornberg, Mathematics of Computation 51 (1988) 699-706.
    """
    for k in range(count):
        denominator, slope, product = 1.0, 0.0, 1.0
        for j in range(count):
            if j != k:
                node = displacements[j] / scale
                denominator *= displacements[k] / scale - node
                # Product rule, one factor (0 - node) at a time.
                slope = -slope * node + product
                product *= -node
        weights[k] = slope / (denominator * scale)


@element
def _weights_of_used(
    x: float,
    nodes: Array,
    displacements: FloatArray,
    count: int,
    scale: float,
    stencil: FloatArray,
    form: int,
    weights: FloatArray,
) -> None:
    """Do what `slope_weights` does for the nodes that have a weight in the stencil; the others only check it."""
    used = 0
    for k in range(count):
        if stencil[form, 1, k] != 0.0:
            displacements[used] = displacements[k]
            used += 1
    slope_weights(displacements, used, scale, weights)
    # Spread again in place, from the end: a GPU has no memory to spare.
    for k in range(count - 1, -1, -1):
        displacements[k] = nodes[k] - x
        if stencil[form, 1, k] != 0.0:
            used -= 1
            weights[k] = weights[used]
        else:
            weights[k] = 0.0


@inlined
def place_nodes(
    x: float,
    h: float,
    lower: float,
    upper: float,
    stencil: FloatArray,
    form: int,
    count: int,
    order: int,
    anchor: float,
    nodes: Array,
    displacements: FloatArray,
    weights: FloatArray,
) -> int:
    """Choose the values one coordinate takes, and their weights.

    Parameters
    ----------
    x, h : float
        Coordinate and step.
    lower, upper : float
        Bounds of the coordinate.
    stencil : ndarray of shape (forms, 2, slots)
        Offsets, in ascending order, and weights of the formula, in units of the step.
    form, count : int
        Which of its forms applies, and how many nodes that has.
    order : int
        Accuracy order of the formula.
    anchor : float
        Position of the first node of a formula with `order` equal intervals, as a fraction of its width:
        -1/2 for central, 0 for forward, -1 for backward.
    nodes : ndarray, type of ``x``, size slots
        Receives the values.
    displacements, weights : ndarray of float64, size slots
        Receive ``nodes - x`` and the weights.

    Returns
    -------
    int
        Number of nodes, or one of `FIXED`, `STEP_VANISHES`, `BOUNDS_TOO_CLOSE`.
    """
    if lower == upper:
        return FIXED
    # stencil[form, 0, k] and not stencil[form][0][k]: a view counts references, atomically, which costs 20 ns.
    leftmost, rightmost = stencil[form, 0, 0], stencil[form, 0, count - 1]
    reach = max(abs(leftmost), abs(rightmost))
    real = nodes.dtype.type
    h = float(representable_step(real(x), real(h), real(reach)))
    if h == 0.0:
        return STEP_VANISHES
    exact, inside = True, False
    if x + leftmost * h >= lower and x + rightmost * h <= upper:
        for k in range(count):
            nodes[k] = x + stencil[form, 0, k] * h
            displacements[k] = nodes[k] - x
            exact = exact and displacements[k] == stencil[form, 0, k] * h
        if exact:
            for k in range(count):
                weights[k] = stencil[form, 1, k] / h
            return count
        inside = True
    else:
        count = order + 1
        # Halved, because upper - lower may overflow.
        h = min(h, 2.0 * (0.5 * upper - 0.5 * lower) / order)
        start = min(max(anchor * order * h, lower - x), upper - x - order * h)
        for k in range(count):
            nodes[k] = min(max(x + (start + k * h), lower), upper)
            displacements[k] = nodes[k] - x
    for k in range(1, count):
        if displacements[k] <= displacements[k - 1]:
            return BOUNDS_TOO_CLOSE
    if inside:
        _weights_of_used(x, nodes, displacements, count, h, stencil, form, weights)
    else:
        slope_weights(displacements, count, h, weights)
    return count


@inlined
def place_ordinary_nodes(
    xs: Array,
    h: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    stencil: FloatArray,
    count: int,
    steps: FloatArray,
    placed: Array,
    scaled: FloatArray,
) -> bool:
    """Do what `place_nodes` does where nothing is in the way, for many coordinates at once.

    Loops without branches and over few arrays, so that the compiler makes them compute eight coordinates at a time:
    one by one they took longer than the evaluations of a small loss.

    Parameters
    ----------
    xs, h, lower, upper : ndarray, shape (coordinates,)
        As in `place_nodes`.
    stencil, count
        As in `place_nodes`; the form is that for coordinates that are not 0.
    steps : ndarray of float64, shape (coordinates,)
        Receives the steps that are used.
    placed, scaled : ndarray, shape (slots, coordinates)
        Receive the nodes and their weights.

    Returns
    -------
    bool
        Whether all nodes lie on the stencil; else what was received means nothing.
    """
    leftmost, rightmost = stencil[0, 0, 0], stencil[0, 0, count - 1]
    real = xs.dtype.type
    reach = real(max(abs(leftmost), abs(rightmost)))
    awkward = 0
    for i in range(xs.size):
        x = xs[i]
        step = float(representable_step(real(x), real(h[i]), reach))
        steps[i] = step
        inside = (x + leftmost * step >= lower[i]) & (x + rightmost * step <= upper[i])
        awkward |= not (inside & (lower[i] != upper[i]) & (step != 0.0) & (x != 0.0))
    for s in range(count):
        offset, weight = stencil[0, 0, s], stencil[0, 1, s]
        for i in range(xs.size):
            node = real(xs[i] + offset * steps[i])
            placed[s, i] = node
            awkward |= node - xs[i] != offset * steps[i]
        for i in range(xs.size):
            scaled[s, i] = weight / steps[i]
    return awkward == 0
