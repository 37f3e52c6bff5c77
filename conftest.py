"""Modules that import numba-cuda or PyTorch are looked at for examples where these are installed only."""

import importlib.util

collect_ignore = []
if importlib.util.find_spec("torch") is None:
    collect_ignore += ["src/jitgrad/bridges/torch.py", "src/jitgrad/training"]
if importlib.util.find_spec("numba_cuda") is None:
    collect_ignore += ["src/jitgrad/loss/device", "src/jitgrad/launch/cuda", "src/jitgrad/prepared/cuda"]
