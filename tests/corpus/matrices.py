"""Matrices: products with x, x as a matrix, buffers of one and two dimensions."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from corpus.case import Case

rng = np.random.default_rng(11)
A = rng.normal(size=(9, 6))
b = rng.normal(size=9)
labels = np.where(rng.normal(size=9) > 0, 1.0, -1.0)
Q = A.T @ A + np.eye(6)
x6 = np.array([0.7, -1.2, 0.4, 2.1, -0.3, 1.6])
x12 = np.linspace(-0.9, 1.4, 12) + 0.2 * np.cos(np.arange(12) * 1.9)


@njit
def least_squares(x, A, b):
    r = A @ x - b
    return 0.5 * np.sum(r**2)


@njit
def ridge(w, X, y, lam):
    return np.mean((np.dot(X, w) - y) ** 2) + lam * np.dot(w, w)


@njit
def lasso(w, X, y, lam):
    r = y - X @ w
    return r @ r / (2 * y.size) + lam * np.sum(np.abs(w))


@njit
def logistic_regression(w, X, y):
    z = y * (X @ w)
    return np.mean(np.log1p(np.exp(-z)))


@njit
def logistic_regression_loops(w, X, y):
    loss = 0.0
    for i in range(X.shape[0]):
        z = 0.0
        for j in range(X.shape[1]):
            z += X[i, j] * w[j]
        loss += math.log1p(math.exp(-y[i] * z))
    return loss / X.shape[0]


@njit
def hinge(w, X, y):
    return np.maximum(0.0, 1.0 - y * (X @ w)).mean() + 0.01 * w @ w


@njit
def quadratic_form(x, Q):
    return 0.5 * x @ Q @ x - x.sum()


@njit
def row_vector_times_matrix(x, Q):
    return np.sum(np.tanh(x @ Q))


@njit
def rayleigh_quotient(x, Q):
    return np.dot(x, np.dot(Q, x)) / np.dot(x, x)


@njit
def transposed(x, A):
    return np.linalg.norm(A.T @ (A @ x))


@njit
def residuals_in_a_buffer(x, A, b):
    r = np.zeros(b.size)
    for i in range(b.size):
        for j in range(x.size):
            r[i] += A[i, j] * x[j]
        r[i] -= b[i]
    return np.sqrt(np.mean(r * r))


@njit
def buffer_like_x(x):
    y = np.empty_like(x)
    for i in range(x.size):
        y[i] = math.sin(x[i]) * (i + 1)
    return y.max() + y.sum()


@njit
def buffer_of_ones(x):
    y = np.ones(x.size)
    z = np.ones_like(x)
    for i in range(1, x.size):
        y[i] = 0.5 * y[i - 1] + x[i]
        z[i] *= y[i]
    return y.sum() * z.mean()


@njit
def buffer_full(x):
    low = np.full(x.size, -0.5)
    low[0] = x[0] * 0.1
    return np.sum((x - low) ** 2)


@njit
def float64_named(x):
    acc = np.zeros(3, dtype=np.float64)
    counts = np.zeros(3, dtype=np.int64)
    for i in range(x.size):
        acc[i % 3] += x[i] ** 2
        counts[i % 3] += 1
    return np.sum(acc / counts)


@njit
def reshaped(x):
    m = x.reshape(3, 4)
    s = 0.0
    for i in range(3):
        for j in range(4):
            s += m[i, j] * (i + 1) - 0.5 * m[i, j] ** 2 * j
    return s


@njit
def reshaped_product(x):
    m = x.reshape((3, 4))
    g = m @ m.T
    return np.trace(g) + g[0, 1]


@njit
def row_sums(x):
    m = x.reshape(4, 3)
    return np.sum(m.sum(axis=1) ** 2) + np.sum(m, axis=0)[1]


@njit
def rows_of_a_matrix(x):
    m = x.reshape(4, 3)
    s = 0.0
    for i in range(m.shape[0]):
        row = m[i]
        s += row[0] * row[1] + np.sum(row)
    return s + m[:, 2].sum()


@njit
def heat_equation(x):
    n = x.size
    u = np.zeros((8, n))
    u[0] = x
    for t in range(7):
        for i in range(1, n - 1):
            u[t + 1, i] = u[t, i] + 0.3 * (u[t, i + 1] - 2 * u[t, i] + u[t, i - 1])
    return np.sum(u[7, :] ** 2)


@njit
def distance_matrix(x):
    n = x.size
    d = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            d[i, j] = (x[i] - x[j]) ** 2
    return np.exp(-d).mean()


@njit
def outer_product(x, Q):
    return np.sum((np.outer(x, x) - Q) ** 2)


@njit
def factorisation(x, M):
    U = x[:6].reshape(3, 2)
    V = x[6:].reshape(3, 2)
    R = U @ V.T - M
    return np.sum(R * R)


@njit
def cholesky_parameters(x):
    # A covariance matrix from its factor, and its logarithmic determinant.
    L = np.zeros((3, 3))
    k = 0
    for i in range(3):
        for j in range(i + 1):
            L[i, j] = math.exp(x[k]) if i == j else x[k]
            k += 1
    S = np.dot(L, L.T)
    return S.sum() - 2 * (math.log(L[0, 0]) + math.log(L[1, 1]) + math.log(L[2, 2]))


@njit
def determinant_written_out(x):
    a, b, c, d = x[0], x[1], x[2], x[3]
    det = a * d - b * c
    return (d / det - 1) ** 2 + (a / det) ** 2 + det


@njit
def gram_schmidt(x):
    u = x[:3] / np.linalg.norm(x[:3])
    v = x[3:6] - np.dot(u, x[3:6]) * u
    return np.sqrt(np.dot(v, v))


@njit
def image_gradient(x):
    m = x.reshape(3, 4)
    dx = m[:, 1:] - m[:, :-1]
    dy = m[1:, :] - m[:-1, :]
    return np.sum(dx * dx) + np.sum(dy * dy)


@njit
def broadcast_rows(x, A):
    return np.sum((A - x) ** 2) + np.sum((A * x).sum(axis=1) ** 2)


@njit
def diagonal_scaling(x, Q):
    D = np.diag(x)
    return np.trace(D @ Q)


@njit
def stacked_columns(x):
    m = np.column_stack((x, x * x))
    return np.sum(m[:, 0] * m[:, 1])


@njit
def eye_plus(x):
    M = np.eye(3)
    for i in range(3):
        M[i, (i + 1) % 3] = x[i]
    return np.sum(M @ x[3:6])


@njit
def flattened(x):
    m = np.zeros((2, 3))
    for i, v in enumerate(x):
        m[i // 3, i % 3] = v * v
    return np.sum(m.flatten() * np.arange(6)) + m.ravel()[2]


CASES = [
    Case("least_squares", least_squares, x6, (A, b)),
    Case("ridge", ridge, x6, (A, b, 0.1)),
    Case("lasso", lasso, x6, (A, b, 0.1)),
    Case("logistic_regression", logistic_regression, x6, (A, labels)),
    Case("logistic_regression_loops", logistic_regression_loops, x6, (A, labels)),
    Case("hinge", hinge, x6, (A, labels)),
    Case("quadratic_form", quadratic_form, x6, (Q,)),
    Case("row_vector_times_matrix", row_vector_times_matrix, x6, (0.1 * Q,)),
    Case("rayleigh_quotient", rayleigh_quotient, x6, (Q,)),
    Case("transposed", transposed, x6, (A,)),
    Case("residuals_in_a_buffer", residuals_in_a_buffer, x6, (A, b)),
    Case("buffer_like_x", buffer_like_x, x6),
    Case("buffer_of_ones", buffer_of_ones, x6),
    Case("buffer_full", buffer_full, x6),
    Case("float64_named", float64_named, x12),
    Case("reshaped", reshaped, x12),
    Case("reshaped_product", reshaped_product, x12),
    Case("row_sums", row_sums, x12),
    Case("rows_of_a_matrix", rows_of_a_matrix, x12),
    Case("heat_equation", heat_equation, x12),
    Case("distance_matrix", distance_matrix, x6),
    Case("outer_product", outer_product, x6, (Q,)),
    Case("factorisation", factorisation, x12, (np.arange(9.0).reshape(3, 3) / 5,)),
    Case("cholesky_parameters", cholesky_parameters, x6 / 2),
    Case("determinant_written_out", determinant_written_out, x6),
    Case("gram_schmidt", gram_schmidt, x6),
    Case("image_gradient", image_gradient, x12),
    Case("broadcast_rows", broadcast_rows, x6, (A,)),
    Case("diagonal_scaling", diagonal_scaling, x6, (Q,)),
    Case("stacked_columns", stacked_columns, x6),
    Case("eye_plus", eye_plus, x6),
    Case("flattened", flattened, x6),
]
