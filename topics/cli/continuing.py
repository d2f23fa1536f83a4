"""Commands about runs that go on from runs: update, history, compare."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from topics import options
from topics.cli import shared
from topics.cli.fitting import as_told

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from rich.table import Table

    from topics.lineage import Comparison, History

_WORDS = 4  # terms of a topic that a table shows
_FLOWS = 10  # rows of documents that moved


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("input")
@options.columns
@click.option("--output", metavar="DIR", help="run folder; default: beside RUN, the next number after its name")
@click.option(
    "--refit",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="find the topics again: when what came gives a reason, in any case, or not at all",
)
@click.option("--grow", is_flag=True, help="make topics of new documents that no topic wants; no other document moves")
@click.option("--window", metavar="DAYS", help="drop documents older than this, such as 90d, 12w, 6m or 1y")
@click.option("--replace", is_flag=True, help="take new texts for ids that are there already")
@shared.scheduler
@shared.store
@shared.quiet
@shared.as_json
def update(
    run_folder: str,
    input: str,  # noqa: A002
    output: str | None,
    refit: Any,
    grow: bool,
    window: str | None,
    replace: bool,
    scheduler: str | None,
    store_root: str | None,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Add the new documents of INPUT to RUN. Topics keep their ids; what RUN has already is not taken twice."""
    from topics.console import print_result, telling
    from topics.executors import Dask
    from topics.folder import check_target, save
    from topics.store import Store
    from topics.updates.updating import update as go_on

    began = time.perf_counter()
    folder = Path(output) if output else next_folder(Path(run_folder))
    check_target(folder)
    columns = {f"{name}_" if name == "class" else name: given[f"{name}_"] for name in options.COLUMNS}
    with telling(quiet or as_json):
        how = {"refit": refit, "grow": grow, "window": window, "replace": replace, "store": Store(store_root)}
        run = go_on(run_folder, input, **how, **columns, executor=Dask(scheduler) if scheduler else None)
        save(run, folder)
    if as_json:
        told = as_told(run, folder) | {"update": run.updated}
        told["lineage"] = json.loads(run.lineage.to_json(orient="records", double_precision=15))
        click.echo(json.dumps(told, ensure_ascii=False, default=float))
        return
    print_result(run, folder, time.perf_counter() - began)
    for line in changes_told(run.updated, run.lineage):
        click.echo(f"  {line}")


def next_folder(folder: Path) -> Path:
    """A folder beside a run for the one that goes on from it: posts-2 after posts, posts-3 after posts-2."""
    found = re.fullmatch(r"(.+)-(\d+)", folder.resolve().name)
    name, number = (found[1], int(found[2])) if found else (folder.resolve().name, 1)
    while (made := folder.resolve().with_name(f"{name}-{(number := number + 1)}")).exists():
        pass
    return made


def changes_told(updated: dict[str, Any], lineage: Any) -> list[str]:
    """What an update came to, in sentences.

    Examples
    --------
    >>> import pandas as pd
    >>> told = {"documents_new": 3, "documents_dropped": 0, "decision": "assigned", "reason": "they fit"}
    >>> changes_told(told, pd.DataFrame({"event": ["continued", "born"], "topic_id": ["T0001", "T0009"]}))
    ['3 new documents; assigned: they fit', '1 topic continued; born: T0009']
    """
    dropped = f", {updated['documents_dropped']:,} dropped" if updated["documents_dropped"] else ""
    first = f"{updated['documents_new']:,} new documents{dropped}; {updated['decision']}: {updated['reason']}"
    went_on = int((lineage["event"] == "continued").sum())
    parts = [f"{went_on:,} topic{'s' if went_on != 1 else ''} continued"]
    for event in ("drifted", "born", "split", "merged", "died"):
        if len(rows := lineage[lineage["event"] == event]):
            ids = rows["previous_id"] if event == "merged" else rows["topic_id"]
            parts.append(f"{event}: {', '.join(dict.fromkeys(ids))}")
    return [first, "; ".join(parts)]


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("topic", required=False)
@shared.as_json
def history(run_folder: str, topic: str | None, as_json: bool) -> None:
    """Show the life of the topics of RUN, or of one TOPIC (T0004), across the runs it goes on from."""
    from topics.console import out
    from topics.errors import InvalidInput
    from topics.lineage import history as follow

    found = follow(run_folder)
    if topic is not None and not (found.topics["topic_id"] == topic.upper()).any():
        known = sorted(set(found.topics["topic_id"]))
        raise InvalidInput(f"no topic {topic!r} in the history of {run_folder}; there are {', '.join(known[:20])}.")
    if as_json:
        told = found.to_dict()
        if topic is not None:
            told["topics"] = [row for row in told["topics"] if row["topic_id"] == topic.upper()]
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    console = out()
    console.print(_runs_table(found))
    console.print(_lives_table(found) if topic is None else _life_table(found, topic.upper()))
    if found.broken:
        console.print(f"  The history goes no further back: {found.broken}.", highlight=False, markup=False)


