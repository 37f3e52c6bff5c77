"""What a step tuner sees at one look: values on some nodes, and differences of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.steps.weights import derivative_weights

ROUNDING = 4.0 * float(np.finfo(np.float64).eps)
"""Relative rounding of a weighted sum of a few values, weights included."""


class Look(NamedTuple):
    """Values of the loss around some coordinates.

    Attributes
    ----------
    which : ndarray of int64, shape (k,)
        The targets that were looked at, and where all values are finite.
    nodes : ndarray of shape (k, s)
        True displacements of the nodes, in units of the step.
    values : ndarray of shape (k, s)
    h : ndarray of shape (k,)
        The steps, after the bounds and the precision of ``x`` had their say.
    noise : ndarray of shape (k,)
        Absolute error of the values: at least the rounding of the largest.
    refused : ndarray of int64
        Targets whose evaluations are used up.
    """

    which: IntArray
    nodes: FloatArray
    values: FloatArray
    h: FloatArray
    noise: FloatArray
    refused: IntArray

    def weights(self, m: int, columns: slice | list[int] = slice(None)) -> FloatArray:
        """Return the weights of ``h**m`` times the derivative of order `m`, 0 for other nodes than `columns`."""
        weights = np.zeros_like(self.nodes)
        weights[:, columns] = derivative_weights(self.nodes[:, columns], m)
        return weights

    def sum(self, weights: FloatArray) -> FloatArray:
        """Sum the values with weights that add up to 0: a constant loss gives exactly 0.

        So does what is no more than the rounding of the sum itself.
        """
        terms = weights * (self.values - self.values[:, :1])
        total = terms.sum(axis=1)
        return np.where(np.abs(total) > ROUNDING * np.abs(terms).sum(axis=1), total, 0.0)

    def clarity(self, weights: FloatArray) -> FloatArray:
        """Return the size of the sum with some weights in units of the largest that noise alone can make."""
        return np.asarray(np.abs(self.sum(weights)) / (np.abs(weights).sum(axis=1) * self.noise))


class Seen:
    """All values so far, found again by target and node."""

    def __init__(self, which: IntArray, nodes: Array, values: FloatArray) -> None:
        self._sorted, self._values = keys_of(which, nodes), values

    def add(self, keys: Array, values: FloatArray) -> None:
        """Remember values under keys that were not there."""
        where = np.searchsorted(self._sorted, keys)
        self._sorted, self._values = np.insert(self._sorted, where, keys), np.insert(self._values, where, values)

    def find(self, keys: Array) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Return the values under some keys, and which of them are not there."""
        where = np.minimum(np.searchsorted(self._sorted, keys), self._sorted.size - 1)
        return self._values[where], self._sorted[where] != keys


def keys_of(which: IntArray, nodes: Array) -> Array:
    """Pair target and node in one complex number: NumPy sorts these by the real part, then the other."""
    keys = np.empty(which.size, np.complex128)
    keys.real, keys.imag = which, nodes
    return keys
