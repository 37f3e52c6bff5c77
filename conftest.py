"""Modules that import optional packages are looked at for examples where those are installed only."""

import importlib.util
from pathlib import Path

_SOURCE = Path(__file__).parent / "src" / "jitgrad"
_MODULES = {
    "numba_cuda": [_SOURCE / "loss" / "device", _SOURCE / "launch" / "cuda", _SOURCE / "prepared" / "cuda"],
    **{name: sorted((_SOURCE / "bridges").glob(f"*{name}*.py")) for name in ("jax", "tensorflow")},
    "torch": [*sorted((_SOURCE / "bridges").glob("*torch*.py")), _SOURCE / "training"],
}
_MISSING = [modules for package, modules in _MODULES.items() if importlib.util.find_spec(package) is None]
collect_ignore = [str(module) for modules in _MISSING for module in modules]


def pytest_configure(config):
    """Load what `torch.compile` needs before TensorFlow: after it, that crashes the process (PyTorch 2.14).

    Modules are imported when examples are collected, and the example that compiles is run later.
    """
    if config.getoption("doctestmodules") and all(map(importlib.util.find_spec, ("torch", "tensorflow"))):
        import torch._dynamo  # noqa: F401
