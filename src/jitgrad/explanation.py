"""How a loss is evaluated: in lanes or one by one, why, and what each costs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import Array, Loss
from jitgrad.launch.cpu import evaluate, workers_for
from jitgrad.launch.probes import replaced
from jitgrad.loss.accept import loss_name
from jitgrad.loss.bind import BoundLoss
from jitgrad.prepared.gradient import Gradient
from jitgrad.prepared.session import Session

QUICK_SECONDS = 1e-3
"""A trial evaluation from Python that takes less than this is not precise."""

REPEATED = 32
"""So many evaluations of a quick loss are timed together."""


@dataclass(frozen=True)
class Explanation:
    """Result of `explain`.

    Attributes
    ----------
    name : str
        Of the loss.
    lanes : int
        How many displaced losses are evaluated at once on a thread; 1 if lanes are not used.
    reason : str
        Why not; empty if they are.
    line : str
        File, number and text of the line that is to blame; empty where it is none.
    scalar_seconds, lanes_seconds : float
        Time of one evaluation on one thread, by itself and in lanes (of a group, divided by the number of lanes); NaN
        where it was not measured.
    evaluations : int
        How many a gradient takes at all points of `x` together, with the default options.
    threads : int
        How many threads share them.
    x_read_only : bool
        Whether it is proved that the loss does not write to ``x``. If not, every evaluation gets a fresh copy.
    private_arrays : int
        Arrays in ``args`` that the loss writes to, of which every evaluation gets a fresh copy.
    one_after_another : bool
        Whether evaluations must not overlap: the loss starts threads itself, is interpreted, or takes an argument that
        it may change.
    kept_on_disk : bool
        Whether the next process finds the machine code.
    """

    name: str
    lanes: int
    reason: str
    line: str
    scalar_seconds: float
    lanes_seconds: float
    evaluations: int
    threads: int
    x_read_only: bool
    private_arrays: int
    one_after_another: bool
    kept_on_disk: bool

    @property
    def gain(self) -> float:
        """How many times faster an evaluation in lanes is; NaN where it was not measured."""
        return self.scalar_seconds / self.lanes_seconds

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self)

    def __str__(self) -> str:
        threads = f"on {self.threads} threads" if self.threads > 1 else "on 1 thread"
        if self.lanes > 1:
            lines = [f"{self.name}: {self.lanes} evaluations at once, in lanes, {threads}"]
        else:
            lines = [f"{self.name}: one evaluation at a time, {threads}", f"why not lanes: {self.reason}"]
            lines += [f"at {self.line}"] if self.line else []
        lines.append(f"one evaluation takes {_time(self.scalar_seconds)} by itself, {self._in_lanes()}")
        lines.append(
            f"a gradient takes {self.evaluations} evaluations" + ", one after another" * self.one_after_another
        )
        lines.append(self._copies())
        lines.append("its machine code is " + ("kept on disk" if self.kept_on_disk else "not kept on disk"))
        return "\n".join(lines)

    def _in_lanes(self) -> str:
        if math.isnan(self.lanes_seconds):
            return "in lanes it was not measured"
        return f"{_time(self.lanes_seconds)} in lanes ({self.gain:.1f} times as fast)"

    def _copies(self) -> str:
        written = [] if self.x_read_only else ["x"]
        if self.private_arrays:
            written.append(f"{self.private_arrays} array{'s' * (self.private_arrays > 1)} in args")
        return (
            f"every evaluation has a copy of: {', '.join(written)}" if written else "it writes to none of its arguments"
        )


def explain(loss: Loss, x: npt.ArrayLike, args: tuple[Any, ...] = ()) -> Explanation:
    """Say how a loss is evaluated: in lanes or one by one, why, and what each costs.

    It compiles the loss and measures, as the first call of `grad_cpu` with the default options does.

    Parameters
    ----------
    loss : numba-jitted function
        ``loss(x, *args) -> float``.
    x : array_like of shape (n,) or (..., n)
        A point, or a batch of points, at least one.
    args : tuple, optional
        What the loss takes after ``x``.

    Returns
    -------
    Explanation
        Prints as a few lines.

    Raises
    ------
    LossCompileError
        If the loss does not compile for these arguments or does not return a real number.
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return (x * x).sum() + np.random.rand()
    >>> e = jg.explain(loss, np.ones(100))
    >>> e.lanes, e.reason
    (1, 'random numbers must be drawn for every evaluation')
    """
    points = _check.checked_points(x)
    if 0 in points.shape[:-1]:
        raise ValueError(f"x must hold at least one point, got shape {points.shape}.")
    prepared = Gradient(loss)
    plan = prepared.plan(points)
    session = prepared.start(plan, points, _check.checked_args(args))
    assert isinstance(session, Session)  # on the CPU
    bound, use = session.bound, session.bound.lanes
    rows = points.reshape(math.prod(points.shape[:-1]), points.shape[-1])
    measured = use.scalar_seconds if use.scalar_seconds > 0.0 else _measured(bound, rows)
    return Explanation(
        name=loss_name(loss),
        lanes=use.count,
        reason=use.reason,
        line=use.line,
        scalar_seconds=measured,
        lanes_seconds=use.lanes_seconds,
        evaluations=plan.evaluations,
        threads=workers_for(bound, session.seconds * plan.evaluations, None),
        x_read_only=bound.compiled is not None and bound.compiled.effects.x_read_only,
        private_arrays=len(bound.private),
        one_after_another=bound.serial,
        kept_on_disk=bound.compiled is not None and bound.compiled.key is not None,
    )


def _measured(bound: BoundLoss, rows: Array) -> float:
    """Time a scalar evaluation by the driver, if a rough trial says that it is quick."""
    seconds = bound.seconds(rows)
    if seconds > QUICK_SECONDS:
        return seconds
    itself = replaced(rows[:1], np.zeros(REPEATED), np.zeros((REPEATED, 0)), np.zeros((REPEATED, 0)))
    try:
        return evaluate(bound, itself, seconds, threads=1).seconds
    except Exception:  # noqa: BLE001  # the loss raises at the point, which is for the gradient to say
        return seconds


def _time(seconds: float) -> str:
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 1e-9:.3g} ns"
