"""NumPy's elementwise functions that numba's CUDA target lacks: most of arithmetic, exp, sqrt, abs, floor, sign ...

numba-cuda carries numba's table for the CPU along without using it. Its rows are taken over where they are arithmetic;
those that call the C library are replaced by the same functions of NVIDIA's libdevice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba.core import types

from jitgrad.loss.device.target import common_ufuncs, cuda_math, cuda_ufuncs, libdevice

UNARY = {
    "absolute": "fabs",
    "cbrt": "cbrt",
    "ceil": "ceil",
    "exp": "exp",
    "exp2": "exp2",
    "expm1": "expm1",
    "fabs": "fabs",
    "floor": "floor",
    "log1p": "log1p",
    "rint": "rint",
    "sqrt": "sqrt",
    "trunc": "trunc",
}
BINARY = {"copysign": "copysign", "float_power": "pow", "fmod": "fmod", "nextafter": "nextafter", "power": "pow"}


@cache
def scalar_loops() -> dict[np.ufunc, dict[str, Callable[..., Any]]]:
    """Return, for each elementwise function and each of its loops, what emits it; what numba-cuda has comes first."""
    common_ufuncs.get_ufuncs()
    loops = {ufunc: dict(common_ufuncs.get_ufunc_info(ufunc)) for ufunc in common_ufuncs.get_ufuncs()}
    for names, make in ((UNARY, cuda_math.get_lower_unary_impl), (BINARY, cuda_math.get_lower_binary_impl)):
        for name, function in names.items():
            ufunc = getattr(np, name)
            for letter, kind, suffix in (("f", types.float32, "f"), ("d", types.float64, "")):
                loop = f"{letter * ufunc.nin}->{letter}"
                if loop in loops[ufunc]:
                    loops[ufunc][loop] = make(None, kind, getattr(libdevice, function + suffix))
    for ufunc, rows in cuda_ufuncs.ufunc_db().items():
        loops.setdefault(ufunc, {}).update(rows)
    return loops
