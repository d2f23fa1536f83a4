"""How long a fit takes, beside others: every measurement in a process of its own, ours and theirs in turn.

Seconds are those of the whole process: importing, reading the documents and writing the result are in them. Vectors
are given to all. The peak of memory is what the process itself saw.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

import topics
from benchmarks import scripts
from topics.embedding import find_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CORPUS = "20newsgroups_stripped"
MODEL = "all-MiniLM-L6-v2"
ENCODED = 1500  # documents that both encode themselves
_KEPT = ("encoder", "vectors", "embeddings", "lengths")  # of a store: all that has to do with vectors
_ROUNDS = 3
_PLOT = Path(__file__).parent / "results" / "speed.svg"
_ABOUT = """# Speed

20 Newsgroups without headers, quotes and footers, {documents:,} documents with text, {model}; {cores} processors. Whole
processes, from start to end: importing, reading, fitting and writing the result are in the seconds. Vectors were made
before and are given to all. *Cold*: the first run of its kind, nothing was ever compiled (an empty folder as
`NUMBA_CACHE_DIR`); else compiled functions are there. Ours writes a whole run folder, reports and map included, by
`topics fit`; BERTopic has its defaults, no map, and writes two tables. Measured in turn; medians where there are more
runs. Machines that do other things at the same time stretch wall seconds, CPU seconds much less.

| what | runs | wall s | from, to | CPU s | peak GB |
|---|---:|---:|---:|---:|---:|
"""
_RATIOS = (
    ("cold, vectors given", "topics, cold", "BERTopic, cold", 1 / 4),
    ("warm, vectors given", "topics, warm", "BERTopic, warm", 1 / 5),
    (f"{ENCODED:,} documents, encoding and fitting", "topics, encoding", "BERTopic, encoding", 1 / 5),
    ("over time: 50,000 documents, 600 topics, 20 periods", "topics, over time", "BERTopic, over time", 1 / 30),
    ("1 % more documents, vectors given", "topics, 1 % assigned", "topics, cold", 1 / 20),
)
_LIMITS = (
    ("nothing changed", "topics, nothing changed", 2.0),
    ("another `min_cluster_size`", "topics, other min_cluster_size", 4.0),
    ("over time: 50,000 documents, 600 topics, 20 periods", "topics, over time", 1.0),
    ("`import topics` in a fresh process", "import topics", 0.3),
)


class Cost(NamedTuple):
    """What a process took, or a part of it."""

    wall: float
    cpu: float
    peak: float  # GB


Costs = dict[str, list[Cost]]


@dataclass(frozen=True)
class Bench:
    """Where things are while it runs."""

    folder: Path

    def run(self, script: str, *words: object) -> tuple[Cost, list[str]]:
        """Run a script in a fresh process: what that took, and what it printed. The first of a kind compiles."""
        given = {**os.environ, "NUMBA_CACHE_DIR": str(self.folder / "compiled"), "HF_HUB_OFFLINE": "1"}
        given.pop("OMP_NUM_THREADS", None)  # everybody may use all processors
        command = [sys.executable, "-c", script + scripts.PEAK, *map(str, words)]
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=given)
        assert child.stdout is not None
        told = child.stdout.read().splitlines()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise RuntimeError(f"{' '.join(command[2:])[:600]}: ended with {child.returncode}.")
        wall = time.perf_counter() - began
        return Cost(wall, used.ru_utime + used.ru_stime, json.loads(told[-1])["peak"]), told

    def cost(self, script: str, *words: object) -> Cost:
        return self.run(script, *words)[0]

    def part(self, script: str) -> Cost:
        """Run a script that tells the seconds of a part of it."""
        whole, told = self.run(script)
        wall, cpu, _ = map(float, told[-2].split())
        return Cost(wall, cpu, whole.peak)

    def store(self) -> Path:
        """A store in which there are the encoder and vectors and nothing else."""
        made = Path(tempfile.mkdtemp(dir=self.folder))
        for kept in _KEPT:
            if (self.folder / "filled" / kept).is_dir():
                shutil.copytree(self.folder / "filled" / kept, made / kept)
        return made

    def fit(self, store: Path, *more: str, given: str = "corpus.csv") -> Cost:
        words = ("fit", self.folder / given, "--text", "text", "--id", "id", "--store", store, "--quiet")
        return self.cost(scripts.OURS, *words, "--output", self.folder / "run", *more)


def run(data: Path, *, rounds: int = _ROUNDS) -> tuple[str, list[str]]:
    """Compare; returns Markdown and the libraries whose versions matter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents = prepare(data / f"{CORPUS}.csv.gz", folder)
        costs = measure(Bench(folder), rounds)
    draw({name: middle(found) for name, found in costs.items()}, _PLOT)
    about = _ABOUT.format(documents=documents, model=MODEL, cores=os.cpu_count())
    libraries = ["topics", "numba", "hdbscan", "scikit-learn"]
    return about + report(costs), [*libraries, *(name for name in ("bertopic", "turftopic", "evoc") if find_spec(name))]


