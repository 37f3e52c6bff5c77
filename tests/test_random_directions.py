"""Gradients from random directions: means, variances and bars against closed forms, seeds, options, and memory."""

import itertools
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from losses import quadratic, quadratic_gradient, raises_at, smooth, smooth_gradient
from numba import njit
from scipy import stats

import jitgrad as jg
from jitgrad.estimators import sampler
from jitgrad.estimators.student import student_quantile
from jitgrad.testing import scenarios

INTERPRETED = pytest.mark.interpreted
BOTH = pytest.mark.parametrize("kind", [jg.SPSA, jg.Smoothing])
HERE = Path(__file__).parent


@njit
def linear(x, slopes):
    return (slopes * x).sum()


SLOPES = np.array([1.0, -2.0, 0.5, 3.0, 0.0, -1.5])


def variances(kind, g):
    """Variances of an estimate by one direction, of a linear loss: E u**4 is 1 for signs and 3 for normal numbers."""
    return g @ g + (g * g if kind is jg.Smoothing else -g * g)


# --- what the mean and the bars are worth


@BOTH
def test_the_mean_of_ten_thousand_repetitions_lies_within_its_stated_error(kind):
    repetitions, x = 10_000, np.linspace(-1.0, 1.5, 6)
    exact = quadratic_gradient(x)
    e = jg.estimate_cpu(quadratic, np.tile(x, (repetitions, 1)), estimator=kind(8, rng=11), vectorize="off")
    derivatives, bars = e.derivative, e.error
    # Third differences of a quadratic are 0: no bias, and rounding is far below.
    stated = np.sqrt(np.mean(np.square(bars / student_quantile(7)), axis=0) / repetitions)
    z = (derivatives.mean(axis=0) - exact) / stated
    assert np.abs(z).max() <= stats.norm.ppf(1.0 - 0.001 / 12.0)  # one in a thousand, for six of them together
    # Bars hold the truth in at least 95 of 100 cases; of 10 000 repetitions, to four standard errors.
    covered = (np.abs(derivatives - exact) <= bars).mean(axis=0)
    assert (covered >= 0.95 - 4.0 * np.sqrt(0.95 * 0.05 / repetitions)).all()


@BOTH
def test_variances_are_those_of_the_formula(kind):
    count, repetitions = 4, 4000
    found = jg.grad_cpu(
        linear, np.ones((repetitions, 6)), args=(SLOPES,), estimator=kind(count, rng=5), vectorize="off"
    )
    exact = variances(kind, SLOPES) / count
    # Excess kurtosis of products of normal numbers is below 30; that of a mean of 4 a quarter of it.
    tolerance = 5.0 * np.sqrt((2.0 + 30.0 / count) / repetitions)
    np.testing.assert_allclose(found.var(axis=0, ddof=1), exact, rtol=tolerance)
    np.testing.assert_allclose(found.mean(axis=0), SLOPES, atol=5.0 * np.sqrt(exact.max() / repetitions))


@BOTH
@pytest.mark.parametrize("count", [2, 3, 16, 200])
def test_bars_of_many_coordinates_hold_whatever_the_number_of_directions(kind, count):
    slopes = np.random.default_rng(1).normal(size=100)
    e = jg.estimate_cpu(linear, np.ones((100, 100)), args=(slopes,), estimator=kind(count, rng=2))
    # 10 000 cases, dependent through the common width of a repetition: as if there were 2000, to four standard errors.
    assert np.mean(np.abs(e.derivative - slopes) <= e.error) >= 0.95 - 4.0 * np.sqrt(0.95 * 0.05 / 2000)


def test_the_smoothing_by_a_large_step_is_that_of_the_formula():
    # f = x**3: signs give ((x + h)**3 - (x - h)**3) / 2h = 3 x**2 + h**2 in one dimension, for each direction.
    @njit
    def cube(x):
        return x[0] ** 3

    g = jg.grad_cpu(cube, np.array([2.0]), estimator=jg.SPSA(3, h=0.5, rng=0))
    np.testing.assert_allclose(g, [12.25], rtol=1e-14)
    # And normal numbers E (6 x**2 h u + 2 h**3 u**3) u / 2h = 3 x**2 + 3 h**2: the derivative of E f(x + h u).
    e = jg.estimate_cpu(cube, np.array([2.0]), estimator=jg.Smoothing(20_000, h=0.5, rng=0))
    assert abs(e.derivative[0] - 12.75) <= 1.5 * e.error[0] < 0.5


