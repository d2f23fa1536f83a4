from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from surfaces_fakes import ROOT

from topics.errors import InvalidConfig, InvalidInput, RunInProgress
from topics.registry import Registry
from topics.swapping import MANIFEST


def stage(registry: Registry, text: str = "{}") -> Path:
    """What a fit would leave in the staging folder, as far as a registry cares."""
    registry.staging.mkdir(parents=True)
    (registry.staging / MANIFEST).write_text(text)
    return registry.staging


def publish(registry: Registry, text: str = "{}") -> Path:
    with registry.locked() as lease:
        return registry.publish(stage(registry, text), lease)


def names(registry: Registry) -> tuple[str | None, str | None]:
    return tuple(run.name if run else None for run in (registry.latest, registry.previous))


@pytest.fixture
def registry(tmp_path) -> Registry:
    return Registry(tmp_path / "model", lease=2.0, beat=0.2)


@pytest.fixture(params=["links", "a file"])
def either(request, registry, monkeypatch) -> Registry:
    """A registry on a file system with links, and on one without."""
    if request.param == "a file":

        def refuse(*given, **how):
            raise OSError(1, "Operation not permitted")

        monkeypatch.setattr(Path, "symlink_to", refuse)
    return registry


def test_an_empty_registry_has_no_runs(registry):
    assert (registry.runs, registry.latest, registry.previous) == ([], None, None)
    with pytest.raises(InvalidInput, match="there are: none yet"):
        registry.find()


def test_what_is_published_is_the_latest_and_what_was_is_the_previous(either):
    wanted = [("0001", None), ("0002", "0001"), ("0003", "0002")]
    for number, pair in enumerate(wanted):
        assert publish(either, f"run {number}").name == pair[0]
        assert names(either) == pair
    assert [run.name for run in either.runs] == ["0001", "0002", "0003"]
    assert (either.latest / MANIFEST).read_text() == "run 2"
    assert either.find("2").name == either.find(2).name == either.find("previous").name == "0002"
    assert not either.staging.exists()


def test_the_links_lead_to_the_runs(registry):
    publish(registry, "one")
    assert (registry.root / "latest" / MANIFEST).read_text() == "one"
    assert not (registry.root / "previous").exists()
    publish(registry, "two")
    assert (registry.root / "latest" / MANIFEST).read_text() == "two"
    assert (registry.root / "previous" / MANIFEST).read_text() == "one"


def test_the_folder_can_be_moved(registry, tmp_path):
    publish(registry, "one")
    publish(registry, "two")
    registry.root.rename(tmp_path / "moved")
    moved = Registry(tmp_path / "moved")
    assert names(moved) == ("0002", "0001")
    assert (moved.root / "previous" / MANIFEST).read_text() == "one"


def test_an_earlier_run_is_put_in_force_and_numbers_are_not_used_again(either):
    for _ in range(3):
        publish(either)
    assert either.restore().name == "0002"
    assert names(either) == ("0002", "0003")
    assert publish(either).name == "0004"
    assert names(either) == ("0004", "0002")
    assert either.restore("0001").name == "0001"
    assert names(either) == ("0001", "0004")


def test_pruning_keeps_the_newest_and_what_is_pointed_to(either):
    for _ in range(6):
        publish(either)
    either.restore("0001")
    assert [run.name for run in either.prune(2)] == ["0002", "0003", "0004"]
    assert [run.name for run in either.runs] == ["0001", "0005", "0006"]
    assert names(either) == ("0001", "0006")
    assert {path.name for path in (either.root / "runs").iterdir()} == {"0001", "0005", "0006"}
    with pytest.raises(InvalidConfig, match="keep=1; at least 2"):
        either.prune(1)


def test_a_run_that_was_deleted_is_pointed_to_no_more(either):
    publish(either)
    publish(either)
    shutil.rmtree(either.latest)
    assert names(either) == (None, "0001")
    assert [run.name for run in either.runs] == ["0001"]


def test_what_is_no_run_is_not_published(registry):
    with registry.locked():
        registry.staging.mkdir()
        with pytest.raises(InvalidInput, match="holds no run"):
            registry.publish(registry.staging)
    assert names(registry) == (None, None)


def test_a_run_folder_and_a_file_cannot_be_a_folder_of_runs(tmp_path):
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(InvalidInput, match="is a run, not a folder of runs"), Registry(tmp_path).locked():
        pass
    with pytest.raises(InvalidInput, match="is a file"), Registry(tmp_path / MANIFEST).locked():
        pass


# --- the lock

HOLD = """
import sys, time
from topics.registry import Registry
with Registry(sys.argv[1], lease=2.0, beat=0.2).locked():
    print("held", flush=True)
    time.sleep(60)
"""


def hold(registry: Registry) -> subprocess.Popen[str]:
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(registry.root)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str], how: int = signal.SIGKILL) -> None:
    process.send_signal(how)
    process.communicate(timeout=20)


def test_two_runs_do_not_overlap_and_the_second_is_told_who_is_at_work(registry):
    process = hold(registry)
    try:
        with pytest.raises(RunInProgress, match=f"process {process.pid} on "), registry.locked():
            pass
        with pytest.raises(RunInProgress, match=r"longer --wait than 0\.5 s"), registry.locked(wait=0.5):
            pass
    finally:
        end(process)


