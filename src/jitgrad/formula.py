"""A stencil and a step rule as arrays, for compiled code."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.stencils import Stencil, skewed, with_fraction
from jitgrad.steps import Auto, Scaling

ORDER, ANCHOR, COUNT, COUNT_AT_ZERO, RELATIVE, AT_ZERO, KNEE, LEAST, USUAL, MOST = range(10)
"""Places in `Formula.settings`."""

THRESHOLDS = 10
"""Where in the settings the thresholds begin, if there are any."""

UNIT, STATED, DROWNED, BENT, DROPS, VISIBLE, SHARE, LONGEST = range(8)
"""Places in the `thresholds`."""

_DOUBLE = np.dtype(np.float64)
_ANCHORS = {"central": -0.5, "forward": 0.0, "backward": -1.0}


class Formula(NamedTuple):
    """A stencil with its steps.

    Attributes
    ----------
    stencil : ndarray of shape (2, 2, slots)
        Offsets and weights, in units of the step: those for coordinates that are not 0, and those for 0.
    settings : ndarray of shape (10,) or (18,)
        `ORDER`: accuracy order. `ANCHOR`: position of the first of ``order + 1`` nodes as a fraction of their width
        (`jitgrad.nodes.place_nodes`). `COUNT`, `COUNT_AT_ZERO`: number of nodes of both forms. `RELATIVE`, `AT_ZERO`,
        `KNEE`, `LEAST`, `USUAL`, `MOST`: a `jitgrad.steps.Scaling` without its floor. Then the `thresholds`, if
        derivatives are checked.
    limits : ndarray of shape (1 or m, 1 or n, 3)
        Smallest step, lower and upper bound of every coordinate.
    """

    stencil: FloatArray
    settings: FloatArray
    limits: FloatArray


def formula_for(
    chosen: Stencil,
    scaling: Scaling,
    limits: FloatArray,
    auto: Auto | None = None,
    dtype: np.dtype[Any] = _DOUBLE,
) -> Formula:
    """Write a stencil and a step rule as arrays for the compiled code.

    Parameters
    ----------
    chosen : Stencil
    scaling : Scaling
        Its floor is ignored in favour of that in `limits`.
    limits : ndarray of shape (1 or m, 1 or n, 3)
        Smallest step, lower and upper bound.
    auto : Auto, optional
        If the steps are its: makes the formula one that can be checked.
    dtype : dtype, default float64
        Precision of the loss; matters to the checks only.
    """
    forms = [chosen, chosen if auto is None else skewed(chosen)]
    if auto is not None and auto.verify:
        forms = [with_fraction(form, 37, 100) for form in forms]
    counts = [len(form.offsets) for form in forms]
    table = np.zeros((2, 2, max(chosen.order + 1, *counts)))
    for place, form in zip(table, forms, strict=True):
        place[0, : len(form.offsets)] = [float(o) for o in form.offsets]
        place[1, : len(form.offsets)] = [float(w) for w in form.weights]
    settings = np.array(
        [
            *(chosen.order, _ANCHORS[chosen.method], *counts),
            *(scaling.relative, scaling.at_zero, scaling.knee, scaling.least, scaling.usual, scaling.most),
        ],
        np.float64,
    )
    if auto is not None:
        settings = np.append(settings, thresholds(auto, dtype, chosen.order))
    return Formula(table, settings, np.ascontiguousarray(limits))


def thresholds(auto: Auto, dtype: np.dtype[np.floating], order: int) -> FloatArray:
    """Give the numbers by which derivatives are judged (`jitgrad.auto.doubt`).

    Returns
    -------
    ndarray of shape (8,)
        `UNIT`: rounding of the loss, relative to its size. `STATED`: its noise. `DROWNED`, `BENT`: largest rounding or
        noise, and largest gap, relative to the difference, that need no second look. `DROPS`: how many formulas of
        lower order are tried. `VISIBLE`: a bend, relative to the loss, that rounding cannot make. `SHARE`: what counts
        of the gap from one formula of lower order to the next. `LONGEST`: largest step that needs no second look, in
        units of ``x``.

    Notes
    -----
    A smooth loss has a curvature of 2e-5 of the difference at steps of 2e-5 ``|x|``, so the threshold of 3e-3 lets it
    pass a hundredfold. In float32 a sum of many terms leaves three digits of a difference at best, so that there more
    rounding passes. Rounding is taken for what it is on average; where it is worse, the coordinates show it as noise.

    A step is long if it is wrong by 1 % in a loss that varies on the scale of 0.1. Where such a step is due to a large
    ``x``, nothing but the gap would show the error, and next to an inflection point there is none.
    """
    eps = float(np.finfo(dtype).eps)
    drops = 2.0 if auto.verify else 1.0
    if eps > 1e-10:
        return np.array([eps, auto.noise, 1e-2, 3e-4, drops + 1.0, 4.0 * eps, 0.1, np.inf])
    longest = np.inf if auto.verify else 0.1 * 0.06 ** (1.0 / order)
    return np.array([eps, auto.noise, 3e-3, 3e-3, drops, 12.0 * eps, 1.0, longest])
