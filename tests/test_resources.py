"""Memory: nothing leaks, and nothing of size n x n is built."""

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from losses import raises_at
from numba import njit
from numba.core.runtime import _nrt_python, rtsys

import jitgrad as jg

HERE = Path(__file__).parent


@njit
def buffered(x, data, matrix):
    work = np.empty(x.size)
    for i in range(x.size):
        work[i] = x[i] * data[i] + matrix[i % 2, 0]
    return (work * work).sum()


def resident():
    psutil = pytest.importorskip("psutil")
    return psutil.Process().memory_info().rss


# Of a coordinate that the loss ignores the ladder makes sure: far more work, which must not leak either.
@pytest.mark.parametrize(("threads", "count", "first"), [(1, 10_000, 1.0), (2, 10_000, 1.0), (1, 500, 0.0)])
def test_ten_thousand_gradients_do_not_leak(threads, count, first):
    _nrt_python.memsys_enable_stats()
    x, data = np.ones(20), np.arange(20.0) + first
    g = jg.gradient_of(buffered, threads=threads)

    def many(count):
        for _ in range(count):
            g(x, data, np.ones((2, 2)))  # a new array each time: bound anew
        gc.collect()

    many(count // 5)
    stats, memory = rtsys.get_allocation_stats(), resident()
    many(count)
    after = rtsys.get_allocation_stats()
    # The arrays that are alive are those of the last call, as before.
    assert after.alloc - stats.alloc == after.free - stats.free
    assert after.mi_alloc - stats.mi_alloc == after.mi_free - stats.mi_free
    assert after.alloc > stats.alloc
    assert resident() - memory < 2_000_000


def test_losses_that_raise_do_not_leak():
    x = np.zeros(4)

    @njit
    def talkative(x):
        if x[2] > 0:
            raise ValueError("value", x[2])
        return x[0]

    def many(loss, args, count):
        for _ in range(count):
            with pytest.raises(ValueError, match=r"far|value"):
                jg.grad_cpu(loss, x, args=args)
        gc.collect()

    for loss, args in ((raises_at, (2, 0.0)), (talkative, ())):
        many(loss, args, 500)
        memory = resident()
        many(loss, args, 3000)
        assert resident() - memory < 2_000_000


def test_strings_do_not_leak():
    @njit
    def loss(x, name):
        return len(name) * (x * x).sum()

    def many(count):
        for k in range(count):
            jg.grad_cpu(loss, np.ones(2), args=(f"{k}" * 1000,))
        gc.collect()

    many(500)
    memory = resident()
    many(2000)
    assert resident() - memory < 2_000_000


MEMORY = """
import resource
import numpy as np
from numba import njit
import jitgrad as jg

@njit
def loss(x):
    return x[0] * x[1]

n = 10_000
for method, order in (("central", 2), ("central", 8)):
    jg.grad_cpu(loss, np.ones(2), method=method, order=order, threads=2)  # compiled before the measurement
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    jg.grad_cpu(loss, np.ones(n), method=method, order=order, threads=2)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_memory_at_ten_thousand_coordinates():
    result = subprocess.run([sys.executable, "-W", "error", "-c", MEMORY], capture_output=True, text=True, check=True)
    megabytes = [float(line) for line in result.stdout.split()]
    assert len(megabytes) == 2
    assert max(megabytes) < 30
