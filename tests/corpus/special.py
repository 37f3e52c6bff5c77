"""Special functions, rounding, remainders, checks for NaN and infinity."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from corpus.case import Case

x = np.array([0.7, 1.2, 0.4, 2.1, 0.3, 1.6])
signed = np.array([0.7, -1.2, 0.4, 2.1, -0.3, 1.6])
small = np.array([0.21, -0.53, 0.84, -0.07])


@njit
def error_functions(x):
    s = 0.0
    for v in x:
        s += math.erf(v) - 0.5 * math.erfc(v / math.sqrt(2.0))
    return s


@njit
def gamma_functions(x):
    s = 0.0
    for v in x:
        s += math.lgamma(v + 1.0) + 0.01 * math.gamma(v + 0.5)
    return s


@njit
def log_beta(x):
    return math.lgamma(x[0]) + math.lgamma(x[1]) - math.lgamma(x[0] + x[1]) + x[2]


@njit
def two_argument_functions(x):
    s = 0.0
    for i in range(1, x.size):
        s += math.atan2(x[i], x[i - 1]) + math.hypot(x[i], x[i - 1]) + math.copysign(x[i], x[i - 1])
    return s


@njit
def numpy_two_arguments(x):
    return np.arctan2(x[0], x[1]) * np.hypot(x[2], x[3]) + np.power(x[3], 1.5) + np.maximum(x[4], x[5])


@njit
def inverse_trigonometric(x):
    s = 0.0
    for v in x:
        s += math.asin(v) * math.acos(v) + math.atan(v)
    return s + np.arcsin(x[0]) + np.arccos(x[1])


@njit
def hyperbolic(x):
    s = 0.0
    for v in x:
        s += math.sinh(v) / math.cosh(v) - math.tanh(v) + math.atanh(v) + math.asinh(3 * v) + math.acosh(2 + v)
    return s


@njit
def trigonometric(x):
    s = 0.0
    for v in x:
        s += math.sin(v) * math.cos(2 * v) + math.tan(0.3 * v) + math.radians(v) - 0.01 * math.degrees(v)
    return s


@njit
def logarithms(x):
    s = 0.0
    for v in x:
        s += math.log(v) + math.log2(v) * math.log10(v) - math.log1p(v) + math.expm1(-v)
    return s


@njit
def powers(x):
    s = 0.0
    for v in x:
        s += v**3 + v**-2 + v**0.5 + v**2.7 + 1.3**v + math.pow(v, 1.5) + pow(v, 2)
    return s + x[0] ** x[1]


@njit
def integer_power_from_loop(x):
    s = 0.0
    for k in range(x.size):
        s += x[k] ** k / math.gamma(k + 1)
    return s


@njit
def rounding(x):
    s = 0.0
    for v in x:
        s += (v - math.floor(v)) ** 2 + math.ceil(v) * v - np.floor(2 * v) * 0.1 + np.ceil(v) + np.trunc(3 * v)
    return s


@njit
def rounded_to_int(x):
    total = 0.0
    for v in x:
        k = int(v * 10)
        total += (v * 10 - k) ** 2 + k
    return total + round(x[0] * 3.0)


@njit
def remainders(x):
    s = 0.0
    for v in x:
        s += (v % 0.45) + 0.1 * (v // 0.45) + np.fmod(v, 0.37) + np.mod(v, 0.55)
    return s


@njit
def angle_wrapped(x):
    s = 0.0
    for i in range(1, x.size):
        d = (x[i] - 5 * x[i - 1] + math.pi) % (2 * math.pi) - math.pi
        s += d * d
    return s


@njit
def divmod_split(x):
    q, r = divmod(7.3 * x[0] + x[1], 1.1)
    return q + r * r


@njit
def finite_checks(x):
    s = 0.0
    for v in x:
        t = math.log(v) * v
        if math.isnan(t) or math.isinf(t):
            continue
        if np.isfinite(t):
            s += t
    return s if not np.isnan(s) else 0.0


@njit
def nan_for_missing(x, data):
    s = 0.0
    n = 0
    for i in range(data.size):
        if not np.isnan(data[i]):
            s += (data[i] - x[i % x.size]) ** 2
            n += 1
    return s / n


@njit
def nan_sum(x, data):
    return np.nansum((data - x) ** 2) + np.nanmean(data) * x[0]


@njit
def normal_cdf(x):
    p = 0.5 * (1.0 + math.erf((x[0] - x[1]) / (x[2] * math.sqrt(2.0))))
    return -math.log(p)


@njit
def sinc_like(x):
    s = 0.0
    for v in x:
        s += math.sin(math.pi * v) / (math.pi * v) if abs(v) > 1e-8 else 1.0
    return s + np.sinc(x[0])


@njit
def bessel_series(x):
    # J0 by its power series.
    s = 0.0
    for v in x:
        term = 1.0
        j0 = 1.0
        for k in range(1, 20):
            term *= -(v * v / 4.0) / (k * k)
            j0 += term
        s += j0 * j0
    return s


@njit
def float_of_everything(x):
    return float(x[0]) + float(3) * x[1] + float(x.size) * float(int(x[2] > 0.1))


@njit
def constants(x):
    return math.pi * x[0] + np.e ** x[1] + math.tau * x[2] - np.euler_gamma * x[3] + np.finfo(np.float64).eps


missing = np.array([0.5, np.nan, 0.6, 1.8, np.nan, 1.9])
CASES = [
    Case("error_functions", error_functions, signed),
    Case("gamma_functions", gamma_functions, x),
    Case("log_beta", log_beta, x),
    Case("two_argument_functions", two_argument_functions, signed),
    Case("numpy_two_arguments", numpy_two_arguments, x),
    Case("inverse_trigonometric", inverse_trigonometric, small),
    Case("hyperbolic", hyperbolic, small),
    Case("trigonometric", trigonometric, signed),
    Case("logarithms", logarithms, x),
    Case("powers", powers, x),
    Case("integer_power_from_loop", integer_power_from_loop, x),
    Case("rounding", rounding, signed),
    Case("rounded_to_int", rounded_to_int, np.array([0.73, 1.26, 0.44, -1.08])),
    Case("remainders", remainders, signed),
    Case("angle_wrapped", angle_wrapped, signed),
    Case("divmod_split", divmod_split, x),
    Case("finite_checks", finite_checks, x),
    Case("nan_for_missing", nan_for_missing, x, (missing,)),
    Case("nan_sum", nan_sum, x, (missing,)),
    Case("normal_cdf", normal_cdf, x),
    Case("sinc_like", sinc_like, signed),
    Case("bessel_series", bessel_series, x),
    Case("float_of_everything", float_of_everything, x),
    Case("constants", constants, x),
]
