"""What the bridges compute, outside of any framework: values and derivatives of losses and of vector functions."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.bridges._call import Laid
from jitgrad.gradient import gradient_of
from jitgrad.hessian import hvp_of
from jitgrad.jacobian import values_of
from jitgrad.prepared.devices import device_for
from jitgrad.prepared.options import LineOptionsOf, SecondOptionsOf
from jitgrad.products import jvp_of, vjp_of

_OF_FIRST_DERIVATIVES = frozenset(("args_axes", "order", "step"))
"""Options that second derivatives do without: a step that suits a first derivative is too small for a second."""

_NONE: tuple[int, ...] = ()
"""No coordinate: what differentiates by none of them evaluates the loss once."""


class Host:
    """A user's function and the options of its bridge; whatever derives from it is prepared once per axes.

    Parameters
    ----------
    function : function
    options : dict
    """

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        self.function = function
        self.options = {name: value for name, value in options.items() if name != "args_axes"}
        self.axes = options.get("args_axes")
        self._prepared: dict[Any, Any] = {}

    def prepared(self, make: Any, function: Any, axes: Any, options: dict[str, Any]) -> Any:
        """Return ``make(function, **options)`` for such axes of the arguments, from an earlier call if there was one.

        Parameters
        ----------
        make : callable
            One of the verbs that end in ``_of``.
        function : function
        axes : tuple
        options : dict
            Always the same for the same `make`, apart from ``coords=_NONE``.
        """
        key = (make, function, axes, options.get("coords") is _NONE)
        if key not in self._prepared:
            self._prepared[key] = make(function, args_axes=axes, **options)
        return self._prepared[key]

    def second(self, function: Any, axes: Any) -> Any:
        """Prepare Hessian-vector products."""
        known = self._known_to(SecondOptionsOf.__annotations__, _OF_FIRST_DERIVATIVES)
        return self.prepared(hvp_of, function, axes, known)

    def complete(self, derivatives: Any, n: int) -> Any:
        """Put 0 where the option ``coords`` leaves out a coordinate."""
        if self.options.get("coords") is None:
            return derivatives
        array = getattr(derivatives, "copy_to_host", lambda: derivatives)()
        complete = np.zeros((*array.shape[:-1], n))
        complete[..., np.asarray(self.options["coords"])] = array
        return complete

    def chosen(self, vector: FloatArray) -> FloatArray:
        """Return a direction without the coordinates that the option ``coords`` leaves out: they are constants."""
        if self.options.get("coords") is None:
            return vector
        return np.asarray(self.complete(vector[..., np.asarray(self.options["coords"])], vector.shape[-1]))

    def _known_to(self, known: Any, without: frozenset[str] = frozenset(("args_axes",))) -> dict[str, Any]:
        return {name: value for name, value in self.options.items() if name in known and name not in without}


class LossHost(Host):
    """A loss, its gradient and its Hessian times a vector, at points in float64."""

    def __init__(self, loss: Any, options: dict[str, Any]) -> None:
        super().__init__(loss, options)
        gradient_of(loss, **options)  # wrong options are refused before the first call
        self.on_gpu = options.get("device") == "cuda"

    def value(self, laid: Laid) -> Any:
        """Evaluate the loss, once per point: the gradient by no coordinate."""
        nothing = {**self.options, "coords": _NONE}
        return self.prepared(gradient_of, self.function, laid.axes, nothing).value_and_grad(laid.x, *laid.args)[0]

    def value_and_gradient(self, laid: Laid) -> tuple[Any, Any]:
        """Compute values of shape (...) and gradients of shape (..., n)."""
        g = self.prepared(gradient_of, self.function, laid.axes, self.options)
        value, gradient = g.value_and_grad(laid.x, *laid.args)
        return value, self.complete(gradient, laid.x.shape[-1])

    def gradient(self, laid: Laid) -> Any:
        """Compute gradients of shape (..., n)."""
        g = self.prepared(gradient_of, self.function, laid.axes, self.options)
        return self.complete(g(laid.x, *laid.args), laid.x.shape[-1])

    def product(self, laid: Laid) -> Array:
        """Compute the Hessian times the one vector, of shape (..., n)."""
        (vector,) = laid.vectors
        found = self.second(self.function, laid.axes)(laid.x, self.chosen(vector), *laid.args)
        return np.asarray(self.complete(found, laid.x.shape[-1]))


class LayerHost(Host):
    """A vector function of every sample, and products of its derivatives with vectors, in float64."""

    on_gpu = False

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        super().__init__(function, options)
        vjp_of(function, **options)
        self._device = device_for(options, lanes=True)[0]

    def outputs(self, laid: Laid) -> Array:
        """Evaluate the function: shape (..., p)."""
        known = self._known_to(inspect.signature(values_of).parameters)
        return np.asarray(self.prepared(values_of, self.function, laid.axes, known)(laid.x, *laid.args))

    def pulled(self, laid: Laid) -> Array:
        """Compute the one vector, of shape (..., p), times the Jacobian: shape (..., k)."""
        vjp = self.prepared(vjp_of, self.function, laid.axes, self.options)
        return np.asarray(self.complete(vjp(laid.x, *laid.vectors, *laid.args), laid.x.shape[-1]))

    def pushed(self, laid: Laid) -> Array:
        """Compute the Jacobian times the one vector, of shape (..., k): shape (..., p)."""
        jvp = self.prepared(jvp_of, self.function, laid.axes, self._known_to(LineOptionsOf.__annotations__))
        return np.asarray(jvp(laid.x, self.chosen(laid.vectors[0]), *laid.args))

    def curved(self, laid: Laid) -> Array:
        """Compute the Hessian of ``w . F(u)``, for the first vector w, times the second: shape (..., k)."""
        w, vector = laid.vectors
        weighted = self._device.derived("weighted", self.function, laid.args)
        axes = (0 if laid.x.ndim > 1 else None, *laid.axes)
        found = self.second(weighted, axes)(laid.x, self.chosen(vector), w, *laid.args)
        return np.asarray(self.complete(found, laid.x.shape[-1]))
