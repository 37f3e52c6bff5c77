"""Evaluates a probe list on the ranks of an MPI run: ``mpiexec -n 4 python -m mpi4py.futures`` and this file."""

from __future__ import annotations

import tempfile

import numpy as np
from mpi4py.futures import MPIPoolExecutor
from workers_losses import Called, Counted, displaced, expected, notes, slow, with_data

from jitgrad.launch.workers.accept import crew_of
from jitgrad.launch.workers.evaluate import employed

if __name__ == "__main__":
    with MPIPoolExecutor() as executor, tempfile.TemporaryDirectory() as folder:
        crew = crew_of(executor)
        print("size", crew.size)
        with employed(crew, Called(slow, 0.005)) as employees:
            print("values", np.array_equal(employees.evaluate(displaced(60)).values, expected(60)))
        with employed(crew, Called(with_data, Counted(folder, 1_000_000))) as employees:
            for _ in range(3):
                employees.evaluate(displaced(90))
        print("pickled", notes(folder, "pickled"))
        print("unpickled", notes(folder, "unpickled"))
