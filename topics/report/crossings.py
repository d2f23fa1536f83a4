"""Topics crossed with something else: with the classes that were given, with the terms of one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.report.plain import plain
from topics.report.values import Classes, WordMatrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from topics.report.values import Merge
    from topics.run import Run

CLASSES = 250  #: most classes that are told apart; of more, the largest are
_NAME = 60
_TOPICS, _TERMS = 20, 3  # in the matrix of words: the largest topics, and terms of each


def count_classes(
    documents: pd.DataFrame, labels: NDArray[np.int64], k: int
) -> tuple[Classes, NDArray[np.int64]] | None:
    """Count the documents of every topic by class; and the place of each document's class, -1 for none.

    Parameters
    ----------
    documents : DataFrame of n rows
        Column "class", of which missing and empty values are no class.
    labels : ndarray of shape (n,), int64
    k : int

    Returns
    -------
    (Classes, ndarray of shape (n,) int64), or None
        None where there are fewer than two classes.
    """
    if "class" not in documents:
        return None
    given = documents["class"]
    texts = given.where(given.notna(), "").astype(str).str.strip()
    names, place, totals = np.unique(texts.to_numpy(dtype=object), return_inverse=True, return_counts=True)
    order = [row for row in np.lexsort((names, -totals)) if names[row]][:CLASSES]
    if len(order) < 2:
        return None
    rank = np.full(len(names), -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    of = rank[place]
    counts = np.zeros((k + 1, len(order)), dtype=np.int64)
    known = of >= 0
    np.add.at(counts, (labels[known], of[known]), 1)  # outliers, -1, are counted in the last row
    classes = Classes(
        tuple(plain(names[row], _NAME) for row in order),
        tuple(int(totals[row]) for row in order),
        tuple(tuple(map(int, row)) for row in counts[:k]),
        int((~known).sum()),
    )
    return classes, of


def word_matrix(run: Run, merges: Sequence[Merge]) -> WordMatrix | None:
    """The first terms of the largest topics, and how strongly each belongs to every one of these.

    Topics stand in the order of the hierarchy, so that related ones are neighbours, and terms in the order of their
    topics. None where there are fewer than two topics.
    """
    k = len(run.topics)
    if k < 2:
        return None
    place = {term: column for column, term in enumerate(run.model.vocabulary)}
    shown = set(range(min(k, _TOPICS)))
    topics = [topic for topic in leaf_order(k, merges) if topic in shown]
    first = [term for topic in topics for term in list(run.topics["terms"].iloc[topic])[:_TERMS] if term in place]
    terms = list(dict.fromkeys(first))
    if not terms:
        return None
    columns = [place[term] for term in terms]
    weights = run.model.weights[topics][:, columns].toarray().astype(np.float64).T
    return WordMatrix(
        tuple(topics),
        tuple(plain(term, _NAME) for term in terms),
        tuple(tuple(round(float(value), 4) for value in row) for row in weights),
    )


def leaf_order(k: int, merges: Sequence[Merge]) -> list[int]:
    """Topics so that those that merge first stand together.

    Examples
    --------
    >>> from topics.report.values import Merge
    >>> leaf_order(4, [Merge(1, 3, "", 0), Merge(0, 1, "", 0), Merge(0, 2, "", 0)])
    [0, 1, 3, 2]
    """
    branches = [[topic] for topic in range(k)]
    gone = set()
    for step in merges:
        branches[step.kept] += branches[step.gone]
        gone.add(step.gone)
    return [topic for root in range(k) if root not in gone for topic in branches[root]]
