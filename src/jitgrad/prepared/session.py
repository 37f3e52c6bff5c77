"""A plan together with the arguments of the last call, and what an evaluation cost then."""

from __future__ import annotations

from operator import is_
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.difference import Differences, combine
from jitgrad.launch.cpu import CALLS_WITHOUT_THREADS, LEAST_PARALLEL_SECONDS, SLICE_SECONDS, evaluate, workers_for
from jitgrad.launch.probes import Probes
from jitgrad.launch.threads import exclusive
from jitgrad.loss.bind import BoundLoss, rebind
from jitgrad.prepared.plan import Plan
from jitgrad.prepared.whole import LANES, make_frame, whole_gradient, whole_gradient_parallel

CALLS_UNTIMED = 20
"""So many gradients that take less than it takes to start threads are computed between two that are timed."""

ROUGHLY_CHEAP_SECONDS = 5e-3
"""Up to this, as estimated by a trial, the first calls of a loss stay on one thread."""

_NOT_WANTED = np.empty((0, 5))
_NO_FRAME = np.empty(0, np.int64)


class Attempt(NamedTuple):
    """A gradient that was computed in one compiled call.

    Attributes
    ----------
    gradient : ndarray, shape (targets,)
    value : float
        The loss at the point.
    evidence : ndarray of float64, shape (targets, 5)
        What the values show about the derivatives (`jitgrad.auto.doubt`).
    doubtful : int
        How many derivatives want a closer look.
    """

    gradient: Array
    value: float
    evidence: FloatArray
    doubtful: int


class Launching(Protocol):
    """A plan together with whatever evaluates the loss: what a gradient needs of a session."""

    plan: Plan
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    size: int
    checked: bool

    def fits(self, x: Array, args: tuple[Any, ...]) -> bool:
        """Whether these points and arguments are like those of the last call."""
        ...

    def renewed(self, x: Array, args: tuple[Any, ...]) -> Launching | None:
        """Return a session for other arguments that knows what this one does, or None."""
        ...

    def quick(self, points: Array, with_value: bool) -> tuple[Array, Any] | None:
        """Compute the gradient with little ado, or return None."""
        ...

    def attempt(self, points: Array, with_value: bool) -> Attempt | None:
        """Compute the gradient in one compiled call, or return None."""
        ...

    def evaluate(self, probes: Probes, skip: int = 0, *, forgive: bool = False) -> FloatArray:
        """Evaluate the loss at every probe of a list."""
        ...

    def differentiate(self, found: Differences, skip: int, gradient: Array) -> tuple[FloatArray, bool]:
        """Evaluate the probes and combine them; return the values and whether all derivatives are finite."""
        ...


