"""Topics found in some of the texts, and the others placed among them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fakes import HashingEncoder, themed_corpus

import topics
from topics.assignment import approach, scatter
from topics.data import NOISE, Reduction
from topics.errors import InvalidConfig
from topics.folder import read_manifest
from topics.metrics import agreement
from topics.store import NO_STORE
from topics.updates.refits import Refits
from topics.vectors import unit_rows
from topics.verification import verify
from topics.workshop import Workshop

SETTINGS = {"encoder": HashingEncoder(), "min_cluster_size": 10, "n_epochs": 60, "consensus": 3, "store": NO_STORE}


@pytest.fixture(scope="module")
def documents():
    texts, themes = themed_corpus(600)
    return pd.DataFrame({"id": [f"d{row}" for row in range(600)], "text": texts, "theme": themes})


@pytest.fixture(scope="module")
def run(documents):
    return topics.fit(documents, id="id", text="text", class_="theme", fit_on=300, **SETTINGS)


def test_those_placed_have_no_vote_and_are_told(run):
    model = run.model
    assert model.added.sum() == len(model.keys) - 300
    assert not model.added[:300].any()  # texts are in the order of their hashes
    assert (model.voters[model.added] == NOISE).all()
    assert run.metrics["fitted"] + run.metrics["placed"] == 600
    assert run.metrics["placed"] >= model.added.sum()
    assert np.isfinite(run.documents[["x", "y"]].to_numpy()).all()
    assert run.topics["size"].is_monotonic_decreasing
    assert run.topics["size"].sum() == (run.documents["topic"] != NOISE).sum()


def test_topics_are_as_good_as_those_found_in_all(run, documents):
    whole = topics.fit(documents, id="id", text="text", class_="theme", **SETTINGS)
    assert "placed" not in whole.metrics
    assert whole.model.added is None
    assert run.metrics["ami"] > whole.metrics["ami"] - 0.1
    assert agreement(whole.documents["topic"].to_numpy(), run.documents["topic"].to_numpy())["ami"] > 0.8


def test_as_many_as_there_are_is_all(documents):
    few = documents.head(200)
    some, whole = (topics.fit(few, text="text", **SETTINGS, **how) for how in ({"fit_on": 200}, {}))
    assert some.documents.equals(whole.documents)


def test_the_order_of_the_rows_changes_nothing(run, documents):
    turned = topics.fit(documents.sample(frac=1, random_state=1), id="id", text="text", class_="theme", fit_on=300,
                        workers=2, **SETTINGS)  # fmt: skip
    assert turned == run


@pytest.mark.parametrize("coverage", ["auto", 0.8])
def test_placed_texts_have_the_answer_that_assign_would_give(documents, coverage):
    found = topics.fit(documents, id="id", text="text", fit_on=300, coverage=coverage, **SETTINGS)
    # The same run without the texts it placed: they are new to it.
    from dataclasses import replace

    from topics.data import Poll

    model, fitted = found.model, ~found.model.added
    names = ("keys", "vectors", "labels", "strengths", "nearest", "voters")
    poll = Poll(**{name: part[fitted] for name, part in vars(model.poll).items()})
    arrays = {name: getattr(model, name)[fitted] for name in names}
    alone = replace(found, model=replace(model, **arrays, poll=poll, added=None, layout=None))
    again = alone.assign(documents["text"].tolist(), store=NO_STORE)
    told = found.documents
    assert again["known"].sum() < 600
    np.testing.assert_array_equal(again["topic"], told["topic"])
    np.testing.assert_array_equal(again["confidence"], told["confidence"])
    np.testing.assert_array_equal(again["novelty"], told["novelty"])
    np.testing.assert_array_equal(again["reason"], told["reason"])


def test_a_run_folder_keeps_it_and_can_be_verified(world, tmp_path):
    found = world.fit(fit_on=100)
    assert found.metrics["placed"] > 0
    folder = found.save(tmp_path / "run")
    assert read_manifest(folder)["config"]["fit_on"] == 100
    again = topics.load(folder)
    assert again == found
    np.testing.assert_array_equal(again.model.added, found.model.added)
    assert verify(folder, world.store("shared")).documents == len(found.documents)


def test_evaluation_fits_again_what_was_fitted(run):
    scores, recurring = Refits(run, Workshop(NO_STORE)).over_seeds(1)
    assert scores["ami"] > 0.5
    assert len(recurring) == len(run.topics)


def test_the_command_takes_it_and_says_how_many_were_placed(world, tmp_path, capfd):
    from surfaces_fakes import in_this_process

    command = in_this_process(capfd)
    where = ("--output", tmp_path / "r", "--store", world.store("shared").root)
    code, out, said = command("fit", world.csv, "--encoder", world.model, "--fit-on", 100, *where)
    assert code == 0, said
    assert "topics found in" in out
    assert command("fit", world.csv, "--fit-on", 3)[0] == 2


def test_too_few_are_refused():
    with pytest.raises(InvalidConfig, match="fit_on=99"):
        topics.fit(["a"], fit_on=99)


def test_on_the_map_others_lie_amid_their_nearest():
    vectors = unit_rows(np.float32([[1, 0], [0, 1], [1, 0.001]]))
    near = approach(vectors, fitted=2, voting=2)
    assert near.indices.tolist() == [[0, 1]]
    placed = scatter(Reduction(np.float32([[5, 5], [9, 9]])), near).points
    np.testing.assert_allclose(placed, [[5, 5], [9, 9], [5, 5]], atol=1e-3)


def test_what_was_placed_at_the_fit_did_not_come_since(run, documents):
    texts, _ = themed_corpus(640)
    more = pd.DataFrame({"id": [f"d{row}" for row in range(640)], "text": texts, "theme": 0})
    updated = topics.update(run, more, class_="theme", store=NO_STORE)
    assert updated.updated["decision"] == "assigned", updated.updated["reason"]
    assert updated.updated["documents_new"] == 40
    assert updated.model.late.sum() == 40
    nothing = topics.update(updated, [], store=NO_STORE)
    assert nothing.updated["decision"] == "none"
