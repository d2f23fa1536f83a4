from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
from fakes import HashingEncoder, themed_corpus
from sklearn.base import ClusterMixin, clone, is_clusterer
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

import topics
from topics import NO_STORE, InvalidConfig, InvalidInput, TopicModel
from topics.config import Config

TEXTS = themed_corpus(80, themes=3)[0]

#: scikit-learn's checks that cannot be asked of an estimator of texts, and why. Those with an analogue below say so.
EXEMPT = {
    **dict.fromkeys(
        """
        check_array_api_input check_clustering check_complex_data check_dtype_object check_estimator_sparse_array
        check_estimator_sparse_matrix check_estimator_sparse_tag check_estimators_dtypes
        check_estimators_empty_data_messages check_estimators_nan_inf check_f_contiguous_array_estimator check_fit1d
        check_fit2d_1feature check_fit2d_1sample check_fit2d_predict1d check_n_features_in
        check_n_features_in_after_fitting check_pipeline_consistency check_positive_only_tag_during_fit
        check_readonly_memmap_input
        """.split(),
        "fits numbers in two dimensions; X here is a sequence of texts",
    ),
    **dict.fromkeys(
        """
        check_clusterer_compute_labels_predict check_dict_unchanged check_dont_overwrite_parameters
        check_estimators_fit_returns_self check_estimators_overwrite_params check_estimators_unfitted
        check_fit_check_is_fitted check_fit_idempotent check_fit_score_takes_y check_methods_sample_order_invariance
        check_methods_subset_invariance
        """.split(),
        "fits numbers; the same is asked of texts below",
    ),
    "check_estimators_pickle": "fits numbers; a fitted model is kept with run_.save(folder), without pickle",
    "check_estimators_partial_fit_n_features": "there is no partial_fit",
    "check_non_transformer_estimators_n_iter": "there is no max_iter",
}


def _names() -> list[str]:
    class Numeric(TopicModel):
        """Says that it takes matrices, which is when scikit-learn lists its checks."""

        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.input_tags.two_d_array = True
            return tags

    checks = estimator_checks.estimator_checks_generator(Numeric(), legacy=True)
    return sorted({getattr(check, "func", check).__name__ for _, check in checks})


def _model(**settings) -> TopicModel:
    return TopicModel(**{"encoder": HashingEncoder(), "store": NO_STORE, "n_epochs": 50, "consensus": 3, **settings})


@pytest.fixture(scope="module")
def fitted() -> TopicModel:
    return _model().fit(TEXTS)


# --- what scikit-learn asks of every estimator ----------------------------------------------------


def test_no_exemption_is_out_of_date():
    assert set(EXEMPT) <= set(_names())


@pytest.mark.parametrize("name", [name for name in _names() if name not in EXEMPT])
def test_scikit_learns_check_passes(name):
    getattr(estimator_checks, name)("TopicModel", TopicModel())


def test_the_parameters_are_those_of_the_configuration_with_its_defaults():
    taken = {name: value.default for name, value in inspect.signature(TopicModel).parameters.items()}
    of_a_report = {"title", "keep_text"}
    settings = {name: field.default for name, field in Config.model_fields.items() if name not in of_a_report}
    assert taken == settings | {"store": None}


# --- the same, asked of texts ---------------------------------------------------------------------


def test_fit_returns_the_estimator(fitted):
    assert fitted.fit(TEXTS) is fitted


def test_labels_are_in_the_order_of_the_texts_and_from_the_run(fitted):
    assert fitted.labels_.dtype == np.int64
    np.testing.assert_array_equal(fitted.labels_, fitted.run_.documents["topic"])
    assert set(fitted.labels_) - {-1} == set(range(len(fitted.topics_)))
    turned = _model().fit(TEXTS[::-1])
    np.testing.assert_array_equal(turned.labels_[::-1], fitted.labels_)


def test_fitting_is_what_topics_fit_does(fitted):
    settings = {"n_epochs": 50, "consensus": 3}
    assert topics.fit(TEXTS, encoder=HashingEncoder(), store=NO_STORE, **settings) == fitted.run_


def test_fitting_twice_changes_nothing(fitted):
    labels, run = fitted.labels_.copy(), fitted.run_
    fitted.fit(TEXTS)
    np.testing.assert_array_equal(fitted.labels_, labels)
    assert fitted.run_ == run


def test_fitting_changes_neither_parameters_nor_texts():
    model, texts = _model(min_cluster_size=9), list(TEXTS)
    before = model.get_params()
    model.fit(texts)
    assert model.get_params() == before
    assert all(after is value for after, value in zip(model.get_params().values(), before.values(), strict=True))
    assert texts == TEXTS


def test_fitting_sets_nothing_but_fitted_attributes():
    model = _model()
    before = set(vars(model))
    model.fit(TEXTS)
    assert set(vars(model)) - before == {"labels_", "run_", "topics_"}


def test_predicting_changes_nothing(fitted):
    before = dict(vars(fitted))
    fitted.predict(TEXTS[:3])
    assert vars(fitted) == before


def test_predicting_before_fitting_says_so():
    with pytest.raises(NotFittedError, match="This TopicModel instance is not fitted yet"):
        _model().predict(TEXTS)


