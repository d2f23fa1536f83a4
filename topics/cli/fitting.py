"""Commands that fit, and that measure and prove what was fitted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from topics import options
from topics.cli import shared
from topics.cli.shared import default_name

if TYPE_CHECKING:
    from topics.run import Run


@click.command()
@click.argument("input")
@options.columns
@options.settings
@click.option("--output", metavar="DIR", help="run folder; default: outputs/NAME of the input")
@click.option("--previous", metavar="RUN", help="run folder to go on from: topics that are the same keep their ids")
@shared.store
@shared.quiet
@shared.as_json
def fit(input: str, **given: Any) -> None:  # noqa: A002
    """Find the topics of INPUT: a CSV, TSV, JSON, JSONL, Parquet or text file, a folder, a glob, or - for stdin."""
    _fit(input, given)


@click.command()
@options.settings
@click.option("--output", metavar="DIR", help="run folder; default: outputs/demo")
@shared.store
@shared.quiet
@shared.as_json
def demo(**given: Any) -> None:
    """Find the topics of six thousand docstrings of the packages installed here."""
    from topics.steps import BUILTIN

    _fit(BUILTIN, given)


def _fit(location: str, given: dict[str, Any]) -> None:
    from topics.console import telling
    from topics.corpus import Source
    from topics.folder import check_target, load, save
    from topics.pipeline import fit_topics
    from topics.store import Store

    began = time.perf_counter()
    quiet, as_json, output = given.pop("quiet"), given.pop("as_json"), given.pop("output")
    before = given.pop("previous", None)
    store = Store(given.pop("store_root"))
    config, columns = options.gather(given.pop("config_file"), given)
    folder = Path(output or Path("outputs") / default_name(location))
    check_target(folder)
    with telling(quiet or as_json):
        past = load(before) if before else None
        run = fit_topics(Source(location, **columns), config, config.workshop(store), previous=past)
        save(run, folder)
    if as_json:
        click.echo(json.dumps(as_told(run, folder), ensure_ascii=False, default=float))
    else:
        from topics.console import print_result

        print_result(run, folder, time.perf_counter() - began)


def as_told(run: Run, folder: Path) -> dict[str, Any]:
    """A run for other programs: what `--json` prints."""
    return {
        "run": run.provenance["run"],
        "folder": str(folder),
        "report": str(folder / "report.html"),
        "metrics": run.metrics,
        "topics": json.loads(run.topics.to_json(orient="records")),
        "stages": [vars(stage) for stage in run.stages],
        "notes": run.provenance["notes"],
        "advice": run.provenance["advice"],
    }


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--labels", metavar="COLUMN", help="column of the input with classes to compare the topics with")
@click.option("--seeds", type=int, default=3, show_default=True, metavar="INT", help="further fits, other seeds")
@click.option(
    "--resamples", type=int, default=3, show_default=True, metavar="INT", help="further fits, of 90 % of the texts"
)
@click.option("--input", "location", metavar="INPUT", help="where the documents are now, if they were moved")
@shared.store
@shared.quiet
@shared.as_json
def evaluate(
    run_folder: str,
    labels: str | None,
    seeds: int,
    resamples: int,
    location: str | None,
    store_root: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Measure RUN more closely: coherence in windows, density, stability; the numbers stay in its evaluation.json."""
    from topics.console import print_evaluation, telling
    from topics.evaluation import evaluate as measure
    from topics.folder import load, save_evaluation
    from topics.store import Store

    with telling(quiet or as_json):
        run = load(run_folder)
        found = measure(run, labels, seeds, resamples, location, Store(store_root))
        path = save_evaluation(found, Path(run_folder))
    if as_json:
        click.echo(found.to_json(), nl=False)
    else:
        print_evaluation(found, run, path)


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--input", "location", metavar="INPUT", help="where the documents are now, if they were moved")
@click.option("--store", "store_root", metavar="DIR", help="take steps from this store; default: compute everything")
@shared.quiet
def verify(run_folder: str, location: str | None, store_root: str | None, quiet: bool) -> None:
    """Prove RUN: its files are as written, and fitting it again gives the same bits."""
    from topics.console import telling
    from topics.store import NO_STORE, Store
    from topics.verification import verify as prove

    with telling(quiet):
        found = prove(run_folder, Store(store_root) if store_root else NO_STORE, location)
    if not quiet:
        click.echo(
            f"Identical: {found.documents:,} documents, {found.topics:,} topics, all {found.files} files bit by bit."
        )
