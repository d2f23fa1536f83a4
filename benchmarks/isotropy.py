"""What post-processing against anisotropy does to neighbours and to topics, on corpora with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topics import Corpus, Store, fit
from topics.embedding import find_checkpoint
from topics.trial import class_agreement

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_CORPORA = ("20newsgroups_stripped", "arxiv_40k_balanced", "banking77", "octis_BBC_News", "stackoverflow_titles")
_TEXTS = 2000  # of a corpus; the first in the order of their hashes, a fair sample
_STEPS = (
    "none",
    "center",
    "remove-top-components",
    "whiten",
    "whiten=128",
    "remove-top-components,whiten=128",
)
_MODEL = "all-MiniLM-L6-v2"

_ABOUT = f"""# Post-processing against anisotropy

Vectors clustered as they are, and after each of the steps, fitted on the texts of the corpus, {_TEXTS:,} of them at
most. {_MODEL}: as it was trained, so that cosines are similarities. Its first token: the last layer's vector of
[CLS], which it was not trained to use, for vectors as a language model has them.

Neighbours: share of texts whose label is that of most of their ten nearest others by cosine. NMI: of the topics of the
whole pipeline with the labels, outliers counted as one topic. Effective dimension: participation ratio of the
variances. Mean cosine: of all pairs of texts.

| corpus | texts | vectors | steps | neighbours | NMI | topics | effective dimension | mean cosine |
|---|---:|---|---|---:|---:|---:|---:|---:|
"""


def run(data: Path) -> tuple[str, list[str]]:
    """Compare; returns Markdown and the libraries whose versions matter."""
    encoders = {
        _MODEL: _MODEL,
        "its first token": f"transformer:{find_checkpoint(_MODEL).folder}?pooling=cls&layers=last",
    }
    rows = []
    for name in _CORPORA:
        if (path := data / f"{name}.csv.gz").is_file():
            corpus, classes = labelled(path)
            rows += [
                f"| {name} | {len(corpus.texts):,} | {called} | {steps} | {measured(corpus, classes, encoder, steps)} |"
                for called, encoder in encoders.items()
                for steps in _STEPS
            ]
    return _ABOUT + "\n".join(rows) + "\n", ["hdbscan", "numpy", "openvino", "transformers", "umap-learn"]


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


def measured(corpus: Corpus, classes: NDArray[np.int64], encoder: str, steps: str) -> str:
    """The numbers of a row. Vectors come from the store, where they were made before."""
    found = fit(corpus, encoder=encoder, postprocess=steps, store=Store())
    near = class_agreement(found.model.vectors, classes, found.config.threads)["agreement"]
    told = found.metrics
    return (
        f"{near:.1%} | {told['nmi']:.3f} | {told['topics']} | {told['effective_dimension']:.0f} | "
        f"{told['mean_cosine']:z.3f}"
    )
