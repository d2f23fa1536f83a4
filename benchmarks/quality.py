"""How good topics are, beside those of others, on the same vectors: agreement, stability, words, new documents.

Every measurement is kept in a file of its own, under `outputs/benchmarks/quality`, and taken once: who stops the
benchmark goes on later where it was. Delete the folder after changing what is measured.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from contextlib import redirect_stdout
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.measuring import TASKS, Encoder, read_case
from benchmarks.methods import every
from benchmarks.tables import Results, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measuring import Case

CORPORA = (
    "octis_BBC_News",
    "stackoverflow_titles",
    "banking77",
    "20newsgroups_stripped",
    "arxiv_40k_balanced",
    "thucnews_titles_zh",
)
SEEDS = (0, 1, 2)
MOST = 8000  # documents of a corpus, unless `full`
_PAPER = "octis_BBC_News"  # the only corpus here that the paper had
_KEPT = Path("outputs/benchmarks/quality")
_RESULTS = Path(__file__).parent / "results"


def run(
    data: Path, *, full: bool = False, corpora: tuple[str, ...] = (), tables: bool = False
) -> tuple[str, list[str]]:
    """Measure what was not measured yet; returns Markdown and the libraries whose versions matter.

    `full` takes whole corpora, `corpora` only these, `tables` nothing new: it writes what there is.
    """
    logging.disable(logging.WARNING)  # of every method, hundreds of times
    warnings.simplefilter("ignore")
    methods = every(Encoder())
    absent = [name for name, method in methods.items() if not all(map(installed, method.packages))]
    results = Results(_KEPT)
    if not tables:
        paths = [path for name in corpora or CORPORA if (path := data / f"{name}.csv.gz").is_file()]
        cases = [read_case(path, None if full else MOST) for path in paths]
        measure(cases, {name: each for name, each in methods.items() if name not in absent}, results)
    text = report(results, list(methods), _RESULTS / "quality.svg", absent)
    packages = dict.fromkeys(package for method in methods.values() for package in method.packages)
    return text, [package for package in packages if installed(package)]


def measure(cases: Sequence[Case], methods: dict[str, Any], results: Results) -> None:
    """Take every measurement that is not there: what tells most first, of every corpus and method."""
    for tasks in (("whole", "paper"), ("words", "new", "fewer")):
        for seed, case, task, name in product(SEEDS, cases, tasks, methods):
            where = results.place(case.name, len(case.classes), task, name, seed)
            if where.exists() or (task == "paper" and case.name != _PAPER):
                continue
            began = time.process_time()
            with redirect_stdout(sys.stderr):  # some tell what they do
                found = TASKS[task](methods[name], case, seed)
            seconds = time.process_time() - began
            keep(where, {**found, "seconds": seconds})
            click.echo(f"{case.name} {task} {seed} {name}: {seconds:.1f} CPU seconds", err=True)


def keep(where: Path, found: dict[str, Any]) -> None:
    where.parent.mkdir(parents=True, exist_ok=True)
    half = where.with_suffix(".half")
    half.write_text(json.dumps(found), "utf-8")
    half.replace(where)


def installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
