"""What `import jitgrad` costs beyond numba, with bytecode on disk, which pip writes when it installs a package."""

from __future__ import annotations

import os
import subprocess
import sys


def _answer(code: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, env=environment
    ).stdout


def track_import() -> float:
    """Fastest of some fresh processes."""
    code = "from time import perf_counter; import numba; t = perf_counter(); import jitgrad; print(perf_counter() - t)"
    return min(float(_answer(code)) for _ in range(5))


track_import.unit = "s"


def track_modules_imported() -> int:
    """How many modules the import adds to those of numba."""
    return int(_answer("import sys, numba; n = len(sys.modules); import jitgrad; print(len(sys.modules) - n)"))
