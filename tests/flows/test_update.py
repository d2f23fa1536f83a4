from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from builders import THEMES
from prefect_server import states_of
from pydantic import ValidationError
from surfaces_fakes import World, command, digests, documents

from flows import update as module
from flows.fit import RunConfig
from flows.state import Intake, source_of
from flows.update import UpdateConfig, read_config, update_topics_flow
from topics import InvalidConfig, InvalidInput, Registry, RunInProgress, load, update
from topics.cli import run_command
from topics.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = {"text": "text", "id": "id", "date": "date", "class_": "class"}
OWN = "model sql query watermark since refit grow window replace runs".split()

# --- the form


def test_every_field_of_the_form_has_a_title_a_description_and_what_people_fill_in_comes_first():
    schema = UpdateConfig.model_json_schema()["properties"]
    assert set(OWN) == set(schema) - set(RunConfig.model_fields)
    assert set(Config.model_fields) < set(schema)
    assert list(schema)[:6] == ["model", "input", "sql", "query", "watermark", "since"]
    assert all(field["title"] and field["description"] for field in schema.values())
    assert schema["refit"]["enum"] == ["auto", "always", "never"]
    assert (schema["runs"]["minimum"], schema["runs"]["default"]) == (2, 10)
    assert schema["webhooks"]["items"] == {"type": "string"}


def test_prefect_makes_a_form_of_it_for_every_flow():
    from prefect.utilities.callables import parameter_schema

    schema = parameter_schema(update_topics_flow).model_dump()
    assert schema["required"] == ["config"]
    fields = schema["definitions"]["UpdateConfig"]["properties"]
    assert next(iter(fields)) == "model"
    assert fields["refit"]["enum"] == ["auto", "always", "never"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give one of them"),
        ({"input": "a", "sql": "b"}, "give one of them"),
        ({"sql": "sqlite://", "model": "m"}, "sql needs a query"),
        ({"sql": "sqlite://", "query": "select 1"}, "what comes from a database needs a name"),
        ({"input": "a", "refit": "sometimes"}, "'auto', 'always' or 'never'"),
        ({"input": "a", "model": "../../etc"}, "should match pattern"),
        ({"input": "a", "runs": 1}, "greater than or equal to 2"),
        ({"input": "a", "colour": "red"}, "unknown setting colour"),
    ],
)
def test_what_makes_no_sense_is_refused_in_the_form_and_in_a_file(given, message, tmp_path):
    with pytest.raises(ValidationError):
        UpdateConfig(**given)
    path = tmp_path / "topics.toml"
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items()))
    with pytest.raises(InvalidConfig, match=message):
        read_config(str(path))


def test_a_file_has_all_that_the_form_has(tmp_path):
    path = tmp_path / "topics.toml"
    path.write_text(
        'input = "in"\ntext = "body"\nclass = "tag"\nmin_cluster_size = 7\nwindow = "90d"\nwebhooks = ["$HOOK"]\n'
    )
    config = read_config(str(path), refit="never", text=None)
    assert config == UpdateConfig(
        input="in", text="body", class_="tag", min_cluster_size=7, window="90d", webhooks=("$HOOK",), refit="never"
    )


@pytest.mark.parametrize(
    ("given", "name", "folder"),
    [
        ({"input": "data/mails/"}, "mails", "outputs/models/mails"),
        ({"input": "s3://bucket/tickets/*.csv"}, "tickets", "outputs/models/tickets"),
        ({"input": "https://host/export.csv?token=1"}, "export", "outputs/models/export"),
        ({"input": "$INBOX"}, "INBOX", "outputs/models/INBOX"),
        ({"input": "a", "model": "mine"}, "mine", "outputs/models/mine"),
        ({"input": "a", "output": "there"}, "a", "there"),
    ],
)
def test_a_model_is_called_after_its_input_unless_it_has_a_name(given, name, folder):
    config = UpdateConfig(**given)
    assert (config.name, config.folder) == (name, Path(folder))


def test_help_explains_itself():
    code, out, err = command("--help", module="flows.update")
    assert (code, err) == (0, "")
    told = " ".join(out.split())
    for said in (
        "update the topics of a model",
        "--sql",
        "--query",
        ":since",
        "--webhook",
        "--min-cluster-size",
        "--window",
    ):
        assert said in told


# --- on an API of the tests' own


class Model:
    """A model with an inbox, and what its updates gave."""

    def __init__(self, world: World, folder: Path, store: str) -> None:
        self.inbox, self.registry = folder / "inbox", Registry(folder / "runs")
        self.inbox.mkdir(parents=True)
        self.given = {**COLUMNS, "encoder": world.model, "store": str(world.store(store).root), "model": "tickets"}
        self.rows = documents(200)

    def drop(self, name: str, start: int, stop: int) -> None:
        """A file with some of the documents comes into the inbox."""
        self.rows.iloc[start:stop].to_csv(self.inbox / name, index=False)

    def config(self, **changes: Any) -> UpdateConfig:
        return UpdateConfig(**{"input": str(self.inbox), "output": str(self.registry.root), **self.given, **changes})

    def update(self, **changes: Any) -> Any:
        return update_topics_flow(self.config(**changes), return_state=True)


