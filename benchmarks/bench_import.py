"""What `import jitgrad` costs beyond numba."""

from __future__ import annotations

import subprocess
import sys


def _seconds(code: str) -> float:
    timed = f"from time import perf_counter; import numba; t = perf_counter(); {code}; print(perf_counter() - t)"
    answer = subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True, text=True)
    return float(answer.stdout)


def track_import() -> float:
    """Fastest of some fresh processes."""
    return min(_seconds("import jitgrad") for _ in range(5))


track_import.unit = "s"


def track_modules_imported() -> int:
    """How many modules the import adds to those of numba."""
    code = "import sys, numba; before = set(sys.modules); import jitgrad; print(len(set(sys.modules) - before))"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
