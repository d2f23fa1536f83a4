"""On a real server: schedules fire, deployments run, and what is killed goes on."""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest
from prefect_server import Server, end, running_server, start, wait_until
from surfaces_fakes import ROOT, World, command, documents

from flows.serve import deployment_of, schedule_of
from flows.update import UpdateConfig
from topics import InvalidConfig, Registry, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from topics.run import Run

# --- what needs no server


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((None, None, None), "say when"),
        (("0 6 * * 1", 60.0, None), "say when"),
        ((None, 1.0, None), "at least 5 seconds"),
        (("every monday", None, None), "is no schedule"),
        (("0 6 * * 1", None, "Mars/Olympus"), "is no schedule"),
    ],
)
def test_what_is_no_schedule_is_said(asked, message):
    with pytest.raises(InvalidConfig, match=message):
        schedule_of(*asked)


def test_a_deployment_is_named_after_its_model_and_never_runs_twice_at_a_time():
    config = UpdateConfig(model="mails", input="inbox/", min_cluster_size=7)
    made = deployment_of(config, schedule_of("0 6 * * 1", None, "Europe/Berlin"))
    assert (made.name, made.flow_name) == ("mails", "topics-update")
    assert made.tags == ["topics", "model:mails"]
    assert (made.concurrency_limit, made.concurrency_options.collision_strategy.value) == (1, "CANCEL_NEW")
    assert (made.schedules[0].schedule.cron, made.schedules[0].schedule.timezone) == ("0 6 * * 1", "Europe/Berlin")
    assert UpdateConfig(**made.parameters["config"]) == config
    assert made.entrypoint == "flows.update.update_topics_flow"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--interval", "60"], "say what: --config FILE"),
        (["--interval", "60", "--config", "a.toml"], "no configuration file a.toml"),
        (["--interval", "60", "--config", "{file}"], "a schedule needs a Prefect server"),
        (["--interval", "60", "--config", "{file}", "--config", "{file}"], "two files are about the model 'mails'"),
    ],
)
def test_what_cannot_be_served_is_said(tmp_path, words, message, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PREFECT_API")]:
        monkeypatch.delenv(name)
    file = tmp_path / "mails.toml"
    file.write_text('model = "mails"\ninput = "inbox/"\n')
    given = [word.format(file=file) for word in words]
    code, out, err = command(*given, module="flows.serve", PREFECT_HOME=str(tmp_path / "home"))
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())


# --- what does


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


