"""The derivative, its error bar and the noise level, read off the spectra of every window of the ladder.

A *window* is a run of neighbouring rungs: the ladder without its largest displacements. For each window and each
degree there is an estimate of the derivative, an error from noise and an estimate of what the degree leaves out
(the next coefficient). The smallest sum wins.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from jitgrad._jit import element
from jitgrad.ladder.block import Scratch
from jitgrad.ladder.spectrum import DEGREES, EVEN_DEGREES, NODES, expand
from jitgrad.ladder.table import EVEN, H, SLOPE

LEAST_NODES = 3  # two equal slopes happen by chance on stairs
SPAN = 2.0**-10.5  # smallest displacement of a window, relative to its largest; beyond it rank is lost
HIGHEST_DEGREE = 6
ENTRIES = 3  # a plateau has at least so many coefficients
STEEPEST = 5.0  # and its last ones are not below a fifth of its mean: else it falls
# Noise is at most so many times the lowest tail, by its number of coefficients, with a probability of 1 %.
AT_MOST = np.array([np.inf, np.inf, 10.0, 5.0, 3.7, 3.0, 2.6, 2.5])
UNRESOLVED = 0.5  # share of the lowest tail that counts as noise where no plateau is seen
NOISE_BARS = 3.0  # width of a bar in standard deviations
UNLIKE = 10.0  # times which odd and even coefficients of a plateau may differ: noise does not know parity
BEYOND = 1.4  # standard deviations by which the next coefficient may hide truncation
BEYOND_SCORE = 0.3
EVEN_SHARE = 0.3
BEYOND_SEEN = 0.25
DIVERGENT = 0.3  # expected error, relative to the slope at its top, of a window that is beyond the Taylor series
CONTRADICTION = 4.0  # bars by which a larger window must differ from a smaller one to be dismissed


class Reading(NamedTuple):
    """What a ladder says.

    Attributes
    ----------
    derivative, bar : float
        Estimate and error bar.
    score : float
        Expected error.
    noise, truncation : float
        Its parts.
    level : float
        Noise of a value of the loss.
    plateau : bool
        Whether that was seen in the spectra; else it is rounding, or a guess from below.
    degree : int
        Degree of the polynomial in ``h**2``.
    first : int
        First rung of the window, counted from the largest.
    step : float
        Displacement there.
    """

    derivative: float
    bar: float
    score: float
    noise: float
    truncation: float
    level: float
    plateau: bool
    degree: int
    first: int
    step: float


@element
def expand_windows(scratch: Scratch, count: int, two_sided: bool) -> int:
    """Compute the spectra of every window; return how many windows there are."""
    table, window, basis, sizes = scratch.table, scratch.window, scratch.basis, scratch.sizes
    odd, odd_at_zero, even, even_at_zero = scratch.odd, scratch.odd_at_zero, scratch.even, scratch.even_at_zero
    u, w, v = window[0], window[1], window[2]
    windows = max(count - LEAST_NODES + 1, 0)
    for a in range(windows):
        top = table[H, a]
        m = 0
        while a + m < count and m < NODES and table[H, a + m] >= SPAN * top:
            r = table[H, a + m] / top
            # Displacements in units of the top one; the coefficients keep the unit of the loss.
            u[m], w[m], v[m] = (r * r, 2.0 * r * r, table[SLOPE, a + m] * top) if two_sided else (
                r, r * r, table[SLOPE, a + m] * top)
            m += 1
        sizes[0, a] = m
        sizes[1, a] = expand(u, w, v, m, DEGREES, basis, a, odd, odd_at_zero) if m >= LEAST_NODES else 0
        sizes[2, a] = 0
        if two_sided and m >= LEAST_NODES:
            for i in range(m):
                w[i], v[i] = 2.0, table[EVEN, a + i]
            u[m], w[m], v[m] = 0.0, 1.0, 0.0
            sizes[2, a] = expand(u, w, v, m + 1, EVEN_DEGREES, basis, a, even, even_at_zero)
    return windows


@element
def tail(scratch: Scratch, a: int, degree: int) -> tuple[int, float, bool]:
    """Look at the coefficients of window `a` beyond a degree.

    Returns
    -------
    entries : int
        How many there are.
    size : float
        Their root mean square.
    alike : bool
        Whether those of the odd and the even part are of one size.
    """
    odd, even, sizes = scratch.odd, scratch.even, scratch.sizes
    odds, evens = max(sizes[1, a] - degree - 1, 0), max(sizes[2, a] - degree - 2, 0)
    odd_total, even_total = 0.0, 0.0
    for j in range(degree + 1, sizes[1, a]):
        odd_total += odd[a, j] * odd[a, j]
    for j in range(degree + 2, sizes[2, a]):
        even_total += even[a, j] * even[a, j]
    ratio = UNLIKE * UNLIKE * max(odds, 1) / max(evens, 1)
    alike = odds == 0 or evens == 0 or (odd_total <= ratio * even_total and even_total * odds <= UNLIKE * UNLIKE * evens * odd_total)
    return odds + evens, math.sqrt((odd_total + even_total) / max(odds + evens, 1)), alike


@element
def noise_level(scratch: Scratch, windows: int, floor: float) -> tuple[float, bool]:
    """Return the noise of a value of the loss, and whether a plateau shows it."""
    odd, even, sizes = scratch.odd, scratch.even, scratch.sizes
    lowest, ceiling = np.inf, np.inf
    for a in range(windows):
        if sizes[0, a] >= LEAST_NODES:
            for degree in range(DEGREES - 1):
                entries, size, _ = tail(scratch, a, degree)
                if entries < 2:
                    break
                lowest = min(lowest, size)
                ceiling = min(ceiling, size * AT_MOST[min(entries, 7)])
    most, level = 0, 0.0
    for a in range(windows):
        if sizes[0, a] >= LEAST_NODES:
            last_odd, last_even = odd[a, sizes[1, a] - 1], 0.0
            if sizes[2, a] > 0:
                last_even = even[a, sizes[2, a] - 1]
            last = math.sqrt((last_odd * last_odd + last_even * last_even) / (2.0 if sizes[2, a] > 0 else 1.0))
            for degree in range(DEGREES - 1):
                entries, size, alike = tail(scratch, a, degree)
                if entries < ENTRIES:
                    break
                if entries > most and alike and size <= ceiling and last * STEEPEST >= size:
                    most, level = entries, size
    if most > 0:
        # The lowest of several tails is chosen, so it is too low on average: the less so the longer it is.
        level *= 1.4 if most <= 4 else 1.25 if most <= 6 else 1.15
        return max(level, floor), level > 3.0 * floor
    return max(UNRESOLVED * lowest if np.isfinite(lowest) else 0.0, floor), False


@element
def read_window(scratch: Scratch, a: int, level: float, plateau: bool, spacing: float) -> tuple[float, float, float, float, float, int]:
    """Return derivative, bar, score, noise and truncation of the best degree in window `a`."""
    odd, even, at_zero, sizes = scratch.odd, scratch.even, scratch.odd_at_zero, scratch.sizes
    size = sizes[1, a]
    best, best_bar, best_score, best_noise, best_truncation = np.nan, np.inf, np.inf, np.inf, np.inf
    best_degree, derivative, square = 0, 0.0, 0.0
    last, before, before_that = 0.0, 0.0, 0.0
    table = scratch.table
    top = table[H, a]
    # Losses round what they make of x, too: an error as if x moved by a fraction of its spacing. Where there is no
    # plateau to measure it, it counts in the bar.
    blurred = max(level, spacing * (abs(table[SLOPE, a]) + 2.0 * abs(table[EVEN, a]) / top))
    for degree in range(min(HIGHEST_DEGREE + 1, size)):
        term = odd[a, degree] * at_zero[a, degree]
        derivative += term
        square += at_zero[a, degree] * at_zero[a, degree]
        before_that, before, last = before, last, abs(term)
        noise = level * math.sqrt(square)
        if degree + 1 < size:
            beyond = abs(odd[a, degree + 1] * at_zero[a, degree + 1])
            # An even part beyond the same degree is a warning that the odd one is, though it does not show.
            rest, left = 0.0, 0
            for j in range(degree + 2, sizes[2, a]):
                rest += even[a, j] * even[a, j]
                left += 1
            rest = math.sqrt(rest / max(left, 1)) - 4.0 * level
            if rest > 0.0:
                beyond = math.hypot(beyond, EVEN_SHARE * rest * at_zero[a, degree + 1])
            unseen = level * abs(at_zero[a, degree + 1])
            score = math.hypot(math.hypot(beyond, BEYOND_SCORE * unseen), noise)
            truncation = max(beyond - BEYOND_SEEN * unseen, 0.0)
            hidden = beyond + BEYOND * unseen
        else:
            fall = max(last / max(before, 1e-300), before / max(before_that, 1e-300)) if degree >= 2 else 1.0
            truncation = last * min(max(fall, 0.02), 1.0)
            score = math.hypot(truncation, noise)
            hidden = truncation
        if score < best_score:
            best, best_score, best_noise, best_truncation, best_degree = derivative, score, noise, truncation, degree
            best_bar = math.hypot(NOISE_BARS * blurred * math.sqrt(square), max(truncation, hidden))
    return best / top, best_bar / top, best_score / top, best_noise / top, best_truncation / top, best_degree


@element
def read_ladder(scratch: Scratch, count: int, two_sided: bool, floor: float, spacing: float) -> Reading:
    """Choose window and degree.

    Windows are tried from the smallest displacements up. A larger one is more precise, unless it contradicts a
    smaller one that is sure of itself: then it, and all beyond it, straddle something that is no polynomial.
    """
    windows = expand_windows(scratch, count, two_sided)
    level, plateau = noise_level(scratch, windows, floor)
    table, sizes = scratch.table, scratch.sizes
    derivative, bar, score, noise, truncation = np.nan, np.inf, np.inf, np.inf, np.inf
    degree, first, step = 0, 0, np.nan
    for a in range(windows - 1, -1, -1):
        if sizes[0, a] < LEAST_NODES:
            continue
        d, b, s, n, r, p = read_window(scratch, a, level, plateau, spacing)
        if abs(table[SLOPE, a]) * table[H, a] > 8.0 * level and s > DIVERGENT * abs(table[SLOPE, a]) and step > 0.0:
            # Clearly more than noise, and not a polynomial: what oscillates or saturates looks flatter, the larger
            # the displacement.
            break
        if abs(d - derivative) > CONTRADICTION * math.hypot(b, bar) and bar <= 0.1 * abs(derivative):
            break
        if s < score:
            derivative, bar, score, noise, truncation = d, b, s, n, r
            degree, first, step = p, a, table[H, a]
    if count > 0 and not np.isfinite(derivative):
        # Too few pairs for a window: the largest is all there is.
        derivative, step = table[SLOPE, 0], table[H, 0]
    return Reading(derivative, bar, score, noise, truncation, level, plateau, degree, first, step)
