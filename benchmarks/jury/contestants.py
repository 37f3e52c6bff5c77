"""Who is judged: adapters from one way of differentiating to what the jury calls."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from jitgrad.launch.evaluator import Evaluator
from jitgrad.prepared import session as sessions
from jitgrad.prepared.session import Session


class Answer(NamedTuple):
    """What an estimator says about every point of an evaluator; arrays of shape (m,).

    Attributes
    ----------
    derivative, error : ndarray of float64
        The derivative and its error bar; NaN bars where the method has none.
    noise : ndarray of float64
        Standard deviation of the noise of the loss; NaN where the method does not say.
    evaluations : ndarray of int64
        As the method counts them, without the point itself; the jury counts as well.
    trusted : ndarray of bool
        False where the method warns of its own result.
    status : ndarray
        Anything; only shown.
    """

    derivative: np.ndarray
    error: np.ndarray
    noise: np.ndarray
    evaluations: np.ndarray
    trusted: np.ndarray
    status: np.ndarray


class Gradient(NamedTuple):
    """What a gradient function says.

    Attributes
    ----------
    derivative : ndarray of shape (n,)
    flagged : ndarray of int64
        Coordinates whose derivative the function warns of.
    evaluations : int
        Of all coordinates together; the one at the point itself, which they share, is not counted.
    """

    derivative: np.ndarray
    flagged: np.ndarray
    evaluations: int


Estimator = Callable[[Evaluator, np.ndarray, np.ndarray, np.dtype, "float | None"], Answer]
"""``estimator(evaluator, lower, upper, dtype, noise_hint)``; the evaluator has points of one coordinate."""

GradientFunction = Callable[[Any, np.ndarray, tuple], Gradient]
"""``gradient(loss, x, args)``."""


def central(
    evaluator: Evaluator,
    lower: np.ndarray,  # noqa: ARG001
    upper: np.ndarray,  # noqa: ARG001
    dtype: np.dtype,
    noise_hint: float | None,  # noqa: ARG001
) -> Answer:
    """Central difference with the step of a textbook, ``eps**(1/3) max(|x|, 1)``, and no doubt about it."""
    x = evaluator.points[:, 0]
    h = (np.finfo(dtype).eps ** (1 / 3) * np.maximum(np.abs(x), 1)).astype(dtype)
    targets = np.arange(x.size)
    values = evaluator.displaced(np.concatenate([targets, targets]), np.concatenate([x + h, x - h]))
    width = (x + h).astype(np.float64) - (x - h).astype(np.float64)
    unknown = np.full(x.size, np.nan)
    return Answer(
        (values[: x.size] - values[x.size :]) / width,
        unknown,
        unknown,
        np.full(x.size, 2),
        np.ones(x.size, bool),
        np.zeros(x.size, np.int64),
    )


def ladder(
    evaluator: Evaluator,
    lower: np.ndarray,
    upper: np.ndarray,
    dtype: np.dtype,  # noqa: ARG001
    noise_hint: float | None,
) -> Answer:
    """The estimator behind `estimate_cpu`."""
    climb = importlib.import_module("jitgrad.ladder").climb
    found = climb(evaluator, np.arange(len(evaluator.points)), lower, upper, noise=noise_hint or 0.0)
    return Answer(found.derivative, found.error, found.noise, found.evaluations, found.trusted, found.status)


def central_gradient(loss: Any, x: np.ndarray, args: tuple) -> Gradient:
    """`grad_cpu` with a fixed step, which warns of nothing."""
    import jitgrad as jg

    return Gradient(jg.grad_cpu(loss, x, args=args, step=jg.Textbook()), np.empty(0, np.int64), 2 * x.size)


def auto_gradient(loss: Any, x: np.ndarray, args: tuple, **options: Any) -> Gradient:
    """`grad_cpu` with `Auto`: the coordinates of its `PrecisionWarning` are those that it flags."""
    import jitgrad as jg

    with counted() as launches, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        derivative = jg.grad_cpu(loss, x, args=args, step=jg.Auto(**options))
    flagged = [warning.message.coordinates for warning in caught if hasattr(warning.message, "coordinates")]
    return Gradient(derivative, np.concatenate([np.empty(0, np.int64), *flagged]).astype(np.int64), sum(launches) - 1)


def verified_gradient(loss: Any, x: np.ndarray, args: tuple) -> Gradient:
    """`auto_gradient` with the third evaluation that excludes aliasing."""
    return auto_gradient(loss, x, args, verify=True)


@contextmanager
def counted() -> Iterator[list[int]]:
    """Keep the sizes of all probe lists that gradients launch meanwhile; those in one compiled call are not made."""
    sizes: list[int] = []
    launch, attempt, quick = sessions.evaluate, Session.attempt, Session.quick

    def counting(bound: Any, probes: Any, *arguments: Any, skip: int = 0, **options: Any) -> Any:
        sizes.append(probes.point.size - skip)
        return launch(bound, probes, *arguments, skip=skip, **options)

    sessions.evaluate = counting
    Session.attempt = Session.quick = lambda *_: None  # type: ignore[method-assign, assignment]
    try:
        yield sizes
    finally:
        sessions.evaluate, Session.attempt, Session.quick = launch, attempt, quick  # type: ignore[method-assign]


def contestant(name: str) -> Any:
    """Find a contestant: one of this file by its name, any other as ``module:function``."""
    module, _, function = name.rpartition(":")
    return getattr(importlib.import_module(module or __name__), function)
