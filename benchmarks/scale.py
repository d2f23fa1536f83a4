"""`python -m benchmarks.scale DATA`: how time and memory grow with the number of documents, stage by stage.

DATA holds `arxiv_200k.csv.gz` with the columns id, text and label. Documents are its abstracts, or their sentences,
which makes a million short ones. They are embedded beforehand, by a static model distilled from all-MiniLM-L6-v2, since
what is measured is everything else: reading, all stages and the run folder, each number of documents in a fresh process
with an empty store but for the vectors. What was measured is kept as JSON in `outputs/benchmarks/scale`, and written,
with what was measured before, to `benchmarks/results/scale.md`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

KEPT = Path("outputs/benchmarks/scale")
RESULTS = Path(__file__).parent / "results" / "scale.md"
CORPUS = "arxiv_200k.csv.gz"
_SENTENCE = re.compile(r"(?<=[a-z)])[.!?]\s+(?=[A-Z])")
_LETTERS = (30, 300)  # of a sentence that is a short document
_TAUGHT = 2000  # abstracts that the static model learns from


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--documents", type=int, multiple=True, default=(20_000, 200_000), help="Abstracts; several times.")
@click.option("--short", type=int, multiple=True, help="Single sentences; several times. There are 1,130,603.")
@click.option("--fit-on", type=int, help="Topics are found in so many of them.")
@click.option("--workers", type=int, default=1, show_default=True, help="Threads.")
@click.option("--max-memory", help="As in `topics fit`.")
def main(
    data: Path,
    documents: Sequence[int],
    short: Sequence[int],
    fit_on: int | None,
    workers: int,
    max_memory: str | None,
) -> None:
    """Fit so many documents, measure it, and write the table."""
    for kind, sizes in (("abstracts", documents), ("sentences", short)):
        for size in sizes:
            table = _written(data, kind, size)
            how = {"fit_on": fit_on, "workers": workers, "max_memory": max_memory}
            found = _in_a_fresh_process("measured", table, **how) | {"kind": kind, "documents": size, **how}
            name = f"{kind}-{size}" + "".join(f"-{value}" for value in how.values() if value is not None)
            (KEPT / f"{name}.json").write_text(json.dumps(found, indent=1), "utf-8")
    told = report([json.loads(path.read_text("utf-8")) for path in sorted(KEPT.glob("*.json"))])
    RESULTS.write_text(told, "utf-8")
    click.echo(told)


def _written(data: Path, kind: str, size: int) -> Path:
    """A table of so many documents, drawn once; its vectors are in a store beside it."""
    import pandas as pd

    table = KEPT / f"{kind}-{size}.parquet"
    if not table.is_file():
        KEPT.mkdir(parents=True, exist_ok=True)
        whole = pd.read_csv(data / CORPUS, dtype=str, keep_default_na=False)[["id", "text", "label"]]
        made = whole if kind == "abstracts" else pd.DataFrame(_sentences(whole), columns=["id", "text", "label"])
        made.sample(min(size, len(made)), random_state=0).to_parquet(table, index=False)
    if not (KEPT / "static").is_dir():
        taught = KEPT / "taught.parquet"
        pd.read_parquet(table).to_parquet(taught, index=False)
        words = ("--text", "text", "--sample", _TAUGHT, "--output", KEPT / "static", "--store", KEPT / "store")
        subprocess.run(
            [sys.executable, "-m", "topics", "distill", "all-MiniLM-L6-v2", taught, *map(str, words)], check=True
        )
    _in_a_fresh_process("embedded", table)
    return table


def _sentences(abstracts: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    seen = set()
    for name, text, label in abstracts.itertuples(index=False):
        for place, sentence in enumerate(part.strip() for part in _SENTENCE.split(text)):
            if _LETTERS[0] <= len(sentence) <= _LETTERS[1] and sentence not in seen:
                seen.add(sentence)
                yield f"{name}.{place}", sentence, label


def _in_a_fresh_process(function: str, table: Path, **how: Any) -> dict[str, Any]:
    code = f"import sys, json; from benchmarks import scale; scale.{function}(*json.loads(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps([str(table), how])], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def embedded(table: str, _: dict[str, Any]) -> None:
    """Embed a table, into a store of its own."""
    import pandas as pd

    import topics
    from topics.store import Store

    encoder = f"static:{KEPT / 'static'}"
    topics.embed(pd.read_parquet(table), encoder=encoder, text="text", store=Store(f"{table}.store"))
    print("{}")


def measured(table: str, how: dict[str, Any]) -> None:
    """Fit a table whose vectors are there, write the run, and print what that took."""
    began, cpu = time.perf_counter(), time.process_time()
    import topics
    from topics.memory import forget_peak, peak
    from topics.store import Store

    store = Path(f"{table}.store")
    for stage in store.iterdir():  # nothing but the vectors is there before
        if stage.name not in {"encoder", "vectors", "embeddings"}:
            shutil.rmtree(stage)
    encoder = f"static:{KEPT / 'static'}"
    run = topics.fit(table, text="text", id="id", class_="label", encoder=encoder, store=Store(store), **how)
    fitted = time.perf_counter()
    forget_peak()
    folder = run.save(f"{table}.run")
    stages = [{"name": stage.name, "seconds": stage.seconds, "memory": stage.memory} for stage in run.stages]
    stages.append({"name": "run folder", "seconds": time.perf_counter() - fitted, "memory": peak()})
    print(
        json.dumps(
            {
                "wall": time.perf_counter() - began,
                "cpu": time.process_time() - cpu,
                "memory": max(stage["memory"] for stage in stages),
                "folder": sum(part.stat().st_size for part in folder.rglob("*") if part.is_file()),
                "stages": stages,
                "metrics": run.metrics,
            }
        )
    )


def report(found: Sequence[dict[str, Any]]) -> str:
    """The tables, as Markdown."""
    from benchmarks.__main__ import processor

    order = sorted(found, key=lambda one: (one["kind"], one["documents"], one["fit_on"] or 0))
    heads = [f"{one['documents']:,} {one['kind']}" + _told(one) for one in order]
    names = dict.fromkeys(stage["name"] for one in order for stage in one["stages"])
    lines = ["# Scale", "", "Wall seconds and peak memory of each stage; embeddings were there.", ""]
    lines += ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for name in names:
        told = [_stage(one, name) for one in order]
        lines.append(f"| {name} | " + " | ".join(told) + " |")
    for head, value in (
        ("**in all, wall**", lambda one: f"{one['wall']:.0f} s"),
        ("**in all, CPU**", lambda one: f"{one['cpu']:.0f} s"),
        ("**peak memory**", lambda one: f"{one['memory'] / 1e9:.2f} GB"),
        ("run folder", lambda one: f"{one['folder'] / 1e9:.2f} GB"),
        ("topics", lambda one: f"{one['metrics']['topics']}"),
        ("coverage", lambda one: f"{one['metrics']['coverage']:.1%}"),
        ("NPMI", lambda one: f"{one['metrics']['npmi']:.3f}"),
        ("AMI with the classes", lambda one: f"{one['metrics'].get('ami', float('nan')):.3f}"),
        ("stability", lambda one: f"{one['metrics']['stability']:.3f}"),
    ):
        lines.append(f"| {head} | " + " | ".join(value(one) for one in order) + " |")
    lines += [
        "",
        f"Peak memory counts the pages of mapped files. {processor()}. Repeat: `python -m benchmarks.scale DATA`.",
    ]
    return "\n".join(lines) + "\n"


def _told(one: dict[str, Any]) -> str:
    told = [f"{name.replace('_', ' ')} {one[name]}" for name in ("fit_on", "max_memory") if one[name] is not None]
    told.append("1 thread" if one["workers"] == 1 else f"{one['workers']} threads")
    return f" ({', '.join(told)})"


def _stage(one: dict[str, Any], name: str) -> str:
    for stage in one["stages"]:
        if stage["name"] == name:
            return f"{stage['seconds']:.1f} s, {stage['memory'] / 1e9:.1f} GB"
    return "–"


if __name__ == "__main__":
    main()