def test_a_failed_fit_does_not_count_as_one():
    model = _model()
    with pytest.raises(InvalidInput):
        model.fit([])
    with pytest.raises(NotFittedError):
        model.predict(TEXTS)


def test_fit_predict_is_fit_and_labels(fitted):
    np.testing.assert_array_equal(_model().fit_predict(TEXTS), fitted.labels_)


def test_predict_says_of_known_texts_what_fit_said_alone_and_together(fitted):
    np.testing.assert_array_equal(fitted.predict(TEXTS), fitted.labels_)
    np.testing.assert_array_equal(fitted.predict(TEXTS[::-1]), fitted.labels_[::-1])
    assert [int(fitted.predict([text])[0]) for text in TEXTS[:4]] == fitted.labels_[:4].tolist()
    assert fitted.predict(TEXTS).dtype == np.int64


def test_y_is_ignored(fitted):
    np.testing.assert_array_equal(_model().fit(TEXTS, y=[0] * len(TEXTS)).labels_, fitted.labels_)
    np.testing.assert_array_equal(_model().fit_predict(TEXTS, y="nothing"), fitted.labels_)


@pytest.mark.parametrize(
    "as_given",
    [tuple, np.array, lambda texts: np.array(texts, dtype=object), pd.Series, iter],
    ids=["tuple", "array", "objects", "Series", "iterator"],
)
def test_any_sequence_of_texts_will_do(fitted, as_given):
    np.testing.assert_array_equal(_model().fit(as_given(TEXTS)).labels_, fitted.labels_)


def test_a_series_keeps_its_order_whatever_its_index(fitted):
    series = pd.Series(TEXTS, index=range(len(TEXTS), 0, -1))
    np.testing.assert_array_equal(_model().fit(series).labels_, fitted.labels_)


def test_documents_without_text_are_outliers():
    labels = _model().fit([*TEXTS, "", None]).labels_
    assert labels[-2:].tolist() == [-1, -1]


def test_a_single_string_is_no_sequence_of_texts(fitted):
    for use in (fitted.predict, _model().fit):
        with pytest.raises(InvalidInput, match=r"X must be a sequence of texts, got one string, 'all about'"):
            use("all about")


def test_a_matrix_is_no_sequence_of_texts():
    with pytest.raises(InvalidInput, match=r"one-dimensional.*shape \(80, 1\)"):
        _model().fit(np.array(TEXTS)[:, None])


def test_a_bad_parameter_is_refused_when_fitting_and_not_before():
    model = TopicModel(encoder=HashingEncoder(), store=NO_STORE, min_cluster_size=1)
    with pytest.raises(InvalidConfig, match="min_cluster_size=1"):
        model.fit(TEXTS)


def test_vectors_may_be_given_to_fit_and_predict(fitted):
    vectors, new = HashingEncoder().encode(TEXTS), ["all about the bank", "a goal"]
    model = TopicModel(store=NO_STORE, n_epochs=50, consensus=3)
    np.testing.assert_array_equal(model.fit_predict(TEXTS, embeddings=vectors), fitted.labels_)
    assert model.encoder == TopicModel().encoder
    np.testing.assert_array_equal(model.predict(TEXTS), fitted.labels_)
    given = HashingEncoder().encode(new)
    np.testing.assert_array_equal(model.predict(new, embeddings=given), fitted.predict(new))
    with pytest.raises(InvalidInput, match="embeddings=array"):
        model.predict(new)
    pipeline = Pipeline([("topics", model)])
    np.testing.assert_array_equal(pipeline.fit_predict(TEXTS, topics__embeddings=vectors), fitted.labels_)


# --- among other estimators -----------------------------------------------------------------------


def test_a_clone_has_the_parameters_and_no_fit(fitted):
    copy = clone(fitted)
    assert copy.get_params().keys() == fitted.get_params().keys()
    assert copy.get_params()["n_epochs"] == 50
    assert not hasattr(copy, "labels_")


def test_it_is_a_clusterer_of_strings():
    tags = TopicModel().__sklearn_tags__()
    assert is_clusterer(TopicModel())
    assert issubclass(TopicModel, ClusterMixin)
    assert (tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array) == (True, True, False)
    assert not tags.target_tags.required


def test_it_ends_a_pipeline(fitted):
    padded = FunctionTransformer(lambda texts: [f" {text} " for text in texts])
    pipeline = Pipeline([("padded", padded), ("topics", _model())])
    np.testing.assert_array_equal(pipeline.fit_predict(TEXTS), fitted.labels_)
    np.testing.assert_array_equal(pipeline.predict(TEXTS[:5]), fitted.labels_[:5])
    assert pipeline.set_params(topics__seed=3)["topics"].seed == 3


def test_it_takes_part_in_a_search_by_hand():
    found = {
        settings["min_cluster_size"]: len(clone(_model()).set_params(**settings).fit(TEXTS).topics_)
        for settings in ParameterGrid({"min_cluster_size": [8, 40]})
    }
    assert found[8] >= found[40] >= 1


def test_its_representation_shows_what_differs_from_the_defaults():
    assert repr(TopicModel(seed=3, n_terms=5)) == "TopicModel(n_terms=5, seed=3)"
