"""One training step through a jitted function, against loops over scipy: python -m benchmarks.training_step [s].

A batch of 256 samples, a network output ``u`` of 8 numbers each, and a function ``F(u, c)`` of about 2 us with 3
outputs and an argument per sample. The step wants ``w . dF/du`` for given ``w``. All contestants take turns in one
process, with new ``u``, ``w`` and ``c`` every time; what is printed is the shortest time of each.
"""

from __future__ import annotations

import math
import sys
import time
import warnings

import numpy as np
from numba import njit

import jitgrad as jg

BATCH, INPUTS, OUTPUTS, STEPS = 256, 8, 3, 16


def rolled_out(u, c):
    """Let a damped oscillator follow a force that is given by eight numbers; where it ends, its work and its reach."""
    place, speed, work, reach = c[0], 0.0, 0.0, 0.0
    for t in range(STEPS):
        force = 0.0
        for k in range(u.size):
            force += u[k] * math.cos(k * t * 0.1 + c[1])
        speed += 0.1 * (force - math.sin(place) - 0.2 * speed)
        place += 0.1 * speed
        work += force * speed
        reach += place * place
    return place, work, reach


jitted = njit(rolled_out)


@njit
def weighted(u, w, c):
    """What a user would hand to scipy: one number, from one call of compiled code."""
    outputs = jitted(u, c)
    return w[0] * outputs[0] + w[1] * outputs[1] + w[2] * outputs[2]


def by_scipy(function):
    """Return a loop over the samples."""
    from scipy.optimize import approx_fprime

    def step(u, w, c):
        return np.array([approx_fprime(u[s], function, 1.5e-8, w[s], c[s]) for s in range(BATCH)])

    return step


def plain_weighted(u, w, c):
    """The same without numba."""
    return float(w @ np.array(rolled_out(u, c)))


def contestants():
    """Return what computes the products, by name; the first is what the others are compared with."""
    options = {"args_axes": (0,)}
    checked, unchecked = jg.vjp_of(jitted, **options), jg.vjp_of(jitted, step=jg.Textbook(), **options)
    forward = jg.vjp_of(jitted, method="forward", step=jg.Textbook(), **options)
    jacobian = jg.jacobian_of(jitted, step=jg.Textbook(), **options)
    units = np.broadcast_to(np.eye(OUTPUTS)[:, None], (OUTPUTS, BATCH, OUTPUTS)).copy()

    def by_units(u, w, c):
        rows, more = np.repeat(u[None], OUTPUTS, axis=0), np.repeat(c[None], OUTPUTS, axis=0)
        return np.einsum("sp,psk->sk", w, unchecked_units(rows, units, more))

    unchecked_units = jg.vjp_of(jitted, step=jg.Textbook(), **options)
    return {
        "vjp_of, default": checked,
        "vjp_of, step=Textbook()": unchecked,
        "vjp_of, forward, step=Textbook(): the formula of scipy": forward,
        "jacobian_of, step=Textbook(), then w . J": lambda u, w, c: np.einsum("sp,spk->sk", w, jacobian(u, c)),
        "one vjp per output, step=Textbook(), then w . J": by_units,
        "loop over approx_fprime, jitted w . F": by_scipy(weighted),
        "loop over approx_fprime, w . F in Python": by_scipy(plain_weighted),
    }


def main():
    """Print a line per contestant."""
    budget = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    rng = np.random.default_rng(0)

    def inputs():
        return rng.normal(size=(BATCH, INPUTS)), rng.normal(size=(BATCH, OUTPUTS)), rng.normal(size=(BATCH, 2))

    steps = contestants()
    shortest = dict.fromkeys(steps, math.inf)
    begin, rounds = time.perf_counter(), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jg.PrecisionWarning)
        while rounds < 3 or time.perf_counter() - begin < budget:
            given = inputs()
            results = []
            for name, step in steps.items():
                for _ in range(1 if "loop" in name else 5):
                    given = tuple(part.copy() for part in given)
                    before = time.perf_counter()
                    results.append(step(*given))
                    shortest[name] = min(shortest[name], time.perf_counter() - before)
            assert all(np.allclose(result, results[0], rtol=1e-4, atol=1e-4) for result in results)
            rounds += 1
    u, _, c = inputs()
    single = _cost(lambda: [jitted(u[0], c[0]) for _ in range(100)]) / 100
    print(f"F called from Python: {1e6 * single:.2f} us, {rounds} rounds")
    for name, seconds in shortest.items():
        jit, plain = (shortest[f"loop over approx_fprime, {of}"] for of in ("jitted w . F", "w . F in Python"))
        print(
            f"{1e3 * seconds:9.3f} ms  {jit / seconds:7.1f} x jitted loop  {plain / seconds:8.1f} x Python loop  {name}"
        )


def _cost(call):
    shortest = math.inf
    for _ in range(20):
        before = time.perf_counter()
        call()
        shortest = min(shortest, time.perf_counter() - before)
    return shortest


if __name__ == "__main__":
    main()
