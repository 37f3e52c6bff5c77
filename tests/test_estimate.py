"""`estimate_cpu` and `noise_cpu`: error bars that cover the truth, statuses, options, and known noise."""

import math

import numpy as np
import pytest
from losses import quadratic, quadratic_gradient, raises_at, smooth, smooth_gradient
from numba import njit
from test_auto import bowl, hashed, kinked, one_constant, one_sided, trembling, waves

import jitgrad as jg
from jitgrad.testing import scenarios

INTERPRETED = pytest.mark.interpreted
PROMISE = 0.95
"""Part of the error bars that cover the truth."""


@njit
def shifted_by_point(x, shift, factor):
    s = 0.0
    for i in range(x.size):
        s += factor * math.sin(x[i] + shift[0])
    return s


def covered(e, exact):
    # The closed form is rounded too: by its last digits, where a sum of terms cancels by those of the terms.
    return np.abs(e.derivative - exact) <= e.error + 1e-15 * np.abs(exact)


# --- error bars


def test_bars_cover_the_truth_on_all_scenarios():
    inside, counted, narrow = [], [], []
    for s in scenarios():
        for rng in map(np.random.default_rng, range(4)):
            x = s.draw(rng)
            e, exact = jg.estimate_cpu(s.loss, x, args=s.args), s.gradient(x, *s.args)
            assert (
                e.derivative.shape == e.error.shape == e.step.shape == e.noise.shape == e.evaluations.shape == x.shape
            )
            np.testing.assert_allclose(e.value, s.loss(x.copy(), *s.args), rtol=1e-14)
            inside += list(covered(e, exact))
            wrong = np.abs(e.derivative - exact) > 0.01 * np.abs(exact)
            assert not (wrong & e.trusted).any()
            if s.noise == 0.0 and s.name != "large_offset":
                counted += list(e.evaluations)
                narrow += list(e.error <= 1e-8 * np.abs(exact).max())
    assert np.mean(inside) >= PROMISE
    assert np.mean(counted) <= 13.0  # about 12, it says
    assert np.mean(narrow) >= PROMISE
    assert np.max(counted) <= 23


def test_bars_cover_the_truth_in_single_precision():
    inside = []
    for s in scenarios():
        if s.name == "large_offset":  # see test_auto
            continue
        for rng in map(np.random.default_rng, range(4)):
            x = s.draw(rng).astype(np.float32)
            e = jg.estimate_cpu(s.loss, x, args=s.args)
            assert e.derivative.dtype == np.float64
            inside += list(covered(e, s.gradient(x.astype(np.float64), *s.args)))
    assert np.mean(inside) >= PROMISE


@pytest.mark.parametrize("level", [1e-12, 1e-8, 1e-4])
def test_noise_is_found_and_covered(level):
    rng, inside, ratio = np.random.default_rng(3), [], []
    for _ in range(20):
        x = rng.uniform(-1.0, 2.0, 5)
        e = jg.estimate_cpu(trembling, x, args=(level,))
        inside += list(covered(e, np.exp(x)))
        ratio += list(e.noise / level)
    assert np.mean(inside) >= PROMISE
    ratio = np.array(ratio)
    assert np.mean((ratio > 0.25) & (ratio < 4.0)) >= 0.9


def test_noise_that_is_stated_is_believed():
    x = np.linspace(0.5, 1.5, 5)
    e = jg.estimate_cpu(trembling, x, args=(0.0,), noise=1e-4)
    assert (e.noise >= 1e-4).all()
    assert covered(e, np.exp(x)).all()
    assert (e.error > 10 * jg.estimate_cpu(trembling, x, args=(0.0,)).error).all()


# --- what it says


