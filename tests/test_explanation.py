"""What `explain` says of a loss."""

import numpy as np
import pytest
from losses import quadratic, raises_at, smooth, writes_x
from numba import njit

import jitgrad as jg

X = np.linspace(0.1, 0.9, 100)


def test_a_loss_in_lanes():
    e = jg.explain(smooth, X, args=(1.0, 0.5))
    assert (e.name, e.reason, e.line) == ("smooth", "", "")
    assert e.lanes in (2, 4, 8, 16)
    assert 0.0 < e.lanes_seconds < e.scalar_seconds < 1.0
    assert e.gain == e.scalar_seconds / e.lanes_seconds
    assert e.evaluations == 2 * X.size + 1  # Auto looks at the point too
    assert (e.x_read_only, e.private_arrays, e.one_after_another) == (True, 0, False)
    assert f"smooth: {e.lanes} evaluations at once" in str(e)
    assert "times as fast" in str(e)


def test_a_loss_that_cannot_take_lanes():
    e = jg.explain(writes_x, X)
    assert e.lanes == 1
    assert e.line.endswith("(x[i] = x[i] * x[i])")
    assert e.line.startswith(f'File "{writes_x.py_func.__code__.co_filename}", line ')
    assert not e.x_read_only
    assert e.scalar_seconds > 0.0
    assert np.isnan(e.lanes_seconds)
    text = str(e).splitlines()
    assert text[0].startswith("writes_x: one evaluation at a time, on ")
    assert text[1:3] == [f"why not lanes: {e.reason}", f"at {e.line}"]
    assert "in lanes it was not measured" in text[3]
    assert "every evaluation has a copy of: x" in text


def test_it_agrees_with_what_the_gradient_does():
    g = jg.gradient_of(quadratic)
    g(X)
    e = jg.explain(quadratic, X)
    assert e.lanes == g._session.lanes.count
    assert e.evaluations == g._session.evaluations


def test_a_loss_that_raises_at_the_point():
    e = jg.explain(raises_at, X, args=(0, 0.0))
    assert (e.lanes, e.reason) == (1, "it raises an exception at the point")


def test_arrays_that_the_loss_writes_to():
    @njit
    def loss(x, memory, more):
        memory[0] = 2.0
        more[0, 0] = 1.0
        return memory[0] * more[0, 0] * x.sum()

    e = jg.explain(loss, X, args=(np.zeros(3), np.zeros((2, 2))))
    assert e.private_arrays == 2
    assert "every evaluation has a copy of: 2 arrays in args" in str(e)


def test_batches_and_single_precision():
    batch = np.ones((2, 3, 40), np.float32)
    assert jg.explain(quadratic, batch).evaluations == 6 * jg.explain(quadratic, batch[0, 0]).evaluations


def test_a_loss_that_starts_threads():
    @njit(parallel=True)
    def loss(x):
        return (x * x).sum()

    e = jg.explain(loss, X)
    assert (e.lanes, e.threads, e.one_after_another) == (1, 1, True)
    assert e.reason == "the loss starts threads itself (parallel=True)"


def test_a_loss_that_is_not_kept():
    @njit
    def loss(x):
        return x.sum()

    loss(X)  # compiled before jitgrad saw it
    assert not jg.explain(loss, X).kept_on_disk


def test_no_coordinates_and_no_points():
    assert jg.explain(quadratic, np.ones(0)).lanes == 1
    with pytest.raises(ValueError, match=r"x must hold at least one point, got shape \(0, 3\)"):
        jg.explain(quadratic, np.ones((0, 3)))


def test_bad_input_is_that_of_grad_cpu():
    with pytest.raises(TypeError, match=r"numba\.njit"):
        jg.explain(lambda x: 0.0, X)
    with pytest.raises(jg.LossCompileError, match="must accept x and the 1 values"):
        jg.explain(quadratic, X, args=(1.0,))


def test_the_names_of_to_dict_are_the_attributes():
    e = jg.explain(quadratic, X)
    assert e.to_dict() == {name: getattr(e, name) for name in e.__dataclass_fields__}


def test_the_class_may_be_imported_before_the_function():
    assert jg.Explanation.__name__ == "Explanation"
    assert callable(jg.explain)


@pytest.mark.interpreted
def test_without_a_compiler_it_says_so(monkeypatch):
    monkeypatch.setattr("numba.core.config.DISABLE_JIT", 1)

    def loss(x):
        return float((x * x).sum())

    e = jg.explain(loss, X)
    assert e.lanes == 1
    assert "NUMBA_DISABLE_JIT" in e.reason
    assert e.one_after_another
    assert not e.kept_on_disk
    assert e.scalar_seconds > 0.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.0, "2 s"), (3.21e-3, "3.21 ms"), (4e-6, "4 us"), (5.43e-9, "5.43 ns"), (0.0, "0 ns")]
)
@pytest.mark.interpreted
def test_times_have_units(seconds, text):
    from jitgrad.explanation import _time

    assert _time(seconds) == text