class Session:
    """A plan together with the arguments of the last call, and what an evaluation cost then.

    Its attributes are looked up once, because looking them up at every call takes as long as a small gradient.
    """

    __slots__ = (
        "args", "bound", "checked", "descriptions", "dtype", "evaluations", "frame", "lanes", "loaded", "plan",
        "quick_calls", "rough", "seconds", "serial_calls", "shape", "size", "threads", "whole",
    )  # fmt: skip

    def __init__(
        self, plan: Plan, args: tuple[Any, ...], bound: BoundLoss, seconds: float, threads: int | None
    ) -> None:
        self.plan = plan
        self.shape = plan.shape
        self.dtype = plan.dtype
        self.args = args
        self.bound = bound
        self.descriptions = [described(value) for value in args]
        self.lanes = bound.lanes
        self.size = plan.targets.size
        self.checked = plan.checks.size > 0
        self.evaluations = plan.evaluations
        self.threads = threads
        self.whole = len(plan.shape) == 1 and not plan.searches and not bound.threaded  # one compiled call will do
        self.frame = _NO_FRAME
        if self.whole:
            self.frame = make_frame(bound.entry, bound.blocks, bound.private, plan.targets, plan.formula)
        self.seconds = seconds
        self.rough = True  # the figure is that of a trial
        self.loaded = False  # the compiled code, at the first call
        self.serial_calls = 0  # calls to come that leave threads alone
        self.quick_calls = 0  # calls to come that are not timed

    def fits(self, x: Array, args: tuple[Any, ...]) -> bool:
        """Whether these points and arguments are like those of the last call."""
        if x.shape != self.shape or x.dtype is not self.dtype:
            return False
        if not args:
            return not self.args
        # The same array may have been given another shape in place.
        return (
            len(args) == len(self.args)
            and all(map(is_, args, self.args))
            and list(map(described, args)) == self.descriptions
        )

    def renewed(self, x: Array, args: tuple[Any, ...]) -> Session | None:
        """Return a session for other arguments of the same kinds: in training they are new arrays at every step."""
        if x.shape != self.shape or x.dtype is not self.dtype or len(args) != len(self.args):
            return None
        bound = rebind(self.bound, x.reshape(-1, x.shape[-1]), args)
        if bound is None:
            return None
        session = Session(self.plan, args, bound, self.seconds, self.threads)
        session.rough, session.loaded, session.serial_calls = self.rough, self.loaded, self.serial_calls
        return session

    def quick(self, points: Array, with_value: bool) -> tuple[Array, Any] | None:
        """Compute the gradient of a loss that is known to take next to no time, without a look at the clock.

        None if that time has to be measured again, or if something about the gradient wants a closer look.
        """
        if self.quick_calls <= 0:
            return None
        self.quick_calls -= 1
        gradient = np.empty(self.size, self.dtype)
        with_value = with_value or self.checked
        if self.lanes.count > 1:
            self.frame[LANES] = self.lanes.lanes_now()
        done, value, doubtful, alone = whole_gradient(self.frame, points, with_value, gradient, _NOT_WANTED)
        if alone:
            self.lanes.learn(alone, self.evaluations)
        return (gradient, value) if done and not doubtful else None

    def attempt(self, points: Array, with_value: bool) -> Attempt | None:
        """Compute the gradient in one compiled call if the loss is known to be cheap.

        None if it is not, or if the gradient needs what Python does between the steps.
        """
        workers = self._workers() if self.whole else 0
        if workers == 0:
            return None
        gradient, evidence = np.empty(self.size, self.dtype), np.empty((self.size if self.checked else 0, 5))
        job: tuple[Any, ...] = (self.frame, points, with_value or self.checked, gradient, evidence)
        if self.lanes.count > 1:
            self.frame[LANES] = self.lanes.lanes_now()
        before = perf_counter()
        if workers > 1:
            job += (workers,)
            with exclusive():
                done, value, doubtful, alone = whole_gradient_parallel(*job)
        else:
            done, value, doubtful, alone = whole_gradient(*job)
        self._learn(perf_counter() - before, workers)
        if alone:
            self.lanes.learn(alone, self.evaluations)
        return Attempt(gradient, value, evidence, doubtful) if done else None

    def evaluate(self, probes: Probes, skip: int = 0, *, forgive: bool = False) -> FloatArray:
        """Evaluate the loss at every probe of a list, as `jitgrad.launch.cpu.evaluate` does."""
        threads = self.threads
        if threads is None and self.serial_calls > 0:
            self.serial_calls -= 1
            threads = 1
        found = evaluate(self.bound, probes, self.seconds, skip=skip, threads=threads, forgive=forgive)
        if found.slower and threads is None:
            self.serial_calls = CALLS_WITHOUT_THREADS
        if not forgive:
            self.seconds, self.rough = found.seconds, False
        return found.values

    def differentiate(self, found: Differences, skip: int, gradient: Array) -> tuple[FloatArray, bool]:
        """Evaluate the probes and combine them; return the values and whether all derivatives are finite."""
        values = self.evaluate(found.probes, skip)
        return values, combine(found, values, gradient)

    def _workers(self) -> int:
        """Choose the threads for a gradient in one call; 0 if the gradient should be computed step by step."""
        work = self.seconds * self.evaluations
        if work > SLICE_SECONDS:
            return 0
        if self.threads is not None:
            return workers_for(self.bound, work, self.threads)
        if self.rough:  # and loading the parallel driver takes longer than this
            return 1 if work < ROUGHLY_CHEAP_SECONDS else 0
        if self.serial_calls > 0:
            self.serial_calls -= 1
            return 1
        return 1 if work < LEAST_PARALLEL_SECONDS else workers_for(self.bound, work, None)

    def _learn(self, elapsed: float, workers: int) -> None:
        """Draw conclusions from the time of a gradient in one call."""
        if not self.loaded:  # it was spent on loading the compiled code
            self.loaded = True
        elif workers == 1:
            # At most doubled: a call that the system interrupted says nothing about the loss.
            measured = elapsed / self.evaluations
            self.seconds = measured if self.rough else min(measured, 2.0 * self.seconds)
            self.rough = False
            if self.threads in (None, 1) and self.seconds * self.evaluations < LEAST_PARALLEL_SECONDS:
                self.quick_calls = CALLS_UNTIMED
        elif self.threads is None and elapsed > self.seconds * self.evaluations:
            self.serial_calls = CALLS_WITHOUT_THREADS


def described(value: Any) -> Any:
    """Return what an array can change in place and compiled code relies on."""
    return (value.shape, value.strides, value.dtype) if isinstance(value, np.ndarray) else None
