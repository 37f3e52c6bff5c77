"""Differential equations, time steps, physics of particles, springs and spins."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from corpus.case import Case


@njit
def euler_decay(p, y0, steps):
    y = y0
    dt = 2.0 / steps
    s = 0.0
    for k in range(steps):
        y += dt * (p[0] - p[1] * y + 0.1 * p[2] * math.sin(k * dt))
        s += (y - 1.0) ** 2
    return s


@njit
def lotka_volterra_rhs(u, v, p):
    return p[0] * u - p[1] * u * v, -p[2] * v + p[3] * u * v


@njit
def lotka_volterra(p, data):
    u, v = 1.0, 0.5
    h = 0.05
    err = 0.0
    for k in range(data.shape[0]):
        for _ in range(4):
            a1, b1 = lotka_volterra_rhs(u, v, p)
            a2, b2 = lotka_volterra_rhs(u + h / 2 * a1, v + h / 2 * b1, p)
            a3, b3 = lotka_volterra_rhs(u + h / 2 * a2, v + h / 2 * b2, p)
            a4, b4 = lotka_volterra_rhs(u + h * a3, v + h * b3, p)
            u += h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
            v += h / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
        err += (u - data[k, 0]) ** 2 + (v - data[k, 1]) ** 2
    return err


@njit
def sir_derivative(state, beta, gamma):
    s, i = state[0], state[1]
    return np.array([-beta * s * i, beta * s * i - gamma * i, gamma * i])


@njit
def epidemic(x, observed):
    state = np.array([1.0 - x[2], x[2], 0.0])
    err = 0.0
    for day in range(observed.size):
        for _ in range(3):
            state = state + sir_derivative(state, x[0], x[1]) / 3
        err += (state[1] - observed[day]) ** 2
    return err


@njit
def midpoint_vectors(x):
    y = x.copy()
    for _ in range(10):
        k1 = -y * np.roll(y, 1)
        k2 = -(y + 0.05 * k1) * np.roll(y, -1)
        y = y + 0.1 * k2
    return np.sum(y * y)


@njit
def pendulum(x):
    theta, omega = x[0], x[1]
    dt = 0.02
    for _ in range(100):
        omega -= dt * (9.81 / x[2] * math.sin(theta) + 0.1 * omega)
        theta += dt * omega
    return theta * theta + 0.5 * omega * omega


@njit
def projectile(x):
    # Flies until it is down: the number of steps is that of x.
    vx, vy, px, py = x[0], x[1], 0.0, 0.0
    while py >= 0.0:
        speed = math.sqrt(vx * vx + vy * vy)
        vx -= 0.01 * x[2] * speed * vx
        vy -= 0.01 * (9.81 + x[2] * speed * vy)
        px += 0.01 * vx
        py += 0.01 * vy
    return (px - 3.0) ** 2


@njit
def lorenz(x):
    a, b, c = x[0], x[1], x[2]
    for _ in range(50):
        a, b, c = (
            a + 0.01 * 10.0 * (b - a),
            b + 0.01 * (a * (28.0 - c) - b),
            c + 0.01 * (a * b - 8.0 / 3.0 * c),
        )
    return a * a + b * b + c * c


@njit
def leapfrog_energy(x, masses):
    n = masses.size
    q = x[:n].copy()
    p = x[n:].copy()
    for _ in range(5):
        for i in range(n):
            p[i] -= 0.05 * q[i] * (1 + q[i] * q[i])
        q += 0.1 * p / masses
    return 0.5 * np.sum(p * p / masses) + 0.5 * np.sum(q * q)


@njit
def lennard_jones(x):
    n = x.size // 3
    e = 0.0
    for i in range(n):
        for j in range(i):
            r2 = 0.0
            for k in range(3):
                r2 += (x[3 * i + k] - x[3 * j + k]) ** 2
            s6 = 1.0 / (r2 * r2 * r2)
            e += 4.0 * s6 * (s6 - 1.0)
    return e


@njit
def lennard_jones_cutoff(x, cutoff):
    pos = x.reshape(-1, 3)
    e = 0.0
    for i in range(pos.shape[0] - 1):
        for j in range(i + 1, pos.shape[0]):
            d = pos[i] - pos[j]
            r = np.sqrt(np.sum(d * d))
            if r > cutoff:
                continue
            e += r**-12 - r**-6
    return e


@njit
def gravity(x, m):
    e = 0.0
    for i in range(len(m)):
        for j in range(i + 1, len(m)):
            dx = x[2 * i] - x[2 * j]
            dy = x[2 * i + 1] - x[2 * j + 1]
            e -= m[i] * m[j] / math.sqrt(dx * dx + dy * dy + 1e-4)
    return e


@njit
def spring_network(x, edges, rest, stiffness):
    energy = 0.0
    for e in range(edges.shape[0]):
        i, j = edges[e]
        length = math.hypot(x[2 * i] - x[2 * j], x[2 * i + 1] - x[2 * j + 1])
        energy += 0.5 * stiffness * (length - rest[e]) ** 2
    return energy


@njit
def angles_of_a_polymer(x):
    e = 0.0
    for i in range(1, x.size // 2 - 1):
        ax, ay = x[2 * i - 2] - x[2 * i], x[2 * i - 1] - x[2 * i + 1]
        bx, by = x[2 * i + 2] - x[2 * i], x[2 * i + 3] - x[2 * i + 1]
        c = (ax * bx + ay * by) / math.sqrt((ax * ax + ay * ay) * (bx * bx + by * by))
        e += (math.acos(max(-1.0, min(1.0, c))) - 2.0) ** 2
    return e


@njit
def spin_glass(theta, J):
    n = theta.size
    e = 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                e -= 0.5 * J[i, j] * math.cos(theta[i] - theta[j])
    return e


@njit
def mean_field_ising(m, J, field, temperature):
    energy = -0.5 * m @ (J @ m) - field * m.sum()
    p = 0.5 * (1.0 + m)
    entropy = -np.sum(p * np.log(p) + (1 - p) * np.log(1 - p))
    return energy - temperature * entropy


@njit
def wave_on_a_ring(x):
    n = x.size
    old = x.copy()
    now = x.copy()
    new = np.empty(n)
    for _ in range(6):
        for i in range(n):
            new[i] = 2 * now[i] - old[i] + 0.2 * (now[i - 1] - 2 * now[i] + now[(i + 1) % n])
        old, now, new = now, new, old
    return np.sum(now**4)


@njit
def poisson_2d(x):
    u = np.zeros((6, 6))
    f = x.reshape(4, 4)
    for _ in range(10):
        for i in range(1, 5):
            for j in range(1, 5):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] + f[i - 1, j - 1])
    return np.max(u) + np.sum(u**2)


@njit
def implicit_euler(x):
    # Each step solves y + h y^3 = old by Newton.
    y = x[0]
    h = 0.1 * x[1]
    for _ in range(10):
        old = y
        for _ in range(20):
            f = y + h * y**3 - old - h * x[2]
            y -= f / (1.0 + 3.0 * h * y * y)
            if abs(f) < 1e-14:
                break
    return y


@njit
def tridiagonal_solve(x):
    n = x.size
    c = np.zeros(n)
    d = np.zeros(n)
    c[0] = -0.5 / 2.0
    d[0] = x[0] / 2.0
    for i in range(1, n):
        w = 2.0 + 0.5 * c[i - 1]
        c[i] = -0.5 / w
        d[i] = (x[i] + 0.5 * d[i - 1]) / w
    for i in range(n - 2, -1, -1):
        d[i] -= c[i] * d[i + 1]
    return d @ d


rng = np.random.default_rng(5)
cube = np.array([[i, j, k] for i in range(2) for j in range(2) for k in range(2)], dtype=float)
atoms = (1.1 * cube + 0.1 * rng.normal(size=cube.shape)).ravel()
plane = np.array([0.0, 0.1, 1.2, 0.3, 1.9, 1.4, 0.8, 2.2, -0.3, 1.5])
J = rng.normal(size=(6, 6))
J = 0.5 * (J + J.T)
edges = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 0], [0, 2]])
populations = np.column_stack([1.0 + 0.1 * np.arange(8), 0.5 - 0.02 * np.arange(8)])
CASES = [
    Case("euler_decay", euler_decay, np.array([1.0, 0.7, 0.4]), (0.3, 40)),
    Case("lotka_volterra", lotka_volterra, np.array([1.1, 0.9, 0.8, 0.5]), (populations,)),
    Case("epidemic", epidemic, np.array([0.5, 0.2, 0.05]), (np.linspace(0.05, 0.2, 10),)),
    Case("midpoint_vectors", midpoint_vectors, np.array([0.7, 0.2, 0.4, 0.9, 0.3])),
    Case("pendulum", pendulum, np.array([0.8, 0.1, 1.3])),
    Case("projectile", projectile, np.array([4.0, 5.0, 0.05])),
    Case("lorenz", lorenz, np.array([1.0, 1.5, 20.0])),
    Case("leapfrog_energy", leapfrog_energy, np.linspace(-0.8, 0.9, 8), (np.array([1.0, 2.0, 0.5, 1.5]),)),
    Case("lennard_jones", lennard_jones, atoms),
    Case("lennard_jones_cutoff", lennard_jones_cutoff, atoms, (1.45,)),
    Case("gravity", gravity, plane, ((1.0, 0.5, 2.0, 0.3, 0.8),)),
    Case("spring_network", spring_network, plane, (edges, np.full(6, 1.1), 3.0)),
    Case("angles_of_a_polymer", angles_of_a_polymer, plane),
    Case("spin_glass", spin_glass, np.linspace(0.1, 5.0, 6), (J,)),
    Case("mean_field_ising", mean_field_ising, np.linspace(-0.7, 0.6, 6), (J, 0.3, 1.5)),
    Case("wave_on_a_ring", wave_on_a_ring, np.linspace(-0.7, 0.6, 10)),
    Case("poisson_2d", poisson_2d, np.linspace(0.1, 1.7, 16) ** 2),
    Case("implicit_euler", implicit_euler, np.array([1.2, 0.9, 0.4])),
    Case("tridiagonal_solve", tridiagonal_solve, np.linspace(-1.0, 2.0, 12)),
]
