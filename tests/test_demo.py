"""``python -m jitgrad demo``."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jitgrad
from jitgrad import demo
from jitgrad.__main__ import main
from jitgrad.demo import fit, pelts, picture, timing


@pytest.fixture(scope="module")
def fits():
    return fit.compare(rounds=1)


@pytest.fixture(scope="module")
def timings():
    return timing.compare(rounds=2)


def test_the_record():
    assert pelts.PELTS.shape == (21, 2)
    assert pelts.PELTS[0].tolist() == [30, 4]
    assert pelts.PELTS[-1].tolist() == [24.7, 8.6]
    assert pelts.YEARS[[0, -1]].tolist() == [1900, 1920]


def test_the_start_is_poor():
    ratios = pelts.START[:4] / list(pelts.PUBLISHED.values())
    assert np.abs(np.log2(ratios)).min() >= 1


def test_every_fit_finds_the_published_rates(fits):
    published = np.array([pelts.PUBLISHED[name] for name in pelts.PARAMETERS[:4]])
    for found in fits:
        np.testing.assert_allclose(found.parameters[:4], published, rtol=0.1)
        assert found.gradient < 1e-3
        assert found.loss < -42.74


@pytest.mark.parametrize("seed", range(5))
def test_starts_nearby_lead_to_the_same_fit(seed, fits):
    from scipy.optimize import minimize

    gradient = jitgrad.gradient_of(pelts.loss)
    start = np.log(pelts.START) + np.random.default_rng(seed).normal(0, 0.1, 8)
    result = minimize(
        gradient.value_and_grad, start, args=(np.log(pelts.PELTS),), jac=True, method="L-BFGS-B", options=fit._OPTIONS
    )
    np.testing.assert_allclose(np.exp(result.x), fits[0].parameters, rtol=1e-4)


def test_the_steps_are_small_enough(fits):
    from scipy.integrate import solve_ivp

    alpha, beta, gamma, delta, *first = fits[0].parameters[:6]

    def slopes(_t, state):
        hares, lynxes = state
        return (alpha - beta * lynxes) * hares, (delta * hares - gamma) * lynxes

    times, populations = pelts.curves(fits[0].parameters)
    solution = solve_ivp(slopes, (1900, 1920), first, t_eval=times, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(populations, solution.y.T, rtol=1e-5)


def test_loss_solves_the_equations_as_the_picture_does():
    observed = np.log(pelts.PELTS)
    times, populations = pelts.curves(pelts.START)
    assert times[:: pelts.STEPS_PER_YEAR].tolist() == pelts.YEARS.tolist()
    residuals = np.log(populations[:: pelts.STEPS_PER_YEAR]) - observed
    expected = 0.5 * (residuals**2).sum()  # both sigmas are 1 at the start
    assert pelts.loss(np.log(pelts.START), observed) == pytest.approx(expected, rel=1e-12)


def test_evaluations_are_counted(fits):
    jit, alone, two, three = fits
    assert jit.evaluations % 17 == alone.evaluations % 17 == 0
    assert two.evaluations % 9 == 0
    assert three.evaluations % 17 == 0


def test_report_of_the_fit(fits):
    text = fit.introduction() + fit.report(fits)
    assert all(len(line) <= 100 for line in text.splitlines())
    assert all(name in text for name in pelts.PARAMETERS)
    assert all(f.name in text for f in fits)


def test_gradients_are_right_and_counted(timings):
    from scipy.optimize import rosen_der

    n = timing.COORDINATES
    assert [t.evaluations for t in timings] == [2 * n + 1, 2 * n, n + 1, 2 * n + 1]
    # Steps of Auto follow x down, and rounding of the loss over the smallest step is what is left of the digits.
    x = np.random.default_rng(0).uniform(-2.0, 2.0, n)  # as the timing draws it
    eps = np.finfo(np.float64).eps
    rounding = eps * timing.rosenbrock(x) / (4.0 * eps ** (1 / 3) * np.abs(x).min() * np.abs(rosen_der(x)).max())
    limits = (rounding, 1e-7, 1e-4, 1e-7)
    assert [t.error < limit for t, limit in zip(timings, limits, strict=True)] == [True] * 4


def test_report_of_the_timing(timings):
    text = timing.introduction() + timing.report(timings)
    assert all(len(line) <= 100 for line in text.splitlines())
    assert all(t.name in text for t in timings)
    assert " 1.00 " in text


@pytest.mark.parametrize("name", ["fit.png", "fit.svg"])
def test_picture(name, tmp_path):
    picture.draw(pelts.START, tmp_path / name)
    assert (tmp_path / name).stat().st_size > 10_000


def test_whole_demo(fits, timings, tmp_path, monkeypatch, capsys):
    # What it computes is tested above; here, that the parts come in order.
    monkeypatch.setattr(fit, "compare", lambda: fits)
    monkeypatch.setattr(timing, "compare", lambda: timings)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    path = tmp_path / "fit.png"
    assert main(["demo", "--picture", str(path)]) == 0
    assert path.stat().st_size > 10_000
    out = capsys.readouterr().out
    assert out.index("1. A FIT") < out.index("published") < out.index(str(path)) < out.index("2. A TIMING")


def test_folder_that_is_not_there(tmp_path, capsys):
    assert main(["demo", "--picture", str(tmp_path / "absent" / "fit.png")]) == 1
    assert "existing folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["fit", "fit.txt"])
def test_format_that_is_not_known(name, tmp_path):
    problem = demo.obstacle(tmp_path / name)
    assert problem is not None
    assert ".png" in problem


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (["scipy"], "the demo needs SciPy, not"),
        (["matplotlib"], "the demo needs Matplotlib, not"),
        (["scipy", "matplotlib"], "the demo needs SciPy and Matplotlib, not"),
    ],
    ids=["scipy", "matplotlib", "both"],
)
def test_missing_extra(missing, words, tmp_path):
    script = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({missing!r}))
sys.argv = ["jitgrad", "demo"]
runpy.run_module("jitgrad", run_name="__main__", alter_sys=True)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
    assert 'pip install "jitgrad[demo]"' in done.stderr
    assert not list(Path(tmp_path).iterdir())


def test_no_subcommand(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "demo" in capsys.readouterr().err