@INTERPRETED
@pytest.mark.parametrize(
    ("loss", "x", "args", "options", "status", "trusted"),
    [
        (smooth, 0.5, (2.0, 0.5), {}, "converged", True),
        (waves, 0.0, (1e6,), {}, "converged", True),
        (bowl, 0.0, (0.0, 1.0), {}, "zero", True),
        (one_constant, 0.5, (3.0,), {}, "flat", False),
        (kinked, 0.5, (np.full(2, 0.5),), {}, "kink", False),
        (one_sided, 0.0, (), {}, "one-sided", True),
        (one_sided, -1.0, (), {}, "non-finite", False),
        (smooth, 0.5, (2.0, 0.5), {"bounds": (0.5, 0.5)}, "fixed by bounds", True),
        (smooth, 0.5, (2.0, 0.5), {"bounds": (0.5, 2.0)}, "one-sided", True),
        (smooth, 0.5, (2.0, 0.5), {"bounds": (0.5, 0.5 + 2e-16)}, "cramped", False),
    ],
)
def test_statuses(loss, x, args, options, status, trusted):
    e = jg.estimate_cpu(loss, np.full(2, x), args=args, **options)
    assert e.status.tolist() == [status] * 2
    assert e.trusted.tolist() == [trusted] * 2
    assert list(e.meaning) == [status]
    assert e.meaning[status].endswith(".")
    if status == "fixed by bounds":
        np.testing.assert_array_equal(e.derivative, 0.0)
        np.testing.assert_array_equal(e.error, 0.0)
    if status in ("non-finite", "cramped"):
        assert np.isnan(e.derivative).all()
        assert np.isinf(e.error).all()


@INTERPRETED
def test_every_coordinate_has_a_status_of_its_own():
    x = np.array([0.5, 0.7, 0.9])
    e = jg.estimate_cpu(kinked, x, args=(np.array([0.0, 0.7, 0.0]),), bounds=([0.0, 0.0, 0.9], [1.0, 1.0, 0.9]))
    assert e.status.tolist() == ["converged", "kink", "fixed by bounds"]
    assert e.trusted.tolist() == [True, False, True]
    assert abs(e.derivative[0] - 2.0) <= e.error[0] < 1e-12
    assert set(e.meaning) == set(e.status.tolist())


# --- options


@INTERPRETED
def test_a_batch_equals_its_points():
    points = np.random.default_rng(2).normal(size=(2, 3, 4))
    shift = np.random.default_rng(3).normal(size=(2, 3, 1))
    e = jg.estimate_cpu(shifted_by_point, points, args=(shift, 2.0), args_axes=(0, None))
    assert e.value.shape == (2, 3)
    assert covered(e, 2.0 * np.cos(points + shift)).mean() >= PROMISE
    for p in np.ndindex(2, 3):
        one = jg.estimate_cpu(shifted_by_point, points[p], args=(shift[p], 2.0))
        assert isinstance(one.value, float)
        assert one.value == e.value[p]
        for name in ("derivative", "error", "step", "noise", "evaluations", "status", "trusted"):
            np.testing.assert_array_equal(getattr(one, name), getattr(e, name)[p])


@INTERPRETED
def test_coordinates_are_chosen():
    x = np.linspace(-1.0, 1.0, 6)
    every = jg.estimate_cpu(smooth, x, args=(2.0, 0.5))
    for coords, which in (([4, 1], [4, 1]), ([-1], [5]), (x > 0.0, [3, 4, 5]), ([], [])):
        e = jg.estimate_cpu(smooth, x, args=(2.0, 0.5), coords=coords)
        np.testing.assert_array_equal(e.derivative, every.derivative[which])
        np.testing.assert_array_equal(e.error, every.error[which])
    batch = jg.estimate_cpu(smooth, np.stack([x, x]), args=(2.0, 0.5), coords=[4, 1])
    np.testing.assert_array_equal(batch.derivative, [every.derivative[[4, 1]]] * 2)


@njit
def only_inside(x, lower, upper):
    for i in range(x.size):
        if x[i] < lower or x[i] > upper:
            return 1e300
    return quadratic(x)


