"""`Auto`, the default step: accurate and cheap where the loss is well-behaved, nowhere silently wrong."""

import linecache
import math
import re
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from losses import quadratic, quadratic_gradient, raises_at, smooth, smooth_gradient
from numba import njit
from test_accuracy import SLACK, Line, lines

import jitgrad as jg
from jitgrad.prepared import session as sessions
from jitgrad.prepared.session import Session
from jitgrad.stencils import stencil
from jitgrad.testing import scenario, scenarios

NAMES = [s.name for s in scenarios()]
INTERPRETED = pytest.mark.interpreted
EPS = np.finfo(np.float64).eps
PROMISE = 0.01
"""A derivative is known to 1 %, or its coordinate is in a warning."""


@njit
def waves(x, w):
    s = 0.0
    for i in range(x.size):
        s += math.sin(w * x[i])
    return s


@njit
def hashed(x):
    """Deviation of 1 that looks random: the next number beside x gives another one."""
    s = 0.0
    for i in range(x.size):
        s += math.sqrt(i + 2.0) * x[i]
    t = 43758.5453 * math.sin(1e13 * s)
    return math.sqrt(12.0) * (t - math.floor(t) - 0.5)


@njit
def trembling(x, level):
    s = level * hashed(x)
    for i in range(x.size):
        s += math.exp(x[i])
    return s


@njit
def kinked(x, where):
    s = 0.0
    for i in range(x.size):
        s += x[i] * x[i] + abs(x[i] - where[i])
    return s


@njit
def one_sided(x):
    s = 0.0
    for i in range(x.size):
        s += math.exp(x[i]) if x[i] >= 0.0 else math.nan
    return s


@njit
def bowl(x, centre, height):
    s = height
    for i in range(x.size):
        s += (i + 1.0) * (x[i] - centre) ** 2
    return s


@njit
def far_walls(x, level):
    """Noisy, so that the ladder looks far; and it raises there."""
    for i in range(x.size):
        if abs(x[i]) > 1.2:
            raise ValueError("a wall")
    return trembling(x, level)


