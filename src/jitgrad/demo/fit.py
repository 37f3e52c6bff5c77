"""First part of the demo: a fit by L-BFGS-B with three kinds of gradient."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

import jitgrad
from jitgrad._types import FloatArray
from jitgrad.demo import pelts

ROUNDS = 7
"""How often every fit is timed."""

# The defaults stop while the gradient is still large. All fits get the same.
_OPTIONS = {"maxiter": 500, "maxfun": 100_000, "ftol": 1e-13, "gtol": 1e-6}

_OBSERVED = np.log(pelts.PELTS)


class Fit(NamedTuple):
    """How one fit went.

    Attributes
    ----------
    name : str
        Where its gradients came from.
    parameters : ndarray of shape (8,)
        As in `pelts.PARAMETERS`.
    loss : float
        Negative log likelihood found.
    gradient : float
        Largest entry of the gradient there, by absolute value, found by a formula of order 6 for every fit.
    evaluations : int
        How often the loss was evaluated.
    first_seconds : float
        Time of the first fit, with all that it had to compile.
    seconds : float
        Fastest of some later fits.
    """

    name: str
    parameters: FloatArray
    loss: float
    gradient: float
    evaluations: int
    first_seconds: float
    seconds: float


class _Contender(NamedTuple):
    name: str
    function: Callable[..., Any]
    jac: Any
    evaluations: int  # per call of the function


class _Counted:
    """A function that counts its calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self.function(*args)


def compare(rounds: int = ROUNDS) -> list[Fit]:
    """Fit the model with gradients by jitgrad and by SciPy.

    Parameters
    ----------
    rounds : int, optional
        How often every fit is timed, in turn with the others.

    Returns
    -------
    list of Fit
        By jitgrad, by jitgrad on one thread, by SciPy with forward and with central differences.
    """
    gradient = jitgrad.gradient_of(pelts.loss)
    alone = jitgrad.gradient_of(pelts.loss, threads=1)
    each = 2 * len(pelts.PARAMETERS) + 1  # both sides of every parameter, and the point itself
    contenders = [
        _Contender("jitgrad, central", gradient.value_and_grad, True, each),
        _Contender("jitgrad, on one thread", alone.value_and_grad, True, each),
        _Contender("SciPy, 2-point (its default)", pelts.loss, None, 1),
        _Contender("SciPy, 3-point", pelts.loss, "3-point", 1),
    ]
    solutions, evaluations, first = [], [], []
    for c in contenders:
        # The first fit counts the calls and compiles; those that are timed call the function directly.
        counted = _Counted(c.function)
        result, seconds = _minimize(counted, c.jac)
        solutions.append(result)
        evaluations.append(counted.calls * c.evaluations)
        first.append(seconds)
    times = [[_minimize(c.function, c.jac)[1] for c in contenders] for _ in range(rounds)]
    exact = jitgrad.gradient_of(pelts.loss, order=6)
    return [
        Fit(
            name=c.name,
            parameters=np.exp(solutions[k].x),
            loss=float(solutions[k].fun),
            gradient=float(np.abs(exact(solutions[k].x, _OBSERVED)).max()),
            evaluations=evaluations[k],
            first_seconds=first[k],
            seconds=min((row[k] for row in times), default=first[k]),
        )
        for k, c in enumerate(contenders)
    ]


def _minimize(function: Callable[..., Any], jac: Any) -> tuple[Any, float]:
    """Return SciPy's result and the time it took."""
    from scipy.optimize import minimize

    before = perf_counter()
    result = minimize(
        function, np.log(pelts.START), args=(_OBSERVED,), method="L-BFGS-B", jac=jac, options=_OPTIONS
    )  # fmt: skip
    return result, perf_counter() - before


def introduction() -> str:
    """Return what is printed before the fits."""
    steps = pelts.STEPS_PER_YEAR * (len(pelts.YEARS) - 1)
    return f"""\
jitgrad {jitgrad.__version__}: gradients of jitted functions that come without derivative code

1. A FIT: hares and lynxes
  Pelts collected by the Hudson's Bay Company from 1900 to 1920, and the Lotka-Volterra equations

      hares'  = (alpha - beta lynxes) hares        lynxes' = (delta hares - gamma) lynxes

  with lognormal errors: {len(pelts.PARAMETERS)} parameters. The loss solves the equations by {steps} Runge-Kutta
  steps; nobody wrote its derivative. SciPy's L-BFGS-B fits the logarithms of the parameters,
  without bounds, from a start where every rate is wrong by a factor of two or more.
  Compiling ..."""


def report(fits: list[Fit]) -> str:
    """Return tables of the parameters and of the costs.

    Parameters
    ----------
    fits : list of Fit
        The first is the one whose parameters are shown.
    """
    best = fits[0]
    lines = ["", f"  {'parameter':<20}{'start':>10}{'fitted':>10}{'published':>12}{'apart':>9}"]
    for name, start, fitted in zip(pelts.PARAMETERS, pelts.START, best.parameters, strict=True):
        published = pelts.PUBLISHED.get(name)
        beside = "" if published is None else f"{published:>#12.2g}{fitted / published - 1:>+9.1%}"
        lines.append(f"  {name:<20}{start:>#10.3g}{fitted:>#10.3g}{beside}")
    blas = os.environ.get("OPENBLAS_NUM_THREADS", "not set")
    calls = best.evaluations // (2 * len(best.parameters) + 1)
    lines += [
        "  Published: posterior means by B. Carpenter (Stan case study, 2018); a mean under priors need",
        "  not equal this maximum of the likelihood.",
        "",
        f"  {'gradient by':<30}{'evaluations':>12}{'time':>12}{'largest derivative left':>27}",
        *(f"  {f.name:<30}{f.evaluations:>12}{f.seconds * 1e3:>9.1f} ms{f.gradient:>27.1e}" for f in fits),
        f"  Evaluations of the loss in one whole fit; for jitgrad {calls} calls of value_and_grad, each of",
        f"  2 x {len(best.parameters)} + 1. Time of one fit: fastest of {ROUNDS} rounds in turn, everything compiled.",
        f"  OPENBLAS_NUM_THREADS is {blas}, for the linear algebra in SciPy's L-BFGS-B.",
        "  Several threads can be slower than one while other programs want the cores.",
        f"  The very first fit took {best.first_seconds:.1f} s: it compiles the loss, and jitgrad's own code unless",
        "  that is on disk.",
    ]
    return "\n".join(lines)
