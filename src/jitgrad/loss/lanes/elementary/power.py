"""pow on lanes: the logarithm to base 2 in two parts, of which the first has 53 bits.

The series is that of fdlibm (Sun Microsystems, 1993, e_pow.c), the arithmetic in two parts that of Dekker (1971).
fdlibm's own, which cuts numbers to 21 bits so that products are exact, took 10 % longer on AVX-512 and 34 % on AVX2, as
every part waits for the one before it; without fused multiply-add, on SSE2, it was 17 % faster.

Lanes that are not ordinary (a base that is 0, subnormal, infinite or NaN, a negative base with an exponent that is no
integer, a result that may overflow or be subnormal) take the scalar function.
"""

from __future__ import annotations

import math

from jitgrad.loss.lanes.elementary.exponential import beyond_linear, nearest_integer, power_of_two
from jitgrad.loss.lanes.elementary.expressions import SIGN, Mask, Real, Words, elementary, polynomial, where
from jitgrad.loss.lanes.elementary.logarithm import LARGEST, SMALLEST_NORMAL, split
from jitgrad.loss.lanes.vectors import has_fused_multiply_add

# Numbers of 106 bits in two parts, from `python -m benchmarks.minimax`.
LOG2_MIDDLE, LOG2_MIDDLE_LOW = 0.5849625007211562, -5.224490061390109e-18  # log2(1.5)
FACTOR, FACTOR_LOW = 0.9617966939259756, 5.0577616648125907e-17  # 2 / (3 log(2))
LOG_2, LOG_2_LOW = 0.6931471805599453, 2.3190468138462996e-17

# fdlibm, e_pow.c: 3 / s * atanh(s) = 3 + s**2 + s**4 * (...) for |s| < 0.1011.
COEFFICIENTS = (
    5.99999999999994648725e-01,
    4.28571428578550184252e-01,
    3.33333329818377432918e-01,
    2.72728123808534006489e-01,
    2.30660745775561754067e-01,
    2.06975017800338417784e-01,
)

HIGH_HALF = 0xFFFFFFFFF8000000
LARGEST_RESULT = 1021.0
"""Logarithm to base 2 up to which results, and their inverses, are normal numbers."""


def _product(x: Real, y: Real) -> tuple[Real, Real]:
    """Return the product and what it lost in rounding."""
    product = x * y
    if has_fused_multiply_add():
        return product, x.times_plus(y, -product)
    (x_high, x_low), (y_high, y_low) = _halves(x), _halves(y)
    return product, ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


def _halves(x: Real) -> tuple[Real, Real]:
    """Write x as a sum of two numbers of half as many bits."""
    high = (x.bits() & HIGH_HALF).real()
    return high, x - high


def _log2(x: Real) -> tuple[Real, Real]:
    """Return the logarithm of a positive normal number to base 2 in two parts, the second up to 2**-12 of the first."""
    k, _, m = split(x, math.sqrt(0.75))
    # Relative to 1 or to 1.5, whichever is nearer.
    upper = m >= math.sqrt(1.5)
    centre, middle, middle_low = (
        where(upper, v, w) for v, w in ((1.5, 1.0), (LOG2_MIDDLE, 0.0), (LOG2_MIDDLE_LOW, 0.0))
    )
    # s = (m - centre) / (m + centre).
    difference, total = m - centre, m + centre
    inverse = 1.0 / total
    s = difference * inverse
    back, back_low = _product(s, total)
    total_low = m - (total - centre)
    s_low = inverse * (((difference - back) - back_low) - s * total_low)
    # 3 / s * atanh(s), then times s and 2 / (3 log(2)).
    square, square_low = _product(s, s)
    rest = (square * square).times_plus(polynomial(square, COEFFICIENTS), (s + s).times_plus(s_low, square_low))
    series = 3.0 + square
    series_low = (square - (series - 3.0)) + rest
    near, near_low = _product(s, series)
    near_low = s.times_plus(series_low, s_low.times_plus(series, near_low))
    scaled, scaled_low = _product(near, near.filled(FACTOR))
    scaled_low = near_low.times_plus(FACTOR, near.times_plus(FACTOR_LOW, scaled_low))
    # k + middle + scaled, from the largest to the smallest.
    inner = middle + scaled
    high = k + inner
    lost = (scaled - (inner - middle)) + (inner - (high - k))
    return high, (scaled_low + middle_low) + lost


def _exp2(high: Real, low: Real) -> Real:
    """Return 2 to the sum of the two, where that is a normal number."""
    k, bits = nearest_integer(high)
    fraction = high - k
    whole, part = _product(fraction, fraction.filled(LOG_2))
    part = fraction.times_plus(LOG_2_LOW, low.times_plus(LOG_2, part))
    r = whole + part
    c = part - (r - whole)
    return (1.0 + (r + beyond_linear(r, r.times_plus(c, c)))) * power_of_two(bits)


def _integer_and_odd(y: Real) -> tuple[Mask, Words]:
    """Tell where y is an integer below 2**51, and return bits of which the highest is set where that is odd."""
    nearest, bits = nearest_integer(y)
    return nearest.equals(y) & (y.magnitude() < 2.0**51), bits << 63


@elementary
def pow(x: Real, y: Real) -> Real:  # noqa: A001  # the name of the C function
    """Return x**y, with the special cases of C99."""
    size = x.magnitude()
    log, log_low = _log2(size)
    product, product_low = _product(y, log)
    product_low = y.times_plus(log_low, product_low)
    high = product + product_low
    low = product_low - (high - product)
    integer, odd = _integer_and_odd(y)
    value = (_exp2(high, low).bits() ^ (x.bits() & odd & SIGN)).real()
    ordinary = (
        (size >= SMALLEST_NORMAL) & (size <= LARGEST) & ((x > 0.0) | integer) & (high.magnitude() <= LARGEST_RESULT)
    )
    return value.or_scalar_calls("pow", ~ordinary, x, y)
