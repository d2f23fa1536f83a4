"""Encoders as objects: transformers of scikit-learn, functions, and what they are remembered as."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fakes import HashingEncoder, themed_corpus
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

import topics
from topics import NO_STORE, InvalidConfig, InvalidInput, Store, TopicModel
from topics.data import Corpus
from topics.embedding import as_encoder, embed, fitted, name_of

TEXTS = themed_corpus(90, themes=3)[0]
NEW = ["the bank and the rate", "a goal in the match", "vaccine trial"]
QUICK = {"n_epochs": 50, "consensus": 3, "store": NO_STORE}


def _lsa(width: int = 8):
    return make_pipeline(TfidfVectorizer(), TruncatedSVD(width, random_state=0), Normalizer())


def _texts():
    return Corpus.from_texts(TEXTS).texts


def vowels(texts):
    return [[text.count(letter) + 1 for letter in "aeiou"] for text in texts]


# --- what is an encoder ---------------------------------------------------------------------------


def test_an_object_with_encode_is_taken_as_it_is():
    encoder = HashingEncoder()
    assert as_encoder(encoder) is encoder


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, r"the encoder is a int, 5; expected an object with encode.*scikit-learn transformer.*a function"),
        (["all-MiniLM-L6-v2"], r"is a list"),
        (HashingEncoder, r"is the class HashingEncoder; pass an object of it"),
    ],
)
def test_anything_else_is_refused_before_documents_are_read(given, message):
    with pytest.raises(InvalidConfig, match=message):
        topics.fit("no such file", encoder=given)


def test_names_are_those_people_gave():
    assert [name_of(given) for given in (vowels, lambda texts: texts, HashingEncoder(), _lsa())] == [
        "<vowels>",
        "<lambda>",
        "<HashingEncoder>",
        "<Pipeline>",
    ]


def test_a_function_gets_lists_of_text_and_its_rows_are_taken():
    asked = []

    def letters(texts):
        asked.append(texts)
        return np.array(vowels(texts))

    found = topics.embed(["banana", "onion", "banana"], letters, store=NO_STORE)
    assert sorted(asked[0]) == ["banana", "onion"]
    assert all(type(texts) is list for texts in asked)
    rows = np.array(vowels(["banana", "onion", "banana"]), dtype=np.float64)
    np.testing.assert_allclose(found.vectors, rows / np.linalg.norm(rows, axis=1, keepdims=True), rtol=1e-6)
    assert found.encoder == "<letters>"


def test_what_a_function_is_asked_does_not_follow_the_clock(monkeypatch):
    def asked(seconds):
        calls = []
        monkeypatch.setattr("topics.embedding._SECONDS", seconds)
        monkeypatch.setattr("topics.embedding._FIRST", 8)
        embed(_texts(), as_encoder(lambda texts: calls.append(len(texts)) or vowels(texts)), "f")
        return calls

    assert asked(1e-9) == asked(1e9) == [8, 82]


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda texts: [[1.0]], r"encoder <lambda> gave an array of shape \(1, 1\) for 3 texts"),
        (lambda texts: None, r"encoder <lambda> gave an array of shape \(\) for 3 texts"),
        (lambda texts: [[1], [1, 2], [3]], r"gave a list that is no array"),
        (lambda texts: np.full((3, 2), np.nan), r"values that are not finite for 3 of 3 texts"),
    ],
    ids=["rows", "nothing", "ragged", "nan"],
)
def test_a_function_that_gives_no_vectors_is_told_so(give, message):
    with pytest.raises(InvalidInput, match=message):
        topics.fit(["a", "b", "c"], encoder=give, **QUICK)


def test_a_function_with_a_fingerprint_is_asked_once(tmp_path):
    def asked(fingerprint):
        def letters(texts):
            calls.extend(texts)
            return vowels(texts)

        calls: list[str] = []
        letters.fingerprint = fingerprint
        topics.fit(TEXTS, encoder=letters, store=Store(tmp_path), n_epochs=50, consensus=3)
        return len(calls)

    assert [asked("1"), asked("1"), asked("2")] == [90, 0, 90]


# --- transformers ---------------------------------------------------------------------------------


def test_an_unfitted_transformer_is_cloned_and_fitted_on_the_texts_in_their_order():
    given, texts = _lsa(), _texts()
    copy = fitted(given, texts)
    assert copy is not given
    assert not hasattr(given[0], "vocabulary_")
    want = _lsa().fit(list(texts.texts)).transform(list(texts.texts))
    np.testing.assert_allclose(as_encoder(copy).encode(list(texts.texts)), want, atol=1e-12)


def test_a_fitted_transformer_is_used_as_it_is():
    given = _lsa().fit(TEXTS)
    components = given[1].components_
    run = topics.fit(TEXTS[:50], encoder=given, **QUICK)
    assert run.encoder is given
    assert given[1].components_ is components


@pytest.mark.parametrize(
    "given", [HashingVectorizer(n_features=32), FunctionTransformer(vowels)], ids=["hashing", "function"]
)
def test_a_transformer_that_needs_no_fit_gets_none(given):
    assert fitted(given, _texts()) is given


def test_a_pipeline_that_ends_in_a_step_without_a_fit_is_fitted_all_the_same():
    """scikit-learn itself takes such a pipeline for fitted."""
    run = topics.fit(TEXTS, encoder=_lsa(), **QUICK)
    assert run.encoder[0].vocabulary_


def test_a_transformer_may_have_nothing_but_transform():
    class Plain:
        def transform(self, texts):
            return vowels(texts)

    np.testing.assert_array_equal(as_encoder(Plain()).encode(NEW), vowels(NEW))


def test_no_order_of_the_documents_changes_a_bit_of_a_fit():
    order = np.random.default_rng(0).permutation(len(TEXTS))
    first = topics.fit(TEXTS, encoder=_lsa(), **QUICK)
    assert topics.fit([TEXTS[row] for row in order], encoder=_lsa(), **QUICK) == first


class _Dense(TransformerMixin, BaseEstimator):
    """Counts, dense: what follows multiplies by BLAS."""

    def fit(self, X, y=None):
        self.counts_ = CountVectorizer().fit(X)
        return self

    def transform(self, X):
        return self.counts_.transform(X).toarray().astype(np.float64)


def test_a_vector_does_not_depend_on_the_texts_around_it():
    encoder = as_encoder(fitted(make_pipeline(_Dense(), PCA(7, random_state=0)), _texts()))
    together = encoder.encode(TEXTS)
    alone = np.vstack([encoder.encode([text]) for text in TEXTS])
    assert together.tobytes() == alone.tobytes()
    assert encoder.encode(TEXTS[13:80]).tobytes() == together[13:80].tobytes()


def test_a_transformer_that_gives_other_rows_than_texts_is_told_so():
    with pytest.raises(InvalidInput, match=r"shape \(2, 5\) for 90 texts"):
        topics.fit(TEXTS, encoder=FunctionTransformer(lambda texts: np.ones((1, 5))), **QUICK)


def test_sparse_rows_are_taken_where_they_fit():
    run = topics.fit(TEXTS, encoder=TfidfVectorizer(), **QUICK)
    texts = Corpus.from_texts(TEXTS).texts
    want = TfidfVectorizer().fit(list(texts.texts)).transform(list(texts.texts)).toarray()
    np.testing.assert_allclose(run.model.vectors, want, atol=1e-6)


def test_a_function_may_give_sparse_rows_as_well():
    vectorizer = HashingVectorizer(n_features=16)
    found = topics.embed(TEXTS, lambda texts: vectorizer.transform(texts), store=NO_STORE).vectors
    np.testing.assert_allclose(found, vectorizer.transform(TEXTS).toarray(), atol=1e-6)


def test_sparse_rows_that_would_not_fit_are_refused_by_what_all_texts_need():
    wide = HashingVectorizer(n_features=2**20)
    assert as_encoder(wide, total=1).encode(["a b"]).shape == (1, 2**20)
    with pytest.raises(
        InvalidInput, match=r"<HashingVectorizer> gave sparse rows of 1,048,576 numbers, 3\.9 GiB.*Trunca"
    ):
        as_encoder(wide, total=1000).encode(["a b"])
    with pytest.raises(InvalidInput, match="TruncatedSVD"):
        topics.fit([f"text {row}" for row in range(600)], encoder=wide, **QUICK)


def test_a_fingerprint_keeps_the_vectors_of_a_transformer_for_the_texts_it_was_fitted_on(tmp_path):
    store = Store(tmp_path)

    def fit(texts):
        given = _lsa()
        given.fingerprint = "lsa 8"
        run = topics.fit(texts, encoder=given, store=store, n_epochs=50, consensus=3)
        return run, {stage.name for stage in run.stages if stage.cached}

    first, _ = fit(TEXTS)
    again, cached = fit(TEXTS[::-1])
    assert "embeddings" in cached
    assert again == first
    fewer, cached = fit(TEXTS[:60])
    assert "embeddings" not in cached
    assert fewer.model.fingerprint != first.model.fingerprint
    want = topics.fit(TEXTS[:60], encoder=_lsa(), **QUICK).model.vectors
    np.testing.assert_array_equal(fewer.model.vectors, want)


# --- new documents --------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [vowels, _lsa(), HashingEncoder()], ids=["function", "transformer", "object"])
def test_a_run_remembers_the_object_and_does_not_save_it(given, tmp_path):
    run = topics.fit(TEXTS, encoder=given, **QUICK)
    found = run.assign(NEW, store=NO_STORE)
    assert len(found) == 3
    loaded = topics.load(run.save(tmp_path / "run"))
    assert loaded == run
    assert "encoder" not in repr(run)
    with pytest.raises(InvalidInput, match=r"> was an encoder object; pass it again as encoder="):
        loaded.assign(NEW, store=NO_STORE)
    pd.testing.assert_frame_equal(loaded.assign(NEW, store=NO_STORE, encoder=run.encoder), found)


def test_a_run_by_name_remembers_no_object(world):
    assert world.fit().encoder is None


def test_an_unfitted_transformer_cannot_assign(tmp_path):
    run = topics.fit(TEXTS, encoder=_lsa(), **QUICK)
    with pytest.raises(InvalidInput, match=r"<Pipeline> is not fitted .*pass the one that was fitted .*run\.encoder"):
        run.assign(NEW, store=NO_STORE, encoder=_lsa())


def test_a_model_predicts_with_the_transformer_it_fitted():
    given = _lsa()
    model = TopicModel(encoder=given, **QUICK).fit(TEXTS)
    assert not hasattr(given[0], "vocabulary_")
    np.testing.assert_array_equal(model.predict(TEXTS), model.labels_)
    np.testing.assert_array_equal(model.predict(NEW), model.run_.assign(NEW, store=NO_STORE)["topic"])
