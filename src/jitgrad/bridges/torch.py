"""Losses and vector functions as parts of PyTorch programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jitgrad.bridges._host import LayerHost, LossHost
from jitgrad.bridges._refusal import not_installed

try:
    import torch
except ImportError as error:
    raise ImportError(not_installed("PyTorch", "torch")) from error

from jitgrad.bridges._torch_call import TorchCall
from jitgrad.bridges._torch_op import torch_custom_op
from jitgrad.bridges._torch_rules import Outputs, Value

__all__ = ["torch_custom_op", "torch_layer", "torch_loss"]


def torch_loss(loss: Any, **options: Any) -> Callable[..., torch.Tensor]:
    """Make a loss a part of a PyTorch program, with first and second derivatives.

    Parameters
    ----------
    loss : function
        ``loss(x, *args) -> float``, as `gradient_of` takes it.
    **options
        Of `gradient_of`. Second derivatives have steps and formulas of their own.

    Returns
    -------
    callable
        ``f(x, *args)``: a tensor without dimensions for `x` of shape (n,), of shape (...) for a batch (..., n). It has
        the type and the device of `x`; all is computed in float64. Tensors among `args` reach the loss as NumPy arrays,
        floating ones in float64 and those without dimensions as numbers; the rest as it is. They are constants.

    Raises
    ------
    TypeError
        If `x` does not hold floating-point numbers.
    ValueError
        If a derivative by one of `args` is asked for.
    NotImplementedError
        If a third derivative is asked for, or forward mode inside of forward mode.

    Notes
    -----
    The gradient is computed together with the value where `x` requires one, and not at all where it does not. It works
    with `backward`, `torch.autograd.grad` and `torch.func` (`grad`, `vmap`, `jacrev`, `jacfwd`, `jvp`, `hessian`); for
    `torch.compile(fullgraph=True)` see `torch_custom_op`. With ``device="cuda"`` tensors on a GPU stay there.

    Examples
    --------
    >>> import numba, torch
    >>> import jitgrad as jg
    >>> @numba.njit
    ... def loss(x, a):
    ...     return a * (x * x).sum()
    >>> f = jg.torch_loss(loss)
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> f(x, 3.0).backward()
    >>> x.grad
    tensor([ 6., 12.])
    """
    host = LossHost(loss, options)
    return lambda x, *args: _applied(Value, host, x, args)


def torch_layer(function: Any, **options: Any) -> Callable[..., torch.Tensor]:
    """Make a vector function of every sample a layer of a PyTorch program.

    Parameters
    ----------
    function : numba-jitted function
        ``F(u, *args)``, as `values_cpu` takes it: p numbers for the k numbers of a sample.
    **options
        Of `vjp_cpu`.

    Returns
    -------
    callable
        ``y = f(u, *args)`` of shape (..., p) for `u` of shape (..., k). Going back is one vector-Jacobian
        product for all samples.

    Raises
    ------
    TypeError, ValueError, NotImplementedError
        As in `torch_loss`.

    Examples
    --------
    >>> import numba, torch
    >>> import jitgrad as jg
    >>> @numba.njit
    ... def F(u):
    ...     return u[0] * u[1], 3.0 * u[0]
    >>> f = jg.torch_layer(F)
    >>> u = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> f(u).sum().backward()
    >>> u.grad
    tensor([[5., 1.],
            [7., 3.]])
    """
    host = LayerHost(function, options)
    return lambda u, *args: _applied(Outputs, host, u, args)


def _applied(rule: Any, host: Any, x: torch.Tensor, args: tuple[Any, ...]) -> Any:
    call = TorchCall(host, x, args)
    return rule.apply(call, x, *call.tensors)
