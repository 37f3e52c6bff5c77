"""The loss along single coordinates, as step tuners see it: bounds kept, values remembered, evaluations counted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.stencils import Stencil
from jitgrad.steps.look import Look, Seen, keys_of
from jitgrad.steps.optimum import converted, ordinary_step
from jitgrad.steps.rule import Search, Tuning
from jitgrad.steps.textbook import Textbook

LEAST_DIGITS = 8.0
"""The smallest step is so many units in the last place of ``x``: nodes stay apart, and no step rounds away."""

SMALLEST = 1e-30
"""The smallest step at 0, in units of ``x``: far below it the values of a loss are no longer numbers."""

SMALLEST_VALUE = 1e-290
"""The smallest size and noise of a loss: rounding of smaller values is below the range of numbers."""

NARROWED = 8.0
"""Where the loss was not finite at some distance, tuners stay within an eighth of it, the next time a 64th ..."""

STRIKES = 3
"""... and so many times; then they leave that side of ``x``."""

FIXED = "held fixed by equal bounds"
TEXTBOOK = "textbook step: "
NO_ROOM = TEXTBOOK + "too little room between the bounds"
NOT_FINITE_HERE = TEXTBOOK + "the loss is not finite at x"
NOT_FINITE_AROUND = TEXTBOOK + "the loss is not finite on either side of x"
CONSTANT = TEXTBOOK + "the loss does not change"


class Lines:
    """The loss along the coordinates of a search.

    Parameters
    ----------
    search : Search
    noise : float, optional
        Absolute error of one value of the loss. Default: that of rounding in the type of the points.
    most : int
        Most evaluations per coordinate.

    Attributes
    ----------
    x, lower, upper : ndarray of float64, shape (targets,)
        The bounds also keep off places where the loss was seen not to be finite.
    at_x, size, noise : ndarray of float64, shape (targets,)
        The loss at ``x``, its size, and the absolute error of one value.
    length : ndarray of float64, shape (targets,)
        ``max(|x|, 1)``, on which the loss is taken to change until more is known.

    Notes
    -----
    Where the loss is 0 at ``x``, its size is that of its neighbours at the textbook step: the rounding of a sum
    that vanishes at ``x`` is not known, and 0 is no scale.
    """

    def __init__(self, search: Search, noise: float | None, most: int) -> None:
        points = search.evaluator.points
        self.stencil = search.stencil
        self.dtype = points.dtype
        self.x = points.reshape(-1)[search.targets].astype(np.float64)
        self.lower, self.upper = search.lower.copy(), search.upper.copy()
        self.at_x = search.evaluator.at_points()[search.targets // points.shape[1]]
        self.length = np.maximum(np.abs(self.x), 1.0)
        self._search, self._most = search, most
        count = search.targets.size
        self._spent = np.zeros(count, np.int64)
        self._spoilt = np.zeros((2, count), np.int64)
        self._seen = Seen(np.arange(count), self.x.astype(self.dtype), self.at_x)
        self._textbook = self._textbook_step()
        self._h = self._textbook.copy()
        self._reason = np.full(count, "", object)
        self._close(self.lower == self.upper, FIXED)
        self._close(~np.isfinite(self.at_x), NOT_FINITE_HERE)
        self.noise: FloatArray = np.zeros(count)  # for the looks that find out
        self.size, self.noise = self._scale(noise)

    @property
    def open(self) -> IntArray:
        """Targets that are not finished."""
        return np.flatnonzero(self._reason == "")

    @property
    def relative_noise(self) -> FloatArray:
        """Noise over the size of the loss."""
        return np.asarray(self.noise / self.size)

    def ordinary(self, chosen: Stencil | None = None) -> FloatArray:
        """Return the best step for a loss that changes by its size on `length`: where a tuner begins."""
        return ordinary_step(chosen or self.stencil, self.relative_noise, self.length)

    def converted(self, h: FloatArray, made_for: Stencil) -> FloatArray:
        """Turn the best steps of another formula into those of the stencil, as `jitgrad.steps.optimum.converted`.

        They grow beyond both what they were and what is usual for the stencil only by that much: a derivative that
        happens to be 0 at ``x`` is no sign of a great length.
        """
        wanted = converted(h, made_for, self.stencil, self.relative_noise)
        return np.asarray(np.minimum(wanted, np.maximum(h, self.ordinary())))

    def span(self, beyond: int = 0) -> IntArray:
        """Return the offsets, 0 included, of a formula like the stencil whose order is higher by `beyond`."""
        order = self.stencil.order + beyond
        first = -(order // 2) if self.stencil.method == "central" else 0
        return np.arange(first, first + order + 1)

    def with_next_order(self) -> tuple[IntArray, list[int]]:
        """Return the offsets of the formula of the next higher order, and which of them are the stencil's."""
        offsets = self.span(2 if self.stencil.method == "central" else 1)
        return offsets, np.searchsorted(offsets, self.span()).tolist()

    def look(self, which: IntArray, h: FloatArray, offsets: npt.ArrayLike, *, narrow: bool = True) -> Look:
        """Evaluate the loss around some targets, in one round.

        Parameters
        ----------
        which : ndarray of int64, shape (k,)
            Targets; they may repeat, with different steps.
        h : ndarray of shape (k,)
            Steps that are wanted.
        offsets : array_like of int, shape (s,)
            The nodes in units of the step, ascending. Offsets without negative ones lie on the side of the
            stencil, or on the other if that has more room. Near a bound all nodes move inside.
        narrow : bool, default True
            Leave out targets with a value that is not finite and narrow their bounds, so that a second look goes
            elsewhere. Else such values are returned.

        Returns
        -------
        Look
            It lacks targets without evaluations left. Targets without room are finished with the textbook step.
        """
        offsets = np.asarray(offsets, np.float64)
        which, h = self._fit(which, h, offsets)
        nodes = self._place(which, h, offsets)
        keys = keys_of(np.repeat(which, offsets.size), nodes.reshape(-1))
        new = np.unique(keys[self._seen.find(keys)[1]])
        target = new.real.astype(np.int64)
        refused = self._spent + np.bincount(target, minlength=self.x.size) > self._most
        self._evaluate(new[~refused[target]])
        values, _ = self._seen.find(keys)
        values, kept = values.reshape(nodes.shape), ~refused[which]
        if narrow:
            self._narrow(which[kept], nodes[kept], values[kept])
            kept[kept] = np.isfinite(values[kept]).all(axis=1)
        which, h, values = which[kept], h[kept], values[kept]
        displacements = nodes[kept].astype(np.float64) - self.x[which, None]
        with np.errstate(invalid="ignore"):  # values that are not finite were asked for
            rounding = float(np.finfo(self.dtype).eps) * np.abs(values).max(axis=1, initial=0.0)
        noise = np.maximum(self.noise[which], rounding)
        return Look(which, displacements / h[:, None], values, h, noise, np.flatnonzero(refused))

    def largest(self, offsets: npt.ArrayLike) -> FloatArray:
        """Return the largest steps at which a formula with these offsets fits between the bounds."""
        return self._limits(np.arange(self.x.size), np.asarray(offsets, np.float64))[1]

    def finish(self, which: IntArray, h: FloatArray, reason: str) -> None:
        """Close targets with these steps."""
        self._h[which] = h
        self._reason[which] = reason

    def give_up(self, which: IntArray, reason: str) -> None:
        """Close targets with the textbook step."""
        self.finish(which, self._textbook[which], reason)

    def tuning(self) -> Tuning:
        """Return what was found; every step is finite and changes ``x``."""
        smallest, largest = self._limits(np.arange(self.x.size), self.span())
        h = np.clip(self._h, smallest, np.maximum(largest, smallest))
        # Without room the formula has its own way to shrink a step.
        h = np.where(np.isfinite(h) & (largest > smallest), h, self._textbook)
        return Tuning(h, self._reason.astype(np.str_), self._spent.copy())

    def _textbook_step(self) -> FloatArray:
        scaling = Textbook().scaling(self.dtype, self.stencil.order)
        return np.maximum(scaling.relative * np.abs(self.x), scaling.floor)

    def _scale(self, noise: float | None) -> tuple[FloatArray, FloatArray]:
        size = np.abs(self.at_x)
        zero = self.open[size[self.open] == 0.0]
        for offset in (1, -1):
            look = self.look(zero, self._textbook[zero], [0, offset][::offset])
            size[look.which] = np.maximum(size[look.which], np.abs(look.values).max(axis=1))
            zero = zero[size[zero] == 0.0]
        self._close((size == 0.0) & (self._reason == ""), CONSTANT)
        real = np.finfo(self.dtype)
        size = np.where(np.isfinite(size), np.maximum(size, SMALLEST_VALUE), 1.0)
        level = float(real.eps) * size if noise is None else np.full(size.shape, max(noise, SMALLEST_VALUE))
        return np.maximum(size, 8.0 * level), level

    def _close(self, mask: npt.NDArray[np.bool_], reason: str) -> None:
        self.give_up(np.flatnonzero(mask & (self._reason == "")), reason)

    def _limits(self, which: IntArray, offsets: Array) -> tuple[FloatArray, FloatArray]:
        """Return the smallest and the largest step for some offsets."""
        x, eps = self.x[which], float(np.finfo(self.dtype).eps)
        with np.errstate(over="ignore"):  # bounds may be the largest numbers there are
            below, above = x - self.lower[which], self.upper[which] - x
            room = np.minimum(below + above, float(np.finfo(self.dtype).max) / 16.0)
        largest = room / np.ptp(offsets)
        # Where the loss was not finite far from x, nodes keep their places around x. They move to the other side
        # only where bounds demand it or where the loss was not finite close to x either.
        for side, distance in ((0, below), (1, above)):
            reach = self._reach(offsets)[side]
            close = (self._spoilt[side, which] > 0) & (self._spoilt[side, which] <= STRIKES)
            largest = np.where(close & (reach > 0.0), np.minimum(largest, distance / max(reach, 1.0)), largest)
        return np.maximum(LEAST_DIGITS * eps * np.abs(x), SMALLEST), largest

    def _reach(self, offsets: Array) -> tuple[float, float]:
        """Return how far nodes lie below and above ``x``, in units of the step, where bounds leave them alone."""
        reach = max(-float(offsets[0]), 0.0), max(float(offsets[-1]), 0.0)
        return reach[::-1] if self.stencil.method == "backward" and reach[0] == 0.0 else reach

    def _fit(self, which: IntArray, h: FloatArray, offsets: FloatArray) -> tuple[IntArray, FloatArray]:
        smallest, largest = self._limits(which, offsets)
        cramped = largest < smallest
        closed, spoilt = np.unique(which[cramped]), self._spoilt.max(axis=0) > 0
        self.give_up(closed[~spoilt[closed]], NO_ROOM)
        self.give_up(closed[spoilt[closed]], NOT_FINITE_AROUND)
        return which[~cramped], np.clip(h, smallest, largest)[~cramped]

    def _place(self, which: IntArray, h: FloatArray, offsets: FloatArray) -> Array:
        x, lower, upper = self.x[which], self.lower[which], self.upper[which]
        pattern = np.broadcast_to(offsets, (which.size, offsets.size))
        if offsets[0] >= 0.0:
            above, below = upper - x, x - lower
            wanted, other = (below, above) if self.stencil.method == "backward" else (above, below)
            turned = (wanted < offsets[-1] * h) & (other > wanted)
            left = turned != (self.stencil.method == "backward")
            pattern = np.where(left[:, None], -pattern, pattern)
        with np.errstate(over="ignore"):
            first, last = pattern.min(axis=1) * h, pattern.max(axis=1) * h
            shift = np.minimum(np.maximum(lower - x - first, 0.0), upper - x - last)
            shift = np.where((x + first >= lower) & (x + last <= upper), 0.0, shift)
            nodes = (x[:, None] + (shift[:, None] + pattern * h[:, None])).astype(self.dtype)
        low, high = lower[:, None].astype(self.dtype), upper[:, None].astype(self.dtype)
        return np.asarray(np.clip(nodes, low, high))

    def _evaluate(self, keys: Array) -> None:
        if keys.size == 0:
            return
        which = keys.real.astype(np.int64)
        nodes = keys.imag.astype(self.dtype)
        self._seen.add(keys, self._search.evaluator.displaced(self._search.targets[which], nodes))
        self._spent += np.bincount(which, minlength=self.x.size)

    def _narrow(self, which: IntArray, nodes: Array, values: FloatArray) -> None:
        """Move bounds inside nodes where the loss is not finite, in the end to ``x`` itself."""
        row, bad = np.repeat(which, nodes.shape[1]), ~np.isfinite(values.reshape(-1))
        row, node = row[bad], nodes.reshape(-1)[bad].astype(np.float64)
        for side, bound, tighter in ((0, self.lower, np.maximum), (1, self.upper, np.minimum)):
            here = (node < self.x[row]) if side == 0 else (node > self.x[row])
            seen, far = row[here], node[here]
            share = np.where(self._spoilt[side, seen] < STRIKES, NARROWED ** -(self._spoilt[side, seen] + 1.0), 0.0)
            near = self.x[seen] + share * (far - self.x[seen])
            tighter.at(bound, seen, near.astype(self.dtype).astype(np.float64))
            self._spoilt[side, np.unique(seen)] += 1
