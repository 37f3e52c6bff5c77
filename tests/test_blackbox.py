"""Any Python callable: bit for bit what the compiled path gives, and what becomes of callables that misbehave."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from losses import quadratic, quadratic_gradient, smooth, smooth_gradient
from numba import njit

import jitgrad as jg
from jitgrad.launch import blackbox
from jitgrad.launch.blackbox import BlackBox
from jitgrad.launch.failure import probe_point
from jitgrad.launch.probes import Probes, all_points, each_point
from jitgrad.loss.arguments import BatchedArguments
from jitgrad.testing import scenario, scenarios

INTERPRETED = pytest.mark.interpreted
names = pytest.mark.parametrize("name", [s.name for s in scenarios()])
X = np.array([0.3, -1.2, 2.0, 0.0, 5.0])


def plain(x):
    total = 0.0
    for i, v in enumerate(x.tolist()):
        total += (i + 1.0) * v * v
    return total


def rows(points):
    return np.array([plain(x) for x in points])


class Counted:
    """A callable that remembers at which points it was called."""

    def __init__(self, fun=plain):
        self.fun, self.points = fun, []

    def __call__(self, x, *args):
        self.points.append(x.copy())
        return self.fun(x, *args)


def same(actual, expected):
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape


# --- the same numbers as the compiled path


FORMULAS = [("central", order) for order in (2, 4, 6, 8)] + [
    (method, order) for method in ("forward", "backward") for order in (1, 2, 3, 4)
]


@names
def test_every_formula_on_every_scenario(name):
    s = scenario(name)
    for method, order in FORMULAS:
        options = {"args": s.args, "method": method, "order": order, "step": jg.Textbook()}
        value, gradient = jg.value_and_grad_blackbox(s.loss, s.point, **options)
        same(gradient, jg.grad_cpu(s.loss, s.point, vectorize="off", **options))
        assert value == s.loss(s.point.copy(), *s.args)


@names
@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
def test_the_default_and_other_steps_on_every_scenario(name, dtype):
    s = scenario(name)
    x = s.point.astype(dtype)
    for step in (None, 1e-2, jg.Relative(1e-2), np.linspace(1e-2, 2e-2, s.n)):
        options = {"args": s.args, "step": step}
        same(jg.grad_blackbox(s.loss, x, **options), jg.grad_cpu(s.loss, x, vectorize="off", **options))


@names
def test_estimates_on_every_scenario(name):
    s = scenario(name)
    there = jg.estimate_blackbox(s.loss, s.point, args=s.args)
    here = jg.estimate_cpu(s.loss, s.point, args=s.args, vectorize="off")
    for field in ("derivative", "error", "step", "noise", "evaluations", "status"):
        same(getattr(there, field), getattr(here, field))
    assert there.value == here.value


RULES = [
    jg.Shi(), jg.Gill(), jg.CurtisReid(), jg.DumontetVignes(), jg.SteplemanWinarsky(), jg.Mathur(), jg.Kostyrka(),
    jg.PlugIn(), jg.MoreWild(), jg.Richardson(), jg.Ridders(), jg.PolynomialFit(), jg.Auto(verify=True),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("name", ["rosenbrock", "kinks", "perceptron"])
def test_every_tuner_and_extrapolation(rule, name):
    s = scenario(name)
    options = {"args": s.args, "step": rule}
    same(jg.grad_blackbox(s.loss, s.point, **options), jg.grad_cpu(s.loss, s.point, vectorize="off", **options))


@names
def test_plain_functions(name):
    s = scenario(name)
    step = jg.Relative(1e-5)
    expected = jg.grad_cpu(s.loss, s.point, args=s.args, step=step, vectorize="off")
    gradient = jg.grad_blackbox(s.loss.py_func, s.point, args=s.args, step=step)
    # Sums of NumPy are in another order than those of numba: some units in the last place, over the step.
    rounding = 64.0 * np.finfo(float).eps * max(1.0, abs(s.loss(s.point.copy(), *s.args)))
    assert (abs(gradient - expected) <= rounding / (1e-5 * np.where(s.point == 0.0, 1.0, abs(s.point)))).all()


@INTERPRETED
def test_against_a_closed_form():
    for method, order in FORMULAS:
        gradient = jg.grad_blackbox(smooth, X[:3], args=(2.0, 0.5), method=method, order=order)
        np.testing.assert_allclose(gradient, smooth_gradient(X[:3], 2.0, 0.5), rtol=1e-4 if order == 1 else 1e-6)
    e = jg.estimate_blackbox(plain, X)
    assert (abs(e.derivative - quadratic_gradient(X)) <= e.error).all()
    assert e.trusted.all()


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6),
    st.sampled_from(FORMULAS),
    st.sampled_from([jg.Textbook(), jg.Relative(1e-4), jg.Absolute(1e-3)]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_point_gives_the_same_bits(values, formula, step, vectorized):
    method, order = formula
    options = {"method": method, "order": order, "step": step}
    x = np.array(values)
    fun = (lambda points: [quadratic(row) for row in points]) if vectorized else quadratic
    gradient = jg.grad_blackbox(fun, x, vectorized=vectorized, **options)
    same(gradient, jg.grad_cpu(quadratic, x, vectorize="off", **options))


# --- options


@INTERPRETED
@pytest.mark.parametrize("method", ["central", "forward", "backward"])
@pytest.mark.parametrize("step", [None, 0.3, jg.Richardson()])
def test_bounds_are_never_left(method, step):
    fun = Counted()
    lower, upper = X - np.array([0.0, 0.1, 1.0, 0.0, 0.2]), X + np.array([0.2, 0.0, 1.0, 0.0, 0.1])
    gradient = jg.grad_blackbox(fun, X, method=method, order=2, step=step, bounds=(lower, upper))
    assert all(((lower <= x) & (x <= upper)).all() for x in fun.points)
    np.testing.assert_allclose(gradient, quadratic_gradient(X), rtol=1e-8, atol=1e-8)


def weighted(x, weights, offset):
    assert weights.shape == x.shape
    return float((weights * x * x).sum() + offset)


@INTERPRETED
def test_batches_coordinates_and_arguments_that_vary():
    rng = np.random.default_rng(1)
    x, weights, offsets = rng.normal(size=(3, 2, 4)), rng.normal(size=(4, 3, 2)), rng.normal(size=(3, 2))
    value, gradient = jg.value_and_grad_blackbox(
        weighted, x, args=(weights, offsets), args_axes=(1, 0), coords=[0, -1], step=1e-3
    )
    per_point = np.moveaxis(weights, 0, -1)
    assert gradient.shape == (3, 2, 2)
    np.testing.assert_allclose(gradient, (2.0 * per_point * x)[..., [0, -1]], atol=1e-9)
    np.testing.assert_allclose(value, offsets + (per_point * x * x).sum(axis=-1), rtol=1e-14)


@INTERPRETED
def test_a_batch_is_its_points():
    x = np.random.default_rng(2).normal(size=(3, 4))
    same(jg.grad_blackbox(plain, x), np.array([jg.grad_blackbox(plain, row) for row in x]))
    same(jg.grad_blackbox(rows, x, vectorized=True, step=1e-3), jg.grad_blackbox(plain, x, step=1e-3))
    assert jg.grad_blackbox(plain, np.empty((0, 4))).shape == (0, 4)
    assert jg.grad_blackbox(plain, np.empty(0)).shape == (0,)


@INTERPRETED
def test_out_and_single_precision():
    out = np.empty(5, np.float32)
    fun = Counted()
    assert jg.grad_blackbox(fun, X.astype(np.float32), out=out) is out
    assert {x.dtype for x in fun.points} == {np.dtype(np.float32)}
    # The formula of order 4 is exact here; values of a few hundred are rounded to double, x to single precision.
    np.testing.assert_allclose(out, quadratic_gradient(X), rtol=1e-6, atol=1e-6)
    with pytest.raises(TypeError, match="out must be an array of dtype float64"):
        jg.grad_blackbox(plain, X, out=out)


@INTERPRETED
@pytest.mark.parametrize(("method", "order"), FORMULAS)
def test_as_many_evaluations_as_the_formula_has(method, order):
    fun = Counted()
    jg.grad_blackbox(fun, X[:2], method=method, order=order, step=jg.Textbook())
    assert len(fun.points) == 2 * order + (method != "central")
    assert len({x.tobytes() for x in fun.points}) == len(fun.points)
    fun.points.clear()
    jg.value_and_grad_blackbox(fun, X[:2], method=method, order=order, step=jg.Textbook())
    assert len(fun.points) == 2 * order + 1


@INTERPRETED
def test_prepared():
    g = jg.gradient_of(weighted, device="blackbox", step=1e-3)
    ones = np.ones(5)
    for scale in (1.0, 2.0):
        ones[:] = scale
        np.testing.assert_allclose(g(X, ones, 0.0), 2.0 * scale * X, atol=1e-9)
    np.testing.assert_allclose(g(X[:2], ones[:2], 1.0), 4.0 * X[:2], atol=1e-9)
    np.testing.assert_allclose(g(X[:2], ones[:2], 1.0), 4.0 * X[:2], atol=1e-9)
    assert g.value_and_grad(X[:1], ones[:1], 5.0)[0] == weighted(X[:1], ones[:1], 5.0)
    assert "weighted" in repr(g)


# --- what can be called


@INTERPRETED
def test_everything_that_can_be_called():
    class Model:
        def method(self, x):
            return plain(x)

        __call__ = method

    model = Model()
    expected = jg.grad_blackbox(plain, X)
    for fun in (lambda x: 1.0 * plain(x), functools.partial(plain), model, model.method, quadratic):
        same(jg.grad_blackbox(fun, X), expected)
    np.testing.assert_allclose(jg.grad_blackbox(math.fsum, X), np.ones(5), rtol=1e-9)  # a builtin
    np.testing.assert_allclose(jg.grad_blackbox(operator.itemgetter(1), X, step=1e-3), np.eye(5)[1], atol=1e-12)


def test_a_separable_loss():
    term = njit(lambda k, x: (k + 1.0) * x[k] * x[k])
    loss = jg.Separable(term, njit(lambda x: x.size))
    same(jg.grad_blackbox(loss, X, step=1e-3), jg.grad_cpu(loss, X, step=1e-3, vectorize="off"))


@INTERPRETED
def test_other_things_are_refused():
    with pytest.raises(TypeError, match=r"fun must be something that can be called, got 3\.0 of type float. Pass"):
        jg.grad_blackbox(3.0, X)
    with pytest.raises(TypeError, match="args must be a tuple, got list"):
        jg.grad_blackbox(plain, X, args=[1.0])
    with pytest.raises(TypeError, match="vectorized must be True or False, got 'yes'"):
        jg.grad_blackbox(rows, X, vectorized="yes")
    with pytest.raises(ValueError, match="x must be finite, got nan at coordinate 1"):
        jg.grad_blackbox(plain, [1.0, np.nan])


@pytest.mark.parametrize(
    "options",
    [
        {"device": "blackbox", "threads": 2},
        {"device": "blackbox", "vectorize": "off"},
        {"device": "blackbox", "devices": [0]},
        {"device": "cpu", "vectorized": True},
        {"device": "cuda", "vectorized": True},
        {"device": "abacus"},
    ],
)
def test_options_of_another_device_are_refused(options):
    with pytest.raises(
        ValueError, match=rf"device='{options['device']}' takes .*Leave|device must be one of 'cpu', .*got"
    ):
        jg.gradient_of(quadratic, **options)


# --- what a callable may return


NUMBERS = [2, True, 2.5, np.float32(2.5), np.int64(2), np.bool_(True), np.array(2.5), np.array([[2.5]]), Fraction(5, 2)]


@INTERPRETED
@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_one_real_number_in_every_form(number):
    value, gradient = jg.value_and_grad_blackbox(lambda _: number, X[:2], step=1e-3)
    assert value == float(np.asarray(number).item())
    assert type(value) is float
    same(gradient, np.zeros(2))


WRONG = [
    (None, "None"),
    ("2.5", "'2.5' of type str"),
    (b"2", "b'2' of type bytes"),
    (1j, "the complex number 1j"),
    (np.complex64(1), r"np.complex64\(1\+0j\) of type complex64"),
    (np.ones(2), r"an array of shape \(2,\) and dtype float64"),
    (np.ones(0), r"an array of shape \(0,\) and dtype float64"),
    (np.array("2.5"), r"an array of shape \(\) and dtype <U3"),
    (np.array([None]), r"an array of shape \(1,\) and dtype object"),
    ([2.5], r"\[2.5\] of type list"),
    (np.ma.masked, "a masked array"),
    (np.ma.array([1.0]), r"a masked\ array"),
    (10**5000, "an integer above the largest float"),
    ("x" * 1000, r"'x{12}\.\.\.x{13}' of type str"),
]


@INTERPRETED
@pytest.mark.parametrize(("wrong", "got"), WRONG, ids=[got for _, got in WRONG])
def test_anything_else_is_refused(wrong, got):
    def simulator(_):
        return wrong

    message = f"^loss 'simulator' must return one real number, got {got}. Reduce its result to a scalar"
    with pytest.raises(TypeError, match=message) as caught:
        jg.grad_blackbox(simulator, X)
    assert "with x as it was given" in caught.value.__notes__[0]


WRONG_ROWS = [
    (lambda x: 1.0, ValueError, r"values of shape \(\d+,\) for points of \d+ rows, got shape \(\)"),
    (lambda x: x, ValueError, r"values of shape \(\d+,\) for points of \d+ rows, got shape \(\d+, 5\)"),
    (lambda x: rows(x)[:-1], ValueError, r"values of shape \((\d+),\) for points of \1 rows"),
    (lambda x: None, TypeError, "must return real numbers, got None. Return one for each row"),
    (lambda x: rows(x) + 0j, TypeError, r"must return real numbers, got an array of shape \(\d+,\) and dtype complex"),
    (lambda x: np.ma.array(rows(x)), TypeError, "must return real numbers, got a masked array"),
    (lambda x: [[1.0], [1.0, 2.0]], TypeError, "must return real numbers, got .* of type list"),
]


@INTERPRETED
@pytest.mark.parametrize(("fun", "kind", "message"), WRONG_ROWS)
def test_wrong_rows_are_refused(fun, kind, message):
    with pytest.raises(kind, match=message):
        jg.grad_blackbox(fun, X, vectorized=True)


@INTERPRETED
@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(nothing):
    # Beside 1 on one side the other is used; on both sides of 0 there is nothing.
    def fun(x):
        return nothing if x[0] > 1.0 or x[1] != 0.0 else float(x[0] ** 2)

    gradient = jg.grad_blackbox(fun, [1.0, 0.0], step=1e-3)
    np.testing.assert_allclose(gradient, [2.0, np.nan], rtol=1e-9)
    many = jg.grad_blackbox(lambda points: [fun(x) for x in points], [1.0, 0.0], step=1e-3, vectorized=True)
    same(many, gradient)


# --- exceptions


def fails_above(limit):
    def fun(x):
        if x.max() > limit:
            raise ArithmeticError("the solver diverged")
        return plain(x) if x.ndim == 1 else rows(x)

    return fun


@INTERPRETED
@pytest.mark.parametrize("vectorized", [False, True])
def test_its_own_exception_with_a_note(vectorized):
    with pytest.raises(ArithmeticError, match="the solver diverged") as caught:
        jg.grad_blackbox(fails_above(2.0), [1.0, 2.0], step=0.25, vectorized=vectorized)
    assert caught.value.__notes__ == ["jitgrad: the loss 'fun' raised this with x[1] displaced from 2.0 to 2.25."]
    assert "fun" in [entry.name for entry in caught.traceback]
    with pytest.raises(ArithmeticError) as caught:
        jg.value_and_grad_blackbox(fails_above(1.0), [[0.0, 0.5], [0.0, 2.0]], step=0.25, vectorized=vectorized)
    assert caught.value.__notes__ == ["jitgrad: the loss 'fun' raised this with x as it was given of point 1."]


@INTERPRETED
def test_it_is_not_called_again_after_an_exception():
    fun = Counted(fails_above(2.0))
    with pytest.raises(ArithmeticError):
        jg.grad_blackbox(fun, [2.0, 1.0], step=0.25)
    assert len(fun.points) == 1 + (fun.points[0][0] < 2.0)


@INTERPRETED
@pytest.mark.parametrize("vectorized", [False, True])
def test_exceptions_further_away_are_no_numbers(vectorized):
    e = jg.estimate_blackbox(fails_above(2.0), [1.0, 2.0], vectorized=vectorized)
    assert e.status.tolist() == ["converged", "one-sided"]
    assert (abs(e.derivative - [2.0, 8.0]) <= e.error).all()


@INTERPRETED
def test_a_batch_that_raises_where_no_point_does():
    def fun(points):
        if len(points) > 1:
            raise MemoryError("too many")
        return rows(points)

    with pytest.raises(MemoryError, match="too many") as caught:
        jg.grad_blackbox(fun, X, vectorized=True)
    assert caught.value.__notes__[0].startswith("jitgrad: it raised this for")
    assert caught.value.__notes__[0].endswith("points at once, and for none of them alone.")


@INTERPRETED
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("verb", [jg.grad_blackbox, jg.estimate_blackbox])
def test_interrupts_pass_through(kind, vectorized, verb):
    calls = []

    def fun(_):
        calls.append(1)
        raise kind

    with pytest.raises(kind):
        verb(fun, X, vectorized=vectorized)
    assert len(calls) == 1


@INTERPRETED
def test_names_in_messages():
    class Simulator:
        def __call__(self, _):
            return None

    for fun, name in ((Simulator(), "Simulator"), (functools.partial(tuple), "tuple"), ([].append, "append")):
        with pytest.raises(TypeError, match=f"loss '{name}' must return one real number"):
            jg.grad_blackbox(fun, X)


# --- the caller's data


@INTERPRETED
def test_the_callers_x_is_neither_handed_out_nor_changed():
    x = X.copy()
    seen = []

    def fun(y):
        seen.append(y)
        value = plain(y)
        y[:] = np.nan
        return value

    np.testing.assert_allclose(jg.grad_blackbox(fun, x, step=1e-3), quadratic_gradient(X), atol=1e-9)
    same(x, X)
    assert not any(np.shares_memory(y, x) for y in seen)
    assert not any(np.shares_memory(a, b) for a, b in itertools.pairwise(seen))
    assert all(y.flags.writeable and y.flags.c_contiguous and y.flags.owndata for y in seen)


@INTERPRETED
def test_a_vectorized_callable_may_write_too():
    x = np.stack([X, X + 1.0])

    def fun(points):
        assert points.flags.writeable
        assert points.flags.c_contiguous
        assert not np.shares_memory(points, x)
        values = rows(points)
        points[:] = np.nan
        return values

    gradient = jg.grad_blackbox(fun, x, step=1e-3, vectorized=True)
    np.testing.assert_allclose(gradient, quadratic_gradient(x), atol=1e-9)
    same(x, np.stack([X, X + 1.0]))


@INTERPRETED
def test_arguments_are_handed_out_as_they_are():
    class Anything:
        pass

    given = (Anything(), np.ones(3), {"a": 1}, None, "text")

    def fun(x, *args):
        assert all(a is b for a, b in zip(args, given, strict=True))
        return plain(x)

    np.testing.assert_allclose(jg.grad_blackbox(fun, X, args=given, step=1e-3), quadratic_gradient(X), atol=1e-9)


# --- inside each other, and elsewhere


@INTERPRETED
def test_a_black_box_may_compute_gradients():
    def slope(x):  # of the quadratic, along ones
        return jg.grad_cpu(quadratic, x, step=1e-3, vectorize="off").sum() + jg.grad_blackbox(plain, x, step=1e-3).sum()

    # Twice the second derivatives: those of rounding of the inner gradient, 1e-12, over the step.
    np.testing.assert_allclose(jg.grad_blackbox(slope, X, step=1.0), 4.0 * np.arange(1, 6), rtol=1e-9)


@INTERPRETED
def test_a_gradient_may_use_itself():
    depth = []

    def fun(x):
        if len(depth) >= 1:
            return plain(x)
        depth.append(1)
        try:
            return float(g(x).sum())
        finally:
            depth.pop()

    g = jg.gradient_of(fun, device="blackbox", step=0.5)
    np.testing.assert_allclose(g(X), 2.0 * np.arange(1, 6), rtol=1e-9)


@INTERPRETED
def test_the_work_can_be_pickled():
    work = BlackBox(plain, BatchedArguments((), (), ()))
    probes = Probes(X[None], *(np.array(part) for part in ([0, 0], [0, 1, 2], [3, 1], [1.0, 2.0])), *_no_direction(X))
    again = pickle.loads(pickle.dumps(work)).run(pickle.loads(pickle.dumps(probes)))
    np.testing.assert_array_equal(again.values, work.run(probes).values)
    assert again.failure is None
    assert again.seconds > 0.0


def _no_direction(x):
    return np.empty(0, np.int64), np.empty(0), np.empty((0, x.size))


# --- many points at once


@INTERPRETED
def test_one_call_for_each_list():
    calls = []

    def fun(points):
        calls.append(points.shape)
        return rows(points)

    gradient = jg.grad_blackbox(fun, X, step=jg.Textbook(), vectorized=True)
    assert calls == [(10, 5)]
    same(gradient, jg.grad_blackbox(lambda x: rows(x[None])[0], X, step=jg.Textbook()))
    calls.clear()
    jg.value_and_grad_blackbox(fun, np.stack([X, X]), step=jg.Textbook(), vectorized=True)
    assert calls == [(22, 5)]
    calls.clear()
    e = jg.estimate_blackbox(fun, X, vectorized=True)
    # Rounds and not evaluations; the first asks for the points.
    assert len(calls) < 15
    assert sum(k for k, _ in calls) >= e.evaluations.sum()


@INTERPRETED
def test_points_that_take_too_much_memory_come_in_parts(monkeypatch):
    monkeypatch.setattr(blackbox, "MOST_BYTES", 4 * 5 * 8 + 1)
    calls = []

    def fun(points):
        calls.append(len(points))
        if (points[:, 4] > 5.0).any():
            raise ArithmeticError("too far")
        return rows(points)

    with pytest.raises(ArithmeticError) as caught:
        jg.grad_blackbox(fun, X, step=0.5, vectorized=True)
    assert caught.value.__notes__ == ["jitgrad: the loss 'fun' raised this with x[4] displaced from 5.0 to 5.5."]
    assert calls[:3] == [4, 4, 2]
    same(jg.grad_blackbox(rows, X, step=0.5, vectorized=True), jg.grad_blackbox(plain, X, step=0.5))


# --- probe lists


@st.composite
def lists(draw):
    """Lists of probes of every kind: several replacements, the same coordinate twice, directions, both, none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    m, n, d, total = draw(st.tuples(*[st.integers(1, 4)] * 3, st.integers(0, 12)))
    begin = np.concatenate(([0], np.cumsum(rng.integers(0, 4, total)))).astype(np.int64)
    directed = total if draw(st.booleans()) else 0
    return Probes(
        points=rng.normal(size=(m, n)).astype(dtype),
        point=rng.integers(0, m, total),
        begin=begin,
        coordinate=rng.integers(0, n, begin[-1]),
        value=rng.normal(size=begin[-1]).astype(dtype),
        along=rng.integers(-1, d, directed),
        distance=rng.normal(size=directed).astype(dtype),
        directions=rng.normal(size=(d, n)).astype(dtype),
    )


