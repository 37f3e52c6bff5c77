"""The table of an extrapolation: weights of every entry, and the entry with the smallest credible error.

A formula of order ``p`` gives slopes ``d(h) = f' + c1 h**p + c2 h**(p + s) + ...`` with ``s = 2`` for central and
``s = 1`` for one-sided formulas. With ``u = h**s`` the exponents are ``gap, gap + 1, ...``, ``gap = p / s``. An entry
of the table combines the slopes of neighbouring levels ``a .. b`` such that the first ``b - a`` terms cancel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jitgrad._types import Array, FloatArray, IntArray

SIGMAS = 3.0
"""Errors of the values count with so many standard deviations."""

FALLS = 1.0 / 3.0
"""Distances that shrink by less from length to length, twice, may be noise."""

ALONE = 2.0
"""On the distance of a single level from an entry with one more, which is about its error and not above."""

NOISE_FACTOR, FEW = 1.6, 3.0
"""The noise found in a table counts ``NOISE_FACTOR * (1 + FEW / n)`` times if it comes from n distances: the smallest
of a few root mean squares is too small."""


class Slopes(NamedTuple):
    """A formula at several steps.

    Attributes
    ----------
    u : ndarray of shape (targets, levels)
        ``h**s``, distinct, in descending order, in units of any size.
    gap : ndarray of int, shape (targets,)
        Exponent of ``u`` in the first error term.
    slope : ndarray of shape (targets, levels)
    unit : ndarray of shape (targets, levels)
        Standard deviation of a slope if that of a value is 1.
    usable : ndarray of int, shape (targets,)
        So many levels, from the first, can be used.
    sigma : ndarray of shape (targets,)
        Standard deviation of the values of the loss, at least.
    """

    u: FloatArray
    gap: IntArray
    slope: FloatArray
    unit: FloatArray
    usable: IntArray
    sigma: FloatArray


class Entries(NamedTuple):
    """The table: entry ``[a, b]`` combines levels ``a .. b``; only ``0 <= b - a < depth`` are present.

    Attributes
    ----------
    value, noise : dict of ndarray of shape (targets,)
        Extrapolated slope, and its standard deviation if that of the values is 1, by ``(a, b)``.
    weight : dict of ndarray of shape (targets, b - a + 1)
    """

    value: dict[tuple[int, int], FloatArray]
    noise: dict[tuple[int, int], FloatArray]
    weight: dict[tuple[int, int], FloatArray]


def weights(u: Array, gap: Array | int) -> Array:
    """Weights that add up to 1 and cancel ``u**gap, u**(gap + 1), ...``, as many as they can.

    Parameters
    ----------
    u : ndarray of shape (..., m)
        Distinct and above 0; floats, or an object array of `fractions.Fraction` for exact weights.
    gap : int or ndarray of int, shape (...)
        First exponent, at least 1.

    Returns
    -------
    ndarray of shape (..., m)

    Notes
    -----
    ``sum(w u**(gap + i)) == 0`` for ``i < m - 1`` says that ``w u**gap`` is orthogonal to the polynomials of degree
    ``m - 2`` on the nodes, which leaves the weights of the divided difference, ``1 / prod(u_k - u_j)``, up to a factor.
    With ``gap = 1`` these are the weights of Neville's table at 0.

    Examples
    --------
    Two steps of ratio 2 with the formula of order 4, whose error is ``h**4 + h**6 + ...``:

    >>> from fractions import Fraction
    >>> import numpy as np
    >>> from jitgrad.extrapolation.table import weights
    >>> [str(w) for w in weights(np.array([Fraction(1), Fraction(1, 4)]), 2)]
    ['-1/15', '16/15']
    """
    power = u ** np.expand_dims(gap, -1)
    found = []
    for k in range(u.shape[-1]):
        product = power[..., k]
        for j in range(u.shape[-1]):
            if j != k:
                product = product * (u[..., k] - u[..., j])
        found.append(1 / product)
    unscaled = np.stack(found, axis=-1)
    normalised: Array = unscaled / unscaled.sum(axis=-1, keepdims=True)
    return normalised


def entries(slopes: Slopes, depth: int) -> Entries:
    """Fill the table with windows of up to `depth` levels.

    Entries that use a level from ``slopes.usable`` on mean nothing.
    """
    table = Entries({}, {}, {})
    levels = slopes.u.shape[1]
    for b in range(levels):
        for a in range(b, max(-1, b - depth), -1):
            w = weights(slopes.u[:, a : b + 1], slopes.gap)
            last = slopes.slope[:, b]
            # Differences first: the weights add up to 1, and the slopes are close.
            table.value[a, b] = last + (w * (slopes.slope[:, a : b + 1] - last[:, None])).sum(axis=1)
            table.noise[a, b] = (np.abs(w) * slopes.unit[:, a : b + 1]).sum(axis=1)
            table.weight[a, b] = w
    return table


def distance(table: Entries, a: int, b: int) -> FloatArray:
    """Largest distance of an entry from its neighbours with one level less: an estimate of its truncation error.

    The distance is nearer to the error of the neighbours and so too large for the entry. One level alone is compared
    with the entry that has one more, which gives no more than its own error; infinite where there is none. To expect
    that the distance shrinks once more as it did from level to level was tried: clean losses got bars ten times
    narrower, but one-sided formulas with a first step that spans a bend were then outside theirs one time in five.
    """
    value = table.value
    if a < b:
        return np.maximum(np.abs(value[a, b] - value[a + 1, b]), np.abs(value[a, b] - value[a, b - 1]))
    for key in ((a - 1, b), (a, b + 1)):
        if key in value:
            return ALONE * np.abs(value[a, b] - value[key])
    return np.full_like(value[a, b], np.inf)


def sigma_of(slopes: Slopes, table: Entries) -> FloatArray:
    """Standard deviation of the values, from how far neighbouring entries of the table are apart.

    Where the values are noisy, the distances are what the noise makes them, at every length of the windows; where
    they are not, the distances shrink from length to length. So the lengths from which on they are smallest count.
    If they still shrink at the longest window, its distance counts as it is.

    Returns
    -------
    ndarray of shape (targets,)
        At least ``slopes.sigma``.
    """
    targets, levels = slopes.u.shape
    squares = {key: _scaled_distance(slopes, table, *key) ** 2 for key in table.value if key[0] < key[1]}
    squares = {(a, b): np.where(b < slopes.usable, square, 0.0) for (a, b), square in squares.items()}
    longest = max(b - a + 1 for a, b in table.value)
    smallest = np.full(targets, np.inf)
    totals, numbers = np.zeros((longest + 1, targets)), np.zeros((longest + 1, targets))
    for a in range(levels - 2, -1, -1):  # larger steps join one by one: they may span what smaller ones do not
        joined, number = np.zeros(targets), np.zeros(targets)
        for length in range(min(longest, levels - a), 2, -1):  # two neighbours differ by truncation before all else
            b = a + length - 1
            joined += squares[a, b]
            number += b < slopes.usable
            totals[length] += joined
            numbers[length] += number
            count = np.maximum(numbers[length], 1.0)
            rms = np.sqrt(totals[length] / count) * NOISE_FACTOR * (1.0 + FEW / count)
            smallest = np.where(numbers[length] > 0, np.minimum(smallest, rms), smallest)
    found = np.where(np.isfinite(smallest), smallest, 0.0)
    return np.maximum(slopes.sigma, np.fmin(found, _still_falling(squares, slopes.usable)))


def _still_falling(squares: dict[tuple[int, int], FloatArray], usable: IntArray) -> FloatArray:
    """Distance at the longest window if it is the last of three lengths at which distances fall; else infinite."""
    last, before, first = (np.full(len(usable), np.inf) for _ in range(3))
    for length in sorted({b - a + 1 for a, b in squares}):
        own = [key for key in squares if key[1] - key[0] + 1 == length]
        number = sum((b < usable).astype(int) for _, b in own)
        rms = np.sqrt(sum(squares[key] for key in own) / np.maximum(number, 1))
        there = number > 0
        first, before, last = (np.where(there, new, old) for new, old in ((before, first), (last, before), (rms, last)))
    falls = np.maximum(last / before, before / first) < FALLS
    return np.where(falls & np.isfinite(first), last, np.inf)


def norm(array: FloatArray) -> FloatArray:
    """Euclidean norm along the last axis; weights of tiny steps are too large to be squared."""
    largest = np.abs(array).max(axis=-1, keepdims=True)
    result: FloatArray = largest[..., 0] * np.sqrt(((array / largest) ** 2).sum(axis=-1))
    return result


def _scaled_distance(slopes: Slopes, table: Entries, a: int, b: int) -> FloatArray:
    """How far the two entries with one level less are apart, in units of the effect of noise of level 1."""
    w = np.zeros((len(slopes.u), b - a + 1))
    w[:, :-1] += table.weight[a, b - 1]
    w[:, 1:] -= table.weight[a + 1, b]
    distances = table.value[a, b - 1] - table.value[a + 1, b]
    scaled: FloatArray = distances / norm(w * slopes.unit[:, a : b + 1])
    return scaled


def best_entry(slopes: Slopes, table: Entries, sigma: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Choose the entry with the smallest credible error: truncation by its neighbours, noise by its weights.

    An entry that takes in larger steps must not contradict the best one of the smaller steps, where the slopes are
    nearer to the derivative; if it does, a kink or a second scale lies in between, and larger steps stay out.

    Parameters
    ----------
    slopes : Slopes
    table : Entries
    sigma : ndarray of shape (targets,)
        Standard deviation of the values.

    Returns
    -------
    value, error : ndarray of shape (targets,)
        NaN and infinite where fewer than two levels can be used.
    """
    targets, levels = slopes.u.shape
    value, error = np.full(targets, np.nan), np.full(targets, np.inf)
    open_ = np.ones(targets, bool)
    for a in range(levels - 1, -1, -1):
        best, bar = np.full(targets, np.nan), np.full(targets, np.inf)
        for b in range(a, levels):
            if (a, b) not in table.value:
                break
            found = distance(table, a, b) + SIGMAS * sigma * table.noise[a, b]
            found = np.where((b < slopes.usable) & _neighbours_usable(a, b, slopes.usable), found, np.inf)
            better = found < bar
            best[better], bar[better] = table.value[a, b][better], found[better]
        contradicts = np.abs(best - value) > 2.0 * (error + bar)  # never with NaN or infinity
        open_ &= ~contradicts
        better = open_ & (bar < error)
        value[better], error[better] = best[better], bar[better]
    return value, error


def _neighbours_usable(a: int, b: int, usable: IntArray) -> Array:
    """Whether the entry that `distance` compares a single level with can be used."""
    return np.full(usable.shape, True) if a < b or a > 0 else usable > 1
