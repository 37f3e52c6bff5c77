"""What jitgrad finds on this machine, for a look or a bug report."""

from __future__ import annotations

import os
import platform
import textwrap
from collections.abc import Mapping
from pathlib import Path

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.np.ufunc import parallel as numba_threads

import jitgrad
from jitgrad.launch import threads
from jitgrad.launch.cuda_state import cuda_state
from jitgrad.loss.cache import cache_folder

_WIDTH = 100
_LABEL = 18

_VECTORS = {
    "avx512f": 512,
    "avx2": 256,
    "avx": 256,
    "sse2": 128,
    "neon": 128,
    "vsx": 128,
}
"""Features of processors that have vector registers, widest first, and the bits of a register."""


def report() -> str:
    """Describe versions, threads, processor, cache and CUDA state.

    Returns
    -------
    str
        Lines with a label and a value each.

    Notes
    -----
    numba's threads are started to learn which threading layer it takes.
    """
    rows = {
        "jitgrad": jitgrad.__version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "NumPy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "threads": f"{numba.get_num_threads()} on {_cores()} cores",
        "threading layer": _layer(),
        "cache of losses": _cache(cache_folder()),
        "CUDA": _cuda(),
    }
    return "\n".join(_row(label, value) for label, value in rows.items())


def vector_bits(features: Mapping[str, bool]) -> int | None:
    """Return the width of the widest vector registers.

    Parameters
    ----------
    features : mapping of str to bool
        LLVM's names of processor features, and whether the processor has them.

    Returns
    -------
    int or None
        Bits, or None if no feature with known registers is there.
    """
    return next((bits for name, bits in _VECTORS.items() if features.get(name)), None)


def _row(label: str, value: str) -> str:
    # A path is never broken: it is copied from the terminal.
    return textwrap.fill(
        value,
        _WIDTH,
        initial_indent=label.ljust(_LABEL),
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _processor() -> str:
    try:
        features: Mapping[str, bool] = llvmlite.binding.get_host_cpu_features()
    except RuntimeError:  # LLVM cannot tell on this system
        features = {}
    bits = vector_bits(features)
    vectors = f"vectors of {bits} bits ({bits // 64} float64)" if bits else "width of vectors unknown"
    return f"{llvmlite.binding.get_host_cpu_name()}, {vectors}"


def _cores() -> int:
    """Return how many cores this process may use, fewer than there are in a container or under taskset."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _layer() -> str:
    try:
        numba_threads._launch_threads()
    except ValueError as error:  # numba finds no layer that it can load
        return f"none: {error}"
    return threads.layer() or "none"


def _cache(folder: Path) -> str:
    sizes = [file.stat().st_size for file in folder.glob("*.bin")]
    plural = "" if len(sizes) == 1 else "s"
    return f"{folder} ({len(sizes)} file{plural}, {sum(sizes) / 1e6:.1f} MB)"


def _cuda() -> str:
    state = cuda_state()
    return f"available: {state.reason}" if state.available else f"not available: {state.reason}"
