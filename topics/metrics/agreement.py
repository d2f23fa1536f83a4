"""Agreement of topics with classes that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from topics.data import NOISE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PLACED = "_placed"  #: ends the names of measures for which outliers were left out


def class_measures(classes: NDArray[Any], labels: NDArray[np.int32]) -> dict[str, float | None]:
    """`agreement` twice: with the outliers as one more topic; and without them, under names that end in `_placed`.

    The first punishes outliers, the second rewards leaving out what is hard; neither alone tells how good topics
    are. Empty where no document has a class; None in the second where every document is an outlier.
    """
    whole = agreement(classes, labels)
    placed = agreement(classes[labels != NOISE], labels[labels != NOISE])
    return {**whole, **{f"{name}{PLACED}": placed.get(name) for name in whole}}


def agreement(classes: NDArray[Any], labels: NDArray[np.int32]) -> dict[str, float]:
    """How topics match given classes. Documents without a class do not count; outliers count as one more topic.

    With H(C) the entropy of the classes, H(C|T) what is left of it when the topic is known, and I = H(C) - H(C|T):

    - nmi: I over the mean of H(C) and H(T) (Strehl and Ghosh 2002), in [0, 1]; grows with the number of topics.
    - ami: the same, with what chance would give taken off (Vinh, Epps and Bailey 2010); at most 1, by chance 0.
    - ari: pairs of documents that topics and classes both join or both part, with what chance would give taken
      off (Hubert and Arabie 1985); at most 1, by chance 0.
    - homogeneity, completeness: 1 - H(C|T) / H(C) and 1 - H(T|C) / H(T); v_measure: their harmonic mean, which
      is the nmi by another name (Rosenberg and Hirschberg 2007), in [0, 1].
    - purity: the share of documents whose class is the most frequent of their topic (Manning, Raghavan and
      Schuetze 2008, chapter 16), in (0, 1]; grows with the number of topics.

    Parameters
    ----------
    classes : ndarray of shape (n,)
        None or nan where there is none.
    labels : ndarray of shape (n,)

    Returns
    -------
    dict
        Empty where no document has a class.
    """
    import pandas as pd
    from sklearn import metrics

    known = ~pd.isna(classes)
    if not known.any():
        return {}
    given, found = pd.factorize(classes[known], sort=True)[0], labels[known]
    homogeneity, completeness, v_measure = metrics.homogeneity_completeness_v_measure(given, found)
    table = metrics.cluster.contingency_matrix(given, found, sparse=True)
    return {
        "nmi": float(metrics.normalized_mutual_info_score(given, found)),
        "ami": float(metrics.adjusted_mutual_info_score(given, found)),
        "ari": float(metrics.adjusted_rand_score(given, found)),
        "v_measure": float(v_measure),
        "homogeneity": float(homogeneity),
        "completeness": float(completeness),
        "purity": float(table.max(axis=0).sum() / table.sum()),
    }
