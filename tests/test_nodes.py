"""Nodes and weights of single coordinates, against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitgrad.formula import formula_for
from jitgrad.nodes import BOUNDS_TOO_CLOSE, FIXED, STEP_VANISHES, place_nodes, representable_step, slope_weights
from jitgrad.stencils import ORDERS, stencil
from jitgrad.steps import Scaling

pytestmark = pytest.mark.interpreted

FORMULAS = [(method, order) for method, orders in ORDERS.items() for order in orders]
SCALING = Scaling(0.0, np.zeros(()))


def python(element):
    """The Python function under `element`, which has no entry from Python when it is compiled."""
    return getattr(element, "py_func", element)


def placed(formula, x, h, lower=-np.inf, upper=np.inf, dtype=np.float64):
    table, settings, _ = formula_for(stencil(*formula), SCALING, np.zeros((1, 1, 3)))
    nodes = np.empty(int(settings[0]) + 1, dtype)
    displacements, weights = np.empty(nodes.size), np.empty(nodes.size)
    with np.errstate(all="ignore"):
        count = place(
            dtype(x),
            h,
            lower,
            upper,
            table,
            0,
            int(settings[2]),
            int(settings[0]),
            settings[1],
            nodes,
            displacements,
            weights,
        )
    return count, nodes[: max(count, 0)], weights[: max(count, 0)]


def place(*arguments):
    """Call `place_nodes` as Python; what it calls has no entry from Python either when it is compiled."""
    import jitgrad.nodes as module

    inner = ("representable_step", "slope_weights", "_weights_of_used")
    saved = {name: getattr(module, name) for name in inner}
    for name, element in saved.items():
        setattr(module, name, python(element))
    try:
        return python(place_nodes)(*arguments)
    finally:
        for name, element in saved.items():
            setattr(module, name, element)


def defect(x, nodes, weights, degree):
    """Error of the formula on (v - x)**degree, relative to the size of its terms, in exact arithmetic."""
    terms = [
        Fraction(float(w)) * (Fraction(float(v)) - Fraction(float(x))) ** degree
        for v, w in zip(nodes, weights, strict=True)
    ]
    size = sum(map(abs, terms)) or Fraction(1)
    return abs(float((sum(terms) - (1 if degree == 1 else 0)) / size))


coordinates = st.one_of(st.just(0.0), st.floats(-1e6, 1e6), st.floats(-1e-6, 1e-6))


@pytest.mark.parametrize("formula", FORMULAS)
@given(x=coordinates, exponent=st.floats(-6, 0))
def test_weights_suit_the_nodes_as_they_are(formula, x, exponent):
    h = 10.0**exponent * max(abs(x), 1.0)
    count, nodes, weights = placed(formula, x, h)
    assert count == len(stencil(*formula).offsets)
    for degree in range(count):
        assert defect(x, nodes, weights, degree) < 1e-13


@pytest.mark.parametrize("formula", FORMULAS)
@given(
    x=coordinates,
    exponent=st.floats(-5, 0),
    below=st.floats(0, 12),
    above=st.floats(0, 12),
)
def test_bounds_keep_the_order_and_are_never_left(formula, x, exponent, below, above):
    h = 10.0**exponent * max(abs(x), 1.0)
    lower, upper = x - below * h, x + above * h
    if upper - lower < 1e-3 * h:
        return
    count, nodes, weights = placed(formula, x, h, lower, upper)
    order = formula[1]
    assert count in (order, order + 1)
    assert (nodes >= lower).all()
    assert (nodes <= upper).all()
    for degree in range(order + 1):
        if count == order and degree == order:
            continue  # the central formula has this degree by symmetry, which rounding may break
        assert defect(x, nodes, weights, degree) < 1e-12


@given(x=st.floats(-1e30, 1e30), h=st.floats(1e-12, 1e3), reach=st.integers(1, 4))
def test_representable_step_makes_exact_displacements(x, h, reach):
    step = python(representable_step)(x, h, float(reach))
    furthest = abs(x) + reach * h
    assert abs(step - h) <= np.spacing(furthest + h)
    if step and abs(x) > reach * h and np.frexp(abs(x))[1] == np.frexp(furthest + h)[1]:
        for k in range(-reach, reach + 1):
            assert Fraction(x + k * step) == Fraction(x) + k * Fraction(step)


def test_special_cases():
    assert placed(("central", 2), 1.0, 1e-3, 1.0, 1.0)[0] == FIXED
    assert placed(("central", 2), 1.0, 1e-20)[0] == STEP_VANISHES
    assert placed(("central", 2), np.float32(1.0), 1e-9, dtype=np.float32)[0] == STEP_VANISHES
    tight = np.nextafter(1.0, 2.0)
    assert placed(("central", 4), 1.0, 1e-3, 1.0, tight)[0] == BOUNDS_TOO_CLOSE


def test_huge_coordinates_do_not_overflow():
    big = np.finfo(np.float64).max
    count, nodes, weights = placed(("central", 2), 0.999999 * big, 1e-5 * big, -big, big)
    assert count == 3
    assert np.isfinite(nodes).all()
    assert np.isfinite(weights).all()


def test_slope_weights_of_two_nodes():
    weights = np.empty(2)
    python(slope_weights)(np.array([-0.25, 0.5]), 2, 0.25, weights)
    np.testing.assert_allclose(weights, [-1 / 0.75, 1 / 0.75], rtol=1e-15)
