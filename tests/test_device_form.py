"""Losses as device functions, compiled to PTX: no GPU is needed, and none is asked for."""

from __future__ import annotations

import math
from collections import namedtuple

import numba
import numpy as np
import pytest
from numba import njit, types

from jitgrad._errors import LossCompileError
from jitgrad.testing import scenarios

pytestmark = pytest.mark.ptx

VIEW, COLUMN = "view", "column"
# These write to x, or compute with all of it at once.
OF_COLUMNS = {"array_expressions", "on_the_sphere"}


def kernel_of(loss, kind):
    from numba import cuda

    from jitgrad.loss.device.form import device_form, open_arena, perturbed

    call = device_form(loss)

    def view(x, i, v, args, arenas, columns, out):
        t = cuda.grid(1)
        if t < out.size:
            open_arena(arenas, t)
            out[t] = call(perturbed(x, i[t], v[t]), args)[0]

    def column(x, i, v, args, arenas, columns, out):
        t = cuda.grid(1)
        if t < out.size:
            open_arena(arenas, t)
            y = columns[:, t]
            for j in range(x.size):
                y[j] = x[j]
            y[i[t]] = v[t]
            out[t] = call(y, args)[0]

    return view if kind == VIEW else column


def compiled(loss, kind, args=(), element=types.float64):
    """PTX of a kernel that calls the loss."""
    from cuda_tools.toolkit import compile_ptx

    from jitgrad.loss.device.form import compiling

    signature = (
        element[::1],
        types.int64[::1],
        element[::1],
        types.Tuple([numba.typeof(value) for value in args]),
        types.int64[:, ::1],
        element[:, ::1],
        types.float64[::1],
    )
    with compiling():
        return compile_ptx(kernel_of(loss, kind), signature)


def refused(loss, args=(), kind=VIEW):
    """The message of the exception that a loss is refused with."""
    from jitgrad.loss.device.refusal import refusal

    with pytest.raises(Exception, match=r".") as caught:
        compiled(loss, kind, args)
    kinds = (types.float64[::1], *map(numba.typeof, args))
    error = refusal(caught.value, loss, kinds)
    assert isinstance(error, LossCompileError)
    return str(error)


@pytest.mark.parametrize("element", [types.float64, types.float32], ids=str)
@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
def test_every_scenario_compiles(scenario, element):
    from cuda_tools.ptxas import assemble

    column = compiled(scenario.loss, COLUMN, scenario.args, element)
    if scenario.name in OF_COLUMNS:
        assert "numba refuses it" in refused(scenario.loss, scenario.args)
        return
    view = compiled(scenario.loss, VIEW, scenario.args, element)
    of_view, of_column = (
        max(assemble(ptx, (9, 0)).values(), key=lambda usage: usage.registers) for ptx in (view, column)
    )
    assert ".extern .func" not in view + column
    assert of_view.stack <= of_column.stack
    assert of_view.spill_stores == of_view.spill_loads == 0


# Shared by the losses below.
WEIGHTS = np.array([1.0, 2.0, 3.0])
FACTOR = 2.5
Pair = namedtuple("Pair", "a b")


@njit
def array_helper(x, j):
    return x[j] * FACTOR


@njit("float64(float64)")
def helper_with_signature(value):
    return value + 1


@njit(inline="always")
def inlined_helper(value):
    return np.exp(-value * value)


def closing_over(weights, power):
    @njit
    def loss(x):
        total = 0.0
        for j in range(x.size):
            total += weights[j % weights.size] * x[j] ** power
        return total

    return loss


def plain(x):
    return x[0] * math.sin(x[1])


@njit("float64(float64[::1])")
def with_signature(x):
    return x[0] * x[1]


@njit(inline="always")
def inlined(x, a, b):
    return x[0] * a + b


@njit(parallel=True, fastmath=True, nogil=True, boundscheck=True)
def with_options(x):
    total = 0.0
    for j in numba.prange(x.size):
        total += x[j]
    return total


@njit
def through_helpers(x):
    return helper_with_signature(array_helper(x, 0)) + inlined_helper(x[1]) + WEIGHTS[1] * FACTOR


@njit
def with_rest(x, *rest):
    return x[0] * rest[0] + rest[1][0]


@njit
def with_defaults(x, a, b=2.0, c=None):
    return x[0] * a * b if c is None else c


@njit
def with_named_tuple(x, pair, nested):
    return x[0] * pair.a + pair.b[0] + nested[1][0]


@njit
def with_integers(x, flag, counts):
    return x[counts[0]] if flag else x[-1]


