"""The command line: `topics fit posts.csv --text body`, and what follows from it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from topics import options
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound, TopicsError

if TYPE_CHECKING:
    from topics.run import Run

USAGE, FAILURE, INTERRUPTED = 2, 1, 130  #: exit codes

_quiet = click.option("--quiet", is_flag=True, help="no progress, no log: nothing but the result")
_json = click.option("--json", "as_json", is_flag=True, help="print the result as JSON and nothing else")
_store = click.option("--store", "store_root", metavar="DIR", help="default: $TOPICS_STORE, else outputs/store")


def main(arguments: list[str] | None = None) -> None:
    """Run a command; errors become one paragraph and an exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(run_command(commands, arguments))


def run_command(command: click.Command, arguments: list[str]) -> int:
    """Run a click command and give its exit code: no traceback unless `--debug`, 2 for what the user can mend."""
    debug = "--debug" in arguments
    try:
        code = command.main([word for word in arguments if word != "--debug"], standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("Stopped. What was finished is in the store: the same command goes on from there.")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has read enough
        sys.stderr.close()
        return 0
    except TopicsError as error:
        if debug:
            raise
        _say(f"Error: {error}")
        return USAGE if isinstance(error, InvalidInput | InvalidConfig | ModelNotFound) else FAILURE
    except OSError as error:
        if debug:
            raise
        _say(f"Error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}.")
        return FAILURE
    except Exception as error:
        if debug:
            raise
        _say(f"Error: something unforeseen happened ({type(error).__name__}: {error}). With --debug it shows where.")
        return FAILURE
    return code if isinstance(code, int) else 0  # click gives back the code of an `Exit`


def _say(message: str) -> None:
    click.echo(message.encode("utf-8", "replace").decode(), err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="topics")
def commands() -> None:
    """Find what documents are about: the same answer every time, cheap to ask again.

    \b
    topics demo                        try it on text that is on this machine
    topics fit posts.csv --text body   topics and a report, in outputs/posts
    topics show outputs/posts T0003    look at one topic
    topics encoders                    the models that are on this machine

    Any command takes --debug, to see where an error comes from.
    """


@commands.command()
@click.argument("input")
@options.columns
@options.settings
@click.option("--output", metavar="DIR", help="run folder; default: outputs/NAME of the input")
@_store
@_quiet
@_json
def fit(input: str, **given: Any) -> None:  # noqa: A002
    """Find the topics of INPUT: a CSV, TSV, JSON, JSONL, Parquet or text file, a folder, a glob, or - for stdin."""
    _fit(input, given)


@commands.command()
@options.settings
@click.option("--output", metavar="DIR", help="run folder; default: outputs/demo")
@_store
@_quiet
@_json
def demo(**given: Any) -> None:
    """Find the topics of six thousand docstrings of the packages installed here."""
    from topics.steps import BUILTIN

    _fit(BUILTIN, given)


def _fit(location: str, given: dict[str, Any]) -> None:
    from topics.console import telling
    from topics.corpus import Source
    from topics.folder import check_target, save
    from topics.pipeline import fit_topics
    from topics.store import Store
    from topics.workshop import Workshop

    began = time.perf_counter()
    quiet, as_json, output = given.pop("quiet"), given.pop("as_json"), given.pop("output")
    store = Store(given.pop("store_root"))
    config, columns = options.gather(given.pop("config_file"), given)
    folder = Path(output or Path("outputs") / default_name(location))
    check_target(folder)
    with telling(quiet or as_json):
        run = fit_topics(Source(location, **columns), config, Workshop(store, config.threads, config.batch_size))
        save(run, folder)
    if as_json:
        click.echo(json.dumps(as_told(run, folder), ensure_ascii=False, default=float))
    else:
        from topics.console import print_result

        print_result(run, folder, time.perf_counter() - began)


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


@commands.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("topic", required=False)
@click.option("--layers", is_flag=True, help="show the coarser topics that these are part of, layer by layer")
@_json
def show(run_folder: str, topic: str | None, layers: bool, as_json: bool) -> None:
    """Show the topics of RUN, or one TOPIC (3 or T0004) with its terms and documents."""
    from topics.console import dial_told, layers_table, out, print_topic, topics_table, vectors_told
    from topics.folder import load

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


@commands.command()
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
@_store
@_quiet
def assign(
    run_folder: str,
    input: str,  # noqa: A002
    output: str | None,
    vectors: str | None,
    distribution: bool,
    passages: bool,
    store_root: str | None,
    quiet: bool,
    **given: Any,
) -> None:
    """Place the documents of INPUT among the topics of RUN; a line each, in their order."""
    from topics import api, reading
    from topics.console import telling
    from topics.corpus import read
    from topics.embedding.precomputed import SCHEME, file_rows
    from topics.folder import load
    from topics.store import Store

    suffix = Path(output).suffix if output else ".csv"
    if suffix not in (".csv", ".jsonl", ".parquet"):
        raise InvalidConfig(f"--output {output}: its name must end in .csv, .jsonl or .parquet.")
    if passages and (distribution or vectors):
        raise InvalidConfig(
            "--passages goes with neither --distribution nor --embeddings: passages have to be encoded."
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
            table = place(run, corpus, store=Store(store_root), embeddings=rows)
    write_table(table, output, suffix)


def write_table(table: Any, output: str | None, suffix: str) -> None:
    """Write a table as its suffix says, to a file or to standard output."""
    from topics.folder import formula_safe

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


@commands.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("query")
@click.option("--topic", metavar="TOPIC", help="look only into this one: 3 or T0004")
@click.option("--limit", type=int, default=10, show_default=True, metavar="INT", help="most documents, and most topics")
@click.option("--encoder", metavar="NAME", help="what made the vectors of RUN, if it was fitted on vectors")
@_store
@_quiet
@_json
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


@commands.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--to", required=True, metavar="FORMAT", help="parquet, npy, lancedb or milvus")
@click.option("--output", metavar="PATH", help="default: beside RUN, named after it")
@click.option("--with-text", is_flag=True, help="write the texts, too, where RUN keeps them")
@_quiet
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


@commands.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--format", "formats", default="html,md", show_default=True, help="which reports to write")
def report(run_folder: str, formats: str) -> None:
    """Write the reports of RUN again, from what its folder holds."""
    from topics.folder import rewrite_reports

    for path in rewrite_reports(Path(run_folder), [name.strip() for name in formats.split(",")]):
        click.echo(str(path))


@commands.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--labels", metavar="COLUMN", help="column of the input with classes to compare the topics with")
@click.option("--seeds", type=int, default=3, show_default=True, metavar="INT", help="further fits, other seeds")
@click.option(
    "--resamples", type=int, default=3, show_default=True, metavar="INT", help="further fits, of 90 % of the texts"
)
@click.option("--input", "location", metavar="INPUT", help="where the documents are now, if they were moved")
@_store
@_quiet
@_json
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


@commands.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--input", "location", metavar="INPUT", help="where the documents are now, if they were moved")
@click.option("--store", "store_root", metavar="DIR", help="take steps from this store; default: compute everything")
@_quiet
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


@commands.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--try", "location", metavar="INPUT", help="try them on a sample of these documents")
@click.option("--text", "text_", metavar="COLUMN", help="column of INPUT with the texts; guessed if not given")
@click.option("--class", "class_", metavar="COLUMN", help="column of INPUT with known classes: how well are they told")
@click.option("--sample", default=300, show_default=True, metavar="INT", help="texts of INPUT to try with")
@_store
@_quiet
@_json
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
            raise click.exceptions.Exit(FAILURE)
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


@commands.command()
@click.argument("encoder")
@click.argument("input")
@click.option("--text", metavar="COLUMN", help="column of INPUT with the texts; guessed if not given")
@click.option("--output", metavar="DIR", help="folder of the model; default: outputs/NAME-static, after INPUT")
@click.option("--sample", default=4000, show_default=True, metavar="INT", help="texts of INPUT to learn from")
@click.option("--words", default=30_000, show_default=True, metavar="INT", help="most words the model may know")
@click.option("--workers", type=int, metavar="INT", help="threads; by default one per processor; never changes a bit")
@_store
@_quiet
@_json
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


@commands.group()
def store() -> None:
    """Look at, check and clean what is kept between runs."""


@store.command("list")
@_store
@_json
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
@_store
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
        raise click.exceptions.Exit(FAILURE)


@store.command("prune")
@_store
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


if __name__ == "__main__":
    main()
