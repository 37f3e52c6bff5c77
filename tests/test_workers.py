"""Probe lists on processes of our own, on pools and on functions like map: values, failures, deaths, interrupts."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
import psutil
import pytest
import workers_losses as losses
from hypothesis import given
from hypothesis import strategies as st
from workers_losses import Called, Counted, displaced, evaluated, expected, notes

import jitgrad
from jitgrad.launch.workers import extras, task
from jitgrad.launch.workers.accept import crew_of
from jitgrad.launch.workers.blocks import BLOCK_SECONDS, Blocks
from jitgrad.launch.workers.evaluate import employed
from jitgrad.launch.workers.own import Own, cores
from jitgrad.launch.workers.parcel import Parcel
from jitgrad.launch.workers.shipment import Filed, Handed
from jitgrad.launch.workers.task import run_task

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    """Where shipments lie; nothing may be left there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.glob("jitgrad-*")) == []


@pytest.fixture(scope="module")
def spawned():
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(3) as pool:
        yield pool


@pytest.fixture(scope="module")
def pool():
    with multiprocessing.get_context("spawn").Pool(2) as made:
        yield made


@pytest.fixture(params=["own", "spawned", "threads", "pool.map", "pool.imap_unordered", "thread pool", "map"])
def workers(request):
    name, _, method = request.param.partition(".")
    if name == "thread pool":
        with ThreadPool(2) as made:
            yield made.map
        return
    simple = {"own": 2, "map": map}
    found = simple[name] if name in simple else request.getfixturevalue(name)
    yield getattr(found, method) if method else found


def test_values_are_in_their_place(workers):
    reply = evaluated(workers, Called(losses.curved), displaced(200))
    assert np.array_equal(reply.values, expected(200))
    assert reply.failure is None
    assert reply.seconds > 0


def test_what_is_known_already_is_not_evaluated(workers):
    values = evaluated(workers, Called(losses.curved), displaced(20), skip=7).values
    assert np.isnan(values[:7]).all()
    assert np.array_equal(values[7:], expected(20)[7:])


def test_points_that_are_large_travel_apart_from_the_blocks(workers):
    n = 20_000
    assert np.array_equal(evaluated(workers, Called(losses.curved), displaced(12, n)).values, expected(12, n))


def test_nothing_to_evaluate(workers):
    assert evaluated(workers, Called(losses.curved), displaced(0)).values.shape == (0,)
    assert np.isnan(evaluated(workers, Called(losses.curved), displaced(3), skip=3).values).all()


def test_the_lowest_failure_is_told_whoever_is_first(workers):
    reply = evaluated(workers, Called(losses.failing, 4.0), displaced(24))
    assert reply.failure.probe == 5
    assert type(reply.failure.error) is ValueError
    assert reply.failure.error.args == ("too far: 5",)
    assert "in failing" in reply.failure.trace
    assert np.array_equal(reply.values[:5], expected(5))
    assert np.isnan(reply.values[5:]).all()


def test_what_raises_is_nan_if_that_is_forgiven(workers):
    reply = evaluated(workers, Called(losses.failing, 10.0), displaced(24), forgive=True)
    assert np.array_equal(reply.values[:11], expected(11))
    assert np.isnan(reply.values[11:]).all()
    assert reply.failure is None


@pytest.mark.parametrize("loss", [losses.odd, losses.hidden])
def test_exceptions_that_cannot_be_sent_are_told(loss):
    failure = evaluated(2, Called(loss), displaced(1)).failure
    assert type(failure.error) is RuntimeError
    name, text = ("OddError", "1 and 2") if loss is losses.odd else ("Hidden", "hidden")
    assert f"{name}: {text}" in str(failure.error)
    assert f"in {loss.__name__}" in str(failure.error)


def test_exceptions_of_a_notebook_keep_their_class():
    class Mine(ValueError):
        pass

    Mine.__module__ = "__main__"

    def raising(x):
        raise Mine("so it is")

    assert type(evaluated(2, Called(raising), displaced(1)).failure.error) is Mine


def test_leaving_does_not_end_a_worker(workers):
    failure = evaluated(workers, Called(losses.leaving), displaced(3)).failure
    assert failure.probe == 0
    assert "SystemExit(3) was raised in evaluations 0 to 0" in str(failure.error)


def test_a_loss_that_cannot_be_unpickled_there_is_told():
    class Gone:
        def __reduce__(self):
            return __import__, ("a_module_that_is_nowhere",)

    failure = evaluated(2, Called(losses.curved, Gone()), displaced(2)).failure
    assert type(failure.error) is ModuleNotFoundError
    assert "while it unpickled the loss" in failure.error.__notes__[0]


