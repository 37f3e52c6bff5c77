"""Translated PTX to a loaded library, compiled once for the same text."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from cuda_tools.ptx_machine.translate import RUNTIME

# -O1: -O0 compiles hardly faster (0.2 s of 0.3 s are not the optimiser's) and runs several times slower. Without
# contraction, as fma is written in PTX.
FLAGS = ("-O1", "-march=native", "-ffp-contract=off", "-fwrapv", "-fno-strict-aliasing", "-w", "-shared", "-fPIC")


@cache
def folder() -> Path:
    """Where libraries are kept: that of the test run, where there is one."""
    parent = os.environ.get("JITGRAD_TEST_CACHE")
    if parent:
        kept = Path(parent) / "ptx_machine"
        kept.mkdir(parents=True, exist_ok=True)
        return kept
    return Path(tempfile.mkdtemp(prefix="ptx-machine-"))


@cache
def compiler() -> str:
    """The C compiler, which has to be GCC or understand what it does."""
    found = shutil.which("gcc")
    if found is None:
        raise FileNotFoundError("running PTX on the CPU needs gcc, which is not on the path. Install it.")
    return found


def build(code: str) -> ctypes.PyDLL:
    """Compile and load. The library holds Python's lock while it runs: its state is one for the process."""
    digest = hashlib.sha256("\0".join([code, RUNTIME.read_text(), *FLAGS]).encode()).hexdigest()[:32]
    library = folder() / f"{digest}.so"
    if not library.exists():
        source = library.with_suffix(f".{os.getpid()}.c")
        source.write_text(code)
        made = source.with_suffix(".so")
        command = [compiler(), *FLAGS, "-I", str(RUNTIME.parent), str(source), "-o", str(made), "-lm"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise RuntimeError(f"gcc does not take the translation {source}:\n{answer.stderr[:2000]}")
        source.unlink()
        # Another process may be making the same one.
        made.replace(library)
    return ctypes.PyDLL(str(library))
