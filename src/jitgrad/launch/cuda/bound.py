"""A loss together with the arguments of one call, compiled for the GPUs that evaluate it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numba.core import types

from jitgrad._types import Array
from jitgrad.launch.cuda.arguments import DeviceArguments
from jitgrad.launch.cuda.device import Compiled, Device, on_device
from jitgrad.launch.cuda.kernels import COPIES, FORMS, probe_kernel
from jitgrad.launch.cuda.place import Place, known_kernels
from jitgrad.launch.cuda.runner import ARENAS, INDEX, VALUES, Runner
from jitgrad.launch.cuda.terms import TermRunner, term_of, terms_kernel, terms_signature
from jitgrad.loss.accept import loss_name
from jitgrad.loss.arguments import batched_arguments, call_from_python
from jitgrad.loss.device.form import compile_simulated, device_form
from jitgrad.loss.device.pick import picked, picker
from jitgrad.loss.device.refusal import refusal
from jitgrad.loss.device.target import SIMULATED
from jitgrad.loss.device.view import MOST_VIEWED, view_type
from jitgrad.loss.separable import Separable

_STATUSES = types.int8[::1]


class CudaLoss:
    """A loss on some devices.

    Parameters
    ----------
    loss : callable
    points : ndarray of shape (m, n)
        Points of the batch, at least one; float64 or float32.
    args, axes, batch
        As in `jitgrad.loss.bind.bind`; arrays may lie on a device.
    devices : tuple of Device

    Attributes
    ----------
    separable : Separable or None
        The loss, if it is a sum of terms; `loss` is its sum then.
    places : list of Place
        The devices, with what the loss needs on them.
    lock : threading.Lock
        To be held by whoever uses the buffers of a place.

    Raises
    ------
    LossCompileError
        If the loss does not compile for a GPU.
    """

    def __init__(
        self,
        loss: Any,
        points: Array,
        args: tuple[Any, ...],
        axes: tuple[int | None, ...],
        batch: tuple[int, ...],
        devices: tuple[Device, ...],
    ) -> None:
        self.separable = loss if isinstance(loss, Separable) else None
        self.loss = loss.loss if isinstance(loss, Separable) else loss
        self.lock = threading.Lock()
        self._arguments = batched_arguments(self.loss, args, axes, batch)
        self.places = [
            Place(
                device,
                DeviceArguments(device, self.loss, self._arguments),
                points.shape[1],
                points.dtype,
                loss_name(loss),
            )
            for device in devices
        ]

    def refresh(self) -> None:
        """Copy arguments again that have changed."""
        for place in self.places:
            place.arguments.refresh()

    def runner(self, k: int, *, replacing: bool) -> Runner:
        """Return the kernel for place `k`: views of ``x`` where they will do, else copies.

        Parameters
        ----------
        k : int
        replacing : bool
            Whether the probes replace one coordinate at most, which is all that a view can do.

        Raises
        ------
        LossCompileError
            If the loss does not compile for a GPU.
        """
        place = self.places[k]
        replacing = replacing and place.n <= MOST_VIEWED
        if replacing and self.separable is not None:
            terms = self._kernel(place, "terms")
            if isinstance(terms, Compiled):
                return TermRunner(place, terms)
        *better, last = FORMS if replacing else COPIES
        for form in better:
            found = self._kernel(place, form)
            if isinstance(found, Compiled):
                return Runner(place, found, form)
        found = self._kernel(place, last)
        if isinstance(found, Compiled):
            return Runner(place, found, last)
        raise found

    def _kernel(self, place: Place, form: str) -> Compiled | Exception:
        """Compile a kernel, or say why that cannot be; remembered."""
        known, arguments = known_kernels(self.loss), place.arguments
        key = (*place.key, form, place.dtype, arguments.kinds, arguments.vary)
        if key not in known:
            known[key] = self._compile(place, form)
        return known[key]

    def _compile(self, place: Place, form: str) -> Compiled | Exception:
        arguments = place.arguments
        number = types.float64 if place.dtype == np.float64 else types.float32
        matrix, vector = number[:, ::1], number[::1]
        args = types.BaseTuple.from_types(arguments.kinds) if arguments.kinds else types.Tuple(())
        signature = (
            matrix, INDEX, INDEX, INDEX, vector, INDEX, vector, matrix,
            args, matrix, ARENAS, VALUES, _STATUSES,
        )  # fmt: skip
        try:
            if form == "terms":
                return self._compile_terms(place, view_type(vector))
            if SIMULATED:
                x = view_type(vector) if form == "view" else vector
                compile_simulated(self.loss, x, picked(arguments.kinds, arguments.vary))
            call, pick = device_form(self.loss), picker(arguments.vary)
            return place.device.compile(probe_kernel(call, pick, form), signature)
        except Exception as error:  # noqa: BLE001  # numba raises whatever occurs to it for what it cannot compile
            refused = refusal(error, self.loss, (vector, *arguments.kinds))
            refused.__cause__ = error
            return refused

    def _compile_terms(self, place: Place, view: Any) -> Compiled:
        assert self.separable is not None
        term, count, arguments = term_of(self.separable), self.separable.count, place.arguments
        if SIMULATED:
            kinds = picked(arguments.kinds, arguments.vary)
            compile_simulated(term, view, (types.int64, *kinds))
            compile_simulated(count, view, kinds)
        kernel = terms_kernel(device_form(term), device_form(count), picker(arguments.vary))
        return place.device.compile(kernel, terms_signature(place))

    def evaluate(self, x: Array, point: int) -> Any:
        """Call the loss itself, from Python, at one point; the caller's arguments are not handed out."""
        values, device = self._arguments.at(point), self.places[0].device
        here = tuple(device.get(value) if on_device(value) else value for value in values)
        return call_from_python(self.loss, x, here)
