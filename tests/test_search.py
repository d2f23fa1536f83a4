from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import make_run
from fakes import HashingEncoder, themed_corpus
from surfaces_fakes import convert, documents

import topics
from topics.errors import InvalidInput
from topics.folder import load, save
from topics.search import search
from topics.vectors import unit_rows


@pytest.fixture(scope="module")
def run():
    return make_run(n=1500, k=6)


def _query(seed: int = 0, dimension: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=dimension).astype(np.float32)


def _slowly(run, query: np.ndarray, topic: int | None = None) -> list[tuple[float, str]]:
    """Every document there is to find, one by one, with its cosine."""
    found = []
    for id_, label, row in zip(run.documents["id"], run.documents["topic"], run.rows, strict=True):
        if row >= 0 and topic in (None, label):
            vector = run.model.vectors[row].astype(np.float64)
            found.append((float(vector @ query / np.linalg.norm(vector) / np.linalg.norm(query)), id_))
    return sorted(found, key=lambda pair: (-pair[0], pair[1]))


# --- what is found -------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", [None, 0, 4])
@pytest.mark.parametrize("seed", range(4))
def test_the_most_similar_documents_are_found_exactly(run, seed, topic):
    found = search(run, _query(seed), topic=topic, limit=25).documents
    want = _slowly(run, _query(seed), topic)[:25]
    np.testing.assert_allclose(found["similarity"], [similarity for similarity, _ in want], atol=1e-6)
    assert found["id"].tolist() == [id_ for _, id_ in want]


def test_topics_are_compared_by_their_centroids(run):
    found = search(run, _query()).topics
    cosines = run.model.centroids.astype(np.float64) @ (_query() / np.linalg.norm(_query()))
    order = np.argsort(-cosines)
    assert found["topic"].tolist() == order.tolist()
    np.testing.assert_allclose(found["similarity"], cosines[order], atol=1e-6)
    assert found["name"].tolist() == run.topics["name"].iloc[order].tolist()


def test_a_document_is_told_with_its_topic(run):
    found = search(run, _query(), limit=200).documents.set_index("id")
    want = run.documents.set_index("id").loc[found.index]
    assert found["topic"].tolist() == want["topic"].tolist()
    assert found["topic_id"].tolist() == want["topic_id"].tolist()
    names = run.topics.set_index("topic")["name"]
    assert found["name"].tolist() == [names.get(topic, "") for topic in want["topic"]]
    assert (found["topic"] == -1).any()


def test_documents_without_text_are_never_found_and_copies_all_are(run):
    found = search(run, _query(), limit=len(run.documents)).documents
    assert set(found["id"]) == set(run.documents["id"][run.documents["reason"] != "empty"])
    copies = run.documents["id"][run.rows == np.bincount(run.rows[run.rows >= 0]).argmax()]
    assert len(copies) > 1
    assert found.loc[found["id"].isin(copies), "similarity"].nunique() == 1


def test_an_answer_depends_on_nothing_around_it(run):
    whole = search(run, _query(), limit=2000).documents.set_index("id")["similarity"]
    order = np.random.default_rng(1).permutation(len(run.documents))
    shuffled = replace(run, documents=run.documents.iloc[order], rows=run.rows[order])
    threads = replace(run, config=run.config.of(workers=3))
    assert search(shuffled, _query(), limit=2000).documents.set_index("id")["similarity"].equals(whole)
    assert search(threads, _query(), limit=2000).documents.set_index("id")["similarity"].equals(whole)
    for topic in range(6):
        inside = search(run, _query(), topic=topic, limit=2000).documents.set_index("id")["similarity"]
        assert inside.equals(whole[inside.index])


def test_within_a_topic_only_this_topic_is_told_of(run):
    found = search(run, _query(), topic="t0003", limit=3)
    assert found.topics["topic_id"].tolist() == ["T0003"]
    assert set(found.documents["topic_id"]) == {"T0003"}


def test_no_more_than_the_limit(run):
    found = search(run, _query(), limit=2)
    assert (len(found.documents), len(found.topics)) == (2, 2)


def test_a_run_without_topics_has_documents(run):
    found = search(make_run(n=20, k=0), _query())
    assert (len(found.documents), len(found.topics)) == (10, 0)


def test_a_loaded_run_finds_the_same(run, tmp_path):
    back = load(save(run, tmp_path / "run"))
    for seed in range(3):
        one, other = search(run, _query(seed)), search(back, _query(seed))
        assert one.documents.equals(other.documents)
        assert one.topics.equals(other.topics)


# --- how documents begin -------------------------------------------------------------------------


