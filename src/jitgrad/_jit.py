"""Every compile option of jitgrad's own functions, each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core.caching import FunctionCache

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = {
    # 1/0 gives inf as in NumPy instead of an exception, which must not cross prange.
    "error_model": "numpy",
    # Several Python threads may compute at once, and a loss that re-enters Python (objmode) on a worker
    # thread would wait for ever on a lock that its caller holds.
    "nogil": True,
    # No fastmath: (x + h) - x must not be simplified to h.
    "fastmath": False,
}


def element(function: F) -> F:
    """Compile a small function that only other compiled functions call; a call from Python would crash."""
    # The entry from Python is left out: for named tuples of arrays it takes longer to compile than the rest.
    return cast(F, numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function))


def inlined(function: F) -> F:
    """As `element`, put into every caller, for what is called for every coordinate.

    A call counts references to every array it is given, atomically, 10 ns each: a third of the ladder's own time.
    For all elements it would double the time to compile the drivers.
    """
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": True}
    return cast(F, numba.njit(**options, **OPTIONS)(function))


def jitted(function: F) -> F:
    """Compile a function that is made for one loss, in memory."""
    return cast(F, _quiet(numba.njit(**OPTIONS)(function)))


def kernel(function: F) -> F:
    """Compile a function that Python calls, once per machine: its machine code is kept on disk."""
    return cast(F, _keep_on_disk(numba.njit(no_cfunc_wrapper=True, **OPTIONS)(function)))


def parallel_kernel(function: F) -> F:
    """As `kernel`, with `numba.prange` loops spread over threads."""
    return cast(F, _keep_on_disk(numba.njit(parallel=True, no_cfunc_wrapper=True, **OPTIONS)(function)))


def _quiet(function: Any) -> Any:
    """Silence floating-point warnings of a function that runs as Python; compiled code has none."""
    return np.errstate(all="ignore")(function) if numba.config.DISABLE_JIT else function


class _PackageCache(FunctionCache):  # type: ignore[misc]  # numba is untyped
    """numba's disk cache, made aware of edits to the elements a kernel is built from.

    numba looks only at the file of the kernel itself, so a kernel would survive an edit of an element in
    another file.
    """

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), package_stamp())


class _AtFirstUse:
    """Stands in for a cache until it is asked for something: looking for its folder slows the import."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def __getattr__(self, name: str) -> Any:
        self._function._cache = _PackageCache(self._function.py_func)
        return getattr(self._function._cache, name)


def _keep_on_disk(function: Any) -> Any:
    if not numba.config.DISABLE_JIT:
        function._cache = _AtFirstUse(function)
    return _quiet(function)


@cache
def package_stamp() -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every source file of the package."""
    root = Path(__file__).parent
    files = [(path, path.stat()) for path in sorted(root.rglob("*.py"))]
    return tuple((str(path.relative_to(root)), s.st_mtime_ns, s.st_size) for path, s in files)
