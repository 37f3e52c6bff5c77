"""Noise of a known level, to put on a function that has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from jitgrad._types import FloatArray

Kind = Literal["independent", "hash", "solver"]

# Standard deviation of the error of `_solver`, in units of its tolerance: of q**u where u is uniform in [0, 1) and
# q = 0.4 the mean rate; (1 - q**2) / (-2 log q) - ((1 - q) / (-log q))**2 is its square.
_SOLVER_SPREAD = 0.171


@dataclass(frozen=True)
class Noise:
    """How a function is made noisy.

    Parameters
    ----------
    level : float, default 0.0
        Standard deviation in units of the typical ``|f|`` around a point, `Problem.size`.
    kind : {"independent", "hash", "solver"}
        - "independent": Gaussian, anew at every evaluation.
        - "hash": the same x always gives the same error, and neighbouring numbers unrelated ones; uniform.
        - "solver": what a solver leaves that stops at a tolerance: pieces of a smooth function with jumps between
          them, about 10 per length of the problem; between 0 and the tolerance, which is 6 standard deviations.
    seed : int, default 0
        Other seeds give other noise of the same kind; without effect on "solver".

    Raises
    ------
    ValueError
        If `level` is negative or not finite, or `kind` is not one of the above.
    """

    level: float = 0.0
    kind: Kind = "independent"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.level < np.inf:
            raise ValueError(f"level must be finite and at least 0, got {self.level}")
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {self.kind!r}")

    def start(self) -> Callable[[FloatArray, FloatArray], FloatArray]:
        """Return ``errors(x, length)``: errors of standard deviation 1, one for each evaluation, in order.

        Independent noise goes on from call to call and begins anew with every `start`.
        """
        if self.kind == "independent":
            rng = np.random.default_rng(self.seed)
            return lambda x, length: rng.standard_normal(x.size)  # noqa: ARG005
        if self.kind == "hash":
            return lambda x, length: _hash(x, self.seed)  # noqa: ARG005
        return lambda x, length: _solver(x, length, self.level)


def _hash(x: FloatArray, seed: int) -> FloatArray:
    """Mix the bits of `x`: S. Vigna, splitmix64. Arrays of unsigned integers wrap around silently."""
    bits = np.ascontiguousarray(x, np.float64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15 * (2 * seed + 1) % 2**64)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return np.asarray(np.sqrt(3.0) * (2.0**-63 * bits.astype(np.float64) - 1.0))


def _solver(x: FloatArray, length: FloatArray, tolerance: float) -> FloatArray:
    """What is left when an iteration that converges at a rate depending on x stops below the tolerance."""
    rate = 0.4 + 0.1 * np.sin(2.3 * x / length)
    iterations = np.log(max(tolerance, 1e-300)) / np.log(rate)
    return np.asarray(rate ** (np.ceil(iterations) - iterations) / _SOLVER_SPREAD)