def all_signs(n):
    return np.array(list(itertools.product((-1.0, 1.0), repeat=n)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_default_step_suits_the_scenarios(dtype):
    # The mean over all sign vectors is what sampling converges to: truncation and rounding are all that is left of it.
    tolerance = 1e-5 if dtype is np.float64 else 0.02
    for s in scenarios():
        x = s.point.astype(dtype)
        if s.noise > 0.0 or s.name in ("large_offset", "kinks", "badly_scaled") or x.size > 10:
            continue
        h = jg.estimators.Sampler(jg.SPSA()).step(x, None)
        u = all_signs(x.size)
        differences = [
            (s.loss((x + h * d).astype(dtype), *s.args) - s.loss((x - h * d).astype(dtype), *s.args)) for d in u
        ]
        mean = (np.array(differences, np.float64)[:, None] * u / (2.0 * h)).mean(axis=0)
        exact = s.gradient(x.astype(np.float64), *s.args)
        assert np.abs(mean - exact).max() <= tolerance * np.linalg.norm(exact), s.name


@pytest.mark.parametrize("freedom", [*range(1, 40), 100, 10_000])
def test_quantiles_of_student(freedom):
    assert student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1.1e-4)


# --- what comes out, for what goes in


@INTERPRETED
def test_one_coordinate_is_a_central_difference():
    x = np.array([0.7])
    g = jg.grad_cpu(smooth, x, args=(2.0, 0.5), estimator=jg.SPSA(4, rng=0))
    np.testing.assert_allclose(g, smooth_gradient(x, 2.0, 0.5), rtol=1e-8)  # h**2 = 4e-10, eps / h = 1e-11


@INTERPRETED
@BOTH
def test_an_estimate_and_a_gradient_agree(kind):
    x = np.linspace(-1.0, 1.0, 5)
    estimator = kind(6, rng=4, h=1e-4)
    e = jg.estimate_cpu(quadratic, x, estimator=estimator)
    value, gradient = jg.value_and_grad_cpu(quadratic, x, estimator=estimator)
    np.testing.assert_array_equal(e.derivative, gradient)
    assert e.value == pytest.approx(value, rel=1e-14)
    assert e.status.tolist() == ["sampled"] * 5
    assert list(e.meaning) == ["sampled"]
    assert e.evaluations.tolist() == [12] * 5
    np.testing.assert_array_equal(e.step, 1e-4)
    assert np.isnan(e.noise).all()
    assert not e.trusted.any()
    assert "sampled (not trusted)" in str(e)
    assert e.to_dict()["evaluations"] == [12] * 5


@INTERPRETED
def test_one_direction_has_no_error_bar():
    e = jg.estimate_cpu(quadratic, np.ones(3), estimator=jg.SPSA(1, rng=0))
    assert np.isinf(e.error).all()
    assert np.isfinite(e.derivative).all()


@BOTH
def test_many_directions_earn_trust(kind):
    e = jg.estimate_cpu(linear, np.ones(3), args=(np.array([1.0, 1.0, 1e-3]),), estimator=kind(200_000, rng=0))
    assert e.trusted.tolist() == [True, True, False]


@INTERPRETED
@BOTH
def test_chosen_coordinates_alone_move(kind):
    x = np.arange(1.0, 7.0)
    seen = []

    def loss(x):
        seen.append(x.copy())
        return (x * x).sum()

    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        jg.grad_cpu(njit(loss), x, coords=[4, 1], estimator=kind(3, rng=0))
        assert all((y[[0, 2, 3, 5]] == x[[0, 2, 3, 5]]).all() for y in seen)
    first = jg.grad_cpu(quadratic, x, coords=[4, 1, 4], estimator=kind(5, rng=0))
    again = jg.grad_cpu(quadratic, x, coords=[1, 4], estimator=kind(5, rng=0))
    np.testing.assert_array_equal(first, again[[1, 0, 1]])
    # Of one coordinate alone signs leave nothing to chance.
    alone = jg.grad_cpu(quadratic, x, coords=x == 3.0, estimator=jg.SPSA(2, rng=0))
    np.testing.assert_allclose(alone, quadratic_gradient(x)[[2]], rtol=1e-8)
    assert jg.grad_cpu(quadratic, x, coords=[], estimator=kind(rng=0)).shape == (0,)


@INTERPRETED
def test_bounds():
    x, estimator = np.array([1.0, 2.0, 3.0]), jg.SPSA(3, h=0.1, rng=0)
    free = jg.grad_cpu(quadratic, x, estimator=estimator)
    np.testing.assert_array_equal(jg.grad_cpu(quadratic, x, bounds=(0.9, 3.1), estimator=estimator), free)
    with pytest.raises(
        ValueError, match=r"room for h = 0\.1 on both sides .* got 3\.0 in \[0\.0, 3\.05\] at coordinate 2"
    ):
        jg.grad_cpu(quadratic, x, bounds=(0.0, [4.0, 4.0, 3.05]), estimator=estimator)
    with pytest.raises(ValueError, match="x must lie within its bounds"):
        jg.grad_cpu(quadratic, x, bounds=(0.0, 2.5), estimator=estimator)
    e = jg.estimate_cpu(quadratic, x, bounds=([1.0, 0.0, 0.0], [1.0, 4.0, 4.0]), estimator=estimator)
    assert (e.derivative[0], e.error[0], e.status[0], e.trusted[0]) == (0.0, 0.0, "fixed by bounds", True)
    assert e.status[1:].tolist() == ["sampled"] * 2
    with pytest.raises(ValueError, match="bounds must be left out beside Smoothing"):
        jg.grad_cpu(quadratic, x, bounds=(0.0, 4.0), estimator=jg.Smoothing())


@INTERPRETED
@BOTH
def test_single_precision(kind):
    x = np.linspace(0.5, 1.5, 4, dtype=np.float32)
    g = jg.grad_cpu(linear, x, args=(SLOPES[:4].astype(np.float32),), estimator=kind(5, rng=0))
    assert g.dtype == np.float32
    e = jg.estimate_cpu(linear, x, args=(SLOPES[:4].astype(np.float32),), estimator=kind(5, rng=0))
    assert e.derivative.dtype == np.float64
    np.testing.assert_array_equal(e.derivative.astype(np.float32), g)
    assert e.step[0] == np.float32(e.step[0])


@INTERPRETED
@BOTH
def test_a_batch_has_directions_for_each_point(kind):
    points = np.tile(np.linspace(0.5, 1.5, 4), (2, 3, 1))
    e = jg.estimate_cpu(quadratic, points, estimator=kind(5, rng=0))
    g = jg.grad_cpu(quadratic, points, estimator=kind(5, rng=0))
    np.testing.assert_array_equal(e.derivative, g)
    assert e.status.shape == e.error.shape == e.step.shape == e.evaluations.shape == points.shape
    rows = g.reshape(6, 4)
    assert all(not np.array_equal(rows[p], rows[q]) for p in range(6) for q in range(p))
    np.testing.assert_array_equal(rows[0], jg.grad_cpu(quadratic, points[0, 0], estimator=kind(5, rng=0)))
    assert jg.grad_cpu(quadratic, points[:0], estimator=kind(5)).shape == (0, 3, 4)
    assert jg.estimate_cpu(quadratic, points[:0], estimator=kind(5)).derivative.shape == (0, 3, 4)


# --- seeds


@INTERPRETED
@BOTH
def test_seeds(kind):
    x = np.linspace(0.5, 1.5, 70)

    def gradient(rng):
        return jg.grad_cpu(quadratic, x, estimator=kind(3, rng=rng))

    np.testing.assert_array_equal(gradient(1), gradient(1))
    np.testing.assert_array_equal(gradient(1), gradient(np.random.default_rng(1)))
    np.testing.assert_array_equal(gradient(1), gradient(np.random.SeedSequence(1)))
    assert not np.array_equal(gradient(1), gradient(2))
    assert not np.array_equal(gradient(None), gradient(None))
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(gradient(1), gradient(rng))
    assert not np.array_equal(gradient(1), gradient(rng))  # it went on


@INTERPRETED
def test_a_prepared_gradient_goes_on_to_new_directions():
    x = np.linspace(0.5, 1.5, 5)
    one, two = (jg.gradient_of(quadratic, estimator=jg.SPSA(3, rng=9)) for _ in range(2))
    first, second = one(x), one(x)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal([first, second], [two(x), two(x)])
    np.testing.assert_array_equal(first, jg.grad_cpu(quadratic, x, estimator=jg.SPSA(3, rng=9)))
    assert repr(one) == "Gradient(quadratic, estimator=SPSA(n_directions=3, h=None, rng=9, precision=0.5, most=10000))"


@BOTH
def test_threads_and_chunks_change_nothing(kind, monkeypatch):
    n = 100_000  # enough for several threads to draw
    x = np.linspace(0.5, 1.5, n)
    monkeypatch.setattr(sampler, "LEAST_CHUNK", 1)
    found = []
    for chunk, threads in itertools.product((8 * n, 24 * n, 2**30), (1, 2)):
        monkeypatch.setattr(sampler, "CHUNK_BYTES", chunk)
        found.append(jg.grad_cpu(quadratic, x, estimator=kind(7, rng=1), threads=threads))
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@INTERPRETED
def test_signs_are_fair_and_depend_on_seed_point_and_number():
    from jitgrad.estimators.directions import SIGNS, fill_directions

    key, rows = np.array([1, 2], np.uint64), np.zeros((4, 1000))
    fill_directions(SIGNS, key, 0, 10, None, rows, 1)
    assert set(rows.ravel()) == {-1.0, 1.0}
    assert abs(rows.sum()) <= 5.0 * np.sqrt(rows.size)
    later, other = np.zeros((1, 1000)), np.zeros((1, 1000))
    fill_directions(SIGNS, key, 0, 12, None, later, 1)
    np.testing.assert_array_equal(later[0], rows[2])
    fill_directions(SIGNS, key, 1, 12, None, other, 1)
    assert abs((other @ later.T).item()) <= 5.0 * np.sqrt(1000)


# --- as many as a precision takes


@BOTH
def test_a_wished_precision_is_reached(kind):
    # Known beforehand for a linear loss: n - 1 or n + 1 directions, over the square of the precision.
    slopes = np.random.default_rng(0).normal(size=50)
    needed = (slopes.size + (1 if kind is jg.Smoothing else -1)) / 0.3**2
    e = jg.estimate_cpu(linear, np.ones((40, 50)), args=(slopes,), estimator=kind("auto", rng=3, precision=0.3))
    assert (e.status == "sampled").all()
    assert (0.7 * needed <= e.evaluations / 2).all()
    assert (e.evaluations / 2 <= 1.4 * needed).all()
    errors = np.linalg.norm(e.derivative - slopes, axis=1) / np.linalg.norm(slopes)
    # Each is known to one over the root of twice the coordinates, a tenth, and 40 of them to a sixth of that.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(0.3, rel=0.08)


def test_a_cap_is_told():
    x = np.ones(1000)
    estimator = jg.SPSA("auto", rng=0, most=40)
    with pytest.warns(jg.PrecisionWarning, match=r"0\.5 within 40") as caught:
        g = jg.grad_cpu(quadratic, x, estimator=estimator)
    assert caught[0].filename == __file__
    assert caught[0].message.coordinates == [(...,)]
    e = jg.estimate_cpu(quadratic, x, estimator=estimator)
    np.testing.assert_array_equal(e.derivative, g)
    assert e.status[0] == "undersampled"
    assert e.evaluations[0] == 80
    # Of one coordinate that is not held fixed signs tell the derivative at once.
    bounds = ([[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]], [[2.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    estimator = jg.SPSA("auto", rng=0, precision=1e-3, most=16)
    with pytest.warns(jg.PrecisionWarning, match="at 1 of 2 points") as caught:
        jg.grad_cpu(linear, np.ones((2, 3)), args=(SLOPES[:3],), bounds=bounds, estimator=estimator)
    assert caught[0].message.coordinates == [(1, ...)]


# --- what goes wrong


@njit
def broken(x, limit):
    return np.nan if x[0] > limit else (x * x).sum()


@INTERPRETED
@BOTH
def test_nothing_is_silently_left_out(kind):
    x = np.ones(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(jg.grad_cpu(broken, x, args=(1.0,), estimator=kind(8, rng=0))).all()
        e = jg.estimate_cpu(broken, x, args=(1.0,), estimator=kind(8, rng=0))
        assert np.isnan(jg.grad_cpu(broken, x, args=(1.0,), estimator=kind("auto", rng=0))).all()
    assert e.status.tolist() == ["non-finite"] * 4
    assert np.isnan(e.derivative).all()
    assert np.isinf(e.error).all()
    assert not e.trusted.any()


@pytest.mark.parametrize("verb", [jg.grad_cpu, jg.estimate_cpu])
def test_exceptions_are_the_users(verb, monkeypatch):
    monkeypatch.setattr(sampler, "CHUNK_BYTES", 1)
    monkeypatch.setattr(sampler, "LEAST_CHUNK", 1)
    with pytest.raises(ValueError, match="too far") as caught:
        verb(raises_at, np.ones(4), args=(2, 1.1), estimator=jg.Smoothing(100, rng=0, h=0.05))
    assert any("along direction" in note for note in caught.value.__notes__)


@INTERPRETED
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 1e-3}, "method, order and step must be left out"),
        ({"step": np.ones(3)}, "method, order and step must be left out"),
        ({"method": "forward"}, "method, order and step must be left out"),
        ({"order": 4}, "method, order and step must be left out"),
    ],
)
def test_options_of_differences_by_coordinate_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        jg.grad_cpu(quadratic, np.ones(3), estimator=jg.SPSA(), **options)


@INTERPRETED
@BOTH
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_directions": 0}, ValueError, "n_directions must be an integer, at least 1 or 'auto', got 0"),
        ({"n_directions": 2.0}, ValueError, "n_directions must be an integer"),
        ({"n_directions": True}, ValueError, "n_directions must be an integer"),
        ({"n_directions": "many"}, ValueError, "n_directions must be an integer"),
        ({"most": 1}, ValueError, "most must be an integer, at least 2, got 1"),
        ({"h": 0.0}, ValueError, "h must be finite and above 0"),
        ({"h": [1.0, 2.0]}, ValueError, "h must be one number"),
        ({"precision": -1.0}, ValueError, "precision must be finite and above 0"),
        ({"rng": "seed"}, TypeError, "rng must be an integer"),
        ({"rng": -1}, ValueError, "rng must be an integer"),
    ],
)
def test_options_out_of_range(kind, options, error, message):
    with pytest.raises(error, match=message):
        kind(**options)


