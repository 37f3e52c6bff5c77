"""How kernels are compiled for a real device and launched on it: by numba-cuda, with the driver taken away."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.ptx


@pytest.fixture
def device(monkeypatch):
    from cuda_tools.toolkit import compute_capability
    from numba import cuda
    from numba.cuda import codegen
    from numba.cuda.dispatcher import _Kernel

    from jitgrad.launch.cuda import device as module

    without_driver = SimpleNamespace(gpus=[nullcontext(), nullcontext()], jit=cuda.jit, external_stream=lambda a: a)
    monkeypatch.setattr(module, "cuda", without_driver)
    monkeypatch.setattr(module, "require_cuda", lambda: None)
    monkeypatch.setattr(module.target, "core_stream", lambda stream: ("core", stream))
    monkeypatch.setattr(_Kernel, "bind", lambda self: None)
    context = SimpleNamespace(device=SimpleNamespace(compute_capability=(9, 0)))
    monkeypatch.setattr(codegen.devices, "get_context", lambda: context)
    with compute_capability((9, 0)):
        yield module.Device


def test_a_kernel_is_compiled_for_its_types_and_launched_with_them(device, monkeypatch):
    from numba.cuda.dispatcher import _Kernel

    from jitgrad.launch.cuda.kernels import peak_kernel
    from jitgrad.launch.cuda.runner import ARENAS, INDEX

    launched = []
    monkeypatch.setattr(_Kernel, "launch", lambda self, *arguments: launched.append((self, arguments)))
    gpu = device(1, stream=7)
    compiled = gpu.compile(peak_kernel, (ARENAS, INDEX))
    assert isinstance(compiled.kernel, _Kernel)
    assert compiled.kernel.argument_types == (ARENAS, INDEX)
    assert not compiled.allocates
    gpu.launch(compiled, 300, ("arenas", "peaks"))
    assert launched == [(compiled.kernel, (("arenas", "peaks"), (3, 1, 1), (128, 1, 1), ("core", 7), 128 * 8))]
    gpu.launch(compiled, 0, ("arenas", "peaks"))
    assert len(launched) == 1


def test_streams_of_others_are_taken_by_address(device):
    assert device(0, stream=SimpleNamespace(cuda_stream=5))._stream == 5  # PyTorch
    assert device(0, stream=SimpleNamespace(ptr=6))._stream == 6  # CuPy
    assert device(0)._stream == 0
    with pytest.raises(TypeError, match="stream must be a stream of numba, CuPy or PyTorch"):
        device(0, stream="fast")


def test_a_device_that_is_not_there(device):
    from jitgrad import CudaUnavailableError

    with pytest.raises(CudaUnavailableError, match="it has 2, counted from 0"):
        device(2)


def test_functions_that_are_nowhere_are_found():
    from numba.core.errors import UnsupportedError

    from jitgrad.launch.cuda.device import compiled

    with pytest.raises(UnsupportedError, match="a function that a GPU has not: npy_spacing"):
        compiled(None, ".version 9.0\n.extern .func  (.param .b64 func_retval0) npy_spacing\n(\n")
    with pytest.raises(UnsupportedError, match="a function that a GPU has not: free_it"):
        compiled(None, ".extern .func free_it\n(\n)")