@njit
def raising(x):
    if x[0] < 0:
        raise ValueError("below 0")
    if x[1] > 3:
        raise ZeroDivisionError
    return math.sqrt(x[0])


@njit
def returning_an_integer(x):
    return len(x)


@njit
def returning_a_boolean(x):
    return x[0] > 0


FORMS = (
    (plain, ()),
    (with_signature, ()),
    (inlined, (2.0, 1.0)),
    (with_options, ()),
    (through_helpers, ()),
    (closing_over(WEIGHTS, 3), ()),
    (with_rest, (2.0, WEIGHTS)),
    (with_defaults, (2.0,)),
    pytest.param(with_defaults, (2.0, 3.0, None), id="with_none"),
    (with_named_tuple, (Pair(1.0, WEIGHTS), (1, (2.0,)))),
    (with_integers, (True, np.array([1, 0]))),
    (raising, ()),
    (returning_an_integer, ()),
    (returning_a_boolean, ()),
)


@pytest.mark.parametrize("kind", [VIEW, COLUMN])
@pytest.mark.parametrize(("loss", "args"), FORMS, ids=lambda value: getattr(value, "__name__", ""))
def test_losses_written_in_every_way_compile(loss, args, kind):
    assert ".extern .func" not in compiled(loss, kind, args)


EXPRESSIONS = (
    "np.exp(x[0]) + np.sqrt(x[1]) + np.abs(x[0]) + np.log1p(x[0]) + np.square(x[1]) + np.sign(x[0])",
    "np.floor(x[0]) + np.ceil(x[0]) + np.rint(x[0]) + np.power(x[0], 2) + np.logaddexp(x[0], x[1])",
    "np.negative(x[0]) + np.cbrt(x[0]) + np.reciprocal(x[0]) + np.fmax(x[0], x[1]) + np.copysign(x[0], 0.5)",
    "x[0] // x[1] + x[0] % 2 + abs(x[0]) + min(x[0], x[1]) + max(x) + round(x[0]) + round(x[0], 2)",
    "math.erf(x[0]) + math.gamma(x[0]) + math.lgamma(x[0]) + math.hypot(x[0], x[1]) + math.atan2(x[0], x[1])",
    "np.sum(x) + x.mean() + np.min(x) + x.max() + np.var(x) + np.std(x) + np.prod(x) + sum(x)",
    "np.dot(w, x) + np.linalg.norm(x) + (a @ x)[0] + np.dot(a, x)[1] + np.dot(a[0], x)",
    "(a @ a.T)[0, 1] + (w @ a.T)[0] + w.dot(w) + np.linalg.norm(a) + np.vdot(w, w) + np.outer(w, w)[1, 1]",
    "x.copy().sum() + np.zeros_like(x)[0] + np.full(3, x[0]).sum() + np.linspace(0.0, 1.0, 5)[1]",
    "np.sum(np.exp(w) * w - 2.0 * w**2 / (1 + np.abs(w))) + np.median(w) + np.interp(x[0], w, w)",
    "np.concatenate((w, w)).sum() + np.array([x[0], x[1]]).sum() + np.arange(4.0).sum() + np.eye(3)[1, 1]",
    "x[1:].sum() + x[::2][0] + x[::-1][0] + x[-2] + a.reshape(-1)[0] + w.reshape(3, 1)[0, 0]",
)


@pytest.mark.parametrize("kind", [VIEW, COLUMN])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_numpy_that_njit_compiles_compiles(expression, kind):
    names = {"np": np, "math": math}
    exec(f"def loss(x, a, w): return {expression}", names)
    loss = njit(names["loss"])
    a, w = np.ones((2, 3)), np.ones(3)
    loss(np.ones(3), a, w)  # the CPU takes it
    assert ".extern .func" not in compiled(loss, kind, (a, w))


WHOLE = (
    "np.sum(np.exp(x) * x - 2.0 * x**2)",
    "np.sqrt(np.sum((x - x.mean()) ** 2))",
    "np.cumsum(x)[1]",
    "float(np.argmin(x))",
    "np.sum(np.maximum(x, 0.0))",
)


@pytest.mark.parametrize("expression", WHOLE)
def test_what_computes_with_all_of_x_takes_a_column(expression):
    names = {"np": np}
    exec(f"def loss(x): return {expression}", names)
    assert ".extern .func" not in compiled(njit(names["loss"]), COLUMN)


@njit
def drawing(x):
    return x[0] + np.random.rand()


@njit
def printing(x):
    print(x[0])  # noqa: T201
    return x[0]