def test_one_who_waits_gets_the_lock_when_it_is_free(registry):
    process = hold(registry)
    process.send_signal(signal.SIGINT)
    with registry.locked(wait=20):
        pass
    process.communicate(timeout=20)
    assert not (registry.root / "lock").exists()


def test_the_lock_of_a_killed_process_is_taken_at_once(registry):
    end(hold(registry))
    assert (registry.root / "lock").exists()
    began = time.monotonic()
    with registry.locked():
        assert time.monotonic() - began < 1.5


def from_another_host(registry: Registry) -> None:
    """Make the lock one that a process of another host holds: nobody here can ask whether it is alive."""
    lock = registry.root / "lock"
    text = lock.read_text()
    lock.write_text(
        "".join("host=elsewhere\n" if line.startswith("host=") else f"{line}\n" for line in text.splitlines())
    )


def test_the_lock_of_a_dead_host_is_taken_when_its_heartbeat_is_missing_for_long(registry):
    end(hold(registry))
    from_another_host(registry)
    began = time.monotonic()
    with registry.locked():
        assert 1.9 < time.monotonic() - began < 10


def test_the_lock_of_a_live_host_is_not_taken(registry):
    process = hold(registry)
    try:
        from_another_host(registry)
        with pytest.raises(RunInProgress, match="on elsewhere"), registry.locked(wait=3):
            pass
    finally:
        end(process)


def test_one_who_was_silent_for_too_long_publishes_nothing(registry):
    with registry.locked() as lease:
        staged = stage(registry)
        (registry.root / "lock").unlink()
        with Registry(registry.root, lease=2.0, beat=0.2).locked():
            deadline = time.monotonic() + 10
            while lease.compromise is None and time.monotonic() < deadline:
                time.sleep(0.05)
            staged = stage(registry)
            with pytest.raises(RunInProgress, match="lost the lock"):
                registry.publish(staged, lease)
    assert names(registry) == (None, None)


@pytest.fixture
def unwritten(registry, monkeypatch) -> Path:
    """The lock of a process that was killed before it wrote whose it is."""
    monkeypatch.setattr("topics.locking._GRACE", 0.3)
    lock = registry.root / "lock"
    registry.root.mkdir()
    lock.touch()
    return lock


def test_a_lock_that_was_never_written_is_taken(registry, unwritten):
    with registry.locked():
        assert unwritten.stat().st_size
    assert not unwritten.exists()


def test_a_lock_that_is_written_meanwhile_is_left_alone(registry, unwritten):
    threading.Timer(0.1, unwritten.write_text, [f"{os.getpid()}\nelsewhere\n"]).start()
    with pytest.raises(RunInProgress), registry.locked():
        pass
    assert "elsewhere" in unwritten.read_text()


# --- killed in between

PUBLISH = """
import sys
from topics.swapping import MANIFEST
from topics.registry import Registry
registry = Registry(sys.argv[1])
number = len(registry.runs)
while True:
    with registry.locked() as lease:
        registry.staging.mkdir(parents=True)
        for part in range(20):
            (registry.staging / f"part {part}").write_text(str(number) * 1000)
        (registry.staging / MANIFEST).write_text(str(number))
        registry.publish(registry.staging, lease)
        registry.prune(5)
    number += 1
    print(number, flush=True)
"""


def test_killed_at_any_moment_the_pointers_lead_to_whole_runs_and_the_next_goes_on(registry):
    moments = random.Random(5)
    before = 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISH, str(registry.root)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert process.stdout is not None
        for _ in range(2):
            process.stdout.readline()  # it published
        time.sleep(moments.uniform(0.05, 0.4))
        end(process)
        for name in ("latest", "previous"):
            link, run = registry.root / name, getattr(registry, name)
            if run is None:
                assert not os.path.lexists(link) or not before
                continue
            assert link.resolve() == run.resolve()
            number = (run / MANIFEST).read_text()
            assert {(run / f"part {part}").read_text() for part in range(20)} == {number * 1000}
        if registry.latest:
            assert int(registry.latest.name) >= before
            before = int(registry.latest.name)
    assert before > 6
    publish(Registry(registry.root))
    assert int(Registry(registry.root).latest.name) > before


@pytest.mark.parametrize("moved", [True, False], ids=["before the pointers moved", "before the run did"])
def test_a_publication_whose_process_was_killed_is_finished_by_the_next(registry, monkeypatch, caplog, moved):
    publish(registry, "one")

    def die(*given):
        raise SystemExit

    monkeypatch.setattr(*((Registry, "_point") if moved else (Path, "replace")), die)
    with pytest.raises(SystemExit):
        publish(registry, "two")
    monkeypatch.undo()
    assert names(registry) == ("0001", None)
    with registry.locked():
        assert names(registry) == (("0002", "0001") if moved else ("0001", None))
    assert ("was killed before it said so" in caplog.text) == moved
    assert publish(registry, "three").name == ("0003" if moved else "0002")


def test_what_was_restored_meanwhile_stays(registry, monkeypatch):
    for text in ("one", "two"):
        publish(registry, text)
    monkeypatch.setattr(Path, "unlink", lambda *given, **how: None)
    publish(registry, "three")  # killed before it could say that it was done
    monkeypatch.undo()
    registry.restore("0001")
    with registry.locked():
        assert registry.latest.name == "0001"
