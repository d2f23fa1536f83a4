from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fakes import HashingEncoder
from prefect_server import Server, running_server, states_of
from pydantic import ValidationError
from surfaces_fakes import ROOT, World, command, digests, documents

from flows import fit
from flows.fit import RunConfig, fit_topics_flow
from topics import InvalidInput, RunInProgress, load
from topics.config import Config
from topics.locking import locked
from topics.steps import READ, STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

COLUMNS = {"id": "id", "date": "date", "class_": "class"}


@pytest.fixture(scope="module")
def by_the_library(world) -> Path:
    return world.fit().save(world.folder / "library")


def _config(world: World, output: Path, store: str, **changes: Any) -> RunConfig:
    given = {"input": str(world.csv), **COLUMNS, "encoder": world.model, "store": str(world.store(store).root)}
    return RunConfig(**{**given, "output": str(output), **changes})


# --- without Prefect's engine ---------------------------------------------------------------------


def test_help_explains_itself():
    code, out, err = command("--help", module="flows.fit")
    assert (code, err) == (0, "")
    for said in ("in a Prefect flow", "PREFECT_API_URL", "INPUT is a CSV", "--min-cluster-size", "--demo", "--output"):
        assert said in " ".join(out.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.csv"], "there is no file, folder or glob 'nothing.csv'"),
        (["documents.csv", "--output", "documents.csv"], "documents.csv is a file"),
        (["documents.csv", "--demo"], "--demo and INPUT exclude each other"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_what_cannot_be_used_is_said_before_a_server_is_started(tmp_path, words, message):
    documents().to_csv(tmp_path / "documents.csv", index=False)
    began = time.monotonic()
    code, out, err = command(*words, module="flows.fit", cwd=tmp_path, PREFECT_HOME=str(tmp_path / "home"))
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert not (tmp_path / "home" / "prefect.db").exists()
    assert time.monotonic() - began < 20
    assert not (tmp_path / "outputs").exists()


def test_the_parameter_of_the_flow_is_the_configuration_and_where_things_are():
    more = set(RunConfig.model_fields) - set(Config.model_fields)
    assert more == {"input", "text", "id", "date", "class_", "output", "store", "stages_on_workers", "wait", "webhooks"}
    config = RunConfig(input="posts.csv", text="body", class_="tag", seed=3)
    assert config.settings == Config(seed=3)
    assert (config.source.location, config.source.text, config.source.class_) == ("posts.csv", "body", "tag")
    assert config.folder == Path("outputs/posts")
    assert RunConfig().folder == Path("outputs/demo")
    assert RunConfig(output="mine").folder == Path("mine")


def test_every_setting_of_the_form_is_described_and_bounded():
    schema = RunConfig.model_json_schema()["properties"]
    assert all(field["description"] for field in schema.values())
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        RunConfig(min_cluster_size=1)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        RunConfig(colour="red")


def test_the_library_does_not_know_the_flow():
    code = "import sys, topics.cli, topics.pipeline, topics.verification; assert 'prefect' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


# --- on an API of the tests' own ------------------------------------------------------------------


def _run(config: RunConfig) -> tuple[UUID, Any]:
    state = fit_topics_flow(config, return_state=True)
    return state.state_details.flow_run_id, state


@pytest.fixture(scope="module")
def by_the_flow(prefect_home, world) -> tuple[UUID, Path]:
    flow_run, state = _run(_config(world, world.folder / "flow", "flow"))
    return flow_run, Path(state.result())


@pytest.mark.slow
def test_the_flow_gives_the_digests_of_the_library(by_the_flow, by_the_library):
    assert digests(by_the_flow[1]) == digests(by_the_library)


@pytest.mark.slow
def test_vectors_of_a_file_are_a_task_like_any_other(prefect_home, world, tmp_path):
    table = documents()
    vectors = [row.tolist() for row in HashingEncoder(8).encode(table["text"].tolist())]
    table.assign(embedding=vectors).to_parquet(tmp_path / "input.parquet")
    changes = {"input": str(tmp_path / "input.parquet"), "encoder": "precomputed:?column=embedding", "text": "text"}
    flow_run, state = _run(_config(world, tmp_path / "flow", "flow", **changes))
    assert states_of(flow_run, "precomputed")["precomputed"] == ("Completed", 1)
    assert "encoder" not in states_of(flow_run)
    told = {"encoder": changes["encoder"], "text": "text", "id": "id", "date": "date", "class_": "class"}
    by_the_library = world.fit(changes["input"], **told).save(tmp_path / "library")
    assert digests(Path(state.result())) == digests(by_the_library)


@pytest.mark.slow
def test_every_stage_is_a_task(by_the_flow):
    flow_run, folder = by_the_flow
    states = states_of(flow_run)
    assert set(states) == {stage.name for stage in load(folder).stages}
    assert {name for name, (state, _) in states.items() if state == "Cached"} == {"encoder"}
    assert {state for name, (state, _) in states.items() if name != "encoder"} == {"Completed"}


@pytest.mark.slow
def test_a_second_run_ends_in_cached_everywhere(by_the_flow, world, tmp_path):
    flow_run, state = _run(_config(world, tmp_path / "again", "flow"))
    assert {state for state, _ in states_of(flow_run).values()} == {"Cached"}
    assert digests(Path(state.result())) == digests(by_the_flow[1])


@pytest.mark.slow
def test_a_flow_goes_on_where_the_library_was(world, by_the_library, prefect_home, tmp_path):
    flow_run, _ = _run(_config(world, tmp_path / "again", "shared"))
    assert {state for state, _ in states_of(flow_run).values()} == {"Cached"}


@pytest.mark.slow
def test_prefect_keeps_no_results(prefect_home, world, tmp_path):
    before = _kept(prefect_home)  # errors of flows that other tests let fail
    _run(_config(world, tmp_path / "run", "results"))
    assert _kept(prefect_home) == before


def _kept(home: Path) -> list[Path]:
    """Files in Prefect's home in which a result could be."""
    return sorted(path for path in (home / "storage").rglob("*") if path.is_file())


@pytest.mark.slow
def test_the_report_and_the_topics_are_artifacts(by_the_flow):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    flow_run, folder = by_the_flow
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]))
    with get_client(sync_client=True) as client:
        found = {artifact.key: artifact for artifact in client.read_artifacts(artifact_filter=wanted)}
    assert {key: artifact.type for key, artifact in found.items()} == {
        "topics-report": "markdown",
        "topics-table": "table",
    }
    assert (folder / "report.md").read_text("utf-8") in found["topics-report"].data
    assert (folder / "report.html").absolute().as_uri() in found["topics-report"].data
    table = json.loads(found["topics-table"].data)
    run = load(folder)
    assert [row["topic_id"] for row in table] == run.topics["topic_id"].tolist()
    assert [row["size"] for row in table] == run.topics["size"].tolist()
    assert [row["terms"] for row in table] == [" ".join(terms) for terms in run.topics["terms"]]
    assert f"{len(run.topics)} topics in 160 documents" == found["topics-table"].description


