"""What the bridges compute, outside of any framework: values and derivatives of losses and of vector functions."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

import jitgrad as jg
from jitgrad.bridges._call import Laid
from jitgrad.loss.arguments import batched_arguments, call_from_python

_OF_FIRST_DERIVATIVES = frozenset(("args_axes", "coords", "device", "estimator", "method", "order", "step"))
"""Options that second derivatives do without: a step that suits a first derivative is too small for a second."""

THIRD = (
    "jitgrad has first and second derivatives of a loss, and a third one was asked for. Detach the second one, or "
    "write the loss in the framework itself."
)
SECOND = (
    "jitgrad has first derivatives of a vector function, and a second one was asked for. Make the loss that follows it "
    "a part of the jitted function and use the bridge for losses, which has second derivatives."
)


def refusal(place: int) -> str:
    """Say that a derivative by an argument was asked for."""
    return (
        f"a derivative must be by the first argument, and one by args[{place}] was asked for: the other arguments are "
        "constants. Join it to the first argument, or cut it off (detach, stop_gradient)."
    )


def not_installed(package: str, extra: str) -> str:
    """Say how to install a framework."""
    return f"jitgrad.bridges.{extra} needs {package}, which is not installed. Install it: pip install 'jitgrad[{extra}]'"


class LossHost:
    """A loss, its gradient and its Hessian times a vector, at points in float64.

    Parameters
    ----------
    loss : function
    options : dict
        Of `gradient_of`.
    """

    def __init__(self, loss: Any, options: dict[str, Any]) -> None:
        self.axes = options.get("args_axes")
        self._loss, self._options = loss, options
        self._prepared: dict[Any, Any] = {}
        self._gradient_of(self.axes)  # wrong options are refused before the first call

    def value(self, laid: Laid) -> Any:
        """Evaluate the loss, once per point: the gradient by no coordinate."""
        return self._gradient_of(laid.axes, coords=()).value_and_grad(laid.x, *laid.args)[0]

    def value_and_gradient(self, laid: Laid) -> tuple[Any, Any]:
        """Compute values of shape (...) and gradients of shape (..., n)."""
        value, gradient = self._gradient_of(laid.axes).value_and_grad(laid.x, *laid.args)
        return value, self._complete(gradient, laid.x.shape)

    def gradient(self, laid: Laid) -> Any:
        """Compute gradients of shape (..., n)."""
        return self._complete(self._gradient_of(laid.axes)(laid.x, *laid.args), laid.x.shape)

    def product(self, laid: Laid) -> Any:
        """Compute the Hessian times the one vector, of shape (..., n)."""
        (vector,) = laid.vectors
        chosen = self._chosen(laid.x.shape[-1])
        if chosen is not None:  # the other coordinates are constants
            vector = vector * chosen
        found = _computed("hvp", self._loss, self._options, laid, vector)
        return found if chosen is None else found * chosen

    def _gradient_of(self, axes: Any, **others: Any) -> Any:
        key = (axes, *others)
        if key not in self._prepared:
            self._prepared[key] = jg.gradient_of(self._loss, **{**self._options, "args_axes": axes, **others})
        return self._prepared[key]

    def _complete(self, gradient: Any, shape: tuple[int, ...]) -> Any:
        """Put 0 where the option ``coords`` leaves out a coordinate."""
        chosen = self._chosen(shape[-1])
        if chosen is None:
            return gradient
        complete = np.zeros(shape)
        complete[..., np.asarray(self._options["coords"])] = getattr(gradient, "copy_to_host", lambda: gradient)()
        return complete

    def _chosen(self, n: int) -> Any:
        if self._options.get("coords") is None:
            return None
        chosen = np.zeros(n)
        chosen[np.asarray(self._options["coords"])] = 1.0
        return chosen


class LayerHost:
    """A vector function of every sample, and its Jacobian times vectors from either side, in float64.

    Parameters
    ----------
    function : function
        ``function(u, *args)``, an array of p numbers.
    options : dict
        Of `vjp_cpu`.
    """

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        self.axes = options.get("args_axes")
        self._function, self._options = function, options

    def value(self, laid: Laid) -> Any:
        """Evaluate the function: shape (..., p)."""
        batch = laid.x.shape[:-1]
        given = batched_arguments(self._function, laid.args, laid.axes, batch)
        rows = laid.x.reshape(-1, laid.x.shape[-1])
        outputs = [call_from_python(self._function, row, given.at(point)) for point, row in enumerate(rows)]
        return np.array(outputs, np.float64).reshape(*batch, -1)

    def pulled(self, laid: Laid) -> Any:
        """Compute the one vector, of shape (..., p), times the Jacobian: shape (..., k)."""
        return _computed("vjp", self._function, self._options, laid, *laid.vectors)

    def pushed(self, laid: Laid) -> Any:
        """Compute the Jacobian times the one vector, of shape (..., k): shape (..., p)."""
        return _computed("jvp", self._function, self._options, laid, *laid.vectors)


def _computed(verb: str, function: Any, options: dict[str, Any], laid: Laid, vector: Any) -> Any:
    """Call ``verb_cpu(function, x, vector)``, or that of another device, with the options that it has."""
    device = options.get("device", "cpu")
    compute = getattr(jg, f"{verb}_{device}", None)
    if compute is None:
        raise NotImplementedError(f"device must be one that {verb} exists for, got {device!r}. Use device='cpu'.")
    known = inspect.signature(compute).parameters
    others = {name: value for name, value in options.items() if name in known}
    if verb == "hvp":
        others = {name: value for name, value in others.items() if name not in _OF_FIRST_DERIVATIVES}
    others["args_axes"] = laid.axes
    return compute(function, laid.x, vector, args=laid.args, **others)
