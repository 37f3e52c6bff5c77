"""``python -m jitgrad info``."""

import subprocess
import sys

import llvmlite
import numba
import numpy as np
import pytest

import jitgrad
from jitgrad import info
from jitgrad.launch import cuda_state as cuda


@pytest.mark.parametrize(
    ("features", "bits"),
    [
        ({"sse2": True, "avx": True, "avx2": True, "avx512f": True}, 512),
        ({"sse2": True, "avx": True, "avx2": True, "avx512f": False}, 256),
        ({"sse2": True, "avx": True}, 256),
        ({"sse2": True}, 128),
        ({"neon": True}, 128),
        ({}, None),
    ],
)
def test_width_of_vectors(features, bits):
    assert info.vector_bits(features) == bits


def test_command_line():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "jitgrad", "info"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if not line.startswith(" "))
    assert rows["jitgrad"] == jitgrad.__version__
    assert rows["numba"] == numba.__version__
    assert rows["llvmlite"] == llvmlite.__version__
    assert rows["NumPy"] == np.__version__
    assert rows["Python"].startswith(".".join(map(str, sys.version_info[:3])))
    assert {"processor", "threads", "cache", "CUDA"} <= rows.keys()


def test_lines_are_short_and_aligned(monkeypatch, tmp_path):
    monkeypatch.setattr(info, "cache_folder", lambda: tmp_path / "x")
    lines = info.report().splitlines()
    assert all(len(line) <= 100 for line in lines if str(tmp_path) not in line)
    assert all(line[info._LABEL - 1] == " " != line[info._LABEL] for line in lines)


def test_files_in_the_cache_are_counted(tmp_path):
    assert info._cache(tmp_path / "absent").endswith("(0 files, 0.0 MB)")
    (tmp_path / "a.bin").write_bytes(bytes(1_500_000))
    assert info._cache(tmp_path).endswith("(1 file, 1.5 MB)")
    (tmp_path / "b.bin").write_bytes(b"")
    assert info._cache(tmp_path).endswith("(2 files, 1.5 MB)")


def test_threading_layer_is_named():
    assert info._layer() in {"tbb", "omp", "workqueue"}


def test_no_threading_layer(monkeypatch):
    def launch():
        raise ValueError("No threading layer could be loaded.")

    monkeypatch.setattr(info.numba_threads, "_launch_threads", launch)
    assert info._layer() == "none: No threading layer could be loaded."


def test_processor_that_llvm_does_not_know(monkeypatch):
    def features():
        raise RuntimeError("not implemented")

    monkeypatch.setattr(info.llvmlite.binding, "get_host_cpu_features", features)
    assert info._processor().endswith("width of vectors unknown")


def test_both_states_of_cuda(monkeypatch):
    monkeypatch.setattr(info, "cuda_state", lambda: cuda.CudaState(True, "1 device"))
    assert info._cuda() == "available: 1 device"
    monkeypatch.setattr(info, "cuda_state", lambda: cuda.CudaState(False, "no driver"))
    assert info._cuda() == "not available: no driver"
