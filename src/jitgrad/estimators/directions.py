"""Random directions: a function of a key, a point and a number, made when they are needed and never stored."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from jitgrad._jit import kernel
from jitgrad._types import Array, IntArray

LEAST_FOR_THREADS = 2**18
"""Numbers that must be drawn before threads are started for it: a pool takes 0.2 ms, so many normal ones 4 ms."""


class Distribution(NamedTuple):
    """The distribution of the coordinates ``u`` of a direction: independent, of mean 0 and variance 1.

    Attributes
    ----------
    name : str
    excess : float
        ``E u**4 - 2``. An estimate ``(g @ u) * u`` of ``g`` by one direction has the variance
        ``g @ g + excess * g[j]**2`` in coordinate ``j``.
    fill : callable
        ``fill(bits, row)`` fills a row with such numbers from a bit generator.
    """

    name: str
    excess: float
    fill: Callable[[np.random.Philox, Array], None]


@kernel
def spread_signs(words: Array, row: Array) -> None:
    """Turn bits into 1.0 and -1.0, 64 of each word, the last digit first."""
    one = row.dtype.type(1.0)
    for w in range(words.size):
        word, first = words[w], 64 * w
        for b in range(min(64, row.size - first)):
            row[first + b] = one - row.dtype.type(2 * ((word >> np.uint64(b)) & np.uint64(1)))


def _fill_signs(bits: np.random.Philox, row: Array) -> None:
    spread_signs(np.atleast_1d(bits.random_raw(-(-row.size // 64))), row)


def _fill_normal(bits: np.random.Philox, row: Array) -> None:
    np.random.Generator(bits).standard_normal(dtype=row.dtype, out=row)


SIGNS = Distribution("Rademacher", -1.0, _fill_signs)
NORMAL = Distribution("Gaussian", 1.0, _fill_normal)


def new_key(generator: np.random.Generator) -> Array:
    """Draw a key, of two words of 64 bits, for all directions of a gradient."""
    return generator.integers(0, 2**64 - 1, size=2, dtype=np.uint64, endpoint=True)


def fill_directions(
    distribution: Distribution,
    key: Array,
    point: int,
    first: int,
    moving: IntArray | None,
    rows: Array,
    threads: int,
) -> None:
    """Fill rows with the directions `first`, ``first + 1`` and so on of a point.

    Parameters
    ----------
    distribution : Distribution
    key : ndarray of uint64, shape (2,)
        From `new_key`.
    point, first : int
    moving : ndarray of int64, optional
        The coordinates that move; the others of `rows` are left as they are. Default: all.
    rows : ndarray of shape (directions, n)
    threads : int
        How many may draw at the same time; what is drawn does not depend on it.

    Notes
    -----
    Philox is a function of a key and a counter (J. K. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3",
    SC11), so that any direction is made without the others. The lower half of the counter counts the numbers of a
    direction, the upper half holds which it is.
    """

    def fill(k: int) -> None:
        bits = np.random.Philox(key=key, counter=[0, 0, first + k, point])
        if moving is None:
            distribution.fill(bits, rows[k])
        else:
            drawn = np.empty(moving.size, rows.dtype)
            distribution.fill(bits, drawn)
            rows[k, moving] = drawn

    if threads == 1 or len(rows) == 1 or rows.size < LEAST_FOR_THREADS:
        for k in range(len(rows)):
            fill(k)
        return
    with ThreadPoolExecutor(threads) as pool:  # NumPy and the kernels let go of the interpreter's lock
        list(pool.map(fill, range(len(rows))))
