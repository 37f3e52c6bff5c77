"""How the bridge to PyTorch computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from jitgrad.bridges._call import Call, plain, plain_points
from jitgrad.bridges._refusal import not_real


class TorchCall(Call):
    """A call that remembers the gradient it computed together with the value."""

    def __init__(self, host: Any, x: torch.Tensor, args: tuple[Any, ...]) -> None:
        if not (isinstance(x, torch.Tensor) and x.is_floating_point()):
            raise TypeError(not_real("a tensor of PyTorch", x, "x.double()"))
        super().__init__(args, host.axes, x.dim(), lambda value: isinstance(value, torch.Tensor))
        self.refuse(tensor.requires_grad and torch.is_grad_enabled() for tensor in self.tensors)
        self._host = host
        self._both = x.requires_grad and torch.is_grad_enabled()
        self._known: tuple[Any, Any] | None = None

    def compute(self, verb: str, x: torch.Tensor, vectors: Any, tensors: Any) -> torch.Tensor:
        """Compute outside of PyTorch; return a tensor of the type of `x`, on its device."""
        on_gpu = x.is_cuda and self._host.on_gpu and verb != "product"
        point = x.detach().double() if on_gpu else _array(x)
        known = self._known if verb == "gradient" else None
        if known is not None and (torch.equal if on_gpu else np.array_equal)(known[0], point):
            return torch.as_tensor(known[1], dtype=x.dtype, device=x.device)
        if on_gpu:
            laid = self.lay(torch, point, vectors, [tensor.detach() for tensor in tensors])
            laid = self.finished(laid, torch.Tensor.contiguous, _on_gpu)
            torch.cuda.synchronize(x.device)  # the streams of PyTorch and of numba do not wait for each other
        else:
            laid = self.lay(np, point, [_array(vector) for vector in vectors], [_array(t) for t in tensors])
            laid = self.finished(laid, plain_points, plain)
        if verb == "value" and self._both:
            result, gradient = self._host.value_and_gradient(laid)
            self._known = (point.clone() if on_gpu else point.copy()), gradient
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
