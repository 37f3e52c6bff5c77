"""What `climb` promises for any loss: evaluations, bounds, types; and exact results where they can be exact."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitgrad.ladder import rounds
from jitgrad.ladder.status import Status
from tests.ladders import Watched, derivatives

X = np.array([-3.0, -1.0, -1e-3, 0.0, 1e-12, 0.4, 1.0, 7.0, 1e6, 1e300])
LOSSES = {
    "nan": lambda x: np.full_like(x, np.nan),
    "infinite": lambda x: np.full_like(x, np.inf),
    "half_nan": lambda x: np.where(x > 0.4, np.nan, x * x),
    "nan_around": lambda x: np.where(np.isin(x, X), 1.0, np.nan),
    "nan_at_x": lambda x: np.where(np.isin(x, X), np.nan, 1.0),
    "logarithm": np.log,
    "pole": lambda x: 1.0 / x,
    "overflow": lambda x: np.exp(x * x),
    "step": lambda x: np.sign(x - 0.4),
    "stairs": lambda x: np.floor(1e3 * x),
    "kink": lambda x: np.abs(x - 1.0),
    "bend": lambda x: np.maximum(x, 0.0) ** 2,
    "zero": np.zeros_like,
    "oscillation": lambda x: np.sin(1e7 * x),
    "subnormal": lambda x: 1e-320 * x,
    "huge": lambda x: 1e300 * np.cos(x),
    "noise": lambda x: np.random.default_rng(x.size).standard_normal(x.size),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("most", [1, 7, 24])
def test_no_more_evaluations_than_allowed_and_each_counted(name, dtype, most):
    watched = Watched(LOSSES[name], X[:-1].astype(dtype))
    found = watched.climb(most=most)
    counts = [len(seen) for seen in watched.seen]
    assert max(counts) <= most
    np.testing.assert_array_equal(found.evaluations, np.array(counts) - 1)
    assert set(found.status) <= set(Status)
    # Nothing is evaluated twice.
    assert all(len(set(seen)) == len(seen) for seen in watched.seen if not np.isnan(seen).any())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1.0, -1.0, 1e308, 5e-324]), min_size=3, max_size=9),
    st.integers(0, 2**32 - 1),
    st.floats(-1e6, 1e6),
)
def test_any_values_are_survived(values, seed, x):
    rng = np.random.default_rng(seed)
    found = derivatives(lambda v: rng.choice(values, v.size), [x], keep=True)
    assert found.evaluations[0] <= 23
    assert found.error[0] >= 0.0
    assert np.isfinite(found.derivative[0]) or not found.trusted[0]


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(0.0, 10.0), st.floats(0.0, 10.0), st.sampled_from([np.float64, np.float32]))
def test_bounds_are_never_crossed(x, below, above, dtype):
    x = dtype(x)
    lower, upper = dtype(x - dtype(below)), dtype(x + dtype(above))
    watched = Watched(lambda v: np.exp(0.01 * v) + 1e-6 * np.random.default_rng(0).random(v.size), [x])
    found = watched.climb(lower, upper)
    assert all(lower <= value <= upper for value in watched.seen[0])
    if lower == upper:
        assert (found.status[0], found.derivative[0], found.evaluations[0]) == (Status.FIXED, 0.0, 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=5), st.integers(-40, 40).filter(bool))
def test_polynomials_to_the_fourth_degree_are_exact_up_to_rounding(coefficients, eighths):
    """Three pairs determine them, up to rounding: powers of eighths and small factors are exact."""
    x = eighths / 8.0
    polynomial = np.polynomial.Polynomial(coefficients)
    found = derivatives(polynomial, [x])
    # No more rounding than that of values a thousand times as large as f(x), and they are at most 2e5 apart.
    truth, size = polynomial.deriv()(x), np.abs(coefficients) @ np.abs(2.0 * x) ** np.arange(len(coefficients))
    assert abs(found.derivative[0] - truth) <= max(found.error[0], 64.0 * np.finfo(float).eps * size / abs(x))


@pytest.mark.interpreted
def test_smooth_functions_within_their_bars():
    x = np.array([0.3, 1.7, 2.9])
    for function, slope in ((np.exp, np.exp(x)), (np.sin, np.cos(x)), (np.log, 1 / x)):
        found = derivatives(function, x)
        assert (np.abs(found.derivative - slope) <= found.error).all()
        assert (found.error <= 1e-11 * np.abs(slope)).all()
        assert found.trusted.all()
        np.testing.assert_array_equal(found.status, Status.CONVERGED)


@pytest.mark.interpreted
def test_float32_uses_the_displacements_that_are_representable():
    x = np.array([0.3, 1.7, 2.9], np.float32)
    found = derivatives(np.exp, x)
    slope = np.exp(x.astype(np.float64))
    assert (np.abs(found.derivative - slope) <= found.error).all()
    assert (found.error <= 1e-4 * slope).all()


@pytest.mark.interpreted
def test_one_sided_at_a_bound_and_beside_nan():
    found = derivatives(np.exp, [0.0, 2.0], lower=[0.0, 0.0], upper=[2.0, 2.0])
    np.testing.assert_array_equal(found.status, Status.ONE_SIDED)
    assert (np.abs(found.derivative - np.exp([0.0, 2.0])) <= found.error).all()
    assert (found.error < 1e-9).all()
    found = derivatives(lambda x: np.where(x > 1.0, np.nan, np.sin(x)), [1.0])
    assert found.status[0] == Status.ONE_SIDED
    assert abs(found.derivative[0] - np.cos(1.0)) <= found.error[0] < 1e-9


@pytest.mark.interpreted
def test_what_cannot_be_differentiated_says_so():
    for function, status in (
        (lambda x: np.where(x == 1.0, np.nan, x), Status.NON_FINITE),
        (lambda x: np.where(x == 1.0, 2.0, np.nan), Status.NON_FINITE),
        (lambda x: np.full_like(x, 3.0), Status.FLAT),
        (lambda x: np.abs(x - 1.0) + x, Status.KINK),
    ):
        found = derivatives(function, [1.0])
        assert found.status[0] == status
        assert not found.trusted[0]
    assert found.error[0] >= 1.0 - abs(found.derivative[0] - 1.0)  # the slopes are 0 and 2


@pytest.mark.interpreted
def test_an_optimum_is_zero_and_trusted():
    for function in (lambda x: (x - 1.0) ** 2, lambda x: 2.0 - np.cos(x - 1.0), lambda x: np.cosh(3.0 * (x - 1.0))):
        found = derivatives(function, [1.0])
        assert abs(found.derivative[0]) <= found.error[0] < 1e-9
        assert found.trusted[0]


@pytest.mark.interpreted
def test_a_jump_of_the_second_derivative_is_resolved():
    distance = np.array([1e-9, -1e-7, 1e-5, -1e-3, 0.03])
    found = derivatives(lambda x: np.maximum(x - 1.0, 0.0) ** 2 + x, 1.0 + distance)
    slope = 2.0 * np.maximum(1.0 + distance - 1.0, 0.0) + 1.0
    assert (np.abs(found.derivative - slope) <= found.error).all()
    assert found.trusted.all()


@pytest.mark.interpreted
def test_structure_that_looks_like_noise_is_found():
    x = 1e6 + np.linspace(0.1, 6.0, 12)
    found = derivatives(np.sin, x)
    wrong = np.abs(found.derivative - np.cos(x)) > 0.01 * np.abs(np.cos(x))
    assert not (wrong & found.trusted).any()
    assert wrong.sum() <= 2


def test_blocks_do_not_change_results(monkeypatch):
    x = np.random.default_rng(0).uniform(0.1, 3.0, 50)
    whole = derivatives(lambda v: np.exp(np.sin(v)), x, keep=True)
    monkeypatch.setattr(rounds, "BLOCK", 7)
    for a, b in zip(whole, derivatives(lambda v: np.exp(np.sin(v)), x, keep=True), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.interpreted
def test_what_was_evaluated_is_kept():
    watched = Watched(np.exp, [1.0, 2.0])
    found = watched.climb(keep=True)
    for t, seen in enumerate(watched.seen):
        h = found.steps[t][np.isfinite(found.steps[t])]
        assert 2 * h.size + 1 == len(seen)
        np.testing.assert_array_equal(found.above[t, : h.size], np.exp(watched.x[t] + h))
        np.testing.assert_array_equal(found.below[t, : h.size], np.exp(watched.x[t] - h))
    assert derivatives(np.exp, [1.0]).steps.shape == (0, 24)


@pytest.mark.interpreted
def test_the_first_displacement_can_be_given():
    watched = Watched(lambda x: np.sin(1e8 * x), [1.0])
    found = watched.climb(start=np.array([-30]))
    assert 2.0**-30 <= watched.seen[0][1] - 1.0 <= 2.0**-29
    # x itself is rounded to 1e-16, which moves the phase by 1e-8.
    assert abs(found.derivative[0] / 1e8 - np.cos(1e8)) < 1e-6


@pytest.mark.interpreted
def test_extreme_values_keep_their_digits():
    for size in (1e-300, 1e-170, 1e170, 1e300):
        found = derivatives(lambda x, size=size: size * np.exp(x), [1.0])
        assert abs(found.derivative[0] / size - np.e) <= found.error[0] / size < 1e-12
        assert found.status[0] == Status.CONVERGED


def test_targets_may_be_chosen_from_several_points():
    points = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

    def launch(probes):
        moved = probes.points[probes.point]
        rows = np.repeat(np.arange(len(moved)), np.diff(probes.begin))
        moved[rows, probes.coordinate] = probes.value
        return (moved**2 @ np.array([1.0, 10.0, 100.0])) * (1.0 + probes.point)

    targets = np.array([5, 0, 4])
    far = np.full(3, 1e300)
    found = rounds.climb(rounds.Evaluator(points, launch), targets, -far, far)
    np.testing.assert_allclose(found.derivative, [2 * 2 * 6 * 100, 2 * 1, 2 * 2 * 5 * 10], rtol=1e-12)


def test_every_status_is_a_sentence():
    assert all(status.sentence.endswith(".") for status in Status)


def test_near_kinks_bars_cover_both_slopes_or_find_the_right_one():
    x = 1.0 + np.concatenate([-(10.0 ** -np.arange(1.0, 14.0)), 10.0 ** -np.arange(1.0, 14.0)])
    functions = (
        (lambda v: np.abs(v - 1.0) + 0.3 * v, np.sign(x - 1.0) + 0.3),
        (lambda v: np.exp(-np.abs(v - 1.0)), -np.sign(x - 1.0) * np.exp(-np.abs(x - 1.0))),
        (lambda v: np.maximum(v - 1.0, 0.0) + np.sin(v), (x > 1.0) + np.cos(x)),
    )
    for function, slope in functions:
        found = derivatives(function, x)
        error = np.abs(found.derivative - slope)
        assert (error <= found.error).all()
        assert not (found.trusted & (error > 0.01 * np.abs(slope))).any()


def test_scales_that_x_says_nothing_about():
    for scale in (1e-8, 1e-4, 1.0, 1e4, 1e8):
        found = derivatives(lambda v, scale=scale: np.exp(0.7 * np.sin(v / scale + 0.3)), [0.0, 1e-14 * scale])
        slope = 0.7 * np.cos(0.3) * np.exp(0.7 * np.sin(0.3)) / scale
        error = np.abs(found.derivative - slope)
        assert (error <= np.maximum(found.error, 1e-13 * slope)).all()
        assert (error < 1e-6 * slope).all()
        assert found.trusted.all()
    x = 1e8 + np.linspace(0.0, 6.0, 50)
    found = derivatives(np.sin, x)
    # x is known to 1.5e-8, which is not an error of the derivative: these numbers are x.
    assert (np.abs(found.derivative - np.cos(x)) <= np.maximum(found.error, 1e-12)).all()


def test_memory_per_coordinate():
    n = 50_000
    points = np.linspace(0.1, 3.0, n)[:, None]

    def launch(probes):
        return np.exp(probes.value if probes.value.size else probes.points[:, 0])

    far = np.full(n, 1e300)
    tracemalloc.start()
    try:
        found = rounds.climb(rounds.Evaluator(points, launch), np.arange(n), -far, far)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 1000 * n
    np.testing.assert_allclose(found.derivative, np.exp(points[:, 0]), rtol=1e-10)


def test_finite_values_never_give_nan_where_evaluations_run_out():
    frequency, phase = 10.0 ** np.linspace(5.0, 9.5, 40), 1.7
    for w in frequency:
        x = np.linspace(0.3, 2.9, 50)
        for most in (18, 24):
            found = derivatives(lambda v, w=w: np.sin(w * v + phase), x, start=np.full(50, -12), most=most)
            assert np.isfinite(found.derivative).all()
            assert (found.status != Status.NON_FINITE).all()


def with_noise(function, level):
    rng = np.random.default_rng(5)
    return lambda x: function(x) + level * rng.standard_normal(x.size)


def test_what_lies_nearer_than_the_first_pairs_is_not_overlooked_under_noise():
    """A peak far from 0 and kinks beside the point: far pairs see a constant, or the mean of two slopes."""
    distance = np.tile([0.3, 0.6, 1.0, -0.5], 25)
    found = derivatives(with_noise(lambda v: np.exp(-((v - 1e8) ** 2)), 3e-3), 1e8 + distance)
    slope = -2.0 * distance * np.exp(-(distance**2))
    assert (np.abs(found.derivative - slope) <= found.error).mean() >= 0.95
    assert np.median(found.error) < 1.0
    distance = np.tile([1e-6, -1e-6], 50)
    found = derivatives(with_noise(lambda v: np.maximum(v - 1.0, 0.01 * (v - 1.0)), 1e-8), 1.0 + distance)
    slope = np.where(distance > 0.0, 1.0, 0.01)
    error = np.abs(found.derivative - slope)
    assert (error <= found.error).mean() >= 0.95
    assert not (found.trusted & (error > 0.01 * slope)).any()


def test_noise_that_hides_the_loss_gives_a_bar_as_large_as_the_loss():
    x = np.linspace(0.2, 3.0, 100)
    found = derivatives(with_noise(np.cos, 1.0), x)
    assert (np.abs(found.derivative + np.sin(x)) <= found.error).mean() >= 0.95


def test_a_ripple_beneath_the_ladder_is_told_from_noise():
    x = np.linspace(0.5, 2.0, 100)
    found = derivatives(with_noise(lambda v: v + 3e-3 * np.sin(1e4 * v), 1e-4), x)
    error = np.abs(found.derivative - (1.0 + 30.0 * np.cos(1e4 * x)))
    assert (error <= found.error).mean() >= 0.9
    assert not (found.trusted & (error > 0.01 * np.abs(found.derivative))).any()


def test_a_jump_of_the_second_derivative_under_noise():
    distance = np.tile([1e-8, -1e-6, 1e-4, -1e-3], 25)
    found = derivatives(with_noise(lambda v: (v - 1.0) * np.abs(v - 1.0) + v, 1e-4), 1.0 + distance)
    assert (np.abs(found.derivative - (2.0 * np.abs(distance) + 1.0)) <= found.error).mean() >= 0.95


def test_float32_does_not_hide_a_loss_that_computes_in_float64():
    """The spacing of float32 at 1e6 is 0.06; the values are not rounded to it."""
    x = np.linspace(0.5, 2.0, 20).astype(np.float32)
    found = derivatives(lambda v: 1e6 + np.sin(3.0 * v.astype(np.float64)), x)
    slope = 3.0 * np.cos(3.0 * x.astype(np.float64))
    assert (np.abs(found.derivative - slope) <= found.error).all()
    assert np.median(found.error) < 1e-4
