"""What the functions of the bridge to PyTorch have in common: backward, forward and under ``vmap``.

Each is ``rule.apply(call, x, *vectors, *tensors)``. It is linear in the vectors, and what came as a tensor among the
arguments is constant.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch._functorch.pyfunctorch import TransformType, retrieve_all_functorch_interpreters

from jitgrad.bridges._refusal import FORWARD_IN_FORWARD

Do = Callable[..., Any]


class Rule(torch.autograd.Function):
    """What the functions below have in common.

    Methods of a class, where PyTorch's own examples have static ones: its look-up of them is the same.
    """

    verb: ClassVar[str]
    """Of the host."""
    vectors: ClassVar[int] = 0

    @classmethod
    def pull(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        """Return the cotangent of ``given[k]``, `x` or a vector, by way of ``do(rule, x, *vectors)``.

        `change` is the cotangent of the result.
        """
        raise NotImplementedError

    @classmethod
    def push(cls, k: int, do: Do, change: Any, *given: Any) -> Any:
        """Return the tangent of the result that comes from `change`, the tangent of ``given[k]``."""
        raise NotImplementedError

    @classmethod
    def forward(cls, call: Any, x: Any, *others: Any) -> Any:
        """Compute."""
        return call.compute(cls.verb, x, others[: cls.vectors], others[cls.vectors :])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what derivatives need."""
        del output
        ctx.call, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)
        ctx.set_materialize_grads(False)  # what has no tangent has None, and costs nothing

    @classmethod
    def vmap(cls, info: Any, in_dims: Any, call: Any, *tensors: Any) -> Any:
        """Put the mapped axis in front, where `Call` finds it."""
        del info
        pairs = zip(tensors, in_dims[1:], strict=True)
        return cls.apply(call, *(t.unsqueeze(0) if axis is None else t.movedim(axis, 0) for t, axis in pairs)), 0

    @classmethod
    def backward(cls, ctx: Any, cotangent: Any) -> Any:
        """Pull a cotangent back to what needs one."""
        do, given = cls._given(ctx)
        wanted = [cotangent is not None and need for need in ctx.needs_input_grad[1:]]
        found = (cls.pull(k, do, cotangent, *given) if wanted[k] else None for k in range(len(given)))
        return None, *found, *(None for _ in wanted[len(given) :])

    @classmethod
    def jvp(cls, ctx: Any, _: Any, *tangents: Any) -> Any:
        """Push tangents forward."""
        levels = [level.key() for level in retrieve_all_functorch_interpreters()]
        if levels.count(TransformType.Jvp) > 1:
            raise NotImplementedError(FORWARD_IN_FORWARD)
        do, given = cls._given(ctx)
        ctx.call.refuse(tangent is not None for tangent in tangents[len(given) :])
        found = [cls.push(k, do, tangents[k], *given) for k in range(len(given)) if tangents[k] is not None]
        return sum(found[1:], found[0])

    @classmethod
    def _given(cls, ctx: Any) -> tuple[Callable[..., Any], Any]:
        count = 1 + cls.vectors
        given, tensors = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        return lambda rule, *arrays: rule.apply(ctx.call, *arrays, *tensors), given


# PyTorch asks for it at every call, and working it out anew takes 10 us.
vars(Rule)["forward"].__func__.__signature__ = inspect.signature(lambda *_: None)
