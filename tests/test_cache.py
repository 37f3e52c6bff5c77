"""What is kept on disk: found by a second process, never stale, and no more than once."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit, types

from jitgrad.loss import cache
from jitgrad.loss.fingerprint import FingerprintError, fingerprint

DOUBLES = (types.Array(types.float64, 1, "C"),)

PROGRAM = """
import sys
import numpy as np
import jitgrad as jg
from jitgrad.loss import compiled
from jitgrad.loss import cache
from pathlib import Path
cache.cache_folder = lambda: Path(sys.argv[1])  # the drivers stay in the folder of the whole test run
from user_code import loss
before = compiled.compile_for
def compile_for(*args):
    print("compiled")
    return before(*args)
compiled.compile_for = compile_for
print(jg.grad_cpu(loss, np.array([1.0, 2.0]), vectorize="off").round(5).tolist())
"""

# A checkout that is not installed is found by the processes too.
PATHS = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def run(folder, source, **modules):
    (folder / "user_code.py").write_text("from numba import njit\nimport numpy as np\n" + source)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-B", "-c", PROGRAM, str(folder / "cache")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *PATHS])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    *compiled, gradient = result.stdout.splitlines()
    return bool(compiled), eval(gradient)


def numba_folder():
    return Path(os.environ["NUMBA_CACHE_DIR"])


def kept(folder):
    return sorted((folder / "cache").glob("*"))


def test_second_process_compiles_nothing_and_the_folder_stays(tmp_path):
    source = "@njit\ndef loss(x):\n    return (x * x).sum()\n"
    assert run(tmp_path, source) == (True, [2.0, 4.0])
    files = kept(tmp_path)
    assert len(files) == 1
    everything = sum(1 for _ in numba_folder().rglob("*"))
    for _ in range(2):
        assert run(tmp_path, source) == (False, [2.0, 4.0])
    assert kept(tmp_path) == files
    assert sum(1 for _ in numba_folder().rglob("*")) == everything
    # Moved down by a comment, it is still the same loss.
    assert run(tmp_path, "# a comment\n" + source) == (False, [2.0, 4.0])


SQUARES = "@njit\ndef loss(x):\n    return {} * (x * x).sum()\n"
EDITS = {
    "body": SQUARES,
    "global number": "SCALE = {}\n" + SQUARES.format("SCALE"),
    "global array": "W = np.array([{}])\n" + SQUARES.format("W[0]"),
    "helper": "@njit\ndef f():\n    return {}\n" + SQUARES.format("f()"),
    "closure": (
        "def make(s):\n    @njit\n    def loss(x):\n        return s * (x * x).sum()\n    return loss\n"
        "loss = make({})\n"
    ),
    "default": SQUARES.format("s").replace("(x)", "(x, s={})"),
    "inner function": SQUARES.format("f()").replace("    return", "    def f():\n        return {}\n    return"),
    "named tuple": (
        "from collections import namedtuple\nP = namedtuple('P', 'a b')\nC = P({}, 0.0)\n" + SQUARES.format("C.a")
    ),
    "enum": "import enum\nclass E(enum.IntEnum):\n    A = int({})\n" + SQUARES.format("(E.A + 0)"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_noticed(tmp_path, name):
    template, before, after = EDITS[name], "1.0", "3.0"
    assert run(tmp_path, template.format(before)) == (True, [2.0, 4.0])
    assert run(tmp_path, template.format(after)) == (True, [6.0, 12.0])
    assert run(tmp_path, template.format(before)) == (False, [2.0, 4.0])


def test_an_edit_of_a_module_that_the_loss_reads_from_is_noticed(tmp_path):
    source = "import settings\n@njit\ndef loss(x):\n    return settings.SCALE * (x * x).sum()\n"
    assert run(tmp_path, source, settings="SCALE = 1.0\n") == (True, [2.0, 4.0])
    assert run(tmp_path, source, settings="SCALE = 3.0\n") == (True, [6.0, 12.0])


def test_a_function_that_was_called_before_is_not_kept(tmp_path):
    """Its machine code holds the global as it was then; the fingerprint would hold it as it is now."""
    source = (
        "SCALE = 1.0\n@njit\ndef helper(v):\n    return SCALE * v\nhelper(1.0)\n{}"
        "@njit\ndef loss(x):\n    return helper((x * x).sum())\n"
    )
    assert run(tmp_path, source.format("SCALE = 3.0\n")) == (True, [2.0, 4.0])
    assert kept(tmp_path) == []
    assert run(tmp_path, source.format("").replace("helper(1.0)\n", "").replace("1.0\n", "3.0\n")) == (
        True,
        [6.0, 12.0],
    )


def test_a_function_among_the_arguments_is_called_by_the_next_process(tmp_path):
    source = """
