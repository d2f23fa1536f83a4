"""Try many settings on the same documents, one task for each combination, and show which no other beats.

python -m flows.sweep posts.csv --config grid.toml
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from prefect import flow, tags, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed
from pydantic import ConfigDict, Field, model_validator

from flows.fit import RunConfig, alone
from flows.progress import ArtifactWatcher
from flows.publishing import listen, tell_failure
from topics import options
from topics.cli import default_name, run_command
from topics.config import Config, read_toml
from topics.console import print_sweep, telling
from topics.corpus import file_digest
from topics.errors import InvalidConfig
from topics.progress import track, watched
from topics.store import Store
from topics.swapping import check_place
from topics.sweeping import Plan, save, table, to_markdown, told, try_one

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

log = logging.getLogger("topics.flows")

_OWN_FIRST = "input text id grid draws draw_seed seeds".split()


def _in_order(schema: dict[str, Any]) -> None:
    fields = schema["properties"]
    schema["properties"] = {name: fields[name] for name in (*_OWN_FIRST, *(n for n in fields if n not in _OWN_FIRST))}


class SweepConfig(RunConfig):
    """What to fit, and which settings to vary: the one parameter of the flow."""

    model_config = ConfigDict(json_schema_extra=_in_order)

    grid: dict[str, Any] = Field(
        description='settings and their values: {"min_cluster_size": [10, 20], "coverage": ["auto", 0.9]}; '
        'or a range to draw from: {"resolution": {"from": 0.25, "to": 4.0, "log": true}}'
    )
    draws: int | None = Field(None, ge=1, description="so many combinations at random; by default all there are")
    draw_seed: int = Field(0, ge=0, description="seed of the draws")
    seeds: int = Field(0, ge=0, le=100, description="further fits of each with other seeds, for its stability")

    @model_validator(mode="after")
    def _plan_is_one(self) -> SweepConfig:
        if self.stages_on_workers:
            raise ValueError("stages_on_workers: a sweep runs where its flow does; the scheduler gets its shards")
        try:
            self.plan.points()
        except InvalidConfig as error:
            raise ValueError(str(error).removesuffix(".")) from None
        return self

    @property
    def plan(self) -> Plan:
        """What to try: settings that are varied, and those that were given for all."""
        given = self.model_fields_set & set(Config.model_fields)
        shared = {name: getattr(self, name) for name in given - set(self.grid)}
        return Plan(self.grid, shared, self.draws, self.draw_seed, self.seeds)

    @property
    def folder(self) -> Path:
        """Where the tables go."""
        return Path(self.output or Path("outputs") / f"{default_name(self.input)}-sweep")


@task(cache_policy=NO_CACHE, persist_result=False)
def fit_one(config: SweepConfig, point: dict[str, Any], settings: Config) -> State[dict[str, Any]] | dict[str, Any]:
    """Fit with one combination; `Cached` if every stage of it was in the store."""
    cached: list[bool] = []
    workshop = settings.workshop(Store(config.store))

    def watch(*given: Any) -> Any:
        outcome = workshop.run(*given)
        cached.append(outcome.cached)
        return outcome

    row = try_one(config.source, point, settings, workshop, config.seeds, watch)
    if all(cached) and not row["problem"]:
        return Completed(name="Cached", message="all of it was in the store", data=row)
    return row


@flow(
    name="topics-sweep",
    flow_run_name="sweep {config.input} over {config.grid}",
    persist_result=False,
    result_serializer="json",  # Prefect keeps errors all the same, and would pickle them
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
)
def sweep_topics_flow(config: SweepConfig) -> str:
    """Fit with every combination, and write the tables.

    Returns
    -------
    str
        The folder with sweep.csv and sweep.md.
    """
    listen()
    check_place(config.folder)
    points = config.plan.points()
    rows = []
    with tags("topics"), alone(config), watched(ArtifactWatcher(patience=0.0)):
        for point, settings in track(points, len(points), "Fitting", "combinations"):
            named = fit_one.with_options(name=told(point)[:120])
            state = named(config, point, settings, return_state=True)
            rows.append(cast("dict[str, Any]", state.result()))
        found = table(rows)
        save(found, config.folder)
    create_markdown_artifact(key="topics-sweep", markdown=to_markdown(found), description=str(config.folder))
    best = found[found["best"]].drop(columns=["best", "problem"])
    create_table_artifact(
        key="topics-sweep-best",
        table=json.loads(best.to_json(orient="records")),
        description="No other combination beats these in coverage, coherence and stability at once",
    )
    return str(config.folder)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("input")
@options.columns
@click.option("--config", "config_file", required=True, metavar="FILE", help="TOML with [grid], [sweep] and settings")
@click.option("--output", metavar="DIR", help="folder of the tables; default: outputs/NAME-sweep")
@click.option("--store", metavar="DIR", help="default: $TOPICS_STORE, else outputs/store")
@click.option("--quiet", is_flag=True, help="no progress, no log: nothing but the result")
def command(input: str, config_file: str, output: str | None, store: str | None, quiet: bool, **given: Any) -> None:  # noqa: A002
    """Fit INPUT with many combinations of settings in a Prefect flow; `topics sweep` does the same without Prefect."""
    import pandas as pd

    settings = read_toml(config_file)
    how = settings.pop("sweep", {})
    columns = {f"{name}_": given[f"{name}_"] or settings.pop(name, None) for name in options.COLUMNS}
    for name in options.COLUMNS:
        settings.pop(name, None)
    where = {"input": input, "output": output, "store": store, "class_": columns["class_"]}
    where |= {name: columns[f"{name}_"] for name in ("text", "id", "date")}
    drawn = {"draws": how.get("draws"), "draw_seed": how.get("seed", 0), "seeds": how.get("seeds", 0)}
    grid = {"grid": settings.pop("grid", {})}
    config = SweepConfig.of(**{**settings, **where, **drawn, **grid})
    file_digest(config.source)  # a wrong path is said before a server is started for it
    for name in ("prefect.flow_runs", "prefect.task_runs", "prefect.engine"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # errors are told once, by `run_command`
    with telling(quiet):
        folder = Path(sweep_topics_flow(config))
    found = pd.read_csv(folder / "sweep.csv", keep_default_na=False, na_values={"coherence": "", "stability": ""})
    print_sweep(found, [folder / "sweep.csv", folder / "sweep.md"])


if __name__ == "__main__":
    import sys

    sys.exit(run_command(command, sys.argv[1:]))
