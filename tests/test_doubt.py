"""What the values of a formula show about its derivative: against exact arithmetic and on either side of thresholds."""

from fractions import Fraction

import numpy as np
import pytest

from jitgrad.auto.doubt import (
    AMPLIFICATION,
    CURVED,
    DISAGREES,
    DOUBT,
    FURTHER,
    GAP,
    LARGEST,
    NOISE,
    NOT_FINITE,
    ROUNDING,
    compare_all,
    examine_all,
    judge_all,
)
from jitgrad.difference import NO_FAULT, combine, differences, differences_further
from jitgrad.formula import LONGEST, THRESHOLDS, formula_for, thresholds
from jitgrad.stencils import stencil
from jitgrad.steps import Auto

pytestmark = pytest.mark.interpreted

EPS = np.finfo(np.float64).eps
DOUBLE = np.dtype(np.float64)
CHECKS = thresholds(Auto(), DOUBLE, 2)
CHECKS[LONGEST] = 1.0  # the rows below have steps of up to 1
X = np.array([[0.7, -1.3, 0.0, 1e5, 0.25], [3.0, 1e-3, 0.0, -2.0, 0.25]])


def formula(method, order, verify, dtype=np.float64, lower=-1e30, upper=1e30):
    auto, form = Auto(verify=verify), stencil(method, order)
    limits = np.stack(np.broadcast_arrays(0.0, lower, upper), axis=-1).reshape(1, -1, 3).astype(np.float64)
    return formula_for(form, auto.scaling(np.dtype(dtype), order), limits, auto, np.dtype(dtype))


def slope(nodes, values):
    """Derivative at 0 of the polynomial through some points, in Newton's form."""
    c = list(values)
    for level in range(1, len(nodes)):
        for i in range(len(nodes) - 1, level - 1, -1):
            c[i] = (c[i] - c[i - 1]) / (nodes[i] - nodes[i - level])
    value, derivative = c[-1], Fraction(0)
    for node, coefficient in zip(nodes[-2::-1], c[-2::-1], strict=True):
        derivative = -derivative * node + value
        value = -value * node + coefficient
    return derivative


def weight(nodes):
    """Sum of the sizes of the weights of a formula."""
    return sum(abs(slope(nodes, [Fraction(int(j == k)) for j in range(len(nodes))])) for k in range(len(nodes)))


def expected(found, values, t, drops, share):
    """Gap and amplification of target `t` without rounding, from where its nodes are.

    Of each formula of lower order after the first only a `share` counts.
    """
    probes = found.probes
    m = len(probes.points)
    mine = range(found.first[t], found.first[t + 1])
    p = probes.point[mine[0]]
    x = Fraction(float(probes.points[p, probes.coordinate[mine[0] - m]]))
    points = sorted((Fraction(float(probes.value[k - m])) - x, Fraction(float(values[k]))) for k in mine)
    itself = (Fraction(0), Fraction(float(values[p])))
    # A node without a weight is there for the lower formulas.
    weighted = [point for point, w in zip(points, found.weights[mine.start : mine.stop], strict=True) if w != 0.0]
    used = [*weighted, itself] if found.reference[t] == p else weighted
    nodes = [node for node, _ in used]
    exact = slope(nodes, [value for _, value in used])
    amplification = weight(nodes) / 2
    gap, left, heaviest = Fraction(0), points, amplification
    for drop in range(drops):
        if len(left) < 2:
            break
        left = left[1:] if abs(left[0][0]) >= abs(left[-1][0]) else left[:-1]
        lower_nodes, lower_values = zip(*[*left, itself], strict=True)
        heaviest = max(heaviest, weight(lower_nodes))
        lower = share**drop * (exact - slope(lower_nodes, lower_values))
        gap = lower if abs(lower) > abs(gap) else gap
    return exact, gap, amplification, heaviest


CASES = [
    ("central", 2, False, {}),
    ("central", 4, False, {}),
    ("central", 2, True, {}),
    ("central", 4, True, {}),
    ("forward", 1, True, {}),
    ("forward", 2, False, {}),
    ("backward", 3, True, {}),
    ("central", 2, False, {"lower": X.min(0), "upper": X.max(0) + 1.0}),  # on the faces
    ("central", 4, True, {"lower": X.min(0) - 1e-5, "upper": X.max(0) + 1e-9}),
]


