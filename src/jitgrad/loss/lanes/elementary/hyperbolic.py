"""tanh on lanes, after Cephes (Moshier, tanh.c), with one division for both of its ranges."""

from __future__ import annotations

from jitgrad.loss.lanes.elementary.exponential import beyond_linear, power_of_two, reduced
from jitgrad.loss.lanes.elementary.expressions import Real, elementary, polynomial, where

# (tanh(x) - x) / x**3 = P(x**2) / Q(x**2) for |x| < 0.625.
NEAR = 0.625
NUMERATOR = (-1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1)
DENOMINATOR = (4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1.0)

# From here on it is 1 to all digits.
SATURATED = 20.0


@elementary
def tanh(x: Real) -> Real:
    """Return the hyperbolic tangent."""
    size = x.magnitude()
    size = where(size > SATURATED, SATURATED, size)
    z = size * size
    k, r, c = reduced(2.0 * size)
    scale = power_of_two(k)
    # exp(2 x) + 1, without rounding exp(2 x) first.
    above_one = scale.times_plus(r + beyond_linear(r, c), scale + 1.0)
    near = size < NEAR
    top = where(near, z * polynomial(z, NUMERATOR), -2.0)
    quotient = top / where(near, polynomial(z, DENOMINATOR), above_one)
    return where(near, size.times_plus(quotient, size), 1.0 + quotient).with_sign_of(x)
