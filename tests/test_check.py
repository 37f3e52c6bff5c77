"""check_gradient: right and wrong gradients, noisy and kinked losses, and what it says about them."""

import math

import numpy as np
import pytest
from numba import njit

from jitgrad.check import GradientCheck, Verdict, check_gradient
from jitgrad.check.compare import worst_coordinates
from jitgrad.testing import scenario, scenarios

NAMES = [s.name for s in scenarios()]


def waves(x):
    return np.sin(x).sum() + 0.5 * (x * x).sum()


def waves_gradient(x):
    return np.cos(x) + x


def with_noise(sigma, rng):
    return lambda x: waves(x) + sigma * rng.normal()


def largest_times(factor, gradient):
    """A gradient whose largest entry is multiplied."""

    def wrong(x):
        g = np.array(gradient(x))
        g[np.argmax(np.abs(g))] *= factor
        return g

    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_every_scenario_is_right(name):
    s = scenario(name)
    check = check_gradient(s.loss, s.gradient, s.point, args=s.args)
    assert check.ok, str(check)
    check.raise_if_wrong()
    assert check.evaluations == 1 + 4 * 40
    assert (np.abs(check.defects) <= check.errors).all()
    rises = check.orders[np.isfinite(check.orders)]
    assert (np.abs(rises - 3.0) < 0.1).all()


ALTERATIONS = {
    "one percent": lambda g, i: g[i] * 1.01,
    "sign": lambda g, i: -g[i],
    "zero": lambda g, i: 0.0,
    "swapped": lambda g, i: g[(i + 1) % g.size],
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ALTERATIONS)
def test_one_wrong_coordinate_is_found_and_named(name, what):
    s = scenario(name)
    exact = s.gradient(s.point, *s.args)
    # The smallest entry is the hardest to find.
    i = int(np.argmin(np.abs(exact)))
    wrong = exact.copy()
    wrong[i] = ALTERATIONS[what](exact, i)
    if what == "swapped":
        wrong[(i + 1) % exact.size] = exact[i]
    check = check_gradient(s.loss, wrong, s.point, args=s.args)
    assert check.verdict is Verdict.WRONG
    assert not check.ok
    assert set(check.coordinates) == set(np.flatnonzero(wrong != exact))
    with pytest.raises(AssertionError, match=rf"the gradient is wrong[\s\S]*\n +{check.coordinates[0]} "):
        check.raise_if_wrong()


def test_the_bars_of_derivatives_cover_the_truth():
    covered = []
    for s in map(scenario, NAMES):
        check = check_gradient(s.loss, 1.01 * s.gradient(s.point, *s.args), s.point, args=s.args)
        assert check.verdict is Verdict.WRONG
        error = np.abs(check.found - s.gradient(s.point, *s.args)[check.coordinates])
        covered += list(error <= check.bars)
    assert np.mean(covered) >= 0.95  # what an error bar promises


@pytest.mark.interpreted
@pytest.mark.parametrize("sigma", [1e-12, 1e-8, 1e-4, 1e-2, 1.0])
def test_noise_is_not_taken_for_a_wrong_gradient(sigma):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = rng.uniform(-2, 2, 5)
        check = check_gradient(with_noise(sigma, rng), waves_gradient, x, seed=seed)
        assert check.verdict in ((Verdict.RIGHT,) if sigma < 1e-5 else (Verdict.RIGHT, Verdict.NOISY))
        if sigma >= 1e-2:
            assert check.verdict is Verdict.NOISY
        assert sigma / 4 < check.noise < 10 * sigma


@pytest.mark.interpreted
@pytest.mark.parametrize("sigma", [1e-12, 1e-8, 1e-6])
def test_a_wrong_gradient_is_found_in_noise(sigma):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x = rng.uniform(-2, 2, 5)
        wrong = largest_times(1.01, waves_gradient)
        check = check_gradient(with_noise(sigma, rng), wrong, x, seed=seed)
        assert check.verdict is Verdict.WRONG
        assert np.argmax(np.abs(waves_gradient(x))) in check.coordinates


