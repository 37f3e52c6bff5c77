"""Whether CUDA can be used, and if not, which part of it is missing: package, toolkit, driver or device.

numba.cuda is not imported: it is slow to import, and without a driver its messages name no remedy.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from typing import Any, NamedTuple

from numba import config

from jitgrad._errors import CudaUnavailableError

DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
"""The library that comes with the NVIDIA driver."""

INSTALL = 'pip install "jitgrad[cuda]"'
"""Brings numba-cuda and the toolkit."""

_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE


class CudaState(NamedTuple):
    """Whether CUDA can be used.

    Attributes
    ----------
    available : bool
        Whether package, toolkit, driver and device are all there.
    reason : str
        What was found, or every part that is missing.
    """

    available: bool
    reason: str


class _Missing(NamedTuple):
    found: str
    remedy: str


def cuda_state() -> CudaState:
    """Look for the package numba-cuda, the CUDA toolkit, the NVIDIA driver and a device.

    Returns
    -------
    CudaState

    Notes
    -----
    The driver is initialised by this call; CUDA then works in this process, and no longer in its forked
    children.

    Examples
    --------
    >>> from jitgrad.launch.cuda_state import cuda_state
    >>> state = cuda_state()
    >>> isinstance(state.available, bool) and isinstance(state.reason, str)
    True
    """
    found, missing = _look()
    return CudaState(not missing, "; ".join(part.found for part in missing) if missing else found)


def require_cuda() -> None:
    """Do nothing if CUDA can be used.

    Raises
    ------
    CudaUnavailableError
        If the package, the toolkit, the driver or the device is missing. The message names every part that is, and
        what to do about each.
    """
    _, missing = _look()
    if missing:
        raise CudaUnavailableError(
            "CUDA needs the package numba-cuda, the CUDA toolkit, the NVIDIA driver and a device, but "
            f"{' and '.join(part.found for part in missing)}. {' '.join(part.remedy for part in missing)}"
        )


def _look() -> tuple[str, list[_Missing]]:
    """Return what was found and what is missing."""
    # The simulator runs kernels in Python: no toolkit, no driver and no device.
    simulated = bool(getattr(config, "ENABLE_CUDASIM", 0))
    hardware = "simulator (NUMBA_ENABLE_CUDASIM)" if simulated else _hardware()
    missing = []
    if importlib.util.find_spec("numba_cuda") is None:
        missing.append(_Missing("the package numba-cuda is not installed", f"Install the package: {INSTALL}."))
    elif not simulated and (libraries := _missing_libraries()):
        found = f"the CUDA toolkit is incomplete ({', '.join(libraries)} cannot be loaded)"
        missing.append(_Missing(found, f"Install the toolkit: {INSTALL}."))
    if isinstance(hardware, _Missing):
        return "", [*missing, hardware]
    return hardware, missing


def _missing_libraries() -> list[str]:
    """Return which libraries of the toolkit that numba-cuda compiles with cannot be loaded."""
    from cuda import pathfinder

    missing = []
    for library in ("nvvm", "nvrtc"):
        try:
            pathfinder.load_nvidia_dynamic_lib(library)
        except RuntimeError:  # the loader's own kind is one
            missing.append(library)
    return missing


def _hardware() -> str | _Missing:
    """Ask the driver for its devices."""
    try:
        driver = _load(DRIVER)
    except OSError:
        return _Missing(
            f"the NVIDIA driver ({DRIVER}) cannot be loaded",
            "Install the driver of the GPU (https://www.nvidia.com/drivers), or use a machine that has one.",
        )
    code = int(driver.cuInit(0))
    count = ctypes.c_int(0)
    if code == 0:
        code = int(driver.cuDeviceGetCount(ctypes.byref(count)))
    if code in (0, _NO_DEVICE) and count.value == 0:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        hint = "" if visible is None else f" (CUDA_VISIBLE_DEVICES is {visible!r})"
        return _Missing(
            f"the NVIDIA driver sees no device{hint}",
            "Look for the GPU with nvidia-smi, and make it visible: CUDA_VISIBLE_DEVICES must be unset or name it.",
        )
    if code != 0:
        return _Missing(
            f"the NVIDIA driver does not start ({_error(driver, code)})",
            "Look whether nvidia-smi works; after an update of the driver restart the machine.",
        )
    version = ctypes.c_int(0)
    driver.cuDriverGetVersion(ctypes.byref(version))
    supported = f"{version.value // 1000}.{version.value % 1000 // 10}"
    return f"{count.value} device{'s' * (count.value > 1)}, driver for CUDA {supported}"


def _load(library: str) -> Any:
    return ctypes.CDLL(library)


def _error(driver: Any, code: int) -> str:
    """Say what an error code of the driver means, in the driver's words."""
    text = ctypes.c_char_p()
    driver.cuGetErrorString(code, ctypes.byref(text))
    return f"error {code}" + (f", {text.value.decode()}" if text.value else "")
