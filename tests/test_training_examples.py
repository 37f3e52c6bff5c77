"""The examples of surrogate training run, and reach what they promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.frameworks
ROOT = Path(__file__).parent.parent
NUMBER = r"([\d.e+-]+)"


def printed_by(name, picture):
    command = [sys.executable, str(ROOT / "examples" / name), "--save", str(picture)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    finished = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    assert picture.read_bytes().startswith(b"\x89PNG")
    return finished.stdout


def test_a_simulator_is_controlled(tmp_path):
    printed = printed_by("control_simulator.py", tmp_path / "picture.png")
    found = re.findall(rf"distance {NUMBER} -> {NUMBER} with (\d+) evaluations", printed)
    (_, differences, many), (untrained, surrogate, few) = [tuple(map(float, line)) for line in found]
    # From 0.36: a tenth by differences, and a sixth by the surrogate with a thirtieth of the evaluations.
    assert differences < 0.1 * untrained
    assert surrogate < untrained / 6
    assert few < many / 30


def test_something_slow_is_asked_less_often(tmp_path):
    printed = printed_by("control_slow_program.py", tmp_path / "picture.png")
    found = re.findall(rf"error {NUMBER} after (\d+) evaluations", printed)
    (differences, many), (surrogate, few) = [tuple(map(float, line)) for line in found]
    assert max(differences, surrogate) < 2.05e-3  # two digits are printed
    assert few < many / 5
