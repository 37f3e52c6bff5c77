"""NumPy style on arrays of lanes: what replaces functions of NumPy and methods of arrays in a loss.

Elementwise operations are not here: numba turns array expressions into loops over elements by itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from jitgrad.loss.lanes.arrays import allocation, products, reductions, separate


@cache
def functions(count: int) -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy, for so many lanes.

    For arguments without lanes each does what the function does that it stands for.
    """
    return {**allocation.functions(count), **reductions.functions(), **products.functions(), **separate.functions()}


METHODS = {**reductions.METHODS, **products.METHODS, "copy": np.copy}
"""For methods of arrays the functions that do the same."""
