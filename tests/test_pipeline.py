from __future__ import annotations

import dataclasses
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import HashingEncoder
from sklearn.metrics import adjusted_rand_score
from surfaces_fakes import World, command, convert, digests, documents, finish, start, stock

import topics
from topics import NO_STORE, Corpus, InvalidInput, Store
from topics.config import Config
from topics.corpus import Source
from topics.pipeline import fit_topics
from topics.steps import ENCODER, STAGES
from topics.verification import verify
from topics.workshop import Workshop

BEFORE_CLUSTERS = {
    "intake",
    "encoder",
    "embeddings",
    "neighbors",
    "graph",
    "communities",
    "reduction",
    "plain graph",
    "map",
    "terms",
}


@pytest.fixture(scope="module")
def run(world):
    return world.fit()


@pytest.fixture(scope="module")
def saved(run, world) -> Path:
    return run.save(world.folder / "run")


def _anonymous(**how) -> HashingEncoder:
    """An encoder that does not say which one it is."""
    encoder = HashingEncoder(**how)
    del encoder.fingerprint
    return encoder


# --- the same answer every time ------------------------------------------------------------------


def _shuffled(world: World) -> Path:
    path = world.folder / "shuffled.csv"
    pd.read_csv(world.csv, dtype=str, keep_default_na=False).sample(frac=1, random_state=1).to_csv(path, index=False)
    return path


def _elsewhere(world: World) -> Path:
    path = world.folder / "another folder" / "b ü.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(world.csv.read_bytes())
    return path


def _as_jsonl(world: World) -> Path:
    path = world.folder / "documents.jsonl"
    documents().to_json(path, orient="records", lines=True)
    return path


@pytest.mark.parametrize(
    ("source", "settings"),
    [
        (lambda world: world.csv, {}),
        (_shuffled, {}),
        (_elsewhere, {}),
        (_as_jsonl, {}),
        (lambda world: world.csv, {"workers": 1, "batch_size": 1}),
        (lambda world: world.csv, {"workers": 2, "batch_size": 7}),
        (_shuffled, {"workers": 3, "batch_size": 64}),
    ],
    ids=["again", "shuffled rows", "another path", "another format", "one by one", "two workers", "all at once"],
)
def test_every_digest_depends_on_the_documents_and_the_settings_alone(world, saved, source, settings, tmp_path):
    store = world.store(tmp_path.name)
    again = world.fit(source(world), store, text="text", id="id", date="date", class_="class", **settings)
    assert not any(stage.cached for stage in again.stages if stage.name != "encoder")
    assert digests(again.save(tmp_path / "run")) == digests(saved)


def test_a_run_without_a_store_has_the_same_digests(world, saved, tmp_path, monkeypatch):
    monkeypatch.setattr("topics.embedding.convert", convert)
    again = world.fit(store=NO_STORE)
    assert not any(stage.cached for stage in again.stages)
    assert digests(again.save(tmp_path / "run")) == digests(saved)


def test_other_processes_other_threads_and_other_hash_seeds_give_the_same_digests(world, saved, tmp_path):
    columns = ("--id", "id", "--date", "date", "--class", "class", "--encoder", world.model, "--json")
    started = {}
    for name, source, workers in (("one", world.csv, "1"), ("two", _shuffled(world), "2")):
        started[name] = start(
            *("fit", source, *columns, "--output", tmp_path / name, "--workers", workers),
            OMP_NUM_THREADS=workers,
            PYTHONHASHSEED=workers,
            TOPICS_STORE=str(world.store(name).root),
        )
    for name, process in started.items():
        code, out, err = finish(process)
        assert code == 0, err
        assert [stage["name"] for stage in json.loads(out)["stages"] if stage["cached"]] == ["encoder"]
        assert digests(tmp_path / name) == digests(saved)


def test_without_ids_the_order_of_the_rows_does_not_matter_either(world, tmp_path):
    texts = documents()["text"]
    runs = [world.fit(texts.tolist()), world.fit(texts.sample(frac=1, random_state=3).tolist())]
    first, second = (digests(run.save(tmp_path / str(place))) for place, run in enumerate(runs))
    assert first == second
    assert runs[0] == runs[1]


