"""Tables and a plot of what the quality benchmark has measured so far."""

from __future__ import annotations

import json
from importlib.util import find_spec
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measuring import MODEL, NUMBERS, PAPER, TASKS
from topics.metrics import pairwise_agreement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_NONE = "–"
_ABOUT = f"""# Quality

Topics of this library beside those of others, all from the same vectors ({MODEL}), nothing tuned to a corpus. Distinct
documents with a label, a draw with a fixed seed where there are more than stand in the table. Means over seeds.

- **topics**: `topics.fit` as it comes; **topics, leiden**: with `clusterer="leiden"`.
- **BERTopic**: as it comes, with UMAP's random state set.
- **BERTopic, best practices**: as its documentation advises: clusters of n / 300 documents or more, 15 at least (it
  takes 150 of 44,949), `CountVectorizer(stop_words="english", min_df=2, ngram_range=(1, 2))`,
  `ClassTfidfTransformer(bm25_weighting=True, reduce_frequent_words=True)`, MMR of 0.3, outliers reduced by embeddings.
- **NMF**: scikit-learn's, on `TfidfVectorizer(stop_words="english", max_df=0.95, min_df=2)`; **KeyNMF**: Turftopic's.
  Both have to be told a number of topics and are told that of the classes, which the others do not know.
  A document's topic is the one that weighs most. What KeyNMF and the best practices embed counts in their time.
- **EVoC**: as it comes; it has no words and places nothing new.
"""
_RUNS = f"""
Runs with different seeds that there are, of the method with fewest to that with most; a dash in a table below is what a
method cannot do, or was not measured yet.

| corpus | {" | ".join(TASKS)} |
|---|{"---:|" * len(TASKS)}
"""
_AGREEMENT = """
## Agreement, stability, new documents

AMI and ARI with the classes, every document counted: outliers are one more topic. *Placed*: outliers left out, which
rewards leaving out what is hard. *Seeds*: ARI between fits with different seeds. *−5 %*: ARI with a fit without a
twentieth of the documents, over those that are left. *New*: a fifth of the documents placed after a fit of the others;
ARI with where the fit of all has them, AMI with the classes, outliers. *s*: CPU seconds of a fit of all,
vectors given; the least, since a process compiles when it fits first.

| corpus | method | runs | topics | out | AMI | ARI | placed: AMI | ARI | seeds | −5 % | new: ARI | AMI | out | s |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""
_WORDS = """
## Words of a number of topics

Ten words each, of topics of one half of the documents, measured in the other: C_NPMI (windows of 10 tokens), C_V (of
110), and diversity, the share of words that are distinct. Tokens of two letters or more, stop words too; nobody's own
tokeniser. Stop words keep each other company, so that BERTopic as it comes, which has them among its words, gains in
C_NPMI where texts are short; its diversity tells. *Found*: topics there were, where the method cannot find as many as
asked for: fewer topics are easier.

"""
_PAPER = f"""
## The protocol of the BERTopic paper

octis_BBC_News, repeated documents left out, {PAPER[0]} to {PAPER[-1]} topics in steps of ten. Their words are measured
in the documents they come from, as the paper did: gensim's c_npmi (the measures here give its numbers to 1e-6), split
at spaces, ten words a topic; means over all runs. Published for BERTopic with another encoder: .167 and .794.

| method | seeds | NPMI | diversity | {" | ".join(f"NPMI at {k}" for k in PAPER)} | found at {PAPER[-1]} |
|---|---:|---:|---:|{"---:|" * len(PAPER)}---:|
"""


class Results:
    """What was measured, a file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, corpus: str, n: int, task: str, method: str, seed: int) -> Path:
        return self.folder / f"{corpus}-{n}" / task / f"{method.replace(', ', '+').replace(' ', '-')}-{seed}.json"

    def corpora(self) -> list[tuple[str, int]]:
        names = (path.name.rsplit("-", 1) for path in self.folder.glob("*-*") if path.is_dir())
        return sorted((name, int(n)) for name, n in names)

    def of(self, corpus: str, n: int, task: str, method: str) -> dict[int, dict[str, Any]]:
        """By seed."""
        pattern = self.place(corpus, n, task, method, 0)
        stem = pattern.stem.removesuffix("-0")
        found = {int(path.stem.removeprefix(f"{stem}-")): path for path in pattern.parent.glob(f"{stem}-[0-9]*.json")}
        return {seed: json.loads(path.read_text("utf-8")) for seed, path in sorted(found.items())}


def report(results: Results, methods: Sequence[str], plot: Path, absent: Sequence[str]) -> str:
    """Markdown of everything there is; the plot beside it."""
    rows = [row for corpus in results.corpora() for method in methods if (row := agreement(results, *corpus, method))]
    text = _ABOUT
    if absent:
        text += f"\nNot installed, so not measured again now: {', '.join(absent)}.\n"
    text += _RUNS + "\n".join(runs(results, *corpus, methods) for corpus in results.corpora()) + "\n"
    text += _AGREEMENT + "\n".join(line(row) for row in rows) + "\n"
    if rows and find_spec("matplotlib"):
        draw(rows, plot)
        text += f"\n![AMI beside stability]({plot.name})\n"
    text += _WORDS
    for number in NUMBERS:
        told = [
            row
            for corpus in results.corpora()
            for method in methods
            if (row := wording(results, *corpus, method, number))
        ]
        text += (
            f"### {number} topics\n\n| corpus | method | seeds | found | C_NPMI | C_V | diversity |\n"
            f"|---|---|---:|---:|---:|---:|---:|\n" + "\n".join(told) + "\n\n"
        )
    papers = [row for corpus in results.corpora() for method in methods if (row := protocol(results, *corpus, method))]
    return text.rstrip() + "\n" + (_PAPER + "\n".join(papers) + "\n" if papers else "")


