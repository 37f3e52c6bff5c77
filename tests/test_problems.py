import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from exact import Exact, ExactFunction

from jitgrad.launch.probes import along_directions, replaced
from jitgrad.testing.problems import KINDS, Noise, course, ordinary, points_of, problem, problems, vector_losses
from jitgrad.testing.problems.definition import spread
from jitgrad.testing.problems.harness import resolved
from jitgrad.testing.problems.separable import chaos

EPS = np.finfo(np.float64).eps
ALL = problems() + problems(held_out=True)
# The last digit is right where NumPy has numbers wider than float64; elsewhere every operation rounds.
WIDE = float(np.finfo(np.longdouble).eps)
ORACLE = 1.0 * EPS if WIDE < EPS else 64.0 * EPS

every_problem = pytest.mark.parametrize("p", ALL, ids=lambda p: p.name)


@pytest.mark.interpreted
@every_problem
def test_derivative_is_that_of_the_function(p):
    exact = ExactFunction(p.smooth or p.function)
    # The first and the outermost points are the awkward ones: at the zero, nearest to the kink or the singularity.
    order = np.argsort(p.length)
    chosen = [0, 1, 2, 3, *order[:3], *order[-3:], np.argmin(p.x), np.argmax(p.x), *range(10, 100, 15)]
    largest = np.abs(p.derivative(p.x)).max()
    for k in np.unique(chosen):
        x = p.x[k]
        # Where x spans many lengths, as in sin(1e9 x), rounding of 1e9 x counts: nothing for waves of 1e-4 or longer.
        phase = abs(x / p.length[k]) if p.kind == "oscillating" else 0.0
        wanted = exact.derivative(x)
        got = p.derivative([x])[0]
        # 1e-60 is the error of the exact derivative, in units of the largest slope, and 0 is a derivative too.
        assert abs(got - wanted) <= ORACLE * abs(wanted) + WIDE * phase * largest + 1e-50


@pytest.mark.interpreted
@every_problem
def test_derivative_of_single_precision_points_is_taken_at_the_numbers_they_hold(p):
    x = p.x[resolved(p, np.float32)].astype(np.float32)
    assert np.array_equal(p.derivative(x), p.derivative(x.astype(np.float64)))


@every_problem
def test_function_is_finite_and_agrees_with_exact_arithmetic(p):
    exact = ExactFunction(p.smooth or p.function)
    values = p.values(p.x)
    assert np.isfinite(values).all()
    stairs = 1 / 300 if p.kind == "stairs" else 0.0  # the highest, those of coarse_cube
    for x, value in list(zip(p.x, values, strict=True))[::20]:
        # Rounding x to a multiple of EPS / 2 changes f by |f' x| times as much.
        conditioning = abs(x * p.derivative([x])[0]) + p.size().max()
        assert abs(value - exact(x)) <= 16 * EPS * conditioning + stairs


def test_there_are_enough_of_each_class_and_as_many_held_out_as_half_of_those_to_develop_with():
    assert all(p.x.shape == p.length.shape == (100,) for p in ALL)
    assert len({p.name for p in ALL}) == len(ALL)
    development, held_out = (Counter(p.kind for p in problems(held_out=which)) for which in (False, True))
    assert development.total() == 88
    assert tuple(development) == tuple(held_out) == KINDS
    assert all(held_out[kind] >= development[kind] / 2 for kind in KINDS)
    assert [{p.held_out for p in problems(held_out=which)} for which in (False, True)] == [{False}, {True}]


@every_problem
def test_points_are_different(p):
    assert np.unique(p.x).size == 100


@pytest.mark.parametrize(("name", "nearest"), [("absolute_value", 2e-9), ("leaky", 2e-12), ("squared_hinge", 2e-9)])
def test_kinks_are_near_and_far_on_both_sides(name, nearest):
    kink = {"leaky": 0.0}.get(name, 1.0)
    left, right = (problem(name).x[(problem(name).x > kink) == side] - kink for side in (False, True))
    assert left.size == right.size == 50
    assert np.abs(left).min() < 2 * nearest
    assert np.abs(right).min() < 2 * nearest
    assert min(np.abs(left).max(), right.max()) > 0.2