@INTERPRETED
def test_other_mistakes():
    x = np.ones(3)
    with pytest.raises(TypeError, match=r"estimator must be SPSA\(\.\.\.\)"):
        jg.grad_cpu(quadratic, x, estimator="spsa")
    with pytest.raises(ValueError, match="noise must be left out"):
        jg.estimate_cpu(quadratic, x, estimator=jg.SPSA(), noise=1e-3)
    with pytest.raises(ValueError, match="x must be finite"):
        jg.grad_cpu(quadratic, np.array([1.0, np.nan]), estimator=jg.SPSA())
    with pytest.raises(ValueError, match=r"h must change every coordinate.* at coordinate 1 of point 1"):
        jg.grad_cpu(quadratic, np.array([[1.0, 1.0], [1.0, 1e9]]), estimator=jg.SPSA(h=1e-9))


# --- memory


def peak(n, kind):
    """Peak memory of a gradient, beyond what the process had after a small one, in units of 8 n bytes."""
    program = (
        "import resource, numpy as np, jitgrad as jg\nfrom losses import quadratic\n"
        f"g = jg.gradient_of(quadratic, estimator=jg.{kind}(20, rng=0), threads=2)\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        f"g(np.ones(1000)); before = used(); g(np.linspace(0.5, 1.5, {n})); print((used() - before) / (8 * {n}))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True, cwd=HERE
    )
    return float(answer.stdout)