@INTERPRETED
@pytest.mark.parametrize("x", [1.0, 1.0 + 1e-12, 1.0 + 1e-6, 1.5, 2.0])
def test_bounds_are_not_left(x):
    # A single value from outside would leave nothing of the derivative.
    point = np.full(3, x)
    e = jg.estimate_cpu(only_inside, point, args=(1.0, 2.0), bounds=(1.0, 2.0))
    assert covered(e, quadratic_gradient(point)).all()
    np.testing.assert_allclose(e.derivative, quadratic_gradient(point), rtol=1e-9)
    assert abs(jg.noise_cpu(only_inside, point, args=(1.0, 2.0), bounds=(1.0, 2.0)).level) < 1e-13


def test_threads_change_nothing():
    x = np.random.default_rng(1).normal(size=200)
    one, *more = (jg.estimate_cpu(trembling, x, args=(1e-8,), threads=threads) for threads in (1, 2, 3))
    for other in more:
        for name in ("derivative", "error", "step", "noise", "evaluations", "status"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@INTERPRETED
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0), (0, 0), (2, 0, 3)])
def test_points_without_coordinates_and_batches_without_points(shape):
    e = jg.estimate_cpu(quadratic, np.ones(shape))
    assert e.derivative.shape == e.status.shape == e.trusted.shape == shape
    assert np.shape(e.value) == shape[:-1]
    assert e.meaning == {}
    found = jg.noise_cpu(quadratic, np.ones(shape))
    assert found.level.shape == found.reason.shape == found.evaluations.shape == shape[:-1]


@INTERPRETED
def test_integers_and_the_callers_array():
    x = np.array([1, 2, 3])
    e = jg.estimate_cpu(quadratic, x)
    assert covered(e, quadratic_gradient(x)).all()
    point = np.array([0.5, 1.5])
    before = point.copy()
    jg.estimate_cpu(smooth, point, args=(2.0, 0.5))
    jg.noise_cpu(smooth, point, args=(2.0, 0.5))
    np.testing.assert_array_equal(point, before)


# --- exceptions

X = np.array([0.5, 1.5, 2.5])


def plain(x):
    return x.sum()


@pytest.mark.parametrize("verb", [jg.estimate_cpu, jg.noise_cpu])
def test_plain_python_functions(verb):
    with pytest.raises(TypeError, match=r"compiled by numba\.njit, got the function 'plain'"):
        verb(plain, X)


@INTERPRETED
@pytest.mark.parametrize("verb", [jg.estimate_cpu, jg.noise_cpu])
@pytest.mark.parametrize(
    ("loss", "x", "options", "kind", "message"),
    [
        (quadratic, np.array([1.0, np.nan]), {}, ValueError, "x must be finite, got nan at coordinate 1"),
        (quadratic, X[None] * [1, np.inf, 1], {}, ValueError, "x must be finite, got inf at coordinate 1"),
        (quadratic, X * 1j, {}, TypeError, "got dtype complex128"),
        (quadratic, X.astype(np.float16), {}, TypeError, "got dtype float16"),
        (quadratic, 1.0, {}, ValueError, "without a dimension"),
        (quadratic, X, {"bounds": (1.0, 2.0)}, ValueError, r"within its bounds, got 0\.5 outside \[1\.0, 2\.0\]"),
        (quadratic, X, {"bounds": (3.0, 2.0)}, ValueError, "at most the upper bound"),
        (smooth, X, {"args": [2.0, 0.5]}, TypeError, "args must be a tuple, got list"),
        (quadratic, X, {"threads": 0}, ValueError, "threads must be at least 1"),
        (smooth, X, {"args": (2.0, 0.5), "args_axes": (0,)}, ValueError, "one entry per argument, 2, got 1"),
        (raises_at, X, {"args": (0, 0.4)}, ValueError, "too far"),
        # Before the loss is called there.
        (raises_at, X, {"args": (0, 0.4), "bounds": (1.0, 2.0)}, ValueError, "within its bounds"),
    ],
)
def test_bad_input(verb, loss, x, options, kind, message):
    with pytest.raises(kind, match=message):
        verb(loss, x, **options)