def test_zeros_are_zeros():
    x = problem("sine_at_roots").x
    assert np.abs(np.sin(x)).max() < 1e-13
    assert 0.0 in x
    for p in problems(kind="optimum") + problems(kind="optimum", held_out=True):
        assert p.derivative(p.x)[0] == 0.0
    assert np.count_nonzero(problem("seven_wells").derivative(problem("seven_wells").x) == 0.0) == 7


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"kind must be one of smooth, .*, got 'smoth'"):
        problems(kind="smoth")
    with pytest.raises(ValueError, match=r"name must be one of gauss, .*, got 'gaus'"):
        problem("gaus")


@pytest.mark.interpreted
def test_course_evaluates_the_problem_and_counts():
    p = problem("quintic")
    c = course(p)
    assert np.array_equal(c.evaluator.at_points(), p.values(p.x))
    targets = np.array([3, 5, 3])
    assert np.array_equal(c.evaluator.displaced(targets, np.array([0.0, 1.0, 2.0])), [-2.0, -3.0, 8.0])
    assert np.array_equal(np.flatnonzero(c.counts != 1), [3, 5])
    assert c.counts[3] == 3
    assert c.counts.sum() == c.evaluator.evaluations == 103
    assert np.array_equal(c.derivative, p.derivative(p.x))


@pytest.mark.interpreted
def test_single_precision_is_computed_and_rounded_as_such():
    c = course(problem("gauss"), np.float32)
    assert c.evaluator.points.dtype == np.float32
    x = c.evaluator.points[:, 0]
    values = c.evaluator.at_points()
    assert np.array_equal(values, values.astype(np.float32))
    exact = np.exp(-(x.astype(np.float64) ** 2))
    # x * x is rounded to single precision too, and changes the value by exp(-x^2) x^2 times its rounding.
    assert np.abs(values / exact - 1).max() <= (1 + 2.5**2) * np.finfo(np.float32).eps
    assert np.count_nonzero(values == exact) < 100


def test_single_precision_leaves_out_what_it_cannot_tell():
    assert course(problem("sine_at_1e8"), np.float32).derivative.size == 0
    left = course(problem("absolute_value"), np.float32).evaluator.points[:, 0].astype(np.float64)
    assert 30 < left.size < 70
    assert np.abs(left - 1).min() > 1e-5
    assert course(problem("exp_1e-8"), np.float32).derivative.size == 100


@pytest.mark.interpreted
def test_errors_of_near_optima_are_relative_to_the_typical_slope():
    c = course(problem("bowl"))
    assert np.array_equal(c.scale, np.full(100, 2.0))
    d = course(problem("quintic"))
    assert np.array_equal(d.scale, np.abs(d.derivative))


@pytest.mark.interpreted
@pytest.mark.parametrize("kind", ["independent", "hash"])
@pytest.mark.parametrize("level", [1e-12, 1e-8, 1e-4, 1e-2])
def test_noise_has_the_level_it_says(kind, level):
    p = problem("quintic")
    c = course(p, noise=Noise(level, kind))
    targets = np.repeat(np.arange(100), 100)
    x = p.x[targets] * (1 + 1e-9 * np.tile(np.arange(100), 100))
    noise = (c.evaluator.displaced(targets, x) - p.values(x)) / c.sigma[targets]
    # 10 000 numbers; the standard deviation of their standard deviation is at most 1 / sqrt(20 000).
    assert abs(noise.std() - 1) < 5 / math.sqrt(20_000)
    assert abs(noise.mean()) < 5 / 100
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 5 / 100
    assert np.array_equal(c.sigma, level * p.size())


