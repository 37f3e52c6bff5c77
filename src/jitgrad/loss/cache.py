"""Machine code of losses on disk, one file per fingerprint."""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from numba import config
from numba.core import serialize
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target
from numba.misc.appdirs import AppDirs

from jitgrad._jit import package_stamp
from jitgrad.loss.effects import Effects
from jitgrad.loss.lanes.compiled import Refused

KEPT_FILES = 2000
"""More files than this, and the ones used longest ago are removed."""


def cache_folder() -> Path:
    """Return the folder that holds the machine code of losses; it need not exist.

    It follows ``NUMBA_CACHE_DIR`` and lies in the user's cache folder otherwise.
    """
    base = config.CACHE_DIR or AppDirs("jitgrad", appauthor=False).user_cache_dir
    return Path(base) / "jitgrad-losses"


class Kept(NamedTuple):
    """What is kept of a loss: its numba CompileResult, its effects, and the machine code of its shim.

    Of a version for lanes whether it shares products, and no effects; of a loss that cannot take lanes, the reason in
    place of the result.
    """

    result: Any
    effects: Effects | None
    shim: Any
    shares: bool = False


def load(key: str) -> Kept | None:
    """Return what is kept under `key`, or None."""
    path = _path(key)
    try:
        reduced, effects, shim, shares = pickle.loads(path.read_bytes())
        os.utime(path)  # used just now: the last to be removed
    except Exception:  # noqa: BLE001  # absent or damaged, in whatever way: compiled anew
        return None
    if isinstance(reduced, Refused):
        return Kept(reduced, effects, shim, shares)
    return Kept(CompileResult._rebuild(cpu_target.target_context, *reduced), effects, shim, shares)


def save(key: str, kept: Kept) -> None:
    """Keep a loss under `key`; do nothing where it cannot be kept.

    Code that contains addresses of this process or calls back into Python is left out, as numba does.
    """
    refused = isinstance(kept.result, Refused)
    if not refused and (kept.result.library.has_dynamic_globals or kept.result.lifted):
        return
    folder = cache_folder()
    try:
        content = serialize.dumps((kept.result if refused else kept.result._reduce(), *kept[1:]))
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, _path(key), content)
        _remove_oldest(folder)
    except Exception:  # noqa: BLE001  # pickling runs code of the user's objects, which may raise anything
        return  # that, or a read-only or full disk: the loss stays in memory


def _path(key: str) -> Path:
    """Name the file of a fingerprint, for this processor and this state of jitgrad's own sources."""
    magic = cpu_target.target_context.codegen().magic_tuple()
    name = hashlib.sha256(repr((key, magic, package_stamp())).encode()).hexdigest()[:40]
    return cache_folder() / f"{name}.bin"


def _write(folder: Path, path: Path, content: bytes) -> None:
    """Write a file so that other processes see all of it or nothing."""
    handle, temporary = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.bin"), key=lambda file: file.stat().st_mtime)
    for file in files[: max(0, len(files) - KEPT_FILES)]:
        file.unlink(missing_ok=True)
