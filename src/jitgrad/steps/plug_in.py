"""The plug-in step: estimate the next derivative once, and put it into the formula of the best step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jitgrad.steps.lines import Lines
from jitgrad.steps.optimum import error_law
from jitgrad.steps.rule import Search, Tuning, check_options

FOUND = "from the next derivative"
SMALL = "from the noise of the next derivative, which is larger than the derivative"
USED_UP = "textbook step: evaluations used up before the loss was finite at all nodes"


@dataclass(frozen=True)
class PlugIn:
    """Plug-in step tuner, for every formula.

    The derivative that makes up the truncation of the formula is estimated once, at a step that would be right
    for it if the loss were ordinary, and gives the best step: the cheapest tuner, for losses of scales that
    are not too far from those of ``x``.

    Parameters
    ----------
    noise : float, optional
        Absolute error of one value of the loss. Default: that of rounding.
    most : int, default 32
        Most evaluations per coordinate; it needs 2 to 10, and more only where the loss is not finite nearby.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    For central differences of order 2 the step is ``cbrt(3 noise / |f'''|)``. pnd has 1.5 instead of 3, because it
    takes the noise to be half a unit in the last place; and it evaluates ``f'''`` with nodes at
    ``h * eps**(-2/15)`` but divides by ``h**3``, so that its ``f'''`` is a million times too large and its step
    a hundred times too small. Here the division is by the step of the nodes. Where the estimate is smaller than its own
    noise, that is taken in its place: the step stays below that of the nodes.

    References
    ----------
    A. V. Kostyrka, R package pnd, `step.plugin`.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.exp(x[0])
    >>> jg.grad_cpu(loss, np.array([0.0]), step=jg.PlugIn()).round(8)
    array([1.])
    """

    noise: float | None = None
    most: int = 32

    def __post_init__(self) -> None:
        check_options(self.noise, self.most, 12)

    def tune(self, search: Search) -> Tuning:
        """Find the steps; see `jitgrad.steps.rule.Tuner`."""
        lines = Lines(search, self.noise, self.most)
        law, m = error_law(search.stencil), search.stencil.order + 1
        offsets, _ = lines.with_next_order()
        # A difference for the derivative of order m has noise / k**m and truncation k**2, one-sided k.
        power = m + (2 if search.stencil.method == "central" else 1)
        k = lines.length * lines.relative_noise ** (1.0 / power)
        while lines.open.size:
            which = lines.open
            look = lines.look(which, k[which], offsets)
            weights = look.weights(m)
            size, noise = np.abs(look.sum(weights)), look.noise
            least = noise * np.abs(weights).sum(axis=1)
            h = look.h * law.optimal(noise, np.maximum(size, least))
            for small, reason in ((False, FOUND), (True, SMALL)):
                chosen = (size < least) == small
                lines.finish(look.which[chosen], h[chosen], reason)
            lines.give_up(np.intersect1d(look.refused, lines.open), USED_UP)
        return lines.tuning()
