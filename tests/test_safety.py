"""Losses that misbehave, under every threading layer, from several Python threads and after fork."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def run(*arguments, **environment):
    library_path = os.pathsep.join(filter(None, [str(Path(sys.prefix) / "lib"), os.environ.get("LD_LIBRARY_PATH")]))
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(HERE),
            "NUMBA_NUM_THREADS": "2",
            "LD_LIBRARY_PATH": library_path,
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("mode", ["repeat", "eight_python_threads", "after_fork"])
@pytest.mark.parametrize("layer", ["omp", "tbb", "workqueue"])
def test_misbehaving_losses(layer, mode):
    result = run(str(HERE / "safety_program.py"), mode, layer, NUMBA_THREADING_LAYER=layer)
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.endswith("done\n")


def test_ctrl_c_ends_a_long_gradient():
    program = """
import _thread, signal, threading, time
import numpy as np
from numba import njit
import jitgrad as jg

@njit
def slow(x, steps):
    s = 0.0
    for i in range(steps):
        s += np.sin(x[0] + i)
    return s

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts with & ignore it
x = np.zeros(20_000)
jg.grad_cpu(slow, x, args=(1000,))  # compiles
threading.Timer(1.0, _thread.interrupt_main).start()
before = time.perf_counter()
try:
    jg.grad_cpu(slow, x, args=(300_000,))
except KeyboardInterrupt:
    print("interrupted after", time.perf_counter() - before)
"""
    result = run("-c", program)
    assert result.stdout.startswith("interrupted after"), result.stderr
    assert 0.5 < float(result.stdout.split()[-1]) < 5.0
