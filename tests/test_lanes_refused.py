"""Losses that must not take lanes: each gives what it gives without lanes, and says why and where."""

import ctypes
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import njit, objmode
from numba.experimental import jitclass

import jitgrad as jg

X = np.linspace(-1.0, 2.0, 40)
SQUARES = 3.0 * np.eye(X.size)


@jitclass([("scale", numba.float64)])
class Scaled:
    def __init__(self, scale):
        self.scale = scale

    def times(self, v):
        return self.scale * v


absolute = ctypes.CDLL(None).fabs
absolute.restype, absolute.argtypes = ctypes.c_double, [ctypes.c_double]


@njit
def numpy_random(x):
    return (x * x).sum() + 0.0 * np.random.rand()  # here


draw = np.random.normal


@njit
def numpy_random_by_another_name(x):
    return (x * x).sum() + 0.0 * draw(0.0, 1.0)  # here


@njit
def prints(x):
    if x[0] > 1e300:
        print("large")  # noqa: T201  # here
    return (x * x).sum()


@njit
def note(v):
    if v > 1e300:
        print(v)  # noqa: T201  # here
    return v * v


@njit
def prints_in_a_helper(x):
    return note(x[0]) + x[1]


@njit
def calls_python(x):
    s = (x * x).sum()
    with numba.objmode(y="float64"):  # here
        y = 2.0
    return s * y


@njit
def python_alone(x):
    with objmode(y="float64"):  # here
        y = float((x * x).sum())
    return y  # noqa: RET504  # objmode needs the name


@njit
def writes_to_x(x):
    x[0] = 2.0 * x[0]  # here
    return (x * x).sum()


@njit
def writes_to_a_view(x):
    tail = x[1:]
    tail[:] = 1.0  # here
    return (x * x).sum()


@njit
def doubles(y):
    y[0] *= 2.0


@njit
def writes_in_a_helper(x):
    doubles(x)
    return (x * x).sum()


@njit
def asks_for_the_type(x):
    return (x * x).sum() if isinstance(x[0], float) else x[0]  # here


@njit
def strides(x):
    return (x * x).sum() * x.strides[0]  # here


@njit
def bits(x):
    return x[0] * (x.view(np.int64)[1] % 7)  # here


@njit
def bytes_as_numbers(x):
    return np.frombuffer(x)[0] * x[1]  # here


@njit
def strides_by_hand(x):
    return np.lib.stride_tricks.as_strided(x, (3,), (16,))[1]  # here


@njit
def distinct(x):
    return np.unique(np.floor(x)).size * x[0]  # here


@njit
def text(x):
    return x[1] * len(str(x[0]))  # here


@njit
def formatted(x):
    s = f"{x[0]}"  # here
    return x[1] * x[0] if len(s) > 2 else x[0]


@njit
def hashed(x):
    return x[1] if hash(x[0]) % 2 == 0 else x[0]  # here


@njit(parallel=True)
def parallel(x):
    s = 0.0
    for i in numba.prange(x.size):
        s += x[i] * x[i]
    return s


@njit
def solves(x, a):
    return (np.linalg.solve(a, x) ** 2).sum()  # here


@njit
def determinant(x, a):
    b = a.copy()
    b[0, 0] = x[0]
    return 1e-18 * np.linalg.det(b)  # here


@njit
def complex_number(x):
    return abs(complex(x[0], x[1]))  # here


@njit
def complex_factor(x):
    return abs(x[0] * 1j + x[1])  # here


@njit
def stores_in_an_argument(x, memory):
    for i in range(x.size):
        memory[i] = x[i] * x[i]  # here
    return memory.sum()


@njit
def stores_in_whole_numbers(x):
    b = np.zeros(x.size, np.int64)
    b[0] = 10.0 * x[1]  # here
    return b[0] * x[0]


@njit
def stores_in_a_dict(x, values):
    values[0] = x[0]  # here
    return values[0] * x[1]


@njit
def looks_up(x):
    seen = {}
    for v in x:
        seen[v] = 1.0  # here
    return len(seen) * x[0]


@njit
def generator(x, rng):
    return (x * x).sum() + 0.0 * rng.random()


@njit
def instance(x, scaled):
    return scaled.times(x[0]) * x[1]


@njit
def instance_in_a_tuple(x, pair):
    return pair[0].times(x[0]) * x[1] * pair[1]


@njit
def instance_inside(x):
    scaled = Scaled(x[0])  # here
    return scaled.times(x[1])


@njit
def c_function(x):
    return absolute(x[0]) * x[1]  # here


@njit("float64(int64)")
def cut_off(v):
    return v * 0.5


@njit
def applies(x, f):
    return f(x[0] * 10.0) + x[1]