@njit
def catching(x):
    try:
        value = 1 / x[0]
    except Exception:  # noqa: BLE001  # numba knows no other
        value = 0.0
    return value


@njit
def in_python(x):
    with numba.objmode(value="float64"):
        value = float(x[0])
    return value * 2


@njit
def listing(x):
    values = []
    for value in x:
        values.append(value * 2)  # noqa: PERF401
    return values[0]


@njit
def mapping(x):
    return {1: x[0]}[1]


@njit
def uniting(x):
    return len({1.0, x[0]})


@njit
def solving(x):
    return np.linalg.solve(np.eye(2), np.ones(2))[0] + x[0]


@njit
def nothing(x):
    x[0]


@njit
def several(x):
    return x[0], x[1]


@njit
def everything(x):
    return x


REFUSED = (
    (drawing, "random numbers cannot be drawn", "Draw them beforehand"),
    (printing, "nothing can be printed", "Remove the print"),
    (catching, "exceptions cannot be caught", "with an if instead of try"),
    (in_python, "Python objects are out of reach", "beforehand"),
    (listing, "lists, sets and dicts cannot be made", "Use arrays and tuples"),
    (mapping, "lists, sets and dicts cannot be made", "Use arrays and tuples"),
    (uniting, "lists, sets and dicts cannot be made", "Use arrays and tuples"),
    (solving, "linear algebra of LAPACK is not there", "Write it in loops"),
    (nothing, "must return one real number", "Reduce its result"),
    (several, "must return one real number", "Reduce its result"),
    (everything, "must return one real number", "Reduce its result"),
)


@pytest.mark.parametrize(("loss", "why", "way_out"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_refusals_say_why_where_and_the_way_out(loss, why, way_out):
    message = refused(loss)
    assert f"loss {loss.__name__!r} must compile for a GPU" in message
    assert why in message
    assert way_out in message
    first = loss.py_func.__code__.co_firstlineno
    line = int(message.split(f'{__file__}", line ')[1].split()[0].rstrip("."))
    assert first <= line <= first + 6


def test_a_loss_is_refused_again():
    assert refused(drawing) == refused(drawing)


def test_none_takes_one_word_of_a_kernel():
    from jitgrad.loss.device.pass_none import PassNone

    def parameters(args):
        return compiled(with_defaults, VIEW, args).split(".entry")[1].split("{")[0].count(".param .u64")

    assert parameters((2.0, 3.0, None)) == parameters((2.0, 3.0)) + 1
    assert PassNone().prepare_args(types.none, None, 0, []) == (types.uint64, 0)
    assert PassNone().prepare_args(types.float64, 2.0, 0, []) == (types.float64, 2.0)


def test_memory_is_asked_for_where_the_loss_allocates():
    from jitgrad.loss.device.form import uses_arena

    @njit
    def allocating(x):
        return np.zeros(x.size)[0] + x[0]

    assert uses_arena(compiled(allocating, VIEW))
    assert not uses_arena(compiled(plain, VIEW))
    assert "NRT_" not in compiled(allocating, VIEW)


def test_division_by_zero_raises_where_it_raises_on_the_cpu():
    def divided(x):
        return 1 / x[0]

    def branches(loss):
        return compiled(loss, VIEW).count("setp")

    assert branches(njit(divided)) == branches(njit(error_model="numpy")(divided)) + 1


def test_what_is_compiled_elsewhere_is_left_alone():
    from cuda_tools.toolkit import compile_ptx
    from numba.cuda.descriptor import cuda_target

    from jitgrad.loss.device.form import compiling

    usual = cuda_target.typing_context, cuda_target.target_context

    def compile_badly():
        with compiling():
            assert cuda_target.target_context is not usual[1]
            raise KeyError

    with pytest.raises(KeyError):
        compile_badly()
    assert (cuda_target.typing_context, cuda_target.target_context) == usual

    def own_kernel(out):
        out[0] = np.zeros(3)[1]

    # numba-cuda allocates nothing unless it is told to.
    with pytest.raises(Exception, match=r"NRT required but not enabled|No implementation of function"):
        compile_ptx(own_kernel, (types.float64[::1],))


def test_it_can_be_entered_twice():
    from jitgrad.loss.device.form import compiling

    with compiling():
        compiled(plain, VIEW)
        compiled(with_rest, VIEW, (2.0, WEIGHTS))


def test_the_form_of_a_loss_is_made_once():
    from jitgrad.loss.device.form import device_form

    assert device_form(plain) is device_form(plain)
