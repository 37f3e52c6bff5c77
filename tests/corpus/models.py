"""Neural networks, finance, geometry, interpolation and fits."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from corpus.case import Case

rng = np.random.default_rng(8)
inputs = rng.normal(size=(8, 3))
wanted = np.sin(inputs.sum(axis=1))
signal = np.sin(np.arange(20) * 0.7)


@njit
def multilayer_perceptron(w, X, y):
    # 3 inputs, 4 hidden, 1 output; weights lie one after the other.
    hidden = np.zeros(4)
    loss = 0.0
    for r in range(X.shape[0]):
        for h in range(4):
            a = w[12 + h]
            for j in range(3):
                a += w[3 * h + j] * X[r, j]
            hidden[h] = math.tanh(a)
        out = w[20]
        for h in range(4):
            out += w[16 + h] * hidden[h]
        loss += (out - y[r]) ** 2
    return loss / X.shape[0]


@njit
def perceptron_in_matrices(w, X, y):
    W1 = w[:12].reshape(3, 4)
    b1 = w[12:16]
    W2 = w[16:20]
    H = np.tanh(X @ W1 + b1)
    out = H @ W2 + w[20]
    return np.mean((out - y) ** 2)


@njit
def relu_network(w, X, y):
    err = 0.0
    for i in range(len(X)):
        h = np.maximum(w[:12].reshape(4, 3) @ X[i] + w[12:16], 0)
        err += (np.dot(h, w[16:20]) + w[20] - y[i]) ** 2
    return err


@njit
def recurrent_cell(w, seq):
    h0 = h1 = 0.0
    s = 0.0
    for v in seq[:-1]:
        a = math.tanh(w[0] * v + w[1] * h0 + w[2] * h1 + w[3])
        b = math.tanh(w[4] * v + w[5] * h0 + w[6] * h1 + w[7])
        h0, h1 = a, b
        s += (w[8] * h0 + w[9] * h1) ** 2
    return s / seq.size


@njit
def gated_cell(w, seq):
    h = 0.0
    for v in seq:
        z = 1 / (1 + np.exp(-(w[0] * v + w[1] * h)))
        r = 1 / (1 + np.exp(-(w[2] * v + w[3] * h)))
        c = np.tanh(w[4] * v + w[5] * (r * h))
        h = (1 - z) * h + z * c
    return (h - 0.3) ** 2


@njit
def convolution(kernel, signal):
    k = kernel.size
    out = np.empty(signal.size - k + 1)
    for i in range(out.size):
        acc = 0.0
        for j in range(k):
            acc += kernel[j] * signal[i + j]
        out[i] = max(acc, 0.1 * acc)
    return np.mean(out**2)


@njit
def attention(x):
    q = x[:4].reshape(2, 2)
    k = x[4:8].reshape(2, 2)
    v = x[8:].reshape(2, 2)
    scores = np.exp(q @ k.T / np.sqrt(2.0))
    out = np.zeros((2, 2))
    for i in range(2):
        out[i] = scores[i] / scores[i].sum() @ v
    return np.sum(out * out)


@njit
def layer_norm(x, gain):
    z = (x - np.mean(x)) / np.sqrt(np.var(x) + 1e-5)
    return np.sum(gain * z * z * z)


@njit
def normal_distribution(z):
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@njit
def black_scholes(x, strikes, prices):
    spot, vol, rate = x[0], x[1], x[2]
    err = 0.0
    for i in range(strikes.size):
        d1 = (math.log(spot / strikes[i]) + rate + 0.5 * vol * vol) / vol
        call = spot * normal_distribution(d1) - strikes[i] * math.exp(-rate) * normal_distribution(d1 - vol)
        err += (call - prices[i]) ** 2
    return err


@njit
def binomial_tree(x, strike, n):
    # American put.
    spot, vol, rate = x[0], x[1], x[2]
    dt = 1.0 / n
    up = math.exp(vol * math.sqrt(dt))
    down = 1.0 / up
    p = (math.exp(rate * dt) - down) / (up - down)
    value = np.zeros(n + 1)
    for i in range(n + 1):
        value[i] = max(strike - spot * up**i * down ** (n - i), 0.0)
    for step in range(n - 1, -1, -1):
        for i in range(step + 1):
            hold = math.exp(-rate * dt) * (p * value[i + 1] + (1 - p) * value[i])
            value[i] = max(hold, strike - spot * up**i * down ** (step - i))
    return value[0]


@njit
def portfolio(w, mean, cov, aversion):
    w = w / w.sum()
    return -mean @ w + 0.5 * aversion * w @ cov @ w


@njit
def yield_curve(x, t, y):
    lam = np.exp(x[3])
    load = (1 - np.exp(-lam * t)) / (lam * t)
    fit = x[0] + x[1] * load + x[2] * (load - np.exp(-lam * t))
    return np.sum((fit - y) ** 2)


@njit
def bond_price(x):
    # Level, slope and curvature of discount rates; ten payments.
    p = 0.0
    for k in range(1, 11):
        r = x[0] + x[1] * k / 10 + x[2] * (k / 10) ** 2
        p += 5.0 * (1 + r) ** -k
    return p + 100.0 / (1 + x[0] + x[1] + x[2]) ** 10


@njit
def polygon_area(x):
    n = x.size // 2
    area = 0.0
    for i in range(n):
        j = (i + 1) % n
        area += x[2 * i] * x[2 * j + 1] - x[2 * j] * x[2 * i + 1]
    return 0.5 * abs(area)


@njit
def polygon_perimeter(x):
    p = x.reshape((x.size // 2, 2))
    total = np.linalg.norm(p[0] - p[-1])
    for i in range(1, len(p)):
        total += np.linalg.norm(p[i] - p[i - 1])
    return total


@njit
def sum_of_distances(x, points):
    s = 0.0
    for k in range(points.shape[0]):
        s += np.sqrt(np.sum((points[k] - x) ** 2))
    return s


@njit
def nearest_centre(x, points):
    # k-means: two centres in three dimensions.
    total = 0.0
    for k in range(points.shape[0]):
        best = np.inf
        for c in range(2):
            d = 0.0
            for j in range(3):
                d += (points[k, j] - x[3 * c + j]) ** 2
            if d < best:
                best = d
        total += best
    return total


@njit
def rotation(x, points):
    c, s = math.cos(x[0]), math.sin(x[0])
    R = np.array([[c, -s], [s, c]])
    moved = np.ascontiguousarray(points[:, :2]) @ np.ascontiguousarray(R.T)
    return np.sum((moved[:, 0] - x[1]) ** 2) + np.sum((moved[:, 1] - x[2]) ** 2)


@njit
def great_circle(x):
    a, b, c, d = x[0], x[1], x[2], x[3]
    h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * math.asin(math.sqrt(h))


@njit
def robot_arm(x, goal):
    px = py = angle = 0.0
    for joint in x:
        angle += joint
        px += math.cos(angle)
        py += math.sin(angle)
    return (px - goal[0]) ** 2 + (py - goal[1]) ** 2


@njit
def table_lookup(x, table):
    s = 0.0
    for v in x:
        u = v * (table.size - 1)
        k = int(math.floor(u))
        if k < 0:
            k = 0
        if k > table.size - 2:
            k = table.size - 2
        f = u - k
        s += (1 - f) * table[k] + f * table[k + 1]
    return s


@njit
def table_search(x, grid, values):
    s = 0.0
    for v in x:
        k = 0
        while k < grid.size - 2 and grid[k + 1] < v:
            k += 1
        s += values[k] + (values[k + 1] - values[k]) * (v - grid[k]) / (grid[k + 1] - grid[k])
    return s


@njit
def interpolated(x, grid, values):
    return np.sum(np.interp(x, grid, values) ** 2)


@njit
def bilinear(x, image):
    i, j = int(x[0]), int(x[1])
    u, v = x[0] - i, x[1] - j
    low = image[i, j] * (1 - v) + image[i, j + 1] * v
    high = image[i + 1, j] * (1 - v) + image[i + 1, j + 1] * v
    return low * (1 - u) + high * u + 0.0 * x[2]


@njit
def de_boor_weights(x):
    s = 0.0
    for k in range(30):
        t = k / 29 * (x.size - 3)
        i = min(int(t), x.size - 4)
        u = t - i
        b0, b1 = (1 - u) ** 3 / 6, (3 * u**3 - 6 * u**2 + 4) / 6
        b2, b3 = (-3 * u**3 + 3 * u**2 + 3 * u + 1) / 6, u**3 / 6
        s += (b0 * x[i] + b1 * x[i + 1] + b2 * x[i + 2] + b3 * x[i + 3] - math.cos(t)) ** 2
    return s


@njit
def simpson(x, n):
    h = 2.0 / n
    total = 0.0
    for k in range(n + 1):
        t = -1 + k * h
        f = math.exp(-x[0] * t * t) * math.cos(x[1] * t) + x[2] * t**4
        total += f * (1 if k in (0, n) else (4 if k % 2 else 2))
    return total * h / 3


@njit
def gauss_legendre(x, nodes, weights):
    return np.sum(weights * np.log1p(x[0] ** 2 * np.exp(x[1] * nodes)) / (1.0 + x[2] ** 2))


weights21 = rng.normal(size=21) * 0.6
nodes, gl_weights = np.polynomial.legendre.leggauss(7)
square = np.array([0.0, 0.1, 2.0, -0.2, 2.3, 1.9, 0.2, 2.1])
grid = np.linspace(0.0, 1.0, 8)
unit = np.array([0.11, 0.52, 0.83, 0.37])
x12 = np.linspace(-0.9, 1.0, 12)
maturities = np.array([0.5, 1.0, 2.0, 5.0, 10.0])
covariance = np.cov(inputs.T)
CASES = [
    Case("multilayer_perceptron", multilayer_perceptron, weights21, (inputs, wanted)),
    Case("perceptron_in_matrices", perceptron_in_matrices, weights21, (inputs, wanted)),
    Case("relu_network", relu_network, weights21, (inputs, wanted)),
    Case("recurrent_cell", recurrent_cell, weights21[:10], (signal,)),
    Case("gated_cell", gated_cell, weights21[:6], (signal,)),
    Case("convolution", convolution, weights21[:5], (signal,)),
    Case("attention", attention, x12),
    Case("layer_norm", layer_norm, x12, (np.arange(12.0),)),
    Case("black_scholes", black_scholes, np.array([100.0, 0.25, 0.03]), (np.arange(90.0, 115, 5), np.ones(5))),
    Case("binomial_tree", binomial_tree, np.array([95.0, 0.3, 0.05]), (100.0, 25)),
    Case("portfolio", portfolio, np.array([0.2, 0.5, 0.4]), (np.array([0.1, 0.2, 0.05]), covariance, 3.0)),
    Case("yield_curve", yield_curve, np.array([4.0, -2.0, 1.0, -0.5]), (maturities, np.linspace(2, 4, 5))),
    Case("bond_price", bond_price, np.array([0.03, 0.01, -0.005])),
    Case("polygon_area", polygon_area, square),
    Case("polygon_perimeter", polygon_perimeter, square),
    Case("sum_of_distances", sum_of_distances, np.array([0.1, 0.4, -0.2]), (inputs,)),
    Case("nearest_centre", nearest_centre, np.array([-0.5, 0.1, 0.3, 0.8, -0.4, -0.2]), (inputs,)),
    Case("rotation", rotation, np.array([0.4, 0.1, -0.3]), (inputs,)),
    Case("great_circle", great_circle, np.array([0.8, 0.2, 0.5, 1.7])),
    Case("robot_arm", robot_arm, np.array([0.3, 0.5, -0.4, 0.9]), ((1.5, 2.0),)),
    Case("table_lookup", table_lookup, unit, (np.cos(grid * 3),)),
    Case("table_search", table_search, unit, (grid, np.cos(grid * 3))),
    Case("interpolated", interpolated, unit, (grid, np.cos(grid * 3))),
    Case("bilinear", bilinear, np.array([1.3, 2.6, 0.5]), (np.arange(20.0).reshape(4, 5) ** 2,)),
    Case("de_boor_weights", de_boor_weights, x12),
    Case("simpson", simpson, np.array([0.9, 2.0, 0.3]), (20,)),
    Case("gauss_legendre", gauss_legendre, np.array([0.9, 1.1, 0.3]), (nodes, gl_weights)),
]
