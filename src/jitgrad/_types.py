"""Names for the types that appear in public signatures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from concurrent.futures import Executor

Array: TypeAlias = npt.NDArray[Any]
FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

Loss: TypeAlias = Callable[..., Any]
"""A numba-jitted function ``loss(x, *args) -> float``."""

Method: TypeAlias = Literal["central", "forward", "backward"]

Vectorize: TypeAlias = Literal["auto", "off", "require"]
"""Whether the loss is evaluated in SIMD lanes: where that is faster, never, or always."""

Bounds: TypeAlias = "tuple[npt.ArrayLike | None, npt.ArrayLike | None] | None"
"""``(lower, upper)``: each a number, an array that broadcasts to ``x``, or None for no bound."""

ArgsAxes: TypeAlias = "Sequence[int | None] | None"
"""For each argument, the axis that runs along the batch of points, or None if all points share it."""

Workers: TypeAlias = "int | Executor | Callable[..., Any] | None"
"""SciPy's convention: a number of processes or a map-like callable; and any executor."""
