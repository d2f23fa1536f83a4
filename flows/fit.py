"""Fit topics as a Prefect flow: one task for each stage, references between them, the library's own store.

    python -m flows.fit posts.csv --text body

It runs against the server PREFECT_API_URL names, or without one. The flow calls the same
`fit_topics` as the library and hands it a function that runs a stage as a task, so the run folder
has the same digests, whoever made it.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import click
from prefect import flow, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed
from pydantic import Field, model_validator

from flows.alerts import emit
from flows.progress import ArtifactWatcher
from flows.publishing import completed, listen, show, tell_failure
from flows.workers import check_seen, on_worker
from topics import options
from topics.cli import default_name, run_command
from topics.config import Config
from topics.console import print_result, telling
from topics.corpus import Source, file_digest
from topics.errors import TopicsError
from topics.folder import check_target, load, save
from topics.locking import locked
from topics.pipeline import fit_topics, told_name
from topics.progress import watched
from topics.steps import BUILTIN, STAGES
from topics.store import Ref, Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from prefect.client.schemas.objects import State

    from topics.workshop import Outcome, RunStage, Stage


class RunConfig(Config):
    """What to fit, and where the result goes: the one parameter of the flow."""

    input: str = Field(BUILTIN, description="file, folder or glob; by default the built-in corpus")
    text: str | None = Field(None, description="column with the texts; guessed if not given")
    id: str | None = Field(None, description="column with unique ids")
    date: str | None = Field(None, description="column with dates")
    class_: str | None = Field(None, description="column with known classes")
    output: str | None = Field(None, description="run folder; by default outputs/NAME of the input")
    store: str | None = Field(None, description="by default $TOPICS_STORE, else outputs/store")
    stages_on_workers: bool = Field(
        False, description="run whole stages on the workers of the scheduler as well; they must see the store"
    )
    wait: float = Field(0.0, ge=0, description="seconds to wait for another run of the same; then the run fails")
    webhooks: tuple[str, ...] = Field(
        (), description="URLs, or $NAME for variables of the environment, that get JSON with a text when a run fails"
    )

    @model_validator(mode="after")
    def _workers_of_a_scheduler(self) -> Self:
        if self.stages_on_workers and not self.scheduler:
            raise ValueError("stages_on_workers: on whose? Give a scheduler, as tcp://host:8786")
        return self

    @property
    def settings(self) -> Config:
        """The part the library takes."""
        return Config(**self.model_dump(include=set(Config.model_fields)))

    @property
    def source(self) -> Source:
        """The part that says what to read."""
        return Source(self.input, self.text, self.id, self.date, self.class_)

    @property
    def folder(self) -> Path:
        """Where the run goes."""
        return Path(self.output or Path("outputs") / default_name(self.input))


def worth_retrying(_task: Any, _run: Any, state: State[Any]) -> bool:
    """Whether another attempt may help: what the library refuses it will refuse again."""
    return not isinstance(state.result(raise_on_failure=False), TopicsError)


@task(cache_policy=NO_CACHE, persist_result=False, retry_condition_fn=worth_retrying)
def run_stage(
    name: str, inputs: Sequence[Ref], params: Mapping[str, Any], store: str, settings: Config
) -> State[Outcome] | Outcome:
    """Run one stage against the store; a stage that was run before ends in the state `Cached`."""
    with watched(ArtifactWatcher()):
        outcome = settings.workshop(Store(store)).run(STAGES[name], inputs, params)
    if outcome.cached:
        return Completed(name="Cached", message=f"{outcome.ref} was in the store", data=outcome)
    return outcome


@flow(
    name="topics",
    flow_run_name="topics {config.input} seed {config.seed}",
    persist_result=False,
    result_serializer="json",  # Prefect keeps errors all the same, and would pickle them
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
)
def fit_topics_flow(config: RunConfig) -> str:
    """Find the topics of documents and write a run folder.

    Returns
    -------
    str
        The run folder.
    """
    listen()
    settings, store = config.settings, Store(config.store)
    check_target(config.folder)
    with tags("topics"), alone(config):
        run = fit_topics(config.source, settings, settings.workshop(store), run_stages(config))
        folder = save(run, config.folder)
    show(run, folder)
    emit(completed(run, folder.name, folder))
    return str(folder)


def alone(config: RunConfig) -> AbstractContextManager[Any]:
    """Be the only one who writes a folder; see `topics.locking.locked`."""
    folder = config.folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    return locked(folder.with_name(f".{folder.name}.lock"), config.folder, config.wait)


def run_stages(config: RunConfig) -> RunStage:
    """A function that runs each stage as a task."""
    settings, store = config.settings, str(Store(config.store).root.absolute())
    if config.stages_on_workers and config.scheduler:
        check_seen(Store(store), config.scheduler)

    def as_task(stage: Stage, inputs: Sequence[Ref], params: Mapping[str, Any]) -> Outcome:
        told = told_name(stage, params)
        # Only what reaches outside can go better the second time.
        named = run_stage.with_options(
            name=told, retries=2 if stage.outside else 0, retry_delay_seconds=[2, 10] if stage.outside else 0
        )
        if config.stages_on_workers and config.scheduler and not stage.outside:  # files and models are here
            given = {"name": stage.name, "inputs": inputs, "params": params, "store": store, "settings": settings}
            return cast("Outcome", on_worker(named, given, config.scheduler))
        state = named(stage.name, inputs, params, store, settings, return_state=True)
        return cast("Outcome", state.result())

    return as_task


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("input", required=False)
@click.option("--demo", is_flag=True, help="the built-in corpus; also without INPUT")
@options.columns
@options.settings
@click.option("--output", metavar="DIR", help="run folder; default: outputs/NAME of the input")
@click.option("--store", metavar="DIR", help="default: $TOPICS_STORE, else outputs/store")
@click.option("--wait", type=click.FloatRange(0), default=0.0, help=RunConfig.model_fields["wait"].description)
@click.option("--stages-on-workers", is_flag=True, help="run whole stages on the scheduler's workers, too")
@click.option("--quiet", is_flag=True, help="no progress, no log: nothing but the result")
def command(
    input: str | None,  # noqa: A002
    demo: bool,
    output: str | None,
    store: str | None,
    wait: float,
    stages_on_workers: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Find the topics of INPUT in a Prefect flow: a task for each stage, the result in a run folder.

    INPUT is a CSV, TSV, JSON, JSONL, Parquet or text file, a folder, or a glob; without it, docstrings of the
    installed packages are read. With PREFECT_API_URL set the run shows on that server, otherwise one is
    started for as long as it takes. `topics fit` does the same without Prefect.
    """
    if demo and input:
        raise click.UsageError("--demo and INPUT exclude each other.")
    began = time.perf_counter()
    settings, columns = options.gather(given.pop("config_file"), given)
    if stages_on_workers and not settings.scheduler:
        raise click.UsageError("--stages-on-workers: on whose? Give a --scheduler, as tcp://host:8786.")
    told = {
        **settings.model_dump(),
        **columns,
        "input": input or BUILTIN,
        "output": output,
        "store": store,
        "wait": wait,
    }
    config = RunConfig.model_validate({**told, "stages_on_workers": stages_on_workers})
    check_target(config.folder)
    if config.input != BUILTIN:
        file_digest(config.source)  # a wrong path is said before a server is started for it
    for name in ("prefect.flow_runs", "prefect.task_runs", "prefect.engine"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # errors are told once, by `run_command`
    with telling(quiet):
        folder = Path(fit_topics_flow(config))
    print_result(load(folder), folder, time.perf_counter() - began, around="Prefect, report and files")


if __name__ == "__main__":
    import sys

    sys.exit(run_command(command, sys.argv[1:]))
