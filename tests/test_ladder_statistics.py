"""Accuracy, error bars and noise levels over many points, with fixed seeds."""

import numpy as np
import pytest

from tests.ladders import derivatives

SPREAD = 0.5 * (5.0**0.5 - 1.0) * np.arange(1, 101) % 1.0

# Name, function, derivative, points: one length about x, one that is not, a singularity, rounding above eps |f|.
SMOOTH = (
    ("exp", np.exp, np.exp, 4.0 * SPREAD - 2.0),
    ("sine", np.sin, np.cos, 6.0 * SPREAD + 0.1),
    ("logarithm", np.log, lambda x: 1.0 / x, 10.0 ** (20.0 * SPREAD - 10.0)),
    ("runge", lambda x: 1.0 / (1.0 + 25.0 * x * x), lambda x: -50.0 * x / (1.0 + 25.0 * x * x) ** 2, SPREAD + 0.01),
    ("gauss", lambda x: np.exp(-x * x), lambda x: -2.0 * x * np.exp(-x * x), 4.0 * SPREAD - 2.0),
    ("growth", lambda x: np.exp(x * x), lambda x: 2.0 * x * np.exp(x * x), 6.0 * SPREAD + 1.0),
    ("scaled", lambda x: np.exp(1e8 * x), lambda x: 1e8 * np.exp(1e8 * x), 3e-8 * SPREAD + 1e-9),
)


@pytest.mark.parametrize(("function", "slope", "x"), [case[1:] for case in SMOOTH], ids=[case[0] for case in SMOOTH])
def test_clean_losses(function, slope, x):
    found = derivatives(function, x)
    error = np.abs(found.derivative - slope(x))
    assert np.median(error / np.abs(slope(x))) < 2e-13
    # 95 of 100 may be fewer by chance where 95 % is the truth; these have 97 and more.
    assert (error <= found.error).mean() >= 0.95
    assert found.evaluations.mean() + 1 <= 16
    assert found.trusted.all()


def test_clean_losses_on_average():
    evaluations = [derivatives(function, x).evaluations.mean() + 1 for _, function, _, x in SMOOTH]
    assert np.mean(evaluations) <= 12.5


@pytest.mark.parametrize("level", [1e-12, 1e-8, 1e-4, 1e-2])
@pytest.mark.parametrize("independent", [True, False])
def test_noisy_losses(level, independent):
    """sin at 1: the best central step for an error of size s leaves about (s**2 |f'''|)**(1/3)."""
    rng = np.random.default_rng(1)

    def noisy(x):
        if independent:
            return np.sin(x) + level * rng.standard_normal(x.size)
        # The bits of x, mixed: uniform with standard deviation 1.
        bits = np.ascontiguousarray(x).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
        bits ^= bits >> np.uint64(29)
        return np.sin(x) + level * 12.0**0.5 * (2.0**-64 * bits.astype(np.float64) - 0.5)

    x = 1.0 + 1e-6 * np.arange(1000)
    found = derivatives(noisy, x)
    error = np.abs(found.derivative - np.cos(x))
    best = (level**2 * np.cos(1.0)) ** (1 / 3)
    assert np.median(error) <= 1.0 * best
    assert (error <= found.error).mean() >= 0.95
    assert ((found.noise > level / 4.0) & (found.noise < level * 4.0)).mean() >= 0.95
    assert found.evaluations.mean() + 1 <= 20
    assert found.evaluations.max() + 1 <= 24
    assert not (found.trusted & (error > 0.01 * np.cos(x))).any()


def test_noise_that_is_known():
    """A bisection that stops at a tolerance: stairs, whose treads look flat and whose edges look like noise."""
    x = 1.0 + 1e-3 * np.arange(200)
    found = derivatives(lambda v: np.round(np.sin(v) * 1e6) / 1e6, x, noise=3e-7)
    error = np.abs(found.derivative - np.cos(x))
    assert (error <= found.error).mean() >= 0.95
    assert (found.noise >= 3e-7).all()
    assert np.median(error) < 1e-4


def test_float32_beats_the_best_fixed_step():
    x = (0.5 + 2.0 * SPREAD).astype(np.float32)
    for function, slope in ((np.exp, np.exp), (np.sin, np.cos), (np.log, lambda v: 1.0 / v)):
        exact = slope(x.astype(np.float64))
        fixed = []
        for h in np.float32(2.0) ** np.arange(-16, -2, dtype=np.float32):
            above, below = x + h, x - h
            rise = function(above).astype(np.float64) - function(below).astype(np.float64)
            fixed.append(np.median(np.abs(rise / (above.astype(np.float64) - below) - exact)))
        found = derivatives(function, x)
        error = np.abs(found.derivative - exact)
        assert np.median(error) <= min(fixed)
        assert (error <= found.error).mean() >= 0.95
