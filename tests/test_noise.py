"""ECnoise: known noise is found, and what has none or cannot be measured is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines import search_of

from jitgrad import noise
from jitgrad.launch.evaluator import Evaluator
from jitgrad.noise import noise_along_coordinates, noise_along_direction, noise_level

CONSTANT = noise.CONSTANT, "the loss does not change"


def along_coordinates(f, x, **options):
    search, launch = search_of(f, x, **options)
    return noise_along_coordinates(search.evaluator, search.targets, search.lower, search.upper), launch


@pytest.mark.interpreted
def test_variance_of_differences():
    # Independent noise of variance s**2 gives differences of order k a variance of (2k)! / (k!)**2 times that; the
    # level at each order is s, so for values whose differences are known the levels are too.
    values = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0]) * 1e-6 + 1.0
    level, reason = noise_level(values)
    # First differences +-2e-6, and 4e-12 times 1/2 is the estimated variance.
    np.testing.assert_allclose(level, 1e-6 * np.sqrt(2.0), rtol=1e-9)
    assert reason == noise.FOUND


@pytest.mark.interpreted
@pytest.mark.parametrize(
    ("values", "reason", "level"),
    [
        (np.ones(7), noise.TOO_CLOSE, np.nan),
        (np.arange(7.0), noise.TOO_FAR, np.nan),
        (1024.0 + np.arange(7.0), noise.NO_NOISE, 0.0),
        ([1.0, 1.001, np.nan, 1.0, 1.0, 1.0, 1.0], noise.NOT_FINITE, np.nan),
        (1.0 + np.exp(np.arange(7.0)) * 1e-6, noise.TOO_FAR, np.nan),
    ],
    ids=["equal", "wide", "line", "NaN", "smooth"],
)
def test_points_that_suit_no_estimate(values, reason, level):
    found, said = noise_level(values)
    assert said == reason
    np.testing.assert_equal(float(found), level)


@pytest.mark.interpreted
def test_lines_are_independent_and_keep_their_shape():
    rng = np.random.default_rng(0)
    values = 1.0 + 1e-5 * rng.standard_normal((2, 3, 9))
    level, reason = noise_level(values)
    assert level.shape == reason.shape == (2, 3)
    np.testing.assert_array_equal(level[1, 2], noise_level(values[1, 2])[0])


@pytest.mark.interpreted
def test_too_few_values_are_refused():
    with pytest.raises(ValueError, match="values must have at least 5 on each line, got 4"):
        noise_level(np.ones(4))


@pytest.mark.parametrize("level", [1e-12, 1e-8, 1e-4, 1e-2])
@pytest.mark.parametrize(
    "f",
    [lambda x: 1 + x * 0, np.exp, lambda x: np.sin(3 * x) + 2, lambda x: 1 / (x + 1.5)],
    ids=["1", "exp", "sin", "1/x"],
)
def test_independent_noise_is_found_within_a_factor_of_4(f, level):
    rng = np.random.default_rng(1)
    x = np.linspace(-1.0, 1.0, 300)
    found, _ = along_coordinates(lambda x: f(x) + level * rng.standard_normal(x.size), x)
    good = (found.level > level / 4) & (found.level < 4 * level)
    assert good.mean() >= 0.95
    assert (found.reason == noise.FOUND).mean() >= 0.95


def test_rounding_is_noise():
    # Near 1e4 numbers are 2**-39 apart: errors are uniform, with a standard deviation of 2**-39 / sqrt(12).
    found, _ = along_coordinates(lambda x: np.sin(x) + 1e4, np.linspace(1.0, 1.5, 200))
    level = 2.0**-39 / np.sqrt(12)
    seen = found.reason == noise.FOUND
    assert ((found.level[seen] > level / 4) & (found.level[seen] < 4 * level)).all()
    # Where the loss rises by a whole number of spacings from point to point, its rounding cannot be seen.
    assert set(found.reason[~seen]) <= {noise.NO_NOISE, noise.TOO_CLOSE}
    assert seen.mean() > 0.6


def test_losses_without_noise():
    found, _ = along_coordinates(lambda x: 0 * x + 5.0, [1.0, 0.0])
    assert found.reason.tolist() == [noise.CONSTANT] * 2
    np.testing.assert_array_equal(found.level, 0.0)
    found, _ = along_coordinates(lambda x: 2.0 * x + 5.0, [1.0, 0.25])  # exact: nodes are powers of 2 apart
    assert found.reason.tolist() == [noise.NO_NOISE] * 2
    np.testing.assert_array_equal(found.level, 0.0)


def test_places_where_noise_cannot_be_measured():
    found, _ = along_coordinates(lambda x: 0 * x, [1.0])
    assert (found.level[0], found.reason[0]) == (0.0, "the loss does not change")
    found, _ = along_coordinates(np.exp, [1.0, 1.0], lower=[1.0, 1.0], upper=[1.0, np.nextafter(1.0, 2.0)])
    assert np.isnan(found.level).all()
    assert found.reason.tolist() == ["held fixed by equal bounds", "too little room between the bounds"]
    found, _ = along_coordinates(lambda x: x * np.nan, [1.0])
    assert found.reason[0] == "the loss is not finite at x"


def test_f_at_x_is_used_and_evaluations_are_counted():
    rng = np.random.default_rng(2)
    found, launch = along_coordinates(lambda x: 1.0 + 1e-6 * rng.standard_normal(x.size), [0.3])
    assert found.evaluations.tolist() == [6]
    assert launch.places.size == 7


@settings(max_examples=60, deadline=None)
@given(
    x=st.one_of(st.sampled_from([0.0, 1.0, 1e8, -1e-8]), st.floats(-10, 10, width=32)),
    below=st.sampled_from([np.inf, 0.0, 1e-9, 1.0]),
    above=st.sampled_from([np.inf, 0.0, 1e-9, 1.0]),
    dtype=st.sampled_from([np.float64, np.float32]),
    f=st.sampled_from([np.exp, np.sqrt, np.abs, lambda x: x * np.nan, lambda x: np.sin(1e9 * x), lambda x: 0 * x]),
)
def test_survival(x, below, above, dtype, f):
    x, largest = np.array([x], dtype), float(np.finfo(dtype).max)
    with np.errstate(over="ignore"):
        lower, upper = max(float(x[0] - dtype(below)), -largest), min(float(x[0] + dtype(above)), largest)
    found, launch = along_coordinates(f, x, lower=lower, upper=upper, dtype=dtype)
    assert (launch.places >= lower).all()
    assert (launch.places <= upper).all()
    assert found.evaluations[0] <= 28
    assert not (found.level < 0).any()
    assert np.isnan(found.level[0]) == (found.reason[0] not in {noise.FOUND, noise.NO_NOISE, *CONSTANT})
    assert "step" not in found.reason[0]


def direction_search(f, points, seed=0):
    def launch(probes):
        x = probes.points[probes.point].copy()
        if probes.along.size:
            x += probes.distance[:, None] * probes.directions[probes.along]
        seen.append(x)
        return np.asarray(f(x), np.float64)

    seen: list[np.ndarray] = []
    return Evaluator(points, launch), seen


@pytest.mark.parametrize("level", [1e-10, 1e-6, 1e-3])
def test_noise_along_a_random_direction(level):
    rng = np.random.default_rng(3)
    points = rng.standard_normal((100, 5)) * [1, 10, 1e-3, 1e4, 1]
    evaluator, _ = direction_search(lambda x: 3 + np.tanh(x).sum(axis=1) + level * rng.standard_normal(len(x)), points)
    found = noise_along_direction(evaluator, np.full(5, -1e9), np.full(5, 1e9))
    good = (found.level > level / 4) & (found.level < 4 * level)
    assert good.mean() >= 0.95
    assert found.level.shape == found.reason.shape == found.evaluations.shape == (100,)
    assert evaluator.evaluations == found.evaluations.sum() + len(points)


def test_a_direction_keeps_bounds_and_moves_all_coordinates():
    points = np.array([[0.0, 1.0, 2.0, 3.0]])
    lower, upper = np.array([0.0, -9.0, 2.0, 3.0 - 1e-9]), np.array([1.0, 1.0, 2.0, 3.0 + 1e-12])
    evaluator, seen = direction_search(lambda x: 1.0 + 1e-6 * np.sin(1e12 * x.sum(axis=1)), points)
    noise_along_direction(evaluator, lower, upper)
    places = np.concatenate(seen)
    assert (places >= lower).all()
    assert (places <= upper).all()
    assert (places.max(axis=0) > places.min(axis=0)).tolist() == [True, True, False, True]


def test_a_direction_is_the_same_for_the_same_seed():
    points = np.ones((2, 4))
    places = []
    for seed in (1, 1, 2):
        evaluator, seen = direction_search(lambda x: x.sum(axis=1), points)
        noise_along_direction(evaluator, np.full(4, -9.0), np.full(4, 9.0), seed=seed)
        places.append(seen[1])  # the first to be moved
    np.testing.assert_array_equal(places[0], places[1])
    assert (places[0] != places[2]).any()
