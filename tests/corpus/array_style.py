"""Array expressions and reductions over x: no loop in sight."""

from __future__ import annotations

import numba as nb
import numpy as np
from numba import njit

from corpus.case import Case

x = np.linspace(0.3, 1.4, 12) ** 1.3
xs = np.array([0.7, -1.2, 0.4, 2.1, -0.3, 1.6, -0.8])
target = np.cos(np.arange(12.0))
weights = 1.0 / np.arange(1.0, 13.0)


@njit
def sum_of_squares(x):
    return np.sum(x * x)


@njit
def method_sum(x):
    return (x**2).sum() + x.sum()


@njit
def rosenbrock_arrays(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@njit
def mean_squared_error(x, target):
    return np.mean((x - target) ** 2)


@njit
def weighted(x, target, weights):
    r = x - target
    return 0.5 * np.dot(weights * r, r)


@njit
def mean_and_variance(x):
    return np.var(x) + np.mean(x) ** 2


@njit
def methods_of_arrays(x):
    return x.var() + 2 * x.mean() - x.std() + x.max() - x.min()


@njit
def coefficient_of_variation(x):
    return np.std(x) / np.mean(x)


@njit
def norm(x):
    return np.linalg.norm(x)


@njit
def norm_of_difference(x, target):
    return np.linalg.norm(x - target) + 1e-3 * np.sqrt(x @ x)


@njit
def one_norm(x):
    return np.abs(x).sum() + np.sum(np.fabs(x - 5.0))


@njit
def infinity_norm(x):
    return np.max(np.abs(x))


@njit
def huber(x, delta):
    a = np.abs(x)
    return np.sum(np.where(a <= delta, 0.5 * x**2, delta * (a - 0.5 * delta)))


@njit
def softmax_entropy(x):
    e = np.exp(x - np.max(x))
    p = e / np.sum(e)
    return -np.sum(p * np.log(p))


@nb.njit
def log_cosh(x):
    return np.log(np.cosh(x)).sum()


@njit
def relu_and_hinge(x):
    return np.sum(np.maximum(x, 0.0) ** 2) + np.maximum(0.0, 1.0 - x).sum()


@njit
def clipped(x):
    return np.sum(np.clip(x, -0.5, 1.5) * np.arange(x.size))


@njit
def smaller_of_two(x):
    return np.sum(np.minimum(x[:3], x[3:6] ** 2))


@njit
def random_walk(x):
    path = np.cumsum(x)
    return np.sum((path - 1.0) ** 2)


@njit
def smoothness(x):
    return np.sum(np.diff(x) ** 2) + 0.1 * x[0]


@njit
def geometric_mean(x):
    return np.prod(x) ** (1.0 / x.size)


@njit
def log_product(x):
    return np.log(x.prod()) + np.log(np.sum(x))


@njit
def masked_sum(x):
    return np.sum(x[x > 0.5] ** 2)


@njit
def mask_times_value(x):
    return np.sum((x > 0.0) * x**2)


@njit
def polynomial_features(x):
    t = np.linspace(-1, 1, 15)
    y = x[0] + x[1] * t + x[2] * t**2 + x[3] * t**3
    return np.sum((y - np.sin(2 * t)) ** 2)


@njit
def damped_sine(x):
    t = np.arange(0.0, 4.0, 0.25)
    model = x[0] * np.exp(-x[1] * t) * np.sin(x[2] * t)
    return np.mean((model - np.exp(-0.4 * t)) ** 2)


@njit
def strided_views(x):
    return np.sum(x[::2] * x[1::2]) + x[::-1][0] ** 2 + np.sum(x[2:10:3])


@njit
def second_differences(x):
    curvature = x[2:] - 2 * x[1:-1] + x[:-2]
    return curvature @ curvature


@njit
def total_variation(x):
    return np.sum(np.sqrt((x[1:] - x[:-1]) ** 2 + 1e-6))


@njit
def signs(x):
    return np.sum(np.sign(x) * np.sqrt(np.abs(x)))


@njit
def mixed_functions(x):
    return np.sum(np.log1p(x**2) + np.expm1(-np.square(x)) + np.arctan(x) * np.tanh(x) - np.log2(2.0 + np.cos(x)))


@njit
def softplus(x):
    return np.logaddexp(0.0, x).sum()


@njit
def in_place_copy(x):
    y = x.copy()
    y -= y.mean()
    y /= 1.0 + np.abs(y).max()
    y *= y
    return y.sum()


@njit
def slice_assignment(x):
    y = np.zeros(x.size + 2)
    y[1:-1] = x
    y[0] = y[1]
    y[-1] = y[-2]
    return np.sum((y[2:] - y[:-2]) ** 2)


@njit
def joined(x):
    y = np.concatenate((x[:2], -x[2:4], x[4:] ** 2))
    return y.sum() + y[3] * y[5]


@njit
def rolled(x):
    return np.sum((np.roll(x, 1) - x) ** 2)


@njit
def smoothed_by_convolution(x):
    k = np.array([0.25, 0.5, 0.25])
    return np.sum((np.convolve(x, k)[1:-1] - x) ** 2)


@njit
def correlation(x, target):
    a = x - x.mean()
    b = target - target.mean()
    return 1.0 - (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


@njit
def largest_index(x):
    return x[np.argmax(x)] ** 2 + x[np.argmin(x)]


@njit
def count_of_large(x):
    return np.sum(x > 1.0) + 0.5 * np.sum(x)


CASES = [
    Case("sum_of_squares", sum_of_squares, x),
    Case("method_sum", method_sum, x),
    Case("rosenbrock_arrays", rosenbrock_arrays, x),
    Case("mean_squared_error", mean_squared_error, x, (target,)),
    Case("weighted", weighted, x, (target, weights)),
    Case("mean_and_variance", mean_and_variance, x),
    Case("methods_of_arrays", methods_of_arrays, x),
    Case("coefficient_of_variation", coefficient_of_variation, x),
    Case("norm", norm, np.linspace(-1, 1, 40)),
    Case("norm_of_difference", norm_of_difference, x, (target,)),
    Case("one_norm", one_norm, xs),
    Case("infinity_norm", infinity_norm, xs),
    Case("huber", huber, xs, (1.0,)),
    Case("softmax_entropy", softmax_entropy, xs),
    Case("log_cosh", log_cosh, xs),
    Case("relu_and_hinge", relu_and_hinge, xs),
    Case("clipped", clipped, xs),
    Case("smaller_of_two", smaller_of_two, xs),
    Case("random_walk", random_walk, xs),
    Case("smoothness", smoothness, x),
    Case("geometric_mean", geometric_mean, x),
    Case("log_product", log_product, x),
    Case("masked_sum", masked_sum, xs),
    Case("mask_times_value", mask_times_value, xs),
    Case("polynomial_features", polynomial_features, np.array([0.1, 1.5, -0.2, -0.8])),
    Case("damped_sine", damped_sine, np.array([1.2, 0.5, 2.0])),
    Case("strided_views", strided_views, x),
    Case("second_differences", second_differences, x),
    Case("total_variation", total_variation, xs),
    Case("signs", signs, xs),
    Case("mixed_functions", mixed_functions, xs),
    Case("softplus", softplus, xs),
    Case("in_place_copy", in_place_copy, xs),
    Case("slice_assignment", slice_assignment, xs),
    Case("joined", joined, xs),
    Case("rolled", rolled, xs),
    Case("smoothed_by_convolution", smoothed_by_convolution, xs),
    Case("correlation", correlation, x, (target,)),
    Case("largest_index", largest_index, xs),
    Case("count_of_large", count_of_large, xs),
]
