"""Documents, and vectors of them that were made elsewhere."""

from __future__ import annotations

from fakes import HashingEncoder
from surfaces_fakes import documents

from topics.data import Corpus

TABLE = documents()
VECTORS = HashingEncoder(16).encode(TABLE["text"].tolist())
QUICK = {"n_epochs": 50, "consensus": 3}


def corpus_of_table() -> Corpus:
    return Corpus.from_texts(TABLE["text"], TABLE["id"])
