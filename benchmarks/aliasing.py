"""How often `Auto` mistakes an oscillation faster than its step for a slope: python -m benchmarks.aliasing."""

from __future__ import annotations

import warnings

import numpy as np
from numba import njit

import jitgrad as jg

COUNT = 20_000
"""Coordinates for each line."""

EACH = 1, 4, 100
"""Coordinates of one loss."""


@njit
def waves(x, w):
    return np.sin(w * x).sum()


def silently_wrong(each: int, verify: bool) -> int:
    """Count the coordinates that are wrong by more than 1 %, and not warned of."""
    rng = np.random.default_rng(0)
    shape = COUNT // each, each
    x, w = rng.uniform(0.5, 2.0, shape), 10.0 ** rng.uniform(5.5, 8.0, shape)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gradient = jg.grad_cpu(waves, x, args=(w,), args_axes=(0,), step=jg.Auto(verify=verify))
    wrong = ~(np.abs(gradient / (w * np.cos(w * x)) - 1.0) <= 0.01)
    for warning in caught:
        for index in warning.message.coordinates:
            wrong[index] = False
    return int(wrong.sum())


def main():
    """Print a line for each size of loss, without and with `verify`."""
    for each in EACH:
        plain, verified = (silently_wrong(each, verify) for verify in (False, True))
        print(f"n = {each:3}: silently wrong {plain} of {COUNT}, with verify=True {verified}")


if __name__ == "__main__":
    main()
