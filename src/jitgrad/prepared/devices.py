"""What differs between jitted functions and black boxes for all derivatives that are built on gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from jitgrad import _check
from jitgrad._types import Array, FloatArray, Vectorize
from jitgrad.launch.probes import Probes
from jitgrad.launch.rows import Outputs
from jitgrad.loss.accept import jitted_loss
from jitgrad.loss.derived import Form, derived_loss
from jitgrad.prepared.gradient import Gradient, rows_of
from jitgrad.prepared.options import CALLED, split_options


class Evaluable(Protocol):
    """A function of several outputs with its arguments, ready to be evaluated around some points.

    Attributes
    ----------
    width : int
        How many outputs it has; known after `count` or `evaluate`, as `number` is.
    number : bool
        Whether it returns one number and no outputs.
    """

    @property
    def width(self) -> int:
        """How many outputs it has."""
        ...

    @property
    def number(self) -> bool:
        """Whether it returns one number."""
        ...

    def count(self, first: Callable[[], tuple[Probes, int]]) -> int:
        """Find out how many outputs there are.

        Parameters
        ----------
        first : callable
            Returns the list that will be evaluated first, and how many probes at its beginning are not wanted.
        """
        ...

    def evaluate(self, probes: Probes, skip: int = 0, *, forgive: bool = False) -> FloatArray:
        """Return one row of outputs per probe; see `jitgrad.launch.rows.Outputs.evaluate`."""
        ...


class Device(Protocol):
    """Where functions are evaluated, and what makes gradients and losses there.

    Attributes
    ----------
    compiled : bool
        Whether a function is compiled, which shows what it returns before it is called.
    """

    compiled: bool

    def accept(self, function: Any) -> Any:
        """Return a function, or what stands for it, or raise if it is none for this device."""
        ...

    def derived(self, form: Form, function: Any, args: tuple[Any, ...]) -> Any:
        """Return the loss of a form (`jitgrad.loss.derived`) for a function that is called with these `args`."""
        ...

    def gradient(self, loss: Any, **options: Any) -> Gradient:
        """Prepare the gradient of a loss."""
        ...

    def outputs(
        self,
        function: Any,
        points: Array,
        args: tuple[Any, ...],
        axes: tuple[int | None, ...],
        known: Any = None,
        number: bool = False,
    ) -> Evaluable:
        """Prepare to evaluate a function of several outputs.

        Parameters
        ----------
        function : callable
        points : ndarray of shape (..., k)
        args, axes : tuple
        known : Evaluable, optional
            The same for points of the same shape and type, from an earlier call.
        number : bool, default False
            Whether the function may return one number. Nobody asks that of what is compiled.
        """
        ...

    def call(self) -> AbstractContextManager[None]:
        """Hold what the probe lists of one call share."""
        ...


class Cpu:
    """Jitted functions, compiled and evaluated in this process; see `Device`."""

    compiled = True

    def __init__(self, *, threads: int | None = None, vectorize: Vectorize = "auto") -> None:
        self._threads, self._vectorize = _check.checked_threads(threads), _check.checked_vectorize(vectorize)

    def accept(self, function: Any) -> Any:
        """See `Device`."""
        return jitted_loss(function)

    def derived(self, form: Form, function: Any, args: tuple[Any, ...]) -> Any:
        """See `Device`."""
        return derived_loss(form, function, args)

    def gradient(self, loss: Any, **options: Any) -> Gradient:
        """See `Device`."""
        return Gradient(loss, threads=self._threads, vectorize=self._vectorize, **options)

    def outputs(
        self,
        function: Any,
        points: Array,
        args: tuple[Any, ...],
        axes: tuple[int | None, ...],
        known: Any = None,
        number: bool = False,
    ) -> Outputs:
        """See `Device`."""
        del number
        rows = rows_of(points)
        outputs = None if known is None else known.renewed(rows, args)
        return outputs or Outputs.of(function, rows, args, axes, points.shape[:-1], self._threads)

    def call(self) -> AbstractContextManager[None]:
        """See `Device`."""
        return nullcontext()


def device_for(options: Any, *, lanes: bool) -> tuple[Device, dict[str, Any]]:
    """Prepare the device that the options of a derivative name.

    Parameters
    ----------
    options : dict
        Of a call.
    lanes : bool
        Whether the derivative has the option ``vectorize``.

    Returns
    -------
    device : Device
    others : dict
        The options that remain.

    Raises
    ------
    TypeError, ValueError, ImportError
        If there is no such device, or an option of it is not as it must be.
    """
    own_of = {"cpu": ("threads", "vectorize") if lanes else ("threads",), "blackbox": CALLED}
    name, own, others = split_options(options, own_of)
    if name == "blackbox":
        # With what jitted functions do not need.
        from jitgrad.prepared.called import Called

        return Called(**own), others
    return Cpu(**own), others
