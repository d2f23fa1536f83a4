"""Coarser topics above the topics."""

from __future__ import annotations

import numpy as np
import pytest
from builders import make_run

import topics
from topics.errors import InvalidInput
from topics.layers import layer_sizes


@pytest.fixture(scope="module")
def run(world):
    return world.fit(topics=13)


def test_each_layer_has_as_many_topics_as_it_says_and_the_finest_comes_first(run):
    assert run.layers["layer"].drop_duplicates().tolist() == layer_sizes(13) == [6, 3]
    assert run.layers.groupby("layer").size().to_dict() == {6: 6, 3: 3}


def test_layers_are_nested_and_hold_every_topic_once(run):
    within = {layer: [set(ids) for ids in rows["topic_ids"]] for layer, rows in run.layers.groupby("layer", sort=False)}
    for parts in within.values():
        assert sorted(name for part in parts for name in part) == run.topics["topic_id"].tolist()
    assert all(sum(fine <= coarse for coarse in within[3]) == 1 for fine in within[6])


def test_sizes_and_shares_add_up_and_are_in_order(run):
    size = run.topics.set_index("topic_id")["size"]
    for _, rows in run.layers.groupby("layer"):
        assert rows["size"].tolist() == [size[ids].sum() for ids in rows["topic_ids"]]
        assert rows["size"].is_monotonic_decreasing
        assert rows["share"].sum() == pytest.approx(1)


def test_the_terms_of_a_coarse_topic_are_terms_of_its_parts(run):
    terms = run.topics.set_index("topic_id")["terms"]
    for row in run.layers.itertuples():
        assert 0 < len(row.terms) <= run.config.n_terms
        assert set(row.terms) <= {word for name in row.topic_ids for word in terms[name]}
        assert row.name == ", ".join(row.terms[:3])


@pytest.mark.parametrize("many", [1, 2, 7, 13])
def test_a_run_is_cut_to_any_number_of_topics(run, many):
    coarse = run.cut(many)
    assert sorted(set(coarse.tolist())) == list(range(many))
    sizes = np.bincount(coarse, weights=run.topics["size"])
    assert (np.diff(sizes) <= 0).all()


def test_a_cut_at_a_layer_is_that_layer(run):
    row = run.layers[run.layers["layer"] == 3]
    for coarse, ids in zip(row["topic"], row["topic_ids"], strict=True):
        assert run.topics["topic_id"][run.cut(3) == coarse].tolist() == ids


@pytest.mark.parametrize("many", [0, 14])
def test_a_cut_that_cannot_be_says_what_can(run, many):
    with pytest.raises(InvalidInput, match=rf"cut\({many}\): this run has 13 topics; allowed are 1 to 13"):
        run.cut(many)


def test_layers_and_cuts_survive_saving(run, tmp_path):
    again = topics.load(run.save(tmp_path / "run"))
    assert again.layers.equals(run.layers)
    assert again.cut(5).tolist() == run.cut(5).tolist()


@pytest.mark.parametrize("k", [0, 1, 5])
def test_few_topics_have_no_layers(k, tmp_path):
    run = make_run(40, k)
    assert len(topics.load(run.save(tmp_path / "run")).layers) == 0
