"""jitgrad against a loop by hand on every dense scenario: python -m benchmarks.by_hand [n].

Both take the same two evaluations per coordinate with the same step; `benchmarks.auto_cost` says what the default adds.
"""

from __future__ import annotations

import sys

import jitgrad as jg
from benchmarks.pairs import report
from benchmarks.rivals import loop_by_hand


def ways(s):
    """Return both gradients; numba's prange cannot pass tuples of arguments on, so no loop could be written there."""
    if any(isinstance(value, tuple) for value in s.args):
        return None
    return jg.gradient_of(s.loss, step=jg.Textbook()), loop_by_hand(s.loss)


def main():
    """Print a line per scenario and the geometric means."""
    report(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, ways, "by hand")


if __name__ == "__main__":
    main()