def by_definition(probes, k):
    """The point of a probe, as the docstring of `Probes` says it."""
    x = probes.points[probes.point[k]].copy()
    if probes.along.size and probes.along[k] >= 0:
        x = x + probes.distance[k] * probes.directions[probes.along[k]]
    for j in range(probes.begin[k], probes.begin[k + 1]):
        x[probes.coordinate[j]] = probes.value[j]
    return x


@INTERPRETED
@given(lists())
@settings(deadline=None)
def test_points_of_probes(probes):
    expected = np.array([by_definition(probes, k) for k in range(probes.point.size)], probes.points.dtype)
    expected = expected.reshape(-1, probes.points.shape[1])
    same(all_points(probes), expected)
    one_by_one = list(each_point(probes))
    assert [row for row, _ in one_by_one] == probes.point.tolist()
    for k, (_, x) in enumerate(one_by_one):
        same(x, expected[k])
        same(probe_point(probes, k), expected[k])


@INTERPRETED
def test_stretches_of_points_join():
    total = 5000
    probes = Probes(
        np.zeros((2, 3)), np.arange(total) % 2, np.arange(total + 1), np.arange(total) % 3, np.arange(total) * 0.5,
        *_no_direction(X[:3]),
    )  # fmt: skip
    np.testing.assert_array_equal(np.array([x for _, x in each_point(probes)]), all_points(probes))


@INTERPRETED
def test_memory_does_not_grow_with_the_square():
    import tracemalloc

    n = 2000
    x = np.ones(n)
    jg.grad_blackbox(lambda y: float(y[0]), x, step=1e-3)
    tracemalloc.start()
    try:
        jg.grad_blackbox(lambda y: float(y[0]), x, step=1e-3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 500 * n  # an n x n array would be 16000 n
