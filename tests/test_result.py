"""What `Estimate` prints, converts to, pickles and draws."""

import json
import pickle

import numpy as np
import pytest
from losses import quadratic, smooth
from matplotlib.backends.backend_agg import FigureCanvasAgg
from test_auto import kinked, one_sided, trembling

import jitgrad as jg

pytestmark = pytest.mark.interpreted

ARRAYS = ("derivative", "error", "step", "noise", "evaluations", "status", "trusted")


def estimate(n=3, **options):
    return jg.estimate_cpu(smooth, np.linspace(-1.0, 1.0, n), args=(2.0, 0.5), **options)


def test_a_table_has_a_row_for_every_coordinate_and_explains_its_words():
    e = jg.estimate_cpu(kinked, np.array([0.5, 1.25]), args=(np.array([0.0, 1.25]),))
    head, first, second, *words = str(e).splitlines()
    assert head.split() == ["derivative", "error", "step", "noise", "evaluations", "status"]
    assert first.split() == [
        "x[0]", f"{e.derivative[0]:.12g}", f"{e.error[0]:.1e}", f"{e.step[0]:.1e}", f"{e.noise[0]:.1e}",
        str(e.evaluations[0]), "converged",
    ]  # fmt: skip
    assert second.startswith("x[1]")
    assert second.endswith("kink (not trusted)")
    assert len(head) == len(first) == len(second)
    assert sorted(words) == sorted(f"{name}: {sentence}" for name, sentence in e.meaning.items())
    assert repr(e) == "<Estimate of shape (2,), 1 not trusted>"


def test_of_many_coordinates_the_worst_are_shown():
    x = np.linspace(0.5, 1.5, 50)
    where = np.zeros(50)
    where[[7, 31]] = x[[7, 31]]
    e = jg.estimate_cpu(kinked, x, args=(where,))
    lines = str(e).splitlines()
    rows = [line.split()[0] for line in lines if line.lstrip().startswith("x[")]
    assert len(rows) == 20
    assert "the 20 with the largest relative errors of 50 coordinates" in lines
    order = [int(name[2:-1]) for name in rows]
    assert order == sorted(order)
    assert {7, 31} <= set(order)
    relative = np.where(e.trusted, e.error / np.abs(e.derivative), np.inf)
    assert relative[order].min() >= np.delete(relative, order).max()


def test_words_that_are_not_shown_are_not_explained():
    where = np.full(30, 5.0)
    bounds = (np.full(30, -9.0), np.full(30, 9.0))
    x = np.linspace(0.5, 1.5, 30)
    bounds[0][2] = bounds[1][2] = x[2]  # fixed: no error at all
    e = jg.estimate_cpu(kinked, x, args=(where,), bounds=bounds)
    assert "fixed by bounds" in e.meaning
    assert "fixed by bounds:" not in str(e)


