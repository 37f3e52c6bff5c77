"""What a gradient needs to know before it has seen a value of the loss: options, and arrays made from them."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import ArgsAxes, Bounds, FloatArray, IntArray, Method, Vectorize
from jitgrad.estimators import RandomDirections, Sampler, leaves_bounds
from jitgrad.formula import THRESHOLDS, Formula, formula_for
from jitgrad.stencils import Stencil, stencil
from jitgrad.steps import Absolute, Auto, Rule, StepRule, Textbook, as_rule


class Options(NamedTuple):
    """The options of a gradient, checked as far as they can be without ``x``."""

    method: Method
    order: int | None
    rule: Rule
    bounds: Bounds
    coords: Any
    args_axes: ArgsAxes
    threads: int | None
    vectorize: Vectorize
    sampler: Sampler | None


def checked_options(
    method: Method = "central",
    order: int | None = None,
    step: Any = None,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    threads: int | None = None,
    vectorize: Vectorize = "auto",
    estimator: RandomDirections | None = None,
) -> Options:
    """Check the options of a gradient.

    Raises
    ------
    TypeError, ValueError
        If one is not as `grad_cpu` describes it.
    """
    stencil(method, order)
    if estimator is not None:
        _check_estimator(estimator, method, order, step, bounds)
    return Options(
        method=method,
        order=order,
        rule=as_rule(step),
        bounds=bounds,
        coords=None if coords is None else np.array(coords),
        args_axes=None if args_axes is None else tuple(args_axes),
        threads=_check.checked_threads(threads),
        vectorize=_check.checked_vectorize(vectorize),
        sampler=None if estimator is None else Sampler(estimator, threads),
    )


def _check_estimator(estimator: Any, method: Method, order: int | None, step: Any, bounds: Bounds) -> None:
    """Raise unless `estimator` is one, and no option is given beside it that is of differences by coordinate."""
    if not isinstance(estimator, RandomDirections):
        raise TypeError(
            f"estimator must be SPSA(...) or Smoothing(...), got {estimator!r}. Leave it out for differences by each "
            "coordinate."
        )
    if method != "central" or order is not None or step is not None:
        raise ValueError(
            f"method, order and step must be left out beside an estimator, got {method=}, {order=}, {step=}. They are "
            f"of differences by coordinate; give h to {type(estimator).__name__} instead."
        )
    if bounds is not None and leaves_bounds(estimator):
        raise ValueError(
            f"bounds must be left out beside {type(estimator).__name__}, whose normal displacements have no limit. "
            "Use SPSA, which moves each coordinate by h exactly."
        )


class Plan(NamedTuple):
    """What depends on the options and on the shape and type of ``x`` only.

    Attributes
    ----------
    shape : tuple of int
        Shape of ``x``.
    dtype : dtype
        Type of the points.
    rule : Rule
    sampler : Sampler or None
        If the gradient comes from random directions; rule and formula then tell the bounds only.
    targets : ndarray of int64
        Flat indices of the coordinates to differentiate by; equally many for every point, in turn.
    stencil : Stencil
    formula : Formula
    checks : ndarray
        `jitgrad.formula.thresholds`; of size 0 if derivatives are not checked.
    result_shape : tuple of int
    evaluations : int
        What one gradient costs, the loss at the points included; of rules that look at the loss, the last step only.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rule: Rule
    sampler: Sampler | None
    targets: IntArray
    stencil: Stencil
    formula: Formula
    checks: FloatArray
    result_shape: tuple[int, ...]
    evaluations: int

    @property
    def searches(self) -> bool:
        """Whether something looks at the loss before, or instead of, the formula."""
        return self.sampler is not None or not isinstance(self.rule, StepRule)


def make_plan(options: Options, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Plan:
    """Work out what a gradient of points of this shape and type needs.

    Raises
    ------
    TypeError, ValueError, IndexError
        If an option does not fit the points.
    """
    plain = options.bounds is None and options.coords is None and options.sampler is None
    usual = plain and math.prod(shape) <= _MOST_KEPT_TARGETS
    if usual and isinstance(options.rule, Absolute | Auto | Textbook):  # others may change, or not be hashable
        return _usual_plan(options.method, options.order, options.rule, shape, dtype)
    return _make_plan(options, shape, dtype)


@lru_cache(maxsize=8)
def _usual_plan(method: Method, order: int | None, rule: Rule, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Plan:
    """Keep what is asked for most: making it takes longer than a small gradient."""
    return _make_plan(Options(method, order, rule, None, None, None, None, "auto", None), shape, dtype)


_MOST_KEPT_TARGETS = 10_000


def _make_plan(options: Options, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Plan:
    n = shape[-1]
    count = int(np.prod(shape[:-1]))
    chosen = _check.checked_coords(options.coords, n)
    auto = options.rule if isinstance(options.rule, Auto) else None
    order = options.order
    if auto is not None and order is None:
        # Steps in float32 are so large that order 2 shows curvature where it should show noise; and one value beside
        # that at x, which is all that order 1 has, shows neither.
        order = 4 if options.method == "central" and dtype == np.float32 else 2
    form = stencil(options.method, order)
    # Of a rule that looks at the loss, the steps are not known before.
    scaling = (options.rule if isinstance(options.rule, StepRule) else Textbook()).scaling(dtype, form.order)
    floor = _check.matrix("step", scaling.floor, shape)
    lower, upper = _check.checked_bounds(options.bounds, shape, dtype)
    limits = np.stack(np.broadcast_arrays(floor, lower, upper), axis=-1)
    formula = formula_for(form, scaling, limits, auto, dtype)
    each = form.order + (auto is not None and auto.verify)
    around = chosen.size * each if options.sampler is None else options.sampler.evaluations
    return Plan(
        shape=shape,
        dtype=dtype,
        rule=options.rule,
        sampler=options.sampler,
        targets=(np.arange(count)[:, None] * n + chosen).reshape(-1),
        stencil=form,
        formula=formula,
        checks=formula.settings[THRESHOLDS:],
        result_shape=(*shape[:-1], chosen.size),
        evaluations=count * (1 + around),
    )
