"""Runs have the same fingerprint wherever texts were encoded, counted and placed."""

from __future__ import annotations

import logging
import sys
from functools import partial

import numpy as np
import pytest
import shard_functions
from fakes import HashingEncoder, themed_corpus
from surfaces_fakes import in_this_process

import topics
from topics import NO_STORE, Store, assignment, embedding
from topics.data import Corpus, Texts
from topics.embedding import Elsewhere, elsewhere, open_encoder
from topics.embedding.elsewhere import by_size
from topics.errors import InvalidConfig
from topics.executors import SERIAL, Dask, Processes
from topics.steps import COUNT, ENCODER
from topics.store import shelved
from topics.vectors import unit_rows
from topics.words import counting, terms
from topics.workshop import Workshop

QUICK = {"n_epochs": 20, "consensus": 1}


@pytest.fixture(scope="module")
def scheduler():
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=2,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.ERROR,
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def small_shards(monkeypatch):
    """Shards of a few texts, so that a small corpus has many."""
    monkeypatch.setattr(elsewhere, "_TEXTS", 40)
    monkeypatch.setattr(terms, "shards", partial(counting.shards, size=40))
    monkeypatch.setattr(assignment, "SHARD", 4_000)


def test_the_same_run_by_processes_and_by_dask(world, scheduler, small_shards):
    want = world.fit(**QUICK)
    new = ["bank rate inflation", "goal league striker", "nothing of it", *themed_corpus(50, seed=3)[0]]
    placed = want.assign(new, store=world.store("assigned"))
    for name, executor in {"processes": Processes(2), "dask": Dask(scheduler)}.items():
        run = world.fit(store=world.store(name), executor=executor, **QUICK)
        assert run.fingerprint == want.fingerprint, name
        assert run.assign(new, store=world.store(f"assigned-{name}"), executor=executor).equals(placed), name
        assert want.distribution.equals(run.distribution)


def test_the_same_update_by_processes(world, small_shards):
    run = world.fit(themed_corpus(150)[0], **QUICK)
    new = themed_corpus(60, seed=3)[0]
    want = topics.update(run, new, refit="never", store=world.store("updated"))
    there = world.store("updated-there")
    assert topics.update(run, new, refit="never", store=there, executor=Processes(2)) == want


def test_settings_say_where(world, scheduler, small_shards, capfd, tmp_path, monkeypatch):
    cli = in_this_process(capfd)
    run = world.fit(store=world.store("settings"), scheduler=scheduler, **QUICK)
    assert run == world.fit(**QUICK)
    assert run.config.scheduler is None  # the run may be used when the cluster is gone
    store, folder = world.store("settings-cli").root, tmp_path / "run"
    words = ("--encoder", world.model, "--store", store, "--quiet", "--n-epochs", 20, "--consensus", 1)
    assert cli("fit", world.csv, "--output", folder, *words, "--scheduler", scheduler)[0] == 0
    assert "scheduler" not in (folder / "config.toml").read_text()
    assert cli("assign", folder, world.csv, "--store", store, "--quiet", "--scheduler", scheduler)[0] == 0
    with pytest.raises(InvalidConfig, match=r"executor and scheduler=.* exclude each other"):
        world.fit(executor=SERIAL, scheduler=scheduler)
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = ("--encoder", world.model, "--store", world.store("settings-none").root, "--scheduler", scheduler)
    code, _, said = cli("fit", world.csv, "--output", tmp_path / "no", *words)
    assert code == 2
    assert "pip install 'topics[dask]'. On this machine --workers does without." in said


def prepared_of(world, store):
    at = Workshop(store)
    return at.load(at.run(ENCODER, (), {"name": world.model}).ref)


def embedded(world, texts, store, executor):
    prepared = prepared_of(world, world.store("shared"))
    return embedding.embed(texts, open_encoder(prepared), world.model, store, Elsewhere(executor, prepared)).vectors


