"""The examples with PyTorch and Keras run, draw, and reach what they promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.frameworks

ROOT = Path(__file__).parent.parent
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def printed_by(tmp_path):
    def run(name):
        picture = tmp_path / "picture.png"
        command = [sys.executable, str(ROOT / "examples" / name), "--save", str(picture)]
        finished = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
        assert finished.returncode == 0, finished.stderr
        content = picture.read_bytes()
        assert content.startswith(PNG)
        assert len(content) < 80_000
        return finished.stdout

    return run


def trained_with(printed):
    return {name: float(value) for name, value in re.findall(r"trained with (.+?) +(\d\.\d+)", printed)}


def largest_derivatives(printed):
    return [float(value) for value in re.findall(r"largest derivative ([\d.]+)", printed)]


def test_keras_learns_f2_itself(printed_by):
    printed = printed_by("keras_metric.py")
    tiny, wide = largest_derivatives(printed)
    assert tiny == 0.0  # the metric is a staircase
    assert wide > 0.0
    f2 = trained_with(printed)
    assert len(f2) == 3
    # What the issue asks: at least what the smooth losses reach. The splits are the same for all, and one 8 of the 90
    # held out is worth 0.01; the lead is of two or three of them, so a library that rounds otherwise does not undo it.
    assert f2["F2 itself"] >= max(f2["cross entropy"], f2["smooth F2, by hand"])


def test_pytorch_learns_an_area_of_ranks(printed_by):
    printed = printed_by("torch_metric.py")
    tiny, wide = largest_derivatives(printed)
    assert tiny == 0.0
    assert wide > 0.0
    missing = trained_with(printed)
    assert len(missing) == 4
    # Losses that are not about few false alarms leave a half more of the area missing; a fifth is asked for.
    for name in ("cross entropy", "all pairs, by hand"):
        assert missing["the metric itself"] < missing[name] / 1.2
    # The loss that was made for this metric is as good; of 20 detectors the mean is known to some per cent.
    assert missing["the metric itself"] < 1.1 * missing["worst pairs, by hand"]


def test_a_million_weights_are_repaired(printed_by):
    printed = printed_by("spsa_million.py")
    assert int(re.search(r"^(\d+) weights", printed).group(1)) >= 1_000_000
    shares = re.findall(r"(\d+) evaluations: +([\d.]+)% wrong, +([\d.]+)% of the digits held out", printed)
    evaluations, training, held_out = zip(*[[float(number) for number in row] for row in shares], strict=True)
    assert evaluations[0] == 0
    assert evaluations[-1] == 480
    # The page says "from 23 % to 7 %", a third; half is asked for, since another release of PyTorch trains another
    # network, and with 897 digits a share is known to one per cent. Networks trained longer, or rounded less coarsely,
    # were seen to be repaired from 18 % to 5 % and from 10 % to 5 %.
    assert held_out[0] > 15.0  # there is something to repair
    assert held_out[-1] < 0.5 * held_out[0]
    assert training[-1] < 0.5 * training[0]
