"""Extrapolation: weights against exact rationals, derivatives and error bars against closed forms."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from jitgrad.extrapolation import PolynomialFit, Richardson, Ridders
from jitgrad.extrapolation.levels import node_weights
from jitgrad.extrapolation.polynomial import fit
from jitgrad.extrapolation.table import Slopes, entries, sigma_of, weights
from jitgrad.launch.cpu import evaluate
from jitgrad.launch.evaluator import Evaluator
from jitgrad.loss.bind import bind
from jitgrad.stencils import ORDERS, stencil
from jitgrad.steps import Extrapolation, Relative, Search
from jitgrad.testing import scenario

pytestmark = pytest.mark.interpreted

FORMULAS = [(method, order) for method, orders in ORDERS.items() for order in orders]
RULES = (Richardson(), Ridders(), PolynomialFit())
LARGEST = float(np.finfo(np.float64).max)


class Recorder:
    """A launcher for a function of one variable, that remembers where it was called."""

    def __init__(self, function):
        self.function, self.lists = function, []

    def __call__(self, probes):
        x = probes.points[probes.point, 0].astype(probes.points.dtype)
        before = x.copy()
        x[np.diff(probes.begin) > 0] = probes.value
        displaced = x != before  # the point itself is a displacement by nothing
        self.lists.append((probes.point[displaced], x[displaced]))
        with np.errstate(all="ignore"):
            return np.asarray(self.function(x), np.float64)

    @property
    def rounds(self):
        return sum(values.size > 0 for _, values in self.lists)

    @property
    def probes(self):
        return np.concatenate([np.empty((0, 2)), *(np.column_stack([p, v]) for p, v in self.lists)])


def search(function, x, method="central", order=None, lower=-LARGEST, upper=LARGEST, dtype=np.float64):
    """A search for the derivative of `function` at every entry of `x`, each a point of one coordinate."""
    points = np.asarray(x, dtype).reshape(-1, 1)
    recorder = Recorder(function)
    bounds = (np.broadcast_to(np.float64(bound), len(points)).copy() for bound in (lower, upper))
    return Search(Evaluator(points, recorder), np.arange(len(points)), *bounds, stencil(method, order)), recorder


def exponents(method, order):
    power = 2 if method == "central" else 1
    return power, order // power


ratios = st.fractions(Fraction(6, 5), 8, max_denominator=10)


@given(ratio=ratios, levels=st.integers(1, 7), gap=st.integers(1, 4), power=st.sampled_from([1, 2]))
def test_weights_of_rational_steps_are_exact(ratio, levels, gap, power):
    u = np.array([(1 / ratio**k) ** power for k in range(levels)], object)
    w = weights(u, gap)
    assert w.sum() == 1
    assert [(w * u ** (gap + i)).sum() for i in range(levels - 1)] == [0] * (levels - 1)


@given(ratio=ratios, levels=st.integers(1, 6), gap=st.integers(1, 4))
def test_weights_in_floating_point_agree_with_the_rational_ones(ratio, levels, gap):
    exact = weights(np.array([1 / ratio**k for k in range(levels)], object), gap)
    found = weights(np.array([[float(1 / ratio**k) for k in range(levels)]]), np.array([gap]))[0]
    # A difference u_k - u_j of neighbours loses a factor r / (r - 1) of the precision of the u's, and the sum that the
    # weights are divided by cancels down to 1 from the sum of their absolute values.
    loss = (levels + gap + 1) * float(ratio / (ratio - 1)) * 2.0**-52
    np.testing.assert_allclose(found, exact.astype(float), rtol=loss * float(1 + abs(exact).sum()))


@pytest.mark.parametrize(("method", "order"), FORMULAS)
@pytest.mark.parametrize("ratio", [Fraction(2), Fraction(7, 5), Fraction(3)])
def test_a_table_of_any_formula_is_exact_for_polynomials_of_its_degree(method, order, ratio):
    formula = stencil(method, order)
    power, gap = exponents(method, order)
    x, levels = Fraction(3, 7), 4
    steps = [ratio**-k for k in range(levels)]
    w = weights(np.array([h**power for h in steps], object), gap)
    highest = order + (levels - 1) * power
    for degree in range(highest + 1):
        slopes = [
            sum(weight * (x + o * h) ** degree for o, weight in zip(formula.offsets, formula.weights, strict=True)) / h
            for h in steps
        ]
        wanted = degree * x ** (degree - 1) if degree else 0
        assert sum(a * d for a, d in zip(w, slopes, strict=True)) == wanted
    # And not by accident: one degree more is wrong.
    slopes = [
        sum(weight * (o * h) ** (highest + 1) for o, weight in zip(formula.offsets, formula.weights, strict=True)) / h
        for h in steps
    ]
    assert sum(a * d for a, d in zip(w, slopes, strict=True)) != 0


def test_five_points_at_four_steps_are_extrapolated_with_the_right_exponents():
    mpmath.mp.dps = 40
    h, formula = mpmath.mpf("0.2"), stencil("central", 4)
    steps = [h / 2**k for k in range(4)]
    slopes = [
        sum(
            mpmath.mpf(w.numerator) / w.denominator * mpmath.exp(1 + o * s)
            for o, w in zip(formula.offsets, formula.weights, strict=True)
        )
        / s
        for s in steps
    ]
    rational = weights(np.array([Fraction(1, 4**k) for k in range(4)], object), 2)
    found = sum(mpmath.mpf(w.numerator) / w.denominator * d for w, d in zip(rational, slopes, strict=True))
    # The exponents 4, 8, 12 that some packages take leave 2.3e-12.
    assert (
        abs(found - mpmath.e)
        < 4e-16
        < 1e-3
        * abs(
            (16 * slopes[3] - slopes[2]) / 15
            + ((16 * slopes[3] - slopes[2]) / 15 - (16 * slopes[2] - slopes[1]) / 15) / 255
            - mpmath.e
        )
        * 1e3
    )


def test_the_derivative_of_exp_in_floating_point():
    s, _ = search(np.exp, [1.0], order=4)
    found = Richardson(levels=4, start=0.2).extrapolate(s)
    # Truncation of 4e-16 (above), and rounding of the values, eps e / 2, over the smallest steps, 0.025.
    assert abs(found.derivative[0] - math.e) < 2.0**-53 * math.e / 0.025
    assert abs(found.derivative[0] - math.e) < found.error[0]


@given(
    x=st.floats(-10, 10),
    h=st.floats(1e-3, 1),
    jitter=st.lists(st.floats(-0.2, 0.2), min_size=4, max_size=4),
)
def test_node_weights_are_the_slopes_of_lagrange_polynomials(x, h, jitter):
    nodes = h * (np.array([-2.0, -1.0, 1.0, 2.0]) + jitter)
    found = node_weights(nodes)
    exact = [Fraction(v) for v in nodes]
    for k in range(4):
        wanted = 1 / exact[k]
        for j in range(4):
            if j != k:
                wanted *= exact[j] / (exact[j] - exact[k])
        assert abs(found[k] - float(wanted)) <= 16 * 2.0**-52 * abs(float(wanted))


SMOOTH = {
    "exp": (np.exp, np.exp, 0.1, 4.0),
    "log": (np.log, lambda x: 1 / x, 0.1, 12.0),
    "inverse": (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2, 0.1, 12.0),
    "quartic": (lambda x: x**4 - 3 * x, lambda x: 4 * x**3 - 3, -3.0, 3.0),
    "sine": (np.sin, np.cos, 0.1, 4.0),
}


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("order", [2, 4, 6])
def test_central_formulas_reach_rounding_and_their_bars_cover(name, rule, order):
    function, derivative, low, high = SMOOTH[name]
    x = np.random.default_rng(3).uniform(low, high, 200)
    s, _ = search(function, x, order=order)
    found = rule.extrapolate(s)
    error = np.abs(found.derivative - derivative(x))
    assert np.median(error / np.abs(derivative(x))) < 2e-14
    # Bars are three standard deviations of the rounding and more.
    assert (error <= found.error).mean() >= 0.99
    assert np.median(found.error) < 1e-11 * np.median(np.abs(derivative(x)))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_one_sided_formulas_stay_on_their_side(rule, method, order):
    x = np.random.default_rng(4).uniform(0.5, 3.0, 100)
    s, recorder = search(np.exp, x, method, order)
    found = rule.extrapolate(s)
    point, value = recorder.probes.T
    side = np.sign(value - x[point.astype(int)])
    assert (side == (1 if method == "forward" else -1)).all()
    error = np.abs(found.derivative - np.exp(x))
    assert (error <= found.error).mean() >= 0.95
    assert np.median(error / np.exp(x)) < 1e-8


@pytest.mark.parametrize("sigma", [1e-8, 1e-4, 1e-2])
@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
def test_bars_cover_in_noise_that_nobody_announced(rule, sigma):
    rng = np.random.default_rng(5)
    x = rng.uniform(0.5, 4.0, 1000)
    s, _ = search(lambda v: np.sin(v) + sigma * rng.normal(size=v.shape), x)
    found = rule.extrapolate(s)
    covered = (np.abs(found.derivative - np.cos(x)) <= found.error).mean()
    # 1000 trials tell a coverage of 94 % from one of 92 % at three standard deviations.
    assert covered >= 0.92


def test_the_noise_of_a_table_is_found():
    rng = np.random.default_rng(6)
    rows, levels = 2000, 8
    h = 0.25 * 2.0 ** -np.arange(levels)
    unit = np.broadcast_to(1 / (np.sqrt(2) * h), (rows, levels))
    slopes = Slopes(
        u=np.broadcast_to(h**2, (rows, levels)),
        gap=np.ones(rows, int),
        slope=np.cos(1.0) - np.cos(1.0) * h**2 / 6 + 1e-5 * unit * rng.normal(size=(rows, levels)),
        unit=unit,
        usable=np.full(rows, levels),
        sigma=np.full(rows, 1e-16),
    )
    found = sigma_of(slopes, entries(slopes, levels))
    # Eight values, of which the odd part of the loss takes two: a factor of 4 in nine cases of ten.
    assert ((found > 1e-5 / 4) & (found < 4 * 1e-5)).mean() >= 0.9


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
def test_each_round_is_one_probe_list(rule):
    x = np.array([0.3, 1.0, 2.0, 0.0])
    s, recorder = search(lambda v: np.where(v > 1.5, v**2, np.exp(v)), x)
    found = rule.extrapolate(s)
    spent = found.evaluations
    assert spent.sum() == len(recorder.probes)
    if isinstance(rule, Richardson):
        assert recorder.rounds == 1
        assert (spent == 2 * rule.levels).all()
    else:
        # A round adds a pair for the coordinates that are not finished; the parabola is the first to be.
        assert recorder.rounds == 1 + (spent.max() - 6) / 2
        assert spent[2] < spent[:2].min()


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
def test_blocks_of_coordinates_do_not_know_of_each_other(rule, monkeypatch):
    x = np.random.default_rng(11).uniform(0.5, 3.0, 7)
    at_once = rule.extrapolate(search(np.exp, x)[0])
    monkeypatch.setattr("jitgrad.extrapolation.rounds.BLOCK", 3)
    in_blocks = rule.extrapolate(search(np.exp, x)[0])
    for whole, parts in zip(at_once, in_blocks, strict=True):
        np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize(
    ("order", "ratio", "evaluations"),
    [
        (2, 2.0, 12),  # nothing in common
        (4, 2.0, 4 + 5 * 2),  # the outer pair is the inner pair of the level before
        (8, 2.0, 8 + 5 * 4),  # 4 h and 2 h are there already
        (6, 3.0, 6 + 5 * 4),  # 3 h
        (4, 1.4, 24),
    ],
)
def test_nodes_that_levels_have_in_common_are_evaluated_once(order, ratio, evaluations):
    x = np.array([0.3, -1.7, 1e-5, 0.0, 123.4])
    s, recorder = search(np.sin, x, order=order)
    found = Richardson(levels=6, ratio=ratio).extrapolate(s)
    assert (found.evaluations == evaluations).all()
    assert len(np.unique(recorder.probes, axis=0)) == len(recorder.probes)


@given(
    x=st.floats(-5, 5),
    below=st.floats(0, 1e-3) | st.floats(0, 10),
    above=st.floats(0, 1e-3) | st.floats(0, 10),
    formula=st.sampled_from(FORMULAS),
    dtype=st.sampled_from([np.float64, np.float32]),
    rule=st.sampled_from(RULES),
)
def test_the_loss_is_never_evaluated_outside_its_bounds(x, below, above, formula, dtype, rule):
    x = float(dtype(x))
    lower, upper = float(dtype(x - below)), float(dtype(x + above))
    s, recorder = search(np.exp, [x], *formula, lower=lower, upper=upper, dtype=dtype)
    found = rule.extrapolate(s)
    values = recorder.probes[:, 1]
    assert ((values >= lower) & (values <= upper)).all()
    if lower == upper:
        assert (found.derivative, found.error, found.evaluations) == (0.0, 0.0, 0)
    elif upper - lower > 1e4 * np.spacing(dtype(abs(x) + 1)):
        assert abs(found.derivative[0] - math.exp(x)) <= found.error[0]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
def test_a_face_too_near_makes_it_one_sided(rule):
    s, _ = search(np.exp, [1.0, 1.0, 1.0], lower=[1.0, 1.0 - 1e-9, -9.0], upper=[9.0, 9.0, 1.0])
    found = rule.extrapolate(s)
    # With steps of 1e-9 it would be 1e-7 at best.
    assert (np.abs(found.derivative - math.e) < 1e-10 * math.e).all()
    assert (np.abs(found.derivative - math.e) <= found.error).all()


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
def test_levels_that_are_not_finite_are_left_out(rule):
    larger = type(rule)(start=0.25, levels=10)
    s, _ = search(lambda v: np.where(v > 0.05, np.log(v), np.nan), [0.1])
    found = larger.extrapolate(s)
    # Ridders' rule stops at what gets worse, which it does while steps near the edge join.
    assert abs(found.derivative[0] - 10.0) < min(found.error[0], 1e-3 if isinstance(rule, Ridders) else 1e-10)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_loss_that_ends_at_the_point_is_differentiated_from_within(rule, side):
    s, _ = search(lambda v: np.where(side * v >= 0, np.exp(v), np.inf), [0.0])
    found = rule.extrapolate(s)
    assert abs(found.derivative[0] - 1.0) < min(found.error[0], 1e-9)


def test_without_values_there_is_no_derivative():
    s, _ = search(lambda v: np.full(v.shape, np.nan), [1.0])
    found = Richardson().extrapolate(s)
    assert np.isnan(found.derivative[0])
    assert np.isinf(found.error[0])
    # Both sides, then above and below, where 2 h is a node of the level before.
    assert found.evaluations[0] == 12 + 2 * (2 + 5)


def test_larger_steps_that_contradict_smaller_ones_stay_out():
    def bent(v):
        return v + 10.0 * np.maximum(v - 1.01, 0.0)

    s, _ = search(bent, [1.0])
    found = Richardson(levels=8).extrapolate(s)
    assert abs(found.derivative[0] - 1.0) <= found.error[0] < 1e-9


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
def test_single_precision_coordinates(rule):
    x = np.random.default_rng(7).uniform(0.1, 3.0, 200).astype(np.float32)
    exact = 1 / x.astype(np.float64)
    for function, tolerance in (
        # Evaluated in double: only the displacements are rounded, and the true ones are used.
        (lambda v: np.log(v.astype(np.float64)), 1e-13),
        # In single: eps |log x| / h with h = |x| / 8 and what extrapolation amplifies.
        (np.log, 1e-5),
    ):
        s, recorder = search(function, x, dtype=np.float32)
        found = rule.extrapolate(s)
        assert (recorder.probes[:, 1].astype(np.float32) == recorder.probes[:, 1]).all()
        error = np.abs(found.derivative - exact)
        assert np.median(error / exact) < tolerance
        assert (error <= found.error).mean() >= 0.95


def test_displacements_far_from_zero_are_the_true_ones():
    x = 1e8 + np.random.default_rng(8).uniform(0, 1, 50)
    s, _ = search(lambda v: np.sin(v - 1e8), x)
    found = Richardson(start=0.2).extrapolate(s)
    error = np.abs(found.derivative - np.cos(x - 1e8))
    # v - 1e8 is exact, so nothing but the values is rounded.
    assert error.max() < 1e-13
    assert (error <= found.error).all()


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e300, -4.0])
@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
def test_linear_functions_are_exact_at_every_scale(x, rule):
    s, _ = search(lambda v: 3.0 * v, [x], order=4)
    found = rule.extrapolate(s)
    assert abs(found.derivative[0] - 3.0) <= min(found.error[0], 1e-13)


def test_the_fit_is_that_of_the_normal_equations():
    rng = np.random.default_rng(9)
    u = np.array([[Fraction(1, 4**k) for k in range(5)]], object)
    d = rng.normal(size=5)
    slopes = Slopes(u.astype(float), np.array([2]), d[None], np.ones((1, 5)), np.array([5]), np.zeros(1))
    value, deviation, noise = (float(a[0]) for a in fit(slopes, 0, 4))
    exact_u = [sympy.Rational(1, 4**k) for k in range(5)]
    exact_d = sympy.Matrix([sympy.Rational(float(v)) for v in d])
    design = sympy.Matrix([[1, *(v**e for e in (2, 3, 4))] for v in exact_u])
    solve = (design.T * design).inv() * design.T
    residual = exact_d - design * solve * exact_d
    covariance = (design.T * design).inv()[0, 0] * (residual.T * residual)[0, 0]  # one degree of freedom
    assert value == pytest.approx(float((solve * exact_d)[0]), rel=1e-12)
    assert deviation == pytest.approx(math.sqrt(covariance), rel=1e-11)
    assert noise == pytest.approx(float(sum(abs(w) for w in solve[0, :])), rel=1e-12)


def test_the_rules_are_extrapolations_and_keep_a_copy_of_their_steps():
    assert all(isinstance(rule, Extrapolation) for rule in RULES)
    steps = np.array([0.1, 0.2])
    rule = Richardson(start=steps)
    steps[:] = -1.0
    points = np.array([[1.0, 1.0]])
    evaluator = Evaluator(points, lambda probes: np.exp(probes.value) if probes.value.size else np.exp(points[:, 0]))
    bounds = np.full(2, -LARGEST), np.full(2, LARGEST)
    found = rule.extrapolate(Search(evaluator, np.array([0, 1]), *bounds, stencil()))
    np.testing.assert_allclose(found.derivative, math.e, rtol=1e-12)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
def test_a_jitted_loss_of_several_coordinates_at_several_points(rule):
    case = scenario("lennard_jones")
    points = np.stack([case.point, case.draw(np.random.default_rng(10))])
    bound = bind(case.loss, points, case.args, (None,) * len(case.args), (2,))
    evaluator = Evaluator(points, lambda probes: evaluate(bound, probes, 1e-6).values)
    targets = np.array([0, 3, case.n, case.n + 4])
    found = rule.extrapolate(Search(evaluator, targets, np.full(4, -LARGEST), np.full(4, LARGEST), stencil()))
    exact = np.stack([case.gradient(x, *case.args) for x in points]).reshape(-1)[targets]
    error = np.abs(found.derivative - exact)
    assert (error <= found.error).all()
    # Repulsion grows as r**-12, so the largest gradient tells what the smaller ones are made of.
    assert error.max() < 1e-9 * np.abs(exact).max()
    assert evaluator.evaluations == found.evaluations.sum() + 2


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: Richardson(levels=1), ValueError, "levels must lie between 2 and 16, got 1"),
        (lambda: Ridders(levels=2), ValueError, "levels must lie between 3 and 16, got 2"),
        (lambda: PolynomialFit(levels=True), TypeError, "levels must be an integer, got True"),
        (lambda: Richardson(ratio=1.0), ValueError, r"ratio must lie between 1.1 and 16.0, got 1.0"),
        (lambda: Ridders(ratio=math.nan), ValueError, "ratio must lie between"),
        (lambda: Ridders(safe=0.5), ValueError, "safe must be finite and at least 1, got 0.5"),
        (lambda: PolynomialFit(degree=4), ValueError, "degree must be 1, 2 or 3, got 4"),
        (lambda: Richardson(start=-1.0), ValueError, "must be finite and above 0, got -1.0"),
    ],
)
def test_bad_parameters_are_named(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


def test_steps_of_another_shape_are_refused():
    s, _ = search(np.exp, [1.0])
    with pytest.raises(ValueError, match=r"start must be one number or one per coordinate, got shape \(3,\)"):
        Richardson(start=[0.1, 0.2, 0.3]).extrapolate(s)
    assert Richardson(start=Relative(0.25)).extrapolate(s).evaluations[0] == 12