@click.command()
@click.argument("run_a", metavar="RUN_A")
@click.argument("run_b", metavar="RUN_B")
@shared.as_json
def compare(run_a: str, run_b: str, as_json: bool) -> None:
    """Show what is different in RUN_B: topics, their shares and words, and documents that moved."""
    from topics.console import out
    from topics.lineage import compare as beside

    found = beside(run_a, run_b)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    console = out()
    console.print(_comparison_table(found))
    flows = found.flows().head(_FLOWS)
    for row in _rows(flows):
        console.print(f"  {row.documents:,} from {row.id_a or 'none'} to {row.id_b or 'none'}", highlight=False)
    agreement = "" if found.ari is None else f" · ARI {found.ari:.3f} · AMI {found.ami:.3f}"
    share = f" ({1 - len(found.moved) / found.shared:.1%} stayed)" if found.shared else ""
    console.print(
        f"  {found.documents[0]:,} and {found.documents[1]:,} documents, {found.shared:,} in both; "
        f"{len(found.moved):,} moved{share}{agreement}",
        highlight=False,
    )


def _table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


def _rows(table: pd.DataFrame) -> Iterable[Any]:
    return table.itertuples()


def _text(value: Any) -> Any:
    from rich.text import Text

    return Text(str(value))


def _comparison_table(found: Comparison) -> Table:
    table = _table("change", "a", "b", "name", "share a", "share b", "new words", right=("share a", "share b"))
    rows = found.topics.sort_values(["share_b", "share_a"], ascending=False, kind="stable")
    for row in _rows(rows):
        words = ", ".join(row.terms_new[:_WORDS]) if row.change == "same" else ""
        shares = (f"{share:.1%}" if name else "" for share, name in ((row.share_a, row.id_a), (row.share_b, row.id_b)))
        table.add_row(row.change, row.id_a, row.id_b, _text(row.name), *shares, _text(words))
    return table


def _runs_table(found: History) -> Table:
    table = _table("#", "run", "topics", "decision", "reason", "folder", right=("#", "topics"))
    for number, row in enumerate(_rows(found.runs), start=1):
        table.add_row(str(number), row.run, str(row.topics), row.decision, _text(row.reason), _text(row.folder))
    return table


def _lives_table(found: History) -> Table:
    """A row for each topic that ever was: when it came, what it is, how its share went, how it ended."""
    table = _table("topic", "runs", "name", "shares", "last event")
    for name, life in found.topics.groupby("topic_id", sort=True):
        alive = life[life["size"] > 0]
        last = life.iloc[-1]
        others = f" ({', '.join(last['others'])})" if last["others"] else ""
        span = f"{life['run'].min() + 1}-{life['run'].max() + 1}"
        title = alive["name"].iloc[-1] if len(alive) else ""
        shares = " ".join(f"{share:.1%}" for share in alive["share"].tail(6))
        table.add_row(str(name), span, _text(title), shares, f"{last['event']}{others}")
    return table


def _life_table(found: History, topic: str) -> Table:
    table = _table("#", "event", "with", "size", "share", "name", right=("#", "size", "share"))
    for row in _rows(found.topics[found.topics["topic_id"] == topic]):
        table.add_row(
            str(row.run + 1), row.event, ", ".join(row.others), f"{row.size:,}", f"{row.share:.1%}", _text(row.name)
        )
    return table
