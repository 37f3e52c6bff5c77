"""log and log1p on lanes.

Both after fdlibm (Sun Microsystems, 1993, e_log.c and s_log1p.c): ``log(1 + f) = f - f**2 / 2 + s * (f**2 / 2 + R)``
with ``s = f / (2 + f)`` and R an even polynomial in s.
"""

from __future__ import annotations

import math
import sys

from jitgrad.loss.lanes.elementary.expressions import Real, Words, bits_of, elementary, polynomial

# log(2) in two parts, of which the first has 32 bits, and the coefficients of R / s**2: fdlibm's e_log.c.
LOG_2_HIGH, LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
COEFFICIENTS = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)

LARGEST, SMALLEST_NORMAL = sys.float_info.max, sys.float_info.min
MANTISSA = (1 << 52) - 1


def split(x: Real, lower: float) -> tuple[Real, Words, Real]:
    """Write a positive normal x as ``2**k * m``, m from `lower` to twice that; return k, its bits plus 1023, m."""
    shifted = x.bits() + (bits_of(1.0) - bits_of(lower))
    biased = shifted >> 52
    # An integer in the lowest bits of 2**52 is added to it, which is cheaper than a conversion.
    k = (biased | bits_of(2.0**52)).real() - (2.0**52 + 1023.0)
    return k, biased, ((shifted & MANTISSA) + bits_of(lower)).real()


def combined(k: Real, f: Real, low: Real | float) -> Real:
    """Return ``k * log(2) + log(1 + f) + low``, f from sqrt(1/2) - 1 to sqrt(2) - 1."""
    s = f / (2.0 + f)
    z = s * s
    half_square = 0.5 * f * f
    rest = z.times_plus(polynomial(z, COEFFICIENTS), half_square)
    return k.times_plus(LOG_2_HIGH, f - (half_square - s.times_plus(rest, k.times_plus(LOG_2_LOW, low))))


@elementary
def log(x: Real) -> Real:
    """Return the natural logarithm."""
    k, _, m = split(x, math.sqrt(0.5))
    ordinary = (x >= SMALLEST_NORMAL) & (x <= LARGEST)
    return combined(k, m - 1.0, 0.0).or_scalar_calls("log", ~ordinary, x)


@elementary
def log1p(x: Real) -> Real:
    """Return log(1 + x), accurate near 0."""
    total = 1.0 + x
    from_x = total - 1.0
    # What 1 + x lost in rounding (Knuth's two-sum, for any order of sizes).
    lost = (1.0 - (total - from_x)) + (x - from_x)
    k, biased, m = split(total, math.sqrt(0.5))
    lost = lost * (2 * bits_of(1.0) - (biased << 52)).real()
    f = (m - 1.0) + lost
    low = lost - (f - (m - 1.0))
    # From 2**1023 on, 2**-k is no number.
    ordinary = (x > -1.0) & (x < 2.0**1023)
    return combined(k, f, low).with_sign_of(x).or_scalar_calls("log1p", ~ordinary, x)
