"""Compiling kernels without a GPU and without a driver, with the toolkit in the wheels of this environment.

What is missing raises with a sentence; nothing is skipped. Nothing here runs a kernel: `cuda_tools.ptx_machine` does.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

INSTALL = "pip install --group cuda"
# libnvvm writes PTX of its release, and a ptxas of an earlier release refuses that.
PARTS = ("nvidia-nvvm", "nvidia-cuda-nvrtc", "nvidia-cuda-nvcc")
CAPABILITIES = ((8, 0), (9, 0), (10, 0))


class ToolkitError(RuntimeError):
    """The tests of CUDA without a GPU lack a part."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}. Install the pinned toolkit: {INSTALL}")


@cache
def release() -> str:
    """Release of the toolkit, ``13.0``, after a look at whether all parts are there and of the same one."""
    found = {}
    for part in ("numba-cuda", *PARTS):
        try:
            found[part] = importlib.metadata.version(part)
        except importlib.metadata.PackageNotFoundError:
            raise ToolkitError(f"these tests need the package {part}, which is not installed") from None
    releases = {part: ".".join(found[part].split(".")[:2]) for part in PARTS}
    if len(set(releases.values())) != 1:
        raise ToolkitError(f"the parts of the toolkit must be of one release, got {releases}")
    return releases[PARTS[0]]


@cache
def tool(name: str, package: str = "nvidia-cuda-nvcc") -> Path:
    """A file of the toolkit's wheels, ``ptxas`` for instance. What the system has may be of another release."""
    release()
    for file in importlib.metadata.files(package) or ():
        path = Path(str(file.locate()))
        if path.name == name and path.is_file():
            return path
    raise ToolkitError(f"the package {package} holds no {name}")


@contextmanager
def compute_capability(cc: tuple[int, int]) -> Iterator[None]:
    """Let numba-cuda compile what kernels call as if a device of this capability were there.

    It asks the current device for that alone, and without a driver there is none.
    """
    from numba.cuda import dispatcher

    device = SimpleNamespace(compute_capability=cc)
    with mock.patch.object(dispatcher, "get_current_device", return_value=device):
        yield


@contextmanager
def without_fma() -> Iterator[None]:
    """Keep products and sums apart, as CPU code does, so that both can be compared bit for bit.

    numba-cuda has no option for it; every compilation goes through this function of its module for NVVM. What calls
    fma by name, as libdevice does, still does.
    """
    from numba.cuda.cudadrv import nvvm

    compile_ir = nvvm.compile_ir
    with mock.patch.object(nvvm, "compile_ir", lambda ir, **options: compile_ir(ir, **{**options, "fma": False})):
        yield


def compile_ptx(
    kernel: Callable[..., None],
    signature: tuple[Any, ...],
    cc: tuple[int, int] = (9, 0),
    *,
    fma: bool = True,
    **options: Any,
) -> str:
    """PTX of a kernel.

    Parameters
    ----------
    kernel
        A Python function, or what `cuda.jit` made of one.
    signature
        Its argument types, numba's.
    cc
        Compute capability.
    fma
        Whether the compiler may contract products and sums, as it does by default.
    options
        Others of `cuda.compile_ptx`: ``fastmath``, ``lineinfo``, ``launch_bounds``.
    """
    release()
    from numba import cuda

    with ExitStack() as stack:
        stack.enter_context(compute_capability(cc))
        if not fma:
            stack.enter_context(without_fma())
        function = getattr(kernel, "py_func", kernel)
        text, _ = cuda.compile_ptx(function, signature, device=False, cc=cc, **options)
    return str(text)
