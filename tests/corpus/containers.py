"""Lists, tuples, named tuples, and the ways to walk them."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import NamedTuple

import numpy as np
from numba import njit

from corpus.case import Case

x = np.array([0.7, 1.2, 0.4, 2.1, 0.3, 1.6])
Model = namedtuple("Model", "gain offset rates")


class Oscillator(NamedTuple):
    mass: float
    damping: float
    frequency: float


@njit
def appended(x):
    terms = []
    for v in x:
        terms.append(v * v)
    return sum(terms)


@njit
def comprehension(x):
    return sum([math.sin(v) + 0.5 * v for v in x])


@njit
def comprehension_with_condition(x):
    big = [v**2 for v in x if v > 0.5]
    return sum(big) / len(big)


@njit
def list_to_array(x):
    return np.sum(np.array([math.sqrt(v) * 2.0 for v in x]) ** 3)


@njit
def list_of_numbers(x):
    knots = [0.0, 0.5, 1.0, 2.5]
    s = 0.0
    for k in knots:
        s += (x[0] - k) ** 2 * x[1]
    return s


@njit
def stack_machine(x):
    stack = [x[0], x[1]]
    for i in range(2, x.size):
        a = stack.pop()
        b = stack.pop()
        stack.append(a * b + x[i])
        stack.append(a - b)
    return stack[0] ** 2 + stack[-1]


@njit
def history(x):
    h = [x[0]]
    for i in range(1, 10):
        h.append(0.6 * h[-1] + 0.3 * x[i % x.size] + 0.1 * h[len(h) // 2])
    return max(h) - h[3]


@njit
def list_times_length(x):
    work = [0.0] * x.size
    for i in range(x.size):
        work[i] = x[i] * x[i - 1]
    return sum(work)


@njit
def list_sorted_by_hand(x):
    order = [x[0], x[1], x[2]]
    for i in range(3):
        for j in range(2 - i):
            if order[j] > order[j + 1]:
                order[j], order[j + 1] = order[j + 1], order[j]
    return order[0] + 10 * order[1] + 100 * order[2]


@njit
def unpacked(x):
    a, b, c = x[0], x[1], x[2]
    p, q = (a + b, b * c)
    return p * p + q


@njit
def swapped(x):
    a, b = x[0], x[1]
    for i in range(2, x.size):
        a, b = b, a + x[i] * b
    return a * b


@njit
def tuple_argument(x, bounds):
    lo, hi = bounds
    s = 0.0
    for v in x:
        s += -math.log(v - lo) - math.log(hi - v)
    return s


@njit
def tuple_of_tuples(x, springs):
    e = 0.0
    for i, j, k in springs:
        e += 0.5 * k * (x[i] - x[j]) ** 2
    return e


@njit
def tuple_walked(x):
    s = 0.0
    for v in (x[0], x[1] * x[2], x[3]):
        s += v * v
    return s


@njit
def named_tuple(x, osc):
    acc = 0.0
    for k in range(x.size - 2):
        velocity = (x[k + 2] - x[k]) / 0.2
        force = -(osc.frequency**2) * x[k + 1] - osc.damping * velocity
        acc += (osc.mass * (x[k + 2] - 2 * x[k + 1] + x[k]) / 0.01 - force) ** 2
    return acc


@njit
def named_tuple_with_array(x, model):
    s = model.offset
    for v, r in zip(x, model.rates):
        s += model.gain * math.exp(-r * v)
    return s


@njit
def named_tuple_made_inside(x):
    m = Model(x[0], x[1], x[2])
    return m.gain * m.gain + m.offset * math.cos(m.rates)


@njit
def enumerated(x):
    return_value = 0.0
    for i, v in enumerate(x, 1):
        return_value += v**2 / i
    return return_value


@njit
def zipped(x, y):
    s = 0.0
    for a, b in zip(x, y):
        s += (a - b) * (a - b)
    return s


@njit
def zipped_slices(x):
    s = 0.0
    for left, right in zip(x[:-1], x[1:]):
        s += (right - left) ** 2 + left * right
    return s


@njit
def enumerated_zip(x, y):
    s = 0.0
    for k, (a, b) in enumerate(zip(x, y)):
        s += (k + 1) * math.cos(a - b)
    return s


@njit
def stepped(x):
    s = 0.0
    for i in range(1, x.size, 2):
        s += x[i] * x[i - 1]
    for i in range(x.size - 1, 0, -3):
        s -= 0.1 * x[i] ** 3
    return s


@njit
def reversed_walk(x):
    s = 0.0
    for v in x[::-1]:
        s = s * 0.5 + v
    return s


@njit
def flat_walk(x, grid):
    s = 0.0
    for g in grid.flat:
        s += math.sin(x[0] * g + x[1])
    for i, j in np.ndindex(grid.shape):
        s += grid[i, j] * x[i + j]
    for (i, j), g in np.ndenumerate(grid):
        s += g * x[i] * x[j]
    return s


@njit
def minimum_of_list(x):
    return min([(v - 1.0) ** 2 + 0.1 for v in x]) + max([v for v in x])


@njit
def nested_lists(x):
    rows = [[x[0], x[1]], [x[2], x[3]]]
    return rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0]


@njit
def dictionary_of_numbers(x):
    powers = {0: 1.0, 1: 0.5, 2: 0.25}
    s = 0.0
    for k in powers:
        s += powers[k] * x[k] ** 2
    return s


grid = np.arange(6.0).reshape(2, 3) / 4
y6 = np.array([0.5, 1.0, 0.6, 1.8, 0.1, 1.9])
CASES = [
    Case("appended", appended, x),
    Case("comprehension", comprehension, x),
    Case("comprehension_with_condition", comprehension_with_condition, x),
    Case("list_to_array", list_to_array, x),
    Case("list_of_numbers", list_of_numbers, x),
    Case("stack_machine", stack_machine, x),
    Case("history", history, x),
    Case("list_times_length", list_times_length, x),
    Case("list_sorted_by_hand", list_sorted_by_hand, x),
    Case("unpacked", unpacked, x),
    Case("swapped", swapped, x),
    Case("tuple_argument", tuple_argument, x, ((0.0, 3.0),)),
    Case("tuple_of_tuples", tuple_of_tuples, x, (((0, 1, 2.0), (1, 2, 0.5), (4, 5, 1.0)),)),
    Case("tuple_walked", tuple_walked, x),
    Case("named_tuple", named_tuple, x, (Oscillator(1.2, 0.1, 2.0),)),
    Case("named_tuple_with_array", named_tuple_with_array, x, (Model(2.0, -0.5, y6),)),
    Case("named_tuple_made_inside", named_tuple_made_inside, x),
    Case("enumerated", enumerated, x),
    Case("zipped", zipped, x, (y6,)),
    Case("zipped_slices", zipped_slices, x),
    Case("enumerated_zip", enumerated_zip, x, (y6,)),
    Case("stepped", stepped, x),
    Case("reversed_walk", reversed_walk, x),
    Case("flat_walk", flat_walk, x, (grid,)),
    Case("minimum_of_list", minimum_of_list, x),
    Case("nested_lists", nested_lists, x),
    Case("dictionary_of_numbers", dictionary_of_numbers, x),
]
