"""Topics changed by hand: what was asked for happens, the rest stays, and the run is still one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from surfaces_fakes import World, documents

import topics
from topics.editing import replay
from topics.errors import InvalidInput
from topics.folder import load, read_manifest
from topics.regrouping import Bench, Regrouped, regroup
from topics.verification import verify

if TYPE_CHECKING:
    from pathlib import Path

    from topics.run import Run
    from topics.store import Store


@pytest.fixture(scope="module")
def store(world: World) -> Store:
    return world.store("shared")


@pytest.fixture(scope="module")
def run(world: World, store: Store) -> Run:
    return world.fit(store=store, coverage=0.9)


def labels_by_id(run: Run) -> dict[str, str]:
    return dict(zip(run.documents["id"], run.documents["topic_id"], strict=True))


def check_whole(run: Run) -> None:
    """What must hold of any run."""
    k = len(run.topics)
    size = run.documents[run.documents["topic"] >= 0].groupby("topic_id").size()
    assert size.to_dict() == dict(zip(run.topics["topic_id"], run.topics["size"], strict=True))
    assert list(run.topics["topic"]) == list(range(k))
    assert list(run.topics["size"]) == sorted(run.topics["size"], reverse=True)
    assert run.metrics["topics"] == k
    assert run.model.centroids.shape[0] == run.model.weights.shape[0] == k
    assert len(run.merges) == max(k - 1, 0)
    assert run.model.labels.max(initial=-1) == k - 1
    assert run.model.nearest.max(initial=-1) < k
    assert run.model.poll is not None
    assert run.model.poll.topics.max(initial=-1) < k
    if run.periods is not None:
        dated = run.documents[(run.documents["topic"] >= 0) & run.documents["date"].notna()]
        told = run.periods.groupby("topic_id")["documents"].sum()
        assert told.to_dict() == dated.groupby("topic_id").size().to_dict()
    within = [name for parts in run.layers["topic_ids"] for name in parts]
    assert set(within) <= set(run.topics["topic_id"])
    for row in run.topics.itertuples():
        assert len(row.terms) == len(row.term_weights)
        assert row.representative_ids
    placed = run.documents["topic"] >= 0
    assert (run.documents.loc[placed, "nearest_id"] == run.documents.loc[placed, "topic_id"]).all()


def test_there_are_topics_to_edit(run: Run) -> None:
    assert len(run.topics) >= 4
    assert (run.documents["topic"] < 0).any()


def test_the_same_topics_told_anew_are_the_same_run(run: Run, store: Store) -> None:
    same = Regrouped(run.model.labels, run.model.voters, list(run.topics["topic_id"]))
    again = regroup(Bench(run, store=store), same, {}, {})
    assert again.documents.equals(run.documents)
    assert again.topics.equals(run.topics)
    assert again.representatives.equals(run.representatives)
    assert again.layers.equals(run.layers)
    assert run.periods is not None
    assert again.periods.equals(run.periods)
    assert again.metrics == run.metrics
    assert (again.model.weights != run.model.weights).nnz == 0
    for name in ("labels", "strengths", "nearest", "voters", "centroids"):
        np.testing.assert_array_equal(getattr(again.model, name), getattr(run.model, name))
    for name, value in vars(run.model.poll).items():
        np.testing.assert_array_equal(getattr(again.model.poll, name), value)


def test_merging_makes_topics_one(run: Run, store: Store) -> None:
    merged = run.merge([0, "T0003"], store=store)
    check_whole(merged)
    before, after = labels_by_id(run), labels_by_id(merged)
    for name, topic_id in before.items():
        if topic_id:
            assert after[name] == {"T0003": "T0001"}.get(topic_id, topic_id)
    joined = [name for name in before if not before[name] and after[name]]
    assert all(after[name] == "T0001" for name in joined)
    assert len(run.topics) == len(merged.topics) + 1
    assert "T0003" not in set(merged.topics["topic_id"])
    assert run.fingerprint != merged.fingerprint
    assert run.provenance["run"] != merged.provenance["run"]


def test_who_only_lay_between_merged_topics_joins(run: Run, store: Store) -> None:
    everything = run.merge(list(run.topics["topic_id"]), store=store)
    check_whole(everything)
    left = everything.documents[(everything.documents["topic"] < 0) & (everything.documents["reason"] != "empty")]
    assert (left["strength"] < np.float32(run.model.threshold)).all() or not len(left)


def test_topics_that_were_not_merged_keep_their_words_and_documents(run: Run, store: Store) -> None:
    merged = run.merge([0, 2], store=store)
    for topic_id in ("T0002", "T0004"):
        old, new = run.topic(topic_id), merged.topic(topic_id)
        assert (old["name"], old["size"], old["first_seen"]) == (new["name"], new["size"], new["first_seen"])
        assert list(old["terms"]) == list(new["terms"])
        assert list(old["representative_ids"]) == list(new["representative_ids"])


def test_several_groups_are_merged_at_once(run: Run, store: Store) -> None:
    once = run.merge([[0, 1], [2, 3]], store=store)
    check_whole(once)
    twice = run.merge([0, 1], store=store).merge(["T0003", "T0004"], store=store)
    assert labels_by_id(once) == labels_by_id(twice)


def test_reducing_follows_the_hierarchy(run: Run, store: Store) -> None:
    for number in (1, 2, len(run.topics)):
        reduced = run.reduce(number, store=store)
        check_whole(reduced)
        assert len(reduced.topics) == number
        coarse = np.append(run.cut(number), -1)[run.documents["topic"]]
        had = run.documents["topic"] >= 0
        pairs = {*zip(coarse[had], reduced.documents["topic_id"][had], strict=True)}
        assert len(pairs) == number


def test_dropping_leaves_its_documents_without_a_topic(run: Run, store: Store) -> None:
    dropped = run.drop(["T0002"], store=store)
    check_whole(dropped)
    before, after = labels_by_id(run), labels_by_id(dropped)
    assert all(not after[name] if before[name] == "T0002" else after[name] == before[name] for name in before)
    gone = dropped.documents["id"].isin([name for name in before if before[name] == "T0002"])
    assert (dropped.documents.loc[gone, "reason"] != "").all()


def test_all_topics_can_be_dropped(run: Run, store: Store) -> None:
    dropped = run.drop(list(run.topics["topic_id"]), store=store)
    check_whole(dropped)
    assert len(dropped.topics) == 0


def test_splitting_takes_apart_and_leaves_nobody_out(world: World, store: Store) -> None:
    coarse = world.fit(store=store, topics=2)
    split = coarse.split("T0001", into=2, store=store)
    check_whole(split)
    before, after = labels_by_id(coarse), labels_by_id(split)
    assert sorted(split.topics["topic_id"]) == ["T0001", "T0002", "T0003"]
    for name, topic_id in before.items():
        assert after[name] in {"T0001": {"T0001", "T0003"}}.get(topic_id, {topic_id})
    assert split.topic("T0001")["size"] >= split.topic("T0003")["size"]


def test_ids_are_never_given_again(world: World, store: Store) -> None:
    coarse = world.fit(store=store, topics=3)
    fewer = coarse.merge([0, 2], store=store)
    again = fewer.split("T0001", into=2, store=store)
    assert sorted(again.topics["topic_id"]) == ["T0001", "T0002", "T0004"]


def test_a_given_name_stays_with_its_topic(run: Run, store: Store) -> None:
    named = run.rename({0: "  Money\nmatters ", "T0002": "=SUM(1)"})
    assert list(named.topics["name"][:2]) == ["Money matters", "=SUM(1)"]
    merged = named.merge([0, 3], store=store)
    assert merged.topic("T0001")["name"] == "Money matters"
    assert merged.topic("T0002")["name"] == "=SUM(1)"
    assert list(run.topics["name"]) != list(named.topics["name"])


def test_assign_agrees_with_the_documents(run: Run, store: Store) -> None:
    merged = run.merge([0, 2], store=store).drop(["T0002"], store=store)
    placed = merged.assign(documents()["text"].tolist(), store=store)
    table = merged.documents
    assert list(placed["topic_id"]) == list(table["topic_id"])
    np.testing.assert_array_equal(placed["confidence"], table["confidence"])
    assert list(placed["reason"]) == list(table["reason"])
    new = merged.assign([f"{text} and more" for text in documents()["text"][:40]], store=store)
    assert "T0002" not in set(new["topic_id"])


def test_new_documents_like_those_of_a_dropped_topic_have_none(world: World, store: Store) -> None:
    whole = world.fit(store=store, coverage=1.0)
    theme = whole.documents.merge(documents()[["id", "text"]], on="id").query("topic == 1 and confidence > 0.5")
    texts = [f"{text} {text}" for text in theme["text"].head(20)]
    assert (whole.assign(texts, store=store)["topic"] == 1).mean() > 0.9
    dropped = whole.drop([1], store=store)
    assert (dropped.assign(texts, store=store)["topic"] == -1).mean() > 0.9
    assert dropped.model.threshold > whole.model.threshold


def test_an_edited_run_is_saved_loaded_and_edited_again(run: Run, store: Store, tmp_path: Path) -> None:
    merged = run.merge([0, 2], store=store).rename({"T0001": "Both"})
    back = load(merged.save(tmp_path / "run"))
    assert back == merged
    assert back.provenance["edits"] == merged.provenance["edits"]
    assert labels_by_id(back.merge([0, 1], store=store)) == labels_by_id(merged.merge([0, 1], store=store))


def test_edits_are_remembered_and_can_be_made_again(run: Run, store: Store) -> None:
    edited = run.rename({0: "First"}).merge([0, 1], store=store).drop([2], store=store).reduce(1, store=store)
    edits = json.loads(json.dumps(edited.provenance["edits"]))
    assert [edit["operation"] for edit in edits] == ["rename", "merge", "drop", "reduce"]
    assert replay(run, edits, store=store) == edited


def test_verify_makes_an_edited_run_again(run: Run, store: Store, tmp_path: Path) -> None:
    folder = run.merge([0, 1], store=store).rename({"T0003": "Third"}).save(tmp_path / "run")
    assert verify(folder, store).topics == len(run.topics) - 1
    assert read_manifest(folder)["run"] != run.provenance["run"]


def test_the_order_of_the_documents_does_not_count(world: World, store: Store) -> None:
    table = documents().drop(columns=["date", "class"])
    one = world.fit(table, store=store, id="id", coverage=0.9)
    other = world.fit(table.iloc[::-1].reset_index(drop=True), store=store, id="id", coverage=0.9)
    assert one == other
    edited = [
        each.merge([0, 2], documents=table, store=store).drop([1], documents=table, store=store)
        for each in (one, other)
    ]
    assert edited[0] == edited[1]


def test_documents_in_memory_are_in_the_store_or_can_be_given_again(world: World, store: Store, tmp_path: Path) -> None:
    texts = documents()["text"].tolist()
    fitted = world.fit(texts, store=store)
    merged = fitted.merge([0, 1], store=store)
    assert len(merged.topics) == len(fitted.topics) - 1
    assert fitted.merge([0, 1], documents=texts, store=topics.Store(tmp_path)) == merged


def test_a_run_that_goes_on_from_an_edited_one_keeps_ids_and_names(
    run: Run, world: World, store: Store, tmp_path: Path
) -> None:
    edited = run.merge([0, 1], store=store).rename({"T0003": "Third"})
    after = world.fit(store=store, coverage=0.9, previous=edited)
    assert after.topic("T0003")["name"] == "Third"
    assert "T0002" not in set(after.topics["topic_id"])  # once merged, its id is gone for good
    dropped = after.drop(["T0003"], store=store)
    assert dropped.lineage["topic_id"].isin(["T0003"]).sum() == 0
    assert load(dropped.save(tmp_path / "run")) == dropped


def test_a_run_with_documents_that_came_later_says_what_to_do_first(run: Run, store: Store) -> None:
    more = documents().iloc[:3].assign(id=["n1", "n2", "n3"], text=["bank rate goal", "league rate", "goal vaccine"])
    longer = topics.update(run, more, refit="never", store=store)
    with pytest.raises(InvalidInput, match='refit="always"'):
        longer.merge([0, 1], store=store)
    assert longer.rename({0: "First"}).topics["name"].iloc[0] == "First"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.merge([0]), "a merge takes two topics or more"),
        (lambda run: run.merge([]), "a merge takes two topics or more"),
        (lambda run: run.merge([0, "T0001"]), "a topic is named twice"),
        (lambda run: run.merge([0, 99]), "no topic 99; there are 0 to"),
        (lambda run: run.reduce(99), "has . topics; allowed are 1 to"),
        (lambda run: run.drop([]), "name at least one topic"),
        (lambda run: run.split(0, into=1), "must be 2 or more"),
        (lambda run: run.rename({}), "name at least one topic"),
        (lambda run: run.rename({0: " "}), "must have 1 to 200 letters"),
        (lambda run: run.rename({0: "x" * 201}), "must have 1 to 200 letters"),
        (lambda run: replay(run, [{"operation": "paint"}]), "'paint' is not known to this version"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, call, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        call(run)


def test_texts_that_are_nowhere_are_asked_for(run: Run, tmp_path: Path) -> None:
    lost = replace(run, provenance={**run.provenance, "input": {"location": "<memory>"}, "texts": []})
    with pytest.raises(InvalidInput, match="Pass the documents of the fit as documents="):
        lost.merge([0, 1], store=topics.Store(tmp_path))