# x, targets, sums, gradient and intermediate arrays 5; four directions 4, or at n = 1e6 the 32 MB of a chunk; x in four
# lanes and once more for each of two threads 10 at most. Twenty directions kept would be 20 by themselves.
MOST = 19.0


@pytest.mark.parametrize("kind", ["SPSA", "Smoothing"])
def test_memory_at_a_million_coordinates(kind):
    assert peak(1_000_000, kind) < MOST


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["SPSA", "Smoothing"])
def test_memory_at_ten_million_coordinates(kind):
    assert peak(10_000_000, kind) < MOST


# --- on a GPU


@pytest.mark.simulator
@pytest.mark.cuda
@BOTH
def test_on_a_gpu(kind):
    x = np.linspace(0.5, 1.5, 6)
    options = {"args": (SLOPES,), "estimator": kind(5, rng=3, h=2.0**-10)}
    there, here = jg.grad_cuda(linear, x, **options), jg.grad_cpu(linear, x, vectorize="off", **options)
    np.testing.assert_allclose(there, here, atol=1e-11)  # values to 1e-15, over h
    e = jg.estimate_cuda(linear, x, **options)
    np.testing.assert_array_equal(e.derivative, there)
    assert (e.status == "sampled").all()
    g = jg.gradient_of(linear, device="cuda", estimator=kind(5, rng=3))
    assert not np.array_equal(g(x, SLOPES), g(x, SLOPES))
    batch = jg.grad_cuda(linear, np.stack([x, x]), **options)
    np.testing.assert_array_equal(batch[0], there)