@pytest.mark.slow
def test_what_the_library_refuses_is_not_tried_again(prefect_home, world, tmp_path):
    before = _kept(prefect_home)
    flow_run, state = _run(_config(world, tmp_path / "run", "refused", text="body"))
    with pytest.raises(InvalidInput, match="no column 'body'; there are: id, text, date, class"):
        state.result()
    assert states_of(flow_run, "intake") == {"intake": ("Failed", 1)}
    assert not (tmp_path / "run").exists()
    kept = set(_kept(prefect_home)) - set(before)
    assert kept
    assert all(json.loads(path.read_bytes()) for path in kept)  # no pickle


def _failing_once(stage: Any, monkeypatch) -> list[str]:
    """Let a stage fail with an error of the system the first time; what it was called with is returned."""
    calls: list[str] = []

    def flaky(*given: Any) -> Any:
        calls.append(stage.name)
        if len(calls) == 1:
            raise OSError(5, "Input/output error")
        return stage.compute(*given)

    monkeypatch.setitem(fit.STAGES, stage.name, dataclasses.replace(stage, compute=flaky))
    return calls


@pytest.mark.slow
def test_a_disk_that_fails_is_tried_again(prefect_home, world, by_the_library, tmp_path, monkeypatch):
    calls = _failing_once(READ, monkeypatch)
    flow_run, state = _run(_config(world, tmp_path / "run", "flaky disk"))
    assert digests(Path(state.result())) == digests(by_the_library)
    assert states_of(flow_run, "intake")["intake"] == ("Completed", 2)
    assert len(calls) == 2


