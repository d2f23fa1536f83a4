"""Topics over time and in classes: against the slow way, then as people call it."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from fakes import themed_corpus
from scipy import sparse

import topics
from topics.data import TermCounts, Topics
from topics.errors import InvalidConfig, InvalidInput
from topics.labels import members
from topics.timeline import in_groups, into_periods, over_time
from topics.words.wording import class_tfidf


def made_up(n, k, v, periods, seed=0):
    """Documents with topics, dates and words: as many texts as documents, but for some that share one."""
    rng = np.random.default_rng(seed)
    rows = np.arange(n, dtype=np.int32)
    rows[::50] = -1
    rows[1::50] = 0
    labels = rng.integers(-1, k, n).astype(np.int32)
    labels[rows < 0] = -1
    lengths = rng.integers(5, 40, n)
    columns = np.minimum(rng.zipf(1.5, lengths.sum()) - 1, v - 1)
    counts = sparse.csr_array(
        (np.ones(len(columns), np.int32), columns, np.append(0, np.cumsum(lengths))), shape=(n, v)
    )
    counts.sum_duplicates()
    words = tuple(f"{'abcdefghij'[word % 10]}q{word:05d}" for word in range(v))
    texts = np.full(n, -1, dtype=np.int32)
    texts[rows[rows >= 0]] = labels[rows >= 0]
    weights = class_tfidf((members(texts, k) @ counts).tocsr())
    dates = pd.Series(
        pd.Timestamp("2023-01-15", tz="UTC") + pd.to_timedelta(rng.integers(0, 28 * periods, n), unit="D")
    )
    dates[3::40] = pd.NaT
    described = Topics((), np.ones(k, np.int64), (), (), (), weights, words)
    return rows, labels, dates, TermCounts(counts, words, ()), described


def test_documents_and_shares_are_those_of_a_crosstab():
    rows, labels, dates, counts, described = made_up(2000, 7, 300, 12)
    found = over_time(rows, labels, dates, counts, described, "month", 5)
    months = dates.dt.tz_convert(None).dt.to_period("M")
    wanted = pd.crosstab(labels, months)
    told = {
        (int(topic), found.names[group]): int(many)
        for topic, group, many in zip(found.topics, found.groups, found.documents, strict=True)
    }
    assert told == {
        (topic, str(month.start_time.date())): many
        for topic, row in wanted.iterrows()
        for month, many in row.items()
        if topic >= 0 and many
    }
    assert found.totals.tolist() == months.value_counts().sort_index().tolist()


def test_terms_are_those_of_the_slow_way():
    rows, labels, dates, counts, described = made_up(300, 3, 60, 3)
    found = over_time(rows, labels, dates, counts, described, "month", 4)
    _, groups, _ = into_periods(dates, "month")
    dense, weights = counts.counts.toarray(), described.weights.toarray().astype(np.float64)
    own = np.array(
        [
            dense[rows[(labels == topic) & (groups == group)]].sum(axis=0)
            for topic, group in zip(found.topics, found.groups, strict=True)
        ]
    )
    cells = class_tfidf(sparse.csr_array(own)).toarray().astype(np.float64)
    for cell, topic in enumerate(found.topics):
        score = cells[cell] / cells[cell].sum() + weights[topic] / weights[topic].sum()
        score[own[cell] == 0] = -1
        best = np.argsort(-score, kind="stable")[:4]
        assert set(found.terms[cell]) == {counts.vocabulary[column] for column in best}


def test_the_order_of_the_documents_does_not_count():
    rows, labels, dates, counts, described = made_up(800, 5, 100, 4)
    order = np.random.default_rng(1).permutation(800)
    one = over_time(rows, labels, dates, counts, described, None, 5)
    shuffled = dates.iloc[order].reset_index(drop=True)
    other = over_time(rows[order], labels[order], shuffled, counts, described, None, 5)
    assert one.terms == other.terms
    np.testing.assert_array_equal(one.documents, other.documents)


@pytest.mark.parametrize(
    ("days", "length"), [(1, "day"), (59, "day"), (100, "week"), (900, "month"), (4000, "quarter"), (9000, "year")]
)
def test_periods_are_the_shortest_of_which_there_are_sixty(days, length):
    dates = pd.Series(
        pd.to_datetime(["2001-01-01", None]).append(pd.to_datetime(["2001-01-01"]) + pd.Timedelta(days, "D"))
    )
    found, groups, names = into_periods(dates, None)
    assert found == length
    assert groups.tolist() == [0, -1, len(names) - 1]


def test_weeks_begin_on_monday():
    assert into_periods(pd.Series(pd.to_datetime(["2024-02-29"])), "week")[2] == ("2024-02-26",)


def test_there_are_no_other_periods_and_without_dates_none():
    with pytest.raises(InvalidConfig, match="periods='decade': must be one of day, week, month, quarter, year"):
        into_periods(pd.Series(pd.to_datetime(["2024-02-29"])), "decade")
    assert into_periods(pd.Series(pd.to_datetime([None, None])), None) == ("day", pytest.approx([-1, -1]), ())


def test_nothing_in_a_topic_is_no_cell():
    rows, labels, dates, counts, described = made_up(60, 3, 40, 2)
    found = over_time(rows, np.full_like(labels, -1), dates, counts, described, "month", 5)
    assert len(found.topics) == len(found.terms) == 0
    groups = np.zeros(60, dtype=np.int64)
    assert in_groups(rows, labels, groups, ["all"], counts, described, 5, "class").totals.tolist() == [60]


def test_six_hundred_topics_of_fifty_thousand_documents_take_about_a_second():
    given = made_up(50_000, 600, 10_000, 20)
    began = time.process_time()
    found = over_time(*given, "month", 10)
    assert time.process_time() - began < 4  # a third of a second on an idle machine
    assert len(found.topics) > 10_000


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    texts, about = themed_corpus(240, themes=3, mixed=0)
    table = pd.DataFrame({"text": texts, "when": pd.date_range("2024-01-01", periods=240, freq="D").astype(str)})
    table["kind"] = [f"kind {theme % 2}" for theme in about]
    vectors = np.eye(8, dtype=np.float32)[np.array(about)] + np.random.default_rng(0).normal(0, 0.1, (240, 8))
    store = topics.Store(tmp_path_factory.mktemp("store"))
    return topics.fit(table, date="when", class_="kind", embeddings=vectors, store=store, consensus=3), store


def test_a_run_tells_its_periods_saved_or_not(dated, tmp_path):
    run, store = dated
    table = run.over_time()
    assert list(table) == ["topic", "topic_id", "start", "documents", "share", "terms"]
    assert table["documents"].sum() == (run.documents["topic"] >= 0).sum()
    assert str(table["start"].dtype) == "datetime64[us, UTC]"
    again = topics.load(run.save(tmp_path / "run"))
    pd.testing.assert_frame_equal(again.over_time(), table)
    assert again == run
    pd.testing.assert_frame_equal(again.over_time("month", store=store), run.over_time("month", store=store))
    assert run.over_time("month", store=store)["start"].nunique() == 8


def test_a_run_tells_its_classes(dated):
    run, store = dated
    table = run.per_class(store=store)
    assert list(table) == ["topic", "topic_id", "class", "documents", "share", "terms"]
    assert table.groupby("class")["documents"].sum().to_dict() == (
        run.documents[run.documents["topic"] >= 0]["class"].value_counts().to_dict()
    )


def test_periods_can_be_set_for_a_fit():
    again = topics.fit(
        pd.DataFrame({"text": ["a b c"] * 6 + ["d e f"] * 6, "when": ["2024-01-31", "2024-02-01"] * 6}),
        date="when",
        embeddings=np.ones((12, 3)),
        store=topics.NO_STORE,
        periods="year",
    )
    assert set(again.over_time()["start"].astype(str)) == {"2024-01-01 00:00:00+00:00"}


def test_documents_that_come_later_are_counted_in_their_periods(dated):
    run, _ = dated
    new = pd.DataFrame(
        {"text": ["something new", "something else"], "when": ["2024-01-01", "2025-03-01"], "kind": "kind 0"}
    )
    late = topics.update(
        run, new, date="when", class_="kind", embeddings=np.eye(8)[:2], store=topics.NO_STORE, refit="never"
    )
    before, after = run.over_time(), late.over_time()
    assert after["documents"].sum() == (late.documents["topic"] >= 0).sum() > before["documents"].sum()
    assert all(after["terms"])


def test_what_cannot_be_told_is_said(dated):
    run, _ = dated
    with pytest.raises(InvalidInput, match="Name the store of the fit"):
        run.over_time("year", store=topics.NO_STORE)
    plain = topics.fit(["one two", "three four"] * 3, embeddings=np.ones((6, 3)), store=topics.NO_STORE)
    with pytest.raises(InvalidInput, match="fit with date=COLUMN"):
        plain.over_time()
    with pytest.raises(InvalidInput, match="fit with class_=COLUMN"):
        plain.per_class()