def test_of_representative_documents_the_beginning_is_known_and_of_their_copies(run):
    found = search(run, _query(), limit=2000).documents.set_index("id")["text"]
    kept = run.representatives.set_index("id")["text"]
    rows = dict(zip(run.documents["id"], run.rows, strict=True))
    by_row = {rows[id_]: text for id_, text in kept.items()}
    assert found.to_dict() == {id_: by_row.get(rows[id_], "") for id_ in found.index}
    assert (found != "").sum() >= len(kept)


def test_of_kept_texts_all_beginnings_are_known(run):
    texts = [f"{id_} " + "long " * 1000 for id_ in run.documents["id"]]
    found = search(replace(run, documents=run.documents.assign(text=texts)), _query()).documents
    assert found["text"].str.len().tolist() == [600] * 10
    assert all(text.startswith(id_) for id_, text in zip(found["id"], found["text"], strict=True))


# --- words ---------------------------------------------------------------------------------------


def test_words_are_embedded_as_documents_are(world, written, monkeypatch):
    monkeypatch.setattr("topics.embedding.convert", convert)
    run, store = load(written), world.store("shared")
    vector = topics.embed(["goal striker"], encoder=world.model, store=store).vectors[0]
    by_words = run.search(" goal\n striker ", store=store)
    assert by_words.documents.equals(run.search(vector).documents)
    text = documents().set_index("id")["text"]["d0041"]
    assert "d0041" in run.search(text, limit=1, store=store).documents["id"].tolist()


def test_a_search_keeps_the_encoder_and_nothing_else(world, written, tmp_path, monkeypatch):
    monkeypatch.setattr("topics.embedding.convert", convert)
    store = topics.Store(tmp_path / "store")
    first = load(written).search("goal striker", store=store)
    assert {entry.ref.stage for entry in store.entries()} == {"encoder"}
    monkeypatch.delattr("topics.embedding.convert")  # it is not converted again
    assert load(written).search("goal striker", store=store).documents.equals(first.documents)


def test_a_run_of_an_encoder_object_remembers_it_and_asks_for_it_once_loaded(tmp_path):
    encoder = HashingEncoder()
    texts, _ = themed_corpus(120, 3)
    run = topics.fit(texts, encoder=encoder, store=topics.NO_STORE, min_cluster_size=10)
    want = run.search(unit_rows(encoder.encode(["bank inflation interest"]))[0]).documents
    assert run.search("bank inflation interest", store=topics.NO_STORE).documents.equals(want)
    back = load(save(run, tmp_path / "run"))
    assert back.search("bank inflation interest", encoder=encoder, store=topics.NO_STORE).documents.equals(want)
    with pytest.raises(InvalidInput, match=r"are from <HashingEncoder>, which embeds no words here; name the encoder"):
        back.search("bank")
    with pytest.raises(InvalidInput, match="is not the one this run was fitted with"):
        back.search("bank", encoder=HashingEncoder(salt="other"), store=topics.NO_STORE)


def test_a_run_of_given_vectors_is_searched_by_what_made_them_or_by_a_vector():
    encoder = HashingEncoder()
    texts, _ = themed_corpus(120, 3)
    run = topics.fit(texts, embeddings=encoder.encode(texts), store=topics.NO_STORE, min_cluster_size=10)
    want = run.search(unit_rows(encoder.encode(["bank inflation interest"]))[0]).documents
    assert run.search("bank inflation interest", encoder=encoder, store=topics.NO_STORE).documents.equals(want)
    with pytest.raises(InvalidInput, match=r"are from <embeddings>, which embeds no words here"):
        run.search("bank")


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", " \n\t", "\x00\x1b"])
def test_an_empty_query_is_refused(run, query):
    with pytest.raises(InvalidInput, match="the query is empty; say in a few words"):
        search(run, query)


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_one_is_refused(run, limit):
    with pytest.raises(InvalidInput, match=f"limit={limit}: at least 1"):
        search(run, _query(), limit=limit)


def test_a_topic_that_is_not_there_is_refused(run):
    with pytest.raises(InvalidInput, match=r"no topic 'T0099'; there are 0 to 5"):
        search(run, _query(), topic="T0099")


@pytest.mark.parametrize("vector", [np.ones(7), np.ones((1, 8)), np.zeros(8), np.full(8, np.nan)], ids=str)
def test_a_vector_of_another_space_is_refused(run, vector):
    with pytest.raises(InvalidInput, match=r"the query is an array of shape .*; give a text, or a vector of 8 finite"):
        search(run, vector)


def test_a_run_that_does_not_tell_whose_a_text_is_says_how_to_go_on(run):
    with pytest.raises(InvalidInput, match=r"written by an older version.*fit it again"):
        search(replace(run, rows=None), _query())
