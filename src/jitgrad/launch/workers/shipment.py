"""Ways in which an object gets to the workers, each of them once per worker and not once per task."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias
from uuid import uuid4

from jitgrad.launch.workers.parcel import Parcel, pack

SMALL = 65_536
"""Bytes that travel with every task: as much as a pipe takes at once, and copied in less time than a file is opened."""


class Unpackable(Protocol):
    """What a worker makes an object of."""

    def unpack(self) -> Any:
        """Make the object."""
        ...


class Ticket(NamedTuple):
    """What a task says of an object that it needs.

    Attributes
    ----------
    token : str
        Names the object.
    path : str or None
        A file that holds it.
    parcel : Unpackable or None
        The object itself.
    """

    token: str
    path: str | None
    parcel: Unpackable | None


class Shipment(Protocol):
    """An object on its way to the workers."""

    def ticket(self, *, whole: bool) -> Ticket:
        """Return what a task says of it; with `whole` the object itself, for a worker that could not find it."""
        ...

    @property
    def remote(self) -> Any | None:
        """What stands for it among the arguments of a task, where the engine knows a way of its own."""
        ...

    def close(self) -> None:
        """Remove what was laid down for it."""
        ...


Send: TypeAlias = Callable[[Any], Shipment]


class Handed:
    """Given as it is, to threads of this process."""

    remote = None

    def __init__(self, value: Any) -> None:
        self._value = value
        self._token = uuid4().hex

    def unpack(self) -> Any:
        """Return the object."""
        return self._value

    def ticket(self, *, whole: bool) -> Ticket:  # noqa: ARG002 - it always is
        """Return a ticket with the object."""
        return Ticket(self._token, None, self)

    def close(self) -> None:
        """Do nothing."""


class Carried:
    """Travels with every task, and is unpacked once per worker."""

    remote = None

    def __init__(self, parcel: Parcel) -> None:
        self._parcel = parcel

    def ticket(self, *, whole: bool) -> Ticket:  # noqa: ARG002 - it always is
        """Return a ticket with the object."""
        return Ticket(self._parcel.token, None, self._parcel)

    def close(self) -> None:
        """Do nothing."""


class Filed:
    """Laid down in a file, for processes that see the same disk; others answer that they miss it and get it whole."""

    remote = None

    def __init__(self, parcel: Parcel) -> None:
        self._parcel = parcel
        self._folder = Path(tempfile.mkdtemp(prefix="jitgrad-"))
        self._path = self._folder / parcel.token
        try:
            parcel.write(self._path)
        except BaseException:
            self.close()
            raise

    def ticket(self, *, whole: bool) -> Ticket:
        """Return a ticket with the path."""
        return Ticket(self._parcel.token, str(self._path), self._parcel if whole else None)

    def close(self) -> None:
        """Remove the file; what workers have mapped of it stays readable."""
        shutil.rmtree(self._folder, ignore_errors=True)


def by_file(value: Any) -> Shipment:
    """Send an object to processes: with the tasks if it is small, else as a file."""
    parcel = pack(value)
    return Carried(parcel) if parcel.nbytes <= SMALL else Filed(parcel)
