"""The command line: ``python -m jitgrad demo`` and ``python -m jitgrad info``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the command line.

    Returns
    -------
    int
        Exit status: 0, or 1 with a sentence on stderr if the demo cannot run.
    """
    parser = argparse.ArgumentParser(prog="python -m jitgrad", description="Gradients of jitted losses.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="fit a model to real data and time a gradient (under a minute)")
    demo.add_argument(
        "--picture",
        type=Path,
        default=Path("jitgrad-demo.png"),
        metavar="PATH",
        help="where the picture of the fit is saved (default: %(default)s)",
    )
    commands.add_parser("info", help="print versions, threads, processor, cache and CUDA state")
    options = parser.parse_args(arguments)
    if options.command == "info":
        from jitgrad.info import report

        print(report())
        return 0
    from jitgrad.demo import obstacle, run

    problem = obstacle(options.picture)
    if problem is not None:
        print(f"python -m jitgrad demo: {problem}", file=sys.stderr)
        return 1
    run(options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
