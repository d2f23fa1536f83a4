"""The same results in the same order wherever shards are computed, whatever becomes of the workers."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import shard_functions

from topics.errors import InvalidConfig, InvalidInput, WorkersLost
from topics.executors import SERIAL, Dask, Processes, dask

NUMBERS = range(1, 8)


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=logging.ERROR
    ) as cluster:
        yield cluster


@pytest.fixture(params=["processes", "dask"])
def away(request):
    """An executor with two workers elsewhere."""
    if request.param == "processes":
        return Processes(2)
    return Dask(request.getfixturevalue("cluster").scheduler_address)


@pytest.fixture(params=["serial", "processes", "dask"])
def executor(request):
    if request.param == "serial":
        return SERIAL
    if request.param == "processes":
        return Processes(2)
    return Dask(request.getfixturevalue("cluster").scheduler_address)


def test_results_come_in_the_order_of_the_shards(executor):
    assert list(executor.map(shard_functions.square, NUMBERS)) == [number * number for number in NUMBERS]
    assert list(executor.map(partial(shard_functions.add, to=5), iter(NUMBERS))) == [number + 5 for number in NUMBERS]
    assert list(executor.map(shard_functions.square, [])) == []
    assert list(executor.map(shard_functions.square, [7])) == [49]


def test_a_functions_error_is_raised_as_it_is(executor):
    results = executor.map(shard_functions.refuse, NUMBERS)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(InvalidInput, match=r"^3 is not wanted\."):
        next(results)


def test_the_error_tells_where_it_was_raised(away):
    with pytest.raises(InvalidInput) as caught:
        list(away.map(shard_functions.refuse, NUMBERS))
    assert "shard_functions.py" in "".join(caught.value.__notes__)


def test_an_error_that_cannot_travel_is_told(away):
    with pytest.raises(RuntimeError, match=r"^Peculiar: 1 and another"):
        list(away.map(shard_functions.be_peculiar, NUMBERS))


def test_a_killed_worker_costs_its_shard_only(away, tmp_path):
    results = list(away.map(partial(shard_functions.die_at_three, folder=tmp_path), NUMBERS))
    assert results == list(NUMBERS)
    assert (tmp_path / "died-0").exists()
    called = [path.name.split("-")[1] for path in tmp_path.glob("called-*")]
    assert sorted(set(called)) == sorted(map(str, NUMBERS))
    assert called.count("3") == 1


def test_a_shard_that_kills_its_workers_is_given_up(tmp_path):
    with pytest.raises(WorkersLost, match=r"3 worker processes died over the same shard.*SIGKILL.*fewer workers"):
        list(Processes(2).map(partial(shard_functions.die_at_three, folder=tmp_path, times=3), NUMBERS))


def test_the_only_worker_is_killed_then_all_and_then_the_scheduler_goes(tmp_path):
    import dask as settings
    from distributed import LocalCluster

    with (
        settings.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        executor = Dask(cluster.scheduler_address)
        once, often = (partial(shard_functions.die_at_three, folder=tmp_path, times=times) for times in (1, 9))
        assert list(executor.map(once, NUMBERS)) == list(NUMBERS)
        with pytest.raises(WorkersLost, match=r"workers of tcp://.* died .*the same command goes on from there"):
            list(executor.map(often, NUMBERS))
        results = executor.map(shard_functions.told, iter(int, 1))
        next(results)
        cluster.close()
        with pytest.raises(WorkersLost, match=r"the scheduler tcp://.* went away"):
            list(results)


def test_what_the_system_failed_is_tried_again(away, tmp_path, caplog):
    assert list(away.map(partial(shard_functions.fail_once, folder=tmp_path), NUMBERS)) == list(NUMBERS)
    assert "the network had a bad moment" in caplog.text


def test_what_a_worker_warns_of_is_logged_here(away, caplog):
    with caplog.at_level("WARNING"):
        list(away.map(shard_functions.warn, [5]))
    assert ("topics.shards", logging.WARNING, "number 5 is odd") in caplog.record_tuples


def test_workers_have_one_thread_each_and_are_gone_when_the_work_is_done():
    before = threading.active_count()
    told = list(Processes(2).map(shard_functions.told, NUMBERS))
    assert {one[1:] for one in told} == {("1", "false")}
    for pid in {one[0] for one in told}:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert threading.active_count() == before


def test_who_stops_reading_stops_the_workers():
    results = Processes(2).map(shard_functions.told, iter(int, 1))  # shards without end
    pid, *_ = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_scripts_need_no_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from topics.executors import Processes\nprint('once')\nprint(list(Processes(2).map(len, ['a', 'bc'])))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path.cwd(),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.stdout, done.stderr) == ("once\n[1, 2]\n", "")


def test_workers_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import shard_functions\nfrom topics.executors import Processes\n"
        "for told in Processes(1).map(shard_functions.told, iter(int, 1)):\n    print(told[0], flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        worker = int(parent.stdout.readline())
        parent.kill()
    for _ in range(200):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f"worker {worker} lives on")


def test_a_function_without_a_name_is_refused():
    with pytest.raises(InvalidConfig, match=r"<lambda>.* cannot travel.*functions of a module"):
        list(Processes(1).map(lambda number: number, NUMBERS))
    with pytest.raises(TypeError, match=r"what .*lock_of.* gave cannot travel"):
        list(Processes(1).map(shard_functions.lock_of, NUMBERS))
    with pytest.raises(InvalidConfig, match="workers=0: at least one"):
        Processes(0)


def test_a_scheduler_that_is_not_there(monkeypatch):
    monkeypatch.setattr(dask, "_REACHED", 0.5)
    with pytest.raises(InvalidConfig, match=r"scheduler=tcp://127\.0\.0\.1:1: no Dask scheduler answers .*dask sched"):
        list(Dask("tcp://127.0.0.1:1").map(len, ["a"]))
    with pytest.raises(InvalidConfig, match=r"scheduler=http://here: .*An address reads tcp://host:8786"):
        list(Dask("http://here").map(len, ["a"]))


def test_a_scheduler_without_workers():
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(InvalidConfig, match="the scheduler has no workers"),
    ):
        list(Dask(empty.scheduler_address, patience=0.5).map(len, ["a"]))


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidConfig, match=r"not installed: pip install 'topics\[dask\]'"):
        list(Dask("tcp://127.0.0.1:1").map(len, ["a"]))


def test_workers_with_other_releases_are_refused(cluster, monkeypatch):
    here = {**dask.releases(), "numpy": "1.0"}
    monkeypatch.setattr(dask, "releases", lambda: here)
    with pytest.raises(InvalidConfig, match=r"has numpy .*, not 1\.0\. The same releases give the same bits"):
        list(Dask(cluster.scheduler_address).map(len, ["a"]))