def prepare(source: Path, folder: Path) -> int:
    """Encode everything once, and write it as it is read; returns how many documents have text."""
    table = pd.read_csv(source, dtype=str, keep_default_na=False)
    table.to_csv(folder / "corpus.csv", index=False)
    written = table[table["text"].str.strip() != ""].reset_index(drop=True)
    written.to_csv(folder / "written.csv", index=False)
    store = topics.Store()  # the user's own: it may have them
    np.save(folder / "vectors.npy", topics.embed(list(written["text"]), MODEL, store=store).vectors)
    for kept in _KEPT:
        if (store.root / kept).is_dir():
            shutil.copytree(store.root / kept, folder / "filled" / kept)
    written.sample(ENCODED, random_state=0).to_csv(folder / "few.csv", index=False)
    new = written.sample(len(written) // 100, random_state=1)
    new["text"] = [f"{text[: len(text) // 2]} and so on" for text in new["text"]]  # like the others, and not there
    new.to_csv(folder / "new.csv", index=False)
    return len(written)


def measure(bench: Bench, rounds: int) -> Costs:
    """The costs of everything, by name."""
    found: Costs = {}

    def note(name: str, cost: Cost) -> None:
        found.setdefault(name, []).append(cost)
        print(f"{name}: {cost.wall:.1f} s, {cost.cpu:.1f} CPU s, {cost.peak:.2f} GB", flush=True)

    folder = bench.folder
    given = (folder / "written.csv", folder / "vectors.npy", folder)
    theirs = find_spec("bertopic") is not None
    note("topics, cold", bench.fit(bench.store()))
    if theirs:
        note("BERTopic, cold", bench.cost(scripts.BERTOPIC, *given))
    for _ in range(rounds):
        store = bench.store()
        note("topics, warm", bench.fit(store))
        note("topics, nothing changed", bench.fit(store))
        note("topics, other min_cluster_size", bench.fit(store, "--min-cluster-size", "40"))
        assign = ("assign", folder / "run", folder / "new.csv", "--store", store, "--quiet")
        for name in ("topics, 1 % encoded and assigned", "topics, 1 % assigned"):  # the second time vectors are there
            note(name, bench.cost(scripts.OURS, *assign, "--output", folder / "assigned.csv"))
        if theirs:
            note("BERTopic, warm", bench.cost(scripts.BERTOPIC, *given))
    for name, (package, script) in scripts.OTHERS.items():
        if find_spec(package):
            note(f"{name}, cold", bench.cost(script, *given))
    for command in ("show", "report"):
        note(f"topics {command}", bench.cost(scripts.OURS, command, folder / "run"))
    note("import topics", bench.cost("import topics"))
    bare = Path(tempfile.mkdtemp(dir=folder))
    shutil.copytree(folder / "filled" / "encoder", bare / "encoder")
    note("topics, encoding", bench.fit(bare, given="few.csv"))
    note("topics, over time", bench.part(scripts.OUR_TIME))
    if theirs:
        model = find_checkpoint(MODEL).folder
        note("BERTopic, encoding", bench.cost(scripts.BERTOPIC_ENCODING, folder / "few.csv", model, folder))
        note("BERTopic, over time", bench.part(scripts.THEIR_TIME))
    return found


def middle(costs: Sequence[Cost]) -> Cost:
    return Cost(*(median(values) for values in zip(*costs, strict=True)))


def report(costs: Costs) -> str:
    """The tables: all that was measured, then ratios and limits against what they should be."""
    rows = []
    for name, found in costs.items():
        cost, walls = middle(found), [cost.wall for cost in found]
        between = f"{min(walls):.1f}, {max(walls):.1f}" if len(walls) > 1 else "–"
        rows.append(f"| {name} | {len(found)} | {cost.wall:.1f} | {between} | {cost.cpu:.1f} | {cost.peak:.2f} |")
    ratios = []
    for what, ours, theirs, wanted in _RATIOS:
        if ours in costs and theirs in costs:
            one, other = middle(costs[ours]), middle(costs[theirs])
            wall, cpu = one.wall / other.wall, one.cpu / other.cpu
            ratios.append(f"| {what} | {theirs} | 1/{1 / wall:.1f} | 1/{1 / cpu:.1f} | at most 1/{1 / wanted:.0f} |")
    limits = [
        f"| {what} | {middle(costs[name]).wall:.1f} s | {middle(costs[name]).cpu:.1f} s | under {wanted:g} s |"
        for what, name, wanted in _LIMITS
        if name in costs
    ]
    return (
        "\n".join(rows)
        + "\n\n## Against what they should be\n\n| what | of | wall | CPU | wanted |\n|---|---|---:|---:|---:|\n"
        + "\n".join(ratios)
        + "\n\n| what | wall | CPU | wanted |\n|---|---:|---:|---:|\n"
        + "\n".join(limits)
        + "\n\n![Seconds of every process](results/speed.svg)\n"
    )


def draw(costs: Mapping[str, Cost], plot: Path) -> None:
    """Wall and CPU seconds of every process, as SVG."""
    if find_spec("matplotlib") is None:
        return
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "topics", "svg.fonttype": "none", "font.size": 8})
    from matplotlib import pyplot as plt

    names = list(costs)
    figure, axis = plt.subplots(figsize=(8, 0.6 + 0.28 * len(names)))
    places = np.arange(len(names))
    axis.barh(places - 0.2, [cost.wall for cost in costs.values()], 0.4, label="wall seconds", color="C0")
    axis.barh(places + 0.2, [cost.cpu for cost in costs.values()], 0.4, label="CPU seconds", color="C7")
    axis.set_yticks(places, names)
    axis.invert_yaxis()
    axis.grid(axis="x", linewidth=0.3)
    axis.legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(plot, metadata={"Date": None})
    plt.close(figure)
