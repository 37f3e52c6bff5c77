"""Errors and times of the elementary functions on lanes: python -m benchmarks.ulps [--points 1000000].

The oracle is the long double of x86, whose own error is 0.001 ulp of a double. Each row is measured on this machine
and on the same machine restricted to AVX2 and to SSE2, beside the vector library of glibc and scalar calls.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from benchmarks.jury.tables import table
from jitgrad.loss.lanes import elementary
from jitgrad.loss.lanes.vectors import BIT, constant, like, scalar_calls

LEVELS = {"AVX-512": None, "AVX2": "haswell", "SSE2": "x86-64"}
NAMES = ("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "pow")
LANES = 8
TIMED = 4096
"""Values of a timed call; they fit the first cache."""


class Sample(NamedTuple):
    """Arguments of one function: a sweep for errors, and ordinary ones for times."""

    sweep: tuple[np.ndarray, ...]
    timed: tuple[np.ndarray, ...]


def sample(name: str, size: int) -> Sample:
    """Draw arguments, the same in every process."""
    rng = np.random.default_rng(1)
    third = size // 3 // LANES * LANES

    def spread(lowest: float, highest: float, count: int = third) -> np.ndarray:
        return 10.0 ** rng.uniform(lowest, highest, count)

    def signs(x: np.ndarray) -> np.ndarray:
        return np.copysign(x, rng.uniform(-1.0, 1.0, x.size))

    near_one = 1.0 + signs(spread(-16.0, -0.4))
    if name in {"exp", "expm1", "tanh"}:
        end = 22.0 if name == "tanh" else 709.7
        parts = (signs(spread(-320.0, 0.0)), rng.uniform(-1.5, 1.5, third), rng.uniform(-745.0, end, third))
        return Sample((np.concatenate(parts),), (rng.uniform(-20.0, 20.0, TIMED),))
    if name == "log":
        return Sample((np.concatenate([spread(-323.0, 308.0), near_one, spread(-1.0, 1.0)]),), (spread(-3, 3, TIMED),))
    if name == "log1p":
        parts = (spread(-323.0, 308.0), signs(spread(-16.0, -1e-9)), spread(-1.0, 1.0))
        return Sample((np.concatenate(parts),), (rng.uniform(-0.9, 20.0, TIMED),))
    if name in {"sin", "cos"}:
        multiples = np.round(spread(0.0, 6.0)) * (math.pi / 4.0)
        near, far = rng.uniform(-10.0, 10.0, third), rng.uniform(-8e5, 8e5, third)
        parts = (signs(spread(-320.0, 7.0)), near, far, multiples)
        return Sample((np.concatenate(parts),), (rng.uniform(-10.0, 10.0, TIMED),))
    wide = spread(-307.0, 308.0)
    bases = (wide, near_one, signs(rng.uniform(0.0, 10.0, third)))
    powers = (
        rng.uniform(-744.0, 709.0, third) / np.log(wide),
        rng.uniform(-744.0, 709.0, third) / np.log(np.where(near_one == 1.0, 2.0, near_one)),
        rng.integers(-300, 300, third).astype(float),
    )
    timed = spread(-3.0, 3.0, TIMED), rng.uniform(-3.0, 3.0, TIMED)
    return Sample((np.concatenate(bases), np.concatenate(powers)), timed)


def errors(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Return distances in units in the last place of the exact values; those that overflow count as 0."""
    exponent = np.maximum(np.frexp(exact)[1] - 53, -1074)
    unit = np.ldexp(np.longdouble(1.0), exponent)
    overflow = np.abs(exact) >= np.ldexp(np.longdouble(1.0), 1024)
    return np.where(overflow & np.isinf(found), 0.0, np.abs(found - exact) / unit)


def nanoseconds(call: Callable[..., Any], x: tuple[np.ndarray, ...]) -> float:
    """Return the least time per value of many calls, without what a call takes for no value at all."""
    sizes = (x[0].size, x[0].size // 4)
    ways = [([v[:size].copy() for v in x], np.empty(size)) for size in sizes]
    best = [math.inf, math.inf]
    for _ in range(300):
        for k, (values, out) in enumerate(ways):
            start = time.perf_counter_ns()
            call(*values, out=out)
            best[k] = min(best[k], time.perf_counter_ns() - start)
    return (best[0] - best[1]) / (sizes[0] - sizes[1])


def library_emit(name: str, lanes: int) -> Callable[..., ir.Value]:
    """Call the vector function of glibc."""
    arguments = "vv" if name == "pow" else "v"
    symbol = f"_ZGV{ {8: 'e', 4: 'd', 2: 'b'}[lanes] }N{lanes}{arguments}_{name}"

    def emit(builder: ir.IRBuilder, *x: ir.Value) -> ir.Value:
        kind = ir.FunctionType(x[0].type, [v.type for v in x])
        return builder.call(ir.Function(builder.module, kind, symbol), x)

    return emit


def scalar_emit(name: str) -> Callable[..., ir.Value]:
    """Call the scalar function in every lane."""

    def emit(builder: ir.IRBuilder, *x: ir.Value) -> ir.Value:
        return scalar_calls(builder, name, constant(like(x[0].type, BIT), 1), x[0], *x)

    return emit


def measure(points: int, width: int) -> dict[str, tuple[float, float, float, float]]:
    """Return worst error, own time, the vector library's and the scalar function's, by function."""
    # Not at the top: asv imports every module here, and has no folder of tests.
    from tests.vector_functions import compiled

    ctypes.CDLL("libmvec.so.1", mode=ctypes.RTLD_GLOBAL)
    llvm.load_library_permanently("libmvec.so.1")
    found = {}
    for name in NAMES:
        x, timed = sample(name, points)
        arity = len(x)
        own = compiled(getattr(elementary, name), LANES, arity).call
        library = compiled(library_emit(name, width), width, arity).call
        scalar = compiled(scalar_emit(name), LANES, arity).call
        function = np.power if name == "pow" else getattr(np, name)
        with np.errstate(all="ignore"):
            worst = errors(own(*x), function(*(v.astype(np.longdouble) for v in x)))
        found[name] = (float(worst.max()), *(nanoseconds(call, timed) for call in (own, library, scalar)))
    return found


def restricted(points: int, processor: str | None, width: int) -> dict[str, Any]:
    """Measure in a process of its own, on a processor of less abilities."""
    environment = dict(os.environ)
    if processor is not None:
        environment |= {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    command = [sys.executable, "-m", "benchmarks.ulps", "--points", str(points), "--measure", str(width)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def main() -> None:
    """Print the table, or the figures of this process for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--measure", type=int, help="lanes of the vector library; print figures of this process")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.points, options.measure)))
        return
    levels = {
        level: restricted(options.points, processor, width)
        for (level, processor), width in zip(LEVELS.items(), (8, 4, 2), strict=True)
    }
    heads = ["function"]
    heads += [f"{level}: {what}" for level in levels for what in ("max ulp", "ns", "libmvec ns", "libm ns")]
    rows = []
    for name in NAMES:
        figures = [figure for found in levels.values() for figure in found[name]]
        rows.append([f"`{name}`", *(f"{figure:.2f}" for figure in figures)])
    print(table(heads, rows))


if __name__ == "__main__":
    main()