def test_rows_of_a_batch_are_named_by_all_their_indices():
    e = jg.estimate_cpu(quadratic, np.ones((2, 1, 2)))
    assert [line.split("]")[0] + "]" for line in str(e).splitlines()[1:5]] == [
        "x[0, 0, 0]", "x[0, 0, 1]", "x[1, 0, 0]", "x[1, 0, 1]",
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_a_table_of_nothing(shape):
    e = jg.estimate_cpu(quadratic, np.ones(shape))
    assert str(e).split() == ["derivative", "error", "step", "noise", "evaluations", "status"]
    assert repr(e) == f"<Estimate of shape {shape}, 0 not trusted>"
    json.dumps(e.to_dict())


@pytest.mark.parametrize("points", [np.array([0.5, 1.0]), np.array([[0.5, 1.0], [-1.0, 2.0]]), np.array([0.5], "f4")])
def test_a_dictionary_is_plain_and_complete(points):
    e = jg.estimate_cpu(one_sided, points)
    found = json.loads(json.dumps(e.to_dict()))
    assert set(found) == {"value", "meaning", *ARRAYS}
    for name in ARRAYS:
        np.testing.assert_array_equal(np.array(found[name]), getattr(e, name))
    np.testing.assert_array_equal(found["value"], e.value)
    assert found["meaning"] == e.meaning
    found["meaning"].clear()
    e.to_dict()["meaning"].clear()
    assert e.meaning


def test_an_estimate_can_be_pickled_without_its_loss():
    e = estimate()
    again = pickle.loads(pickle.dumps(e))
    for name in ("value", *ARRAYS):
        np.testing.assert_array_equal(getattr(again, name), getattr(e, name))
    assert str(again) == str(e)
    with pytest.raises(ValueError, match="plot needs the loss, which an unpickled estimate does not have"):
        again.plot()
    e.plot()  # the original has not lost it


def drawn(figure):
    FigureCanvasAgg(figure).draw()  # warnings are errors
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


@pytest.mark.parametrize(("n", "shown"), [(1, 1), (3, 3), (4, 4), (6, 4)])
def test_the_first_coordinates_are_drawn(n, shown):
    assert drawn(estimate(n).plot()) == [f"x[{k}]" for k in range(shown)]


def test_chosen_coordinates_are_drawn():
    assert drawn(estimate(6).plot([5, -3])) == ["x[5]", "x[3]"]
    batch = jg.estimate_cpu(quadratic, np.ones((2, 3)))
    assert drawn(batch.plot([[1, 2], [0, -1]])) == ["x[1, 2]", "x[0, 2]"]
    assert drawn(batch.plot()) == ["x[0, 0]", "x[0, 1]", "x[0, 2]", "x[1, 0]"]


@pytest.mark.parametrize(
    ("loss", "x", "args", "options"),
    [
        (kinked, [0.5], (np.array([0.5]),), {}),
        (one_sided, [0.0], (), {}),
        (one_sided, [-1.0], (), {}),
        (trembling, [0.5, 0.0], (1e-4,), {}),
        (quadratic, [0.0, 1e8, 1e-100], (), {}),
        (quadratic, [0.5, 1.0], (), {"bounds": ([0.5, 1.0], [0.5, 2.0])}),
        (quadratic, np.float32([0.0, 3.0]), (), {}),
        (smooth, [0.5, 1.0], (2.0, 0.5), {"coords": [1]}),
    ],
    ids=["kink", "one-sided", "not finite", "noise", "scales", "bounds", "single", "chosen"],
)
def test_whatever_was_estimated_can_be_drawn(loss, x, args, options):
    e = jg.estimate_cpu(loss, np.array(x), args=args, **options)
    assert drawn(e.plot()) == [f"x[{k}]" for k in range(e.derivative.size)]


def test_the_curve_is_that_of_the_loss():
    (above, _) = jg.estimate_cpu(smooth, np.array([0.5]), args=(1.0, 0.0)).plot().axes
    (curve,) = (line for line in above.lines if line.get_label() == "central difference")
    h, slope = curve.get_data()
    assert h.size > 50
    far = h > 1e-3
    # sin: the difference is cos(x) sin(h) / h, and x + h is rounded by 1e-16.
    np.testing.assert_allclose(slope[far], np.cos(0.5) * np.sin(h[far]) / h[far], rtol=1e-12)


def test_bounds_are_not_left_by_a_plot():
    seen = jg.estimate_cpu(one_sided, np.array([1e-3]), bounds=(0.0, 1.0)).plot()
    (curve,) = (line for line in seen.axes[0].lines if line.get_label() == "central difference")
    assert np.isfinite(curve.get_ydata()).all()


@pytest.mark.parametrize(
    ("coords", "kind", "message"),
    [
        ([3], IndexError, r"indices into an array of shape \(3,\), got \(3,\)"),
        ([-4], IndexError, r"got \(-4,\)"),
        ([[0, 1]], IndexError, r"got \(0, 1\)"),
        ([], ValueError, "plot needs at least one coordinate"),
    ],
)
def test_coordinates_that_are_not_there(coords, kind, message):
    with pytest.raises(kind, match=message):
        estimate().plot(coords)


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="at least one coordinate"):
        jg.estimate_cpu(quadratic, np.ones(0)).plot()
