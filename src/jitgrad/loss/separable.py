"""Losses that are sums of terms."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numba
import numpy as np
from numba import config
from numba.core.dispatcher import Dispatcher

from jitgrad._types import Loss

Terms = int | Callable[..., int]


class Separable:
    """Loss that is the sum ``term(0, x, *args) + ... + term(n_terms - 1, x, *args)``.

    It can be given wherever a jitted loss can. On a GPU threads share not only coordinates but terms too, and with a
    step rule that does not look at the loss (a number, `Relative`, `Textbook`) the differences of each term are summed,
    and not the terms: what does not depend on a coordinate cancels before it is rounded.

    Parameters
    ----------
    term : numba-jitted function
        ``term(k, x, *args) -> float``.
    n_terms : int or numba-jitted function
        How many terms there are: a number, or ``n_terms(x, *args) -> int``.

    Attributes
    ----------
    loss : numba-jitted function
        ``loss(x, *args) -> float``, the sum.

    Raises
    ------
    TypeError, ValueError
        If `term` is not jitted, or `n_terms` is neither a jitted function nor a number from 0 up.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def squared_error(k, x, inputs, outputs):
    ...     return (x[0] + x[1] * inputs[k] - outputs[k]) ** 2
    >>> @njit
    ... def rows(x, inputs, outputs):
    ...     return inputs.size
    >>> loss = jg.Separable(squared_error, rows)
    >>> data = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0])
    >>> jg.grad_cpu(loss, np.array([0.0, 0.0]), args=data).round(6)
    array([-18., -26.])
    """

    def __init__(self, term: Loss, n_terms: Terms) -> None:
        _require_jitted("term", term)
        if isinstance(n_terms, bool) or not isinstance(n_terms, int | np.integer):
            _require_jitted("n_terms", n_terms)
        elif n_terms < 0:
            raise ValueError(f"n_terms must be at least 0, got {n_terms}.")
        self.term, self.n_terms = term, n_terms

    def __call__(self, x: Any, *args: Any) -> float:
        """Return the loss at `x`."""
        return float(self.loss(x, *args))

    def __repr__(self) -> str:
        return f"Separable({getattr(self.term, '__name__', self.term)}, {self.n_terms!r})"

    @property
    def __name__(self) -> str:
        """The name of its term, for messages."""
        return str(getattr(self.term, "__name__", "term"))

    @cached_property
    def count(self) -> Any:
        """Jitted function ``count(x, *args) -> int``."""
        if callable(self.n_terms):
            return self.n_terms
        number = int(self.n_terms)
        return numba.njit(lambda x, *args: number)  # noqa: ARG005  # as a function of the caller's would be called

    @cached_property
    def loss(self) -> Any:
        """Jitted function ``loss(x, *args) -> float``."""
        term, count = self.term, self.count

        @numba.njit
        def sum_of_terms(x, *args):  # type: ignore[no-untyped-def]
            total = 0.0
            for k in range(count(x, *args)):
                total += term(k, x, *args)
            return total

        return sum_of_terms


def _require_jitted(name: str, function: Any) -> None:
    if not (isinstance(function, Dispatcher) or (config.DISABLE_JIT and callable(function))):
        raise TypeError(
            f"{name} must be a function compiled by numba.njit{' or a number' * (name == 'n_terms')}, got {function!r}."
        )
