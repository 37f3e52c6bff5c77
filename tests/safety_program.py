"""Run by test_safety.py in processes of their own: one misbehaving loss, many times, one threading layer."""

import os
import sys
import threading

import numba
import numpy as np
import pytest
from losses import raises_at, smooth, smooth_gradient, writes_x
from numba import njit

import jitgrad as jg
from jitgrad.launch.threads import layer

REPETITIONS = 100
X = np.linspace(0.1, 1.0, 40)


@njit
def nan_above(x, limit):
    s = 0.0
    for i in range(x.size):
        s += np.nan if x[i] > limit else x[i] * x[i]
    return s


@njit(parallel=True)
def starts_threads(x):
    s = 0.0
    for i in numba.prange(x.size):
        s += x[i] * x[i]
    return s


def raising(threads):
    """Coordinate 7 raises, the others do not."""
    with pytest.raises(ValueError, match="too far") as caught:
        jg.grad_cpu(raises_at, X, args=(7, X[7]), threads=threads)
    assert "x[7] displaced" in caught.value.__notes__[0]


def writing(threads):
    np.testing.assert_allclose(jg.grad_cpu(writes_x, X, threads=threads), 2 * X, rtol=1e-7)


def not_a_number(threads):
    gradient = jg.grad_cpu(nan_above, X, args=(X[-1],), threads=threads)  # the last can only go down
    np.testing.assert_allclose(gradient, 2 * X, rtol=1e-5)


def ordinary(threads):
    np.testing.assert_allclose(
        jg.grad_cpu(smooth, X, args=(1.0, 2.0), threads=threads), smooth_gradient(X, 1.0, 2.0), rtol=1e-7
    )


def nested(threads):
    np.testing.assert_allclose(jg.grad_cpu(starts_threads, X, threads=threads), 2 * X, rtol=1e-7)


ACTIONS = {f.__name__: f for f in (raising, writing, not_a_number, ordinary, nested)}


def repeat(action, threads):
    for _ in range(REPETITIONS):
        action(threads)


def eight_python_threads(action, threads):
    failures = []

    def work():
        try:
            repeat(action, threads)
        except BaseException as error:  # noqa: BLE001  # of whatever kind, it is raised again below
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]


def after_fork(action, threads):
    """The parent has used threads; every child computes and ends by itself."""
    action(threads)
    for _ in range(REPETITIONS):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                action(threads)
                action(None)
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        assert status == 0, f"a child ended with {status}"


MODES = {f.__name__: f for f in (repeat, eight_python_threads, after_fork)}

if __name__ == "__main__":
    mode, expected_layer = sys.argv[1:]
    for action in ACTIONS.values():
        if action is nested and mode == "after_fork":
            continue  # numba's own loop would run in the child, out of our hands
        for threads in (1, 2):
            MODES[mode](action, threads)
    assert layer() == expected_layer, layer()
    print("done")