@njit
def square(v):
    return v * v
@njit
def loss(x, f=square):
    return f(x[0]) + f(x[1])
"""
    assert run(tmp_path, source) == (True, [2.0, 4.0])
    assert run(tmp_path, source) == (False, [2.0, 4.0])


def test_damaged_files_are_replaced(tmp_path):
    source = "@njit\ndef loss(x):\n    return (x * x).sum()\n"
    run(tmp_path, source)
    (file,) = kept(tmp_path)
    # The last calls len(), which raises a TypeError.
    for content in (b"", b"nonsense", file.read_bytes()[:100], pickle.dumps((1, 2)), b"cbuiltins\nlen\n(tR."):
        file.write_bytes(content)
        assert run(tmp_path, source) == (True, [2.0, 4.0])
    assert run(tmp_path, source) == (False, [2.0, 4.0])


def test_where_the_folder_cannot_be_written_the_loss_still_works(tmp_path):
    (tmp_path / "cache").write_text("a file in the way")
    assert run(tmp_path, "@njit\ndef loss(x):\n    return (x * x).sum()\n") == (True, [2.0, 4.0])


def test_addresses_of_this_process_are_never_kept(tmp_path):
    # numba embeds the address of a large writeable global array in the machine code.
    source = "BIG = np.ones(200_000)\n@njit\ndef loss(x):\n    return BIG[7] * (x * x).sum()\n"
    for _ in range(2):
        assert run(tmp_path, source) == (True, [2.0, 4.0])
    assert kept(tmp_path) == []


def test_the_oldest_files_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "KEPT_FILES", 3)
    for age in range(6):
        file = tmp_path / f"{age}.bin"
        file.touch()
        os.utime(file, (1e9 - age, 1e9 - age))
    cache._remove_oldest(tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["0.bin", "1.bin", "2.bin"]


def test_what_cannot_be_digested_is_said():
    class Opaque:
        pass

    thing = Opaque()

    @njit
    def loss(x):
        return x[0] if thing else 0.0

    with pytest.raises(FingerprintError, match="Opaque"):
        fingerprint(loss, DOUBLES)
    with pytest.raises(FingerprintError, match="argument type"):
        fingerprint(njit(lambda x, a: 0.0), (*DOUBLES, types.slice2_type))


def test_recursion_has_a_fingerprint():
    @njit
    def loss(x):
        return 0.0 if x.size == 0 else x[0] + loss(x[1:])

    assert fingerprint(loss, DOUBLES) == fingerprint(loss, DOUBLES)
    assert fingerprint(loss, DOUBLES) != fingerprint(loss, (types.Array(types.float32, 1, "C"),))


def test_kinds_of_constants_are_told_apart():
    digests = set()
    for constant in (
        1,
        1.0,
        True,
        "1",
        b"1",
        (1,),
        ((1,),),
        None,
        np.float32(1),
        np.int8(1),
        np.ones(1),
        np.ones((1, 1)),
        1j,
    ):
        f = njit(eval("lambda x: f(x) if c is None else 0.0", {"c": constant, "f": np.sum}))
        digests.add(fingerprint(f, DOUBLES))
    assert len(digests) == 13


def test_folder_follows_numba(monkeypatch, tmp_path):
    monkeypatch.setattr(cache.config, "CACHE_DIR", str(tmp_path))
    assert cache.cache_folder() == tmp_path / "jitgrad-losses"
    monkeypatch.setattr(cache.config, "CACHE_DIR", "")
    assert isinstance(cache.cache_folder(), Path)
    assert "jitgrad" in str(cache.cache_folder())