@pytest.mark.interpreted
def test_noise_of_a_solver_is_smooth_between_jumps_and_of_the_level_it_says():
    p = problem("damped_wave")
    level = 1e-8
    c = course(p, noise=Noise(level, "solver"))
    x = np.linspace(0.3, 3.7, 20_001)
    targets = np.zeros(x.size, np.int64)
    noise = (c.evaluator.displaced(targets, x) - p.values(x)) / c.sigma[0]
    # The rate varies between 0.3 and 0.5, and with it the spread, by 18 % either way.
    assert 0.8 < noise.std() < 1.3
    assert noise.min() >= 0.0
    assert noise.max() <= 1 / 0.171 + 1e-6
    jumps = np.count_nonzero(np.abs(np.diff(noise)) > 1.0)
    lengths = 3.4 / 0.2
    assert 3 * lengths < jumps < 30 * lengths


@pytest.mark.parametrize("kind", ["hash", "solver"])
def test_deterministic_noise_depends_on_x_alone(kind):
    p = problem("gauss")
    first, second = (course(p, noise=Noise(1e-4, kind)).evaluator for _ in range(2))
    forwards = first.at_points()
    backwards = second.displaced(np.arange(100)[::-1].copy(), p.x[::-1].copy())[::-1]
    assert np.array_equal(forwards, backwards)
    assert not np.array_equal(forwards, p.values(p.x))


def test_independent_noise_is_new_at_every_evaluation_and_the_same_in_every_run():
    p = problem("gauss")
    runs = []
    for _ in range(2):
        evaluator = course(p, noise=Noise(1e-4, seed=3)).evaluator
        runs.append([evaluator.displaced(np.arange(100), p.x) for _ in range(2)])
    assert np.array_equal(runs[0], runs[1])
    assert np.all(runs[0][0] != runs[0][1])
    other = course(p, noise=Noise(1e-4, seed=4)).evaluator.displaced(np.arange(100), p.x)
    assert np.all(other != runs[0][0])


def test_hash_of_another_seed_is_another_noise():
    p = problem("gauss")
    one, other = (course(p, noise=Noise(1e-2, "hash", seed)).evaluator.at_points() - p.values(p.x) for seed in (0, 1))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.5  # 5 standard deviations for 100 numbers


def test_noise_is_refused_where_it_makes_no_sense():
    with pytest.raises(ValueError, match="level must be finite and at least 0, got -1"):
        Noise(-1.0)
    with pytest.raises(ValueError, match="kind must be one of independent, hash, solver, got 'pink'"):
        Noise(1e-3, "pink")


@pytest.mark.interpreted
def test_points_of_writes_out_both_kinds_of_probes():
    points = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert np.array_equal(points_of(replaced(points, [1, 0], [[0], [1]], [[7.0], [8.0]])), [[7.0, 4.0], [1.0, 8.0]])
    moved = along_directions(points, [0, 1], np.array([[1.0, -1.0]]), np.array([0, 0]), np.array([0.5, 2.0]))
    assert np.array_equal(points_of(moved), [[1.5, 1.5], [5.0, 2.0]])
    nothing = np.empty((2, 0))
    assert np.array_equal(points_of(replaced(points, [0, 1], nothing, nothing)), points)


@pytest.mark.interpreted
@pytest.mark.parametrize("held_out", [False, True], ids=["development", "held out"])
def test_gradients_of_vector_losses_are_those_of_the_losses(held_out):
    rng = np.random.default_rng(5)
    seen = set()
    for v in vector_losses(held_out=held_out):
        if v.name in seen or v.ordinary or v.name == "sum of stairs":
            continue  # the scenarios have tests of their own, and so have the members of the sum of stairs
        seen.add(v.name)
        args = v.args if len(v.args) == 1 else (*v.args[:2], 0.0, 0.0)  # neither offset nor noise
        exact = Exact(SimpleNamespace(loss=v.loss, smooth=None, args=args), digits=120)
        for i in rng.choice(v.x.size, size=min(4, v.x.size), replace=False):
            wanted = exact.derivative(v.x, i)
            # As above, and x is 3 at most. A sum of problems does not tell which slope belongs to which frequency.
            fastest = {"aliasing": v.args[0][i], "sum of oscillating": 1e9}.get(v.name.partition(",")[0], 0.0)
            phase = 3 * fastest * WIDE * fastest
            assert abs(v.gradient[i] - wanted) <= ORACLE * abs(wanted) + phase + 1e-50
    assert len(seen) >= 17


