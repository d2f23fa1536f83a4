"""The command that tries many settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from topics import options
from topics.cli import shared
from topics.cli.shared import default_name


@click.command()
@click.argument("input")
@options.columns
@click.option("--config", "config_file", required=True, metavar="FILE", help="TOML with [grid], [sweep] and settings")
@click.option("--output", metavar="DIR", help="folder of the tables; default: outputs/NAME-sweep, after INPUT")
@shared.store
@shared.quiet
@shared.as_json
def sweep(
    input: str,  # noqa: A002
    config_file: str,
    output: str | None,
    store_root: str | None,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Fit INPUT with many combinations of settings, and show which no other beats.

    \b
    [grid]                             in the file: every combination of these,
    min_cluster_size = [10, 20, 40]
    coverage = ["auto", 0.9]
    [sweep]                            or some of them at random
    draws = 4
    """
    from topics.config import Config, read_toml
    from topics.console import print_sweep, telling
    from topics.corpus import Source
    from topics.store import Store
    from topics.swapping import check_place
    from topics.sweeping import Plan, save
    from topics.sweeping import sweep as try_all

    told = read_toml(config_file)
    columns = {f"{name}_": given[f"{name}_"] or told.pop(name, None) for name in options.COLUMNS}
    for name in options.COLUMNS:
        told.pop(name, None)
    plan = Plan.of(told)
    plan.points()  # what is wrong with one of them is said before anything is read
    folder = Path(output or Path("outputs") / f"{default_name(input)}-sweep")
    check_place(folder)
    source = Source(input, columns["text_"], columns["id_"], columns["date_"], columns["class_"])
    with telling(quiet or as_json):
        found = try_all(source, plan, Config.of(**plan.shared).workshop(Store(store_root)))
    paths = save(found, folder)
    if as_json:
        click.echo(json.dumps(json.loads(found.to_json(orient="records")), ensure_ascii=False))
        return
    print_sweep(found, paths)
