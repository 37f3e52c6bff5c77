"""exp and expm1 on lanes."""

from __future__ import annotations

import math

from jitgrad.loss.lanes.elementary.expressions import Real, Words, bits_of, elementary, polynomial, where

SHIFTER = 1.5 * 2.0**52
"""Added to a number below 2**51 it leaves the nearest integer in the lowest bits; SSE2 has no other vector rounding."""

# log(2) in two parts: the first has 41 bits, so that its product with an exponent is exact.
LOG_2_HIGH, LOG_2_LOW = float.fromhex("0x1.62e42fefa3000p-1"), float.fromhex("0x1.3de6af278ece6p-42")

# (exp(r) - 1 - r) / r**2 for |r| <= log(2) / 2, from `python -m benchmarks.minimax`; error of exp(r) below 1.3e-17.
COEFFICIENTS = (
    0.5000000000000001,
    0.16666666666666669,
    0.041666666666624164,
    0.008333333333330065,
    0.0013888888917196719,
    0.00019841269863040545,
    2.4801521322368692e-05,
    2.7557268480310024e-06,
    2.762007587998348e-07,
    2.510037583256132e-08,
)

# Beyond these exp overflows, and vanishes.
LARGEST, SMALLEST = 710.0, -746.0

ORDINARY = 708.0
"""Up to this size of x, exp(x) is a normal number."""


def nearest_integer(x: Real, factor: float = 1.0) -> tuple[Real, Words]:
    """Round ``x * factor``; return the integer as a number, and bits of which the lowest 50 are the integer."""
    shifted = x.times_plus(factor, SHIFTER)
    return shifted - SHIFTER, shifted.bits()


def reduced(x: Real) -> tuple[Words, Real, Real]:
    """Write x as ``k * log(2) + r + c``, |r| at most half of log(2), after Cody and Waite; return bits of k, r, c."""
    k, bits = nearest_integer(x, 1.0 / math.log(2.0))
    high = k.times_plus(-LOG_2_HIGH, x)
    r = k.times_plus(-LOG_2_LOW, high)
    return bits, r, k.times_plus(-LOG_2_LOW, high - r)


def beyond_linear(r: Real, c: Real) -> Real:
    """Return ``exp(r) - 1 - r + c`` for a reduced r."""
    return (r * r).times_plus(polynomial(r, COEFFICIENTS), c)


def power_of_two(k: Words, halvings: int = 0) -> Real:
    """Return ``2**(k - halvings)`` from bits of which the lowest 12 are k, where that is a normal number."""
    return ((k << 52) + bits_of(2.0**-halvings)).real()


def within(x: Real, lower: float, upper: float) -> Real:
    """Clip, with NaN left as it is. In this order each of the two becomes one instruction."""
    x = where(x > upper, upper, x)
    return where(x < lower, lower, x)


def _mantissa(x: Real) -> tuple[Words, Real]:
    """Write e**x as ``2**k * m``; return bits of k, and m, from sqrt(1/2) to sqrt(2).

    What is left of x is rounded once: its second part, which `reduced` returns, would take the largest error from 1.05
    to 0.84 ulp, but its mean square by 4 % only, for a fifth of the time.
    """
    k, bits = nearest_integer(x, 1.0 / math.log(2.0))
    r = k.times_plus(-LOG_2_LOW, k.times_plus(-LOG_2_HIGH, x))
    return bits, 1.0 + (r * r).times_plus(polynomial(r, COEFFICIENTS), r)


def _exp_of_any(x: Real) -> Real:
    """Return e**x where it overflows, vanishes or is subnormal too."""
    k, m = _mantissa(within(x, SMALLEST, LARGEST))
    # In two steps, as 2**k may be too large or too small for a number where the result is not.
    total = (k - bits_of(SHIFTER)) + 2 * 1023
    first = total >> 1
    return m * (first << 52).real() * ((total - first) << 52).real()


@elementary
def exp(x: Real) -> Real:
    """Return e**x."""
    k, m = _mantissa(x)
    # k is added to the exponent of m. With the two multiplications of the other way it took 10 % longer; AVX-512's
    # own scaling of all results was no more than 4 % faster than this.
    return (m.bits() + (k << 52)).real().or_formula("exp", _exp_of_any, ~(x.magnitude() <= ORDINARY), x)


@elementary
def expm1(x: Real) -> Real:
    """Return e**x - 1, accurate near 0."""
    # Below -50 it is -1 to all digits.
    k, r, c = reduced(within(x, -50.0, LARGEST))
    rest = beyond_linear(r, c)
    # Half of it: 2**k itself may overflow where the result does not.
    scale = power_of_two(k, 1)
    whole, fraction = scale - 0.5, scale * r
    total = whole + fraction
    lost = fraction - (total - whole)
    far = 2.0 * (total + scale.times_plus(rest, lost))
    # At k = 0, results may be subnormal, which half of them would not survive.
    return where(k.equals(bits_of(SHIFTER)), r + rest, far).with_sign_of(x)