def test_the_same_nearest_of_the_part_that_was_fitted(small_shards):
    vectors = unit_rows(np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32))
    want = assignment.approach(vectors, 100)
    got = assignment.approach(vectors, 100, executor=Processes(2))
    assert np.array_equal(got.indices, want.indices)
    assert np.array_equal(got.similarities, want.similarities)
    assert assignment.approach(vectors, 300, executor=SERIAL).indices.shape == (0, 15)


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_gives_the_same_vectors(world, small_shards, workers):
    texts = Corpus.from_texts(themed_corpus(200)[0]).texts
    prepared = prepared_of(world, world.store("shared"))
    want = embedding.embed(texts, open_encoder(prepared), world.model).vectors
    assert np.array_equal(embedded(world, texts, NO_STORE, Processes(workers)), want)


def test_tokens_are_counted_the_same(world, small_shards):
    texts = Corpus.from_texts(themed_corpus(100)[0]).texts
    prepared = prepared_of(world, world.store("shared"))
    encoder = open_encoder(prepared)
    want = embedding.measure(encoder, texts.texts)
    found = Elsewhere(Processes(2), prepared).measure(texts, world.model, encoder)
    assert found.tokens.dtype == np.int32
    assert (found.tokens.tolist(), found.limit) == (want.tokens.tolist(), want.limit)
    nothing = Elsewhere(SERIAL, prepared).measure(Corpus.from_texts([]).texts, world.model, encoder)
    assert nothing.tokens.tolist() == []
    assert len(Elsewhere(SERIAL, prepared).measure(texts, "mute", HashingEncoder()).tokens) == 0


def test_the_encoder_of_another_name_is_opened_anew(world, small_shards):
    texts = Corpus.from_texts(themed_corpus(50)[0]).texts
    prepared = prepared_of(world, world.store("shared"))
    for name in (world.model, f"{world.model}?dimensions=8", world.model):
        want = embedding.embed(texts, open_encoder(prepared, name), name).vectors
        got = embedding.embed(texts, open_encoder(prepared, name), name, NO_STORE, Elsewhere(SERIAL, prepared))
        assert np.array_equal(got.vectors, want)


def test_vectors_are_on_the_shelf_whoever_made_them(world, small_shards, tmp_path):
    texts = Corpus.from_texts(themed_corpus(200)[0]).texts
    want = embedded(world, texts, NO_STORE, SERIAL)
    first = Texts(texts.texts[:90], texts.keys[:90])
    store = Store(tmp_path)
    assert np.array_equal(embedded(world, first, store, Processes(2)), want[:90])
    assert shelved(store) == {world.model: 90}
    told = []
    assert np.array_equal(embedded(world, texts, store, Recording(told)), want)
    assert sum(len(shard.texts) for shard in told) == 110  # only what was not there
    assert np.array_equal(embedded(world, texts, store, Recording(told := [])), want)
    assert not told
    assert not list((tmp_path / "temporary").iterdir())


class Recording:
    """Serial, and tells what it was given."""

    def __init__(self, told):
        self.told = told

    def map(self, function, shards):
        for shard in shards:
            self.told.append(shard)
            yield function(shard)


def test_where_workers_do_not_see_the_store_vectors_travel_back(world, small_shards, tmp_path, monkeypatch):
    texts = Corpus.from_texts(themed_corpus(100)[0]).texts
    gone = []

    class Blind(Recording):
        def map(self, function, shards):
            for beacon in (tmp_path / "temporary").glob("beacon-*"):
                beacon.unlink()
            for shard in shards:
                gone.append(function(shard))
                yield gone[-1]

    found = embedded(world, texts, Store(tmp_path), Blind([]))
    assert np.array_equal(found, embedded(world, texts, NO_STORE, SERIAL))
    assert all(vectors is not None for vectors in gone)
    assert shelved(Store(tmp_path)) == {world.model: 100}


