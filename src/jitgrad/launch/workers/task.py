"""What runs in a worker: find the loss, evaluate a block of probes, answer."""

from __future__ import annotations

import pickle
import threading
import traceback
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.launch.probes import Probes
from jitgrad.launch.workers.extras import pickler
from jitgrad.launch.workers.parcel import Parcel, read
from jitgrad.launch.workers.shipment import Ticket

KEPT = 8
"""Objects that a worker keeps: losses and points of a few gradients that run at the same time."""

_kept: OrderedDict[str, Any] = OrderedDict()
_lock = threading.RLock()


class MissingError(Exception):
    """A worker cannot see the file that it was told to read."""


class Task(NamedTuple):
    """A block of probes.

    Attributes
    ----------
    start : int
        Place of its first probe in the whole list.
    work : Ticket
        The `Work`.
    shared : Ticket or None
        Points and directions, where they are too large to travel with each block.
    probes : Probes
    forgive : bool
    """

    start: int
    work: Ticket
    shared: Ticket | None
    probes: Probes
    forgive: bool


class Failed(NamedTuple):
    """An exception, in a form that any engine can send.

    Attributes
    ----------
    probe : int
        Place in the block.
    error : bytes or Exception
        Pickled, unless it was raised in the caller's process.
    trace : str
    """

    probe: int
    error: bytes | Exception
    trace: str


class Answer(NamedTuple):
    """What a worker says of a block.

    Attributes
    ----------
    start, stop : int
        The block, by places in the whole list.
    values : ndarray of float64 or None
        None if the worker found no file with the loss or the points: the block was not evaluated.
    seconds : float
    failed : Failed or None
    """

    start: int
    stop: int
    values: FloatArray | None
    seconds: float
    failed: Failed | None


def run_task(task: Task, *parcels: Parcel) -> Answer:
    """Evaluate a block; `parcels` are objects that the engine brought by itself."""
    count = task.probes.point.size
    stop = task.start + count
    brought = {parcel.token: parcel for parcel in parcels}
    try:
        work = _fetch(task.work, brought)
        probes = task.probes
        if task.shared is not None:
            points, directions = _fetch(task.shared, brought)
            probes = probes._replace(points=points, directions=directions)
    except MissingError:
        return Answer(task.start, stop, None, 0.0, None)
    except Exception as error:  # noqa: BLE001 - what unpickling runs may raise anything
        error.add_note("jitgrad: raised in a worker while it unpickled the loss and its arguments.")
        return _nothing(task, stop, Failed(0, _pickled(error), traceback.format_exc()))
    try:
        reply = work.run(probes, forgive=task.forgive)
    except BaseException as error:  # noqa: BLE001 - SystemExit would end a worker of some engines and hang others
        substitute = RuntimeError(
            f"a loss in a worker must return or raise an Exception, but {type(error).__name__}({error}) was raised in "
            f"evaluations {task.start} to {stop - 1}. Raise an ordinary exception."
        )
        return _nothing(task, stop, Failed(0, _pickled(substitute), traceback.format_exc()))
    failed = None
    if reply.failure is not None:
        probe, raised, trace = reply.failure
        away = task.work.parcel is None or isinstance(task.work.parcel, Parcel)
        failed = Failed(probe, _pickled(raised, trace) if away else raised, trace)
    return Answer(task.start, stop, reply.values, reply.seconds, failed)


def _nothing(task: Task, stop: int, failed: Failed) -> Answer:
    return Answer(task.start, stop, np.full(stop - task.start, np.nan), 0.0, failed)


def _fetch(ticket: Ticket, brought: dict[str, Parcel]) -> Any:
    """Return an object, made the first time this process meets its name."""
    # Threads of one worker wait for each other, so that none makes it a second time.
    with _lock:
        if ticket.token in _kept:
            _kept.move_to_end(ticket.token)
            return _kept[ticket.token]
        parcel = brought.get(ticket.token, ticket.parcel)
        if parcel is None:
            parcel = _from_file(ticket)
        # Otherwise it belongs to a thread of this process, which keeps it.
        return keep(parcel) if isinstance(parcel, Parcel) else parcel.unpack()


def keep(parcel: Parcel) -> Any:
    """Make an object and remember it in this process."""
    with _lock:
        value = _kept[parcel.token] = parcel.unpack()
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return value


def forget(token: str) -> None:
    """Let an object go."""
    with _lock:
        _kept.pop(token, None)


def _from_file(ticket: Ticket) -> Parcel:
    try:
        return read(ticket.token, ticket.path or "")
    except OSError:
        raise MissingError from None


def _pickled(error: Exception, trace: str = "") -> bytes:
    """Pickle an exception, or else one that says what it was: many cannot be made again from their arguments."""
    tool = pickler()
    try:
        pickled: bytes = tool.dumps(error)
        pickle.loads(pickled)
    except Exception:  # noqa: BLE001 - an exception of the user's may do anything here
        text = f"{type(error).__qualname__}: {error}"
        pickled = pickle.dumps(RuntimeError(f"{text} (an exception that cannot be pickled)\n{trace}".rstrip()))
    return pickled