def test_ways_to_pass_the_same_documents_give_equal_runs(world):
    table = documents()
    ways = (
        table["text"].tolist(),
        table["text"],
        table[["text"]],
        Corpus.from_texts(table["text"]),
        iter(table["text"].tolist()),
    )
    first, *others = [world.fit(way) for way in ways]
    # A table says which column it was; nothing else may differ.
    for other in others:
        pd.testing.assert_frame_equal(other.documents, first.documents)
        pd.testing.assert_frame_equal(other.topics, first.topics)


def test_the_documents_passed_in_are_left_alone(world):
    table = documents()
    before = table.copy(deep=True)
    world.fit(table, text="text", id="id", date="date", class_="class")
    pd.testing.assert_frame_equal(table, before)


def test_another_seed_is_another_run_with_another_digest(world, run):
    assert world.fit(seed=1) != run


def test_documents_come_back_in_the_order_they_came(world):
    table = documents().sample(frac=1, random_state=5)
    assert world.fit(table, text="text", id="id").documents["id"].tolist() == table["id"].tolist()


def test_files_with_the_same_documents_keep_an_order_each(world):
    """Also when their readings come out of the store."""
    for path in (world.csv, _shuffled(world), world.csv, _shuffled(world)):
        assert world.fit(path, id="id").documents["id"].tolist() == pd.read_csv(path)["id"].tolist()


def test_no_order_of_the_rows_moves_a_number(world, monkeypatch):
    monkeypatch.setattr("topics.embedding.convert", convert)
    table = documents().assign(**{"class": np.random.default_rng(0).choice(list("abcdef"), 160)})
    columns = {"text": "text", "id": "id", "class_": "class"}
    runs = [world.fit(table.sample(frac=1, random_state=seed), store=NO_STORE, **columns) for seed in range(6)]
    assert [run.metrics for run in runs] == [runs[0].metrics] * 6


# --- how many topics, and by whom ----------------------------------------------------------------


@pytest.mark.parametrize("topics", [1, 2, 3, 6, 9])
@pytest.mark.parametrize("clusterer", ["hdbscan", "leiden", "kmeans"])
def test_there_are_exactly_as_many_topics_as_asked_for(world, topics, clusterer):
    run = world.fit(topics=topics, clusterer=clusterer)
    assert len(run.topics) == topics
    assert run.documents["topic"].max() == topics - 1


def test_more_topics_than_can_be_told_apart_are_refused(world):
    with pytest.raises(InvalidInput, match=r"topics=150: only \d+ can be told apart"):
        world.fit(topics=150)


@pytest.mark.parametrize("clusterer", ["leiden", "kmeans"])
def test_other_clusterers_do_not_depend_on_the_order_of_the_rows_either(world, clusterer, tmp_path):
    runs = [world.fit(path, topics=4, clusterer=clusterer, id="id") for path in (world.csv, _shuffled(world))]
    assert digests(runs[0].save(tmp_path / "a")) == digests(runs[1].save(tmp_path / "b"))


def test_umap_learn_may_lay_out_as_well(world):
    own, theirs = world.fit(), world.fit(reducer="umap-learn")
    names = [stage.name for stage in theirs.stages]
    assert names.count("umap-learn reduction") == 1
    assert "map" in names
    assert theirs.documents["x"].tolist() != own.documents["x"].tolist()
    assert adjusted_rand_score(own.documents["topic"], theirs.documents["topic"]) > 0.9


def test_a_clusterer_may_be_an_object(world, tmp_path):
    from sklearn.cluster import AgglomerativeClustering

    run = topics.fit(world.csv, encoder=world.model, store=world.store("shared"), clusterer=AgglomerativeClustering(5))
    assert len(run.topics) == 5
    assert run.config.clusterer == "<AgglomerativeClustering>"
    run.save(tmp_path / "run")
    with pytest.raises(topics.VerificationFailed, match="its clusterer, <AgglomerativeClustering>, was an object"):
        verify(tmp_path / "run")


# --- cheap to ask again --------------------------------------------------------------------------


def _computed(run) -> set[str]:
    return {stage.name for stage in run.stages if not stage.cached}


def test_a_second_run_computes_nothing(world, run):
    assert _computed(world.fit()) == set()


