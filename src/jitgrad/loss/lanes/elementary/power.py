"""pow on lanes, after fdlibm (Sun Microsystems, 1993, e_pow.c): the logarithm to base 2 in two parts.

fdlibm cuts numbers in halves of few bits, whose products are exact, so that it needs no fused multiply-add. Lanes
that are not ordinary (a base that is 0, subnormal, infinite or NaN, a negative base with an exponent that is no
integer, a result that may overflow or be subnormal) take the scalar function.
"""

from __future__ import annotations

import math

from jitgrad.loss.lanes.elementary.exponential import beyond_linear, nearest_integer, power_of_two
from jitgrad.loss.lanes.elementary.expressions import SIGN, Mask, Real, Words, elementary, polynomial, where
from jitgrad.loss.lanes.elementary.logarithm import LARGEST, SMALLEST_NORMAL, split

# All from e_pow.c. LOG2_MIDDLE is log2(1.5), TWO_OVER_3_LOG_2 is 2 / (3 log(2)), in two parts each.
LOG2_MIDDLE_HIGH, LOG2_MIDDLE_LOW = 5.84962487220764160156e-01, 1.35003920212974897128e-08
TWO_OVER_3_LOG_2 = 9.61796693925975554329e-01
TWO_OVER_3_LOG_2_HIGH, TWO_OVER_3_LOG_2_LOW = 9.61796700954437255859e-01, -7.02846165095275826516e-09
LOG_2 = 6.93147180559945286227e-01
LOG_2_HIGH, LOG_2_LOW = 6.93147182464599609375e-01, -1.90465429995776804525e-09
COEFFICIENTS = (
    5.99999999999994648725e-01,
    4.28571428578550184252e-01,
    3.33333329818377432918e-01,
    2.72728123808534006489e-01,
    2.30660745775561754067e-01,
    2.06975017800338417784e-01,
)

HIGH_HALF = 0xFFFFFFFF00000000
LARGEST_RESULT = 1021.0
"""Logarithm to base 2 up to which results, and their inverses, are normal numbers."""


def _high(x: Real) -> Real:
    """Return x without the lower half of its bits: 21 are left."""
    return (x.bits() & HIGH_HALF).real()


def _log2(x: Real) -> tuple[Real, Real]:
    """Return the logarithm of a positive normal number to base 2: 21 bits of it, and the rest."""
    k, _, m = split(x, math.sqrt(0.75))
    # Relative to 1 or to 1.5, whichever is nearer.
    upper = m >= math.sqrt(1.5)
    centre = where(upper, 1.5, 1.0)
    middle_high = where(upper, LOG2_MIDDLE_HIGH, 0.0)
    middle_low = where(upper, LOG2_MIDDLE_LOW, 0.0)
    # s = (m - centre) / (m + centre) in two parts.
    difference = m - centre
    inverse = 1.0 / (m + centre)
    s = difference * inverse
    s_high = _high(s)
    sum_high = _high(m + centre)
    sum_low = m - (sum_high - centre)
    minus = -s_high
    s_low = inverse * minus.times_plus(sum_low, minus.times_plus(sum_high, difference))
    # 3 / s times half the logarithm of m / centre: 3 + s**2 + ...
    square = s * s
    rest = (square * square).times_plus(polynomial(square, COEFFICIENTS), s_low * (s_high + s))
    square = s_high * s_high
    series_high = _high(3.0 + square + rest)
    series_low = rest - ((series_high - 3.0) - square)
    first, second = s_high * series_high, s_low.times_plus(series_high, series_low * s)
    product_high = _high(first + second)
    product_low = second - (product_high - first)
    whole = TWO_OVER_3_LOG_2_HIGH * product_high
    part = product_high.times_plus(TWO_OVER_3_LOG_2_LOW, product_low.times_plus(TWO_OVER_3_LOG_2, middle_low))
    high = _high(((whole + part) + middle_high) + k)
    return high, part - (((high - k) - middle_high) - whole)


def _exp2(high: Real, low: Real) -> Real:
    """Return 2 to the sum of the two, where that is a normal number."""
    k, bits = nearest_integer(high + low)
    high = high - k
    cut = _high(low + high)
    first = cut * LOG_2_HIGH
    second = (low - (cut - high)).times_plus(LOG_2, cut * LOG_2_LOW)
    r = first + second
    c = second - (r - first)
    return (1.0 + (r + beyond_linear(r, r.times_plus(c, c)))) * power_of_two(bits)


def _integer_and_odd(y: Real) -> tuple[Mask, Words]:
    """Tell where y is an integer below 2**51, and return bits of which the highest is set where that is odd."""
    nearest, bits = nearest_integer(y)
    return nearest.equals(y) & (y.magnitude() < 2.0**51), bits << 63


@elementary
def pow(x: Real, y: Real) -> Real:  # noqa: A001  # the name of the C function
    """Return x**y, with the special cases of C99."""
    size = x.magnitude()
    log_high, log_low = _log2(size)
    y_high = _high(y)
    high, low = y_high * log_high, (y - y_high).times_plus(log_high, y * log_low)
    integer, odd = _integer_and_odd(y)
    value = (_exp2(high, low).bits() ^ (x.bits() & odd & SIGN)).real()
    ordinary = (
        (size >= SMALLEST_NORMAL)
        & (size <= LARGEST)
        & ((x > 0.0) | integer)
        & ((high + low).magnitude() <= LARGEST_RESULT)
    )
    return value.or_scalar_calls("pow", ~ordinary, x, y)
