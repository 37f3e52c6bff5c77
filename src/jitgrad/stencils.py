"""The formulas for first derivatives as data: where to evaluate the loss, and with which weights.

A formula approximates ``f'(x)`` by ``sum(weights[k] * f(x + offsets[k] * h)) / h`` with an error of
``O(h**order)``. The weights are exact rational numbers, obtained from the condition that the formula is exact
for polynomials of degree ``order``, that is from the Lagrange polynomials on the offsets:

    B. Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids",
    Mathematics of Computation 51 (1988) 699-706.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from jitgrad._types import Method

if TYPE_CHECKING:
    from fractions import Fraction

ORDERS: dict[Method, tuple[int, ...]] = {
    "central": (2, 4, 6, 8),
    "forward": (1, 2, 3, 4),
    "backward": (1, 2, 3, 4),
}
"""The accuracy orders on offer for each method."""


class Stencil(NamedTuple):
    """A difference formula for the first derivative.

    Attributes
    ----------
    method : {"central", "forward", "backward"}
        On which side of ``x`` the offsets lie.
    order : int
        The error is ``O(h**order)``.
    offsets : tuple of int or Fraction
        Where the loss is evaluated, in units of the step, in ascending order.
    weights : tuple of Fraction
        Weight of each value, in units of one over the step.
    """

    method: Method
    order: int
    offsets: tuple[int | Fraction, ...]
    weights: tuple[Fraction, ...]


@cache
def stencil(method: Method = "central", order: int | None = None) -> Stencil:
    """Look up a difference formula.

    Parameters
    ----------
    method : {"central", "forward", "backward"}
        Side of the offsets.
    order : int, optional
        Accuracy order: 2, 4, 6 or 8 for central, 1 to 4 for one-sided formulas. Default: 2 for central, 1 for
        one-sided.

    Returns
    -------
    Stencil

    Raises
    ------
    ValueError
        If there is no such formula.

    Examples
    --------
    >>> from jitgrad.stencils import stencil
    >>> [str(w) for w in stencil("central", 4).weights]
    ['1/12', '-2/3', '2/3', '-1/12']
    """
    if method not in ORDERS:
        raise ValueError(f"method must be one of {', '.join(map(repr, ORDERS))}, got {method!r}")
    if order is None:
        order = ORDERS[method][0]
    if order not in ORDERS[method]:
        known = ", ".join(map(str, ORDERS[method]))
        raise ValueError(f"order must be one of {known} for method={method!r}, got {order!r}")
    offsets = _offsets(method, int(order))
    weights = first_derivative_weights(offsets)
    kept = [(o, w) for o, w in zip(offsets, weights, strict=True) if w != 0]
    return Stencil(method, int(order), tuple(o for o, _ in kept), tuple(w for _, w in kept))


def _offsets(method: Method, order: int) -> tuple[int, ...]:
    match method:
        case "central":
            return tuple(range(-order // 2, order // 2 + 1))
        case "forward":
            return tuple(range(order + 1))
        case "backward":
            return tuple(range(-order, 1))


def with_fraction(chosen: Stencil, numerator: int, denominator: int) -> Stencil:
    """Add a node at a fraction of the step, on the side of the formula's own nodes, that has no weight.

    Its value checks the formula.

    Examples
    --------
    >>> from jitgrad.stencils import stencil, with_fraction
    >>> checked = with_fraction(stencil(), 3, 8)
    >>> [str(o) for o in checked.offsets], [str(w) for w in checked.weights]
    (['-1', '3/8', '1'], ['-1/2', '0', '1/2'])
    """
    from fractions import Fraction

    side = -1 if chosen.method == "backward" else 1
    pairs = dict(zip(chosen.offsets, chosen.weights, strict=True))
    pairs[Fraction(side * numerator, denominator)] = Fraction(0)
    offsets = tuple(sorted(pairs))
    return chosen._replace(offsets=offsets, weights=tuple(pairs[o] for o in offsets))


def skewed(chosen: Stencil) -> Stencil:
    """Halve the negative offsets of a central formula, so that an odd function shows in the even part.

    Examples
    --------
    >>> from jitgrad.stencils import skewed, stencil
    >>> [str(o) for o in skewed(stencil()).offsets]
    ['-1/2', '0', '1']
    """
    from fractions import Fraction

    if chosen.method != "central":
        return chosen
    nodes = tuple(sorted({0, *(o if o > 0 else Fraction(o) / 2 for o in chosen.offsets)}))
    return chosen._replace(offsets=nodes, weights=first_derivative_weights(nodes))


def first_derivative_weights(offsets: tuple[int | Fraction, ...]) -> tuple[Fraction, ...]:
    """Derivative at 0 of each Lagrange polynomial on `offsets`, as exact rationals."""
    return tuple(_lagrange_slope_at_zero(k, offsets) for k in range(len(offsets)))


def _lagrange_slope_at_zero(k: int, offsets: tuple[int | Fraction, ...]) -> Fraction:
    from fractions import Fraction  # slow to import, and used once per formula

    others = [o for j, o in enumerate(offsets) if j != k]
    denominator: int | Fraction = 1
    for o in others:
        denominator *= offsets[k] - o
    # Product rule: one factor is differentiated, the rest are evaluated at 0.
    numerator: int | Fraction = 0
    for left_out in range(len(others)):
        term: int | Fraction = 1
        for j, o in enumerate(others):
            if j != left_out:
                term *= -o
        numerator += term
    return Fraction(numerator, denominator)
