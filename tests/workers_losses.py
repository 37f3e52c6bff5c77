"""Losses for the tests of workers, in a module of their own, so that any process can import them."""

from __future__ import annotations

import os
import threading
import time
import traceback
from pathlib import Path

import numpy as np

from jitgrad.launch.failure import probe_point
from jitgrad.launch.probes import replaced
from jitgrad.launch.work import Failure, Reply
from jitgrad.launch.workers import task
from jitgrad.launch.workers.accept import crew_of
from jitgrad.launch.workers.evaluate import employed
from jitgrad.launch.workers.parcel import Parcel


class Called:
    """A `Work` that calls ``function(x, *args)`` for one probe after the other."""

    def __init__(self, function, *args):
        self.function = function
        self.args = args

    def run(self, probes, *, forgive=False):
        before = time.perf_counter()
        values = np.full(probes.point.size, np.nan)
        for k in range(values.size):
            try:
                values[k] = self.function(probe_point(probes, k), *self.args)
            except Exception as error:  # noqa: BLE001 - it leaves with the reply
                if not forgive:
                    return Reply(values, time.perf_counter() - before, Failure(k, error, traceback.format_exc()))
        return Reply(values, time.perf_counter() - before, None)


class Counted:
    """A large array that leaves a file each time it is pickled or unpickled: `folder` counts them by process."""

    def __init__(self, folder, size):
        self.folder = str(folder)
        self.data = np.ones(size)

    def __getstate__(self):
        note(self.folder, "pickled")
        return self.__dict__

    def __setstate__(self, state):
        self.__dict__.update(state)
        note(self.folder, "unpickled")


def note(folder, word):
    with (Path(folder) / f"{word}-{os.getpid()}").open("a") as file:
        file.write("x")


def notes(folder, word):
    """How often `word` was noted, for each process."""
    return sorted(path.stat().st_size for path in Path(folder).glob(f"{word}-*"))


ARRIVED = []
"""Sizes of the parcels that were made in this process since `count_parcels`: of each that was sent here."""


def count_parcels():
    made = Parcel.__init__

    def counted(self, token, stream, buffers):
        made(self, token, stream, buffers)
        ARRIVED.append(self.nbytes)

    Parcel.__init__ = counted


def arrived(least):
    return sum(size >= least for size in ARRIVED)


def forget_all():
    task._kept.clear()


def kept():
    return len(task._kept)


class OddError(Exception):
    """Cannot be made again from its arguments."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Hidden(Exception):
    """Cannot be pickled."""

    def __init__(self):
        super().__init__("hidden")
        self.lock = threading.Lock()


def curved(x):
    return float(np.sum(np.sin(x) + x * x))


def slow(x, seconds):
    time.sleep(seconds)
    return curved(x)


def with_data(x, counted):
    return float(np.sum(x)) * counted.data[-1]


def writing(x, data):
    data[0] += 1.0
    return curved(x)


def failing(x, above):
    """Raises where the sum is above: the earlier probes take longer, so that they answer last."""
    if x[0] > above:
        time.sleep(max(0.0, 0.2 - 0.01 * x[0]))
        raise ValueError(f"too far: {x[0]:g}")
    return curved(x)


def odd(x):
    raise OddError(1, 2)


def hidden(x):
    raise Hidden


def leaving(x):
    raise SystemExit(3)


def dying(x, folder, often):
    """Kills its process at coordinate 7.0, the first `often` times."""
    note(folder, "called")
    if x[0] == 7.0 and sum(notes(folder, "died")) < often:
        note(folder, "died")
        os.kill(os.getpid(), 9)
    time.sleep(0.02)
    return curved(x)


def nested(x, workers):
    with employed(crew_of(workers), Called(curved)) as inner:
        return float(np.sum(inner.evaluate(displaced(4)).values)) + curved(x)


def displaced(count, n=3):
    """A list of probes: coordinate 0 takes the values 0, 1, 2 and so on."""
    points = np.linspace(0.25, 0.5, n)[None, :]
    return replaced(points, np.zeros(count, int), np.zeros((count, 1), int), np.arange(float(count))[:, None])


def expected(count, n=3):
    points = np.tile(np.linspace(0.25, 0.5, n), (count, 1))
    points[:, 0] = np.arange(count)
    return np.array([curved(x) for x in points])


def evaluated(workers, work, probes, **options):
    """The reply of some workers to a list of probes."""
    with employed(crew_of(workers), work) as crew:
        return crew.evaluate(probes, **options)
