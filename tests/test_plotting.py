"""Pictures: what is drawn, and that nothing of the caller's matplotlib is touched."""

import math
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from jitgrad.check import Verdict, check_gradient
from jitgrad.plotting import plot_check, plot_ladder

pytestmark = pytest.mark.interpreted

STEPS = 2.0 ** -np.arange(0.5, 40.0)
SLOPES = (np.exp(STEPS) - np.exp(-STEPS)) / (2.0 * STEPS)
BRANCHES = {"derivative", "its error bar", "central difference", "step chosen", "noise, as 1 / h", "truncation, as h²"}


def draw(figure):
    FigureCanvasAgg(figure).draw()  # warnings are errors
    return figure


def labels(figure):
    return {text.get_text() for legend in figure.legends for text in legend.get_texts()}


def line(axes, label):
    (found,) = (drawn for drawn in axes.lines if drawn.get_label() == label)
    return found


def ladder(steps=STEPS, slopes=SLOPES, **changes):
    options = {"derivative": 1.0, "error": 1e-13, "noise": 1e-16, "step": 0.1, "name": "x[3]"}
    return draw(plot_ladder(steps, slopes, **(options | changes)))


def test_a_ladder_shows_slopes_and_both_branches():
    figure = ladder()
    above, below = figure.axes
    assert labels(figure) == BRANCHES
    assert above.get_title() == "x[3]"
    assert (above.get_ylabel(), below.get_ylabel(), below.get_xlabel()) == (
        "slope",
        "distance to the derivative",
        "step h",
    )
    assert (below.get_xscale(), below.get_yscale(), above.get_xscale()) == ("log", "log", "log")
    assert above.get_xlim() == below.get_xlim()
    assert line(above, "step chosen").get_xdata()[0] == 0.1


def test_the_branches_lie_where_they_belong():
    below = ladder().axes[1]
    h, floor = line(below, "noise, as 1 / h").get_data()
    np.testing.assert_allclose(floor, 1e-16 / (math.sqrt(2) * h), rtol=1e-15)
    h, branch = line(below, "truncation, as h²").get_data()
    # The third derivative of exp at 0 is 1; half a percent for h**5 at the smallest steps that show it.
    np.testing.assert_allclose(branch, h**2 / 6, rtol=5e-3)


def test_steps_come_in_any_order():
    h, d = ladder(STEPS[::-1], SLOPES[::-1]).axes[0].lines[1].get_data()
    np.testing.assert_array_equal(h, STEPS[::-1])
    np.testing.assert_array_equal(d, SLOPES[::-1])


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"noise": 0.0}, {"noise, as 1 / h"}),
        ({"step": 0.0}, {"step chosen"}),
        ({"error": math.inf}, {"its error bar"}),
        ({"slopes": np.ones(40), "steps": STEPS[:40]}, {"truncation, as h²"}),
        ({"slopes": np.full(40, np.nan), "steps": STEPS[:40]}, {"truncation, as h²"}),
        ({"slopes": np.where(STEPS > 0.3, np.inf, SLOPES)}, set()),
    ],
    ids=["no noise", "no step", "no error bar", "exact", "not finite", "partly not finite"],
)
def test_what_there_is_not_is_not_drawn(changes, missing):
    assert labels(ladder(**changes)) == BRANCHES - missing


def test_steps_must_be_steps():
    with pytest.raises(ValueError, match=r"one entry per step, got shapes \(3,\) and \(2,\)"):
        ladder([0.1, 0.2], [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"steps must be above 0, got -0.1"):
        ladder([0.1, -0.1], [1.0, 1.0])


def test_panels_of_a_larger_figure():
    whole = Figure(figsize=(12, 5), layout="constrained")
    left, right = whole.subfigures(1, 2)
    check = check_gradient(lambda x: np.sin(x).sum(), np.cos, [0.5, 1.5])
    assert plot_ladder(STEPS, SLOPES, derivative=1.0, error=1e-13, noise=0.0, step=0.1, figure=left) is left
    assert plot_check(check, figure=right) is right
    draw(whole)
    assert len(whole.axes) == 3


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, Verdict.RIGHT), (1.01, Verdict.WRONG)])
def test_a_check_shows_remainders_and_two_guides(factor, verdict):
    check = check_gradient(lambda x: np.sin(x).sum(), lambda x: factor * np.cos(x), [0.5, 1.5], directions=3)
    figure = draw(plot_check(check))
    (axes,) = figure.axes
    assert axes.get_title() == verdict
    assert axes.get_ylabel() == "|f(x + t u) - f(x) - t g·u|"
    guides = {"as t: wrong, or a kink": 1.0, "as t²: right": 2.0}
    assert labels(figure) - {"noise of the loss"} == {"direction 0", "direction 1", "direction 2", *guides}
    for label, power in guides.items():
        t, guide = line(axes, label).get_data()
        np.testing.assert_allclose(np.diff(np.log(guide)) / np.diff(np.log(t)), power, rtol=1e-12)
    np.testing.assert_array_equal(line(axes, "direction 1").get_ydata(), check.remainders[1])


def test_a_check_of_a_loss_without_values_can_be_drawn():
    check = check_gradient(lambda x: math.nan, lambda x: x, [0.5])
    assert draw(plot_check(check)).axes[0].get_title() == Verdict.NOT_FINITE


def test_pyplot_is_not_imported():
    code = (
        "import sys, numpy as np\n"
        "from jitgrad.plotting import plot_ladder\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plot_ladder([0.1, 0.2], [1.0, 1.1], derivative=1.0, error=0.1, noise=0.0, step=0.1)\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