@INTERPRETED
@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"coords": [5]}, IndexError, "coords must lie between -3 and 2, got 5"),
        ({"coords": [0.5]}, TypeError, "coords must be integers"),
        ({"coords": [True, False]}, ValueError, "one entry per coordinate, 3, got 2"),
        ({"noise": -1.0}, ValueError, "noise must be finite and at least 0"),
        ({"noise": "much"}, TypeError, "noise must be a number, got 'much'"),
    ],
)
def test_bad_options(options, kind, message):
    with pytest.raises(kind, match=message):
        jg.estimate_cpu(quadratic, X, **options)


@INTERPRETED
def test_an_exception_at_the_point_has_a_note_and_one_further_away_is_none():
    with pytest.raises(ValueError, match="too far") as caught:
        jg.estimate_cpu(raises_at, X, args=(1, 1.0))
    assert caught.value.__notes__ == ["jitgrad: the loss 'raises_at' raised this with x as it was given."]
    e = jg.estimate_cpu(raises_at, X, args=(1, 1.5))
    assert covered(e, 2.0 * X).all()
    assert e.status.tolist() == ["converged", "one-sided", "converged"]


# --- the noise of a loss


@pytest.mark.parametrize("level", [1e-12, 1e-8, 1e-4, 1e-2])
def test_known_noise_is_found(level):
    points = np.random.default_rng(6).uniform(-1.0, 2.0, (50, 4))
    found = jg.noise_cpu(trembling, points, args=(level,))
    ratio = found.level / level
    assert np.mean((ratio > 0.25) & (ratio < 4.0)) >= PROMISE
    assert (found.evaluations <= 28).all()


@INTERPRETED
def test_noise_of_points_and_of_a_batch():
    points = np.random.default_rng(7).uniform(-1.0, 2.0, (2, 2, 3))
    found = jg.noise_cpu(trembling, points, args=(1e-6,), seed=3)
    for p in np.ndindex(2, 2):
        one = jg.noise_cpu(trembling, points[p], args=(1e-6,))
        assert one.level.shape == ()
        assert 0.2e-6 < one.level < 5e-6
        assert 0.2e-6 < found.level[p] < 5e-6


@INTERPRETED
def test_noise_of_a_smooth_loss_is_its_rounding_and_of_a_constant_none():
    assert 0.0 <= jg.noise_cpu(smooth, X, args=(2.0, 0.5)).level < 20 * 2.0**-53 * smooth(X, 2.0, 0.5)
    constant = jg.noise_cpu(one_constant, X, args=(3.0,))
    assert constant.level == 0.0
    assert "does not change" in str(constant.reason)


@INTERPRETED
def test_noise_where_there_is_none_to_see():
    found = jg.noise_cpu(one_sided, -X)
    assert np.isnan(found.level)
    assert "not finite" in str(found.reason)
    huge = jg.noise_cpu(quadratic, np.array([1.7e308, 1.0]))  # infinite, and as far from a bound as numbers go
    assert np.isnan(huge.level)
    fixed = jg.noise_cpu(trembling, X, args=(1e-3,), bounds=(X, X))
    assert fixed.level == 0.0


def test_the_noise_of_these_tests_is_what_it_should_be():
    x = np.random.default_rng(0).uniform(-1.0, 2.0, (4000, 3))
    values = np.array([hashed(row) for row in x])
    assert abs(values.std() - 1.0) < 0.05  # 2.3 / sqrt(4000) would be one standard deviation of a normal one
    np.testing.assert_allclose(smooth_gradient(x[0], 1.0, 0.0), np.cos(x[0]))
