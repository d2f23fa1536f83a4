"""What a run makes of a sparse encoder: vectors to group by, and words that nobody said."""

from __future__ import annotations

from fakes import HashingEncoder
from splade import IMPLIED, MONEY

import topics
from topics.data import Corpus
from topics.embedding import activate
from topics.embedding.sparse import SparseEncoder
from topics.pipeline import fit_topics
from topics.steps import STAGES
from topics.store import NO_STORE, Ref, Store
from topics.updates.refits import Refits
from topics.workshop import Workshop


def test_topics_are_found_and_told_by_words_nobody_said(plain, documents, tmp_path):
    name, store = f"sparse:{plain}?dimensions=512", Store(tmp_path / "store")
    run = topics.fit(documents, encoder=name, store=store)
    assert len(run.topics) >= 2
    for terms, words in zip(run.topics["terms"], run.topics["aspect_expansion"], strict=True):
        theme = "economy" if set(terms) & set(MONEY) else "football"
        assert theme in words
        assert set(words[:5]) <= {*IMPLIED[theme], theme}
        assert not {"the", "[CLS]", "##ing", "Bank"} & set(words)
    assert run.model.vectors.shape == (len(documents), 512)
    again = topics.fit(documents[::-1], encoder=name, store=store, workers=2, batch_size=3)
    assert again == run
    loaded = topics.load(run.save(tmp_path / "run"))
    assert loaded == run
    assert loaded.topics["aspect_expansion"].tolist() == run.topics["aspect_expansion"].tolist()
    assert loaded.topics.columns[-1] == "aspect_expansion"
    placed = loaded.assign(["treasury deposit bank", "coach stadium goal"], store=store)
    assert placed["nearest"].nunique() == 2


def counting(monkeypatch):
    seen = []
    original = SparseEncoder.packed
    monkeypatch.setattr(SparseEncoder, "packed", lambda self, texts: seen.extend(texts) or original(self, texts))
    return seen


def test_the_model_sees_a_text_once(plain, documents, tmp_path, monkeypatch):
    store, seen = Store(tmp_path), counting(monkeypatch)
    topics.fit(documents, encoder=f"sparse:{plain}", store=store)
    assert sorted(seen) == sorted(documents)
    seen.clear()
    assert all(stage.cached for stage in topics.fit(documents, encoder=f"sparse:{plain}", store=store).stages)
    other = topics.fit(documents, encoder=f"sparse:{plain}?dimensions=64", store=store)
    assert other.model.vectors.shape[1] == 64
    topics.embed(documents, f"sparse:{plain}?dimensions=128", store=store)
    topics.fit([*documents, "one more"], encoder=f"sparse:{plain}", store=store)
    assert seen == ["one more"]


def test_its_name_and_its_object_give_the_same(plain, documents):
    name = f"sparse:{plain}"
    named = topics.fit(documents, encoder=name, store=NO_STORE)
    given = topics.fit(documents, encoder=SparseEncoder(plain), store=NO_STORE)
    assert given.topics["aspect_expansion"].tolist() == named.topics["aspect_expansion"].tolist()
    assert given.model.vectors.tobytes() == named.model.vectors.tobytes()
    assert not given.model.vectors.flags.writeable
    assert given.model.fingerprint == named.model.fingerprint
    texts = Corpus.from_texts(documents).texts
    found = activate(texts, SparseEncoder(plain), name)
    assert found.embeddings.vectors.tobytes() == SparseEncoder(plain).encode(list(texts.texts)).tobytes()
    assert found.embeddings.vectors.tobytes() == topics.embed(list(texts.texts), name, store=NO_STORE).vectors.tobytes()


def test_stages_may_run_elsewhere_and_leave_their_results_in_the_store(plain, documents, tmp_path):
    store, config = Store(tmp_path), topics.Config.of(encoder=f"sparse:{plain}")

    def elsewhere(stage, inputs, params):
        return Workshop(Store(store.root)).run(STAGES[stage.name], inputs, params)

    corpus = Corpus.from_texts(documents)
    store.save(Ref("corpus", corpus.key), corpus)
    run = fit_topics(corpus, config, Workshop(store), elsewhere)
    assert run == topics.fit(documents, config, store=NO_STORE)


def test_what_a_fit_made_of_its_vectors_is_found_by_further_fits(plain, documents, tmp_path):
    store = Store(tmp_path)
    run = topics.fit(documents, encoder=f"sparse:{plain}", store=store)
    graphs = {entry.ref.key for entry in store.entries("graph")}
    Refits(run, Workshop(store)).with_seed(run.config.seed)
    assert {entry.ref.key for entry in store.entries("graph")} == graphs


def test_vectors_that_are_post_processed_leave_the_expansions_as_they_are(plain, documents):
    run = topics.fit(documents, encoder=f"sparse:{plain}", store=NO_STORE, postprocess="center")
    assert {"economy", "football"} <= {word for words in run.topics["aspect_expansion"] for word in words}


def test_stop_words_of_the_run_are_not_listed(plain, documents):
    left_out = ["economy", "Football", "bank"]
    run = topics.fit(documents, encoder=f"sparse:{plain}", store=NO_STORE, stop_words=left_out, n_terms=4)
    for words in run.topics["aspect_expansion"]:
        assert 0 < len(words) <= 4
        assert not {"economy", "football", "bank"} & set(words)


def test_runs_of_other_encoders_have_no_such_column_and_no_such_stage():
    run = topics.fit([f"text number {row}" for row in range(30)], encoder=HashingEncoder(), store=NO_STORE)
    assert "aspect_expansion" not in run.topics
    assert not {"activations", "expansions"} & {stage.name for stage in run.stages}