@njit("float32(float64[::1])")
def result_in_single_precision(x):
    return (x * x).sum()


@njit("int64(float64[::1])")
def whole_result(x):
    return 1e9 * (x * x).sum()


@njit("float64(float64[::1], UniTuple(float32, 2))")
def tuple_in_single_precision(x, a):
    return a[0] * (x * x).sum()


def typed_dict():
    values = numba.typed.Dict.empty(numba.int64, numba.float64)
    values[0] = 1.0
    return values


RANDOM, PYTHON = "random numbers must be drawn for every evaluation", "Python code (objmode) must run"
WRITES, STORED = "it writes to x", "a value that depends on x is stored in"
CASES = [
    (numpy_random, (), RANDOM),
    (numpy_random_by_another_name, (), RANDOM),
    (prints, (), "print() must print for every evaluation"),
    (prints_in_a_helper, (), "print() must print for every evaluation"),
    (calls_python, (), PYTHON),
    (python_alone, (), PYTHON),
    (writes_to_x, (), WRITES),
    (writes_to_a_view, (), WRITES),
    (writes_in_a_helper, (), WRITES),
    (asks_for_the_type, (), "isinstance() would see lanes in place of a float"),
    (strides, (), "attribute 'strides' differs"),
    (bits, (), "attribute 'view' differs"),
    (bytes_as_numbers, (), "np.frombuffer() would see lanes in place of floats"),
    (strides_by_hand, (), "as_strided() would see lanes in place of floats"),
    (distinct, (), "unique(array(lanes, 1d, C)) is not known for lanes"),
    (text, (), "str() or an f-string would see lanes in place of a float"),
    (formatted, (), "str() or an f-string would see lanes in place of a float"),
    (hashed, (), "hash() would see lanes in place of a float"),
    (parallel, (), "the loss starts threads itself (parallel=True)"),
    (solves, (SQUARES,), "solve(array(float64, 2d, C), array(lanes, 1d, C)) is not known for lanes"),
    (determinant, (SQUARES,), "det(array(lanes, 2d, C)) is not known for lanes"),
    (complex_number, (), "complex(lanes, lanes) is not known for lanes"),
    (complex_factor, (), "lanes * complex128 is not known"),
    (stores_in_an_argument, (np.zeros(X.size),), f"{STORED} array(float64, 1d, C), which holds one number at a time"),
    (stores_in_whole_numbers, (), f"{STORED} array(int64, 1d, C)"),
    (stores_in_a_dict, (typed_dict(),), f"{STORED} DictType[int64,float64]"),
    (looks_up, (), "setitem(DictType[undefined,undefined], lanes, float64) is not known for lanes"),
    (generator, (np.random.default_rng(0),), "an argument is or holds NumPyRandomGeneratorType"),
    (instance, (Scaled(2.0),), "an argument is or holds instance.jitclass.Scaled"),
    (instance_in_a_tuple, ((Scaled(2.0), 3.0),), "an argument is or holds instance.jitclass.Scaled"),
    (instance_inside, (), "Scaled cannot be seen through"),
    (c_function, (), "fabs cannot be seen through"),
    (applies, (cut_off,), "function cut_off among the arguments has a signature"),
    (result_in_single_precision, (), "its signature turns the result into float32"),
    (whole_result, (), "its signature turns the result into int64"),
    (tuple_in_single_precision, ((0.1, 0.2),), "its signature turns an argument of type UniTuple(float64 x 2)"),
]
ANYWHERE = {"applies", "generator", "instance", "instance_in_a_tuple", "parallel", "writes_in_a_helper"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].__name__)
@pytest.mark.filterwarnings("ignore::jitgrad.PrecisionWarning")
def test_it_is_evaluated_in_scalar_and_says_why(case):
    loss, args, reason = case
    options = {"args": args, "step": jg.Textbook()}
    without = jg.grad_cpu(loss, X, vectorize="off", **options)
    np.testing.assert_array_equal(jg.grad_cpu(loss, X, **options), without)
    assert np.isfinite(without).all()
    with pytest.raises(jg.LanesUnavailableError) as caught:
        jg.grad_cpu(loss, X, vectorize="require", **options)
    message = str(caught.value)
    assert f"but {loss.__name__!r} cannot: {reason}" in message
    lines = [number for number, line in _source(__file__) if line.endswith("# here") and f"({line})" in message]
    if loss.__name__ not in ANYWHERE and not loss.__name__.endswith("_precision") and loss is not whole_result:
        assert any(f'File "{__file__}", line {number} (' in message for number in lines)


def _source(path):
    return list(enumerate(map(str.strip, Path(path).read_text().splitlines()), 1))
