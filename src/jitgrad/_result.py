"""What an estimate returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jitgrad._types import Array, FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = 20
"""So many coordinates are printed: the worst ones, if there are more."""


@dataclass(frozen=True, eq=False, repr=False)
class Estimate:
    """Derivatives with what is known about them. All arrays have one entry per coordinate, and the shape of ``x``.

    Attributes
    ----------
    value : float or ndarray of shape (...)
        The loss at the point, or at every point of a batch.
    derivative : ndarray of shape (..., n)
        In float64, also for float32 ``x``.
    error : ndarray of shape (..., n)
        Error bar: the derivative lies within it in at least 95 of 100 cases. Infinite where nothing can be said.
    step : ndarray of shape (..., n)
        Largest displacement that took part in the result, in units of ``x``; NaN if none did.
    noise : ndarray of shape (..., n)
        Absolute error of a single value of the loss as it was found, rounding included.
    evaluations : ndarray of int, shape (..., n)
        How often the loss was evaluated for the coordinate; the loss at the point itself is shared and not counted.
    status : ndarray of str, shape (..., n)
        How the search ended: ``"converged"``, ``"truncation"``, ``"noise"``, ``"kink"``, ``"non-finite"``,
        ``"fixed by bounds"``, ``"sampled"``, and more; ``meaning`` says what each is.
    trusted : ndarray of bool, shape (..., n)
        Whether the derivative is known to 1 %, or is 0.
    meaning : dict
        For each status that occurs, what it means.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.exp(x[0]) + abs(x[1] - 1.0)
    >>> e = jg.estimate_cpu(loss, np.array([0.0, 1.0]))
    >>> bool(abs(e.derivative[0] - 1.0) <= e.error[0] < 1e-13), e.status.tolist()
    (True, ['converged', 'kink'])
    """

    value: Any
    derivative: FloatArray
    error: FloatArray
    step: FloatArray
    noise: FloatArray
    evaluations: IntArray
    status: npt.NDArray[np.str_]
    trusted: Array
    meaning: dict[str, str]
    _draw: Callable[[list[tuple[int, ...]]], Any] | None = field(default=None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of shape {self.derivative.shape}, {int((~self.trusted).sum())} not trusted>"

    def __str__(self) -> str:
        order = np.arange(self.derivative.size)
        with np.errstate(all="ignore"):
            badness = np.where(self.trusted, self.error / np.abs(self.derivative), np.inf).reshape(-1)
        if order.size > ROWS:
            order = np.sort(np.argsort(-np.nan_to_num(badness, nan=0.0), kind="stable")[:ROWS])
        head = ("", "derivative", "error", "step", "noise", "evaluations", "status")
        rows = [self._row(np.unravel_index(k, self.derivative.shape)) for k in order]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        padded = [[cell.rjust(w) for cell, w in zip(row, widths, strict=True)] for row in (head, *rows)]
        lines = ["  ".join(row) for row in padded]
        if badness.size > ROWS:
            lines.append(f"the {ROWS} with the largest relative errors of {badness.size} coordinates")
        shown = {str(self.status.reshape(-1)[k]) for k in order}
        return "\n".join([*lines, *(f"{name}: {text}" for name, text in self.meaning.items() if name in shown)])

    def _row(self, index: Any) -> tuple[str, ...]:
        return (
            f"x[{', '.join(map(str, map(int, index)))}]",
            f"{self.derivative[index]:.12g}",
            *(f"{array[index]:.1e}" for array in (self.error, self.step, self.noise)),
            str(self.evaluations[index]),
            str(self.status[index]) + ("" if self.trusted[index] else " (not trusted)"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, strings and lists, for JSON or a data frame."""
        arrays = ("derivative", "error", "step", "noise", "evaluations", "status", "trusted")
        lists = {name: getattr(self, name).tolist() for name in arrays}
        return {"value": np.asarray(self.value).tolist(), **lists, "meaning": dict(self.meaning)}

    def plot(self, coords: npt.ArrayLike | None = None) -> Figure:
        """Draw the derivative and its error against the step, for some coordinates; evaluates the loss to do so.

        Parameters
        ----------
        coords : array_like of int, optional
            Coordinates, or rows of indices for a batch. Default: the first four.

        Returns
        -------
        matplotlib Figure

        Raises
        ------
        IndexError
            If there is no such coordinate.
        ValueError
            If there is nothing to draw, or the estimate was pickled.
        ImportError
            If matplotlib is not installed.
        """
        if self._draw is None:
            raise ValueError("plot needs the loss, which an unpickled estimate does not have. Estimate again.")
        shape = self.derivative.shape
        if coords is None:
            chosen = [tuple(map(int, np.unravel_index(k, shape))) for k in range(min(4, self.derivative.size))]
        else:
            chosen = [tuple(map(int, np.atleast_1d(row))) for row in np.asarray(coords).tolist()]
        if not chosen:
            raise ValueError(f"plot needs at least one coordinate, got none of an array of shape {shape}.")
        for index in chosen:
            if len(index) != len(shape) or not all(-m <= i < m for i, m in zip(index, shape, strict=True)):
                raise IndexError(f"coords must be indices into an array of shape {shape}, got {index}.")
        drawing: Figure = self._draw([tuple(i % m for i, m in zip(index, shape, strict=True)) for index in chosen])
        return drawing

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_draw": None}  # machine code is not pickled
