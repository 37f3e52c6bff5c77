"""Spectra of every window of the ladder: the ladder without its largest displacements."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jitgrad._jit import inlined
from jitgrad._types import FloatArray, IntArray
from jitgrad.ladder.spectrum import NODES, REACH, Polynomials, make_polynomials, polynomials_of
from jitgrad.ladder.table import EVEN, SLOPE, H, Table

LEAST_NODES = 3  # two equal slopes happen by chance on stairs


class Windows(NamedTuple):
    """Spectra; row ``a`` is the window that begins at rung ``a`` of the table.

    Attributes
    ----------
    sizes, entries : ndarray of int64, shape (slots,)
        Number of rungs, 0 where too few for a window, and entry of the polynomials.
    odd : ndarray of shape (slots, degrees)
        Coefficients of the odd part, in units of the loss.
    odd_rest, even_rest : ndarray of shape (slots, degrees)
        Column ``p``: sum of the squares of the coefficients that a reading of degree ``p`` leaves out, those of the
        odd part beyond ``p`` and of the even part beyond ``p + 1``. There are ``size - 1 - p`` of each.
    polynomials : Polynomials
    """

    sizes: IntArray
    entries: IntArray
    odd: FloatArray
    odd_rest: FloatArray
    even_rest: FloatArray
    polynomials: Polynomials


def make_windows(slots: int) -> Windows:
    """Allocate windows of ladders of at most `slots` rungs."""
    return Windows(
        sizes=np.zeros(slots, np.int64),
        entries=np.zeros(slots, np.int64),
        odd=np.empty((slots, NODES)),
        odd_rest=np.empty((slots, NODES)),
        even_rest=np.empty((slots, NODES)),
        polynomials=make_polynomials(),
    )


@inlined
def expand_windows(windows: Windows, table: Table, count: int, two_sided: bool) -> int:
    """Compute the spectra of every window of a table of `count` rungs; return how many windows there are."""
    values, rungs, sizes, entries = table.values, table.rungs, windows.sizes, windows.entries
    polynomials, odd, odd_rest, even_rest = windows.polynomials, windows.odd, windows.odd_rest, windows.even_rest
    odd_weights, even_weights = polynomials.odd, polynomials.even
    number = max(count - LEAST_NODES + 1, 0)
    for a in range(number):
        size = 1
        while a + size < count and size < NODES and rungs[a] - rungs[a + size] <= REACH:
            size += 1
        sizes[a] = size
        if size < LEAST_NODES:
            sizes[a] = 0
            continue
        entry = polynomials_of(polynomials, rungs, a, size, two_sided)
        entries[a] = entry
        odd_total, even_total = 0.0, 0.0
        for j in range(size - 1, -1, -1):
            odd_rest[a, j], even_rest[a, j] = odd_total, even_total
            # Both in one loop: each is a chain of additions, and the processor does two chains at a time.
            coefficient, even = 0.0, 0.0
            if two_sided:
                for i in range(size):
                    coefficient += odd_weights[entry, j, i] * values[SLOPE, a + i]
                    even += even_weights[entry, j + 1, i] * values[EVEN, a + i]
            else:
                for i in range(size):
                    coefficient += odd_weights[entry, j, i] * values[SLOPE, a + i]
            odd[a, j] = coefficient * values[H, a]
            odd_total += odd[a, j] * odd[a, j]
            even_total += even * even
    return number