def runs(results: Results, corpus: str, n: int, methods: Sequence[str]) -> str:
    """A row that says of how many seeds each measurement is there: of the methods that have fewest and most."""
    cells = [f"{corpus}, {n:,}"]
    for task in TASKS:
        many = sorted({len(results.of(corpus, n, task, method)) for method in methods})
        cells.append("–".join(str(end) for end in dict.fromkeys((many[0], many[-1]))))
    return f"| {' | '.join(cells)} |"


def agreement(results: Results, corpus: str, n: int, method: str) -> dict[str, Any] | None:
    """A row of the first table; None where there is nothing."""
    whole = results.of(corpus, n, "whole", method)
    if not whole:
        return None
    labels = {seed: np.array(found["labels"], dtype=np.int32) for seed, found in whole.items()}
    again = {task: results.of(corpus, n, task, method) for task in ("fewer", "new")}
    same = {
        task: average(
            pairwise_agreement([labels[seed][each["rows"]], np.array(each["labels"], dtype=np.int32)])["ari"]
            for seed, each in found.items()
            if seed in labels and "rows" in each
        )
        for task, found in again.items()
    }
    values = {name: average(found[name] for found in whole.values()) for name in ("topics", "outliers", "ami", "ari")}
    placed = {name: average(found[name] for found in whole.values()) for name in ("ami_placed", "ari_placed")}
    new = [found for found in again["new"].values() if found.get("labels")]
    return {
        "corpus": corpus,
        "n": n,
        "method": method,
        "times": len(whole),
        **values,
        **placed,
        "over_seeds": pairwise_agreement(list(labels.values()))["ari"],
        "fewer": same["fewer"],
        "new": same["new"],
        "new_ami": average(found["ami"] for found in new),
        "new_outliers": average(float(np.mean(np.array(found["labels"]) == -1)) for found in new),
        "seconds": min(found["seconds"] for found in whole.values()),
    }


def line(row: dict[str, Any]) -> str:
    cells = [f"{row['corpus']}, {row['n']:,}", row["method"], str(row["times"]), number(row["topics"], ".0f")]
    cells += [
        number(row["outliers"], ".0%"),
        *(number(row[name]) for name in ("ami", "ari", "ami_placed", "ari_placed")),
    ]
    cells += [number(row[name]) for name in ("over_seeds", "fewer", "new", "new_ami")]
    cells += [number(row["new_outliers"], ".0%"), number(row["seconds"], ".1f")]
    return f"| {' | '.join(cells)} |"


def wording(results: Results, corpus: str, n: int, method: str, asked: int) -> str | None:
    """A row of a table of words."""
    every = results.of(corpus, n, "words", method)
    found = [each[str(asked)] for each in every.values() if each.get(str(asked))]
    if not any(str(asked) in each for each in every.values()):
        return None
    values = [number(average(each[name] for each in found)) for name in ("npmi", "c_v", "diversity")]
    topics = number(average(each["topics"] for each in found), ".0f") if found else "not so many"
    return f"| {corpus}, {n:,} | {method} | {len(found)} | {topics} | {' | '.join(values)} |"


def protocol(results: Results, corpus: str, n: int, method: str) -> str | None:
    """A row of the table after the paper."""
    every = results.of(corpus, n, "paper", method)
    found = [each[str(asked)] for each in every.values() for asked in PAPER if each.get(str(asked))]
    if not found:
        return None
    at = [
        number(average(each[str(asked)]["npmi"] for each in every.values() if each.get(str(asked)))) for asked in PAPER
    ]
    most = average(each[str(PAPER[-1])]["topics"] for each in every.values() if each.get(str(PAPER[-1])))
    overall = [number(average(each[name] for each in found)) for name in ("npmi", "diversity")]
    return f"| {method} | {len(every)} | {' | '.join((*overall, *at))} | {number(most, '.0f')} |"


def average(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def number(value: float | None, how: str = ".3f") -> str:
    return _NONE if value is None else f"{value:z{how}}"


def draw(rows: Sequence[dict[str, Any]], plot: Path) -> None:
    """Agreement with the classes beside stability between seeds, one panel a corpus, as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "topics", "svg.fonttype": "none", "font.size": 8})
    from matplotlib import pyplot as plt

    corpora = list(dict.fromkeys((row["corpus"], row["n"]) for row in rows))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    measures = (("ami", "AMI with the classes"), ("ari", "ARI with the classes"), ("over_seeds", "ARI between seeds"))
    figure, axes = plt.subplots(1, len(measures), figsize=(9, 0.5 + 1.1 * len(corpora)), sharey=True)
    height = 0.8 / len(methods)
    for axis, (name, title) in zip(axes, measures, strict=True):
        for place, method in enumerate(methods):
            values = {(row["corpus"], row["n"]): row[name] or 0 for row in rows if row["method"] == method}
            where = [corpora.index(corpus) + (place - (len(methods) - 1) / 2) * height for corpus in values]
            axis.barh(where, list(values.values()), height, color=f"C{place}", label=method)
        axis.set_title(title)
        axis.set_xlim(0, 1)
        axis.grid(axis="x", linewidth=0.3)
    axes[0].set_yticks(range(len(corpora)), [f"{corpus}\n{n:,}" for corpus, n in corpora])
    axes[0].invert_yaxis()
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="lower center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0.6 / figure.get_figheight(), 1, 1))
    figure.savefig(plot, metadata={"Date": None})
    plt.close(figure)
