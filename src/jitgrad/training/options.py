"""What a user may ask of surrogate training: where samples are drawn, how networks are fitted, when to trust them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True)
class Sampling:
    """Where the function is evaluated, so that the surrogate can learn it.

    Parameters
    ----------
    samples : int, default 64
        Explored samples per round: rows ``x`` drawn from ``X``, with ``u = policy(x) + explore * normal``.
    explore : float or sequence of float, default 0.1
        Standard deviation of the exploration, in units of ``u``; one for all outputs of the policy, or one for each.
    bounds : (lower, upper), optional
        Explored ``u`` are clipped to them; numbers, or sequences with one number per output of the policy. What the
        policy itself puts out is not clipped: end it with a ``Sigmoid`` or ``Tanh`` to keep it inside.
    keep : int, optional
        Most samples that the replay set holds; the oldest go first. Default: all of them.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as described.

    Examples
    --------
    >>> Sampling(samples=20, explore=(0.1, 5.0), bounds=(0.0, (1.0, 50.0)))
    Sampling(samples=20, explore=(0.1, 5.0), bounds=(0.0, (1.0, 50.0)), keep=None)
    """

    samples: int = 64
    explore: Any = 0.1
    bounds: Any = None
    keep: int | None = None

    def __post_init__(self) -> None:
        check_count("samples", self.samples)
        explore = _numbers("explore", self.explore)
        if not all(0 < value < math.inf for value in np.atleast_1d(explore)):
            raise ValueError(
                f"explore must be finite and above 0, got {self.explore!r}. Give what u may be changed by without "
                "harm: the surrogate knows nothing of what was never tried."
            )
        object.__setattr__(self, "explore", explore)
        if self.keep is not None:
            check_count("keep", self.keep)
        if self.bounds is not None:
            try:
                lower, upper = self.bounds
            except (TypeError, ValueError):
                raise ValueError(f"bounds must be a pair (lower, upper), got {self.bounds!r}.") from None
            lower, upper = _numbers("bounds[0]", lower), _numbers("bounds[1]", upper)
            if not np.all(np.less(lower, upper)):
                raise ValueError(f"lower bounds must be below upper ones, got {lower!r} and {upper!r}.")
            object.__setattr__(self, "bounds", (lower, upper))


@dataclass(frozen=True)
class Fitting:
    """How the two networks are fitted in every round.

    Parameters
    ----------
    surrogate_steps : int, default 200
        Steps of the surrogate's optimiser on the replay set.
    policy_steps : int, default 50
        Most steps of the policy's optimiser through the surrogate; fewer if the policy gets to the radius of `Trust`.
    batch : int, default 64
        Samples per step, drawn anew for each; all of them, in order, where there are no more.
    lambda_ : float or "cv", default inf
        With ``inf`` the surrogate stands still while the policy is trained: they alternate. With a number both move in
        the policy steps, along the gradient of ``objective(S(X, pi(X)), Y) + lambda_ * mean((S - F)**2)``, where the
        second mean is over the replay set, which holds ``F(X, pi(X))`` from the beginning of the round. With ``"cv"``
        it is chosen from `candidates` by cross-validation, before the first round.
    candidates : sequence of float, default (0.1, 1, 10, 100, inf)
        For ``"cv"``.
    folds : int, default 3
        For ``"cv"``: into how many parts ``X`` is split. Every candidate is tried on every fold, so cross-validation
        evaluates the function ``len(candidates) * len(X)`` times.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as described.

    Examples
    --------
    >>> Fitting(policy_steps=20, lambda_=10.0).lambda_
    10.0
    """

    surrogate_steps: int = 200
    policy_steps: int = 50
    batch: int = 64
    lambda_: float | Literal["cv"] = math.inf
    candidates: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0, math.inf)
    folds: int = 3

    def __post_init__(self) -> None:
        for name in ("surrogate_steps", "policy_steps", "batch"):
            check_count(name, getattr(self, name))
        check_count("folds", self.folds, 2)
        object.__setattr__(self, "candidates", tuple(self.candidates))
        if not self.candidates:
            raise ValueError("candidates must hold at least one number, got none. Leave them out for the default.")
        weights: tuple[Any, ...] = self.candidates if self.lambda_ == "cv" else (self.lambda_,)
        for value in weights:
            if isinstance(value, str) or not value > 0:
                raise ValueError(
                    f"lambda_ must be above 0 or 'cv', got {value!r}. Without a penalty the surrogate would learn what "
                    "the objective wants, and nothing of the function."
                )


@dataclass(frozen=True)
class Trust:
    """How far the surrogate is trusted, and what happens when it was wrong.

    After the policy steps of a round the function is evaluated at fresh points, with what the new policy puts out for
    rows of ``X``. The steps are kept if the true objective improved by at least `accept` of what the surrogate
    promised. If not they are halved, and at last taken back.

    Parameters
    ----------
    points : int, default 64
        Rows of ``X`` at which a policy is checked: all, if there are no more, else drawn anew in every round.
    accept : float, default 0.1
        Least share of the promised improvement. ``-inf`` keeps all steps, and only reports.
    radius : float, default 3.0
        How far the outputs of the policy may move in the first round: root of the mean square, in units of ``explore``.
        It doubles after rounds that went as the surrogate said, and shrinks after others.
    error : float, default 0.5
        Error of the surrogate at fresh points, in standard deviations of the function over the replay set, above which
        twice as many samples are drawn in the next round, and the radius does not grow.
    halvings : int, default 2
        How often steps are halved before they are taken back; each costs `points` evaluations.
    most : int, default 4
        How many times the samples of a usual round may be drawn in one.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as described.

    Examples
    --------
    >>> Trust(points=200, accept=0.0).halvings
    2
    """

    points: int = 64
    accept: float = 0.1
    radius: float = 3.0
    error: float = 0.5
    halvings: int = 2
    most: int = 4

    def __post_init__(self) -> None:
        check_count("points", self.points)
        check_count("halvings", self.halvings, 0)
        check_count("most", self.most)
        if not self.accept < 1:
            raise ValueError(f"accept must be below 1, got {self.accept!r}. Nothing is as good as a promise.")
        for name in ("radius", "error"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}. Leave it out for the default.")


def check_count(name: str, given: Any, least: int = 1) -> None:
    """Raise unless a number is an integer of at least so much.

    Raises
    ------
    TypeError, ValueError
    """
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {given!r}.")
    if given < least:
        raise ValueError(f"{name} must be at least {least}, got {given}.")


def _numbers(name: str, given: Any) -> float | tuple[float, ...]:
    """Return one number, or a tuple of them: what compares, prints and is saved without trouble."""
    try:
        array = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        array = np.empty((0, 0))
    if array.ndim > 1 or array.size == 0 or np.isnan(array).any():
        raise ValueError(f"{name} must be a number, or one for each output of the policy, got {given!r}.")
    return float(array) if array.ndim == 0 else tuple(array.tolist())