@pytest.fixture
def model(prefect_home, world, tmp_path) -> Model:
    return Model(world, tmp_path, "updates")


@pytest.mark.slow
def test_the_first_run_is_a_fit_and_the_second_without_news_is_cached(model, world, tmp_path):
    model.drop("a.csv", 0, 160)
    first = model.update()
    folder = Path(first.result())
    assert (first.name, folder) == ("Completed", model.registry.latest)
    assert folder.name == "0001"
    documents = model.registry.root / "documents"
    (kept,) = documents.iterdir()
    assert Intake.of(folder).documents == (kept.name,)
    by_the_library = world.fit(source_of(kept), id=None, date=None, class_=None, text=None).save(tmp_path / "library")
    assert digests(folder) == digests(by_the_library)
    second = model.update()
    assert (second.name, second.message) == ("Cached", "nothing new: 0 of 1 files are new or changed")
    assert Path(second.result()) == folder
    assert [run.name for run in model.registry.runs] == ["0001"]
    assert not (model.registry.root / "lock").exists()


@pytest.mark.slow
@pytest.mark.parametrize("refit", ["never", "always"])
def test_stages_of_an_update_are_tasks_and_it_has_the_digests_of_the_library(model, world, tmp_path, refit):
    model.drop("a.csv", 0, 160)
    before = Path(model.update().result())
    model.drop("b.csv", 160, 200)
    state = model.update(refit=refit)
    folder = Path(state.result())
    kept = model.registry.root / "documents" / Intake.of(folder).documents[-1]
    by_the_library = update(before, source_of(kept), refit=refit, store=world.store(f"library {refit}"))
    assert by_the_library.updated["documents_new"] == 40
    assert digests(folder) == digests(by_the_library.save(tmp_path / "library"))
    states = states_of(state.state_details.flow_run_id, "report")
    stages = {name: state for name, (state, _) in states.items() if not name.startswith(("take in", "report"))}
    assert set(stages) == {"encoder", "embeddings"} | {stage.name for stage in by_the_library.stages}
    assert stages["encoder"] == "Cached"


@pytest.mark.slow
def test_a_report_that_fails_does_not_lose_the_run(model, monkeypatch):
    def fail(*given: object) -> None:
        raise ZeroDivisionError("no report today")

    monkeypatch.setattr(module, "rewrite_reports", fail)
    model.drop("a.csv", 0, 160)
    state = model.update()
    assert state.name == "WithoutReport"
    assert state.is_completed()
    assert "no report today" in state.message
    assert Path(state.result()) == model.registry.latest
    assert len(load(model.registry.latest).documents) == 160


@pytest.mark.slow
def test_another_run_of_the_same_model_is_not_overlapped(model, monkeypatch):
    model.drop("a.csv", 0, 160)
    monkeypatch.setattr(module, "Registry", lambda root: Registry(root, beat=0.2))
    with Registry(model.registry.root, beat=0.2).locked():
        state = model.update()
    assert state.is_failed()
    with pytest.raises(RunInProgress, match="is at work"):
        state.result()
    assert model.registry.latest is None


@pytest.mark.slow
def test_reading_is_tried_again_and_what_the_library_refuses_is_not(model, monkeypatch):
    calls = []

    def flaky(*given: Any) -> Any:
        calls.append(given)
        if len(calls) < 3:
            raise OSError(5, "Input/output error")
        return gather(*given)

    gather: Callable[..., Any] = module.gather
    monkeypatch.setattr(module, "gather", flaky)
    monkeypatch.setattr(module, "take_in", module.take_in.with_options(retry_delay_seconds=0.01))
    model.drop("a.csv", 0, 160)
    assert model.update().is_completed()
    assert len(calls) == 3
    calls[:] = [1, 2, 3]
    model.drop("b.csv", 160, 200)
    state = model.update(text="body")
    with pytest.raises(InvalidInput, match="no column 'body'"):
        state.result()
    assert len(calls) == 4
    assert model.registry.latest.name == "0001"


@pytest.mark.slow
def test_a_run_that_fails_is_told_of(model, monkeypatch):
    from flows import publishing

    told = []
    monkeypatch.setattr(publishing, "tell", lambda alert, webhooks: told.append((alert, tuple(webhooks))))
    assert model.update(webhooks=("http://127.0.0.1:9/hook",)).is_failed()
    ((alert, webhooks),) = told
    assert (alert.event, alert.model, webhooks) == ("topics.run.failed", "tickets", ("http://127.0.0.1:9/hook",))
    assert alert.text.startswith(f"tickets from {model.inbox} ended as Failed: ")
    assert "InvalidInput" in alert.text