class Scheduled:
    """A model with an inbox, and how to run things about it on a server."""

    def __init__(self, world: World, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.inbox, self.registry, self.log = folder / "inbox", Registry(folder / "runs"), folder / "log"
        self.inbox.mkdir()
        self.rows = documents(200)
        self.config = {
            "model": folder.name,
            "input": str(self.inbox),
            "output": str(self.registry.root),
            "text": "text",
            "id": "id",
            "date": "date",
            "encoder": world.model,
            "store": str(world.store("served").root),
        }
        self.environment = {
            "PREFECT_API_URL": server.url,
            "PREFECT_HOME": str(server.home),
            "PYTHONPATH": str(ROOT),
            "PREFECT_LOGGING_LEVEL": "INFO",
        }

    def drop(self, name: str, start: int, stop: int) -> None:
        self.rows.iloc[start:stop].to_csv(self.inbox / name, index=False)

    def start(self, *words: str) -> Any:
        return start(list(words), self.log, ROOT, **self.environment)

    def completed(self, deployment: str, number: int, seconds: float = 120) -> list[dict[str, Any]]:
        """The first runs of a deployment, once so many have come to a good end; one that met another is left out."""

        def ended() -> list[dict[str, Any]]:
            runs = [run for run in self.server.runs_of(deployment) if run["end_time"]]
            assert {run["state_type"] for run in runs} <= {"COMPLETED", "CANCELLED"}, self.log.read_text()
            done = [run for run in runs if run["state_type"] == "COMPLETED"]
            return done if len(done) >= number else []

        found: list[dict[str, Any]] = wait_until(ended, seconds, self.log)
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of a name that are about this model."""
        wanted = {"event": {"name": [name]}, "resource": {"id": [f"topics.model.{self.config['model']}"]}}
        found: list[dict[str, Any]] = self.server.ask("events/filter", filter=wanted)["events"]
        return found


@pytest.fixture
def scheduled(world, server, tmp_path) -> Scheduled:
    return Scheduled(world, server, tmp_path)


@pytest.mark.slow
def test_a_schedule_fires_again_and_again_and_without_news_the_run_is_cached(scheduled):
    # Under SQLAlchemy 2.1 everything else works and schedules never fire.
    scheduled.drop("a.csv", 0, 160)
    file = scheduled.folder / "topics.toml"
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in scheduled.config.items()))
    process = scheduled.start("-m", "flows.serve", "--interval", "10", "--config", str(file))
    try:
        first, *later = scheduled.completed(scheduled.config["model"], 2)
    finally:
        code = end(process, signal.SIGINT)
    assert code == 0, scheduled.log.read_text()
    assert first["state_name"] == "Completed", scheduled.log.read_text()
    assert {run["state_name"] for run in later} <= {"Cached"}
    assert first["auto_scheduled"]
    assert first["name"] == f"{scheduled.config['model']} from {scheduled.inbox}"
    assert set(first["tags"]) >= {"topics", f"model:{scheduled.config['model']}"}
    assert [run.name for run in scheduled.registry.runs] == ["0001"]
    (deployment,) = scheduled.server.ask(
        "deployments/filter", deployments={"name": {"any_": [scheduled.config["model"]]}}
    )
    assert not deployment["paused"]
    assert "Traceback" not in scheduled.log.read_text()


@pytest.mark.slow
def test_a_server_of_its_own_is_ended_with_it(scheduled):
    file = scheduled.folder / "topics.toml"
    file.write_text(f'model = "mails"\ninput = "{scheduled.inbox}"\n')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scheduled.environment["PREFECT_HOME"] = str(scheduled.folder / "home")
    words = ["-m", "flows.serve", "--interval", "3600", "--config", str(file), "--start-server", "--port", str(port)]
    process = scheduled.start(*words)
    try:
        wait_until(lambda: "being served" in scheduled.log.read_text(), 120, scheduled.log)
        second = scheduled.start(*words)
        assert second.wait(60) == 2
        assert f"port {port} is taken" in scheduled.log.read_text()
    finally:
        code = end(process, signal.SIGINT)
    assert code == 0, scheduled.log.read_text()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert "Traceback" not in scheduled.log.read_text()


@pytest.mark.slow
def test_all_deployments_of_the_project_are_made_and_a_worker_runs_an_update_from_end_to_end(scheduled):
    run = ["-m", "prefect", "--no-prompt"]
    made = scheduled.start(*run, "work-pool", "create", "topics", "--type", "process")
    assert made.wait(60) == 0, scheduled.log.read_text()
    deployed = scheduled.start(*run, "deploy", "--all")
    assert deployed.wait(60) == 0, scheduled.log.read_text()
    deployments = {
        each["name"]: each
        for each in scheduled.server.ask("deployments/filter", work_pools={"name": {"any_": ["topics"]}})
    }
    assert set(deployments) == {"inbox", "tickets", "fit"}
    schedules = {each["slug"]: each for each in deployments["inbox"]["schedules"]}
    assert {slug: each["schedule"]["cron"] for slug, each in schedules.items()} == {
        "nightly": "0 3 * * 1-6",
        "weekly-refit": "0 3 * * 0",
    }
    weekly = {**deployments["inbox"]["parameters"], **schedules["weekly-refit"]["parameters"]}
    assert UpdateConfig(**weekly["config"]).refit == "always"
    assert UpdateConfig(**deployments["tickets"]["parameters"]["config"]).sql == "$TICKETS_DATABASE"
    form = deployments["inbox"]["parameter_openapi_schema"]["definitions"]["UpdateConfig"]["properties"]
    assert form["refit"]["enum"] == ["auto", "always", "never"]

    worker = scheduled.start("-m", "prefect", "worker", "start", "--pool", "topics", "--type", "process")
    try:
        for number, (start, stop) in enumerate(((0, 160), (160, 200)), 1):
            scheduled.drop(f"{number}.csv", start, stop)
            path = f"deployments/{deployments['inbox']['id']}/create_flow_run"
            scheduled.server.ask(path, parameters={"config": {**scheduled.config, "refit": "never"}})
            scheduled.completed("inbox", number)
            assert scheduled.registry.latest.name == f"{number:04d}", scheduled.log.read_text()
    finally:
        end(worker, signal.SIGINT)
    first, second = load(scheduled.registry.previous), load(scheduled.registry.latest)
    assert (len(first.documents), len(second.documents)) == (160, 200)
    assert (second.updated["documents_new"], second.updated["decision"]) == (40, "assigned")
    assert second.topics["topic_id"].tolist() == first.topics["topic_id"].tolist()
    ended = wait_until(lambda: [*scheduled.events("topics.run.completed")][1:], 20, scheduled.log)
    assert len(ended) == 1
    assert scheduled.server.ask("logs/filter", logs={"level": {"ge_": 40}}) == []


@pytest.mark.slow
def test_the_automations_of_the_documentation_are_taken_by_a_server(scheduled):
    for name in ("zombies", "refit"):
        made = scheduled.start("-m", "prefect", "automation", "create", "--from-file", f"docs/automations/{name}.yaml")
        assert made.wait(60) == 0, scheduled.log.read_text()
    found = {each["name"]: each for each in scheduled.server.ask("automations/filter")}
    assert found["topics-zombies"]["actions"][0]["type"] == "change-flow-run-state"
    assert found["topics-refit"]["trigger"]["match"]["topics.decision"] == "assigned"


# --- killed

KILLED = """
import os, signal, sys
from flows import update
from topics.registry import Registry
from topics.workshop import Workshop

at, words = sys.argv[1], sys.argv[2:]

def die(*given):
    os.kill(os.getpid(), signal.SIGKILL)

def dying_at(stage, run):
    def run_and_die(self, given, *more):
        if given.name == stage:
            die()
        return run(self, given, *more)
    return run_and_die

if at == "report":
    update.rewrite_reports = die
elif at == "publish":
    Registry.publish = die
elif at == "pointers":
    Registry._point = die
elif at == "prune":
    Registry.prune = die
else:
    Workshop.run = dying_at(at, Workshop.run)
update.command.main(words, standalone_mode=False)
"""


@pytest.mark.slow
def test_killed_at_any_stage_the_next_run_goes_on_from_there(scheduled):
    words = [word for name, value in scheduled.config.items() for word in (f"--{name}", value) if name != "input"]
    words.append(scheduled.config["input"])

    def killed(at: str) -> None:
        process = scheduled.start("-c", KILLED, at, *words)
        assert process.wait(120) == -signal.SIGKILL, scheduled.log.read_text()
        assert (scheduled.registry.root / "lock").exists()

    def update() -> Run:
        process = scheduled.start("-m", "flows.update", *words)
        assert process.wait(120) == 0, scheduled.log.read_text()
        assert not (scheduled.registry.root / "lock").exists()
        assert not (scheduled.registry.root / ".staging" / "run").exists()
        return load(scheduled.registry.latest)

    scheduled.drop("a.csv", 0, 160)
    for at in ("neighbors", "report", "pointers"):
        killed(at)
        assert scheduled.registry.latest is None
    run = update()
    assert all(stage.cached for stage in run.stages)
    scheduled.drop("b.csv", 160, 200)
    killed("publish")
    assert scheduled.registry.latest.name == "0001"
    killed("prune")
    assert (scheduled.registry.latest.name, scheduled.registry.previous.name) == ("0002", "0001")
    scheduled.drop("c.csv", 0, 200)
    process = scheduled.start("-m", "flows.update", *words)
    assert process.wait(120) == 0
    assert "nothing new" in scheduled.log.read_text()
    assert len(load(scheduled.registry.latest).documents) == 200
