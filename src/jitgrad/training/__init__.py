"""Networks trained through functions without derivatives, by way of a second network that learns the function."""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        "jitgrad.training needs PyTorch, which is not installed. Run: pip install torch, or see pytorch.org.",
        name=error.name,
    ) from error

from jitgrad.training.history import History as History
from jitgrad.training.history import Round as Round
from jitgrad.training.options import Fitting as Fitting
from jitgrad.training.options import Sampling as Sampling
from jitgrad.training.options import Trust as Trust
from jitgrad.training.trainer import SurrogateTrainer as SurrogateTrainer