@pytest.mark.slow
def test_new_documents_are_placed_and_what_is_known_is_not_taken_twice(model):
    model.drop("a.csv", 0, 150)
    first = load(model.update().result())
    model.drop("a.csv", 0, 160)  # the file grew
    second = load(model.update().result())
    assert second.updated["documents_new"] == 10
    assert second.provenance["previous"]["run"] == first.provenance["run"]
    assert second.documents["id"].tolist() == model.rows["id"].tolist()[:160]
    old, new = (Intake.of(run).documents for run in model.registry.runs)
    assert new[:1] == old
    assert len(pd.read_parquet(model.registry.root / "documents" / new[1])) == 10
    (model.inbox / "a.csv").touch()  # only the clock moved
    state = model.update()
    assert (state.name, state.message) == ("Cached", "nothing new: 1 of 1 files are new or changed")


@pytest.mark.slow
def test_a_refit_has_the_texts_though_the_inbox_was_emptied(model):
    model.drop("a.csv", 0, 120)
    model.update()
    (model.inbox / "a.csv").unlink()
    shutil.rmtree(model.given["store"])
    shutil.copytree(Path(model.given["encoder"]).parent / "stocked", model.given["store"])
    model.drop("b.csv", 120, 200)
    run = load(model.update(refit="always").result())
    assert (run.updated["decision"], len(run.documents)) == ("refitted", 200)
    again = load(model.update(refit="always").result())  # though nothing is new
    assert (again.updated["decision"], again.updated["documents_new"]) == ("refitted", 0)
    assert again.topics["topic_id"].tolist() == run.topics["topic_id"].tolist()
    assert Intake.of(model.registry.latest) == Intake.of(model.registry.previous)
    assert set(run.lineage["event"]) <= {"continued", "drifted", "split", "merged", "born", "died"}


@pytest.mark.slow
def test_a_text_that_was_changed_is_an_error_unless_it_is_to_be_replaced(model):
    model.drop("a.csv", 0, 160)
    model.update()
    model.rows.loc[3, "text"] = "another text altogether"
    model.drop("a.csv", 0, 160)
    with pytest.raises(InvalidInput, match="'d0003' among them"):
        model.update().result()
    run = load(model.update(replace=True).result())
    assert run.updated["documents_replaced"] == 1


@pytest.mark.slow
def test_if_the_latest_run_was_deleted_the_newest_that_is_left_is_gone_on_from(model, caplog):
    for number in (1, 2):
        model.drop(f"{number}.csv", 80 * number, 80 * number + 80)
        model.update()
    shutil.rmtree(model.registry.latest)
    run = load(model.update().result())
    assert run.updated["documents_new"] == 40  # of the run that was deleted, with what its intake knew
    assert "has no latest run any more; going on from 0001" in caplog.text
    shutil.rmtree(model.registry.root)
    assert len(load(model.update().result()).documents) == 120


@pytest.mark.slow
def test_settings_that_were_changed_take_effect_at_the_next_update(model):
    model.drop("a.csv", 0, 160)
    first = load(model.update().result())
    assert model.update(refit="never", n_terms=4).name == "Cached"
    second = load(model.update(n_terms=4).result())
    assert second.config.n_terms == 4
    assert (second.updated["decision"], second.updated["documents_new"]) == ("refitted", 0)
    assert second.topics["terms"].map(len).max() == 4
    assert second.topics["topic_id"].tolist() == first.topics["topic_id"].tolist()
    assert model.update(n_terms=4).name == "Cached"


@pytest.mark.slow
def test_topics_grow_in_the_flow_and_from_its_command_line(model, capfd):
    model.drop("a.csv", 0, 160)
    first = load(model.update().result())
    draw = np.random.default_rng(0)
    rows = [(f"s{row}", f"{' '.join(draw.choice(THEMES[5], 9))}.", "2024-12-01", "strange") for row in range(24)]
    pd.DataFrame(rows, columns=["id", "text", "date", "class"]).to_csv(model.inbox / "b.csv", index=False)
    second = load(model.update(grow=True).result())
    assert (second.updated["decision"], second.updated["documents_new"]) == ("grown", 24)
    born = second.lineage.loc[second.lineage["event"] == "born", "topic_id"].tolist()
    assert born == second.documents["topic_id"][160:].mode().tolist()
    assert second.documents["topic_id"][:160].tolist() == first.documents["topic_id"].tolist()

    model.drop("c.csv", 160, 165)  # and what has grown goes on growing, without being asked again
    columns = ["--text", "text", "--id", "id", "--date", "date", "--class", "class"]
    where = ["--output", str(model.registry.root), "--store", model.given["store"], "--encoder", model.given["encoder"]]
    words = [str(model.inbox), "--model", "tickets", *columns, *where, "--grow", "--quiet"]
    assert run_command(module.command, words) == 0
    assert "T000" in capfd.readouterr().out
    third = load(model.registry.latest)
    assert (third.updated["decision"], third.updated["documents_new"]) == ("grown", 5)
    assert third.topic(born[0])["status"] == "continued"
    assert set(third.topics["topic_id"]) == set(second.topics["topic_id"])
