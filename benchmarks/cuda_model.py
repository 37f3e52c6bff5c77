"""Predicted time of a gradient on an H100: python -m benchmarks.cuda_model [--write docs/cuda-model.md].

A model, not a measurement. Needs what `benchmarks.cuda_kernels` needs, and gcc: the compiled PTX is executed on the CPU
and its instructions are counted.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

import jitgrad as jg
from benchmarks.cuda_kernels import MAIN, cuda_tools, insert
from benchmarks.jury.tables import table
from jitgrad.testing import scenario, scenarios

PROCESSORS, CLOCK = 132, 1.98e9
"""Multiprocessors of an H100 SXM, and its boost clock in Hz, at which it is assumed to run."""

# Results per cycle and multiprocessor at compute capability 9.0: CUDA C++ Programming Guide, "Arithmetic Instructions";
# 32 load/store units and four schedulers of one warp each: H100 white paper.
RATES = {"fp64": 64, "fp32": 128, "integer": 64, "special": 16, "load/store": 32, "issue": 128}
LATENCY = 6.0
"""Cycles from an instruction to the next one of the same warp, which waits for it: 4 to 8."""

BANDWIDTH, PCIE = 3.35e12, 50e9  # bytes per second
LAUNCH, COPY = 5e-6, 5e-6  # seconds for each
COPIES = 7  # points and four arrays of probes there, values and statuses back
BYTES_OF_PROBE = 8 * 4 + 8 + 1  # point, begin, coordinate, value; value and status of the loss
WARP = 32

# What one PTX instruction becomes, where it is not one: long divisions and roots, and 64 bits as two halves.
OF_LONG_FLOAT = 10
OF_LONG_INTEGER = 40

FITTED, CHECKED = (120, 240), 480
LARGE = (1000, 10_000)
ENOUGH_PROBES = 128
PATIENCE = 10.0
"""Seconds that a gradient on the CPU may take to be measured, at so many of the counted instructions per second."""

AT_LEAST = 5e10

STEP = 1e-4
HEAD = (
    "loss", "n", "probes", "kernel", "fp64", "integer", "load/store", "special", "all", "bound by", "launch",
    "gradient", "`grad_cpu`", "times faster",
)  # fmt: skip


class Work(NamedTuple):
    """Of one probe: machine instructions by class, and the kernel that does it."""

    kernel: str
    column: bool
    registers: int
    counts: Counter[str]


class Prediction(NamedTuple):
    """Seconds, and what decides."""

    kernel: float
    gradient: float
    bound: str


def weighted(opcode: str, counts_as: str) -> Counter[str]:
    """Return what a PTX instruction costs, by class."""
    name, kind = opcode.split(".", 1)[0], opcode.rsplit(".", 1)[-1]
    if counts_as == "move":
        return Counter()
    if counts_as in {"load", "store"}:
        return Counter({"load/store": 1})
    long = name in {"div", "rem", "rcp", "sqrt", "rsqrt"}
    if long and kind[0] != "f":
        return Counter(integer=OF_LONG_INTEGER)
    if long and "approx" not in opcode:
        return Counter({"fp64" if kind == "f64" else "fp32": OF_LONG_FLOAT, "special": 1})
    if counts_as == "integer" and kind.endswith("64"):
        return Counter(integer=2)
    return Counter({"issue" if counts_as == "branch" else counts_as: 1})


def count(s: Any) -> Work:
    """Execute one block of probes of a scenario; return what one of them costs on average."""
    from cuda_tools import figures
    from cuda_tools.device import Program
    from cuda_tools.ptx_machine import PtxMachine

    from jitgrad.launch.cuda.evaluate import evaluate
    from jitgrad.launch.cuda.kernels import COPIES
    from jitgrad.launch.probes import replaced

    bound = figures.bound(s.loss, s.point, s.args, MAIN)
    runner = bound.runner(0, replacing=True)
    compiled: Program = runner._compiled.kernel
    compiled._machine = machine = PtxMachine(compiled.ptx, count=True)
    coordinates = np.arange(ENOUGH_PROBES) * s.n // ENOUGH_PROBES if s.n > ENOUGH_PROBES else np.arange(ENOUGH_PROBES)
    coordinates = coordinates[:, None] % s.n
    probes = replaced(s.point[None], np.zeros(ENOUGH_PROBES), coordinates, s.point[coordinates] + STEP)
    evaluate(bound, probes)
    total: Counter[str] = Counter()
    classes = {one.opcode: one.counts_as for one in machine.translation.executed}
    for opcode, times in machine.opcodes.items():
        for name, each in weighted(opcode, classes[opcode]).items():
            total[name] += each * times
    counts = Counter({name: times / ENOUGH_PROBES for name, times in total.items()})
    registers = figures.measure(runner._compiled, MAIN).registers
    return Work(runner.form, runner.form in COPIES, registers, counts)


def extrapolated(works: dict[int, Work], n: int) -> Work:
    """Continue counts at two sizes: ``a + b n^d`` of every class, with d = 1, 2 or 3, whatever suits the sum of all."""
    (small, less), (large, more) = works.items()
    growth = sum(more.counts.values()) / sum(less.counts.values())
    power = max(1, round(np.log(growth) / np.log(large / small)))
    counts = Counter()
    for name, there in more.counts.items():
        slope = (there - less.counts[name]) / (large**power - small**power)
        counts[name] = max(0.0, there + slope * (n**power - large**power))
    return more._replace(counts=counts)


def predict(work: Work, n: int, probes: int) -> Prediction:
    """Apply the model to a launch with one thread per probe."""
    from cuda_tools.ptxas import resident_blocks

    from jitgrad.launch.cuda.device import BLOCK, WORD

    blocks = -(-probes // BLOCK)
    busiest = -(-blocks // PROCESSORS)  # blocks of the multiprocessor that gets most
    threads = min(busiest * BLOCK, -(-probes // WARP) * WARP)
    cycles = {name: threads * work.counts[name] / rate for name, rate in RATES.items()}
    issued = sum(work.counts.values())
    cycles["issue"] = threads * issued / RATES["issue"]
    waves = -(-busiest // resident_blocks(work.registers, BLOCK, BLOCK * WORD, MAIN))
    cycles["latency"] = waves * issued * LATENCY
    seconds = {name: value / CLOCK for name, value in cycles.items()}
    moved = probes * (BYTES_OF_PROBE + 2 * 8 * n * work.column) + 8 * n
    seconds["memory"] = moved / BANDWIDTH
    bound = max(seconds, key=lambda name: seconds[name])
    copied = probes * BYTES_OF_PROBE + 8 * n
    return Prediction(seconds[bound], seconds[bound] + LAUNCH + COPIES * COPY + copied / PCIE, bound)


def measured(s: Any) -> float:
    """Return the shortest time of the same gradient on the CPU, in seconds."""
    gradient = jg.gradient_of(s.loss, step=STEP)
    gradient(s.point, *s.args)
    best, start = np.inf, perf_counter()
    while perf_counter() - start < 0.3:
        before = perf_counter()
        gradient(s.point, *s.args)
        best = min(best, perf_counter() - before)
    return best


TIMES = ((1.0, " s"), (1e-3, " ms"), (1e-6, " us"))
COUNTS = ((1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, ""))


def short(value: float, units: tuple[tuple[float, str], ...]) -> str:
    """Write three digits and a unit."""
    if np.isnan(value):
        return "-"
    size, name = next((unit for unit in units if value >= unit[0]), units[-1])
    return f"{factor(value / size)}{name}"


def factor(value: float) -> str:
    """Write three digits, or those before the point."""
    if np.isnan(value):
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def row(s: Any, work: Work, cpu: float) -> list[str]:
    """Write one line."""
    probes = 2 * s.n
    found = predict(work, s.n, probes)
    counts = [work.counts[name] for name in ("fp64", "integer", "load/store", "special")]
    return [
        f"`{s.name}`", str(s.n), str(probes), work.kernel, *(short(value, COUNTS) for value in counts),
        short(sum(work.counts.values()), COUNTS), found.bound, short(found.kernel, TIMES),
        short(found.gradient, TIMES), short(cpu, TIMES), factor(cpu / found.gradient),
    ]  # fmt: skip


def lines() -> tuple[list[list[str]], float]:
    """Return the table, and by how much the extrapolation is off at `CHECKED` at worst."""
    found, worst = [], 0.0
    for name in sorted(s.name for s in scenarios()):
        s = scenario(name)
        cpu = measured(s)
        found.append(row(s, work := count(s), cpu))
        sys.stderr.write(f"{name}\n")
        if not s.dense:
            continue
        sized = [scenario(name, n=n) for n in FITTED]
        works = {one.n: count(one) for one in sized}
        checked = scenario(name, n=CHECKED)
        there = sum(count(checked).counts.values())
        worst = max(worst, abs(sum(extrapolated(works, checked.n).counts.values()) / there - 1.0))
        for n in LARGE:
            s = scenario(name, n=n)
            work = extrapolated(works, s.n)
            expected = 2 * s.n * sum(work.counts.values()) / AT_LEAST
            cpu = measured(s) if expected < PATIENCE else np.nan
            found.append(row(s, work, cpu))
    return found, worst


def main() -> None:
    """Print the table, or write it to a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    cuda_tools()
    found, worst = lines()
    text = (
        f"{table(HEAD, found)}\n\nTimes of `grad_cpu`: {platform.machine()}, {os.cpu_count()} CPUs, shared with others "
        f"while it was measured. Counts for n of about {LARGE[0]} and more are continued from n = {FITTED[0]} and "
        f"{FITTED[1]}; at n = {CHECKED} that is off by {worst:.1%} at most. No time of `grad_cpu`: expected to "
        f"take more than {PATIENCE:.0f} seconds."
    )
    print(text)
    if options.write:
        insert(options.write, text)


if __name__ == "__main__":
    main()
