"""What the function says to the policy that the surrogate proposed."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch

from jitgrad.training.networks import evaluating, predictions
from jitgrad.training.objective import Objective, mean_objective

GROW, SHRINK = 2.0, 0.5
"""What the radius is multiplied by after a round that went as promised, and after one that was taken back."""

KEPT_PROMISE = 0.75
"""Share of the promised improvement from which a radius that was used up grows.

As in trust region methods: Conn, Gould and Toint, Trust-Region Methods (2000), section 17.1, has such numbers.
"""

LEAST_RADIUS, MOST_RADIUS = 0.05, 1e6
"""In units of exploration: smaller steps are below what samples resolve, and take many rounds to grow again."""


class At(NamedTuple):
    """A policy at the rows that are checked.

    Attributes
    ----------
    u : tensor of shape (rows, k)
        What it puts out.
    y : tensor of shape (rows, p)
        What the function makes of that.
    """

    u: Any
    y: Any


class Check(NamedTuple):
    """Two policies at the same rows, by the function and by the surrogate.

    Attributes
    ----------
    before, after : float
        True objective before the policy steps and after them.
    promised_before, promised : float
        What the surrogate says of the same two.
    error : float
        Error of the surrogate after them, in standard deviations of the function.
    """

    before: float
    after: float
    promised_before: float
    promised: float
    error: float

    def kept(self, share: float) -> bool:
        """Whether the true objective improved by this share of what was promised, and did not get worse."""
        if share == -math.inf:
            return True
        # Written so that nan, of a function that is not finite there, is a broken promise.
        return bool(self.before - self.after >= share * max(0.0, self.promised_before - self.promised))


def compare(surrogate: Any, objective: Objective, x: Any, target: Any, before: At, after: At, spread: Any) -> Check:
    """Compare the policy after some steps with the one before, at rows where the function was finite before.

    Parameters
    ----------
    surrogate : torch.nn.Module
    objective : callable
    x, target : tensor
        Rows of ``X`` and ``Y``.
    before, after : At
    spread : tensor of shape (p,)
        Standard deviation of the function.
    """
    rows = torch.isfinite(before.y).all(dim=1)
    with evaluating(surrogate):
        said = [predictions(surrogate, torch.cat([x, at.u], dim=1), at.y.shape[1]) for at in (before, after)]
        true_before, true_after, promised_before, promised = (
            float(mean_objective(objective, y[rows], target[rows])) for y in (before.y, after.y, *said)
        )
        there = torch.isfinite(after.y).all(dim=1)
        error = float(((said[1] - after.y) / spread)[there].square().mean().sqrt())
    if not there[rows].all():  # whatever an objective makes of that
        true_after = math.nan
    return Check(true_before, true_after, promised_before, promised, error)


def next_radius(radius: float, check: Check, verdict: str, moved: float, right: bool) -> float:
    """Return how far the policy may move in the next round.

    Parameters
    ----------
    radius : float
    check : Check
        Of the policy that was tried last.
    verdict : str
    moved : float
    right : bool
        Whether the surrogate's error was small.
    """
    if verdict == "refused":
        return max(radius * SHRINK, min(radius, LEAST_RADIUS))
    if verdict == "shortened":
        return max(moved, radius * SHRINK)
    used_up = moved >= 0.5 * radius
    return min(radius * GROW, MOST_RADIUS) if used_up and right and check.kept(KEPT_PROMISE) else radius


def next_more(more: int, most: int, verdict: str, right: bool) -> int:
    """Return by which factor more samples than usual are drawn in the next round."""
    return max(1, more // 2) if right and verdict != "refused" else min(2 * more, most)
