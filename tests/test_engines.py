"""Probe lists on engines that others made: a Dask cluster, MPI, Ray. All of them run for real."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import workers_losses as losses
from workers_losses import Called, Counted, displaced, evaluated, expected, notes

import jitgrad
from jitgrad.launch.workers.accept import crew_of
from jitgrad.launch.workers.evaluate import employed

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def helpers_on_path():
    """Workers that other programs start find the losses by the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setenv("NUMBA_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def dask(helpers_on_path):
    import distributed

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


class TestDask:
    def test_values(self, dask):
        assert np.array_equal(
            evaluated(dask.get_executor(), Called(losses.curved), displaced(100)).values, expected(100)
        )

    def test_a_client_is_refused_with_its_executor(self, dask):
        with pytest.raises(TypeError, match=r"got a Client\. Pass client\.get_executor\(\)"):
            crew_of(dask)

    def test_100_megabytes_are_sent_once_per_worker(self, dask, tmp_path):
        dask.run(losses.count_parcels)
        large = Counted(tmp_path, 100_000_000 // 8)
        with employed(crew_of(dask.get_executor()), Called(losses.with_data, large)) as crew:
            for _ in range(3):
                time.sleep(2.1)  # the memory manager of Dask drops copies every two seconds
                assert crew.evaluate(displaced(100)).values[1] == pytest.approx(1.875, rel=1e-15)
        assert notes(tmp_path, "pickled") == [1]
        assert notes(tmp_path, "unpickled") == [1, 1]
        assert list(dask.run(losses.arrived, 100_000_000).values()) == [1, 1]

    def test_a_worker_that_forgot_or_came_later_asks(self, dask, tmp_path):
        large = Counted(tmp_path, 100_000)
        with employed(crew_of(dask.get_executor()), Called(losses.with_data, large)) as crew:
            dask.run(losses.forget_all)
            assert crew.evaluate(displaced(30)).values[1] == pytest.approx(1.875, rel=1e-15)
        assert notes(tmp_path, "unpickled")[0] >= 2  # kept, forgotten, and asked for

    def test_workers_let_go_of_what_is_done_with(self, dask):
        dask.run(losses.forget_all)
        with employed(crew_of(dask.get_executor()), Called(losses.with_data, np.ones(20_000))):
            assert list(dask.run(losses.kept).values()) == [1, 1]
        assert list(dask.run(losses.kept).values()) == [0, 0]

    def test_points_that_are_large_are_sent_apart(self, dask):
        found = evaluated(dask.get_executor(), Called(losses.curved), displaced(40, 20_000))
        assert np.array_equal(found.values, expected(40, 20_000))

    def test_failure(self, dask):
        failure = evaluated(dask.get_executor(), Called(losses.failing, 4.0), displaced(24)).failure
        assert failure.probe == 5
        assert failure.error.args == ("too far: 5",)

    def test_a_worker_that_dies_loses_nothing(self, dask, tmp_path):
        reply = evaluated(dask.get_executor(), Called(losses.dying, tmp_path, 1), displaced(40))
        assert np.array_equal(reply.values, expected(40))
        assert notes(tmp_path, "died") == [1]

    def test_a_loss_that_kills_every_worker_is_named(self, dask, tmp_path):
        with pytest.raises(jitgrad.WorkerLostError, match=r"to 7\.0.*Dask had others try it"):
            evaluated(dask.get_executor(), Called(losses.dying, tmp_path, 99), displaced(8), skip=7)


def test_mpi_with_four_ranks(helpers_on_path):
    mpiexec = Path(sysconfig.get_path("scripts")) / "mpiexec"
    command = [mpiexec, "-n", "4", sys.executable, "-m", "mpi4py.futures", HERE / "workers_mpi_program.py"]
    answer = subprocess.run(command, capture_output=True, check=False, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split("\n")[:4] == ["size 3", "values True", "pickled [1]", "unpickled [1, 1, 1]"]


@pytest.fixture(scope="module")
def ray_pool(helpers_on_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, of its import and start
        import ray
        from ray.util.multiprocessing import Pool

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
        with Pool(2) as pool:
            yield pool
        ray.shutdown()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
class TestRay:
    def test_values(self, ray_pool):
        assert np.array_equal(evaluated(ray_pool.map, Called(losses.curved), displaced(100)).values, expected(100))

    def test_failure(self, ray_pool):
        failure = evaluated(ray_pool.map, Called(losses.failing, 4.0), displaced(24)).failure
        assert failure.probe == 5

    def test_a_large_loss_is_sent_once_per_worker(self, ray_pool, tmp_path):
        work = Called(losses.with_data, Counted(tmp_path, 1_000_000))
        assert evaluated(ray_pool.map, work, displaced(100)).failure is None
        assert set(notes(tmp_path, "unpickled")) == {1}

    def test_a_pool_is_refused_with_its_map(self, ray_pool):
        with pytest.raises(TypeError, match=r"got a Pool\. Pass pool\.map"):
            crew_of(ray_pool)