def test_a_moved_file_is_read_again_and_nothing_else(world, run):
    again = world.fit(_elsewhere(world), id="id", date="date", class_="class")
    assert _computed(again) <= {"intake"}
    assert again == run


def test_standard_input_is_something_else_every_time(world, monkeypatch):
    runs = []
    for text in ("bank rate\nmatch goal\n", "orbit rocket\n"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        runs.append(world.fit("-"))
    assert [len(run.documents) for run in runs] == [2, 1]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"min_cluster_size": 12}, {"clusters", "settled", "topics", "timeline", "layers", "sub-topics", "measures"}),
        ({"coverage": 0.5}, {"settled", "topics", "timeline", "layers", "sub-topics", "measures"}),
        ({"stop_words": ("bank",)}, {"terms", "topics", "timeline", "layers", "sub-topics", "measures"}),
        ({"n_terms": 5}, {"topics", "timeline", "layers", "measures"}),
        ({"title": "another", "workers": 1, "batch_size": 3}, set()),
    ],
    ids=lambda change: ", ".join(change) if isinstance(change, dict) else "",
)
def test_a_changed_setting_recomputes_what_depends_on_it_and_nothing_else(world, run, change, expected):
    again = world.fit(**change)
    assert _computed(again) == expected
    assert len(again.stages) == len(run.stages)


def test_another_column_does_not_embed_again(world, run):
    with_dates, without = world.fit(), world.fit(world.csv, id="id", class_="class")
    assert "date" in with_dates.documents
    assert "date" not in without.documents
    assert not _computed(without) & BEFORE_CLUSTERS - {"intake"}


def test_a_changed_file_is_read_again_under_the_same_name(world, tmp_path):
    path = tmp_path / "documents.csv"
    documents(60).to_csv(path, index=False)
    first = world.fit(path, id="id")
    documents(61).to_csv(path, index=False)
    assert len(world.fit(path, id="id").documents) == len(first.documents) + 1


def test_a_corpus_lost_from_the_store_is_read_again(world, run, tmp_path):
    store = world.store(tmp_path.name)
    first = world.fit(store=store)
    for entry in list(store.entries()):
        if entry.ref.stage == "corpus":
            (store.folder(entry.ref) / "value.json").unlink()
    again = world.fit(store=store)
    assert again == first
    assert _computed(again) == set()


def test_an_encoder_with_a_fingerprint_is_asked_once(tmp_path):
    store, texts = Store(tmp_path), documents(40)["text"].tolist()
    first, second, other = HashingEncoder(), HashingEncoder(), HashingEncoder(salt="other")
    run = topics.fit(texts, encoder=first, store=store)
    assert len(first.encoded) == len(run.model.keys)
    assert topics.fit(texts, encoder=second, store=store) == run
    assert not second.encoded
    topics.fit(texts, encoder=other, store=store)
    assert other.encoded


def test_an_encoder_without_a_fingerprint_is_asked_every_time(tmp_path):
    store, texts = Store(tmp_path), documents(40)["text"].tolist()
    first, second = _anonymous(), _anonymous()
    run = topics.fit(texts, encoder=first, store=store)
    assert topics.fit(texts, encoder=second, store=store) == run
    assert second.encoded == first.encoded != []


def test_stages_may_run_elsewhere_as_long_as_they_share_the_store(world, run, tmp_path):
    """What a flow does: every stage in a workshop of its own, known by its name."""
    store = world.store(tmp_path.name)
    names = []

    def elsewhere(stage, inputs, params):
        names.append(stage.name)
        return Workshop(Store(store.root)).run(STAGES[stage.name], inputs, params)

    source = Source(str(world.csv), id="id", date="date", class_="class")
    config = Config.of(encoder=world.model)
    assert fit_topics(source, config, Workshop(store), elsewhere) == run
    assert len(names) == len(run.stages)


# --- new documents -------------------------------------------------------------------------------


def _assigned(run, table, world):
    return run.assign(table, store=world.store("shared"))


def test_documents_of_the_fit_are_assigned_what_the_fit_said(world, run):
    assigned = _assigned(run, documents(), world)
    assert assigned["known"].tolist() == (documents()["text"] != "").tolist()
    for column in ("id", "topic", "topic_id", "strength"):
        pd.testing.assert_series_equal(assigned[column], run.documents[column])


