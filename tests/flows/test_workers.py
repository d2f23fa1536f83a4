"""A flow whose work is done by the workers of a Dask cluster gives the digests of the library."""

from __future__ import annotations

import logging
import sys

import pytest
from pydantic import ValidationError
from surfaces_fakes import digests, documents

from flows.fit import RunConfig, fit_topics_flow
from flows.state import Intake, source_of
from flows.sweep import SweepConfig
from flows.update import UpdateConfig, update_topics_flow
from flows.workers import check_seen, on_worker
from topics import InvalidConfig, Registry, Store, update

QUICK = {"n_epochs": 20, "consensus": 1}


@pytest.fixture(scope="module")
def scheduler(prefect_home):
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=logging.ERROR
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
@pytest.mark.parametrize("stages_on_workers", [False, True], ids=["shards", "stages"])
def test_the_flow_gives_the_digests_of_the_library(world, scheduler, tmp_path, stages_on_workers):
    want = world.fit(**QUICK).save(tmp_path / "library")
    config = RunConfig(
        **QUICK,
        input=str(world.csv),
        id="id",
        date="date",
        class_="class",
        encoder=world.model,
        store=str(world.store(f"workers-{stages_on_workers}").root),
        output=str(tmp_path / "flow"),
        scheduler=scheduler,
        stages_on_workers=stages_on_workers,
    )
    assert fit_topics_flow(config) == str(tmp_path / "flow")
    assert digests(tmp_path / "flow") == digests(want)


@pytest.mark.slow
def test_so_does_an_update(world, scheduler, tmp_path):
    columns = {"text": "text", "id": "id", "date": "date", "class_": "class"}
    config = UpdateConfig(
        **QUICK,
        **columns,
        input=str(tmp_path / "inbox"),
        output=str(tmp_path / "runs"),
        encoder=world.model,
        store=str(world.store("workers-update").root),
        scheduler=scheduler,
        stages_on_workers=True,
    )
    (tmp_path / "inbox").mkdir()
    for number, (start, stop) in enumerate(((0, 160), (160, 200))):
        documents(200).iloc[start:stop].to_csv(tmp_path / "inbox" / f"{number}.csv", index=False)
        update_topics_flow(config.model_copy(update={"refit": "always" if number else "auto"}))
    before, after = Registry(tmp_path / "runs").runs
    kept = tmp_path / "runs" / "documents" / Intake.of(after).documents[-1]
    want = update(before, source_of(kept), refit="always", store=world.store("workers-library"))
    assert want.updated["documents_new"] == 40
    assert digests(after) == digests(want.save(tmp_path / "library"))


@pytest.mark.slow
def test_workers_have_to_see_the_store(scheduler, tmp_path, monkeypatch):
    check_seen(Store(tmp_path), scheduler)
    monkeypatch.setattr("flows.workers._sees", never)
    with pytest.raises(InvalidConfig, match=r"do not see the store .*at the same path .--store"):
        check_seen(Store(tmp_path), scheduler)
    assert not list((tmp_path / "temporary").iterdir())


def never(_path, _):
    return False


def test_whole_stages_need_a_scheduler_and_the_package(monkeypatch):
    with pytest.raises(ValidationError, match="stages_on_workers: on whose"):
        RunConfig(stages_on_workers=True)
    both = {"input": "posts.csv", "scheduler": "tcp://127.0.0.1:1", "stages_on_workers": True}
    with pytest.raises(ValidationError, match="a sweep runs where its flow does"):
        SweepConfig(**both, grid={"seed": [1, 2]})
    monkeypatch.setitem(sys.modules, "prefect_dask.task_runners", None)
    with pytest.raises(InvalidConfig, match=r"prefect-dask, which is not installed: pip install 'topics\[dask\]'"):
        on_worker(None, {}, "tcp://127.0.0.1:1")