@pytest.mark.interpreted
@pytest.mark.parametrize(
    "noisy",
    [
        lambda x: np.round(waves(x) / 1e-6) * 1e-6,
        lambda x: np.round(waves(x) / 0.1) * 0.1,
        lambda x: waves(x) + 1e-6 * math.sin(1e6 * x.sum()),
    ],
    ids=["stairs of 1e-6", "stairs of 0.1", "ripples"],
)
def test_noise_that_is_smooth_at_small_distances_is_noise(noisy):
    for seed in range(5):
        x = np.random.default_rng(seed).uniform(-2, 2, 5)
        assert check_gradient(noisy, waves_gradient, x, seed=seed).verdict is Verdict.NOISY
        wrong = check_gradient(noisy, largest_times(-1.0, waves_gradient), x, seed=seed)
        assert wrong.verdict is Verdict.WRONG


FIRST = np.array([1.0, 0.0, 0.0])


@pytest.mark.interpreted
@pytest.mark.parametrize("side", [-1.0, 0.0, 1.0])
def test_a_kink_at_the_point_is_a_kink_for_every_subgradient(side):
    def kinked(x):
        return waves(x) + abs(x[0])

    x = np.array([0.0, 1.3, -0.4])
    subgradient = waves_gradient(x) + side * FIRST
    assert check_gradient(kinked, subgradient, x).verdict is Verdict.KINK
    assert check_gradient(kinked, subgradient + 5.0 * FIRST, x).verdict is Verdict.WRONG


@pytest.mark.interpreted
@pytest.mark.parametrize("distance", [1e-8, 1e-5, 1e-2])
def test_a_kink_beside_the_point_is_none(distance):
    def kinked(x):
        return waves(x) + abs(x[0] - 1.0 + distance)

    def gradient(x):
        return waves_gradient(x) + FIRST

    x = np.array([1.0, 1.3, -0.4])
    assert check_gradient(kinked, gradient, x).ok
    assert check_gradient(kinked, largest_times(1.01, gradient), x).verdict is Verdict.WRONG


@pytest.mark.interpreted
@pytest.mark.parametrize(
    ("loss", "gradient", "x"),
    [
        (lambda x: (x * x).sum(), lambda x: 2 * x, np.zeros(4)),
        (lambda x: np.cos(x - 1).sum(), lambda x: -np.sin(x - 1), np.ones(4)),
        (lambda x: np.cos(x - 0.7).sum(), lambda x: np.full(4, 1e-16), np.full(4, 0.7)),
        (lambda x: 3.0 * x.sum(), lambda x: np.full(4, 3.0), np.array([1.0, -2.0, 0.0, 1e5])),
        (lambda x: 1.0 + x[0] ** 2, lambda x: np.array([2.0 * x[0], 0.0]), np.array([0.3, 7.0])),
        (lambda x: 5.0, lambda x: np.zeros(2), np.array([0.3, 7.0])),
        (lambda x: 0, lambda x: np.zeros(2), np.array([0.0, 7.0])),
    ],
    ids=["minimum of a parabola", "maximum", "rounded zero", "linear", "one coordinate", "constant", "zero"],
)
def test_stationary_points_and_polynomials(loss, gradient, x):
    assert check_gradient(loss, gradient, x).ok
    wrong = check_gradient(loss, gradient(x) + 1e-3, x)
    assert wrong.verdict is Verdict.WRONG
    assert set(wrong.coordinates) == set(range(x.size))


@pytest.mark.interpreted
def test_scales_of_many_decades():
    scales = np.array([1e-8, 1e-4, 1.0, 1e4, 1e8])
    x = np.array([0.7, 1.9, -1.2, 0.9, -1.6]) * scales

    def gradient(x):
        return waves_gradient(x / scales) / scales

    assert check_gradient(lambda x: waves(x / scales), gradient, x).ok
    for i in range(5):
        wrong = gradient(x)
        wrong[i] *= 1.01
        check = check_gradient(lambda x: waves(x / scales), wrong, x)
        assert check.verdict is Verdict.WRONG
        assert list(check.coordinates) == [i]
    high = check_gradient(lambda x: np.sin(1e4 * x).sum(), lambda x: 1e4 * np.cos(1e4 * x), np.array([0.5, 1.0, 2.0]))
    assert high.ok


