"""NumPy style on arrays of lanes: what replaces functions of NumPy and methods of arrays in a loss.

Elementwise operations are those of the table (`operations`); `expressions` makes one loop of each array expression.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jitgrad.loss.lanes.arrays import (
    allocation,
    copies,
    in_place,
    making,
    positions,
    products,
    reductions,
    running,
    sampling,
    selection,
    separate,
    shapes,
    sorting,
    sums,
    unknown,
)


@cache
def functions(count: int) -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy, for so many lanes.

    For arguments without lanes each does what the function does that it stands for.
    """
    common = (
        in_place, positions, products, reductions, running, sampling, selection, separate, shapes, sorting, sums,
        unknown,
    )  # fmt: skip
    made = allocation.functions(count) | copies.functions(count) | making.functions(count)
    for module in common:
        made |= module.functions()
    return made


METHODS: dict[str, Any] = {}
for _module in (copies, positions, reductions, products, running, shapes, sorting, sums):
    METHODS |= _module.METHODS
"""For methods of arrays the functions that do the same."""
