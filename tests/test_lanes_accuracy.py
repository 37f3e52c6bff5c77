"""Gradients in lanes are as accurate as scalar ones, and do not depend on the number of threads."""

import numpy as np
import pytest

import jitgrad as jg
from jitgrad.testing import scenarios

# Rounding of functions such as exp differs; over many points and coordinates its effect evens out.
WORSE = 1.5
EXACT = ("rosenbrock", "polynomial", "spring_chain", "diffusion", "badly_scaled")


POINTS = 12


def gradients(s, x=None, **options):
    return jg.grad_cpu(s.loss, s.point if x is None else x, args=s.args, step=jg.Textbook(), **options)


# One scenario writes to x, and is evaluated one by one.
SCENARIOS = [s for s in scenarios() if s.n > 1 and s.name != "on_the_sphere"]


@pytest.mark.parametrize("s", SCENARIOS, ids=lambda s: s.name)
def test_lanes_lose_no_accuracy(s):
    rng = np.random.default_rng(3)
    errors = {"require": [], "off": []}
    for _ in range(POINTS):
        x = s.draw(rng)
        exact = s.gradient(x, *s.args)
        for way, found in errors.items():
            found.append(gradients(s, x, vectorize=way) - exact)
    lanes, scalar = (np.sqrt(np.mean(np.square(found))) for found in errors.values())
    assert lanes <= WORSE * scalar + np.spacing(np.abs(exact).max())
    if s.name in EXACT:
        np.testing.assert_array_equal(gradients(s, vectorize="require"), gradients(s, vectorize="off"))


@pytest.mark.parametrize("s", SCENARIOS[::3], ids=lambda s: s.name)
def test_threads_do_not_change_a_bit(s):
    alone, *others = [gradients(s, threads=threads, vectorize="require") for threads in (1, 2, 3)]
    for other in others:
        np.testing.assert_array_equal(other, alone)
