"""What the benchmark of quality compares: this library and others, all given the same texts and vectors.

A method has `fit`, the topics of a corpus; `assign`, topics of some documents after a fit of others; and `words`, what
describes so many topics. None where it cannot do that.
"""

from __future__ import annotations

import tempfile
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import topics
from topics.data import NOISE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Labels = NDArray[np.int32]
    Words = list[list[str]]

N_WORDS = 10  # of a topic


class Documents(NamedTuple):
    """n distinct texts and their vectors, shape (n, d)."""

    texts: list[str]
    vectors: NDArray[np.float32]

    def some(self, rows: NDArray[np.int64]) -> Documents:
        return Documents([self.texts[row] for row in rows], self.vectors[rows])


class Ours:
    """`topics.fit` with its defaults but for `settings`. Vectors are given; nothing is kept between fits."""

    packages = ("topics", "hdbscan")

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def fit(self, given: Documents, seed: int, classes: int) -> tuple[Labels, Words]:
        run = self._fit(given, seed, topics.NO_STORE)
        return _labels(run.documents["topic"]), _words(run)

    def assign(self, given: Documents, new: Documents, seed: int, classes: int) -> Labels:
        run = self._fit(given, seed, topics.NO_STORE)
        return _labels(run.assign(new.texts, embeddings=new.vectors)["topic"])

    def words(self, given: Documents, seed: int, numbers: Sequence[int]) -> dict[int, Words | None]:
        found: dict[int, Words | None] = {}
        with tempfile.TemporaryDirectory() as folder:  # the fits share what is the same: neighbours, graphs, layouts
            for number in numbers:
                try:
                    found[number] = _words(self._fit(given, seed, topics.Store(folder), topics=number))
                except topics.InvalidInput:  # so many cannot be told apart
                    found[number] = None
        return found

    def _fit(self, given: Documents, seed: int, store: Any, **more: Any) -> topics.Run:
        settings = {**self.settings, **more, "seed": seed, "workers": 1, "n_terms": N_WORDS}
        return topics.fit(given.texts, embeddings=given.vectors, store=store, **settings)


class BERTopic:
    """BERTopic with its defaults, UMAP's random state being the seed."""

    packages: tuple[str, ...] = ("bertopic", "umap-learn", "hdbscan")

    def fit(self, given: Documents, seed: int, classes: int) -> tuple[Labels, Words]:
        model = self._fitted(given, seed)
        return self._placed(model, given, model.topics_), self._described(model, given)

    def assign(self, given: Documents, new: Documents, seed: int, classes: int) -> Labels:
        model = self._fitted(given, seed)
        return self._placed(model, new, model.transform(new.texts, new.vectors)[0])

    def words(self, given: Documents, seed: int, numbers: Sequence[int]) -> dict[int, Words | None]:
        model = self._fitted(given, seed)
        return {number: self._described(self._reduced(model, given, number), given) for number in numbers}

    def _fitted(self, given: Documents, seed: int) -> Any:
        return self._model(len(given.texts), seed).fit(given.texts, given.vectors)

    def _model(self, n: int, seed: int) -> Any:
        import bertopic

        return bertopic.BERTopic(umap_model=_umap(seed))

    def _reduced(self, model: Any, given: Documents, number: int) -> Any:
        """`nr_topics` counts the outliers as a topic, where there are such."""
        reduced, outliers = deepcopy(model), int(NOISE in model.topics_)
        if len(set(model.topics_)) - outliers > number:
            reduced.reduce_topics(given.texts, nr_topics=number + outliers)
        return reduced

    def _placed(self, model: Any, given: Documents, found: Any) -> Labels:
        return _labels(found)

    def _described(self, model: Any, given: Documents) -> Words:
        told = sorted((number, words) for number, words in model.get_topics().items() if number != NOISE)
        return [[word for word, _ in words if word] for _, words in told]


class BERTopicPractised(BERTopic):
    """BERTopic as its documentation advises: larger clusters, stop words out, BM25, MMR, outliers reduced."""

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder

    def _model(self, n: int, seed: int) -> Any:
        import bertopic
        from bertopic.representation import MaximalMarginalRelevance
        from bertopic.vectorizers import ClassTfidfTransformer
        from hdbscan import HDBSCAN
        from sklearn.feature_extraction.text import CountVectorizer

        least = max(15, round(n / 300))  # the documentation takes 150 of 44,949
        return bertopic.BERTopic(
            embedding_model=_backend(self.encoder),
            umap_model=_umap(seed),
            hdbscan_model=HDBSCAN(min_cluster_size=least, prediction_data=True),
            vectorizer_model=CountVectorizer(stop_words="english", min_df=2, ngram_range=(1, 2)),
            ctfidf_model=ClassTfidfTransformer(bm25_weighting=True, reduce_frequent_words=True),
            representation_model=MaximalMarginalRelevance(diversity=0.3),
        )

    def _placed(self, model: Any, given: Documents, found: Any) -> Labels:
        if NOISE not in found or len(set(model.topics_) - {NOISE}) == 0:
            return _labels(found)
        return _labels(model.reduce_outliers(given.texts, list(found), strategy="embeddings", embeddings=given.vectors))

    def _described(self, model: Any, given: Documents) -> Words:
        placed = self._placed(model, given, model.topics_)
        model.update_topics(
            given.texts,
            topics=placed.tolist(),
            vectorizer_model=model.vectorizer_model,
            ctfidf_model=model.ctfidf_model,
            representation_model=model.representation_model,
        )
        return super()._described(model, given)