def test_assigning_is_the_same_after_saving_and_loading(world, run, saved):
    new = pd.concat([documents()[::9], _unseen()])
    pd.testing.assert_frame_equal(_assigned(topics.load(saved), new, world), _assigned(run, new, world))


def _unseen(n: int = 12) -> pd.DataFrame:
    table = documents().iloc[:n].copy()
    table["text"] = [f"{' '.join(reversed(text.rstrip('.').split()))} again" for text in table["text"]]
    table["id"] = [f"new {row}" for row in range(n)]
    return table


def test_no_other_document_in_the_call_changes_an_answer(world, run):
    table = pd.concat([_unseen(), documents()[:6], pd.DataFrame({"id": ["empty"], "text": [""]})])
    together = _assigned(run, table, world)
    assert together["known"].sum() == 6
    alone = [_assigned(run, table.iloc[[row]], world) for row in range(len(table) - 1)]
    pd.testing.assert_frame_equal(pd.concat(alone, ignore_index=True), together.iloc[:-1])
    backwards = _assigned(run, table.iloc[::-1], world).iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(backwards, together)


def test_new_documents_about_a_topic_join_it(world, run):
    assigned = _assigned(run, _unseen(), world)
    near = run.documents["topic"].to_numpy()[:12]
    assert not assigned["known"].any()
    # Rows 9 are of no theme; of the others the same words in another order mean the same.
    themed = np.arange(12) != 9
    assert (assigned["topic"].to_numpy()[themed] == near[themed]).all()
    assert assigned["name"].tolist() == [run.topics["name"].get(topic, "") for topic in assigned["topic"]]
    assert (assigned["nearest"] >= 0).all()


def test_a_document_without_text_belongs_nowhere(world, run):
    assigned = _assigned(run, pd.DataFrame({"id": ["a", "b"], "text": ["", "bank rate"]}), world).iloc[0]
    assert (assigned["topic"], assigned["topic_id"], assigned["name"], assigned["strength"]) == (-1, "", "", 0)
    assert not assigned["known"]


def test_another_encoder_under_the_same_name_is_refused(tmp_path):
    world = World.made(tmp_path / "world")
    run = world.fit()
    words = Path(world.model) / "words.json"
    words.write_text(json.dumps(json.loads(words.read_text("utf-8"))[::-1]), "utf-8")
    store = world.store("other")
    stock(store, world.model)
    with pytest.raises(InvalidInput, match="is not the one this run was fitted with"):
        run.assign(_unseen(), store=store)
    assert run.assign(documents(), store=store)["known"].sum() == (documents()["text"] != "").sum()


@pytest.mark.parametrize(
    ("fitted", "given"),
    [(HashingEncoder(), HashingEncoder(salt="other")), (_anonymous(), _anonymous(dimension=8))],
    ids=["fingerprint", "dimension"],
)
def test_another_encoder_object_is_refused(fitted, given):
    run = topics.fit(documents(40)["text"].tolist(), encoder=fitted, store=NO_STORE)
    assert len(run.assign(["money rates"], store=NO_STORE, encoder=fitted)) == 1
    with pytest.raises(InvalidInput, match="is not the one this run was fitted with"):
        run.assign(["money rates"], store=NO_STORE, encoder=given)


@pytest.mark.parametrize("encoder", [HashingEncoder(), _anonymous()], ids=["fingerprint", "anonymous"])
def test_a_run_made_with_an_encoder_object_asks_for_it_once_it_was_loaded(encoder, tmp_path):
    texts = documents(40)["text"].tolist()
    fitted = topics.fit(texts, encoder=encoder, store=NO_STORE)
    assert fitted.encoder is encoder
    run = topics.load(fitted.save(tmp_path / "run"))
    assert run.encoder is None
    assert run.assign(texts[:5], store=NO_STORE)["known"].all()
    expected = fitted.assign(["money rates"], store=NO_STORE)
    pd.testing.assert_frame_equal(run.assign(["money rates"], store=NO_STORE, encoder=encoder), expected)
    with pytest.raises(InvalidInput, match="<HashingEncoder> was an encoder object; pass it again as encoder="):
        run.assign(["money rates"], store=NO_STORE)