# What travels


def test_lambdas_travel_to_our_own_processes():
    scale = 3.0
    assert evaluated(2, Called(lambda x: scale * x[0]), displaced(3)).values.tolist() == [0.0, 3.0, 6.0]


@pytest.mark.parametrize("size", [100, 1_000_000], ids=["small", "large"])
@pytest.mark.parametrize("engine", ["own", "spawned", "pool"])
def test_a_loss_is_pickled_once_and_unpickled_once_per_worker(engine, size, tmp_path, request, monkeypatch):
    if size > 100:  # it lies in a file, and no task brings it

        def never(self, protocol):
            raise AssertionError

        monkeypatch.setattr(Parcel, "__reduce_ex__", never)
    workers = 2 if engine == "own" else request.getfixturevalue(engine)
    workers = workers.map if engine == "pool" else workers
    with employed(crew_of(workers), Called(losses.with_data, Counted(tmp_path, size))) as crew:
        for _ in range(3):
            assert crew.evaluate(displaced(60)).values[1] == pytest.approx(1.875, rel=1e-15)
    assert notes(tmp_path, "pickled") == [1]
    assert set(notes(tmp_path, "unpickled")) == {1}
    assert len(notes(tmp_path, "unpickled")) <= 2


def test_threads_get_the_loss_itself(threads, tmp_path):
    assert evaluated(threads, Called(losses.with_data, Counted(tmp_path, 10)), displaced(9)).failure is None
    assert notes(tmp_path, "pickled") == []
    lock = threading.Lock()
    assert evaluated(threads, Called(lambda x: float(lock.locked())), displaced(2)).values.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("engine", ["spawned", "pool"])
def test_workers_that_see_another_disk_get_the_loss_with_a_task(engine, request, monkeypatch, tmp_path):
    ticket = Filed.ticket

    def elsewhere(self, *, whole):
        return ticket(self, whole=whole)._replace(path=str(tmp_path / "not here"))

    monkeypatch.setattr(Filed, "ticket", elsewhere)
    found = request.getfixturevalue(engine)
    work = Called(losses.with_data, Counted(tmp_path, 100_000))
    values = evaluated(found.map if engine == "pool" else found, work, displaced(40, 20_000)).values
    assert np.allclose(np.diff(values), 1.0, rtol=0, atol=1e-11)  # sums near 7500, of spacing 1e-12
    assert set(notes(tmp_path, "unpickled")) == {1}


def test_a_loss_that_writes_to_its_arguments_leaves_ours_alone(spawned):
    data = np.zeros(100_000)
    reply = evaluated(spawned, Called(losses.writing, data), displaced(8))
    assert reply.failure is None
    assert data[0] == 0.0


def test_read_only_arguments_stay_so(spawned):
    data = np.zeros(100_000)
    data.flags.writeable = False
    assert "read-only" in str(evaluated(spawned, Called(losses.writing, data), displaced(8)).failure.error)


def test_workers_forget_old_losses():
    for _ in range(2 * task.KEPT):
        evaluated(map, Called(losses.curved), displaced(1))
    assert len(task._kept) == 0  # what is handed over in this process is not kept
    for _ in range(2 * task.KEPT):
        evaluated(lambda run, tasks: list(map(run, tasks)), Called(losses.curved), displaced(1))
    assert len(task._kept) == task.KEPT
    task._kept.clear()


class Holder:
    def __init__(self, thing):
        self.thing = thing

    def loss(self, x):
        return float(self.thing is x)


def closing_over(thing):
    def loss(x):
        return float(thing is None)

    return loss


LOCK = threading.Lock()


@pytest.mark.parametrize(
    ("work", "name"),
    [
        (Called(losses.curved, 1.0, LOCK), r"args\[1\] is not: a _thread.lock"),
        (Called(losses.curved, {"a": [LOCK]}), r"args\[0\]\['a'\]\[0\] is not: a _thread.lock"),
        (Called(Holder(LOCK).loss), r"function.__self__.thing is not: a _thread.lock"),
        (Called(closing_over(LOCK)), r"the variable 'thing' that function uses is not: a _thread.lock"),
        (Called(lambda x: LOCK.locked(), 1.0), r"the global variable 'LOCK' that function uses is not: a _thread.lock"),
    ],
    ids=["argument", "inside an argument", "attribute", "closure", "global"],
)
def test_what_cannot_be_pickled_is_named(work, name):
    # As in a notebook, where functions travel by content.
    if getattr(work.function, "__name__", "") == "<lambda>":
        work.function.__module__ = "__main__"
    with pytest.raises(TypeError, match=name) as caught:
        evaluated(2, work, displaced(1))
    assert "Make it inside the function" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_without_cloudpickle_functions_need_a_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(TypeError, match=r"function is not: a function, <function .*jitgrad\[workers\]"):
        evaluated(2, Called(lambda x: 0.0), displaced(1))
    assert np.array_equal(evaluated(2, Called(losses.curved), displaced(3)).values, expected(3))


