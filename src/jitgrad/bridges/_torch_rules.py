"""Which function is the derivative of which, for PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.forward_ad import unpack_dual

from jitgrad.bridges._refusal import FORWARD_TWICE, THIRD
from jitgrad.bridges._torch_rule import Do, Rule


class Value(Rule):
    """A loss."""

    verb = "value"

    @classmethod
    def backward(cls, ctx: Any, cotangent: Any) -> Any:
        x, *tensors = ctx.saved_tensors
        if torch.is_grad_enabled() or unpack_dual(x).tangent is not None:
            return super().backward(ctx, cotangent)
        # Without a derivative to note there is no need for PyTorch to know of the gradient, which takes 20 us.
        wanted = cotangent is not None and ctx.needs_input_grad[1]
        found = cotangent.unsqueeze(-1) * ctx.call.compute("gradient", x, (), tensors) if wanted else None
        return None, found, *(None for _ in tensors)

    @classmethod
    def pull(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        (x,) = given
        return change.unsqueeze(-1) * do(Gradient, x)

    @classmethod
    def push(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        (x,) = given
        return (do(Gradient, x) * change).sum(-1)


class Gradient(Rule):
    """Its gradient."""

    verb = "gradient"

    @classmethod
    def pull(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        return do(Product, given[0], change)

    push = pull


class Product(Rule):
    """Its Hessian times a vector."""

    verb, vectors = "product", 1

    @classmethod
    def pull(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        if k == 0:
            raise NotImplementedError(THIRD)
        return do(Product, given[0], change)

    push = pull


class Outputs(Rule):
    """A function of several outputs."""

    verb = "outputs"

    @classmethod
    def pull(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        (u,) = given
        return do(Pulled, u, change)

    @classmethod
    def push(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        (u,) = given
        return do(Pushed, u, change)


class Pulled(Rule):
    """A vector times its Jacobian."""

    verb, vectors = "pulled", 1

    @classmethod
    def pull(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        u, w = given
        return do(Curved, u, w, change) if k == 0 else do(Pushed, u, change)

    @classmethod
    def push(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        u, w = given
        return do(Curved, u, w, change) if k == 0 else do(Pulled, u, change)


class Pushed(Rule):
    """Its Jacobian times a vector."""

    verb, vectors = "pushed", 1

    @classmethod
    def pull(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        u, v = given
        return do(Curved, u, change, v) if k == 0 else do(Pulled, u, change)

    @classmethod
    def push(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        u, _v = given
        if k == 0:
            raise NotImplementedError(FORWARD_TWICE)
        return do(Pushed, u, change)


class Curved(Rule):
    """The Hessian of ``w . F(u)`` times a vector."""

    verb, vectors = "curved", 2

    @classmethod
    def pull(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        raise NotImplementedError(THIRD)

    push = pull
