"""A loss as a registered operator of PyTorch, for `torch.compile(fullgraph=True)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from jitgrad.bridges._refusal import THIRD

Compute = Callable[[str, torch.Tensor, list[torch.Tensor], list[torch.Tensor]], torch.Tensor]


def register(name: str, compute: Compute) -> Any:
    """Register a loss, its gradient and its Hessian-vector product, each the derivative of the one before.

    Parameters
    ----------
    name : str
        Of the operator ``jitgrad::name``.
    compute : callable
        ``compute(verb, x, vectors, tensors)``.

    Returns
    -------
    operator
        ``operator(x, vectors, tensors)``, without vectors.
    """
    value, gradient, product = (_operator(name, verb, compute) for verb in ("value", "gradient", "product"))

    def keep(ctx: Any, inputs: Any, output: Any) -> None:
        del output
        x, vectors, tensors = inputs
        ctx.counts = len(vectors), len(tensors)
        ctx.save_for_backward(x, *tensors)

    def pull_value(ctx: Any, cotangent: Any) -> Any:
        x, *tensors = ctx.saved_tensors
        return cotangent.unsqueeze(-1) * gradient(x, [], tensors), [], [None] * ctx.counts[1]

    def pull_gradient(ctx: Any, cotangent: Any) -> Any:
        x, *tensors = ctx.saved_tensors
        return product(x, [cotangent], tensors), [], [None] * ctx.counts[1]

    def refuse(ctx: Any, cotangent: Any) -> Any:
        del ctx, cotangent
        raise NotImplementedError(THIRD)

    value.register_autograd(pull_value, setup_context=keep)
    gradient.register_autograd(pull_gradient, setup_context=keep)
    product.register_autograd(refuse, setup_context=keep)
    return value


def _operator(name: str, verb: str, compute: Compute) -> Any:
    def run(x: Any, vectors: Any, tensors: Any) -> Any:
        result = compute(verb, x, vectors, tensors)
        # Memory of PyTorch's own: an operator may not return what somebody else holds.
        return result.clone()

    label = f"jitgrad::{name}" if verb == "value" else f"jitgrad::{name}_{verb}"
    schema = "(Tensor x, Tensor[] vectors, Tensor[] tensors) -> Tensor"
    operator = torch.library.custom_op(label, run, mutates_args=(), schema=schema)
    shape = (lambda x, *_: x.new_empty(x.shape[:-1])) if verb == "value" else (lambda x, *_: x.new_empty(x.shape))
    operator.register_fake(shape)
    return operator
