"""Formulas against exact rational arithmetic."""

from fractions import Fraction

import pytest
import sympy

from jitgrad.stencils import ORDERS, first_derivative_weights, stencil

FORMULAS = [(method, order) for method, orders in ORDERS.items() for order in orders]


@pytest.mark.parametrize(("method", "order"), FORMULAS)
def test_weights_are_those_of_sympy(method, order):
    s = stencil(method, order)
    exact = sympy.finite_diff_weights(1, list(s.offsets), 0)[1][-1]
    assert [sympy.Rational(w.numerator, w.denominator) for w in s.weights] == exact


@pytest.mark.parametrize(("method", "order"), FORMULAS)
def test_exact_up_to_the_order_and_not_beyond(method, order):
    s = stencil(method, order)

    def applied(degree):
        return sum(w * Fraction(o) ** degree for o, w in zip(s.offsets, s.weights, strict=True))

    assert [applied(degree) for degree in range(order + 1)] == [0, 1] + [0] * (order - 1)
    assert applied(order + 1) != 0


@pytest.mark.parametrize(("method", "order"), FORMULAS)
def test_offsets_lie_on_the_named_side(method, order):
    s = stencil(method, order)
    low, high = {"central": (-1, 1), "forward": (0, 1), "backward": (-1, 0)}[method]
    assert (min(s.offsets) < 0) == (low < 0)
    assert (max(s.offsets) > 0) == (high > 0)
    assert (0 in s.offsets) == (method != "central")


def test_arbitrary_nodes():
    nodes = (-3, 1, 2, 7)
    exact = sympy.finite_diff_weights(1, list(nodes), 0)[1][-1]
    assert [sympy.Rational(w.numerator, w.denominator) for w in first_derivative_weights(nodes)] == exact


@pytest.mark.parametrize(
    ("method", "order", "message"),
    [
        ("sideways", 2, "method must be one of"),
        ("central", 3, "order must be one of 2, 4, 6, 8"),
        ("forward", 5, "1, 2, 3, 4"),
    ],
)
def test_unknown_formula(method, order, message):
    with pytest.raises(ValueError, match=message):
        stencil(method, order)
