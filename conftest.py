"""Modules that import numba-cuda are looked at for examples where it is installed only."""

import importlib.util

if importlib.util.find_spec("numba_cuda") is None:
    collect_ignore = ["src/jitgrad/loss/device", "src/jitgrad/launch/cuda", "src/jitgrad/prepared/cuda"]
