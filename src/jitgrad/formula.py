"""A stencil and a step rule as arrays, for compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.stencils import Stencil, skewed, with_fraction
from jitgrad.steps import Auto, Scaling

_ANCHORS = {"central": -0.5, "forward": 0.0, "backward": -1.0}


class Formula(NamedTuple):
    """A stencil with its steps.

    Attributes
    ----------
    stencil : ndarray of shape (2, 2, slots)
        Offsets and weights, in units of the step: those for coordinates that are not 0, and those for 0.
    settings : ndarray of shape (8,)
        Accuracy order; position of the first of ``order + 1`` nodes as a fraction of their width
        (`jitgrad.nodes.place_nodes`); number of nodes of both forms; then the numbers of a `jitgrad.steps.Scaling`
        but the floor: relative, at zero, knee, least.
    limits : ndarray of shape (1 or m, 1 or n, 3)
        Smallest step, lower and upper bound of every coordinate.
    """

    stencil: FloatArray
    settings: FloatArray
    limits: FloatArray


def formula_for(chosen: Stencil, scaling: Scaling, limits: FloatArray, auto: Auto | None = None) -> Formula:
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
    """
    form = with_fraction(chosen, 3, 8) if auto is not None and auto.verify else chosen
    forms = [form, form if auto is None else skewed(form)]
    counts = [len(form.offsets) for form in forms]
    table = np.zeros((2, 2, max(chosen.order + 1, *counts)))
    for place, form in zip(table, forms, strict=True):
        place[0, : len(form.offsets)] = [float(o) for o in form.offsets]
        place[1, : len(form.offsets)] = [float(w) for w in form.weights]
    settings = np.array(
        [
            *(chosen.order, _ANCHORS[chosen.method], *counts),
            *(scaling.relative, scaling.at_zero, scaling.knee, scaling.least),
        ],
        np.float64,
    )
    return Formula(table, settings, np.ascontiguousarray(limits))

