"""Commands that look into a run and use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from topics import options
from topics.cli import shared
from topics.cli.shared import write_table
from topics.errors import InvalidConfig


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("topic", required=False)
@click.option("--layers", is_flag=True, help="show the coarser topics that these are part of, layer by layer")
@shared.as_json
def show(run_folder: str, topic: str | None, layers: bool, as_json: bool) -> None:
    """Show the topics of RUN, or one TOPIC (3 or T0004) with its terms and documents."""
    from topics.console import dial_told, layers_table, out, print_topic, vectors_told
    from topics.folder import load
    from topics.report.terminal import topics_table

    run = load(run_folder)
    if layers:
        click.echo(run.layers.to_json(orient="records")) if as_json else out().print(layers_table(run))
    elif as_json:
        told = run.topics if topic is None else run.topic(topic)
        click.echo(told.to_json(orient="records") if topic is None else told.to_json())
    elif topic is None:
        out().print(topics_table(run))
        for line in [*dial_told(run), *vectors_told(run.metrics)]:
            out().print(f"  {line}", highlight=False)
    else:
        print_topic(run, topic)


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("input")
@options.columns
@click.option("--output", metavar="FILE", help=".csv, .jsonl or .parquet; default: CSV on standard output")
@click.option(
    "--embeddings",
    "vectors",
    metavar="FILE",
    help="vectors of the documents, for a RUN that was fitted on vectors: as after precomputed: in --encoder",
)
@click.option("--distribution", is_flag=True, help="the likeliest topics of each document instead, at most five")
@click.option(
    "--passages", is_flag=True, help="cut the documents into passages that the encoder reads, and place those"
)
@shared.scheduler
@shared.store
@shared.quiet
def assign(
    run_folder: str,
    input: str,  # noqa: A002
    output: str | None,
    vectors: str | None,
    distribution: bool,
    passages: bool,
    scheduler: str | None,
    store_root: str | None,
    quiet: bool,
    **given: Any,
) -> None:
    """Place the documents of INPUT among the topics of RUN; a line each, in their order."""
    from topics import api, reading
    from topics.console import telling
    from topics.corpus import read
    from topics.embedding.precomputed import SCHEME, file_rows
    from topics.executors import Dask
    from topics.folder import load
    from topics.store import Store

    suffix = Path(output).suffix if output else ".csv"
    if suffix not in (".csv", ".jsonl", ".parquet"):
        raise InvalidConfig(f"--output {output}: its name must end in .csv, .jsonl or .parquet.")
    if passages and (distribution or vectors or scheduler):
        raise InvalidConfig(
            "--passages goes with none of --distribution, --embeddings and --scheduler: passages are encoded here."
        )
    run = load(run_folder)
    _, columns = options.gather(None, given)
    with telling(quiet):
        corpus = read(input, **columns).corpus
        rows = file_rows(corpus, f"{SCHEME}{vectors.removeprefix(SCHEME)}", input) if vectors else None
        if passages:
            table = reading.passages(run, corpus, store=Store(store_root))
        else:
            place = api.distribution if distribution else api.assign
            executor = Dask(scheduler) if scheduler else None
            table = place(run, corpus, store=Store(store_root), embeddings=rows, executor=executor)
    write_table(table, output, suffix)


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("query")
@click.option("--topic", metavar="TOPIC", help="look only into this one: 3 or T0004")
@click.option("--limit", type=int, default=10, show_default=True, metavar="INT", help="most documents, and most topics")
@click.option("--encoder", metavar="NAME", help="what made the vectors of RUN, if it was fitted on vectors")
@shared.store
@shared.quiet
@shared.as_json
def search(
    run_folder: str,
    query: str,
    topic: str | None,
    limit: int,
    encoder: str | None,
    store_root: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Find the topics and documents of RUN that are nearest in meaning to QUERY."""
    from topics.console import print_found, telling
    from topics.folder import load
    from topics.search import search as find
    from topics.store import Store

    with telling(quiet or as_json):
        found = find(load(run_folder), query, topic, limit, Store(store_root), encoder)
    if as_json:
        tables = {"topics": found.topics, "documents": found.documents}
        told = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        print_found(found)


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--to", required=True, metavar="FORMAT", help="parquet, npy, lancedb or milvus")
@click.option("--output", metavar="PATH", help="default: beside RUN, named after it")
@click.option("--with-text", is_flag=True, help="write the texts, too, where RUN keeps them")
@shared.quiet
def export(run_folder: str, to: str, output: str | None, with_text: bool, quiet: bool) -> None:
    """Write the vectors of RUN with ids and topics: files, or a database of vectors."""
    from topics.console import telling
    from topics.exports import default_path
    from topics.exports import export as write
    from topics.folder import load

    path = Path(output) if output else default_path(Path(run_folder), to)
    with telling(quiet):
        made = write(load(run_folder), to, path, with_text)
    if not quiet:
        left = f"; {made.without_text:,} without text have none" if made.without_text else ""
        click.echo(
            f"{made.documents:,} documents and {made.topics:,} topics, with vectors of {made.dimensions:,} numbers, "
            f"are in {made.path}{left}."
        )


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--format", "formats", default="html,md", show_default=True, help="which reports to write: html, md, pdf")
def report(run_folder: str, formats: str) -> None:
    """Write the reports of RUN again, from what its folder holds."""
    from topics.folder import rewrite_reports

    for path in rewrite_reports(Path(run_folder), [name.strip() for name in formats.split(",")]):
        click.echo(str(path))
