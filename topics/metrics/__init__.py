"""How good, how sure, how complete: numbers about a result. Pure functions, each with its formula and source.

Every run has the cheap ones in its `metrics.json`; `topics evaluate` adds those that take texts or further fits.
"""

from topics.metrics.agreement import agreement, class_measures
from topics.metrics.coherence import c_npmi, c_uci, c_v, embedding_coherence, npmi, term_vectors, topic_npmi, u_mass
from topics.metrics.diversity import diversity, inverted_rbo, rbo
from topics.metrics.geometry import dbcv, silhouette
from topics.metrics.measures import document_labels, measure
from topics.metrics.occurrences import Occurrences, Positions, in_documents, in_windows, locate
from topics.metrics.stability import pairwise_agreement, recurrence

__all__ = [
    "Occurrences",
    "Positions",
    "agreement",
    "c_npmi",
    "c_uci",
    "c_v",
    "class_measures",
    "dbcv",
    "diversity",
    "document_labels",
    "embedding_coherence",
    "in_documents",
    "in_windows",
    "inverted_rbo",
    "locate",
    "measure",
    "npmi",
    "pairwise_agreement",
    "rbo",
    "recurrence",
    "silhouette",
    "term_vectors",
    "topic_npmi",
    "u_mass",
]
