"""Whether derivatives can be believed: python -m benchmarks.trust [estimate|auto] [--held-out] [--quick].

Every figure compares with a derivative that is known exactly. The held-out set is for the final judgement: looking at
it while developing makes it worthless.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.jury import estimates, gradients
from benchmarks.jury.contestants import contestant


def report(what: str, name: str, *, held_out: bool, quick: bool) -> str:
    """Judge, and say what was judged and how."""
    start = perf_counter()
    judge = estimates.verdict if what == "estimate" else gradients.verdict
    text = judge(contestant(name), held_out=held_out, quick=quick)
    which = "held-out" if held_out else "development"
    command = f"python -m benchmarks.trust {what}{' --held-out' * held_out}{' --quick' * quick} --by {name}"
    note = f"`{command}`: {which} set{', a sample of it' * quick}, {perf_counter() - start:.0f} s."
    return f"{text}\n\n{note}\n"


def main() -> None:
    """Print the verdict, or write it into a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("estimate", "auto"), default="estimate")
    parser.add_argument("--held-out", action="store_true", help="the set that is kept aside")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a sample: a fifth of the points of every other problem, or one loss of each name",
    )
    parser.add_argument("--by", metavar="NAME", help="who is judged: ladder or central; auto_gradient, "
                        "verified_gradient or central_gradient; or module:function (default: the first)")  # fmt: skip
    parser.add_argument("--write", metavar="FILE", type=Path, help="write Markdown there instead of printing it")
    options = parser.parse_args()
    name = options.by or {"estimate": "ladder", "auto": "auto_gradient"}[options.what]
    text = report(options.what, name, held_out=options.held_out, quick=options.quick)
    if options.write:
        options.write.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
