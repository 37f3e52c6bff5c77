"""Compiled PTX on the CPU against what numba makes for the CPU, bit for bit; functions of libdevice against mpmath."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from cuda_tools.ptx_machine import PtxMachine
from cuda_tools.toolkit import compile_ptx
from numba import njit, types

pytestmark = pytest.mark.ptx

F4, F8 = types.float32, types.float64


@pytest.mark.parametrize(("numba_type", "dtype"), [(F4, np.float32), (F8, np.float64)])
def test_random_expressions_are_bit_equal_to_the_cpu(numba_type, dtype):
    from cuda_tools import examples

    function = njit(error_model="numpy")(examples.expressions(7, 20, numba_type.name))
    given = np.random.default_rng(3).normal(size=(40, 3)).astype(dtype)
    signature = (numba_type[:, ::1], numba_type[:, ::1])
    ptx = compile_ptx(examples.rows_of(function), signature, fma=False)
    on_cpu, on_machine = np.zeros((40, 20), dtype), np.zeros((40, 20), dtype)
    for row, out in zip(given, on_cpu, strict=True):
        function(*row, out)
    PtxMachine(ptx).launch("kernel", 2, 32, given, on_machine)
    assert np.isfinite(on_cpu).mean() > 0.9
    assert np.array_equal(on_cpu, on_machine, equal_nan=True)


# A function, its exact value, and the largest distance in units of the last place from the exact value rounded, of
# float64 and of float32: CUDA C++ Programming Guide, "Mathematical Functions Appendix".
FUNCTIONS = {
    "exp": (lambda x: math.exp(x + 0), mpmath.exp, 1, 2),
    "log": (lambda x: math.log(abs(x)), lambda x: mpmath.log(abs(x)), 1, 1),
    "log1p": (lambda x: math.log1p(abs(x)), lambda x: mpmath.log1p(abs(x)), 1, 1),
    "sin": (lambda x: math.sin(x + 0), mpmath.sin, 2, 2),
    "cos": (lambda x: math.cos(x + 0), mpmath.cos, 2, 2),
    "tanh": (lambda x: math.tanh(x + 0), mpmath.tanh, 2, 2),
    "erf": (lambda x: math.erf(x + 0), mpmath.erf, 2, 2),
    "lgamma": (lambda x: math.lgamma(abs(x)), lambda x: mpmath.loggamma(abs(x)), 4, 6),
    "pow": (lambda x: abs(x) ** 2.5, lambda x: abs(x) ** mpmath.mpf("2.5"), 2, 8),
    "sqrt": (lambda x: math.sqrt(abs(x)), lambda x: mpmath.sqrt(abs(x)), 0, 0),
    "reciprocal": (lambda x: 1 / x, lambda x: 1 / x, 0, 0),
}


def rounded(value, dtype):
    return dtype(float(mpmath.fadd(value, 0, prec=24 if dtype is np.float32 else 53)))


@pytest.fixture(
    scope="module", params=[(F4, np.float32, (9, 0)), (F8, np.float64, (10, 0))], ids=["float32", "float64"]
)
def libdevice(request):
    """All functions in one kernel: what it makes of an array, a column for each."""
    from cuda_tools.examples import side_by_side

    numba_type, dtype, cc = request.param
    kernel = side_by_side([one[0] for one in FUNCTIONS.values()])
    machine = PtxMachine(compile_ptx(kernel, (numba_type[::1], numba_type[:, ::1]), cc))

    def run(x):
        out = np.zeros((x.size, len(FUNCTIONS)), dtype)
        machine.launch("kernel", -(-x.size // 32), 32, x.astype(dtype), out)
        return dict(zip(FUNCTIONS, out.T, strict=True))

    return run, dtype


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_libdevice(libdevice, name):
    run, dtype = libdevice
    x = np.random.default_rng(1).normal(size=60) * 3
    if name in ("sin", "cos"):
        x[:20] *= 1e9 if dtype is np.float64 else 1e6  # the slow reduction, with local memory
    x = x.astype(dtype)
    _, exact, *ulps = FUNCTIONS[name]
    with mpmath.workprec(200):
        wanted = np.array([rounded(exact(mpmath.mpf(float(value))), dtype) for value in x])
    assert (np.abs(run(x)[name] - wanted) / np.spacing(np.abs(wanted))).max() <= ulps[dtype is np.float32]


def test_special_values_of_libdevice(libdevice):
    run, _ = libdevice
    x = np.array([math.inf, -math.inf, math.nan, 0.0, 1000.0, -1000.0])
    found = run(x)
    assert np.array_equal(found["exp"], [math.inf, 0.0, math.nan, 1.0, math.inf, 0.0], equal_nan=True)
    assert np.array_equal(found["tanh"], [1.0, -1.0, math.nan, 0.0, 1.0, -1.0], equal_nan=True)
    assert found["log"][[0, 1, 3]].tolist() == [math.inf, math.inf, -math.inf]
    assert np.isnan(found["sin"][:3]).all()
