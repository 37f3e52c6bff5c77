"""What a gradient needs to know before it has seen a value of the loss: options, and arrays made from them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import ArgsAxes, Bounds, FloatArray, IntArray, Method, Vectorize
from jitgrad.formula import THRESHOLDS, Formula, formula_for
from jitgrad.stencils import Stencil, stencil
from jitgrad.steps import Auto, Rule, StepRule, Textbook, as_rule


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


def checked_options(
    method: Method = "central",
    order: int | None = None,
    step: Any = None,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    threads: int | None = None,
    vectorize: Vectorize = "auto",
) -> Options:
    """Check the options of a gradient.

    Raises
    ------
    TypeError, ValueError
        If one is not as `grad_cpu` describes it.
    """
    stencil(method, order)
    return Options(
        method=method,
        order=order,
        rule=as_rule(step),
        bounds=bounds,
        coords=None if coords is None else np.array(coords),
        args_axes=None if args_axes is None else tuple(args_axes),
        threads=_check.checked_threads(threads),
        vectorize=_check.checked_vectorize(vectorize),
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
    targets: IntArray
    stencil: Stencil
    formula: Formula
    checks: FloatArray
    result_shape: tuple[int, ...]
    evaluations: int

    @property
    def searches(self) -> bool:
        """Whether the rule looks at the loss before, or instead of, the formula."""
        return not isinstance(self.rule, StepRule)


def make_plan(options: Options, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Plan:
    """Work out what a gradient of points of this shape and type needs.

    Raises
    ------
    TypeError, ValueError, IndexError
        If an option does not fit the points.
    """
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
    return Plan(
        shape=shape,
        dtype=dtype,
        rule=options.rule,
        targets=(np.arange(count)[:, None] * n + chosen).reshape(-1),
        stencil=form,
        formula=formula,
        checks=formula.settings[THRESHOLDS:],
        result_shape=(*shape[:-1], chosen.size),
        evaluations=count + count * chosen.size * each,
    )
