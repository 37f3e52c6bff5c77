"""The one place that imports `numba.cuda`: NVIDIA's package numba-cuda, and its internals that jitgrad builds on.

The simulator is chosen by ``NUMBA_ENABLE_CUDASIM=1`` before numba is imported. It compiles nothing, and the internals
cannot be imported there.
"""

from __future__ import annotations

from numba import config, cuda

SIMULATED = bool(config.ENABLE_CUDASIM)

if not SIMULATED:
    from numba.cuda import cgutils, compiler, extending, libdevice, nvvmutils
    from numba.cuda import mathimpl as cuda_math
    from numba.cuda import ufuncs as cuda_ufuncs
    from numba.cuda.core.callconv import CUDACallConv
    from numba.cuda.core.compiler_lock import global_compiler_lock
    from numba.cuda.core.targetconfig import ConfigStack
    from numba.cuda.cpython import builtins as builtin_functions
    from numba.cuda.cudadrv.driver import _to_core_stream as core_stream
    from numba.cuda.descriptor import cuda_target
    from numba.cuda.dispatcher import CUDADispatcher
    from numba.cuda.flags import CUDAFlags
    from numba.cuda.memory_management.nrt_context import NRTContext
    from numba.cuda.np import arraymath, arrayobj
    from numba.cuda.np import ufunc_db as common_ufuncs
    from numba.cuda.target import CUDATargetContext, CUDATypingContext
    from numba.cuda.utils import numba_target_override

__all__ = [
    "SIMULATED",
    "CUDACallConv",
    "CUDADispatcher",
    "CUDAFlags",
    "CUDATargetContext",
    "CUDATypingContext",
    "ConfigStack",
    "NRTContext",
    "arraymath",
    "arrayobj",
    "builtin_functions",
    "cgutils",
    "common_ufuncs",
    "compiler",
    "core_stream",
    "cuda",
    "cuda_math",
    "cuda_target",
    "cuda_ufuncs",
    "extending",
    "global_compiler_lock",
    "libdevice",
    "numba_target_override",
    "nvvmutils",
]