class Dying:
    """Ends as a process does that is killed half way."""

    def map(self, function, shards):
        for number, shard in enumerate(shards):
            if number == 2:
                raise KeyboardInterrupt
            yield function(shard)


def test_an_interrupted_encode_goes_on_where_it_stopped(world, small_shards, tmp_path):
    texts = Corpus.from_texts(themed_corpus(200)[0]).texts
    with pytest.raises(KeyboardInterrupt):
        embedded(world, texts, Store(tmp_path), Dying())
    assert shelved(Store(tmp_path)) == {world.model: 80}
    embedded(world, texts, Store(tmp_path), Recording(told := []))
    assert sum(len(shard.texts) for shard in told) == 120


def test_a_worker_that_would_give_other_bits_is_refused(world, tmp_path, monkeypatch):
    texts = Corpus.from_texts(themed_corpus(20)[0]).texts
    prepared = prepared_of(world, world.store("shared"))

    class Other:
        fingerprint = vector_key = "of another machine"

    with pytest.raises(InvalidConfig, match=r"this worker would make other vectors.*another precision.*precision=f32"):
        embedding.embed(texts, Other(), world.model, Store(tmp_path), Elsewhere(Processes(1), prepared))


def test_shards_are_cut_by_content():
    texts = Texts(tuple("x" * length for length in (10, 5_000_000, 20, 30)), np.arange(4).astype("S32"))
    assert [part.tolist() for part in by_size(texts, np.arange(4))] == [[0], [1], [2, 3]]
    assert [part.tolist() for part in by_size(texts, np.array([0, 2]))] == [[0, 2]]
    assert by_size(texts, np.array([], dtype=int)) == []
    many = Texts(("a",) * 2500, np.arange(2500).astype("S32"))
    assert [len(part) for part in by_size(many, np.arange(2500))] == [1024, 1024, 452]


def test_counting_is_the_same_by_processes(monkeypatch, small_shards):
    texts = Corpus.from_texts([*themed_corpus(100)[0], "東京大学 and C++", "ωμέγα"]).texts
    for ngrams in (1, 2):
        want = terms.count_terms(texts, ngrams=ngrams)
        got = terms.count_terms(texts, ngrams=ngrams, over=Processes(2).map)
        assert got.vocabulary == want.vocabulary
        assert (got.counts != want.counts).nnz == 0
        assert got.languages == want.languages


def test_large_corpora_are_counted_by_processes_small_ones_here(monkeypatch):
    from topics import steps

    texts = Corpus.from_texts(["some words", "other words"]).texts
    assert steps._counting(Workshop(NO_STORE, threads=2), texts) is SERIAL
    monkeypatch.setattr(steps, "_LETTERS", 10)
    assert steps._counting(Workshop(NO_STORE, threads=2), texts) is SERIAL
    monkeypatch.setattr(steps, "_SHARDS", 1)
    assert steps._counting(Workshop(NO_STORE, threads=2), texts) == Processes(2)
    assert steps._counting(Workshop(NO_STORE, threads=1), texts) is SERIAL
    assert steps._counting(Workshop(NO_STORE, 2, executor=Recording([])), texts).map
    assert list(Processes(1).map(shard_functions.where_terms_are_counted, [0])) == ["Serial"]
    params = {"language": "none", "stop_words": [], "ngrams": 1}
    counts = COUNT.compute(Workshop(NO_STORE, threads=2), params, texts)
    assert counts.vocabulary == ("other", "some", "words")


def test_an_encoder_that_is_an_object_stays_here(caplog):
    documents = themed_corpus(60)[0]
    with caplog.at_level("INFO"):
        run = topics.fit(
            documents, encoder=HashingEncoder(), executor=SERIAL, store=NO_STORE, min_cluster_size=5, n_epochs=20
        )
    assert "encoder is an object: it encodes in this process" in caplog.text
    again = topics.fit(documents, encoder=HashingEncoder(), store=NO_STORE, min_cluster_size=5, n_epochs=20)
    assert run == again
