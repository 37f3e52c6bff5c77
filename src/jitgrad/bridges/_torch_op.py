"""A loss as a registered operator of PyTorch, for `torch.compile(fullgraph=True)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from jitgrad.bridges._host import LossHost
from jitgrad.bridges._refusal import THIRD, by_argument
from jitgrad.bridges._torch_call import TorchCall

Compute = Callable[[str, torch.Tensor, list[torch.Tensor], list[torch.Tensor]], torch.Tensor]


def torch_custom_op(loss: Any, name: str, **options: Any) -> Callable[..., torch.Tensor]:
    """Register a loss as an operator of PyTorch, for `torch.compile(fullgraph=True)`.

    Parameters
    ----------
    loss, **options
        As in `torch_loss`.
    name : str
        Of the operator ``jitgrad::name``, once per process.

    Returns
    -------
    callable
        ``f(x, *args)``; the arguments are tensors, arrays or numbers. It can be differentiated twice backward, and not
        by `torch.func`.

    Raises
    ------
    TypeError, ValueError, NotImplementedError
        As in `torch_loss`.

    Examples
    --------
    >>> import numba, torch
    >>> import jitgrad as jg
    >>> @numba.njit
    ... def squares(x):
    ...     return (x * x).sum()
    >>> f = jg.torch_custom_op(squares, "squares")
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> f(x).backward()
    >>> x.grad
    tensor([2., 4.])
    """
    host = LossHost(loss, options)

    def compute(verb: str, x: torch.Tensor, vectors: list[torch.Tensor], tensors: list[torch.Tensor]) -> torch.Tensor:
        return TorchCall(host, x, tuple(tensors)).compute(verb, x, vectors, tensors)

    operator = register(name, compute)

    def call(x: torch.Tensor, *args: Any) -> Any:
        tensors = [torch.as_tensor(value) for value in args]
        for place, tensor in enumerate(tensors):
            if tensor.requires_grad:
                raise ValueError(by_argument(place))
        return operator(x, [], tensors)

    return call


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
