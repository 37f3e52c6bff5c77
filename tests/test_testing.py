import subprocess
import sys

import numpy as np
import pytest
from exact import Exact

from jitgrad.testing import scenario, scenarios

pytestmark = pytest.mark.interpreted

NAMES = [s.name for s in scenarios()]


def test_names_are_unique_and_lead_back():
    assert len(set(NAMES)) == len(NAMES) >= 14
    assert [scenario(name).name for name in NAMES] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_that_of_the_loss(name):
    s = scenario(name)
    exact = Exact(s)
    rng = np.random.default_rng(7)
    for x in (s.point, *(s.draw(rng) for _ in range(3))):
        gradient = s.gradient(x, *s.args)
        assert gradient.shape == x.shape == (s.n,)
        assert gradient.dtype == np.float64
        for i in rng.choice(s.n, size=3, replace=False):
            wanted = exact.derivative(x, i)
            # An entry that happens to be small is a difference of others as large as the rest of the gradient.
            size = max(abs(wanted), 0.01 * np.median(np.abs(gradient)))
            assert abs(gradient[i] - wanted) <= 1e-12 * size


@pytest.mark.parametrize("name", NAMES)
def test_loss_compiles_and_agrees_with_exact_arithmetic(name):
    s = scenario(name)
    value = s.loss(s.point.copy(), *s.args)
    assert isinstance(value, float)
    assert abs(value - Exact(s)(s.point)) <= max(1e-13 * abs(value), s.noise)


@pytest.mark.parametrize("name", NAMES)
def test_draws_follow_the_generator_and_lie_in_the_box(name):
    s = scenario(name)
    x = s.draw(np.random.default_rng(8))
    assert np.array_equal(x, s.draw(np.random.default_rng(8)))
    assert not np.array_equal(x, s.draw(np.random.default_rng(9)))
    assert ((s.lower <= x) & (x <= s.upper)).all()
    assert np.array_equal(s.point, scenario(name).point)


@pytest.mark.parametrize("n", [6, 100])
def test_sizes(n):
    for s in scenarios(n):
        assert 0 < s.n <= n
        assert s.n > 0.8 * n - 2 or not s.dense
        assert np.isfinite(s.gradient(s.point, *s.args)).all()
        if s.dense:
            assert np.count_nonzero(s.gradient(s.point, *s.args)) == s.n


def test_noise_is_of_the_level_it_says_and_does_not_average_out():
    (s,) = (s for s in scenarios() if s.noise)
    rng = np.random.default_rng(10)
    points = [s.draw(rng) for _ in range(1000)]
    noise = np.array([s.loss(x) - s.smooth(x) for x in points])
    assert abs(noise).max() <= 1.01 * s.noise
    assert 0.5 * s.noise < noise.std() < s.noise
    beside = np.array([s.loss(x + 1e-8) - s.smooth(x + 1e-8) for x in points])
    assert abs(np.corrcoef(noise, beside)[0, 1]) < 0.1


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"name must be one of rosenbrock, .*, got 'rosenbrok'"):
        scenario("rosenbrok")


def test_a_size_below_the_smallest_is_refused():
    with pytest.raises(ValueError, match="n must be at least 6, got 5"):
        scenarios(5)


def test_importing_jitgrad_does_not_import_the_scenarios():
    code = "import sys, jitgrad; sys.exit(any(name.startswith('jitgrad.testing') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