@pytest.mark.interpreted
@pytest.mark.parametrize("double", [True, False])
def test_single_precision_sets_the_tolerances(double):
    def loss(x):
        return waves(x.astype(np.float64) if double else x)

    x = np.array([0.3, 1.7, -0.9, 123.4], np.float32)
    check = check_gradient(loss, waves_gradient, x)
    assert check.ok
    assert check.evaluations == 1 + 4 * 22
    assert check_gradient(loss, largest_times(1.01, waves_gradient), x).verdict is Verdict.WRONG
    assert check_gradient(loss, waves_gradient(x).astype(np.float32), x).ok
    # 1e-5 is less than the square root of the precision.
    assert check_gradient(loss, waves_gradient(x) * (1 + 1e-5), x).ok


@pytest.mark.interpreted
def test_rtol_says_what_is_an_error():
    x = np.array([0.3, 1.7])
    assert check_gradient(waves, waves_gradient(x) * (1 + 1e-10), x).ok
    assert not check_gradient(waves, waves_gradient(x) * (1 + 1e-10), x, rtol=1e-12).ok
    assert check_gradient(waves, waves_gradient(x) * 1.01, x, rtol=0.1).ok


@pytest.mark.interpreted
def test_losses_that_end_nearby():
    x = np.array([0.01, 2.0])
    assert check_gradient(lambda x: np.log(x).sum() if (x > 0).all() else math.nan, lambda x: 1 / x, x).ok
    nowhere = check_gradient(lambda x: math.inf, lambda x: np.zeros(2), x)
    assert nowhere.verdict is Verdict.NOT_FINITE
    edge = check_gradient(lambda x: x.sum() if (x >= 0).all() else math.nan, lambda x: np.ones(2), np.zeros(2))
    assert edge.verdict is Verdict.NOT_FINITE


@pytest.mark.interpreted
def test_the_remainders_fall_as_they_should():
    x = np.array([0.3, 1.7, -0.9])
    right = check_gradient(waves, waves_gradient, x)
    wrong = check_gradient(waves, largest_times(2.0, waves_gradient), x)
    assert right.remainders.shape == right.odd_remainders.shape == (4, right.t.size)
    # Where t is small enough for one term and large enough for rounding.
    inside = (right.t < 1e-1) & (right.t > 1e-4)
    for check, power in ((right, 2.0), (wrong, 1.0)):
        slopes = [np.polyfit(np.log(check.t[inside]), np.log(r[inside]), 1)[0] for r in check.remainders]
        np.testing.assert_allclose(slopes, power, atol=0.1)
    np.testing.assert_allclose(right.orders, 3.0, atol=0.05)
    np.testing.assert_allclose(wrong.orders, 1.0, atol=0.05)
    exact = waves_gradient(x)[np.argmax(np.abs(waves_gradient(x)))]
    assert (wrong.relative_errors > 0.01).all()
    assert right.relative_errors.max() < 1e-10
    assert wrong.found[0] == pytest.approx(exact, rel=1e-10)
    assert wrong.claimed[0] == 2.0 * exact


@pytest.mark.interpreted
def test_the_table_is_readable():
    x = np.arange(1.0, 13.0)
    right, wrong = check_gradient(waves, waves_gradient, x), check_gradient(waves, np.ones(12), x)
    assert str(right).startswith("the gradient is right (161 evaluations, noise of the loss ")
    assert str(right).count("t^3.0") == 4
    assert "coordinate" not in str(right)
    lines = str(wrong).splitlines()
    assert lines[0].startswith("the gradient is wrong (")
    assert lines[-1] == "and 2 more"
    assert lines[-11].split()[:2] == [str(wrong.coordinates[0]), "1.000000e+00"]
    assert max(map(len, lines)) < 80


