"""The search for a step at which some ratio of truncation to noise is neither too small nor too large."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jitgrad._types import FloatArray, IntArray
from jitgrad.steps.lines import Lines
from jitgrad.steps.look import Look

FOUND = "the ratio of truncation to noise is in its window"
SMALL = "no truncation above the noise up to the largest step tried"
LARGE = "the loss is noisier than assumed: the smallest step at which truncation still fell"
JUMPS = "the ratio of truncation to noise jumps over its window"
USED_UP = "evaluations used up before the ratio of truncation to noise was in its window"

LONGEST_STRIDE = 64.0
"""The step shrinks by no more than this at once: with more noise than assumed the ratio falls short of its window."""

ABRUPT = 1e3
"""A ratio so far above its window at the upper end of a bracket means a kink or a jump there, which the lower end
avoids; else the loss is noisier than assumed, and it was by chance that a ratio was below the window."""

FALLS = 10.0
"""A ratio falls if it does by this factor; less may be noise."""

NARROWEST = 1.05
"""A bracket is given up when its ends are closer than this factor: the ratio is not a smooth function of the step."""

FLAT_SHARE = 0.1
"""Where no truncation rises above the noise, the step is at most this share of ``max(|x|, 1)``."""


class Walk(NamedTuple):
    """Where a search ended.

    Attributes
    ----------
    h, ratio : ndarray of float64, shape (targets,)
        The step of each target at the end, and the ratio there; NaN for targets that were finished by other means.
    outcome : ndarray of str, shape (targets,)
        `FOUND`, `SMALL`, `LARGE`, `JUMPS` or `USED_UP`; empty for targets that were finished by other means.
    """

    h: FloatArray
    ratio: FloatArray
    outcome: npt.NDArray[np.object_]

    def ended(self, *outcomes: str) -> IntArray:
        """Targets whose search ended in one of these ways."""
        return np.flatnonzero(np.isin(self.outcome.astype(np.str_), outcomes))


def walk(
    lines: Lines,
    h: FloatArray,
    offsets: npt.ArrayLike,
    ratio: Callable[[Look], FloatArray],
    window: tuple[float, float],
    factor: Callable[[FloatArray], FloatArray],
) -> Walk:
    """Change the steps of all open targets until a ratio that grows with the step lies in a window.

    Parameters
    ----------
    lines : Lines
    h : ndarray of shape (targets,)
        Steps to begin with.
    offsets : array_like of int
        Nodes of a look, in units of the step.
    ratio : callable
        Takes a `Look`, returns the ratio of each of its targets.
    window : (float, float)
        Smallest and largest ratio that end the search.
    factor : callable
        Takes ratios outside the window, returns what to multiply the step by.

    Returns
    -------
    Walk

    Notes
    -----
    A step with a ratio that was too small and one with a ratio that was too large enclose the next: where `factor`
    leaves this bracket its geometric middle is taken, since the ratio is a power of the step.
    """
    count = lines.x.size
    h, low, high = h.copy(), np.zeros(count), np.full(count, np.inf)
    last_h, last_ratio = np.full(count, np.nan), np.full(count, np.nan)
    above = np.full(count, np.nan)  # the ratio at the upper end of the bracket
    lowest, lowest_h = np.full(count, np.inf), h.copy()
    outcome = np.full(count, "", object)
    active = lines.open
    while active.size:
        look = lines.look(active, h[active], offsets)
        which, at = look.which, look.h
        now = ratio(look)
        # Steps that bounds or precision hold back do not come nearer to the window.
        stuck = last_h[which] == at
        last_h[which], last_ratio[which] = at, now
        small, large = now < window[0], now > window[1]
        falls = large & (now < lowest[which] / FALLS)
        lowest[which[falls]], lowest_h[which[falls]] = now[falls], at[falls]
        low[which[small]], high[which[large]], above[which[large]] = at[small], at[large], now[large]
        inside = ~small & ~large
        outcome[which[inside]] = FOUND
        wanted = at * factor(now)
        with np.errstate(invalid="ignore"):  # 0 times infinity, inside the window, where it is not used
            between = np.sqrt(low[which]) * np.sqrt(high[which])
        enclosed = (wanted > low[which]) & (wanted < high[which])
        h[which] = np.where(enclosed, wanted, between)
        collapsed = high[which] < NARROWEST * low[which]
        outcome[which[~inside & collapsed]] = JUMPS
        used_up = np.zeros(count, bool)
        used_up[look.refused] = True
        used_up[which[~inside & ~collapsed & stuck]] = True
        outcome[used_up] = np.select([np.isinf(high), low == 0.0], [SMALL, LARGE], USED_UP)[used_up]
        active = np.intersect1d(lines.open, np.flatnonzero(outcome == ""))
    noisier = np.isin(outcome.astype(np.str_), (LARGE, JUMPS))
    last_h[noisier], last_ratio[noisier] = lowest_h[noisier], lowest[noisier]
    abrupt = np.isin(outcome.astype(np.str_), (JUMPS, USED_UP)) & (low > 0.0) & (above > ABRUPT * window[1])
    last_h[abrupt] = low[abrupt]
    # Outside the window a ratio says little: the noise is not what it was taken for, or there is not enough truncation.
    outside = np.isin(outcome.astype(np.str_), (LARGE, JUMPS, USED_UP))
    last_ratio[outside] = np.clip(last_ratio[outside], *window)
    given_up = np.ones(count, bool)
    given_up[lines.open] = False
    outcome[given_up] = ""
    return Walk(last_h, last_ratio, outcome)


def stride(ratio: FloatArray, window: tuple[float, float], power: int, up: float) -> FloatArray:
    """Return what to multiply a step by to bring a ratio that grows with some power of it into the middle of a window.

    Parameters
    ----------
    ratio : ndarray
    window : (float, float)
    power : int
    up : float
        Factor where the ratio is below the window: there it is mostly noise, and says only that the step is too small.
    """
    aim = np.sqrt(window[0] * window[1])
    down = np.maximum((aim / np.maximum(ratio, aim)) ** (1.0 / power), 1.0 / LONGEST_STRIDE)
    return np.where(ratio < window[0], up, down)


def settle(lines: Lines, found: Walk, h: FloatArray, flat: FloatArray | None = None) -> None:
    """Finish all targets of a search that are still open.

    Parameters
    ----------
    lines : Lines
    found : Walk
    h : ndarray of shape (targets,)
        The steps where there is truncation.
    flat : ndarray of shape (targets,), optional
        The steps where no truncation was seen. Default: that of the search, since there the larger the step the
        smaller the noise, up to `FLAT_SHARE`.
    """
    for outcome in (FOUND, LARGE, JUMPS, USED_UP):
        which = np.intersect1d(found.ended(outcome), lines.open)
        # Nothing is known of what lies beyond a step at which the ratio was still too small.
        limit = np.inf if outcome in {FOUND, LARGE} else found.h[which]
        lines.finish(which, np.minimum(h[which], limit), outcome)
    if flat is None:
        flat = np.minimum(found.h, np.maximum(FLAT_SHARE * lines.length, lines.ordinary()))
    which = np.intersect1d(found.ended(SMALL), lines.open)
    lines.finish(which, flat[which], SMALL)
