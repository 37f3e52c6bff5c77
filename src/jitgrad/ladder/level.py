"""How noisy a value of the loss is, read off the plateau of the spectra."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._jit import inlined
from jitgrad.ladder.windows import Windows

ENTRIES = 3  # a plateau has at least so many coefficients
STEEPEST = 5.0  # and its last ones are not below a fifth of its mean: else it falls
UNLIKE = 10.0  # and odd and even ones differ by no more than this factor: noise does not know parity
UNRESOLVED = 0.5  # share of the lowest tail that counts as noise where no plateau is seen
CLEAR = 3.0  # times rounding, from where a plateau is noise of the loss
# Noise is at most so many times the mean of a tail, by its number of coefficients, with a probability of 99 %.
AT_MOST = np.array([np.inf, np.inf, 10.0, 5.0, 3.7, 3.0, 2.6, 2.5])
# The lowest of several tails is chosen, so it is too low on average: the less so the longer it is.
CHOSEN = np.array([1.4, 1.4, 1.4, 1.4, 1.4, 1.25, 1.25, 1.15])
LONG = 7  # last index of both


@inlined
def noise_level(windows: Windows, number: int, two_sided: bool, floor: float) -> tuple[float, bool]:
    """Return the root mean square error of a value of the loss, and whether a plateau shows it.

    Every window and every degree leaves a tail of coefficients. Those of smooth functions fall with the degree and
    with the window, noise does neither: of the tails that look like a plateau and are not above what the lowest one
    allows, the longest is taken.

    Parameters
    ----------
    windows : Windows
    number : int
        Number of windows.
    two_sided : bool
    floor : float
        Least noise: rounding, or what the caller knows of.

    Returns
    -------
    level : float
    plateau : bool
        Whether the level is seen and clearly above `floor`. Otherwise it is `floor` or a guess.
    """
    sizes, odd_rest, even_rest = windows.sizes, windows.odd_rest, windows.even_rest
    parts = 2 if two_sided else 1
    lowest, ceiling = np.inf, np.inf
    for a in range(number):
        for degree in range(sizes[a] - 1):
            entries = parts * (sizes[a] - 1 - degree)
            if entries >= 2:
                mean = (odd_rest[a, degree] + even_rest[a, degree]) / entries
                factor = AT_MOST[min(entries, LONG)]
                lowest, ceiling = min(lowest, mean), min(ceiling, factor * factor * mean)
    longest, level = 0, 0.0
    for a in range(number):
        if sizes[a] == 0:
            continue
        # Its last coefficients, one of each part.
        end = sizes[a] - 2
        last = (odd_rest[a, end] + even_rest[a, end]) / parts
        for degree in range(sizes[a] - 1):
            entries = parts * (sizes[a] - 1 - degree)
            if entries < ENTRIES or entries <= longest:
                break
            odd, even = odd_rest[a, degree], even_rest[a, degree]
            mean = (odd + even) / entries
            alike = not two_sided or (odd <= UNLIKE * UNLIKE * even and even <= UNLIKE * UNLIKE * odd)
            if alike and mean <= ceiling and last * STEEPEST * STEEPEST >= mean:
                longest, level = entries, mean
    if longest > 0:
        level = math.sqrt(level) * CHOSEN[min(longest, LONG)]
        return max(level, floor), level > CLEAR * floor
    return max(UNRESOLVED * math.sqrt(lowest) if np.isfinite(lowest) else 0.0, floor), False