def test_a_jitted_loss_and_its_gradient_with_arguments():
    @njit
    def loss(x, a, data):
        return a * ((x[0] - data) ** 2).sum() + x[1] ** 3

    def gradient(x, a, data):
        return np.array([2 * a * (x[0] - data).sum(), 3 * x[1] ** 2])

    args = (0.5, np.array([1.0, 2.0, 4.0]))
    check = check_gradient(loss, gradient, [1, 2], args=args)
    assert check.ok
    assert not check_gradient(loss, [0.0, 12.0], [1, 2], args=args).ok


@pytest.mark.interpreted
def test_the_callers_arrays_are_not_handed_out():
    def greedy(x):
        x *= 2.0
        return waves(x / 2.0)

    def greedy_gradient(x):
        x *= 2.0
        return waves_gradient(x / 2.0)

    x = np.array([0.3, 1.7])
    assert check_gradient(greedy, greedy_gradient, x).ok
    assert x.tolist() == [0.3, 1.7]


@pytest.mark.interpreted
def test_directions_and_seed_are_the_callers():
    x = np.array([0.3, 1.7])
    check = check_gradient(waves, waves_gradient, x, directions=2, seed=7)
    assert check.slopes.shape == (2,)
    assert np.array_equal(check.slopes, check_gradient(waves, waves_gradient, x, directions=2, seed=7).slopes)
    assert not np.array_equal(check.slopes, check_gradient(waves, waves_gradient, x, directions=2, seed=8).slopes)
    assert isinstance(check, GradientCheck)


@pytest.mark.interpreted
def test_worst_coordinates_take_error_bars_into_account():
    derivative, error = np.array([1.0, 2.0, 3.0, 0.0]), np.array([0.5, 0.1, 0.0, np.inf])
    claimed = np.array([1.4, 2.2, 3.3, 9.0])
    assert worst_coordinates(derivative, error, claimed, 1e-8).tolist() == [2, 1]
    assert worst_coordinates(derivative, error, claimed, 0.2).tolist() == []


@pytest.mark.interpreted
@pytest.mark.parametrize(
    ("arguments", "options", "kind", "message"),
    [
        ((waves, waves_gradient, 1.0), {}, ValueError, r"x must have shape \(n,\)"),
        ((waves, waves_gradient, [[1.0]]), {}, ValueError, r"x must be one point of shape .*, got shape \(1, 1\)"),
        ((waves, waves_gradient, []), {}, ValueError, r"got shape \(0,\)"),
        ((waves, waves_gradient, [1.0, math.nan]), {}, ValueError, "x must be finite, got nan at coordinate 1"),
        ((waves, waves_gradient, [1.0 + 1j]), {}, TypeError, "x must hold float64, float32 or integers"),
        ((waves, [1.0, 2.0, 3.0], [1.0, 2.0]), {}, ValueError, r"of shape \(2,\) like x, got shape \(3,\)"),
        ((waves, lambda x: x * 1j, [1.0]), {}, TypeError, "grad must give real numbers, got dtype complex128"),
        ((waves, [1.0, math.inf], [1.0, 2.0]), {}, ValueError, "grad must be finite, got inf at coordinate 1"),
        ((lambda x: x, waves_gradient, [1.0, 2.0]), {}, TypeError, r"one real number, got an array of shape \(2,\)"),
        ((lambda x: 1j, waves_gradient, [1.0]), {}, TypeError, "one real number, got the complex number 1j"),
        ((lambda x: "a", waves_gradient, [1.0]), {}, TypeError, "one real number, got 'a' of type str"),
        ((waves, waves_gradient, [1.0]), {"directions": 0}, ValueError, "directions must be at least 1, got 0"),
        ((waves, waves_gradient, [1.0]), {"directions": 1.5}, TypeError, "directions must be an integer, got 1.5"),
        ((waves, waves_gradient, [1.0]), {"rtol": -1.0}, ValueError, "rtol must be a number from 0 to below 1"),
    ],
)
def test_bad_input_is_named(arguments, options, kind, message):
    with pytest.raises(kind, match=message):
        check_gradient(*arguments, **options)
