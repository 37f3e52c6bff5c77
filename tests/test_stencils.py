"""Formulas against exact rational arithmetic."""

from fractions import Fraction

import pytest
import sympy

from jitgrad.stencils import ORDERS, first_derivative_weights, skewed, stencil, with_fraction

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


@pytest.mark.parametrize(("method", "order"), FORMULAS)
def test_a_further_node_has_no_weight_and_changes_nothing(method, order):
    plain, s = stencil(method, order), with_fraction(stencil(method, order), 3, 8)
    further = (-1 if method == "backward" else 1) * Fraction(3, 8)
    assert set(s.offsets) == {further, *plain.offsets}
    assert list(s.offsets) == sorted(s.offsets)
    weights = dict(zip(s.offsets, s.weights, strict=True))
    assert weights.pop(further) == 0
    assert weights == dict(zip(plain.offsets, plain.weights, strict=True))
    assert (s.method, s.order) == (method, order)


@pytest.mark.parametrize(("method", "order"), FORMULAS)
def test_a_skewed_formula_keeps_its_order_and_tells_an_odd_function_from_a_line(method, order):
    plain, s = stencil(method, order), skewed(stencil(method, order))
    exact = [sum(w * Fraction(o) ** k for o, w in zip(s.offsets, s.weights, strict=True)) for k in range(order + 1)]
    assert exact == [0, 1] + [0] * (order - 1)
    if method == "central":
        assert set(s.offsets) == {0, *(o if o > 0 else Fraction(o, 2) for o in plain.offsets)}
        assert not {-o for o in s.offsets if o < 0} >= {o for o in s.offsets if o > 0}
    else:
        assert s == plain


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
