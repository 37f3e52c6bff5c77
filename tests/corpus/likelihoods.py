"""Likelihoods of statistics and time series, and what surrounds them."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from corpus.case import Case

rng = np.random.default_rng(3)
sample = rng.normal(1.0, 1.5, size=25)
counts = rng.poisson(3.0, size=20)
design = np.column_stack([np.ones(20), rng.normal(size=20), rng.normal(size=20)])
series = np.cumsum(rng.normal(size=30)) * 0.3
LOG_2PI = math.log(2 * math.pi)


@njit
def gaussian(p, data):
    mu, log_sigma, ridge = p
    sigma = math.exp(log_sigma)
    s = ridge * ridge
    for v in data:
        s += 0.5 * ((v - mu) / sigma) ** 2 + log_sigma + 0.5 * LOG_2PI
    return s


@njit
def poisson_regression(b, X, k):
    eta = X @ b
    return np.sum(np.exp(eta) - k * eta)


@njit
def poisson_loops(b, X, k):
    total = 0.0
    for i in range(k.size):
        eta = 0.0
        for j in range(b.size):
            eta += X[i, j] * b[j]
        total += math.exp(eta) - k[i] * eta + math.lgamma(k[i] + 1.0)
    return total


@njit
def mixture(x, data):
    # Three components: logits, means, logarithms of widths.
    n = 3
    m = max(x[0], max(x[1], x[2]))
    norm = 0.0
    for k in range(n):
        norm += math.exp(x[k] - m)
    loglik = 0.0
    for v in data:
        like = 0.0
        for k in range(n):
            w = math.exp(x[k] - m) / norm
            z = (v - x[n + k]) * math.exp(-x[2 * n + k])
            like += w * math.exp(-0.5 * z * z - x[2 * n + k])
        loglik += math.log(like)
    return -loglik


@njit
def mixture_in_arrays(x, data):
    logits = x[:2] - np.log(np.sum(np.exp(x[:2])))
    total = 0.0
    for v in data:
        terms = logits - 0.5 * ((v - x[2:4]) / np.exp(x[4:])) ** 2 - x[4:]
        top = terms.max()
        total -= top + np.log(np.exp(terms - top).sum())
    return total


@njit
def student_t(x, data):
    nu = math.exp(x[2])
    s = math.exp(x[1])
    const = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi) - x[1]
    total = 0.0
    for v in data:
        z = (v - x[0]) / s
        total += const - (nu + 1) / 2 * math.log1p(z * z / nu)
    return -total


@njit
def hidden_markov(x, data):
    # Forward algorithm with two states, scaled in every step.
    stay = 1.0 / (1.0 + math.exp(-x[0]))
    alpha = np.array([0.5, 0.5])
    loglik = 0.0
    for t in range(data.size):
        new = np.zeros(2)
        for j in range(2):
            for i in range(2):
                move = stay if i == j else 1.0 - stay
                new[j] += alpha[i] * move
            new[j] *= math.exp(-0.5 * (data[t] - x[1 + j]) ** 2)
        c = new[0] + new[1]
        loglik += math.log(c)
        alpha = new / c
    return -loglik


@njit
def viterbi(x, data):
    n = 3
    score = np.zeros(n)
    for t in range(data.size):
        new = np.empty(n)
        for j in range(n):
            best = -np.inf
            for i in range(n):
                best = max(best, score[i] - (0.0 if i == j else x[3] ** 2))
            new[j] = best - (data[t] - x[j]) ** 2
        score[:] = new
    return -np.max(score)


@njit
def autoregression(p, y):
    phi = math.tanh(p[0])
    sigma2 = np.exp(p[1])
    ll = -0.5 * y[0] ** 2 * (1 - phi**2) / sigma2 + 0.5 * math.log(1 - phi**2)
    for t in range(1, len(y)):
        e = y[t] - phi * y[t - 1] - p[2]
        ll -= 0.5 * e * e / sigma2 + 0.5 * p[1]
    return -ll


@njit
def garch(p, r):
    omega, alpha, beta = p[0], p[1], p[2]
    if omega <= 0 or alpha < 0 or beta < 0 or alpha + beta >= 1:
        return np.inf
    h = np.var(r)
    nll = 0.0
    for t in range(r.size):
        nll += 0.5 * (math.log(h) + r[t] * r[t] / h)
        h = omega + alpha * r[t] ** 2 + beta * h
    return nll


@njit
def kalman(p, y):
    # Local linear trend; the 2 by 2 matrices are written out.
    q1, q2, r = math.exp(p[0]), math.exp(p[1]), math.exp(p[2])
    m0, m1 = y[0], 0.0
    p00, p01, p11 = 1.0, 0.0, 1.0
    nll = 0.0
    for t in range(1, y.size):
        m0 = m0 + m1
        p00, p01, p11 = p00 + 2 * p01 + p11 + q1, p01 + p11, p11 + q2
        s = p00 + r
        e = y[t] - m0
        nll += 0.5 * (math.log(s) + e * e / s)
        k0, k1 = p00 / s, p01 / s
        m0 += k0 * e
        m1 += k1 * e
        p00, p01, p11 = (1 - k0) * p00, (1 - k0) * p01, p11 - k1 * p01
    return nll


@njit
def kalman_matrices(p, y):
    F = np.array([[1.0, 1.0], [0.0, 1.0]])
    P = np.eye(2) * np.exp(p[0])
    m = np.zeros(2)
    m[0] = p[1]
    nll = 0.0
    for t in range(y.size):
        m = F @ m
        P = F @ P @ F.T
        P[0, 0] += 0.1
        s = P[0, 0] + np.exp(p[2])
        e = y[t] - m[0]
        nll += 0.5 * (np.log(s) + e**2 / s)
        K = P[:, 0] / s
        m = m + K * e
        P = P - np.outer(K, P[0, :])
    return nll


@njit
def survival(x, time, observed):
    shape, scale = math.exp(x[0]), math.exp(x[1])
    ll = x[2] * 0.0
    for i in range(time.size):
        z = (time[i] / scale) ** shape
        if observed[i]:
            ll += math.log(shape / scale) + (shape - 1) * math.log(time[i] / scale)
        ll -= z
    return -ll


@njit
def ordinal_probit(x, eta, level):
    total = 0.0
    for i in range(eta.size):
        k = level[i]
        upper = 1.0 if k == 2 else 0.5 * math.erfc(-(x[k] - eta[i]) / math.sqrt(2.0))
        lower = 0.0 if k == 0 else 0.5 * math.erfc(-(x[k - 1] - eta[i]) / math.sqrt(2.0))
        total -= math.log(upper - lower)
    return total + 0.1 * x[2] ** 2


@njit
def softmax_regression(w, X, label):
    n_classes = 3
    d = X.shape[1]
    W = w.reshape(n_classes, d)
    nll = 0.0
    for i in range(X.shape[0]):
        z = W @ X[i]
        nll += np.log(np.sum(np.exp(z - np.max(z)))) + np.max(z) - z[label[i]]
    return nll / X.shape[0]


@njit
def gaussian_process(x, t, y):
    # Covariance matrix, its Cholesky factor and both triangular solves by hand.
    n = t.size
    K = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            K[i, j] = math.exp(x[0] - 0.5 * (t[i] - t[j]) ** 2 * math.exp(-2 * x[1]))
        K[i, i] += math.exp(x[2])
    z = np.empty(n)
    logdet = 0.0
    for j in range(n):
        for k in range(j):
            K[j, j] -= K[j, k] ** 2
        K[j, j] = math.sqrt(K[j, j])
        logdet += 2 * math.log(K[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                K[i, j] -= K[i, k] * K[j, k]
            K[i, j] /= K[j, j]
        s = y[j]
        for k in range(j):
            s -= K[j, k] * z[k]
        z[j] = s / K[j, j]
    return 0.5 * (z @ z + logdet)


@njit
def quantile_regression(b, X, y, q):
    r = y - X @ b
    return np.sum(np.where(r > 0, q * r, (q - 1) * r))


@njit
def histogram_likelihood(x, edges, n):
    ll = 0.0
    for k in range(n.size):
        p = 0.5 * (math.erf((edges[k + 1] - x[0]) / x[1]) - math.erf((edges[k] - x[0]) / x[1]))
        mu = x[2] * p + 1e-9
        ll += n[k] * math.log(mu) - mu
    return -ll


@njit
def tail_dependence(u, theta):
    s = 0.0
    for i in range(0, u.size - 1, 2):
        a, b = u[i], u[i + 1]
        s += math.log((1 + theta) * (a * b) ** (-theta - 1) * (a**-theta + b**-theta - 1) ** (-2 - 1 / theta))
    return -s


p3 = np.array([0.3, -0.4, 0.2])
times = np.abs(sample) + 0.1
CASES = [
    Case("gaussian", gaussian, np.array([0.8, 0.2, 0.1]), (sample,)),
    Case("poisson_regression", poisson_regression, p3, (design, counts)),
    Case("poisson_loops", poisson_loops, p3, (design, counts)),
    Case("mixture", mixture, np.array([0.1, -0.2, 0.3, -1.0, 0.5, 2.0, 0.1, -0.1, 0.2]), (sample,)),
    Case("mixture_in_arrays", mixture_in_arrays, np.array([0.1, -0.2, -0.5, 2.0, 0.1, -0.1]), (sample,)),
    Case("student_t", student_t, np.array([0.9, 0.1, 1.3]), (sample,)),
    Case("hidden_markov", hidden_markov, np.array([1.0, -0.5, 1.4]), (series,)),
    Case("viterbi", viterbi, np.array([-0.8, 0.1, 0.9, 0.4]), (series,)),
    Case("autoregression", autoregression, p3, (series,)),
    Case("garch", garch, np.array([0.1, 0.15, 0.7]), (np.diff(series),)),
    Case("kalman", kalman, np.array([-1.0, -2.0, -0.5]), (series,)),
    Case("kalman_matrices", kalman_matrices, p3, (series,)),
    Case("survival", survival, p3, (times, sample > 0.5)),
    Case("ordinal_probit", ordinal_probit, np.array([-0.5, 0.7, 0.2]), (series, np.arange(series.size) % 3)),
    Case("softmax_regression", softmax_regression, np.linspace(-1, 1, 9), (design, np.arange(20) % 3)),
    Case("gaussian_process", gaussian_process, p3, (np.linspace(0, 3, 8), series[:8])),
    Case("quantile_regression", quantile_regression, p3, (design, sample[:20], 0.3)),
    Case(
        "histogram_likelihood",
        histogram_likelihood,
        np.array([0.9, 1.8, 25.0]),
        (np.linspace(-4, 6, 9), np.histogram(sample, np.linspace(-4, 6, 9))[0]),
    ),
    Case("tail_dependence", tail_dependence, np.array([0.3, 0.4, 0.8, 0.6, 0.5, 0.7]), (1.5,)),
]
