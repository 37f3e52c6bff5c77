"""Every state of CUDA, with a driver that only pretends."""

import ctypes
import importlib.util

import pytest

import jitgrad
from jitgrad.launch import cuda_state as module
from jitgrad.launch.cuda_state import cuda_state, require_cuda


class Driver:
    """Stands in for the library of the NVIDIA driver; arguments arrive as ctypes pointers."""

    def __init__(self, devices=1, start=0, version=13020):
        self.devices, self.start, self.version = devices, start, version

    def cuInit(self, _flags):
        return self.start

    def cuDeviceGetCount(self, count):
        count._obj.value = self.devices
        return 0

    def cuDriverGetVersion(self, version):
        version._obj.value = self.version
        return 0

    def cuGetErrorString(self, _code, text):
        text._obj.value = b"unknown error"
        return 0


@pytest.fixture
def machine(monkeypatch):
    """Pretend to a machine with or without each part."""

    def pretend(*, package=True, toolkit=True, driver=None):
        find_spec = importlib.util.find_spec

        def find(name, *rest):
            if name == "numba_cuda":
                return object() if package else None
            return find_spec(name, *rest)

        def load(library):
            assert library == module.DRIVER
            if driver is None:
                raise OSError(f"{library}: cannot open shared object file")
            return driver

        monkeypatch.setattr(importlib.util, "find_spec", find)
        monkeypatch.setattr(module, "_load", load)
        monkeypatch.setattr(module, "_missing_libraries", lambda: [] if toolkit else ["nvvm", "nvrtc"])
        monkeypatch.setattr(module.config, "ENABLE_CUDASIM", 0, raising=False)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return pretend


def refusal():
    with pytest.raises(jitgrad.CudaUnavailableError) as caught:
        require_cuda()
    return str(caught.value)


@pytest.mark.parametrize(("devices", "words"), [(1, "1 device,"), (4, "4 devices,")])
def test_all_there(machine, devices, words):
    machine(driver=Driver(devices))
    state = cuda_state()
    assert state.available
    assert state.reason == f"{words} driver for CUDA 13.2"
    require_cuda()


def test_package_missing(machine):
    machine(package=False, driver=Driver())
    assert cuda_state() == (False, "the package numba-cuda is not installed")
    message = refusal()
    assert message.startswith("CUDA needs the package numba-cuda, the CUDA toolkit, the NVIDIA driver and a device")
    assert message.endswith('Install the package: pip install "jitgrad[cuda]".')


def test_toolkit_missing(machine):
    machine(toolkit=False, driver=Driver())
    assert cuda_state() == (False, "the CUDA toolkit is incomplete (nvvm, nvrtc cannot be loaded)")
    assert 'Install the toolkit: pip install "jitgrad[cuda]".' in refusal()


@pytest.mark.ptx
def test_the_toolkit_of_this_environment_is_found():
    assert module._missing_libraries() == []


@pytest.mark.ptx
def test_a_library_that_cannot_be_loaded_is_named(monkeypatch):
    from cuda import pathfinder

    def fail(library):
        if library == "nvrtc":
            raise pathfinder.DynamicLibNotFoundError(library)

    monkeypatch.setattr(pathfinder, "load_nvidia_dynamic_lib", fail)
    assert module._missing_libraries() == ["nvrtc"]


def test_a_verb_says_what_is_missing(machine):
    machine()
    for verb in (jitgrad.grad_cuda, jitgrad.value_and_grad_cuda, jitgrad.estimate_cuda):
        with pytest.raises(jitgrad.CudaUnavailableError, match="driver"):
            verb(abs, [1.0])
    with pytest.raises(jitgrad.CudaUnavailableError, match="driver"):
        jitgrad.gradient_of(abs, device="cuda")


def test_driver_missing(machine):
    machine()
    state = cuda_state()
    assert not state.available
    assert state.reason == f"the NVIDIA driver ({module.DRIVER}) cannot be loaded"
    message = refusal()
    assert state.reason in message
    assert "Install the driver" in message
    assert "pip install" not in message


def test_package_and_driver_missing_are_both_named(machine):
    machine(package=False)
    assert cuda_state().reason.count(";") == 1
    message = refusal()
    assert "pip install" in message
    assert "Install the driver" in message


@pytest.mark.parametrize("driver", [Driver(start=100), Driver(devices=0)], ids=["error 100", "count 0"])
def test_device_missing(machine, driver):
    machine(driver=driver)
    assert cuda_state() == (False, "the NVIDIA driver sees no device")
    assert "nvidia-smi" in refusal()


def test_hidden_device_is_explained(machine, monkeypatch):
    machine(driver=Driver(start=100))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert cuda_state().reason == "the NVIDIA driver sees no device (CUDA_VISIBLE_DEVICES is '')"


def test_driver_that_does_not_start(machine):
    machine(driver=Driver(start=999))
    assert cuda_state() == (False, "the NVIDIA driver does not start (error 999, unknown error)")
    assert "nvidia-smi" in refusal()


def test_simulator_needs_the_package_only(machine, monkeypatch):
    machine()
    monkeypatch.setattr(module.config, "ENABLE_CUDASIM", 1, raising=False)
    assert cuda_state() == (True, "simulator (NUMBA_ENABLE_CUDASIM)")
    machine(package=False)
    monkeypatch.setattr(module.config, "ENABLE_CUDASIM", 1, raising=False)
    assert cuda_state() == (False, "the package numba-cuda is not installed")


def test_loading_a_library_that_is_not_there():
    with pytest.raises(OSError, match="no-such-library"):
        module._load("no-such-library.so")


def test_this_machine():
    state = cuda_state()
    assert state.reason
    if state.available:
        require_cuda()
    else:
        assert all(part in refusal() for part in state.reason.split("; "))


def test_pointer_of_ctypes_keeps_its_object():
    # What the pretended driver relies on.
    number = ctypes.c_int(0)
    ctypes.byref(number)._obj.value = 3
    assert number.value == 3
