"""Documents among topics: what the fit says of them, and `assign`, before and after save, whoever comes along."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from builders import HOSTILE
from fakes import HashingEncoder, themed_corpus

import topics
from topics import NO_STORE
from topics.errors import InvalidConfig, InvalidInput

SAID = ["topic", "topic_id", "strength", "nearest", "confidence", "novelty", "reason"]


class Counting(HashingEncoder):
    """Reads so many words of a text."""

    max_length = 12

    def encode(self, sentences, /):
        return super().encode([" ".join(text.split()[: self.max_length]) for text in sentences])

    def count_tokens(self, sentences, /):
        return [len(text.split()) for text in sentences]


def documents(n=240, **how):
    texts, _ = themed_corpus(n, mixed=0.25, **how)
    return pd.DataFrame({"id": [f"d{row:03d}" for row in range(n)], "text": texts})


def new_texts():
    return [*themed_corpus(60, mixed=0.4, seed=9)[0], "nothing of the kind", "bank rate orbit rocket", ""]


@pytest.fixture(scope="module", params=[0.7, "auto"])
def run(request):
    table = documents()
    extra = pd.DataFrame({"id": ["e1", "e2", "e3"], "text": [table["text"][5], table["text"][5], None]})
    return topics.fit(pd.concat([table, extra]), encoder=Counting(), store=NO_STORE, coverage=request.param)


@pytest.fixture(scope="module")
def loaded(run, tmp_path_factory):
    return topics.load(run.save(tmp_path_factory.mktemp("runs") / "run"))


def how(run):
    return {"encoder": Counting()} if run.encoder is None else {}


# --- what a fit says ----------------------------------------------------------------------------


def test_every_outlier_has_its_nearest_topic_its_score_and_its_reason(run):
    table = run.documents
    outliers = table[table["topic"] < 0]
    assert (outliers["reason"] != "").all()
    assert (table.loc[table["topic"] >= 0, "reason"] == "").all()
    assert set(outliers["reason"]) <= {"empty", "coverage reached", "far from all", "between topics", "unclear"}
    written = outliers[outliers["reason"] != "empty"]
    assert (written["nearest"] >= 0).all()
    assert written["nearest_id"].tolist() == run.topics["topic_id"].iloc[written["nearest"]].tolist()
    assert table["confidence"].between(0, 1).all()
    assert table.loc[table["reason"] != "empty", "novelty"].between(0, 1).all()
    inside = table[table["topic"] >= 0]
    assert (inside["nearest"] == inside["topic"]).all()


def test_an_empty_document_is_nobodys(run):
    row = run.documents.set_index("id").loc["e3"]
    assert (row["reason"], row["nearest"], row["nearest_id"], row["confidence"]) == ("empty", -1, "", 0)
    assert np.isnan(row["novelty"])
    assert not (run.distribution["id"] == "e3").any()


def test_identical_texts_never_part(run):
    table = run.documents.set_index("id").loc[["d005", "e1", "e2"]]
    for column in SAID:
        assert table[column].nunique(dropna=False) == 1
    likely = run.distribution[run.distribution["id"].isin(table.index)].drop(columns="id")
    assert len(likely.drop_duplicates()) * 3 == len(likely)


def test_a_distribution_is_at_most_five_rows_a_document_likeliest_first(run):
    table = run.distribution
    assert table.dtypes.astype(str).to_dict() == {
        "id": "str",
        "topic": "int64",
        "topic_id": "str",
        "probability": "float32",
    }
    assert table.groupby("id").size().max() <= 5
    assert table.groupby("id")["probability"].sum().max() <= 1 + 1e-6
    assert (table.groupby("id", sort=False)["probability"].diff().fillna(0) <= 0).all()
    assert table["id"].drop_duplicates().isin(run.documents["id"]).all()
    assert not table.duplicated(["id", "topic"]).any()


def test_confidence_is_the_probability_of_the_nearest_topic(run):
    likely = run.distribution.set_index(["id", "topic"])["probability"].to_dict()
    for row in run.documents.itertuples():
        if (row.id, row.nearest) in likely:
            assert row.confidence == likely[row.id, row.nearest]


def test_the_order_of_the_documents_is_nothing_to_what_is_said(run):
    table = documents()
    extra = pd.DataFrame({"id": ["e1", "e2", "e3"], "text": [table["text"][5], table["text"][5], None]})
    shuffled = pd.concat([table, extra]).sample(frac=1, random_state=1)
    again = topics.fit(shuffled, encoder=Counting(), store=NO_STORE, coverage=run.config.coverage, workers=2)
    assert again == run
    pd.testing.assert_frame_equal(
        again.documents.sort_values("id", ignore_index=True), run.documents.sort_values("id", ignore_index=True)
    )


def test_representatives_are_the_most_central_documents_of_all(run):
    by_id = dict(zip(run.documents["id"], run.rows, strict=True))
    for topic, ids in enumerate(run.topics["representative_ids"]):
        members = run.documents.loc[run.documents["topic"] == topic, "id"]
        assert set(ids) <= set(members)
        vectors = run.model.vectors[[by_id[name] for name in members]].astype(np.float64)
        central = vectors @ run.model.centroids[topic].astype(np.float64)
        first = run.model.vectors[by_id[ids[0]]] @ run.model.centroids[topic].astype(np.float64)
        assert first == pytest.approx(central.max(), abs=1e-6)


# --- assign -------------------------------------------------------------------------------------


def test_documents_of_the_fit_get_the_answer_of_the_fit(run, loaded):
    table = documents()
    for one in (run, loaded):
        got = one.assign(table, **how(one)).set_index("id")
        want = one.documents.set_index("id").loc[table["id"]]
        pd.testing.assert_frame_equal(got[SAID], want[SAID])
        likely = topics.distribution(one, table, **how(one))
        kept = one.distribution[one.distribution["id"].isin(table["id"])]
        order = ["id", "probability", "topic"]
        pd.testing.assert_frame_equal(
            likely.sort_values(order, ignore_index=True), kept.sort_values(order, ignore_index=True)
        )


def test_new_documents_are_said_the_same_before_and_after_save(run, loaded):
    pd.testing.assert_frame_equal(run.assign(new_texts()), loaded.assign(new_texts(), encoder=Counting()))
    pd.testing.assert_frame_equal(
        topics.distribution(run, new_texts()), topics.distribution(loaded, new_texts(), encoder=Counting())
    )


def test_a_new_document_is_said_the_same_whoever_comes_along(run):
    texts = new_texts()
    whole, likely = run.assign(texts), topics.distribution(run, texts)
    for row in (0, 7, 60, 61):
        alone = run.assign([texts[row]])
        pd.testing.assert_frame_equal(alone[SAID], whole.iloc[[row]][SAID].reset_index(drop=True))
        want = likely[likely["id"] == whole["id"][row]].drop(columns="id").reset_index(drop=True)
        pd.testing.assert_frame_equal(topics.distribution(run, [texts[row]]).drop(columns="id"), want)


def test_what_is_like_nothing_seen_is_novel(run):
    got = run.assign(["nothing of the kind", documents(240, seed=4)["text"][0]])
    assert got["novelty"][0] == 1
    assert got["novelty"][1] < 1
    if got["topic"][0] < 0:
        assert got["reason"][0] == "far from all"


# --- passages -----------------------------------------------------------------------------------


def test_passages_are_the_document_and_each_is_placed_like_a_document(run, loaded):
    one, other = documents()["text"][0], documents()["text"][1]
    long = f"{one} {other} {one}"
    for told in (run, loaded):
        table = told.passages(pd.DataFrame({"id": ["a", "b", "c"], "text": [long, None, other]}), **how(told))
        assert table["id"].drop_duplicates().tolist() == ["a", "c"]
        assert (table["id"] == "a").sum() > 3
        for row in table.itertuples():
            assert row.text == (long if row.id == "a" else other)[row.start : row.end]
            assert len(row.text.split()) <= 12
        assert table.groupby("id")["text"].agg(" ".join).to_dict() == {"a": long, "c": other}
        placed = told.assign(table["text"].tolist(), **how(told))
        pd.testing.assert_frame_equal(
            table[["topic", "strength", "confidence"]], placed[["topic", "strength", "confidence"]]
        )


def test_a_long_document_shows_both_its_topics(run):
    table = documents()
    clear = run.documents[(run.documents["topic"] >= 0) & run.documents["id"].str.startswith("d")]
    ids = clear.sort_values("strength", ascending=False).drop_duplicates("topic")["id"].tolist()[:2]
    texts = [" ".join(table.set_index("id")["text"][name].split()[:12]) for name in ids]
    both = run.passages([". ".join(texts) + "."], tokens=12)
    want = clear.set_index("id")["topic"]
    assert set(both["topic"]) == {want[name] for name in ids}


def test_passages_can_be_shorter_than_the_encoder_reads(run):
    table = run.passages([documents()["text"][0]], tokens=4)
    assert len(table) > 2
    assert all(len(text.split()) <= 4 for text in table["text"])
    assert len(run.passages(topics.Corpus.from_texts([None]))) == 0
    with pytest.raises(InvalidConfig, match="tokens=0: a passage has at least one"):
        run.passages(["text"], tokens=0)


def test_an_encoder_that_does_not_say_how_much_it_reads_cuts_nothing(run, loaded):
    with pytest.raises(InvalidConfig, match="does not say how many tokens of a text it reads"):
        run.passages(["a text"], encoder=HashingEncoder())
    with pytest.raises(InvalidInput, match="was an encoder object; pass it again"):
        loaded.passages(["a text"])


# --- odd corpora --------------------------------------------------------------------------------


@pytest.mark.parametrize("texts", [["one text"], ["same"] * 30, [*HOSTILE, None]], ids=["one", "repeated", "hostile"])
@pytest.mark.parametrize("coverage", ["auto", 0.0, 1.0])
def test_odd_corpora_have_numbers_and_reasons_too(texts, coverage, tmp_path):
    run = topics.fit(texts, encoder=HashingEncoder(), store=NO_STORE, coverage=coverage)
    table = run.documents
    assert table["confidence"].between(0, 1).all()
    assert (table["reason"] == "").equals(table["topic"] >= 0)
    again = topics.load(run.save(tmp_path / "run"))
    assert again == run
    pd.testing.assert_frame_equal(
        again.distribution, run.distribution.sort_values("id", kind="stable", ignore_index=True)
    )
    got = again.assign(texts, encoder=HashingEncoder())
    pd.testing.assert_frame_equal(got[SAID], table[SAID])
    assert len(again.assign(["something new"], encoder=HashingEncoder())) == 1


@pytest.mark.parametrize("coverage", ["auto", 1.0])
def test_a_text_unlike_all_has_no_topic_unless_every_text_is_to_have_one(coverage):
    run = topics.fit(documents(), encoder=HashingEncoder(), store=NO_STORE, coverage=coverage)
    (row,) = run.assign(["zebra xylophone quince marzipan"]).itertuples()
    assert row.novelty == 1
    assert (row.topic, row.reason) == ((-1, "far from all") if coverage == "auto" else (row.nearest, ""))
    assert row.nearest >= 0
