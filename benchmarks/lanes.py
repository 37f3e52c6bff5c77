"""What lanes gain: python -m benchmarks.lanes [--write FILE] [--threads N].

One thread, a fixed step, the same gradient with ``vectorize="off"`` and ``"auto"`` in turn in one process.
"""

from __future__ import annotations

import argparse
import platform
from pathlib import Path
from time import perf_counter

import numpy as np
from numba.core.registry import cpu_target

import jitgrad as jg
from benchmarks.lane_losses import cases
from jitgrad.loss.lanes.library import register_bits
from jitgrad.testing import scenarios

SECONDS = 1.0
"""Time for the rounds of one loss."""


def fastest(ways, x, args):
    """Return the shortest time of each way, in seconds, called in turn."""
    best, repeats = [], []
    for way in ways:
        way(x, *args)
        before = perf_counter()
        way(x, *args)
        took = perf_counter() - before
        best.append(took)
        repeats.append(max(1, int(2e-3 / max(took, 1e-9))))
    start, rounds = perf_counter(), 0
    while rounds < 3 or perf_counter() - start < SECONDS:
        rounds += 1
        for k, way in enumerate(ways):
            before = perf_counter()
            for _ in range(repeats[k]):
                way(x, *args)
            best[k] = min(best[k], (perf_counter() - before) / repeats[k])
    return best


def row(name, loss, x, args, wanted):
    """Measure one loss; return a line of the table."""
    off, on = (jg.gradient_of(loss, threads=1, step=jg.Textbook(), vectorize=way) for way in ("off", "auto"))
    scalar, lanes = fastest((off, on), x, args)
    count = jg.explain(loss, x, args=args).lanes
    difference = np.abs(off(x, *args) - on(x, *args)).max() / np.abs(off(x, *args)).max()
    return (
        f"| {name} | {x.size} | {1e6 * scalar:.1f} | {1e6 * lanes:.1f} | {scalar / lanes:.2f} | {wanted:g} | {count} | "
        f"{difference:.0e} |"
    )


def _machine():
    processor = cpu_target.target_context.codegen().magic_tuple()[1]
    return f"{platform.machine()}, {processor}, registers of {register_bits()} bits"


def small_scenarios():
    """Return every scenario at ten coordinates or fewer."""
    return [s for s in scenarios(10) if s.n <= 10]


def main():
    """Print the table, or write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("names", nargs="*", help="only losses whose name contains one of these")
    options = parser.parse_args()
    lines = [
        f"{_machine()}, one thread, central differences; microseconds for a gradient.",
        "",
        "| loss | n | scalar | lanes | times faster | wanted | lanes used | largest difference |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    print("\n".join(lines), flush=True)
    chosen = [*cases(), *((s.name, s.loss, s.point, s.args, 0.97) for s in small_scenarios())]
    for case in chosen:
        if options.names and not any(name in case[0] for name in options.names):
            continue
        lines.append(row(*case))
        print(lines[-1], flush=True)
    if options.write:
        options.write.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
