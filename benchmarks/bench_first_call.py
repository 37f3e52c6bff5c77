"""What the first gradient of a process costs, beyond numba's import and the compilation of the loss itself.

Each figure is the time to the first gradient less the time that numba takes to compile the same loss and call it
once, both in fresh processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

LOSS = """
import numpy as np
from numba import njit
@njit
def loss(x, data):
    total = 0.0
    for i in range(x.size - 1):
        total += (x[i] * data[i] - x[i + 1]) ** 2 + np.sin(x[i])
    return total
x, data = np.linspace(0.0, 1.0, 50), np.linspace(1.0, 2.0, 50)
from time import perf_counter
before = perf_counter()
"""
FIRST_GRADIENT = LOSS + "import jitgrad as jg; jg.grad_cpu(loss, x, args=(data,)); print(perf_counter() - before)"
FIRST_VALUE = LOSS + "loss(x, data); print(perf_counter() - before)"


def _run(program: str, cache: str) -> float:
    # From a file, because numba's caches ask where a function was defined.
    path = Path(cache) / "program.py"
    path.write_text(program)
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    answer = subprocess.run([sys.executable, path], capture_output=True, check=True, text=True, env=environment)
    return float(answer.stdout)


class FirstCall:
    """A gradient in a fresh process."""

    params = ["nothing on disk", "drivers on disk", "drivers and loss on disk"]
    param_names = ["cache"]
    unit = "s"
    timeout = 300

    def track_first_gradient(self, cache):
        with tempfile.TemporaryDirectory() as folder:
            value = min(_run(FIRST_VALUE, folder) for _ in range(2))
            if cache == "nothing on disk":
                return _run(FIRST_GRADIENT, folder) - value
            _run(FIRST_GRADIENT, folder)
            if cache == "drivers on disk":
                for kept in (Path(folder) / "jitgrad-losses").iterdir():
                    kept.unlink()
                return _run(FIRST_GRADIENT, folder) - value
            return min(_run(FIRST_GRADIENT, folder) for _ in range(2))

    track_first_gradient.unit = "s"
