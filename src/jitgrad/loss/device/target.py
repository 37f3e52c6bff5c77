"""The one place that imports `numba.cuda`: NVIDIA's package numba-cuda, and those of its internals that jitgrad builds on.

The simulator is chosen by ``NUMBA_ENABLE_CUDASIM=1`` before numba is imported. It compiles nothing, and the internals
cannot be imported there.
"""

from __future__ import annotations

from numba import config, cuda

SIMULATED = bool(config.ENABLE_CUDASIM)

if not SIMULATED:
    from numba.cuda import cgutils as cgutils
    from numba.cuda import compiler as compiler
    from numba.cuda import extending as extending
    from numba.cuda import libdevice as libdevice
    from numba.cuda import mathimpl as cuda_math
    from numba.cuda import nvvmutils as nvvmutils
    from numba.cuda import ufuncs as cuda_ufuncs
    from numba.cuda.core.callconv import CUDACallConv as CUDACallConv
    from numba.cuda.core.compiler_lock import global_compiler_lock as global_compiler_lock
    from numba.cuda.core.targetconfig import ConfigStack as ConfigStack
    from numba.cuda.descriptor import cuda_target as cuda_target
    from numba.cuda.dispatcher import CUDADispatcher as CUDADispatcher
    from numba.cuda.flags import CUDAFlags as CUDAFlags
    from numba.cuda.memory_management.nrt_context import NRTContext as NRTContext
    from numba.cuda.np import ufunc_db as common_ufuncs
    from numba.cuda.target import CUDATargetContext as CUDATargetContext
    from numba.cuda.target import CUDATypingContext as CUDATypingContext
    from numba.cuda.utils import numba_target_override as numba_target_override

__all__ = ["SIMULATED", "cuda"]