@pytest.mark.parametrize(("method", "order", "verify", "bounds"), CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_evidence_is_that_of_exact_arithmetic(method, order, verify, bounds, dtype):
    points = X.astype(dtype)
    bounds = {name: np.float64(bound.astype(dtype)) for name, bound in bounds.items()} if bounds else {}
    if "lower" in bounds:
        bounds = {
            "lower": np.minimum(bounds["lower"], points.min(0)),
            "upper": np.maximum(bounds["upper"], points.max(0)),
        }
    chosen = formula(method, order, verify, dtype, **bounds)
    targets = np.arange(points.size)
    found, _ = differences(points, targets, chosen)
    assert found.fault == NO_FAULT
    values = np.random.default_rng(order).normal(size=found.probes.point.size)
    gradient = np.empty(points.size)
    combine(found, values, gradient)
    checks = chosen.settings[THRESHOLDS:]
    evidence = examine_all(found, values, gradient, checks)
    drops = 1 + verify + (dtype == np.float32)
    for t in targets:
        mine = slice(found.first[t], found.first[t + 1])
        exact, gap, amplification, heaviest = expected(
            found, values, t, drops, Fraction(1, 10 if dtype == np.float32 else 1)
        )
        # Each weight is a product of some ten factors, each rounded; of the formula itself or of one of lower order.
        room = 20 * EPS * float(amplification + heaviest) * 2 * np.abs(values).max()
        assert abs(gradient[t] - exact) <= room
        assert abs(evidence[t, GAP] - gap) <= room
        np.testing.assert_allclose(evidence[t, AMPLIFICATION], float(amplification), rtol=50 * EPS)
        assert evidence[t, LARGEST] == np.abs([values[t // points.shape[1]], *values[mine]]).max()
        assert evidence[t, DOUBT] == 0.0


def test_a_parabola_has_the_gap_of_its_curvature():
    chosen = formula("central", 2, False)
    found, _ = differences(X[:, :2].copy(), np.arange(4), chosen)
    moved = np.concatenate([[0.0, 0.0], found.probes.value - X[found.probes.point[2:], found.probes.coordinate]])
    values = 1.0 + 3.0 * moved + 5.0 * moved**2
    gradient = np.empty(4)
    combine(found, values, gradient)
    evidence = examine_all(found, values, gradient, CHECKS)
    # Of the pair the lower node is dropped: the slope from x to the upper one is 3 + 5 h.
    h = 4.0 * EPS ** (1 / 3) * np.where(np.abs(X[:, :2]) > 1.0, np.sqrt(np.abs(X[:, :2])), np.abs(X[:, :2])).reshape(-1)
    np.testing.assert_allclose(evidence[:, GAP], -5.0 * h, rtol=1e-9 / h.min())
    np.testing.assert_allclose(evidence[:, AMPLIFICATION], 0.5 / h, rtol=1e-9)


def test_a_fixed_coordinate_shows_nothing():
    chosen = formula("central", 2, False, lower=[0.7, -9.0], upper=[0.7, 9.0])
    points = X[:1, :2].copy()
    found, _ = differences(points, np.arange(2), chosen)
    evidence = examine_all(found, np.array([1.0, 2.0, 3.0]), np.zeros(2), CHECKS)
    assert not evidence[0].any()
    assert evidence[1, AMPLIFICATION] > 0.0


def test_a_second_look_has_the_nodes_of_larger_steps():
    chosen = formula("central", 4, False)
    points = X[:, [0, 1, 3]].copy()
    near, _ = differences(points, np.arange(6), chosen)
    far, _ = differences_further(points, np.arange(6), chosen, FURTHER)
    x = points[near.probes.point[2:], near.probes.coordinate]
    np.testing.assert_array_equal(far.probes.coordinate, near.probes.coordinate)
    # Steps are multiples of the spacing at the outermost node: 1e-5 of them at most.
    np.testing.assert_allclose(far.probes.value - x, FURTHER * (near.probes.value - x), rtol=1e-5)


def as_evidence(rows):
    return np.array([[gap, size, size, largest, 0.0] for gap, size, largest in rows], np.float64)


def judged(rows, checks=CHECKS, at_point=1.0):
    """Judge derivatives of one point, each row being gradient, gap, amplification and spread, largest value."""
    gradient = np.array([row[0] for row in rows], np.float64)
    evidence = as_evidence([row[1:] for row in rows])
    doubtful, quiet = judge_all(gradient, evidence, checks, np.array([at_point]))
    doubts = evidence[:, DOUBT].astype(int).tolist()
    assert doubtful == sum(doubt != 0 for doubt in doubts)
    return doubts, quiet


UNIT, DROWNED, CURVATURE = EPS, 3e-3, 3e-3  # as documented: `thresholds`


@pytest.mark.parametrize(
    ("row", "doubt"),
    [
        ((1.0, 0.0, 1.0, 1.0), 0),
        ((0.0, 0.0, 0.0, 0.0), 0),  # fixed
        ((np.nan, 0.0, 1.0, 1.0), NOT_FINITE),
        ((1.0, np.inf, 1.0, 1.0), NOT_FINITE | CURVED),
        ((1.01 * UNIT / DROWNED, 0.0, 1.0, 1.0), 0),
        ((0.99 * UNIT / DROWNED, 0.0, 1.0, 1.0), ROUNDING),
        ((-0.99 * UNIT / DROWNED * 8.0, 0.0, 4.0, 2.0), ROUNDING),
        ((-1.01 * UNIT / DROWNED * 8.0, 0.0, 4.0, 2.0), 0),
        ((1.0, 0.99 * CURVATURE, 1.0, 1.0), 0),
        ((1.0, -1.01 * CURVATURE, 1.0, 1.0), CURVED),
        ((0.0, 0.0, 1.0, 1.0), ROUNDING),  # no difference at all
        ((0.0, 0.0, 1.0, 0.0), 0),  # a loss that is 0
        ((1e-18, 11.0 * EPS, 1.0, 1.0), ROUNDING),  # a bend of rounding: no curvature
        ((1e-18, 13.0 * EPS, 1.0, 1.0), ROUNDING | CURVED),
    ],
)
def test_every_doubt_begins_at_its_threshold(row, doubt):
    assert judged([row])[0] == [doubt]


def test_stated_noise_drowns_a_difference():
    checks = thresholds(Auto(noise=1e-6), DOUBLE, 2)
    checks[LONGEST] = 1.0
    rows = [(f * 2e-6 / DROWNED, 0.0, 1.0, 1.0) for f in (0.99, 1.01)]
    assert judged(rows, checks)[0] == [ROUNDING, 0]


@pytest.mark.parametrize("count", [8, 300, 5000])
def test_noise_is_the_lower_quartile_of_the_bends(count):
    # Equal bends of all coordinates are noise of 1 / 0.32 times that.
    bend = 1e-5
    limit = bend / 0.32 / DROWNED
    rows = [(f * limit, bend, 1.0, 1.0) for f in (0.99, 1.01)] * (count // 2)
    assert judged(rows)[0] == [NOISE, 0] * (count // 2)
    # A smooth loss: a quarter of the coordinates shows that there is none.
    quiet = [(limit, bend if k % 3 else 0.0, 1.0, 1.0) for k in range(count)]
    assert judged(quiet)[0] == [0] * count
    few = rows[:6]
    assert judged(few)[0] == [0] * 6


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_few_coordinates_are_quiet_where_chance_would_not_make_them_so(count):
    # Noise of 0.005 of the difference gives a bend below b with the probability b / 0.015; all of them: 1e-4.
    limit = 0.015 * 1e-4 ** (1 / count)
    assert judged([(1.0, 0.99 * limit, 1.0, 1.0)] * count) == ([0] * count, True)
    assert judged([(1.0, 1.01 * limit, 1.0, 1.0)] * count) == ([0] * count, False)
    # Doubtful coordinates get the ladder in any case; those that are fixed or not finite say nothing.
    silent = [(0.0, 0.0, 0.0, 0.0), (np.nan, np.nan, 1.0, 1.0)]
    assert judged([(1.0, 0.99 * limit, 1.0, 1.0)] * count + silent)[1]
    assert not judged([(1.0, 1.01 * limit, 1.0, 1.0)] * count + silent)[1]


def test_many_coordinates_need_no_second_look():
    assert judged([(1.0, 0.02, 1.0, 1.0)] * 8)[1]


def test_points_are_judged_one_by_one():
    rows = np.tile([1e-3, 1e-5, 1.0, 1.0], (16, 1))
    rows[8:, 1] = 1e-12
    evidence = as_evidence(rows[:, 1:])
    doubtful, quiet = judge_all(rows[:, 0].copy(), evidence, CHECKS, np.ones(2))
    assert evidence[:, DOUBT].tolist() == [NOISE | CURVED] * 8 + [0] * 8
    assert (doubtful, quiet) == (8, True)
    loud = np.tile([1.0, 0.002, 1.0, 1.0], (4, 1))
    loud[:2, 1] = 0.0
    evidence = as_evidence(loud[:, 1:])
    assert judge_all(loud[:, 0].copy(), evidence, CHECKS, np.ones(2)) == (0, False)


def test_a_second_look_disagrees_beyond_a_fifth_of_a_per_cent():
    gradient = np.array([1.0, 1.0, -1.0, 1.0, 0.0])
    further = np.array([1.0019, 1.0021, -0.9979, np.nan, 0.0])
    evidence = np.zeros((5, 5))
    evidence[2, DOUBT] = CURVED
    assert compare_all(gradient, further, evidence) == 3
    assert evidence[:, DOUBT].tolist() == [0, DISAGREES, DISAGREES | CURVED, DISAGREES, 0]
