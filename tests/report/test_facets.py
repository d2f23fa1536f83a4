"""Time, classes, words, kinship and leftovers: what the summary says of them is what the run holds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from builders import make_run

from topics.report import summarize, tables_of, to_html
from topics.report.kinship import SIMILAR
from topics.report.leftovers import EXAMPLES
from topics.report.periods import count_periods, trends
from topics.run import no_subtopics


def dated(*days):
    return pd.DataFrame({"date": pd.to_datetime(list(days), format="ISO8601")})


@pytest.mark.parametrize(
    ("last", "unit", "second"),
    [
        ("2024-01-02T05:00", "day", "2024-01-02"),
        ("2024-02-20", "day", "2024-01-02"),
        ("2024-12-30", "week", "2024-01-08"),
        ("2027-03-05", "month", "2024-02"),
        ("2035-01-01", "quarter", "2024-Q2"),
        ("2060-01-01", "year", "2025"),
    ],
)
def test_the_unit_follows_from_the_time_covered(last, unit, second):
    documents = dated("2024-01-01", last)
    timeline, counts = count_periods(documents, np.array([0, 1]), 2)
    assert (timeline.unit, timeline.periods[1]) == (unit, second)
    assert counts.sum(axis=1).tolist() == [1, 1]
    assert counts[0, 0] == counts[1, -1] == 1
    assert len(timeline.periods) == len(timeline.totals) == counts.shape[1] <= 60


def test_periods_count_every_document_once():
    run = make_run(dates=True)
    summary = summarize(run)
    months = run.documents["date"].dt.strftime("%Y-%m")
    assert summary.timeline.unit == "month"
    assert dict(zip(summary.timeline.periods, summary.timeline.totals, strict=True)) == months.value_counts().to_dict()
    for row in summary.topics:
        own = months[run.documents["topic"] == row.topic].value_counts().to_dict()
        assert {p: c for p, c in zip(summary.timeline.periods, row.counts, strict=True) if c} == own


@pytest.mark.parametrize(
    "documents",
    [pd.DataFrame({"id": ["a"]}), dated("2024-01-01", "2024-01-01"), dated(None, None), pd.DataFrame({"date": ["x"]})],
)
def test_without_two_periods_there_is_no_time(documents):
    assert count_periods(documents, np.zeros(len(documents), dtype=np.int64), 1) is None


def test_a_trend_compares_the_halves():
    [steady, gone] = trends(np.array([[10, 10, 10, 10], [40, 40, 0, 0]]), np.array([100, 100, 100, 100]))
    assert (steady.before, steady.after, steady.z) == (0.1, 0.1, 0.0)
    assert (gone.before, gone.after) == (0.4, 0.0)
    pooled = 80 / 400
    assert gone.z == pytest.approx(-0.4 / np.sqrt(pooled * (1 - pooled) * (2 / 200)))
    assert trends(np.array([[0, 5]]), np.array([0, 5])) == [None]


def test_what_gained_and_lost_is_said_with_its_numbers():
    run = make_run(n=2_000, k=3, dates=True)
    early = pd.Timestamp("2024-01-05", tz="UTC") + pd.to_timedelta(np.arange(2_000) % 250, unit="D")
    late = early + pd.Timedelta(days=330)
    run.documents["date"] = early.where(run.documents["topic"].to_numpy() == 0, late)
    first, last = run.documents["topic_id"].isin(["T0001"]), run.documents["topic_id"] == "T0002"
    summary = summarize(run)
    said = next(" ".join(part.sentences) for part in summary.brief if part.heading == "What moved")
    assert "(T0001) lost most, from 100% to 0%" in said
    assert f"(T0002) gained most, from 0% to {last.sum() / (~first).sum():.1%}" in said


def test_classes_are_counted_by_topic():
    run = make_run(classes=True)
    classes = summarize(run).classes
    table = pd.crosstab(run.documents["topic"], run.documents["class"])
    assert sorted(classes.names) == sorted(table.columns)
    assert list(classes.totals) == sorted(run.documents["class"].value_counts(), reverse=True)
    for topic, counts in enumerate(classes.counts):
        assert dict(zip(classes.names, counts, strict=True)) == table.loc[topic].to_dict()
    assert summarize(make_run()).classes is None


def test_one_class_or_none_is_no_class():
    run = make_run(classes=True)
    run.documents["class"] = "all alike"
    assert summarize(run).classes is None
    run.documents["class"] = None
    assert summarize(run).classes is None


def test_the_matrix_of_words_holds_the_weights_of_the_model():
    run = make_run()
    matrix = summarize(run).matrix
    for term, weights in zip(matrix.terms, matrix.weights, strict=True):
        column = list(run.model.vocabulary).index(term)
        expected = run.model.weights[list(matrix.topics)][:, [column]].toarray()[:, 0]
        np.testing.assert_allclose(weights, expected, atol=1e-4)
    assert sorted(matrix.topics) == [0, 1, 2, 3, 4]
    assert set(matrix.terms) == {term for terms in run.topics["terms"] for term in terms[:3]}
    assert summarize(make_run(n=4, k=1)).matrix is None


def test_similar_topics_are_the_nearest_centroids():
    run = make_run()
    cosines = run.model.centroids.astype(float) @ run.model.centroids.T.astype(float)
    for row in summarize(run).topics:
        others = sorted((topic for topic in range(5) if topic != row.topic), key=lambda t: -cosines[row.topic, t])
        assert [similar.topic for similar in row.similar] == others[:SIMILAR]
        assert row.similar[0].similarity == pytest.approx(cosines[row.topic, others[0]], abs=1e-4)
    assert summarize(make_run(n=4, k=1)).topics[0].similar == ()


def test_a_topic_knows_what_it_falls_into_and_where_that_lies():
    run = make_run()
    summary = summarize(run)
    table = run.subtopics.set_index(["topic_id", "subtopic"])
    assert [bool(row.subs) for row in summary.topics] == [True, False, True, False, True]
    points = dict(zip(summary.points.ids, zip(summary.points.x, summary.points.y, strict=True), strict=True))
    for row in summary.topics:
        for number, sub in enumerate(row.subs):
            kept = table.loc[(row.topic_id, number)]
            assert (sub.size, sub.share, sub.name, list(sub.words)) == (*kept[["size", "share", "name"]], kept["terms"])
            assert sub.place == points[sub.central]
    rows = tables_of(summary)["subtopics"].rows
    assert [row[0] for row in rows] == run.subtopics["topic_id"].tolist()
    page = to_html(summary)
    assert page.count("Sub-topics</h3>") == 3
    without = summarize(dataclasses.replace(run, subtopics=no_subtopics()))
    assert "subtopics" not in tables_of(without)
    assert "Sub-topics</h3>" not in to_html(without)


def test_a_topic_knows_the_coarser_ones_it_is_part_of():
    run = make_run(n=600, k=12)
    for row in summarize(run).topics:
        of = {
            record["layer"]: record for record in run.layers.to_dict("records") if row.topic_id in record["topic_ids"]
        }
        for part in row.part_of:
            assert part.parts == len(of[part.topics]["topic_ids"])
            assert {f"T{other + 1:04d}" for other in part.others} == set(of[part.topics]["topic_ids"]) - {row.topic_id}


def test_merging_goes_down_to_one_topic_that_holds_all():
    run = make_run(n=600, k=12)
    merges = summarize(run).merges
    assert [(merge.kept, merge.gone) for merge in merges] == list(run.merges)
    assert merges[-1].documents == run.topics["size"].sum()
    assert summarize(make_run(n=4, k=1)).merges == ()


def test_examples_of_outliers_are_outliers_a_few_for_each_reason():
    run = make_run()
    summary = summarize(run)
    documents = run.documents.set_index("id")
    for one in summary.examples:
        assert documents["topic"][one.id] == -1
        assert documents["reason"][one.id] == one.reason
        assert one.nearest == documents["nearest"][one.id]
    assert [one.reason for one in summary.examples] == ["unclear"] * EXAMPLES + ["empty"] * 3


def test_repeated_texts_are_counted():
    run = make_run()
    summary = summarize(run)
    assert sum(text.documents - 1 for text in summary.repeated) == summary.duplicates == 9
    for text in summary.repeated:
        rows = {run.rows[run.documents["id"].tolist().index(name)] for name in text.ids}
        assert len(rows) == 1
        assert (run.rows == rows.pop()).sum() == text.documents


def test_what_became_of_the_topics_before_is_told():
    run = make_run()
    lineage = pd.DataFrame(
        [
            ("continued", "T0001", "T0001", 71, 60, 55, 0.8, 0.9, 0.98, 0.7),
            ("born", "T0002", "", 60, 0, 0, 0.0, 0.0, np.nan, np.nan),
            ("died", "T0009", "T0009", 0, 40, 0, 0.0, 0.0, np.nan, np.nan),
        ],
        columns=(
            "event topic_id previous_id size previous_size shared share_of_topic share_of_previous similarity terms"
        ).split(),
    )
    updated = {"documents_new": 40, "novelty": 0.25, "decision": "refitted", "reason": "much was new"}
    summary = summarize(dataclasses.replace(run, lineage=lineage, updated=updated))
    assert [(change.event, change.topic_id) for change in summary.update.changes] == [
        ("born", "T0002"),
        ("died", "T0009"),
        ("continued", "T0001"),
    ]
    assert summary.update.changes[0].similarity is None
    said = next(" ".join(part.sentences) for part in summary.brief if part.heading.startswith("What changed"))
    assert "Of the topics, 1 new, 1 gone and 1 continued." in said
    assert f"“{run.topics['name'][1]}” (T0002) with 60 documents" in said
    assert "40 documents came in." in said
    assert "Novelty is 25.0%" in said
    assert ("decision", "refitted") in summary.update.numbers
    assert summarize(make_run()).update is None


def test_a_burst_has_the_words_of_its_fullest_period():
    run = make_run(n=2_000, k=3, dates=True)
    run.documents["date"] = pd.Timestamp("2024-01-10", tz="UTC") + pd.to_timedelta(np.arange(2_000) % 330, unit="D")
    late = (run.documents["topic"] == 2) & (np.arange(2_000) % 2 == 0)
    run.documents.loc[late, "date"] = pd.Timestamp("2024-06-15", tz="UTC")
    weeks = pd.date_range("2024-01-01", "2024-12-30", freq="7D", tz="UTC")
    told = [(2, "T0003", week, 1, 0.1, [f"word{place}", "more"]) for place, week in enumerate(weeks)]
    columns = ["topic", "topic_id", "start", "documents", "share", "terms"]
    run = dataclasses.replace(run, periods=pd.DataFrame(told, columns=columns))
    summary = summarize(run)
    [burst] = summary.topics[2].bursts
    assert summary.timeline.unit == "week"
    assert summary.timeline.periods[burst.first] == summary.timeline.periods[burst.last] == "2024-06-10"
    assert burst.words == (f"word{list(weeks.strftime('%Y-%m-%d')).index('2024-06-10')}", "more")
    assert tables_of(summary)["bursts"].rows[0][-1] == ", ".join(burst.words)
