"""Jitted losses on workers: what they compute in blocks, in lanes of their own, is what one process computes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

import jitgrad as jg
from jitgrad.launch.cpu import MOST_LANES
from jitgrad.launch.workers.blocks import Blocks
from jitgrad.testing import scenarios

X = np.linspace(0.5, 1.5, 150)


@pytest.fixture(scope="module")
def threads():
    """Workers that start at once: what is pickled is tested with processes, below."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda s: s.name)
def test_every_scenario_has_the_same_bits(scenario, threads):
    options = {"args": scenario.args, "step": jg.Textbook()}
    here = jg.value_and_grad_cpu(scenario.loss, scenario.point, **options)
    there = jg.value_and_grad_cpu(scenario.loss, scenario.point, workers=threads, **options)
    assert there[0] == here[0]
    np.testing.assert_array_equal(there[1], here[1])


@njit
def waves(x, a):
    s = 0.0
    for i in range(x.size):
        s += np.sin(a[i] * x[i]) * np.exp(-x[i])
    return s


def closed_form(x, a):
    return (a * np.cos(a * x) - np.sin(a * x)) * np.exp(-x)


A = np.linspace(1.0, 3.0, X.size)


@pytest.mark.parametrize("step", [None, jg.Textbook(), 1e-5, jg.Richardson(), jg.Gill()])
def test_processes(step):
    options = {"args": (A,), "step": step}
    there = jg.grad_cpu(waves, X, workers=2, **options)
    np.testing.assert_array_equal(there, jg.grad_cpu(waves, X, **options))
    np.testing.assert_allclose(there, closed_form(X, A), rtol=0, atol=1e-7)


def test_a_batch_with_arguments_of_each_point():
    points, args = np.vstack([X, X + 0.25, X - 0.25]), np.vstack([A, 2 * A, 3 * A])
    options = {"args": (args,), "args_axes": (0,), "step": jg.Textbook()}
    there = jg.grad_cpu(waves, points, workers=2, **options)
    np.testing.assert_array_equal(there, jg.grad_cpu(waves, points, **options))


def test_an_estimate_and_random_directions():
    here, there = (jg.estimate_cpu(waves, X, args=(A,), workers=w) for w in (None, 2))
    for field in ("derivative", "error", "step", "noise", "evaluations"):
        np.testing.assert_array_equal(getattr(there, field), getattr(here, field))
    here, there = (
        jg.grad_cpu(waves, X, args=(A,), estimator=jg.SPSA(n_directions=20, rng=3), workers=w) for w in (None, 2)
    )
    np.testing.assert_array_equal(there, here)


def test_a_prepared_gradient_sees_changed_arguments():
    a = A.copy()
    g = jg.gradient_of(waves, step=jg.Textbook(), workers=2)
    g(X, a)
    a *= 2.0
    np.testing.assert_allclose(g(X, a), closed_form(X, 2.0 * A), rtol=0, atol=1e-7)


@njit
def refuses(x):
    if x[70] > 1.0:
        raise ValueError("too large")
    return x.sum()


def test_the_exception_is_that_of_the_loss():
    x = np.linspace(0.5, 0.9, 100)
    x[70] = 1.0
    with pytest.raises(ValueError, match="too large") as caught:
        jg.grad_cpu(refuses, x, step=jg.Textbook(), workers=2)
    notes = [note for note in caught.value.__notes__ if "displaced" in note]
    assert len(notes) == 1
    assert "x[70] displaced from 1.0 to" in notes[0]


def test_a_loss_that_does_not_compile_says_so_here(monkeypatch, threads):
    monkeypatch.setattr(threads, "submit", lambda *_: pytest.fail("nothing is sent"))
    with pytest.raises(jg.LossCompileError):
        jg.grad_cpu(njit(lambda x: x), X, workers=threads)


def test_a_plain_function_is_refused_here(threads):
    with pytest.raises(TypeError, match="grad_blackbox"):
        jg.grad_cpu(lambda x: x[0], X, workers=threads)


@pytest.mark.parametrize("points", [1, 3, 64])
def test_blocks_end_where_groups_of_lanes_do(points):
    blocks = Blocks(0, 1000, size=2, multiple=MOST_LANES, origin=points)
    edges = []
    while (taken := blocks.take()) is not None:
        edges.append(taken)
        blocks.measured(taken[1] - taken[0], 1e-4 * (taken[1] - taken[0]))
    assert edges[0][0] == 0
    assert [b[0] for b in edges[1:]] == [b[1] for b in edges[:-1]]
    assert all((stop - points) % MOST_LANES == 0 for _, stop in edges[:-1])


def test_a_bar_counts_every_evaluation(capfd):
    gradient = jg.grad_cpu(waves, X, args=(A,), step=jg.Textbook(), progress=True)
    np.testing.assert_array_equal(gradient, jg.grad_cpu(waves, X, args=(A,), step=jg.Textbook()))
    assert f"{2 * X.size}/{2 * X.size}" in capfd.readouterr().err


def test_the_caller_keeps_what_it_gave():
    x, a = X.copy(), A.copy()
    jg.grad_cpu(waves, x, args=(a,), workers=2)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(a, A)