class NMF:
    """scikit-learn's NMF on TF-IDF without stop words; a document's topic is the one that weighs most."""

    packages = ("scikit-learn",)

    def fit(self, given: Documents, seed: int, classes: int) -> tuple[Labels, Words]:
        vectorizer, model, weights = self._fitted(given, seed, classes)
        return _heaviest(weights), _top(model.components_, vectorizer.get_feature_names_out())

    def assign(self, given: Documents, new: Documents, seed: int, classes: int) -> Labels:
        vectorizer, model, _ = self._fitted(given, seed, classes)
        return _heaviest(model.transform(vectorizer.transform(new.texts)))

    def words(self, given: Documents, seed: int, numbers: Sequence[int]) -> dict[int, Words | None]:
        return {number: self.fit(given, seed, number)[1] for number in numbers}

    def _fitted(self, given: Documents, seed: int, number: int) -> tuple[Any, Any, Any]:
        from sklearn.decomposition import NMF as Factors  # noqa: N811 - this class has the name
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(stop_words="english", max_df=0.95, min_df=2)
        model = Factors(number, random_state=seed)
        return vectorizer, model, model.fit_transform(vectorizer.fit_transform(given.texts))


class KeyNMF:
    """Turftopic's KeyNMF with its defaults; words are embedded by the encoder the documents were."""

    packages = ("turftopic",)

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder

    def fit(self, given: Documents, seed: int, classes: int) -> tuple[Labels, Words]:
        model, weights = self._fitted(given, seed, classes)
        return _heaviest(weights), _top(model.components_, model.get_vocab())

    def assign(self, given: Documents, new: Documents, seed: int, classes: int) -> Labels:
        model, _ = self._fitted(given, seed, classes)
        return _heaviest(model.transform(new.texts, embeddings=new.vectors))

    def words(self, given: Documents, seed: int, numbers: Sequence[int]) -> dict[int, Words | None]:
        return {number: self.fit(given, seed, number)[1] for number in numbers}

    def _fitted(self, given: Documents, seed: int, number: int) -> tuple[Any, Any]:
        import turftopic

        model = turftopic.KeyNMF(number, encoder=self.encoder, random_state=seed)
        return model, model.fit_transform(given.texts, embeddings=given.vectors)


class EVoC:
    """EVoC's clusters of the vectors. It describes nothing and places nothing new."""

    packages = ("evoc",)
    assign = words = None

    def fit(self, given: Documents, seed: int, classes: int) -> tuple[Labels, Words]:
        import evoc

        return _labels(evoc.EVoC(random_state=seed).fit_predict(given.vectors.copy())), []


def every(encoder: Any) -> dict[str, Any]:
    """All methods by name. `encoder` embeds words, for those that embed any."""
    return {
        "topics": Ours(),
        "topics, leiden": Ours(clusterer="leiden"),
        "BERTopic": BERTopic(),
        "BERTopic, best practices": BERTopicPractised(encoder),
        "NMF": NMF(),
        "KeyNMF": KeyNMF(encoder),
        "EVoC": EVoC(),
    }


def _umap(seed: int) -> Any:
    from umap import UMAP

    # BERTopic's own settings, and a seed.
    return UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", low_memory=False, random_state=seed)


def _backend(encoder: Any) -> Any:
    from bertopic.backend import BaseEmbedder

    class Backend(BaseEmbedder):  # type: ignore[misc]
        def embed(self, documents: Sequence[str], verbose: bool = False) -> NDArray[np.float32]:
            return encoder.encode(documents)

    return Backend()


def _labels(found: Any) -> Labels:
    return np.asarray(found, dtype=np.int32)


def _words(run: topics.Run) -> Words:
    return [list(words) for words in run.topics["terms"]]


def _heaviest(weights: NDArray[np.float64]) -> Labels:
    """The topic of each row; none where nothing weighs."""
    return np.where(weights.max(axis=1) > 0, weights.argmax(axis=1), NOISE).astype(np.int32)


def _top(components: NDArray[np.float64], vocabulary: Sequence[str]) -> Words:
    return [[str(vocabulary[place]) for place in np.argsort(-row, kind="stable")[:N_WORDS]] for row in components]
