"""Small losses of the kinds people write, by which paths of evaluation are judged; `programs` makes more at random."""

from __future__ import annotations

from corpus import (
    array_style,
    awkward,
    containers,
    control,
    dynamics,
    helpers,
    likelihoods,
    loops,
    matrices,
    models,
    options,
    special,
)
from corpus.case import Case

__all__ = ["CASES", "Case"]

CASES = [
    *loops.CASES,
    *array_style.CASES,
    *matrices.CASES,
    *helpers.CASES,
    *containers.CASES,
    *control.CASES,
    *special.CASES,
    *dynamics.CASES,
    *likelihoods.CASES,
    *models.CASES,
    *options.CASES,
    *awkward.CASES,
]
