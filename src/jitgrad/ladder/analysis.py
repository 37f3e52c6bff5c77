"""The derivative, its error bar and the noise level, read off the spectra of every window of the ladder.

A *window* is a run of neighbouring rungs: the ladder without its largest displacements. For each window and each
degree there is an estimate of the derivative, an error from noise and an estimate of what the degree leaves out
(the next coefficient). The smallest sum wins.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from jitgrad._jit import inlined
from jitgrad.ladder.level import noise_level
from jitgrad.ladder.table import EVEN, SLOPE, H, Table
from jitgrad.ladder.windows import Windows, expand_windows

HIGHEST_DEGREE = 6
NOISE_BARS = 3.0  # width of a bar in standard deviations of noise
BEYOND_IN_NOISE = 2.0  # times the next coefficient in the bar, where few are above the noise
BEYOND_BARS = 1.4  # standard deviations by which noise may hide the next coefficient, in the bar
BEYOND = 0.3  # likewise, in the expected error
BEYOND_SEEN = 0.25  # standard deviations of the next coefficient that count as noise
EVEN_SHARE = 0.3  # of what the even part leaves out beyond the same degree: the odd part may only seem to converge
FALL = 0.02  # least ratio of two terms that the last one is believed to continue with
DIVERGENT = 0.3  # expected error, relative to the slope at its top, of a window that is beyond the Taylor series
SIGNAL = 8.0  # standard deviations that are clearly no noise
CONTRADICTION = 4.0  # bars by which a larger window must differ from a smaller one to be dismissed
ASTRAY = 0.1  # share of the even part of the smallest pair of a window by which the point is off its polynomial
SURE = 0.3  # largest bar, relative to the derivative, of a window that may dismiss others


class Reading(NamedTuple):
    """What a ladder says.

    Attributes
    ----------
    rungs : int
        Number of rungs in the table.
    two_sided : bool
        Whether they are pairs.
    floor : float
        Noise of a value from rounding, or as the caller knows it.
    spacing : float
        Distance by which ``x`` as the loss sees it may be off.
    level : float
        Noise of a value of the loss.
    plateau : bool
        Whether that was seen in the spectra; else it is rounding, or a guess from below.
    derivative, bar : float
        Estimate and error bar.
    score, noise, truncation : float
        Expected error, and its parts.
    degree : int
        Degree of the polynomial in ``h**2``.
    first : int
        First rung of the window, counted from the largest.
    step : float
        Displacement there.
    missed : float
        Slopes between the point and the window that it does not show; for the bar.
    size : int
        Number of rungs in the window.
    rest : float
        Sum of the squares of what the polynomial leaves of their slopes, in units of the loss.
    even_rest : float
        Likewise, of what a parabola leaves of their even parts.
    """

    rungs: int
    two_sided: bool
    floor: float
    spacing: float
    level: float
    plateau: bool
    derivative: float
    bar: float
    score: float
    noise: float
    truncation: float
    degree: int
    first: int
    step: float
    missed: float
    size: int
    rest: float
    even_rest: float


@inlined
def norm(a: float, b: float) -> float:
    """Return ``sqrt(a**2 + b**2)``; values of the loss are scaled to make that safe, and hypot takes 10 ns."""
    return math.sqrt(a * a + b * b)


@inlined
def read_window(
    windows: Windows, table: Table, a: int, level: float, plateau: bool
) -> tuple[float, float, float, float, float, int]:
    """Find the best degree in window `a`, all values being equally noisy.

    Returns
    -------
    derivative, hidden, score, noise, truncation : float
        Estimate, truncation that the bar must cover, expected error and its parts.
    degree : int
    """
    values, odd, even_rest, size = table.values, windows.odd, windows.even_rest, windows.sizes[a]
    at_zero, entry = windows.polynomials.at_zero, windows.entries[a]
    top = values[H, a]
    share = BEYOND_IN_NOISE if plateau else 1.0
    best, best_hidden, best_score, best_noise, best_truncation, best_degree = np.nan, np.inf, np.inf, np.inf, np.inf, 0
    derivative, square = 0.0, 0.0
    last, before, before_that = 0.0, 0.0, 0.0
    for degree in range(min(HIGHEST_DEGREE + 1, size)):
        p = at_zero[entry, degree]
        term = odd[a, degree] * p
        derivative += term
        square += p * p
        gain = math.sqrt(square)
        noise = level * gain
        before_that, before, last = before, last, abs(term)
        if degree + 1 < size:
            p = abs(at_zero[entry, degree + 1])
            beyond, unseen = abs(odd[a, degree + 1]) * p, level * p
            left_out = math.sqrt(even_rest[a, degree] / (size - 1 - degree)) - 4.0 * level
            if left_out > 0.0:
                beyond = norm(beyond, EVEN_SHARE * left_out * p)
            score = math.sqrt(beyond * beyond + BEYOND * BEYOND * unseen * unseen + noise * noise)
            truncation = max(beyond - BEYOND_SEEN * unseen, 0.0)
            hidden = share * beyond + BEYOND_BARS * unseen
        else:
            fall = max(last / max(before, 1e-300), before / max(before_that, 1e-300)) if degree >= 2 else 1.0
            truncation = last * min(max(fall, FALL), 1.0)
            hidden = truncation
            score = norm(truncation, noise)
        if score < best_score:
            best, best_score, best_noise, best_truncation, best_degree = derivative, score, noise, truncation, degree
            best_hidden = max(truncation, hidden)
    return best / top, best_hidden / top, best_score / top, best_noise / top, best_truncation / top, best_degree


@inlined
def astray(windows: Windows, table: Table, a: int, level: float) -> float:
    """Return the slopes that something between the point and window `a` has, which the window does not show, else 0.

    The polynomial through the even parts of all its pairs must vanish at the point. Behind a peak or a kink that is
    nearer than the smallest of them it does not, and slopes of pairs so far away say nothing about that at the point.
    """
    size, entry, values = windows.sizes[a], windows.entries[a], table.values
    last, scale = math.sqrt(windows.even_rest[a, size - 2]), abs(windows.polynomials.even_last[entry])
    inner = a + size - 1
    if last > SIGNAL * level and last > ASTRAY * scale * abs(values[EVEN, inner]):
        return float(last / scale / values[H, inner])
    return 0.0


@inlined
def noise_of(
    windows: Windows, table: Table, a: int, degree: int, level: float, spacing: float, rounding: float
) -> tuple[float, float]:
    """Return the noise of a reading if values far from the point are larger than at it, and so is their rounding.

    Losses round what they make of ``x``, too, as if ``x`` moved by a fraction of its spacing. That is in the second
    number only, for the bar: in the expected error it would cost evaluations where a loss is as exact as it can be.
    """
    values, entry, limits = table.values, windows.entries[a], windows.polynomials.limits
    rounded, blurred = 0.0, 0.0
    for i in range(windows.sizes[a]):
        h = values[H, a + i]
        curved = abs(values[EVEN, a + i]) / h
        steepness = abs(values[SLOPE, a + i]) + curved
        share = limits[entry, degree, i] / h
        own = max(level, rounding * h * steepness)
        all_of_it = share * max(own, spacing * (steepness + curved))
        rounded += share * share * own * own
        blurred += all_of_it * all_of_it
    return math.sqrt(rounded), math.sqrt(blurred)


@inlined
def read_ladder(
    windows: Windows, table: Table, count: int, two_sided: bool, floor: float, spacing: float, rounding: float
) -> Reading:
    """Choose window and degree.

    Windows are tried from the smallest displacements up. A larger one is more precise, unless it contradicts a
    smaller one that is sure of itself: then it, and all beyond it, straddle something that is no polynomial.
    """
    number = expand_windows(windows, table, count, two_sided)
    level, plateau = noise_level(windows, number, two_sided, floor)
    values, sizes = table.values, windows.sizes
    derivative, bar, sure, score, noise, truncation = np.nan, np.inf, 0.0, np.inf, np.inf, np.inf
    degree, first, step, missed = 0, 0, np.nan, 0.0
    size, rest, even_rest = 0, 0.0, 0.0
    for a in range(number - 1, -1, -1):
        if sizes[a] == 0:
            continue
        d, hidden, s, n, r, p = read_window(windows, table, a, level, plateau)
        slope = abs(values[SLOPE, a])
        if step > 0.0 and slope * values[H, a] > SIGNAL * level and s > DIVERGENT * slope:
            # Clearly more than noise, and not a polynomial: what oscillates or saturates looks flatter, the larger
            # the displacement.
            break
        if abs(d - derivative) > CONTRADICTION * norm(norm(NOISE_BARS * n, hidden), bar) and bar <= sure:
            break
        if step > 0.0 and two_sided and astray(windows, table, a, level) > 0.0:
            break
        if s < score:
            rounded, blurred = noise_of(windows, table, a, p, level, spacing, rounding)
            if max(s, rounded) < score:
                derivative, score, noise, truncation = d, max(s, rounded), max(n, rounded), r
                bar, sure = norm(NOISE_BARS * blurred, hidden), SURE * abs(d)
                size, rest, even_rest = sizes[a], windows.odd_rest[a, p], windows.even_rest[a, 0]
                missed = astray(windows, table, a, level if plateau else floor) if two_sided else 0.0
                degree, first, step = p, a, values[H, a]
    if count > 0 and not np.isfinite(derivative):
        # Too few pairs for a window: the smallest that is above rounding is the least wrong.
        i = count - 1
        while i > 0 and not abs(values[SLOPE, i]) * values[H, i] > SIGNAL * floor:
            i -= 1
        derivative, step = values[SLOPE, i], values[H, i]
    return Reading(
        count,
        two_sided,
        floor,
        spacing,
        level,
        plateau,
        derivative,
        bar,
        score,
        noise,
        truncation,
        degree,
        first,
        step,
        missed,
        size,
        rest,
        even_rest,
    )
