"""Other packages that differentiate a function of one number, behind one interface.

At their defaults, except where numericalderivative 0.3 has none or fails with them even for exp at 1: then it gets a
first step or a range that suits functions of ordinary size.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

Peer = Callable[[Callable[[Any], Any], float, float | None], float]
"""``peer(f, x, noise)``: `f` takes a number or an array, `noise` is the absolute noise where it is not rounding."""


def peers() -> dict[str, Peer]:
    """Return the peers by name.

    Raises
    ------
    SystemExit
        If a package is missing: a table without it would look as if it had been beaten.
    """
    missing = [name for name in ("jacobi", "numdifftools", "numericalderivative", "scipy") if not _found(name)]
    if missing:
        sys.exit(f"{', '.join(missing)} must be installed to compare with: pip install 'jitgrad[peers]'")
    return {
        "numdifftools `Derivative`": _numdifftools,
        "jacobi": _jacobi,
        "scipy.differentiate": _scipy,
        "numericalderivative DumontetVignes": _by_class("DumontetVignes", _range),
        "numericalderivative SteplemanWinarsky": _by_class("SteplemanWinarsky", _first_step),
        "numericalderivative GillMurraySaundersWright": _by_class("GillMurraySaundersWright", _range),
        "numericalderivative ShiXieXuanNocedalForward": _by_class(
            "ShiXieXuanNocedalForward", lambda _: (2.0 * 1e-15**0.5,)
        ),
    }


def _found(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def _numdifftools(f: Any, x: float, noise: float | None) -> float:
    del noise
    import numdifftools

    return float(numdifftools.Derivative(f)(x))


def _jacobi(f: Any, x: float, noise: float | None) -> float:
    del noise
    import jacobi

    return float(np.squeeze(jacobi.jacobi(f, x)[0]))


def _scipy(f: Any, x: float, noise: float | None) -> float:
    del noise
    from scipy.differentiate import derivative

    return float(derivative(f, x).df)


def _by_class(name: str, start: Callable[[float], tuple[float, ...]]) -> Peer:
    def peer(f: Any, x: float, noise: float | None) -> float:
        import numericalderivative

        options = {} if noise is None or name == "SteplemanWinarsky" else {"absolute_precision": noise}
        if options and name == "DumontetVignes":
            options["relative_precision"] = min(noise / abs(f(x)), 0.1)
        algorithm = getattr(numericalderivative, name)(f, x, **options)
        return float(algorithm.compute_first_derivative(algorithm.find_step(*start(x))[0]))

    return peer


def _first_step(x: float) -> tuple[float]:
    """The one that the docstring of SteplemanWinarsky suggests, where x is not 0."""
    return (4.0 * 1e-16 ** (1.0 / 3.0) * (abs(x) or 1.0),)


def _range(x: float) -> tuple[float, float]:
    """Ends of a bisection: GillMurraySaundersWright has no defaults, and with those of DumontetVignes exp(1) fails."""
    return 1e-12 * max(abs(x), 1.0), max(abs(x), 1.0)
