"""What the first gradient of a process costs, beyond imports, numba's own start and the compilation of the loss.

Numba prepares its compiler at the first call of any jitted function, which takes longer than all else here; a function
that does nothing takes that away before the clock starts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
import numpy as np
from numba import njit
import jitgrad as jg
@njit
def loss(x, data):
    total = 0.0
    for i in range(x.size - 1):
        total += (x[i] * data[i] - x[i + 1]) ** 2 + np.sin(x[i])
    return total
x, data = np.linspace(0.0, 1.0, 50), np.linspace(1.0, 2.0, 50)
njit(lambda: None)()
from time import perf_counter
before = perf_counter()
{statement}
print(perf_counter() - before)
"""
GRADIENT = PROGRAM.format(statement="jg.grad_cpu(loss, x, args=(data,))")
VALUE = PROGRAM.format(statement="loss(x, data)")
REPETITIONS = 5


def _run(program: str, cache: str) -> float:
    # From a file, because numba's caches ask where a function was defined.
    path = Path(cache) / "program.py"
    path.write_text(program)
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    answer = subprocess.run([sys.executable, path], capture_output=True, check=True, text=True, env=environment)
    return float(answer.stdout)


def _fastest(program: str, cache: str) -> float:
    return min(_run(program, cache) for _ in range(REPETITIONS))


class FirstCall:
    """A gradient in a fresh process: less the compilation of the loss, where it is compiled."""

    params = ["nothing on disk", "drivers on disk", "drivers and loss on disk"]
    param_names = ["cache"]
    timeout = 300

    def track_first_gradient(self, cache):
        with tempfile.TemporaryDirectory() as folder:
            first = _run(GRADIENT, folder)
            if cache == "drivers and loss on disk":
                return _fastest(GRADIENT, folder)
            compilation = _fastest(VALUE, folder)
            if cache == "nothing on disk":
                return first - compilation
            times = []
            for _ in range(REPETITIONS):
                for kept in (Path(folder) / "jitgrad-losses").iterdir():
                    kept.unlink()
                times.append(_run(GRADIENT, folder))
            return min(times) - compilation

    track_first_gradient.unit = "s"
