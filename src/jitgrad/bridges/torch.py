"""Losses and vector functions as parts of PyTorch programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from jitgrad.bridges._call import Call, plain, plain_points
from jitgrad.bridges._host import SECOND, THIRD, LayerHost, LossHost, by_argument, not_installed, not_real

try:
    import torch
except ImportError as error:
    raise ImportError(not_installed("PyTorch", "torch")) from error


def torch_loss(loss: Any, **options: Any) -> Callable[..., torch.Tensor]:
    host = LossHost(loss, options)
    return lambda x, *args: _applied(_Value, host, x, args)


def torch_layer(function: Any, **options: Any) -> Callable[..., torch.Tensor]:
    host = LayerHost(function, options)
    return lambda u, *args: _applied(_Outputs, host, u, args)


def _applied(function: Any, host: Any, x: torch.Tensor, args: tuple[Any, ...]) -> Any:
    call = _TorchCall(host, x, args)
    return function.apply(call, x, *call.tensors)


class _TorchCall(Call):
    """A call that remembers the gradient it computed together with the value."""

    def __init__(self, host: Any, x: torch.Tensor, args: tuple[Any, ...]) -> None:
        if not (isinstance(x, torch.Tensor) and x.is_floating_point()):
            raise TypeError(not_real("a tensor of PyTorch", x, "x.double()"))
        super().__init__(args, host.axes, x.dim(), lambda value: isinstance(value, torch.Tensor))
        for place, tensor in zip(self.places, self.tensors, strict=True):
            if tensor.requires_grad and torch.is_grad_enabled():
                raise ValueError(by_argument(place))
        self._host = host
        self._both = isinstance(host, LossHost) and x.requires_grad and torch.is_grad_enabled()
        self._known: tuple[torch.Tensor, Any] | None = None

    def compute(self, verb: str, x: torch.Tensor, vectors: Any, tensors: Any) -> torch.Tensor:
        """Compute outside of PyTorch; return a tensor of the type of `x`, on its device."""
        if verb == "gradient" and self._known is not None and torch.equal(self._known[0], x):
            return torch.as_tensor(self._known[1], dtype=x.dtype, device=x.device)
        on_gpu = x.is_cuda and self._host.on_gpu and verb != "product"
        if on_gpu:
            laid = self.lay(torch, x.detach().double(), vectors, [tensor.detach() for tensor in tensors])
            laid = self.finished(laid, torch.Tensor.contiguous, _on_gpu)
            torch.cuda.synchronize(x.device)  # the streams of PyTorch and of numba do not wait for each other
        else:
            laid = self.lay(np, _array(x), [_array(vector) for vector in vectors], [_array(t) for t in tensors])
            laid = self.finished(laid, plain_points, plain)
        if verb == "value" and self._both:
            result, gradient = self._host.value_and_gradient(laid)
            self._known = x.detach().clone(), gradient
        else:
            result = getattr(self._host, verb)(laid)
        if on_gpu:
            torch.cuda.synchronize(x.device)
        result = torch.as_tensor(result, dtype=x.dtype, device=x.device)
        # One value comes from a GPU in an array of shape (1,).
        return result.reshape(laid.x.shape[:-1]) if on_gpu and verb == "value" else result


def _array(tensor: torch.Tensor) -> Any:
    """Return a tensor as an array of NumPy, which has no bfloat16; `force` also cuts it off from its history."""
    return (tensor.double() if tensor.is_floating_point() else tensor).numpy(force=True)


def _on_gpu(tensor: torch.Tensor) -> Any:
    tensor = tensor.double() if tensor.is_floating_point() else tensor
    return tensor.contiguous() if tensor.dim() else tensor.item()


class _Link(torch.autograd.Function):
    """What the functions below have in common: ``apply(call, x, *vectors, *tensors)``."""

    verb: ClassVar[str]
    vectors: ClassVar[int] = 0

    @classmethod
    def forward(cls, call: _TorchCall, x: Any, *others: Any) -> Any:
        return call.compute(cls.verb, x, others[: cls.vectors], others[cls.vectors :])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        del output
        ctx.call, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)
        ctx.set_materialize_grads(False)  # noqa: FBT003  # what has no tangent has None

    @classmethod
    def vmap(cls, info: Any, in_dims: Any, call: _TorchCall, *tensors: Any) -> Any:
        del info
        pairs = zip(tensors, in_dims[1:], strict=True)
        return cls.apply(call, *(t.unsqueeze(0) if axis is None else t.movedim(axis, 0) for t, axis in pairs)), 0


class _Changing(_Link):
    """A function of ``x``: a tangent goes through `pushed`, a cotangent through `pulled`, both functions of both."""

    @classmethod
    def backward(cls, ctx: Any, cotangent: Any) -> Any:
        x, *tensors = ctx.saved_tensors
        wanted = cotangent is not None and ctx.needs_input_grad[1]
        found = cls.pulled(ctx.call, x, cotangent, *tensors) if wanted else None
        return None, found, *(None for _ in tensors)

    @classmethod
    def jvp(cls, ctx: Any, _: Any, tangent: Any, *others: Any) -> Any:
        _refuse_tangents(ctx.call, others)
        x, *tensors = ctx.saved_tensors
        return cls.pushed(ctx.call, x, tangent, *tensors)
