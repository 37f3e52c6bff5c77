"""Step tuners: what is published or derived about each, and that nothing makes them fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines import search_of, tuned
from numba import njit

import jitgrad as jg
from benchmarks.peers import peers
from benchmarks.tuners import by_tuner, judge
from jitgrad.stencils import ORDERS, stencil
from jitgrad.steps import curtis_reid, dumontet_vignes, gill, shi, walk
from jitgrad.steps.lines import CONSTANT, FIXED, NO_ROOM, NOT_FINITE_AROUND, NOT_FINITE_HERE
from jitgrad.steps.optimum import converted, error_law, ordinary_step
from jitgrad.steps.weights import derivative_weights
from jitgrad.testing.problems import problems

TUNERS = [
    jg.CurtisReid(),
    jg.CurtisReid(modified=True),
    jg.DumontetVignes(),
    jg.Gill(),
    jg.Kostyrka(),
    jg.Mathur(),
    jg.MoreWild(),
    jg.PlugIn(),
    jg.Shi(),
    jg.SteplemanWinarsky(),
]
NAMES = [f"{type(t).__name__}{'-modified' if getattr(t, 'modified', False) else ''}" for t in TUNERS]
FORMULAS = [(method, order) for method, orders in ORDERS.items() for order in orders]

every_tuner = pytest.mark.parametrize("tuner", TUNERS, ids=NAMES)
every_formula = pytest.mark.parametrize(("method", "order"), FORMULAS)


def optimum(f, derivatives, x, method, order, noise):
    """The best worst-case step, from the exact derivative of order ``order + 1``."""
    return error_law(stencil(method, order)).optimal(np.full(np.shape(x), noise), np.abs(derivatives(x)))


def slope(f, x, h, method, order):
    chosen = stencil(method, order)
    with np.errstate(all="ignore"):
        values = np.array([f(x + o * h) for o in chosen.offsets], np.float64)
    weights = np.array([float(w) for w in chosen.weights])
    return weights @ (values - values[0]) / h


# Pieces that all tuners share.


@pytest.mark.interpreted
def test_error_laws_of_the_two_simplest_formulas():
    # Textbook results: 2 sqrt(e / |f''|) and cbrt(3 e / |f'''|).
    e, d = np.array([1e-16, 1e-3]), np.array([3.0, 0.2])
    for method in ("forward", "backward"):
        np.testing.assert_allclose(error_law(stencil(method, 1)).optimal(e, d), 2 * np.sqrt(e / d), rtol=1e-14)
    np.testing.assert_allclose(error_law(stencil("central", 2)).optimal(e, d), np.cbrt(3 * e / d), rtol=1e-14)


@pytest.mark.interpreted
@every_formula
def test_optimal_step_minimises_the_worst_error(method, order):
    law = error_law(stencil(method, order))
    e, d = 1e-10, 5.0
    h = float(law.optimal(np.array(e), np.array(d)))

    def error(h):
        return law.truncation * d * h**order + law.noise * e / h

    assert error(h) <= min(error(0.99 * h), error(1.01 * h))


@pytest.mark.interpreted
@every_formula
def test_conversion_is_exact_where_derivatives_grow_as_powers_of_a_length(method, order):
    # f = sin(x / L) and cos have derivatives of size 1 / L**k.
    length, e = 1e-3, np.array([1e-12])
    best = {m: error_law(stencil(*m)).optimal(e, np.array([length ** -(m[1] + 1.0)])) for m in FORMULAS}
    h = converted(best["forward", 1], stencil("forward", 1), stencil(method, order), e)
    np.testing.assert_allclose(h, best[method, order], rtol=1e-12)
    np.testing.assert_allclose(ordinary_step(stencil(method, order), e, np.array([length])), h, rtol=1e-12)


@pytest.mark.interpreted
@given(
    st.lists(st.integers(-40, 40), min_size=2, max_size=7, unique=True),
    st.data(),
)
def test_weights_are_exact_for_polynomials(nodes, data):
    m = data.draw(st.integers(0, len(nodes) - 1))
    nodes = np.array(nodes) / 8.0
    weights = derivative_weights(nodes[None], m)[0]
    for power in range(len(nodes)):
        exact = float(np.prod(np.arange(1, m + 1))) if power == m else 0.0
        terms = weights * nodes**power
        # Rounding of products of up to 6 factors and of the sum.
        assert abs(terms.sum() - exact) <= 100 * np.finfo(float).eps * (np.abs(terms).sum() + exact)


# Published or derived behaviour. exp has all derivatives equal to itself, so the best step is known exactly.


@every_formula
@pytest.mark.parametrize("noise", [1e-9, 1e-6, 1e-4])
def test_shi_guarantee(method, order, noise):
    # The ratio is C (h / h*)**(order + 1) with C = (a**order - 1) |w| / (A order), and noise moves it by at most 1:
    # accepted between 1.5 and 6 means ((0.5 / C), (7 / C))**(1 / (order + 1)) times the best step.
    # For forward differences these are 0.41 and 1.53.
    chosen = stencil(method, order)
    a = shi.stretch(chosen)
    near = dict(zip(chosen.offsets, map(float, chosen.weights), strict=True))
    far = {a * o: w / a for o, w in near.items()}
    compared = sum(abs(near.get(o, 0.0) - far.get(o, 0.0)) for o in {*near, *far})
    law = error_law(chosen)
    scale = (a**order - 1) * law.noise / (compared * order)
    low, high = (0.5 / scale) ** (1 / (order + 1)), (7.0 / scale) ** (1 / (order + 1))
    if (method, order) == ("forward", 1):
        np.testing.assert_allclose([low, high], [0.408, 1.528], atol=1e-3)
    x = np.linspace(-1.0, 1.0, 21)
    rng = np.random.default_rng(0)
    found = tuned(
        jg.Shi(noise), lambda x: np.exp(x) + noise * rng.uniform(-1, 1, x.size), x, method=method, order=order
    )
    settled = found.reason == walk.FOUND
    assert settled.mean() > 0.8
    best = optimum(np.exp, np.exp, x, method, order, noise)
    # The guarantee holds where the next derivative hardly changes over the nodes: exp changes by exp(reach).
    change = np.exp(2 * a * order * np.maximum(found.h, best))
    ratio = (found.h / best)[settled]
    assert (ratio >= low / change[settled]).all()
    assert (ratio <= high * change[settled]).all()


@pytest.mark.parametrize("noise", [None, 1e-9, 1e-5])
def test_gill_second_difference_lies_in_its_window(noise):
    x = np.linspace(-1.0, 1.0, 11)
    f = np.exp
    search, launch = search_of(f, x, method="forward")
    found = jg.Gill(noise).tune(search)
    assert (found.reason == walk.FOUND).all()
    level = np.finfo(float).eps * np.exp(x) if noise is None else np.full(x.size, noise)
    # The last second difference had a relative error from noise between 0.1 % and 10 %; its step follows from the
    # last nodes of each coordinate. Noise moves the estimate of f'' by up to 10 %, and so the step by 5 %.
    best = 2 * np.sqrt(level / np.exp(x))
    np.testing.assert_allclose(found.h, best, rtol=0.06)
    last = launch.rounds[-1]
    assert last.size % 2 == 0
    half_width = last.reshape(-1, 2)[:, 1] - last.reshape(-1, 2)[:, 0]
    centre = last.reshape(-1, 2).mean(axis=1)
    which = np.argmin(np.abs(x[None] - centre[:, None]), axis=1)
    condition = 4 * level[which] / ((half_width / 2) ** 2 * np.exp(centre))
    assert ((condition > 0.9 * gill.CONDITION[0]) & (condition < 1.1 * gill.CONDITION[1])).all()


def test_gill_says_when_a_loss_is_linear_or_constant():
    assert tuned(jg.Gill(), lambda x: 3 * x, 0.5).reason[0] == gill.LINEAR
    assert tuned(jg.Gill(), lambda x: 0 * x + 7, 0.5).reason[0] == gill.NEARLY_CONSTANT


def test_gill_does_not_mind_the_sign_of_the_slope():
    for sign in (1, -1):
        assert tuned(jg.Gill(), lambda x, s=sign: s * np.exp(x), 0.3, method="forward").reason[0] == walk.FOUND


@pytest.mark.interpreted
def test_dumontet_vignes_window_is_that_of_its_quotient():
    # With the third difference r times its noise, f''' is between 1 - 1/r and 1 + 1/r times the estimate.
    for quotient, r in zip(dumontet_vignes.QUOTIENT[::-1], dumontet_vignes.WINDOW, strict=True):
        np.testing.assert_allclose((1 + 1 / r) / (1 - 1 / r), quotient, rtol=1e-14)


@pytest.mark.parametrize("noise", [1e-9, 1e-6])
def test_dumontet_vignes_step_is_within_what_its_quotient_allows(noise):
    x = np.linspace(-1.0, 1.0, 21)
    rng = np.random.default_rng(1)
    found = tuned(jg.DumontetVignes(noise), lambda x: np.exp(x) + noise * rng.uniform(-1, 1, x.size), x)
    best = optimum(np.exp, np.exp, x, "central", 2, noise)
    # True f''' is within 1 -+ 1/r of the estimate, r at least 8/7; h goes with its cube root. The third difference of
    # exp over +-2h is that at x to within 2 %.
    r = dumontet_vignes.WINDOW[0]
    assert (found.h >= 0.98 * best * (1 - 1 / r) ** (1 / 3)).all()
    assert (found.h <= 1.02 * best * (1 + 1 / r) ** (1 / 3)).all()
    assert (found.reason == walk.FOUND).all()


def test_curtis_reid_truncation_is_10_to_1000_times_the_noise():
    x, noise = np.linspace(-1.0, 1.0, 11), 1e-8
    found = tuned(jg.CurtisReid(noise=noise), np.exp, x)
    ratio = 0.5 * np.exp(x) * found.h**2 / noise  # |f''| h / 2 over noise / h; exp adds h**2 / 12 to that
    assert (found.reason == walk.FOUND).all()
    assert ((ratio > 0.99 * curtis_reid.WINDOW[0]) & (ratio < 1.01 * curtis_reid.WINDOW[1])).all()


@every_formula
def test_modified_curtis_reid_finds_the_best_step(method, order):
    x, noise = np.linspace(-1.0, 1.0, 11), 1e-10
    found = tuned(jg.CurtisReid(modified=True, noise=noise), np.exp, x, method=method, order=order)
    best = optimum(np.exp, np.exp, x, method, order, noise)
    assert (found.reason == walk.FOUND).all()
    # The measured truncation has terms of higher order, up to the exponential of the reach.
    change = np.exp(4 * (order + 2) * best / (order + 1))
    np.testing.assert_array_less(np.abs(np.log(found.h / best)), np.log(1.05 * change))


@every_formula
def test_plug_in_is_the_best_step_where_the_next_derivative_is_known(method, order):
    x = np.linspace(-1.0, 1.0, 11)
    noise = 1e-10
    found = tuned(jg.PlugIn(noise), np.exp, x, method=method, order=order)
    best = optimum(np.exp, np.exp, x, method, order, noise)
    # Nodes at noise**(1 / (order + 3)), or + 2: the estimate of the derivative is that of a neighbour.
    k = noise ** (1 / (order + (3 if method == "central" else 2)))
    np.testing.assert_array_less(np.abs(np.log(found.h / best)), (order + 2) * k)
    assert (found.evaluations == (order + 2 if method == "central" else order + 1)).all()


@every_formula
@pytest.mark.parametrize(
    "tuner", [jg.Mathur(), jg.Kostyrka(), jg.SteplemanWinarsky(1e-8)], ids=lambda t: type(t).__name__
)
def test_tuners_that_do_not_estimate_a_derivative_come_near_the_best_error(tuner, method, order):
    rng = np.random.default_rng(2)
    x, noise = np.linspace(-1.0, 1.0, 21), 1e-8

    def f(x):
        return np.exp(x) + noise * rng.uniform(-1, 1, np.shape(x))

    found = tuned(tuner, f, x, method=method, order=order)
    errors = [abs(slope(f, a, h, method, order) - np.exp(a)) for a, h in zip(x, found.h, strict=True)]
    law = error_law(stencil(method, order))
    best = optimum(np.exp, np.exp, x, method, order, noise)
    bound = law.truncation * np.exp(x) * best**order + law.noise * noise / best
    # Random noise stays below its worst case: the median error must be below the best worst-case error times 3.
    assert np.median(errors / bound) < 3.0


@pytest.mark.parametrize("noise", [1e-8, 1e-5, 1e-3])
def test_more_wild_finds_noise_and_step(noise):
    rng = np.random.default_rng(3)
    x = np.linspace(-1.0, 1.0, 41)
    found = tuned(jg.MoreWild(), lambda x: np.exp(x) + noise * rng.standard_normal(x.size), x, method="forward")
    best = 8**0.25 * np.sqrt(noise / np.exp(x))
    # ECnoise is right within a factor of 4 in nearly all cases, which is 2 for the step.
    assert np.mean((found.h > best / 3) & (found.h < best * 3)) > 0.9


@every_tuner
@every_formula
def test_every_formula_gets_a_step_that_suits_it(tuner, method, order):
    # A length that the textbook does not know, so that its step fails.
    length, x = 0.1, 0.0

    def f(x):
        return 2.0 + np.sin(x / length + 1.0)

    exact = np.cos(1.0) / length
    found = tuned(tuner, f, x, method=method, order=order)
    error = abs(slope(f, x, found.h[0], method, order) / exact - 1)
    # Worst-case error of the best step for derivatives of size 1 / length**k; tuners are allowed 100 times that.
    law, noise = error_law(stencil(method, order)), np.finfo(float).eps
    h = float(law.optimal(np.array(noise), np.array(1.0)))
    assert error < 100 * (law.truncation * h**order + law.noise * noise / h)


WALKERS = [jg.Shi(), jg.CurtisReid(modified=True), jg.DumontetVignes()]


@pytest.mark.parametrize("tuner", WALKERS, ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("distance", [1e-2, 1e-5, 1e-8])
def test_steps_stay_on_this_side_of_a_kink(tuner, distance):
    # |x - 1| is linear up to the kink, and the smaller the step the larger the rounding: 1e-8 leaves 8 digits.
    x = 1.0 + distance
    found = tuned(tuner, lambda x: np.abs(x - 1.0), x)
    assert found.h[0] <= distance
    assert abs(slope(lambda x: np.abs(x - 1.0), x, found.h[0], "central", 2) - 1.0) < 1e-6


@pytest.mark.parametrize("tuner", [*WALKERS, jg.Gill()], ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("method", ["central", "forward"])
def test_noise_that_was_not_told_makes_no_tiny_steps(tuner, method):
    # The search begins at the step for rounding, finds noise at it and below, and must not go on into the noise.
    rng = np.random.default_rng(4)
    x = np.linspace(-1.0, 1.0, 100)
    found = tuned(tuner, lambda x: np.exp(x) + 1e-8 * rng.standard_normal(x.size), x, method=method)
    first = ordinary_step(stencil(method), np.full(100, np.finfo(float).eps), np.ones(100))
    assert np.mean(found.h > first / 10) > 0.9
    assert np.mean(found.reason == walk.LARGE) > 0.9


def test_a_step_from_which_on_truncation_falls_no_longer_is_found():
    # Rounding of the argument 1e6 x makes noise of up to 1.5e-10 that nobody told, and the first step is a hundred
    # times too large.
    x = np.linspace(0.3, 0.6, 50)
    best = optimum(None, lambda x: 1e18 * np.abs(np.cos(1e6 * x)), x, "central", 2, 3e-11)
    found = tuned(jg.Shi(), lambda x: np.sin(1e6 * x) + 2.0, x)
    assert np.mean((found.h > best / 100) & (found.h < best * 100)) > 0.9


@every_tuner
@pytest.mark.parametrize("x", [0.0, 1e-9, 1e-3])
def test_steps_suit_the_side_on_which_the_loss_is_finite(tuner, x):
    def f(x):
        return np.where(x < 0, np.nan, np.exp(x))

    found = tuned(tuner, f, x, method="forward")
    # sqrt(eps) is 1.5e-8; the worst constant is that of a step some ten times off. Next to the edge second
    # differences have too little room, and the rounding of a step of a hundredth of it remains.
    most = 1e-6 if x != 1e-9 else 3e-5
    assert abs(slope(f, x, found.h[0], "forward", 1) / np.exp(x) - 1) < most
    found = tuned(tuner, f, x, lower=x, method="backward")
    assert abs(slope(f, x, found.h[0], "forward", 1) / np.exp(x) - 1) < 1e-6


# What must not make them fail.

LOSSES = {
    "f = 0": lambda x: np.sin(x) * (1 + x),
    "f'' = 0": lambda x: 2 * x + 1,
    "f''' = 0": lambda x: x * x - 3 * x + 2,
    "f' = 0": np.cosh,
    "cubic": lambda x: x**3,
    "constant": lambda x: 0 * x + 3.5,
    "zero": lambda x: 0 * x,
    "NaN below": np.sqrt,
    "NaN above": lambda x: np.sqrt(-x),
    "NaN near": lambda x: np.where(np.abs(x - np.round(x)) > 1e-7, np.nan, x + 1),
    "infinite above": lambda x: np.where(x > 1e-9, np.inf, 1 + x),
    "NaN": lambda x: x * np.nan,
    "kink": np.abs,
    "stairs": lambda x: np.floor(1e3 * x) / 1e3,
    "noise": lambda x: np.sin(1e15 * (x + 0.1)),
    "overflow": lambda x: np.exp(np.exp(x)),
    "tiny": lambda x: 1e-280 * np.exp(x),
    "huge": lambda x: 1e280 * np.exp(x),
}
BOUNDS = {
    "open": (np.inf, np.inf),
    "at lower": (0.0, np.inf),
    "at upper": (np.inf, 0.0),
    "tight below": (1e-12, 1.0),
    "tight above": (1.0, 1e-12),
    "box": (1e-9, 1e-9),
    "no room": (0.0, 1e-300),
    "fixed": (0.0, 0.0),
}


def check_survival(tuner, f, x, room, method, order, dtype):
    x = np.array([x], dtype)
    largest = float(np.finfo(dtype).max)
    with np.errstate(over="ignore"):
        lower = float(np.maximum(x[0] - dtype(room[0]), dtype(-largest)))
        upper = float(np.minimum(x[0] + dtype(room[1]), dtype(largest)))
    search, launch = search_of(f, x, method=method, order=order, lower=lower, upper=upper, dtype=dtype)
    found = tuner.tune(search)
    assert np.isfinite(found.h).all()
    assert (found.h > 0).all()
    assert ((x + found.h.astype(dtype)) != x).all()
    assert (launch.places >= lower).all()
    assert (launch.places <= upper).all()
    assert found.evaluations.tolist() == [search.evaluator.evaluations - 1]
    assert found.evaluations[0] <= tuner.most
    assert len(np.unique(launch.places)) == len(launch.places)  # nothing is evaluated twice
    assert 8 < len(found.reason[0]) < 120


@every_tuner
@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(LOSSES)),
    x=st.one_of(st.sampled_from([0.0, 1.0, -1.0, 1e-8, 1e8, -1e8, 1e-30]), st.floats(-100, 100, width=32)),
    bounds=st.sampled_from(sorted(BOUNDS)),
    formula=st.sampled_from(FORMULAS),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_survival(tuner, name, x, bounds, formula, dtype):
    check_survival(tuner, LOSSES[name], x, BOUNDS[bounds], *formula, dtype)


@every_tuner
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_survival_at_the_awkward_point(tuner, name):
    for bounds in ("open", "at lower", "tight above", "fixed"):
        check_survival(tuner, LOSSES[name], 0.0, BOUNDS[bounds], "central", 2, np.float64)
        check_survival(tuner, LOSSES[name], 0.0, BOUNDS[bounds], "forward", 1, np.float32)


@every_tuner
def test_reasons_of_places_without_a_step(tuner):
    x = np.array([1.0, 1.0, 1.0, 1.0])
    lower, upper = np.array([-9.0, 1.0, 1.0, -9.0]), np.array([9.0, 1.0, np.nextafter(1.0, 2), 9.0])
    assert tuned(tuner, np.exp, x, lower=lower, upper=upper).reason[1:3].tolist() == [FIXED, NO_ROOM]
    assert tuned(tuner, lambda x: x * np.nan, 1.0).reason[0] == NOT_FINITE_HERE
    assert tuned(tuner, lambda x: 0 * x, 1.0).reason[0] == CONSTANT
    textbook = 1.0 * np.finfo(float).eps ** (1 / 3)
    np.testing.assert_allclose(tuned(tuner, lambda x: 0 * x, 1.0).h, textbook)
    alone = tuned(tuner, lambda x: np.where(x == 1.0, 1.0, np.nan), 1.0)
    assert alone.reason[0] == NOT_FINITE_AROUND or "textbook step" in alone.reason[0]


@every_tuner
def test_many_coordinates_take_as_many_rounds_as_the_slowest(tuner):
    x = np.array([0.0, 0.5, -3.0, 1e-3, 20.0])
    together, launch = search_of(np.exp, x)
    found = tuner.tune(together)
    rounds = []
    for i, a in enumerate(x):
        search, alone = search_of(np.exp, a)
        single = tuner.tune(search)
        rounds.append(len(alone.rounds))
        np.testing.assert_array_equal(single.h[0], found.h[i])
        assert (single.reason[0], single.evaluations[0]) == (found.reason[i], found.evaluations[i])
    assert len(launch.rounds) == max(rounds)


@every_tuner
@pytest.mark.parametrize("scale", [1e-200, 1e-20, 1e20, 1e200])
def test_the_size_of_the_loss_does_not_matter(tuner, scale):
    # Powers of 2 make scaling exact.
    scale = 2.0 ** np.round(np.log2(scale))
    x = np.array([0.3, 2.0])
    one, other = (tuned(tuner, f, x) for f in (np.exp, lambda x: scale * np.exp(x)))
    np.testing.assert_allclose(other.h, one.h, rtol=1e-9)
    assert other.reason.tolist() == one.reason.tolist()


@every_tuner
def test_fewer_evaluations_are_kept_to(tuner):
    least = {"Gill": 4, "DumontetVignes": 8, "MoreWild": 12, "PlugIn": 12, "SteplemanWinarsky": 30}
    options = {"most": least.get(type(tuner).__name__, 20 if tuner.most < 100 else 160)}
    short = type(tuner)(**options)
    for x in (0.3, 1e4):
        found = tuned(short, lambda x: np.sin(1e3 * x), x, order=8)
        assert found.evaluations[0] <= short.most
    with pytest.raises(ValueError, match=rf"most must be an integer, at least {short.most}, got {short.most - 1}"):
        type(tuner)(most=short.most - 1)
    with pytest.raises(ValueError, match=r"noise must be finite and above 0, got -1\.0"):
        type(tuner)(noise=-1.0)
    with pytest.raises(ValueError, match="noise must be one number"):
        type(tuner)(noise=[1.0, 2.0])


# In the verbs.


@njit
def smooth(x):
    return np.exp(x[0]) + np.sin(100.0 * x[1]) + np.log(x[2])


def smooth_gradient(x):
    return np.array([np.exp(x[0]), 100.0 * np.cos(100.0 * x[1]), 1.0 / x[2]])


POINT = np.array([0.3, 2.0, 1e-4])


@every_tuner
def test_gradients_take_tuners(tuner):
    exact = smooth_gradient(POINT)
    # Central differences of order 2 at their best step are right to about eps**(2/3), 4e-11, times 100 for the
    # rounding of 100 x; Stepleman and Winarsky can stop a few divisions early.
    for g in (
        jg.grad_cpu(smooth, POINT, step=tuner),
        jg.value_and_grad_cpu(smooth, POINT, step=tuner)[1],
        jg.gradient_of(smooth, step=tuner)(POINT),
        jg.grad_cpu(smooth, np.stack([POINT, POINT]), step=tuner)[1],
    ):
        np.testing.assert_allclose(g, exact, rtol=3e-6)


def test_steps_are_looked_for_at_every_call():
    g = jg.gradient_of(smooth, step=jg.Shi())
    for x in (POINT, np.array([0.3, 2.0, 1e3]), POINT):
        np.testing.assert_allclose(g(x), smooth_gradient(x), rtol=1e-6)


def test_tuned_gradients_keep_bounds_and_coords():
    @njit
    def loss(x):
        if x[0] < 0.0 or x[1] > 1.0:
            return np.nan
        return np.sqrt(1.0 + x[0]) + x[1] ** 3

    x = np.array([0.0, 1.0])
    g = jg.grad_cpu(loss, x, step=jg.Gill(), bounds=([0.0, -1.0], [1.0, 1.0]))
    np.testing.assert_allclose(g, [0.5, 3.0], rtol=1e-6)
    np.testing.assert_allclose(jg.grad_cpu(loss, x, step=jg.Gill(), coords=[1]), [3.0], rtol=1e-6)
    fixed = jg.grad_cpu(loss, x, step=jg.Gill(), bounds=([0.0, 0.0], [0.0, 1.0]))
    np.testing.assert_allclose(fixed, [0.0, 3.0], rtol=1e-6)


def test_bad_points_are_named_before_the_loss_is_evaluated():
    with pytest.raises(ValueError, match="x must be finite, got nan at coordinate 1"):
        jg.grad_cpu(smooth, [0.0, np.nan, 1.0], step=jg.Shi())
    with pytest.raises(ValueError, match=r"x must lie within its bounds, got 2.0"):
        jg.grad_cpu(smooth, [0.0, 2.0, 1.0], step=jg.Shi(), bounds=(-1, 1))


def test_a_loss_that_raises_is_heard():
    @njit
    def picky(x):
        if x[0] != 1.0:
            raise ValueError("no displacement, please")
        return x[0]

    with pytest.raises(ValueError, match="no displacement, please"):
        jg.grad_cpu(picky, [1.0], step=jg.Gill())


def test_float32_gradients_with_tuners():
    x = np.array([0.3, 1.0, 2.0], np.float32)
    for tuner in TUNERS:
        g = jg.grad_cpu(smooth32, x, step=tuner)
        assert g.dtype == np.float32
        # eps**(2/3) of float32 is 2.4e-5, and the constants of the worst tuner are about 50.
        np.testing.assert_allclose(g, np.exp(x), rtol=2e-3)


@njit
def smooth32(x):
    total = x[0] - x[0]
    for i in range(x.size):
        total += np.exp(x[i])
    return total


def test_compiled_code_refuses_tuners():
    with pytest.raises(TypeError, match=r"got Shi\(.*Use Textbook\(\), Relative\(r\) or Absolute\(h\)"):
        jg.jit_grad(smooth, step=jg.Shi())


def test_importing_the_package_loads_no_tuner():
    program = (
        "import sys, jitgrad; print(sorted(m for m in sys.modules if m.startswith('jitgrad.steps.') or "
        "m == 'jitgrad.noise')); print(jitgrad.Shi(), 'Shi' in dir(jitgrad))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    modules, after = out.splitlines()
    loaded = ("absolute", "auto", "choice", "relative", "rule", "textbook")
    assert modules == str([f"jitgrad.steps.{name}" for name in loaded])
    assert after == "Shi(noise=None, most=60) True"


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="module 'jitgrad' has no attribute 'Shy'"):
        jg.Shy  # noqa: B018


def test_the_table_is_made_with_what_users_get():
    found = judge(by_tuner(jg.Shi()), problems(kind="smooth")[:1], 0.0)
    assert found.errors.shape == (100,)
    assert np.median(found.errors) < 1e-9
    assert found.evaluations.min() > 2


def test_peers_that_are_missing_are_named(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("benchmarks.peers.import_module", missing)
    with pytest.raises(
        SystemExit, match=r"jacobi, numdifftools, .* must be installed .*: pip install 'jitgrad\[peers\]'"
    ):
        peers()


def test_the_page_has_a_row_for_every_tuner():
    page = (Path(__file__).parent.parent / "docs" / "tuners.md").read_text()
    for tuner in TUNERS:
        name = type(tuner).__name__ + ("(modified=True)" if getattr(tuner, "modified", False) else "")
        assert page.count(f"\n| `{name}` |") == 4  # once in each table