# Deaths


def test_only_what_was_lost_with_a_worker_is_done_again(tmp_path):
    count = 60
    reply = evaluated(2, Called(losses.dying, tmp_path, 1), displaced(count))
    assert np.array_equal(reply.values, expected(count))
    assert notes(tmp_path, "died") == [1]
    # Two workers held two blocks each, of at most 50 ms / 20 ms evaluations, beside the first of one.
    assert count <= sum(notes(tmp_path, "called")) <= count + 2 * 2 * 3


def test_a_loss_that_kills_every_worker_is_named(tmp_path):
    with pytest.raises(jitgrad.WorkerLostError, match=r"3 died evaluating probe 7 \(x\[0\] .* to 7\.0\)\.") as caught:
        evaluated(2, Called(losses.dying, tmp_path, 99), displaced(40))
    assert "Others took their places" in str(caught.value)
    assert notes(tmp_path, "died") == [1, 1, 1]


def test_a_pool_of_the_callers_that_broke_is_told(tmp_path):
    with (
        ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as lent,
        pytest.raises(jitgrad.WorkerLostError, match=r"one died .*ProcessPoolExecutor that was passed as workers="),
    ):
        evaluated(lent, Called(losses.dying, tmp_path, 1), displaced(40))


def test_processes_are_killed_with_an_interrupt():
    Own(2).abort()
    before = loky_children()  # of other sizes
    interrupted(Own(2))
    deadline = time.monotonic() + 5
    while loky_children() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert loky_children() == before


def loky_children():
    commands = {child.pid: " ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)}
    return {pid for pid, command in commands.items() if "LokyProcess" in command}


def interrupted(crew):
    class Interrupting:
        def expect(self, _):
            pass

        def advance(self, _):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), employed(crew, Called(losses.slow, 0.2)) as employees:
        employees.evaluate(displaced(50), progress=Interrupting())


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on POSIX")
@pytest.mark.parametrize("kind", ["own", "lent"])
def test_ctrl_c(kind):
    program = subprocess.Popen(
        [sys.executable, HERE / "workers_interrupted_program.py", kind],
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE,
        start_new_session=True,
    )
    word, *children = program.stdout.readline().split()
    assert word == "ready"
    time.sleep(0.3)
    before = time.monotonic()
    # A terminal sends it to all processes, a notebook to one. Pools of the standard library do not survive the former.
    (os.killpg if kind == "own" else os.kill)(program.pid, signal.SIGINT)
    told = program.communicate(timeout=30)[0].split("\n")
    assert time.monotonic() - before < 10
    assert told[:3] == (["interrupted", "usable True", "left 0"] if kind == "lent" else ["interrupted", "left 0", ""])
    assert program.returncode == 0
    deadline = time.monotonic() + 5
    while any(map(runs, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in children if runs(pid)] == []


def runs(pid):
    """Whether a process runs: one that has ended stays listed until its parent, here that of a container, has asked."""
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# Nesting


def test_workers_may_have_workers():
    assert np.array_equal(evaluated(2, Called(losses.nested, 2), displaced(2)).values, expected(2) + expected(4).sum())


def test_workers_of_multiprocessing_may_not(pool):
    failure = evaluated(pool.map, Called(losses.nested, 2), displaced(2)).failure
    assert "needs a process that may start others" in str(failure.error)


# What may be passed


@pytest.mark.parametrize("workers", [None, 1, np.int64(1)])
def test_one_worker_is_this_process(workers):
    assert crew_of(workers) is None


def test_minus_one_is_every_core():
    crew = crew_of(-1)
    assert cores() == 1 if crew is None else crew.size == cores()


def test_workers_share_the_cores(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    share = max(1, cores() // 3)

    def threads_of(x):
        return float(os.environ["NUMBA_NUM_THREADS"]) + 100 * float(os.environ["OMP_NUM_THREADS"])

    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    assert evaluated(3, Called(threads_of), displaced(1)).values[0] == 100 + share
    Own(3).abort()


@pytest.mark.parametrize(
    ("workers", "kind", "message"),
    [
        (0, ValueError, "at least 1, or -1 for one per core, got 0"),
        (-2, ValueError, "got -2"),
        (True, TypeError, "got True"),
        (2.0, TypeError, r"got 2\.0"),
        ("all", TypeError, "got 'all'"),
        (dict, TypeError, "got <class 'dict'>"),
    ],
)
def test_other_things_are_refused(workers, kind, message):
    with pytest.raises(kind, match=message):
        crew_of(workers)


def test_a_pool_is_refused_with_its_map(pool):
    with pytest.raises(TypeError, match=r"got a Pool\. Pass pool\.map"):
        crew_of(pool)


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda run, tasks: [run(task) for task in tasks][1:], r"\d+ results of \d+"),
        (lambda run, tasks: [None for _ in tasks], "a NoneType among the results"),
    ],
)
def test_functions_that_are_not_like_map_are_told(function, got):
    with pytest.raises(TypeError, match=f"like map, got {got}"):
        evaluated(function, Called(losses.curved), displaced(9))


