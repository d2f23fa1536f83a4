"""Keep the topics of a growing source up to date: what is new is read, placed, and published as the latest run.

    python -m flows.update inbox/ --model tickets --text body --id ticket
    python -m flows.update --model tickets --sql '$TICKETS' --since 1970-01-01 --watermark created \\
        --query "select id, body, created from tickets where created >= :since" --text body --id id --date created

The first run fits, later ones update; one that finds nothing new ends as `Cached` and publishes nothing. The runs of a
model are a `topics.registry.Registry`: outputs/models/NAME, with `latest` and `previous`.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click
from prefect import flow, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run as this_run
from prefect.states import Completed
from prefect.tasks import exponential_backoff
from pydantic import ConfigDict, Field, model_validator

from flows.fit import RunConfig, run_stages, worth_retrying
from flows.publishing import listen, show, tell_failure, tell_of
from flows.sources import Place, gather
from flows.state import Intake, base_of, changed_settings, keep, source_of, sweep_out
from topics import options
from topics.cli import default_name, run_command
from topics.config import read_toml
from topics.console import print_result, telling
from topics.executors import Dask
from topics.folder import load, rewrite_reports, save
from topics.pipeline import fit_topics
from topics.registry import Registry
from topics.store import Store
from topics.updates.updating import update

if TYPE_CHECKING:
    from topics.run import Run

log = logging.getLogger("topics.flows")

_OWN_FIRST = "model input sql query watermark since text id date class_ refit grow window replace".split()


def _in_order(schema: dict[str, Any]) -> None:
    """In the form, what people fill in comes first."""
    fields = schema["properties"]
    schema["properties"] = {name: fields[name] for name in (*_OWN_FIRST, *(n for n in fields if n not in _OWN_FIRST))}


class UpdateConfig(RunConfig):
    """What to keep up to date, and how: the one parameter of the flow."""

    model_config = ConfigDict(json_schema_extra=_in_order)

    model: str = Field(
        "",
        pattern=r"^(\w[\w.-]*)?$",
        description="name of the model; its runs are in outputs/models/NAME; by default that of the input",
    )
    input: str = Field(
        "",
        description="file, folder, glob, or URL (s3://, https://, any of fsspec); $NAME: variable of the environment",
    )
    sql: str | None = Field(None, description="instead of input: URL of a database, as SQLAlchemy takes it, or $NAME")
    query: str | None = Field(None, description="what to read from it; :since stands for where the last run ended")
    watermark: str | None = Field(None, description="column of the query whose greatest value is the next :since")
    since: int | float | str | None = Field(None, description="the first :since, such as 0 or 1970-01-01")
    refit: Literal["auto", "always", "never"] = Field(
        "auto", description="find the topics again: when novelty or drift ask for it, at every update, or never"
    )
    grow: bool = Field(False, description="make new topics of new documents that no topic wants; no other moves")
    window: str | None = Field(None, description="drop documents older than that before the newest: 90d, 12w, 6m, 1y")
    replace: bool = Field(False, description="take a new text for an id that is there already; else that is an error")
    runs: int = Field(10, ge=2, description="runs to keep; the latest and the previous one always stay")
    webhooks: tuple[str, ...] = Field(
        (),
        description="URLs (or $NAME) that are told of drift, of newborn topics and of failed runs, as JSON with a text",
    )

    @model_validator(mode="after")
    def _one_source(self) -> UpdateConfig:
        if bool(self.input) == bool(self.sql):
            raise ValueError("documents come from input, or from sql and query: give one of them")
        if self.sql and not self.query:
            raise ValueError("sql needs a query, such as: select id, body from tickets where id > :since")
        if self.sql and not self.model:
            raise ValueError("model: what comes from a database needs a name")
        return self

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.model or default_name(self.input.split("?")[0].strip("${}"))

    @property
    def folder(self) -> Path:
        """Where its runs are."""
        return Path(self.output or Path("outputs") / "models" / self.name)

    @property
    def place(self) -> Place:
        """Where its documents come from."""
        columns = {"text": self.text, "id": self.id, "date": self.date, "class_": self.class_}
        return Place(self.input or None, self.sql, self.query, self.watermark, self.since, columns)


_TASK: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}
_OUTSIDE: dict[str, Any] = {
    **_TASK,
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": worth_retrying,
}


@task(name="take in", task_run_name="take in {place.name}", **_OUTSIDE)
def take_in(place: Place, base: Path | None, folder: Path) -> tuple[Path | None, Intake, str]:
    """Read what is new since a run, and write it where the fit will read it: the file, or None, and what to keep."""
    intake = Intake.of(base)
    found = gather(place, intake.seen)
    path = keep(found.reading.corpus, load(base) if base else None, folder) if found.reading else None
    return path, Intake(found.seen, (*intake.documents, *([path.name] if path else []))), found.told


def go_on(config: UpdateConfig, base: Path, path: Path | None) -> Run | None:
    """Go on from a run, with new documents if there are any; None if nothing came of it."""
    run, asked = load(base), _refit_asked(config, base)
    if asked:  # new settings are those of the refit; whose work it is, is no setting of a run
        run = replace(run, config=config.settings.model_copy(update={"scheduler": None}))
    run = update(
        run,
        source_of(path) if path else [],
        refit="always" if asked else config.refit,
        grow=config.grow and not asked,
        window=config.window,
        replace=config.replace,
        store=Store(config.store),
        executor=Dask(config.scheduler) if config.scheduler else None,
        run_stage=run_stages(config),
    )
    told = run.updated
    nothing = not told["documents_new"] and not told["documents_dropped"] and told["decision"] == "none"
    return None if nothing else run


@task(name="report", **_TASK)
def write_reports(folder: Path) -> None:
    """Write the reports of a run that is written already."""
    rewrite_reports(folder, ["html", "md"])


def _refit_asked(config: UpdateConfig, base: Path) -> bool:
    """Whether all topics are to be found again whatever came: because of `refit`, or of settings that have changed."""
    if config.refit != "auto" or not (changed := changed_settings(base, config.settings)):
        return config.refit == "always"
    log.info("Settings have changed since run %s, so topics are found again: %s.", base.name, ", ".join(changed))
    return True


def _run_name() -> str:
    config = this_run.parameters.get("config")
    if not isinstance(config, UpdateConfig):
        config = UpdateConfig.model_validate(config)
    how = "" if config.refit == "auto" else f", refit {config.refit}"
    return f"{config.name} from {config.place.name}{how}"


@flow(
    name="topics-update",
    flow_run_name=_run_name,
    persist_result=False,
    result_serializer="json",  # Prefect keeps errors all the same, and would pickle them
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
)
def update_topics_flow(config: UpdateConfig) -> State[str] | str:
    """Read what is new, update the topics, and publish the run as the latest of its model.

    Returns
    -------
    str
        The run folder; if nothing was new that of the latest run, in the state `Cached`.
    """
    listen()
    registry = Registry(config.folder)
    with tags("topics", f"model:{config.name}"), registry.locked(config.wait) as lease:
        base, documents = base_of(registry), registry.root / "documents"
        path, intake, told = _of(take_in, config.place, base, documents)
        if path is None and (base is None or not _refit_asked(config, base)):
            return _nothing_new(base, told)
        if base is None:
            assert path is not None
            workshop = config.settings.workshop(Store(config.store))
            run: Run | None = fit_topics(source_of(path), config.settings, workshop, run_stages(config))
        else:
            run = go_on(config, base, path)
        if run is None:
            return _nothing_new(base, told)
        made = save(run, registry.staging, reports=False)
        intake.write(made)
        reported = write_reports(made, return_state=True)  # what it could not write can be written later
        folder = registry.publish(made, lease)
        registry.prune(config.runs)
        sweep_out(registry, documents)
    return _publish(load(folder), config, folder, reported)


def _publish(run: Run, config: UpdateConfig, folder: Path, reported: State[Any]) -> State[str] | str:
    show(run, folder)
    tell_of(run, config.name, folder, config.webhooks)
    if reported.is_completed():
        return str(folder)
    log.error("%s has no report: %s. Write it with: topics report %s", folder, reported.message, folder)
    return Completed(name="WithoutReport", message=reported.message, data=str(folder))


def _nothing_new(base: Path | None, told: str) -> State[str]:
    log.info("Nothing is new: %s.", told)
    return cast("State[str]", Completed(name="Cached", message=f"nothing new: {told}", data=str(base or "")))


def _of(work: Any, *given: Any) -> Any:
    """What a task gives; an error of it is raised here."""
    return work(*given, return_state=True).result()


def read_config(path: str | None, **given: Any) -> UpdateConfig:
    """The parameter of the flow from a TOML file and what is given besides, which wins.

    Raises
    ------
    InvalidConfig
    """
    told = read_toml(path) if path else {}
    if "class" in told:
        told["class_"] = told.pop("class")
    return UpdateConfig.of(**{**told, **{name: value for name, value in given.items() if value is not None}})


def _options(command: Any) -> Any:
    """Add an option for each field that only an update has."""
    for name in (
        "webhooks",
        "wait",
        "runs",
        "replace",
        "window",
        "grow",
        "refit",
        "since",
        "watermark",
        "query",
        "sql",
    ):
        field = UpdateConfig.model_fields[name]
        words = f"--{name}/--no-{name}" if field.annotation is bool else f"--{name}"
        how: dict[str, Any] = {} if field.annotation is bool else {"metavar": "VALUE"}
        if name == "webhooks":
            words, how = "--webhook", {"metavar": "URL", "multiple": True}
        command = click.option(words, name, default=None, help=field.description, **how)(command)
    return click.option("--model", metavar="NAME", help=UpdateConfig.model_fields["model"].description)(command)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("input", required=False)
@_options
@options.columns
@options.settings
@click.option("--output", metavar="DIR", help="folder of the runs; default: outputs/models/NAME")
@click.option("--store", metavar="DIR", help="default: $TOPICS_STORE, else outputs/store")
@click.option("--quiet", is_flag=True, help="no progress, no log: nothing but the result")
def command(quiet: bool, config_file: str | None, **given: Any) -> None:
    """Read what is new in INPUT, or from a database, and update the topics of a model in a Prefect flow.

    INPUT is a file, folder, glob or URL. The first time topics are fitted; later new documents are placed among them,
    or all topics are found again where that is due, and keep their names. With PREFECT_API_URL set the run shows on
    that server.
    """
    for name in ("text", "id", "date"):
        given[name] = given.pop(f"{name}_")
    for name in options.LISTS:
        parts = [part.strip() for value in given.pop(name, ()) for part in value.split(",") if part.strip()]
        given[name] = tuple(parts) or None
    given["webhooks"] = tuple(given["webhooks"]) or None
    if (given["since"] or "").isdigit():
        given["since"] = int(given["since"])
    config = read_config(config_file, **given)
    for name in ("prefect.flow_runs", "prefect.task_runs", "prefect.engine"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # errors are told once, by `run_command`
    began = time.perf_counter()
    with telling(quiet):
        state = update_topics_flow(config, return_state=True)
        made = str(state.result())
    if state.name == "Cached":
        click.echo(f"{state.message}; {f'the latest run is {made}' if made else 'there is no run yet'}")
    else:
        folder = Path(made)
        print_result(load(folder), folder, time.perf_counter() - began, around="Prefect, report and files")


if __name__ == "__main__":
    import sys

    sys.exit(run_command(command, sys.argv[1:]))
