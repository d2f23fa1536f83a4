"""What post-processing against anisotropy does to neighbours and to topics, on corpora with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topics import Corpus, Store, fit
from topics.trial import class_agreement

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_CORPORA = ("20newsgroups_stripped", "arxiv_40k_balanced", "banking77", "octis_BBC_News", "stackoverflow_titles")
_STEPS = (
    "none",
    "center",
    "remove-top-components",
    "whiten",
    "whiten=128",
    "whiten=64",
    "remove-top-components,whiten=128",
)
_TEXTS = 2000  # of a corpus; the first in the order of their hashes, a fair sample
_ENCODER = "all-MiniLM-L6-v2"


def run(data: Path) -> tuple[str, list[str]]:
    """Compare; returns Markdown and the libraries whose versions matter."""
    rows = []
    for name in _CORPORA:
        if not (path := data / f"{name}.csv.gz").is_file():
            continue
        corpus, classes = labelled(path)
        rows += [f"| {name} | {len(corpus.texts):,} | {measured(corpus, classes, steps)}" for steps in _STEPS]
    text = (
        "# Post-processing against anisotropy\n\n"
        f"Vectors of {_ENCODER}, clustered as they are and after each of the steps, which are fitted on the texts of the "
        f"corpus, {_TEXTS:,} at most. Neighbours: share of texts whose label is that of most "
        "of their ten nearest others by cosine. NMI: of the topics of the whole pipeline with the labels, outliers "
        "counted as one topic. Effective dimension: participation ratio of the variances. Mean cosine: of all pairs of "
        "texts.\n\n"
        "| corpus | texts | steps | neighbours | NMI | topics | effective dimension | mean cosine |\n"
        "|---|---:|---|---:|---:|---:|---:|---:|\n" + "\n".join(rows) + "\n"
    )
    return text, ["hdbscan", "numpy", "openvino", "umap-learn"]


def labelled(path: Path) -> tuple[Corpus, NDArray[np.int64]]:
    """Texts of a corpus that have a label, and the label of each."""
    import numpy as np
    import pandas as pd

    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table = table[table["label"] != ""]
    every = Corpus.from_texts(table["text"])
    rows = np.flatnonzero(every.rows >= 0)
    table = table.iloc[rows].assign(row=every.rows[rows]).drop_duplicates("row").sort_values("row").head(_TEXTS)
    meta = pd.DataFrame({"class": table["label"].to_numpy()})
    return Corpus.from_texts(table["text"], meta=meta), pd.factorize(table["label"], sort=True)[0]


def measured(corpus: Corpus, classes: NDArray[np.int64], steps: str) -> str:
    """The end of a row of the table. Vectors come from the store, where they were made before."""
    found = fit(corpus, encoder=_ENCODER, postprocess=steps, store=Store())
    near = class_agreement(found.model.vectors, classes, found.config.threads)["agreement"]
    told = found.metrics
    return (
        f"{steps} | {near:.1%} | {told['nmi']:.3f} | {told['topics']} | {told['effective_dimension']:.1f} | "
        f"{told['mean_cosine']:z.3f} |"
    )
