"""What the policy is trained for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Objective = Callable[[Any, Any], Any]


def mean_objective(objective: Objective, y: Any, target: Any) -> Any:
    """Return the objective of some samples: the mean, if it gives one number for each.

    Raises
    ------
    TypeError
        If it gives no tensor of real numbers.
    """
    value = objective(y, target)
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        raise TypeError(
            f"objective must return a tensor of real numbers, got {value!r}. Compute it from y and the target with "
            "functions of torch."
        )
    return value.mean()


def squared_error(y: Any, target: Any) -> Any:
    """Return the mean squared error.

    Raises
    ------
    ValueError
        If the shapes differ: tensors would be spread over each other without a word.
    """
    if y.shape != target.shape:
        raise ValueError(
            f"Y must have one column per output of the function, {y.shape[1]}, got rows of shape "
            f"{tuple(target.shape[1:])}. Or pass objective=, a function of y and rows of Y."
        )
    return torch.nn.functional.mse_loss(y, target)
