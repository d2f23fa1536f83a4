"""Write the reports of a run again, and show them in Prefect: after an upgrade, or where a run came without.

python -m flows.report outputs/models/tickets/latest
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import click
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict, Field

from flows.publishing import listen, show, tell_failure
from topics.cli import run_command
from topics.console import telling
from topics.folder import load, rewrite_reports


class ReportConfig(BaseModel):
    """Which run to report on: the one parameter of the flow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str = Field(min_length=1, description="run folder, or the latest of a model: outputs/models/NAME/latest")
    formats: tuple[Literal["html", "md", "pdf"], ...] = Field(("html", "md"), min_length=1, description="what to write")
    webhooks: tuple[str, ...] = Field(
        (), description="URLs, or $NAME for variables of the environment, that get JSON with a text when a run fails"
    )


@task(cache_policy=NO_CACHE, persist_result=False, task_run_name="write {formats}")
def write(folder: Path, formats: tuple[str, ...]) -> list[str]:
    """Write the reports; gives their paths."""
    return [str(path) for path in rewrite_reports(folder, list(formats))]


@flow(
    name="topics-report",
    flow_run_name="report on {config.run}",
    persist_result=False,
    result_serializer="json",  # Prefect keeps errors all the same, and would pickle them
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
)
def report_topics_flow(config: ReportConfig) -> list[str]:
    """Write the reports of a run from what its folder holds, and show them as artifacts.

    Returns
    -------
    list of str
        The files.
    """
    listen()
    folder = Path(config.run)
    run = load(folder)  # the run that `latest` is now stays the one, whatever comes after
    paths: list[str] = write(folder.resolve(), config.formats, return_state=True).result()
    show(run, folder.resolve())
    return paths


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("run")
@click.option("--format", "formats", default="html,md", show_default=True, help="which reports to write: html, md, pdf")
def command(run: str, formats: str) -> None:
    """Write the reports of RUN again in a Prefect flow; `topics report` does the same without Prefect."""
    from topics.errors import InvalidConfig

    wanted = tuple(name.strip() for name in formats.split(","))
    if unknown := [name for name in wanted if name not in ("html", "md", "pdf")]:
        raise InvalidConfig(f"no report format {unknown[0]!r}; there are: html, md, pdf.")
    load(run)  # what is no run is said before a server is started for it
    for name in ("prefect.flow_runs", "prefect.task_runs", "prefect.engine"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # errors are told once, by `run_command`
    with telling(quiet=False):
        for path in report_topics_flow(ReportConfig.model_validate({"run": run, "formats": wanted})):
            click.echo(path)


if __name__ == "__main__":
    import sys

    sys.exit(run_command(command, sys.argv[1:]))
