"""Commands about what is kept between runs."""

from __future__ import annotations

import json
import time

import click

from topics.cli import shared


@click.group()
def store() -> None:
    """Look at, check and clean what is kept between runs."""


@store.command("list")
@shared.store
@shared.as_json
def list_entries(store_root: str | None, as_json: bool) -> None:
    """List what is kept, by stage."""
    from topics.store import Store

    entries = list(Store(store_root).entries())
    if as_json:
        told = [
            {"stage": e.ref.stage, "key": e.ref.key, "bytes": e.bytes, "used": e.used, "note": e.note} for e in entries
        ]
        click.echo(json.dumps(told))
        return
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        click.echo(f"{entry.ref.stage:<12} {entry.ref.key[:12]} {_size(entry.bytes):>9}  {used}  {entry.note}".rstrip())
    click.echo(f"{len(entries)} entries, {_size(sum(entry.bytes for entry in entries))}, in {Store(store_root).root}")


@store.command("verify")
@shared.store
def verify_entries(store_root: str | None) -> None:
    """Check every entry against its checksums; damaged ones are set aside and will be computed again."""
    from topics.store import Store

    kept = Store(store_root)
    total = len(list(kept.entries()))
    damages = kept.verify()
    for damage in damages:
        click.echo(str(damage), err=True)
    click.echo(f"{total - len(damages)} of {total} entries are as written.")
    if damages:
        raise click.exceptions.Exit(shared.FAILURE)


@store.command("prune")
@shared.store
@click.option("--unused-for", "days", type=float, default=30.0, show_default=True, metavar="DAYS", help="0: everything")
def prune_entries(store_root: str | None, days: float) -> None:
    """Remove what was not used for some days; it is computed again when needed."""
    from topics.store import Store

    removed, freed = Store(store_root).prune(days * 86_400)
    click.echo(f"Removed {removed} entries, {_size(freed)}.")


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit in ("B", "kB") else f"{number:.1f} {unit}"
