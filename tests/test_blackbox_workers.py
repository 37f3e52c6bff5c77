"""Gradients of any callable on workers: the same bits as without, errors, changed arguments, an external program."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import workers_losses as losses

import jitgrad as jg
from jitgrad.testing import scenario

X = np.linspace(0.5, 1.5, 6)


@pytest.mark.parametrize("name", ["rosenbrock", "kinks", "perceptron"])
def test_the_same_bits(name):
    s = scenario(name)
    for step in (None, jg.Textbook(), jg.Richardson(), jg.Gill()):
        options = {"args": s.args, "step": step}
        value, gradient = jg.value_and_grad_blackbox(s.loss, s.point, workers=2, **options)
        alone, expected = jg.value_and_grad_blackbox(s.loss, s.point, **options)
        np.testing.assert_array_equal(gradient, expected)
        assert value == alone


@pytest.mark.parametrize("workers", [2, 3, map])
def test_estimates_have_the_same_bits(workers):
    there, here = (jg.estimate_blackbox(losses.curved, X, workers=w) for w in (workers, None))
    for field in ("derivative", "error", "step", "noise", "evaluations"):
        np.testing.assert_array_equal(getattr(there, field), getattr(here, field))


def test_a_batch_with_arguments_of_each_point():
    batch = np.linspace(-1.0, 1.0, 24).reshape(4, 6)
    options = {"args": (np.arange(4.0),), "args_axes": (0,)}

    def shifted(x, a):
        return float(np.sum((x - a) ** 2))

    found = jg.grad_blackbox(shifted, batch, workers=2, **options)
    np.testing.assert_array_equal(found, jg.grad_blackbox(shifted, batch, **options))


def test_vectorized():
    def rows(points):
        return np.sum(np.sin(points), axis=1)

    found = jg.grad_blackbox(rows, X, vectorized=True, workers=2)
    # The sum of six numbers does not depend on how many rows there are.
    np.testing.assert_array_equal(found, jg.grad_blackbox(rows, X, vectorized=True))


def none(x):
    return None


def text(x):
    return "three"


def vector(x):
    return x


def raising(x):
    if x[2] > X[2]:
        raise ZeroDivisionError("there")
    return 1.0


@pytest.mark.parametrize("fun", [none, text, vector, raising])
def test_errors_are_those_of_one_process(fun):
    caught = []
    for workers in (None, 2):
        with pytest.raises((TypeError, ValueError, ZeroDivisionError)) as error:
            jg.grad_blackbox(fun, X, workers=workers)
        caught.append(error.value)
    assert type(caught[0]) is type(caught[1])
    assert str(caught[0]) == str(caught[1])
    assert caught[0].__notes__[-1] == caught[1].__notes__[-1]
    assert f"in {fun.__name__}" in caught[1].__notes__[0] or fun is not raising


def test_nan_is_a_value():
    def hole(x):
        return float("nan") if x[1] != X[1] else float(np.sum(x))

    for workers in (None, 2):
        gradient = jg.grad_blackbox(hole, X, step=jg.Textbook(), workers=workers)
        assert np.isnan(gradient).tolist() == [False, True, False, False, False, False]


def test_arguments_that_changed_are_sent_again():
    data = np.ones(20_000)

    def scaled(x, data):
        return float(data[-1] * x[0])

    g = jg.gradient_of(scaled, device="blackbox", workers=2, step=0.5)
    assert g(X, data).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    data[:] = 3.0
    assert g(X, data).tolist() == [3.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_a_gradient_inside_a_gradient_on_threads():
    with ThreadPoolExecutor(2) as threads:
        inner = jg.gradient_of(lambda x: float(np.sum(x**3)), device="blackbox", step=jg.Textbook(), workers=map)

        def length(x):
            return float(np.sum(inner(x)))

        found = jg.grad_blackbox(length, X, step=1e-3, workers=threads)
        assert found == pytest.approx(6 * X, rel=1e-5)  # inner errors of 1e-10, over 2e-3
        g = jg.gradient_of(length, device="blackbox", step=1e-3, workers=map)
        assert g(X).tolist() == found.tolist()


def test_a_gradient_inside_a_gradient_on_processes():
    inner = jg.gradient_of(losses.curved, device="blackbox", step=jg.Textbook())

    def length(x):
        return float(np.sum(inner(x)))

    inner(X)
    found = jg.grad_blackbox(length, X, step=1e-3, workers=2)
    np.testing.assert_array_equal(found, jg.grad_blackbox(length, X, step=1e-3))


def test_threads_do_not_wait_for_themselves():
    with ThreadPoolExecutor(1) as threads:

        def within(x):
            return float(np.sum(jg.grad_blackbox(losses.curved, x, workers=threads)))

        with pytest.raises(RuntimeError, match="executor that this thread works for"):
            jg.grad_blackbox(within, X, workers=threads)
        assert jg.grad_blackbox(losses.curved, X, workers=threads).shape == (6,)


class Simulator:
    def __init__(self):
        self.log = threading.Lock()

    def run(self, x):
        return float(x @ x)


SIMULATOR = Simulator()


@pytest.mark.parametrize(
    ("fun", "args", "name"),
    [
        (losses.curved, (1.0, threading.Lock()), r"args\[1\]"),
        (SIMULATOR.run, (), "fun.__self__.log"),
        (lambda x, simulator=SIMULATOR: simulator.run(x), (), "a default of fun.log"),
    ],
    ids=["argument", "method", "default"],
)
def test_what_cannot_be_sent_is_named(fun, args, name):
    with pytest.raises(TypeError, match=f"but {name} is not: a _thread.lock"):
        jg.grad_blackbox(fun, X, args=args, workers=2)


def test_a_picture_is_drawn_after_the_call():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    e = jg.estimate_blackbox(losses.curved, X, workers=2)
    figure = e.plot([0])
    assert figure.axes
    plt.close(figure)


def test_progress_without_workers(capsys):
    jg.grad_blackbox(losses.curved, X, step=jg.Textbook(), progress=True)
    assert "12/12" in capsys.readouterr().err
    with pytest.raises(TypeError, match="progress must be True or False, got 1"):
        jg.grad_blackbox(losses.curved, X, progress=1)


def test_one_bar_for_a_gradient_on_workers(capsys):
    e = jg.estimate_blackbox(losses.curved, X, workers=2, progress=True)
    total = int(e.evaluations.sum()) + 1
    assert f"{total}/{total}" in capsys.readouterr().err


def test_options_of_other_devices_are_refused():
    for options in ({"workers": 2}, {"progress": True}):
        with pytest.raises(ValueError, match="device='cuda' takes stream, devices, got"):
            jg.gradient_of(scenario("rosenbrock").loss, device="cuda", **options)


def test_an_external_program_on_four_workers(tmp_path):
    script = "import sys, time; a = time.time(); time.sleep(0.2); print(a, time.time(), sum(map(float, sys.argv[1:])))"

    def program(x):
        command = [sys.executable, "-I", "-S", "-c", script, *map(str, x)]
        begin, end, value = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        with (tmp_path / f"times-{os.getpid()}").open("a") as file:
            file.write(f"{begin} {end}\n")
        return float(value)

    for _ in range(2):  # the first starts the processes
        for path in tmp_path.iterdir():
            path.unlink()
        gradient = jg.grad_blackbox(program, np.arange(8.0), step=0.25, workers=4)
        assert gradient.tolist() == [1.0] * 8  # powers of two: exact
    times = [line.split() for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    begin, end = np.array(times, float).T
    at_once = [int(((begin <= moment) & (moment <= end)).sum()) for moment in begin]
    assert len(times) == 16
    assert max(at_once) == 4