@pytest.mark.slow
def test_a_computation_that_fails_is_not_tried_again(prefect_home, world, tmp_path, monkeypatch):
    calls = _failing_once(STAGES["neighbors"], monkeypatch)
    flow_run, state = _run(_config(world, tmp_path / "run", "flaky stage"))
    with pytest.raises(OSError, match="Input/output error"):
        state.result()
    assert states_of(flow_run, "neighbors")["neighbors"] == ("Failed", 1)
    assert len(calls) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_folder_that_holds_something_else_is_refused_before_any_task(prefect_home, world, tmp_path):
    (tmp_path / "chapter.txt").write_text("years of work")
    flow_run, state = _run(_config(world, tmp_path, "refused"))
    with pytest.raises(InvalidInput, match="is not empty and holds no run"):
        state.result()
    assert states_of(flow_run) == {}
    assert {path.name for path in tmp_path.iterdir()} == {"chapter.txt"}


@pytest.mark.slow
def test_another_fit_of_the_same_folder_is_refused_or_waited_for(prefect_home, world, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "locked", partial(locked, beat=0.2))
    config = _config(world, tmp_path / "run", "overlapping")
    with fit.alone(config):
        flow_run, state = _run(config)
        with pytest.raises(RunInProgress, match=r"run is at work .process \d+ on"):
            state.result()
        assert states_of(flow_run) == {}
        waiting = threading.Thread(target=_run, args=[config.model_copy(update={"wait": 60.0})])
        waiting.start()
        time.sleep(1)
        assert waiting.is_alive()
        assert not (tmp_path / "run").exists()
    waiting.join(60)
    assert digests(tmp_path / "run")
    assert not list(tmp_path.glob(".*"))


# --- as a program ---------------------------------------------------------------------------------


def _words(world: World, output: Path, store: str) -> list[object]:
    columns = ["--id", "id", "--date", "date", "--class", "class"]
    return [world.csv, *columns, "--encoder", world.model, "--store", world.store(store).root, "--output", output]


def _without_api(monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_API")]:
        monkeypatch.delenv(name)


@pytest.mark.slow
def test_it_runs_without_a_server(world, by_the_library, tmp_path, monkeypatch):
    _without_api(monkeypatch)
    words = _words(world, tmp_path / "run", "without a server")
    code, out, err = command(*words, module="flows.fit", PREFECT_HOME=str(tmp_path / "home"))
    assert code == 0, err
    assert "T0001" in out
    assert f"Report: {tmp_path / 'run' / 'report.html'}" in out
    assert "Traceback" not in err
    assert digests(tmp_path / "run") == digests(by_the_library)
    assert _kept(tmp_path / "home") == []


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    with running_server(tmp_path) as server:
        yield server


@pytest.mark.slow
def test_it_runs_on_a_server_and_shows_there(world, by_the_library, server, tmp_path):
    store = tmp_path.name
    for name, wanted in (("first", {"Completed", "Cached"}), ("second", {"Cached"})):
        words = _words(world, tmp_path / name, store)
        code, _, err = command(
            *words, "--quiet", module="flows.fit", PREFECT_API_URL=server.url, PREFECT_HOME=str(tmp_path / "client")
        )
        assert (code, err) == (0, "")
        assert digests(tmp_path / name) == digests(by_the_library)
        newest, *_ = server.ask("flow_runs/filter", sort="EXPECTED_START_TIME_DESC")
        assert newest["state_name"] == "Completed"
        assert newest["name"] == f"topics {world.csv} seed 0"
        tasks = _settled(server, newest["id"])
        assert len(tasks) == len(load(tmp_path / name).stages)
        assert {task["state_name"] for task in tasks} == wanted
    assert {artifact["key"] for artifact in server.ask("artifacts/filter")} == {"topics-report", "topics-table"}
    assert _kept(server.home) == _kept(tmp_path / "client") == []


def _settled(server: Server, flow_run: str) -> list[dict[str, Any]]:
    for _ in range(50):  # events of tasks arrive a moment later
        tasks: list[dict[str, Any]] = server.ask("task_runs/filter", flow_runs={"id": {"any_": [flow_run]}})
        if tasks and all(task["state_type"] in ("COMPLETED", "FAILED") for task in tasks):
            break
        time.sleep(0.2)
    return tasks
