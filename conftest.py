"""Modules that import optional packages are looked at for examples where those are installed only."""

import importlib.util
from pathlib import Path

_SOURCE = Path(__file__).parent / "src" / "jitgrad"
_MODULES = {
    "numba_cuda": [_SOURCE / "loss" / "device", _SOURCE / "launch" / "cuda", _SOURCE / "prepared" / "cuda"],
    **{name: sorted((_SOURCE / "bridges").glob(f"*{name}*.py")) for name in ("jax", "tensorflow", "torch")},
}
_MISSING = [modules for package, modules in _MODULES.items() if importlib.util.find_spec(package) is None]
collect_ignore = [str(module) for modules in _MISSING for module in modules]
