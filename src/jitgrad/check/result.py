"""What a check of a gradient tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jitgrad._types import FloatArray, IntArray
from jitgrad.check.verdict import Verdict


@dataclass(frozen=True, eq=False)
class GradientCheck:
    """Result of `check_gradient`.

    Attributes
    ----------
    verdict : Verdict
        A sentence.
    t : ndarray of shape (levels,)
        Distances along the directions, descending.
    remainders : ndarray of shape (directions, levels)
        ``|f(x + t u) - f(x) - t g.u|``: falls as t**2 if the gradient is right, as t if it is wrong.
    odd_remainders : ndarray of shape (directions, levels)
        ``|f(x + t u) - f(x - t u) - 2 t g.u| / 2``: falls as t**3 if the gradient is right, as t if it is wrong.
    orders : ndarray of shape (directions,)
        Power of t with which the odd remainder falls, near the noise; NaN if it is noise altogether.
    slopes : ndarray of shape (directions,)
        ``g.u``, as claimed.
    defects, errors : ndarray of shape (directions,)
        What has to be added to it, and the error bar of that.
    noise : float
        Standard deviation of the values of the loss.
    coordinates : ndarray of int64
        Coordinates where the gradient is wrong, the largest disagreement first; empty unless the verdict is
        `Verdict.WRONG`.
    claimed, found, bars : ndarray
        The gradient there, as claimed and as differences give it, and the error bars of the latter.
    evaluations : int
        How often the loss was evaluated.
    """

    verdict: Verdict
    t: FloatArray
    remainders: FloatArray
    odd_remainders: FloatArray
    orders: FloatArray
    slopes: FloatArray
    defects: FloatArray
    errors: FloatArray
    noise: float
    coordinates: IntArray
    claimed: FloatArray
    found: FloatArray
    bars: FloatArray
    evaluations: int

    @property
    def ok(self) -> bool:
        """Whether the verdict is `Verdict.RIGHT`."""
        return self.verdict is Verdict.RIGHT

    @property
    def relative_errors(self) -> FloatArray:
        """Defect of each directional derivative relative to the larger of the claimed one and the one found."""
        size = np.maximum(np.abs(self.slopes), np.abs(self.slopes + self.defects))
        zero = np.zeros_like(size)
        return np.divide(np.abs(self.defects), size, out=zero, where=size > 0.0)

    def raise_if_wrong(self) -> None:
        """Raise `AssertionError`, with the whole table, if the verdict is `Verdict.WRONG`."""
        if self.verdict is Verdict.WRONG:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        lines = [f"{self.verdict} ({self.evaluations} evaluations, noise of the loss {self.noise:.1e})", ""]
        lines.append(f"{'direction':>9}  {'g.u':>13}  {'to be added':>13}  {'+-':>8}  {'falls as':>8}")
        for k, order in enumerate(self.orders):
            power = "noise" if np.isnan(order) else f"t^{order:.2f}"
            lines.append(
                f"{k:>9}  {self.slopes[k]:>13.6e}  {self.defects[k]:>13.3e}  {self.errors[k]:>8.1e}  {power:>8}"
            )
        if self.verdict is Verdict.WRONG:
            lines += ["", *self._worst()]
        return "\n".join(lines)

    def _worst(self) -> list[str]:
        if self.coordinates.size == 0:
            return ["no coordinate by itself is wrong by more than its error bar"]
        lines = [f"{'coordinate':>10}  {'claimed':>13}  {'found':>13}  {'+-':>8}"]
        for k in range(min(SHOWN, self.coordinates.size)):
            values = f"{self.claimed[k]:>13.6e}  {self.found[k]:>13.6e}  {self.bars[k]:>8.1e}"
            lines.append(f"{self.coordinates[k]:>10}  {values}")
        if self.coordinates.size > SHOWN:
            lines.append(f"and {self.coordinates.size - SHOWN} more")
        return lines


SHOWN = 10
"""Coordinates that are printed; all are in the arrays."""
