"""The examples run, and reach what they promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


def printed_by(name, *arguments):
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    finished = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert finished.returncode == 0, finished.stderr
    return finished


@pytest.mark.parametrize("engine", [(), ("--dask",)], ids=["processes", "dask"])
def test_an_external_program_is_calibrated(engine):
    printed = printed_by("calibrate_program.py", *engine).stdout
    found = re.findall(r"([\d.]+) per day, ([\d.]+) in truth", printed)
    assert len(found) == 3
    for rate, truth in found:
        assert float(rate) == pytest.approx(float(truth), rel=1e-3)


def test_a_jitted_loss_on_a_cluster_shows_its_bar():
    n = 20_000  # a fifth of the example's own, for the sake of time
    finished = printed_by("cluster_of_a_jitted_loss.py", "--coordinates", str(n))
    assert f"{2 * n}/{2 * n}" in finished.stderr
    error = float(re.search(r"largest error ([\d.e+-]+)", finished.stdout).group(1))
    assert error < 1e-6