@pytest.mark.interpreted
@pytest.mark.parametrize("factory", ordinary.SCENARIOS, ids=lambda factory: factory.__name__)
def test_gradients_of_ordinary_losses_that_are_held_out_are_those_of_the_losses(factory):
    rng = np.random.default_rng(9)
    s = factory()
    exact = Exact(s)
    for x in (s.point, s.draw(rng)):
        gradient = s.gradient(x, *s.args)
        for i in range(s.n):
            wanted = exact.derivative(x, i)
            # An entry that happens to be small is a difference of others as large as the rest of the gradient.
            size = max(abs(wanted), 0.01 * np.median(np.abs(gradient)))
            assert abs(gradient[i] - wanted) <= 1e-12 * size
    assert abs(s.loss(s.point, *s.args) - exact(s.point)) <= 1e-13 * abs(exact(s.point))
    assert s.name == factory.__name__
    assert 0.9 * 100 < factory(100).n <= 100


@pytest.mark.interpreted
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_vector_losses_are_finite_and_complete(dtype):
    both = [vector_losses(held_out=held_out, dtype=dtype) for held_out in (False, True)]
    for losses in both:
        for v in losses:
            assert v.x.dtype == dtype
            assert v.gradient.dtype == np.float64
            assert v.x.shape == v.gradient.shape == v.scale.shape
            assert (v.scale > 0).all()
        assert {v.ordinary for v in losses} == {True, False}
    names = [{v.name for v in losses if v.ordinary} for losses in both]
    assert not names[0] & names[1]
    first = [next(v for v in losses if not v.ordinary) for losses in both]
    for v in (*first, *(losses[0] for losses in both)):
        assert math.isfinite(v.loss(v.x.copy(), *v.args))


@pytest.mark.interpreted
def test_noise_of_vector_losses_has_the_level_it_says():
    for v in vector_losses():
        if not v.name.startswith("noisy, noise"):
            continue
        level = float(v.name.rpartition(" ")[2])
        w, c, offset, sigma = v.args
        clean = v.loss(v.x, w, c, offset, 0.0)
        assert sigma == pytest.approx(level * abs(clean), rel=1e-13)
        rng = np.random.default_rng(6)
        points = [v.x + 1e-3 * rng.standard_normal(v.x.size) for _ in range(2000)]
        noise = [(v.loss(x, w, c, offset, sigma) - v.loss(x, w, c, offset, 0.0)) / sigma for x in points]
        # The fourth moment of these numbers, 3/2, makes the deviation of 2000 of them 1 / sqrt(8 * 2000). Rounding adds
        # up to 200 times eps of the sum, and the smallest noise is 4500 times eps of it.
        assert abs(np.std(noise) - 1) < 5 / math.sqrt(16_000) + 0.05


@pytest.mark.interpreted
@pytest.mark.parametrize("i", [0, 100, 199])
def test_noise_of_vector_losses_changes_with_the_last_digit_of_a_coordinate(i):
    x = spread(-2, 2, 200)
    values = []
    for _ in range(1000):
        x[i] = np.nextafter(x[i], 3.0)
        values.append(chaos(x))
    # A digit of x may be below the last one that a number between 0.5 and 1 has, so some values come twice.
    assert len(set(values)) > 200
    distinct = np.array(list(dict.fromkeys(values)))
    assert abs(distinct.std() - 1) < 5 / math.sqrt(8 * distinct.size)
    assert abs(np.corrcoef(distinct[:-1], distinct[1:])[0, 1]) < 5 / math.sqrt(distinct.size)
