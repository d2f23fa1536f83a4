"""What several commands share: options, the name of a run, a table as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

USAGE, FAILURE, INTERRUPTED = 2, 1, 130  #: exit codes

quiet = click.option("--quiet", is_flag=True, help="no progress, no log: nothing but the result")
as_json = click.option("--json", "as_json", is_flag=True, help="print the result as JSON and nothing else")
store = click.option("--store", "store_root", metavar="DIR", help="default: $TOPICS_STORE, else outputs/store")
scheduler = click.option(
    "--scheduler", metavar="ADDRESS", help="Dask scheduler, as tcp://host:8786, whose workers encode and assign"
)


def default_name(location: str) -> str:
    """The name of a run, from where its documents come from.

    Examples
    --------
    >>> default_name("data/posts.csv.gz"), default_name("mails/"), default_name("logs/*.jsonl"), default_name("-")
    ('posts', 'mails', 'logs', 'stdin')
    >>> default_name("builtin:docstrings")
    'demo'
    """
    from topics.steps import BUILTIN

    if location in (BUILTIN, "-"):
        return "demo" if location == BUILTIN else "stdin"
    path = Path(location)
    name = path.name.split(".")[0] if not any(c in path.name for c in "*?[") else path.parent.name
    return name or path.absolute().name or "run"


def write_table(table: Any, output: str | None, suffix: str) -> None:
    """Write a table as its suffix says, to a file or to standard output."""
    from topics.run_files import formula_safe

    if suffix == ".parquet":
        table.to_parquet(output, index=False)
        return
    told = (
        formula_safe(table).to_csv(index=False, float_format="%.6g", lineterminator="\n")
        if suffix == ".csv"
        else table.to_json(orient="records", lines=True, force_ascii=False)
    )
    if output:
        Path(output).write_text(told, "utf-8")
    else:
        click.echo(told, nl=False)
