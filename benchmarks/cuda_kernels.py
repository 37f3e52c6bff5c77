"""Registers, spills and stack of the CUDA kernels: python -m benchmarks.cuda_kernels [--write docs/cuda-table.md].

No GPU is needed: numba-cuda compiles, ptxas of the toolkit's wheels assembles (`tests/cuda_tools/toolkit.py` says which
packages). With --write the figures that tests compare with are written too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.jury.tables import table

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
MAIN, OTHERS = (9, 0), ((8, 0), (10, 0))
MOST = 40
"""Registers that a kernel should take at most."""

HEAD = (
    "loss", "kernel", "memory", "registers", "of the loss", "spills", "stack", "of the loss", "occupancy",
    "registers at 8.0", "at 10.0", "in the column kernel",
)  # fmt: skip
REST_HEAD = ("kernel", "registers", "spills", "stack", "occupancy", "registers at 8.0", "at 10.0")


def cuda_tools() -> None:
    """Let the tools of the tests be imported. Only what needs them asks: asv imports all benchmarks."""
    tests = str(Path(__file__).parent.parent / "tests")
    if tests not in sys.path:
        sys.path.insert(0, tests)


def compute() -> Any:
    """Return all figures, as `cuda_tools.figures` keeps them."""
    from cuda_tools import figures

    found: Any = {}
    for precision in figures.PRECISIONS:
        for cc in (MAIN, *OTHERS):
            where = figures.key(precision, cc)
            found[where] = {name: figures.of(name, precision, cc) for name in figures.names()}
            sys.stderr.write(f"{where}\n")
    return found


def taken(kernels: Any) -> str:
    """Name the kernel that a loss is differentiated with."""
    return "view" if kernels["view"] else "column"


def rows(found: Any, precision: str) -> Iterator[list[str]]:
    """Write the losses in one precision, by name."""
    from cuda_tools import figures

    others = [found[figures.key(precision, cc)] for cc in OTHERS]
    for name, kernels in found[figures.key(precision, MAIN)].items():
        if name == figures.REST:
            continue
        form = taken(kernels)
        one, own = kernels[form], kernels[figures.OWN]
        yield [
            f"`{name}`", form, "arena" if one.allocates else "-",
            f"{one.registers}{'*' if own.registers > MOST else ''}", str(own.registers), str(one.spills),
            str(one.stack), str(own.stack), f"{one.occupancy(MAIN):.0%}",
            *(str(other[name][form].registers) for other in others), str(kernels["column"].registers),
        ]  # fmt: skip


def rest_rows(found: Any, precision: str) -> Iterator[list[str]]:
    """Write the other kernels."""
    from cuda_tools import figures

    others = [found[figures.key(precision, cc)][figures.REST] for cc in OTHERS]
    for name, one in found[figures.key(precision, MAIN)][figures.REST].items():
        yield [
            name, str(one.registers), str(one.spills), str(one.stack), f"{one.occupancy(MAIN):.0%}",
            *(str(other[name].registers) for other in others),
        ]  # fmt: skip


def summary(found: Any) -> str:
    """Say how all kernels at all capabilities stand."""
    from cuda_tools import figures

    losses = {where: {n: k for n, k in by_name.items() if n != figures.REST} for where, by_name in found.items()}
    every = [one for by_name in found.values() for kernels in by_name.values() for one in kernels.values() if one]
    default, others = (
        sorted(
            f"`{name}` in {where} ({one.stack - kernels[figures.OWN].stack} bytes)"
            for where, by_name in losses.items()
            for name, kernels in by_name.items()
            for form, one in kernels.items()
            if one and (form == taken(kernels)) == wanted and one.stack > kernels[figures.OWN].stack
        )
        for wanted in (True, False)
    )
    main = losses[figures.key("float64", MAIN)]
    above = [name for name, kernels in main.items() if kernels[taken(kernels)].registers > MOST]
    unasked = [name for name in above if main[name][figures.OWN].registers <= MOST]
    return (
        f"{len(every)} kernels, in two precisions and for three compute capabilities.\n\n"
        f"- Spilled: {sum(one.spills for one in every)} bytes in all. Static shared memory: "
        f"{sum(one.shared for one in every)} bytes in all.\n"
        f"- Stack beyond that of the loss itself, in the kernel it is differentiated with: {listed(default)}. "
        f"In the column kernel of losses that take views: {listed(others)}.\n"
        f"- More than {MOST} registers in float64 at 9.0: {listed([f'`{name}`' for name in above])}; of these, losses "
        f"that take no more than {MOST} by themselves: {listed([f'`{name}`' for name in unasked])}."
    )


def listed(names: list[str]) -> str:
    """Write a list that may be empty."""
    return ", ".join(names) or "none"


def page(found: Any) -> str:
    """Write everything."""
    from cuda_tools import figures

    parts = [summary(found)]
    for precision in figures.PRECISIONS:
        parts += [f"## {precision}, compute capability 9.0", table(HEAD, rows(found, precision))]
    for precision in figures.PRECISIONS:
        parts += [f"## Other kernels, points in {precision}", table(REST_HEAD, rest_rows(found, precision))]
    return "\n\n".join(parts)


def insert(path: Path, text: str) -> None:
    """Replace what lies between the two marks of a page."""
    before, rest = path.read_text().split(BEGIN)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")


def main() -> None:
    """Print the tables, or write them to a page and to the file that tests read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--again", action="store_true", help="write the page from the figures that were committed")
    options = parser.parse_args()
    cuda_tools()
    from cuda_tools import figures

    found = figures.read() if options.again else compute()
    print(page(found))
    if options.write:
        insert(options.write, page(found))
        figures.write(found)


if __name__ == "__main__":
    main()