@pytest.mark.parametrize(("package", "wish"), [("loky", "workers=2"), ("tqdm", "progress=True")])
def test_a_missing_package_is_named_with_the_line_that_installs_it(package, wish, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf'{wish} needs the package {package}.*pip install "jitgrad\[workers\]"'):
        extras.extra(package, wish)


# Blocks


def lengths(blocks, cost):
    found = []
    while (block := blocks.take()) is not None:
        found.append(block[1] - block[0])
        blocks.measured(found[-1], cost * found[-1])
    return found


def test_costly_evaluations_go_one_by_one():
    assert set(lengths(Blocks(0, 50, 4), 0.05)) == {1}


def test_cheap_ones_go_in_blocks_that_grow_and_shrink_again():
    found = lengths(Blocks(0, 10_000, 4), 1e-3)
    assert found[:2] == [1, 8]
    assert max(found) == BLOCK_SECONDS / 1e-3
    assert found[-1] <= 5  # 5 ms, so that nobody waits long
    assert sum(found) == 10_000


def test_blocks_are_multiples_from_an_origin():
    blocks = Blocks(10, 1000, 2, multiple=64, origin=10)
    edges = [10]
    while (block := blocks.take()) is not None:
        assert block[0] == edges[-1]
        edges.append(block[1])
        blocks.measured(block[1] - block[0], 1e-4 * (block[1] - block[0]))
    assert all((edge - 10) % 64 == 0 for edge in edges[:-1])
    assert edges[-1] == 1000
    assert Blocks(10, 30, 2, multiple=64, origin=0).take() == (10, 30)
    assert Blocks(10, 300, 2, multiple=64, origin=0).take() == (10, 64)


def test_progress_counts_every_evaluation(capsys):
    from jitgrad.launch.workers.progress import Progress

    progress = Progress()
    with employed(crew_of(2), Called(losses.curved)) as crew:
        crew.evaluate(displaced(30), progress=progress)
        crew.evaluate(displaced(30), skip=10, progress=progress)
    progress.close()
    assert "50/50" in capsys.readouterr().err


class Scripted:
    """A crew whose workers do what a script says: answer, or die with what they had."""

    size, block_seconds = 2, BLOCK_SECONDS

    def __init__(self, deaths):
        self.deaths = list(deaths)
        self.done = []

    def send(self, value):
        return Handed(value)

    def submit(self, task, shipments):  # noqa: ARG002 - as of other crews
        future = Future()
        if self.deaths and self.deaths[0] == task.start:
            self.deaths.pop(0)
            future.set_exception(BrokenExecutor())
        else:
            self.done.append(task.start)
            future.set_result(run_task(task))
        return future

    def died(self, error):
        return isinstance(error, BrokenExecutor)

    def replace(self):
        return ""

    def abort(self):
        raise AssertionError


def raising_from(x, place):
    if x[0] >= place:
        raise ValueError(f"at {x[0]:g}")
    return losses.curved(x)


@given(st.lists(st.integers(0, 11), max_size=2), st.integers(0, 14))
def test_the_lowest_failure_whoever_dies(deaths, place):
    # Two deaths are too few to blame a block.
    crew = Scripted(deaths)
    with employed(crew, Called(raising_from, place)) as crew_at_work:
        reply = crew_at_work.evaluate(displaced(12))
    assert np.array_equal(reply.values[:place], expected(12)[:place])
    assert (reply.failure.probe if reply.failure else 12) == min(place, 12)
