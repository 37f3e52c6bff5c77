"""One object, pickled once, with its large arrays beside the pickle, so that they need not be copied on their way."""

from __future__ import annotations

import mmap
import os
import pickle
from pathlib import Path
from typing import Any
from uuid import uuid4

from jitgrad.launch.workers.blame import refuse
from jitgrad.launch.workers.extras import pickler

ALIGNMENT = 64
"""Where arrays begin in a file, in bytes: a cache line, which is also what NumPy's own loops like best."""


class Parcel:
    """A pickled object.

    Parameters
    ----------
    token : str
        Names the object; workers remember what they have unpacked by it.
    stream : bytes-like
        The pickle, without its arrays.
    buffers : list of bytes-like
        Their contents: views of the caller's arrays where it was packed.
    """

    def __init__(self, token: str, stream: Any, buffers: list[Any]) -> None:
        self.token = token
        self._stream = stream
        self._buffers = buffers

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # Engines that know of buffers get them as such and move them without a copy; below protocol 5 nobody does.
        wrap = pickle.PickleBuffer if protocol >= 5 else bytes
        return Parcel, (self.token, wrap(self._stream), [wrap(b) for b in self._buffers])

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return sum(memoryview(part).nbytes for part in (self._stream, *self._buffers))

    def unpack(self) -> Any:
        """Make the object."""
        return pickle.loads(self._stream, buffers=self._buffers)

    def write(self, path: Path) -> None:
        """Write it to a file."""
        parts = [memoryview(part) for part in (self._stream, *self._buffers)]
        sizes = pickle.dumps([(part.nbytes, part.readonly) for part in parts])
        with path.open("wb") as file:
            file.write(len(sizes).to_bytes(8, "little") + sizes)
            for part in parts:
                file.write(bytes(-file.tell() % ALIGNMENT))
                file.write(part)


def pack(value: Any) -> Parcel:
    """Pickle an object.

    Raises
    ------
    TypeError
        If that cannot be done; the message says which part of it is to blame.
    """
    buffers: list[Any] = []
    tool = pickler()
    try:
        stream = tool.dumps(value, protocol=5, buffer_callback=lambda buffer: buffers.append(buffer.raw()))
    except Exception as error:  # noqa: BLE001 - __reduce__ may raise anything
        refuse(value, tool, error)
    return Parcel(uuid4().hex, stream, buffers)


def read(token: str, path: str) -> Parcel:
    """Read a file that `Parcel.write` made.

    Where the system allows it the file is mapped: processes of one machine share its pages, and an array that a loss
    writes to is copied page by page (ACCESS_COPY).
    """
    with Path(path).open("rb") as file:
        # A file that is mapped cannot be removed on Windows.
        whole = bytearray(file.read()) if os.name == "nt" else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    content = memoryview(whole)
    at = 8 + int.from_bytes(content[:8], "little")
    parts = []
    for size, readonly in pickle.loads(content[8:at]):
        at += -at % ALIGNMENT
        part = content[at : at + size]
        parts.append(part.toreadonly() if readonly else part)
        at += size
    return Parcel(token, parts[0], parts[1:])
