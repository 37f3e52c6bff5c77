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
LARGE = "the loss is noisier than assumed: the step from which on truncation no longer falls"
JUMPS = "the ratio of truncation to noise jumps over its window"
USED_UP = "evaluations used up before the ratio of truncation to noise was in its window"

LONGEST_STRIDE = 64.0
"""The step shrinks by no more than this at once: with more noise than assumed the ratio falls short of its window."""

ABRUPT = 1e6
"""A ratio so far above its window at the upper end of a bracket means a kink or a jump there, which the lower end
avoids; else the loss is noisier than assumed, and it was by chance that a ratio was below the window."""

LEVEL = 30.0
"""Where the loss is noisier than assumed ratios are level below some step, within this factor of their median."""

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
    seen: list[tuple[IntArray, FloatArray, FloatArray]] = []
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
        seen.append((which, at, now))
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
    ended = outcome.astype(np.str_)
    abrupt = np.isin(ended, (JUMPS, USED_UP)) & (low > 0.0) & (above > ABRUPT * window[1])
    last_h[abrupt] = low[abrupt]
    noisier = np.flatnonzero(np.isin(ended, (LARGE, JUMPS)) & ~abrupt)
    last_h[noisier] = _end_of_level(noisier, count, seen)
    # There truncation is as large as the noise, whatever that is.
    last_ratio[abrupt], last_ratio[noisier] = window[0], window[0]
    last_ratio[ended == USED_UP] = np.clip(last_ratio[ended == USED_UP], *window)
    given_up = np.ones(count, bool)
    given_up[lines.open] = False
    outcome[given_up] = ""
    return Walk(last_h, last_ratio, outcome)


def _end_of_level(which: IntArray, count: int, seen: list[tuple[IntArray, FloatArray, FloatArray]]) -> FloatArray:
    """Return for some targets the largest step whose ratio is like those at smaller steps."""
    h, ratio = np.full((count, len(seen)), np.nan), np.full((count, len(seen)), np.nan)
    for i, (targets, at, now) in enumerate(seen):
        h[targets, i], ratio[targets, i] = at, now
    h, ratio = h[which], ratio[which]
    order = np.argsort(h, axis=1)  # NaN last
    h, ratio = np.take_along_axis(h, order, axis=1), np.take_along_axis(ratio, order, axis=1)
    half = (np.isfinite(h).sum(axis=1) + 1) // 2
    smaller = np.sort(np.where(np.arange(len(seen)) < half[:, None], ratio, np.inf), axis=1)
    level = np.take_along_axis(smaller, (half[:, None] - 1) // 2, axis=1)
    return np.asarray(np.max(np.where(ratio <= LEVEL * level, h, 0.0), axis=1, initial=0.0))


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
