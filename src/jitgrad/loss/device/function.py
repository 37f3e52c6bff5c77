"""A function compiled for the CPU, or a plain one, as a device function.

numba-cuda makes device functions of CPU functions itself, but not of those with signatures, and none that raise where
the CPU raises: it always compiles as under ``error_model="numpy"``.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from numba.core.errors import UnsupportedError

from jitgrad.loss.accept import python_function
from jitgrad.loss.device.target import (
    ConfigStack,
    CUDACallConv,
    CUDADispatcher,
    CUDAFlags,
    compiler,
    cuda_target,
    numba_target_override,
)


class _CallConvention(CUDACallConv):  # type: ignore[misc]  # numba is untyped
    def set_try_status(self, builder: Any) -> None:
        """Refuse to begin a try block; numba-cuda has no such method."""
        raise UnsupportedError("try-except is not supported on a GPU")


class DeviceFunction(CUDADispatcher):  # type: ignore[misc]  # numba is untyped
    """A device function with the options that matter of the CPU function it is made from."""

    def __init__(self, function: Any) -> None:
        options = getattr(function, "targetoptions", {})
        self._fastmath = options.get("fastmath", False)
        self._error_model = options.get("error_model", "python")
        # numba-cuda knows a dispatcher by its options only: it has nothing to say in them.
        super().__init__(python_function(function), {"device": True, "debug": False, "opt": True})

    def compile_device(self, args: tuple[Any, ...], return_type: Any = None) -> Any:
        """Compile for these types of arguments, if that was not done before."""
        if args not in self.overloads:
            with self._compiling_counter:
                self.overloads[args] = result = self._compile(args, return_type)
            result.target_context.insert_user_function(result.entry_point, result.fndesc, [result.library])
        return self.overloads[args]

    def _compile(self, args: tuple[Any, ...], return_type: Any) -> Any:
        flags = CUDAFlags()
        flags.no_compile = True
        flags.no_cpython_wrapper = True
        flags.no_cfunc_wrapper = True
        flags.error_model = self._error_model
        if self._fastmath:
            flags.fastmath = self._fastmath
        # The caller's, as in what numba inlines: asking the device, as numba-cuda does, needs a device.
        flags.compute_capability = ConfigStack().top().compute_capability
        flags.nvvm_options = {"opt": 3, "fastmath": False}
        target = cuda_target.target_context
        with numba_target_override():
            result = compiler.compile_extra(
                typingctx=cuda_target.typing_context,
                targetctx=target,
                func=self.py_func,
                args=args,
                return_type=return_type,
                flags=flags,
                locals={},
                pipeline_class=compiler.CUDACompiler,
                call_conv=_CallConvention(target),
                abi_info={},
            )
        result.library.finalize()
        return result


_known: WeakKeyDictionary[Any, DeviceFunction] = WeakKeyDictionary()


def device_function(function: Any) -> DeviceFunction:
    """Return the device function of a CPU function, the same one every time."""
    if function not in _known:
        _known[function] = DeviceFunction(function)
    return _known[function]
