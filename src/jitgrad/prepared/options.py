"""The options of derivatives other than gradients; `grad_cpu` and `grad_blackbox` say what each means."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypedDict

import numpy.typing as npt

from jitgrad._types import ArgsAxes, Bounds, Method, Vectorize, Workers
from jitgrad.steps import Rule

DeviceName: TypeAlias = Literal["cpu", "blackbox"]


class CommonOptions(TypedDict, total=False):
    """What all of them take."""

    order: int | None
    step: float | npt.ArrayLike | Rule | None
    bounds: Bounds
    args_axes: ArgsAxes


class LineOptions(CommonOptions, total=False):
    """Of a directional derivative."""

    method: Method


class JacobianOptions(LineOptions, total=False):
    """Of a Jacobian, and of a vector-Jacobian product."""

    coords: npt.ArrayLike | None


class SecondOptions(CommonOptions, total=False):
    """Of second derivatives."""

    coords: npt.ArrayLike | None


class ThreadOptions(TypedDict, total=False):
    """Of a jitted function on the CPU."""

    threads: int | None


class LaneOptions(ThreadOptions, total=False):
    """Of a jitted function that may be evaluated in lanes."""

    vectorize: Vectorize


class CalledOptions(TypedDict, total=False):
    """Of a black box."""

    vectorized: bool
    workers: Workers
    progress: bool


class LineOptionsCpu(LineOptions, ThreadOptions, total=False):
    """Of `jvp_cpu`."""


class JacobianOptionsCpu(JacobianOptions, ThreadOptions, total=False):
    """Of `jacobian_cpu`."""


class ProductOptionsCpu(JacobianOptions, LaneOptions, total=False):
    """Of `vjp_cpu`."""


class SecondOptionsCpu(SecondOptions, LaneOptions, total=False):
    """Of `hessian_cpu` and `hvp_cpu`."""


class LineOptionsCalled(LineOptions, CalledOptions, total=False):
    """Of `jvp_blackbox`."""


class JacobianOptionsCalled(JacobianOptions, CalledOptions, total=False):
    """Of `jacobian_blackbox` and `vjp_blackbox`."""


class SecondOptionsCalled(SecondOptions, CalledOptions, total=False):
    """Of `hessian_blackbox` and `hvp_blackbox`."""


class LineOptionsOf(LineOptionsCpu, CalledOptions, total=False):
    """Of `jvp_of`."""

    device: DeviceName


class JacobianOptionsOf(JacobianOptionsCpu, CalledOptions, total=False):
    """Of `jacobian_of`."""

    device: DeviceName


class ProductOptionsOf(ProductOptionsCpu, CalledOptions, total=False):
    """Of `vjp_of`."""

    device: DeviceName


class SecondOptionsOf(SecondOptionsCpu, CalledOptions, total=False):
    """Of `hessian_of` and `hvp_of`."""

    device: DeviceName


CALLED = tuple(CalledOptions.__annotations__)
_NOT_GIVEN = (None, False, "auto")


def split_options(options: Any, of_devices: dict[str, tuple[str, ...]]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Take what belongs to a device out of the options of a derivative.

    Parameters
    ----------
    options : dict
        Of a call, ``device`` among them.
    of_devices : dict
        For every device the options that are its own.

    Returns
    -------
    device : str
    own : dict
        Its options.
    others : dict
        Those of the derivative.

    Raises
    ------
    ValueError
        If there is no such device, or an option is given that belongs to another.
    """
    device = options.get("device", "cpu")
    if device not in of_devices:
        raise ValueError(f"device must be one of {', '.join(map(repr, of_devices))}, got {device!r}.")
    taken = of_devices[device]
    every = {name for names in of_devices.values() for name in names}
    own, others = {}, {}
    for name, value in options.items():
        if name in taken:
            own[name] = value
        elif name not in every:
            others[name] = value
        elif value not in _NOT_GIVEN:
            raise ValueError(f"device={device!r} takes {', '.join(taken)}, got {name}={value!r}. Leave that out.")
    others.pop("device", None)
    return device, own, others