def looked_at(loss, x, args=(), **options):
    """Gradient, and the coordinates that were warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gradient = jg.grad_cpu(loss, x, args=args, **options)
    assert {w.category for w in caught} <= {jg.PrecisionWarning}
    assert len(caught) <= 1
    return gradient, [c for w in caught for c in w.message.coordinates]


def silently_wrong(gradient, exact, named):
    wrong = ~(np.abs(gradient - exact) <= PROMISE * np.abs(exact)) & ~np.isnan(gradient)
    return set(np.flatnonzero(wrong)) - set(named)


@pytest.fixture
def launches(monkeypatch):
    """Probe lists launched from here on, with what was skipped; nothing is done in one compiled call."""
    seen, launch = [], sessions.evaluate

    def watching(bound, probes, seconds, *, skip=0, **options):
        seen.append((probes, skip))
        return launch(bound, probes, seconds, skip=skip, **options)

    monkeypatch.setattr(sessions, "evaluate", watching)
    monkeypatch.setattr(Session, "attempt", lambda *_: None)
    monkeypatch.setattr(Session, "quick", lambda *_: None)
    return seen


def count(launches):
    return sum(probes.point.size - skip for probes, skip in launches)


# --- well-behaved losses


class AutoLine(Line):
    """A line on which the step is that of `Auto`."""

    def step(self, formula):
        scaling = jg.Auto().scaling(self.x.dtype, formula.order)
        x = float(abs(self.x[self.i]))
        h = scaling.relative * (x if x <= scaling.knee else math.sqrt(x * scaling.knee))
        furthest = abs(self.x[self.i]) + max(map(abs, formula.offsets)) * self.x.dtype.type(h)
        return float((furthest + self.x.dtype.type(h)) - furthest)

    def miss(self, formula):
        found = looked_at(self.s.loss, self.x, self.s.args)[0][self.i]
        return self.error(found) / self.bound(formula)


@pytest.mark.parametrize("name", NAMES)
def test_error_is_what_theory_says_of_its_formula(name):
    for line in lines(name, 2):
        assert AutoLine(line.s, line.exact, line.x, line.i).miss(stencil("central", 2)) < SLACK


@pytest.mark.parametrize("name", NAMES)
def test_no_scenario_is_silently_wrong_or_warned_of(name):
    s, rng = scenario(name), np.random.default_rng(21)
    for _ in range(5):
        x = s.draw(rng)
        exact = s.gradient(x, *s.args)
        for auto in (jg.Auto(), jg.Auto(verify=True)):
            gradient, named = looked_at(s.loss, x, s.args, step=auto)
            assert not silently_wrong(gradient, exact, named)
            if s.noise == 0.0:
                assert named == []


@pytest.mark.parametrize("name", NAMES)
def test_no_scenario_is_silently_wrong_in_single_precision(name):
    s, rng = scenario(name), np.random.default_rng(21)
    for _ in range(5):
        x = s.draw(rng).astype(np.float32)
        gradient, named = looked_at(s.loss, x, s.args)
        assert not silently_wrong(gradient, s.gradient(x.astype(np.float64), *s.args), named)


def test_two_evaluations_for_each_coordinate_and_one_they_share(launches):
    spent = []
    for s in scenarios():
        if s.n < 8:
            continue
        for rng in map(np.random.default_rng, range(3)):
            launches.clear()
            jg.grad_cpu(s.loss, s.draw(rng), args=s.args)
            spent.append((count(launches) - 1) / s.n)
    assert min(spent) == np.median(spent) == 2.0
    assert np.mean(spent) <= 2.2  # target of the issue


@pytest.mark.parametrize(
    ("verify", "dtype", "each"), [(False, "f8", 2), (True, "f8", 3), (False, "f4", 4), (True, "f4", 5)]
)
def test_cost_of_every_kind(launches, verify, dtype, each):
    x = np.linspace(0.4, 1.6, 20).astype(dtype)
    gradient = jg.grad_cpu(smooth, x, args=(2.0, 0.5), step=jg.Auto(verify=verify))
    assert count(launches) == 20 * each + 1
    np.testing.assert_allclose(gradient, smooth_gradient(x, 2.0, 0.5), rtol=1e-8 if dtype == "f8" else 1e-3)


@INTERPRETED
@pytest.mark.parametrize(
    ("method", "order"), [("forward", 1), ("forward", 3), ("backward", 2), ("central", 6), ("central", 4)]
)
@pytest.mark.parametrize("verify", [False, True])
def test_every_formula(method, order, verify):
    x = np.array([0.5, 1.5, -2.0, 0.0, 1.0, 0.25, 3.0, -0.5])
    gradient = jg.grad_cpu(smooth, x, args=(2.0, 0.5), method=method, order=order, step=jg.Auto(verify=verify))
    # Truncation of order 1 at steps of 6e-8 sqrt(3), and rounding of a loss of 30 over the steps of the others.
    np.testing.assert_allclose(gradient, smooth_gradient(x, 2.0, 0.5), rtol=0, atol=2e-6)


@INTERPRETED
def test_it_is_the_default():
    x = np.array([0.5, 1.5, -2.0])
    default = jg.grad_cpu(smooth, x, args=(2.0, 0.5))
    for other in (
        jg.grad_cpu(smooth, x, args=(2.0, 0.5), step=jg.Auto()),
        jg.gradient_of(smooth)(x, 2.0, 0.5),
        jg.gradient_of(smooth, step=jg.Auto()).value_and_grad(x, 2.0, 0.5)[1],
        jg.value_and_grad_cpu(smooth, x, args=(2.0, 0.5))[1],
    ):
        np.testing.assert_array_equal(other, default)
    assert repr(jg.gradient_of(smooth)).endswith("step=Auto(verify=False, noise=0.0))")


# --- scales


@INTERPRETED
@pytest.mark.parametrize("w", [1e-8, 1e-3, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("n", [1, 3, 12])
def test_scales_are_found_at_zero(w, n):
    gradient, named = looked_at(waves, np.zeros(n), (w,))
    assert named == []
    # Truncation at steps of 2.4e-5 and half of that; the ladder looks closer where that shows.
    truncation = (w * jg.Auto().scaling(np.dtype(np.float64), 2).at_zero) ** 2 / 12.0
    np.testing.assert_allclose(gradient, w, rtol=1e-8 + (1.01 * truncation if truncation < 1e-3 else 0.0))


@pytest.mark.parametrize("w", [1e3, 1e4, 1e5, 1e6])
@pytest.mark.parametrize("n", [1, 4, 40])
def test_oscillations_are_not_silently_wrong(w, n):
    rng = np.random.default_rng(int(w))
    for _ in range(10):
        x = rng.uniform(0.5, 2.0, n) * np.sign(rng.normal(size=n))
        gradient, named = looked_at(waves, x, (w,), step=jg.Auto(verify=True))
        assert not silently_wrong(gradient, w * np.cos(w * x), named)


@INTERPRETED
@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e-8, 1e4, 1e8, 1e15])
def test_points_of_every_size(scale):
    x = np.array([0.6, -1.7, 1.1]) * scale
    gradient, named = looked_at(waves, x, (1.0 / scale,))
    assert named == []
    # Rounding of some last digits over the step: far from 0 that grows with the square root of x only.
    step = jg.Auto().scaling(np.dtype(np.float64), 2).relative * min(1.0, scale**-0.5)
    np.testing.assert_allclose(gradient, np.cos(x / scale) / scale, rtol=step**2 + 10.0 * EPS / step)


def test_far_from_zero_with_a_scale_of_one():
    x = 1e8 + np.random.default_rng(1).uniform(0, 6, 30)
    gradient, named = looked_at(waves, x, (1.0,))
    exact = np.cos(x)
    assert not silently_wrong(gradient, exact, named)
    assert named == []


# Nobody sees the slope of a number whose square is 0.
NUMBERS = st.floats(-1e6, 1e6).filter(lambda x: x == 0.0 or abs(x) > 1e-100)


@given(st.lists(NUMBERS, min_size=1, max_size=10), st.booleans())
@settings(max_examples=40, deadline=None)
def test_polynomials_at_any_point(values, verify):
    x = np.array(values)
    gradient, named = looked_at(quadratic, x, step=jg.Auto(verify=verify))
    exact = quadratic_gradient(x)
    size = np.abs(exact).max() + 1e-300
    # Coordinates whose share of the loss is below its rounding, 1e-16 of x**2 / 2, have a derivative that nobody sees.
    seen = np.abs(exact) > 1e-6 * size
    assert not silently_wrong(gradient[seen], exact[seen], np.searchsorted(np.flatnonzero(seen), named))


# --- optima and constants


OPTIMA = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (math.pi, 1.0), (-250.0, 3.0)]


@INTERPRETED
@pytest.mark.parametrize("n", [1, 3, 7, 8, 20])
@pytest.mark.parametrize(
    ("dtype", "centre", "height"), [(np.float64, *where) for where in OPTIMA] + [(np.float32, *w) for w in OPTIMA[2:]]
)
def test_optima_are_not_warned_of(n, centre, height, dtype):
    x = np.full(n, centre, dtype)
    gradient, named = looked_at(bowl, x, (centre, height))
    assert named == []
    # The derivative of a point that is nearer to x than 1e-4 of it, which is what the error bar is held against.
    nearby = 1e-4 * max(abs(centre), 1.0) * 2.0 * np.arange(1, n + 1)
    assert (np.abs(gradient - 2.0 * np.arange(1, n + 1) * (x.astype(float) - centre)) <= nearby).all()


@pytest.mark.parametrize("n", [1, 8])
def test_an_optimum_at_zero_is_not_warned_of_in_single_precision(n):
    assert looked_at(bowl, np.zeros(n, np.float32), (0.0, 0.0))[1] == []


@INTERPRETED
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("height", [0.0, 5.0, -1e300])
@pytest.mark.parametrize("n", [1, 5, 9])
def test_constants_have_the_derivative_zero(height, n, dtype):
    x = np.linspace(-2.0, 3e4, n).astype(dtype)
    gradient, named = looked_at(one_constant, x, (height,))
    assert named == []
    assert gradient.dtype == dtype
    np.testing.assert_array_equal(gradient, np.zeros(n))


@njit
def one_constant(x, height):
    return height


@INTERPRETED
def test_coordinates_that_do_not_matter_have_the_derivative_zero():
    x = np.linspace(0.5, 2.0, 10)

    @njit
    def loss(x):
        return math.exp(x[0]) + x[9] ** 2

    gradient, named = looked_at(loss, x)
    assert named == []
    np.testing.assert_array_equal(gradient[1:9], np.zeros(8))
    np.testing.assert_allclose(gradient[[0, 9]], [math.exp(0.5), 4.0], rtol=1e-8)


@njit
def one_sine_of_many(x, terms):
    total = 0.0
    for i in range(terms):
        total += math.sin(x[0] + i)
    return total


@pytest.mark.parametrize("n", [2, 5, 40])
def test_coordinates_that_do_not_matter_to_a_loss_whose_lanes_round_differently(n):
    # The loss at the point is not evaluated in lanes: it must not look like a change by a coordinate that is ignored.
    x = np.zeros(n)
    terms = 1000
    gradient, named = looked_at(one_sine_of_many, x, (terms,))
    assert named == []
    np.testing.assert_array_equal(gradient[1:], np.zeros(n - 1))
    np.testing.assert_allclose(gradient[0], np.cos(np.arange(terms)).sum(), rtol=1e-8)
    estimate = jg.estimate_cpu(one_sine_of_many, x, args=(terms,))
    assert estimate.status[1:].tolist() == ["flat"] * (n - 1)


# --- noise, kinks, and values that are not finite


@pytest.mark.parametrize("level", [1e-14, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2])
def test_noise_is_not_silently_wrong(level):
    rng, silent, flagged, total = np.random.default_rng(1), 0, 0, 0
    for n in (1, 2, 3, 4, 5, 6, 7, 8, 50):
        for _ in range(100 // n):
            x = rng.uniform(-1.0, 2.0, n)
            gradient, named = looked_at(trembling, x, (level,))
            silent += len(silently_wrong(gradient, np.exp(x), named))
            flagged += len(named)
            total += n
    # Derivatives out of much noise come with error bars, which promise 95 %. The aim is none.
    assert silent <= (0.0 if level <= 1e-8 else 0.05 * total)
    assert flagged <= (0.0 if level <= 1e-10 else 0.05 * total if level <= 1e-8 else total)


@pytest.mark.parametrize("level", [1e-8, 1e-4])
def test_stated_noise_is_not_silently_wrong(level):
    rng = np.random.default_rng(5)
    for n in (1, 3, 10):
        x = rng.uniform(-1.0, 2.0, n)
        gradient, named = looked_at(trembling, x, (level,), step=jg.Auto(noise=level))
        assert not silently_wrong(gradient, np.exp(x), named)


@pytest.mark.parametrize("distance", [0.0, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-2])
@pytest.mark.parametrize("n", [1, 3, 10])
@pytest.mark.parametrize("verify", [False, True])
def test_kinks_are_not_silently_wrong(distance, n, verify):
    x = np.linspace(0.7, 1.9, n)
    gradient, named = looked_at(kinked, x, (x - distance,), step=jg.Auto(verify=verify))
    if distance == 0.0:
        assert named == list(range(n))
    else:
        assert not silently_wrong(gradient, 2.0 * x + 1.0, named)
    if distance >= 1e-4:
        assert named == []


@INTERPRETED
@pytest.mark.parametrize("n", [1, 3, 9])
def test_a_loss_that_is_finite_on_one_side_only(n):
    gradient, named = looked_at(one_sided, np.zeros(n))
    assert named == []
    np.testing.assert_allclose(gradient, np.ones(n), rtol=1e-6)


@INTERPRETED
def test_not_finite_at_all_is_nan_without_a_warning():
    for n in (2, 9):
        gradient, named = looked_at(one_sided, np.linspace(-1.0, 1.0, n))
        assert named == []
        assert np.isnan(gradient).all()


# --- warnings


CORNERS = np.array([1.0, 0.0, 2.0, 0.0, 1.5, 0.7, 1.3, 0.9])


@INTERPRETED
def test_a_warning_names_coordinates_reason_and_line():
    with pytest.warns(
        jg.PrecisionWarning, match=r"x\[1\] and x\[3\] may be wrong by more\. The loss has a kink"
    ) as caught:
        jg.grad_cpu(kinked, CORNERS, args=(np.zeros(8),))  # this line
    assert len(caught) == 1
    assert caught[0].message.coordinates == [1, 3]
    assert caught[0].filename == __file__
    assert linecache.getline(__file__, caught[0].lineno).endswith("# this line\n")


@INTERPRETED
def test_every_verb_warns_at_the_line_of_its_caller():
    g = jg.gradient_of(kinked)
    for call in (
        lambda: jg.value_and_grad_cpu(kinked, CORNERS, args=(np.zeros(8),)),
        lambda: g(CORNERS, np.zeros(8)),
        lambda: g.value_and_grad(CORNERS, np.zeros(8)),
        lambda: g(CORNERS[None], np.zeros(8)),
    ):
        with pytest.warns(jg.PrecisionWarning) as caught:
            call()
        assert [w.filename for w in caught] == [__file__]


@INTERPRETED
def test_many_coordinates_are_counted_and_all_of_them_kept():
    with pytest.warns(jg.PrecisionWarning, match=r"x\[0\], x\[1\], x\[2\], x\[3\], x\[4\] and 7 more may be") as caught:
        jg.grad_cpu(kinked, np.ones(12), args=(np.ones(12),))
    assert caught[0].message.coordinates == list(range(12))


@INTERPRETED
def test_coordinates_of_a_batch_are_pairs():
    points = np.stack([np.ones(8), CORNERS])
    gradient, named = looked_at(kinked, points, (np.zeros(8),))
    assert named == [(1, 1), (1, 3)]
    np.testing.assert_array_equal(gradient[0], looked_at(kinked, points[0], (np.zeros(8),))[0])
    _, named = looked_at(kinked, points[None], (np.zeros(8),), coords=[3, 5])
    assert named == [(0, 1, 3)]


@INTERPRETED
def test_an_error_instead_of_a_warning_changes_nothing():
    g = jg.gradient_of(kinked)
    with pytest.raises(jg.PrecisionWarning):  # warnings are errors in tests
        g(CORNERS, np.zeros(8))
    np.testing.assert_allclose(g(CORNERS, CORNERS - 0.5), 2.0 * CORNERS + 1.0, rtol=1e-8)


# --- bounds, exceptions, and what is the caller's


@pytest.mark.parametrize("level", [0.0, 1e-6])
@pytest.mark.parametrize(("method", "order"), [("central", None), ("central", 4), ("forward", 2), ("backward", 1)])
@pytest.mark.parametrize("verify", [False, True])
def test_bounds_are_never_left(launches, level, method, order, verify):
    x = np.array([0.5, 1.0, -1.0, 0.0, 0.3, 0.3, 1.0 - 1e-9, -0.99, 0.1])
    lower, upper = np.full(9, -1.0), np.full(9, 1.0)
    lower[4] = upper[4] = 0.3
    lower[8], upper[8] = 0.09, 0.11
    gradient, named = looked_at(
        trembling, x, (level,), bounds=(lower, upper), method=method, order=order, step=jg.Auto(verify=verify)
    )
    for probes, _ in launches:
        j = probes.coordinate
        assert (probes.value >= lower[j]).all()
        assert (probes.value <= upper[j]).all()
    assert gradient[4] == 0.0
    if level == 0.0:
        free = np.arange(9) != 4
        assert named == []
        np.testing.assert_allclose(gradient[free], np.exp(x[free]), rtol=1e-6)


@pytest.mark.parametrize(("method", "face"), [("forward", 1.0), ("backward", -1.0)])
def test_noise_where_a_bound_takes_the_side_that_was_asked_for(method, face):
    x = np.full(9, face)
    gradient, named = looked_at(trembling, x, (1e-6,), bounds=(-1.0, 1.0), method=method, order=2)
    assert not silently_wrong(gradient, np.exp(x), named)


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("n", [3, 9])
def test_noise_in_one_sided_formulas_of_the_default_order(method, n):
    x = np.linspace(0.5, 1.5, n)
    gradient, named = looked_at(trembling, x, (1e-6,), method=method)
    assert not silently_wrong(gradient, np.exp(x), named)


@INTERPRETED
def test_a_loss_that_raises_far_away_is_no_problem():
    x = np.linspace(0.1, 1.0, 12)
    for level in (0.0, 1e-6, 1e-4):
        gradient, named = looked_at(far_walls, x, (level,))
        assert not silently_wrong(gradient, np.exp(x), named)
        if level < 1e-4:
            assert len(named) <= 1  # a verifying pair that is quiet by chance makes the ladder doubt one of the twelve


@INTERPRETED
def test_a_loss_that_raises_at_the_nodes_raises():
    x = np.array([0.5, 1.5, 2.5])
    for where, limit, note in ((1, 1.5, r"x\[1\] displaced from 1.5 to 1.5\d+"), (0, 0.4, "x as it was given")):
        with pytest.raises(ValueError, match="too far") as caught:
            jg.grad_cpu(raises_at, x, args=(where, limit))
        (added,) = caught.value.__notes__
        assert re.search(note, added)


@INTERPRETED
def test_the_callers_arrays_are_as_they_were():
    @njit
    def greedy(x, where):
        s = kinked(x, where)
        x[:] = 0.0
        where[:] = 1.0
        return s

    x, where = CORNERS.copy(), np.zeros(8)
    gradient, named = looked_at(greedy, x, (where,))
    assert named == [1, 3]
    np.testing.assert_array_equal(x, CORNERS)
    np.testing.assert_array_equal(where, np.zeros(8))
    np.testing.assert_array_equal(gradient, looked_at(kinked, x, (where,))[0])


def test_out_receives_what_was_mended():
    out = np.empty(8)
    with pytest.warns(jg.PrecisionWarning):
        found = jg.grad_cpu(kinked, CORNERS, args=(np.zeros(8),), out=out)
    assert found is out
    np.testing.assert_array_equal(out, looked_at(kinked, CORNERS, (np.zeros(8),))[0])


# --- the same result however it is computed


def cases():
    rng = np.random.default_rng(8)
    yield smooth, rng.normal(size=30), (2.0, 0.5)
    yield smooth, rng.normal(size=3), (2.0, 0.5)
    yield waves, np.concatenate([np.zeros(3), rng.normal(size=600)]), (1e5,)
    yield waves, rng.normal(size=2), (1e5,)
    yield trembling, rng.normal(size=5), (1e-6,)
    yield trembling, rng.normal(size=300), (1e-6,)
    yield kinked, CORNERS, (np.zeros(8),)
    yield one_sided, np.zeros(4), ()


@pytest.mark.parametrize("step", [jg.Auto(), jg.Auto(verify=True)])
def test_results_do_not_depend_on_threads_or_on_how_many_calls_it_takes(monkeypatch, step):
    for loss, x, args in cases():
        expected, named = looked_at(loss, x, args, step=step, threads=1)
        g = jg.gradient_of(loss, step=step)
        for _ in range(4):  # timed, quick and not
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                np.testing.assert_array_equal(g(x, *args), expected)
        for threads in (2, 3):
            again, other = looked_at(loss, x, args, step=step, threads=threads)
            np.testing.assert_array_equal(again, expected)
            assert other == named
        with monkeypatch.context() as patched:
            patched.setattr(Session, "attempt", lambda *_: None)
            patched.setattr(Session, "quick", lambda *_: None)
            for threads in (1, 2):
                again, other = looked_at(loss, x, args, step=step, threads=threads)
                np.testing.assert_array_equal(again, expected)
                assert other == named


@INTERPRETED
def test_batches_equal_single_points():
    rng = np.random.default_rng(4)
    for loss, args, n in ((smooth, (2.0, 0.5), 4), (trembling, (1e-6,), 9), (waves, (1e5,), 10)):
        points = rng.normal(size=(2, 3, n))
        points[0, 1, 0] = 0.0
        expected = [[looked_at(loss, x, args) for x in row] for row in points]
        together, named = looked_at(loss, points, args)
        np.testing.assert_array_equal(together, [[found for found, _ in row] for row in expected])
        single = [(p, q, c) for p, row in enumerate(expected) for q, (_, own) in enumerate(row) for c in own]
        assert named == single


def test_python_threads_may_compute_gradients_at_once():
    jobs = [job for job in cases() for _ in range(3)]
    expected = [looked_at(*job)[0] for job in jobs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda job: jg.grad_cpu(job[0], job[1], args=job[2]), jobs))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@INTERPRETED
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0), (0, 0), (2, 0, 3)])
def test_points_without_coordinates_and_batches_without_points(shape):
    for step in (None, jg.Auto(verify=True), jg.Auto(noise=1e-3)):
        assert jg.grad_cpu(quadratic, np.ones(shape), step=step).shape == shape
    assert jg.grad_cpu(quadratic, np.ones(3), coords=[]).shape == (0,)


@INTERPRETED
@pytest.mark.parametrize("noise", [-1.0, math.nan, math.inf])
def test_noise_must_be_possible(noise):
    with pytest.raises(ValueError, match="noise must be finite and at least 0"):
        jg.Auto(noise=noise)


@INTERPRETED
@pytest.mark.parametrize("noise", ["a", None, [1e-3], True])
def test_noise_must_be_a_number(noise):
    with pytest.raises(TypeError, match="noise must be a number, got"):
        jg.Auto(noise=noise)
