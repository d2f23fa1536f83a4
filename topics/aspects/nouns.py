"""Noun phrases of the texts nearest to a topic, as spaCy tells parts of speech.

u texts, k topics.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import Aspect, Embeddings, Settled
from topics.errors import InvalidConfig
from topics.labels import members
from topics.progress import track
from topics.words.ranking import best_columns, own_terms
from topics.words.wording import distinct_phrases

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

_NEAREST = 100  # texts of a topic that are read
_CHARACTERS = 5_000  # of each
_LONGEST = 4  # words of a phrase
_NOUNS = ("NOUN", "PROPN")
_WEB = ("en", "zh")  # languages whose models are named after the web; the others are after news
_UNUSED = ("parser", "ner", "lemmatizer", "senter")


def central_texts(settled: Settled, embeddings: Embeddings) -> NDArray[np.int64]:
    """The 100 texts of each topic that are nearest to its centroid; rows, ascending."""
    chosen = [np.empty(0, dtype=np.int64)]
    for topic, centroid in enumerate(settled.centroids):
        rows = np.flatnonzero(settled.labels == topic)
        chosen.append(rows[np.lexsort((rows, -(embeddings.vectors[rows] @ centroid)))[:_NEAREST]])
    return np.sort(np.concatenate(chosen))


def noun_phrases(
    texts: Sequence[str], labels: NDArray[np.int32], k: int, tagger: Any, left_out: Collection[str], n_terms: int
) -> Aspect:
    """Runs of adjectives and nouns that end in a noun, and that a topic over-uses.

    Phrases have up to four words, and are ordered by G (`ranking.over_representation`) over these texts.

    Parameters
    ----------
    texts : sequence of str
        Of each their first 5,000 characters are read.
    labels : ndarray, int32
        Their topics.
    k : int
        How many topics there are.
    tagger : spacy.Language
        Must tell parts of speech.
    left_out : collection of str
        Words that no phrase holds.
    n_terms : int
        How many to list; fewer where a topic has fewer.

    Returns
    -------
    Aspect

    Raises
    ------
    InvalidConfig
        If the tagger tells no parts of speech.
    """
    from scipy import sparse

    # One by one: what stood beside a text in a batch could move a bit of it.
    found = [
        set(_phrases(tagger(text[:_CHARACTERS]), left_out))
        for text in track(texts, len(texts), "Reading nouns", "documents")
    ]
    names = sorted(set().union(*found))
    place = {name: column for column, name in enumerate(names)}
    columns = [place[phrase] for phrases in found for phrase in sorted(phrases)]
    rows = np.repeat(np.arange(len(found)), [len(phrases) for phrases in found])
    presence = sparse.csr_array((np.ones(len(columns)), (rows, columns)), shape=(len(found), len(names)))
    surprise = own_terms(members(labels, k), presence)
    ranked = (best_columns(surprise, topic) for topic in range(k))
    return Aspect(tuple(tuple(distinct_phrases((names[column] for column in best), n_terms)) for best in ranked))


def _phrases(doc: Any, left_out: Collection[str]) -> Iterator[str]:
    if len(doc) and not doc.has_annotation("POS"):
        raise InvalidConfig(
            "aspects=pos: the pipeline tells no parts of speech: no tagger, morphologizer or attribute_ruler of it "
            "sets them. Name another model of spaCy: pos=en_core_web_sm."
        )
    run: list[Any] = []
    for token in [*doc, None]:
        word = token.lower_ if token is not None else ""
        if len(word) > 1 and word[0].isalpha() and word not in left_out and token.pos_ in ("ADJ", *_NOUNS):
            run.append(token)
            continue
        while run and run[-1].pos_ not in _NOUNS:
            run.pop()
        if run:
            yield " ".join(token.lower_ for token in run[-_LONGEST:])
        run = []


def check_spacy(model: str = "") -> None:
    """Look whether spaCy is there and, if one is named, a model of it; neither is loaded.

    Parameters
    ----------
    model : str
        A package or a folder.

    Raises
    ------
    InvalidConfig
        That says what to install.
    """
    if find_spec("spacy") is None:
        raise InvalidConfig(
            "aspects=pos needs spaCy, which is not installed: pip install 'topics[spacy]', and a model: "
            "python -m spacy download en_core_web_sm."
        )
    if model and _folder(model) is None:
        raise InvalidConfig(
            f"aspects=pos: there is no model {model!r} of spaCy, neither a package nor a folder. Install it, as with "
            f"`python -m spacy download {model}`, or name one that is there: pos=MODEL."
        )


def default_model(languages: Sequence[str]) -> str:
    """The small model of spaCy for the first of some languages.

    Examples
    --------
    >>> default_model(("en", "de")), default_model(("de",)), default_model(())
    ('en_core_web_sm', 'de_core_news_sm', 'en_core_web_sm')
    """
    language = languages[0] if languages else "en"
    return f"{language}_core_{'web' if language in _WEB else 'news'}_sm"


def decisive(model: str) -> dict[str, str]:
    """What decides what a model says: its files and the release of spaCy.

    Raises
    ------
    InvalidConfig
        As `check_spacy`.
    """
    check_spacy(model)
    folder, digest = _folder(model), hashlib.sha256()
    for path in sorted(Path(folder or "").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(folder or '')}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return {"digest": digest.hexdigest(), "release": version("spacy")}


def open_tagger(model: str) -> Any:
    """Load a model of spaCy without what noun phrases do not need.

    Raises
    ------
    InvalidConfig
        If it cannot be loaded.
    """
    import spacy

    check_spacy(model)
    try:
        return spacy.load(model, exclude=_UNUSED)
    except (OSError, ValueError, ImportError) as error:
        raise InvalidConfig(f"aspects=pos: {model} cannot be loaded as a model of spaCy: {error}") from error


def _folder(model: str) -> Path | None:
    """Where a model is: a folder, or the package of that name."""
    path = Path(model).expanduser()
    if (path / "config.cfg").is_file():
        return path
    spec = find_spec(model) if model.isidentifier() else None
    package = Path(spec.origin).parent if spec is not None and spec.origin else None
    return package if package is not None and (package / "meta.json").is_file() else None
