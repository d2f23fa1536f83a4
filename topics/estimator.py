"""The same fit as a scikit-learn estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted

from topics.api import assign, fit
from topics.config import Config
from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from sklearn.utils import Tags

    from topics.run import Run
    from topics.store import Store

_DEFAULT: dict[str, Any] = {name: field.default for name, field in Config.model_fields.items()}


class TopicModel(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Topics of texts, for pipelines, searches and everything else that speaks scikit-learn.

    A shell around `topics.fit`: the parameters are the fields of `topics.Config`, where their meaning,
    bounds and defaults stand, and

    Parameters
    ----------
    encoder : str or object
        As in `topics.fit`; an object is never changed, what is fitted is a clone.
    clusterer : str or object
        As in `topics.fit`.
    store : Store, optional
        Keeps what is computed. By default `$TOPICS_STORE`, else `outputs/store`.

    Attributes
    ----------
    labels_ : ndarray of shape (n,), int64
        Topic of each document, 0 the largest; -1 for outliers.
    run_ : Run
        Everything else: tables, metrics, and what `predict` needs.
    topics_ : DataFrame
        `run_.topics`.

    Examples
    --------
    >>> from topics import NO_STORE, TopicModel
    >>> class Letters:
    ...     def encode(self, texts):
    ...         return np.array([[text.count(letter) for letter in "abcdef"] for text in texts], dtype=float)
    >>> model = TopicModel(encoder=Letters(), store=NO_STORE).fit(["aa ab", "ab ba", "cd dc", "ee"])
    >>> model.labels_
    array([0, 0, 0, 0])
    """

    def __init__(
        self,
        *,
        encoder: Any = _DEFAULT["encoder"],
        long: Literal["truncate", "split"] = _DEFAULT["long"],
        postprocess: str = _DEFAULT["postprocess"],
        fit_on: int | None = _DEFAULT["fit_on"],
        n_neighbors: int = _DEFAULT["n_neighbors"],
        consensus: int = _DEFAULT["consensus"],
        n_components: int = _DEFAULT["n_components"],
        n_epochs: int = _DEFAULT["n_epochs"],
        reducer: Literal["umap", "umap-learn"] = _DEFAULT["reducer"],
        clusterer: Any = _DEFAULT["clusterer"],
        topics: int | None = _DEFAULT["topics"],
        resolution: float = _DEFAULT["resolution"],
        min_cluster_size: int | None = _DEFAULT["min_cluster_size"],
        min_samples: int = _DEFAULT["min_samples"],
        coverage: float | Literal["auto"] = _DEFAULT["coverage"],
        language: str = _DEFAULT["language"],
        stop_words: tuple[str, ...] = _DEFAULT["stop_words"],
        ngrams: int = _DEFAULT["ngrams"],
        n_terms: int = _DEFAULT["n_terms"],
        weighting: str = _DEFAULT["weighting"],
        ranking: str = _DEFAULT["ranking"],
        aspects: tuple[str, ...] = _DEFAULT["aspects"],
        n_representatives: int = _DEFAULT["n_representatives"],
        excerpt: int = _DEFAULT["excerpt"],
        periods: Any = _DEFAULT["periods"],
        seed: int = _DEFAULT["seed"],
        workers: int | None = _DEFAULT["workers"],
        scheduler: str | None = _DEFAULT["scheduler"],
        batch_size: int = _DEFAULT["batch_size"],
        max_memory: str | None = _DEFAULT["max_memory"],
        store: Store | None = None,
    ) -> None:
        self.encoder = encoder
        self.long = long
        self.postprocess = postprocess
        self.fit_on = fit_on
        self.n_neighbors = n_neighbors
        self.consensus = consensus
        self.n_components = n_components
        self.n_epochs = n_epochs
        self.reducer = reducer
        self.clusterer = clusterer
        self.topics = topics
        self.resolution = resolution
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.coverage = coverage
        self.language = language
        self.stop_words = stop_words
        self.ngrams = ngrams
        self.n_terms = n_terms
        self.weighting = weighting
        self.ranking = ranking
        self.aspects = aspects
        self.n_representatives = n_representatives
        self.excerpt = excerpt
        self.periods = periods
        self.seed = seed
        self.workers = workers
        self.scheduler = scheduler
        self.batch_size = batch_size
        self.max_memory = max_memory
        self.store = store

    def fit(self, X: Iterable[str], y: Any = None, *, embeddings: Any = None) -> TopicModel:
        """Find the topics of texts; `y` is ignored.

        Parameters
        ----------
        X : sequence of n str
        embeddings : array_like of shape (n, d), optional
            Their vectors, in place of those of `encoder`; as in `topics.fit`.

        Raises
        ------
        InvalidInput
            If `X` is not a sequence of texts, or holds too few.
        """
        settings = self.get_params(deep=False)
        if embeddings is not None:
            settings["encoder"] = None
        self.run_: Run = fit(_texts(X), embeddings=embeddings, **settings)
        self.labels_: NDArray[np.int64] = self.run_.documents["topic"].to_numpy(dtype=np.int64, copy=True)
        self.topics_ = self.run_.topics
        return self

    def predict(self, X: Iterable[str], *, embeddings: Any = None) -> NDArray[np.int64]:
        """Topic of each text, -1 for outliers; for those seen at fit, what `fit` said.

        Parameters
        ----------
        X : sequence of n str
        embeddings : array_like of shape (n, d), optional
            Their vectors; needed for new texts where `fit` was given vectors.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        return assign(self.run_, _texts(X), store=self.store, embeddings=embeddings)["topic"].to_numpy(dtype=np.int64)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


def _texts(X: Any) -> Any:
    """Texts as `fit` takes them; a lone string would be a path there and is surely a mistake here."""
    if isinstance(X, str):
        raise InvalidInput(f"X must be a sequence of texts, got one string, {X[:40]!r}; pass [X], or topics.fit(path).")
    if isinstance(X, np.ndarray) and X.ndim != 1:
        raise InvalidInput(f"X must be one-dimensional, a text for each document; got an array of shape {X.shape}.")
    return list(X) if isinstance(X, np.ndarray) else X
