"""Losses made from any callable, as `jitgrad.loss.derived` makes them from jitted functions.

They are objects of classes that can be imported, because workers get them pickled. Each computes what its jitted
sibling computes, in the same order, so that results agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from jitgrad._types import Array
from jitgrad.loss.accept import loss_name
from jitgrad.loss.derived import UNEQUAL, Form
from jitgrad.loss.returned import real_outputs, rows_of_outputs


@dataclass(frozen=True)
class Composed:
    """A callable that calls the user's.

    Attributes
    ----------
    fun : callable
        ``fun(u, *args)``.
    vectorized : bool
        Whether it takes many points at once, of shape (s, k).
    """

    fun: Callable[..., Any]
    vectorized: bool

    names: ClassVar[tuple[str, ...]] = ()
    """What stands before the user's arguments."""

    @property
    def __name__(self) -> str:  # messages name the user's function
        return loss_name(self.fun)


class Weighted(Composed):
    """The scalar ``w . fun(u)``, whose gradient is the vector-Jacobian product."""

    names: ClassVar[tuple[str, ...]] = ("w",)

    def __call__(self, u: Array, w: Array, *args: Any) -> Any:
        """Return one number, or one per row of `u`."""
        found = self.fun(u, *args)
        outputs = rows_of_outputs(self.fun, found, len(u)) if self.vectorized else real_outputs(self.fun, found)
        if outputs.shape[-1] != w.shape[-1]:
            raise ValueError(UNEQUAL)
        total: Any = np.zeros(len(u)) if self.vectorized else 0.0
        if self.vectorized:
            for i in range(outputs.shape[-1]):
                total += w[..., i] * outputs[:, i]
            return total
        # One after the other: `@` adds in another order, and `sum` of Python compensates.
        for weight, output in zip(w.tolist(), outputs.tolist(), strict=True):
            total += weight * output
        return total


class Line(Composed):
    """The callable along a line, as a function of the one-element array `t`."""

    names: ClassVar[tuple[str, ...]] = ("x", "v")

    def __call__(self, t: Array, x: Array, v: Array, *args: Any) -> Any:
        """Return what the callable gives at ``x + t v``."""
        return self.fun(x + t * v, *args)


class Joined(Composed):
    """The callable at ``z[:n]`` moved by ``z[n]`` along `v`."""

    names: ClassVar[tuple[str, ...]] = ("v",)

    def __call__(self, z: Array, v: Array, *args: Any) -> Any:
        """Return what the callable gives there."""
        return self.fun(z[..., :-1] + z[..., -1:] * v, *args)


_FORMS: dict[Form, type[Composed]] = {"weighted": Weighted, "line": Line, "joined": Joined}


def composed(form: Form, fun: Callable[..., Any], vectorized: bool) -> Composed:
    """Return the loss of this form for a callable.

    Parameters
    ----------
    form : {"weighted", "line", "joined"}
    fun : callable
    vectorized : bool
        Whether it, and so the loss, takes many points at once.
    """
    return _FORMS[form](fun, vectorized)