def test_two_calls_with_different_new_documents_do_not_share_an_answer(world, run):
    first, second = _unseen()[:3], _unseen()[3:9]
    separately = [_assigned(run, table, world) for table in (first, second)]
    together = _assigned(run, pd.concat([first, second]), world)
    pd.testing.assert_frame_equal(pd.concat(separately, ignore_index=True), together)


# --- what cannot be fitted -----------------------------------------------------------------------


@pytest.mark.parametrize("values", [[], [None, float("nan"), 3], ["", "  "]], ids=["none", "no text", "blank"])
def test_documents_without_any_text_are_refused(values):
    with pytest.raises(InvalidInput, match="none of the"):
        topics.fit(values, encoder=HashingEncoder(), store=NO_STORE)


def test_an_encoder_that_breaks_its_promise_is_named():
    class Short(HashingEncoder):
        def encode(self, sentences, /):
            return super().encode(sentences[1:])

    with pytest.raises(InvalidInput, match=r"<.*Short> gave an array of shape \(2, 32\) for 3 texts"):
        topics.fit(["a", "b", "c"], encoder=Short(), store=NO_STORE)


@pytest.mark.parametrize("many", [1, 2, 3, 4, 5, 9, 16])
def test_a_handful_of_documents_is_a_run(many):
    run = topics.fit([f"text number {row}" for row in range(many)], encoder=HashingEncoder(), store=NO_STORE)
    assert run.documents["topic"].tolist() == [0] * many
    assert np.isfinite(run.documents[["x", "y", "strength"]]).all(axis=None)


def test_every_stage_says_what_decides_it():
    assert set(STAGES) == {stage.name for stage in STAGES.values()}
    assert all(stage.version >= 1 for stage in STAGES.values())
    assert {name for name, stage in STAGES.items() if stage.outside} == {
        "intake",
        "encoder",
        "precomputed",
        "noun phrases",
    }
    with pytest.raises(dataclasses.FrozenInstanceError):
        ENCODER.version = 2


# --- the real encoder ----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_real_encoder_gives_the_same_digests_in_any_batch_order_and_process(world, tmp_path):
    columns = ("--id", "id", "--text", "text", "--class", "class", "--quiet")
    first, second = tmp_path / "first", tmp_path / "second"
    code, _, err = command(
        "fit", world.csv, *columns, "--output", first, "--store", tmp_path / "a", "--workers", 1, OMP_NUM_THREADS="1"
    )
    assert (code, err) == (0, "")
    shutil.copytree(tmp_path / "a" / "encoder", tmp_path / "b" / "encoder")
    code, _, err = command(
        *("fit", _shuffled(world), *columns, "--output", second, "--store", tmp_path / "b"),
        *("--batch-size", 8, "--workers", 2),
        OMP_NUM_THREADS="2",
        PYTHONHASHSEED="5",
    )
    assert (code, err) == (0, "")
    assert digests(second) == digests(first)
    assert not [stage.name for stage in topics.load(second).stages if stage.cached and stage.name != "encoder"]
    code, out, err = command("verify", first)  # from nothing: the encoder is converted again
    assert code == 0, err
    assert "Identical: 160 documents" in out


# --- embed ---------------------------------------------------------------------------------------


def test_embed_gives_a_unit_row_for_each_document_in_their_order(world):
    texts = ["bank rate", None, "match goal", " bank  rate "]
    found = topics.embed(texts, world.model, store=world.store("shared"))
    assert (found.vectors.dtype, found.vectors.shape[0]) == (np.float32, 4)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), [1, 0, 1, 1], rtol=1e-6)
    np.testing.assert_array_equal(found.vectors[0], found.vectors[3])
    backwards = topics.embed(texts[::-1], world.model, store=world.store("shared"), workers=1)
    np.testing.assert_array_equal(backwards.vectors, found.vectors[::-1])


def test_what_was_embedded_is_not_embedded_again_by_fit(world):
    store = world.store("embedded")
    topics.embed(str(world.csv), world.model, store=store)
    assert "embeddings" not in _computed(world.fit(store=store))


def test_embed_takes_an_object_as_well():
    found = topics.embed(["one two", "three"], HashingEncoder(), store=NO_STORE)
    assert found.encoder == "<HashingEncoder>"
    assert found.fingerprint == HashingEncoder().fingerprint
