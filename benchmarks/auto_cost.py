"""What `Auto` costs over a fixed step, on every dense scenario: python -m benchmarks.auto_cost [n]."""

from __future__ import annotations

import sys
import warnings

import jitgrad as jg
from benchmarks.pairs import report


def main():
    """Print a line per scenario and the geometric means."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jg.PrecisionWarning)  # said once by the scenario that earns it, not here
        report(n, lambda s: (jg.gradient_of(s.loss), jg.gradient_of(s.loss, step=jg.Textbook())), "fixed step")


if __name__ == "__main__":
    main()
