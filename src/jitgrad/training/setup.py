"""What stays the same through a training, and the data it is about."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from jitgrad.training.evaluate import Function
from jitgrad.training.networks import Networks, Optimizer
from jitgrad.training.objective import Objective
from jitgrad.training.options import Fitting, Sampling, Trust


class Setup(NamedTuple):
    """What stays the same through all rounds.

    Attributes
    ----------
    function : Function
    networks : Networks
    objective : callable
    sampling, fitting, trust : options
    make : tuple of callables
        What makes the optimisers of policy and surrogate.
    """

    function: Function
    networks: Networks
    objective: Objective
    sampling: Sampling
    fitting: Fitting
    trust: Trust
    make: tuple[Optimizer, Optimizer]


class Data(NamedTuple):
    """Rows of ``X`` and ``Y``, and the unit of distances of ``u``; tensors of the type of the policy.

    Attributes
    ----------
    x : tensor of shape (m, n)
    target : tensor of shape (m, ...)
    explore : tensor of shape () or (k,)
    """

    x: Any
    target: Any
    explore: Any


def measured(function: Function, u: Any, x: Any) -> Any:
    """Evaluate the function at rows of tensors; return a tensor of shape (m, p)."""
    y = function.evaluate(*(part.detach().cpu().double().numpy() for part in (u, x)))
    return torch.as_tensor(y, dtype=x.dtype, device=x.device)
