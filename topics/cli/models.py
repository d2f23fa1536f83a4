"""Commands about encoders."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from topics.cli import shared
from topics.cli.shared import default_name
from topics.errors import InvalidConfig


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--try", "location", metavar="INPUT", help="try them on a sample of these documents")
@click.option("--text", "text_", metavar="COLUMN", help="column of INPUT with the texts; guessed if not given")
@click.option("--class", "class_", metavar="COLUMN", help="column of INPUT with known classes: how well are they told")
@click.option("--sample", default=300, show_default=True, metavar="INT", help="texts of INPUT to try with")
@shared.store
@shared.quiet
@shared.as_json
def encoders(
    names: tuple[str, ...],
    location: str | None,
    text_: str | None,
    class_: str | None,
    sample: int,
    store_root: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """List the encoders that are on this machine, and any NAME or folder given; with --try, compare them.

    Without NAME, --try takes all on this machine; services cost money and are tried only by NAME.
    """
    from topics.console import print_encoders, print_trial, telling
    from topics.store import Store

    if location is not None:
        from topics.trial import try_encoders

        with telling(quiet or as_json):
            tried = try_encoders(location, *names, text=text_, class_=class_, sample=sample, store=Store(store_root))
        rows = json.loads(tried.to_json(orient="records"))
        click.echo(json.dumps(rows, ensure_ascii=False)) if as_json else print_trial(rows)
        if all(row["problem"] for row in rows):
            raise click.exceptions.Exit(shared.FAILURE)
        return
    if text_ or class_:
        raise InvalidConfig("--text and --class are columns of the documents that --try names.")
    from topics.catalogue import list_encoders
    from topics.embedding.listing import schemes

    found, families = list_encoders(names, Store(store_root)), [vars(scheme) for scheme in schemes()]
    if as_json:
        click.echo(json.dumps({"encoders": found, "schemes": families}, ensure_ascii=False))
    else:
        print_encoders(found, families)


@click.command()
@click.argument("encoder")
@click.argument("input")
@click.option("--text", metavar="COLUMN", help="column of INPUT with the texts; guessed if not given")
@click.option("--output", metavar="DIR", help="folder of the model; default: outputs/NAME-static, after INPUT")
@click.option("--sample", default=4000, show_default=True, metavar="INT", help="texts of INPUT to learn from")
@click.option("--words", default=30_000, show_default=True, metavar="INT", help="most words the model may know")
@click.option("--workers", type=int, metavar="INT", help="threads; by default one per processor; never changes a bit")
@shared.store
@shared.quiet
@shared.as_json
def distill(
    encoder: str,
    input: str,  # noqa: A002
    output: str | None,
    store_root: str | None,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Make a static model of ENCODER for documents like INPUT: less faithful, some hundred times faster."""
    from topics.console import telling
    from topics.distilling import as_json as told
    from topics.distilling import distill as make
    from topics.store import Store

    began = time.perf_counter()
    folder = Path(output or Path("outputs") / f"{default_name(input)}-static")
    with telling(quiet or as_json):
        made = make(input, folder, encoder, store=Store(store_root), **given)
    if as_json:
        click.echo(told(made))
        return
    click.echo(
        f"{made.words:,} words of {made.dimension} numbers, distilled from {made.teacher} in "
        f"{time.perf_counter() - began:.0f} s, are in {made.path}.\n"
        f"On {made.held_out:,} documents that it was not fitted to: cosine with {made.teacher} "
        f"{made.after.cosine:.2f} (before the fit {made.before.cosine:.2f}); of the ten nearest "
        f"{made.after.neighbors:.0%} are the same ({made.before.neighbors:.0%}).\n"
        f"Use it: topics fit {input} --encoder {made.encoder}"
    )
