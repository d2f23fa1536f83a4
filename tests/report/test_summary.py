"""The summary says what the run holds: no more, no less, and nothing else decides it."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from builders import HOSTILE, make_run

from topics.config import Config
from topics.report import summarize, tables_of
from topics.report.map import COLOURS, DRAWN, GRID, UNDATED
from topics.report.plain import count, figure, percent, plain, quoted


def prose(summary, heading):
    return next(" ".join(part.sentences) for part in summary.brief if part.heading == heading)


def test_counts_are_those_of_the_run():
    run = make_run()
    summary = summarize(run)
    assert (summary.documents, summary.duplicates, summary.empties) == (300, 9, 3)
    assert summary.coverage == run.metrics["coverage"]
    assert summary.fingerprint == run.provenance["corpus"]
    assert summary.languages == ("en", "de")
    assert summary.title == "Topics"
    assert sum(row.size for row in summary.topics) + sum(reason.documents for reason in summary.outliers) == 300


def test_a_topic_row_holds_the_values_of_its_topic():
    run = make_run()
    for row, record in zip(summarize(run).topics, run.topics.to_dict("records"), strict=True):
        assert (row.topic, row.topic_id, row.anchor) == (record["topic"], record["topic_id"], record["topic_id"])
        assert (row.name, row.size, row.share) == (record["name"], record["size"], record["share"])
        assert (row.coherence, row.stability) == (pytest.approx(record["npmi"]), pytest.approx(record["stability"]))
        assert [term.text for term in row.terms] == record["terms"]
        expected = np.array(record["term_weights"]) / max(record["term_weights"])
        np.testing.assert_allclose([term.weight for term in row.terms], expected, atol=1e-4)
        assert [excerpt.id for excerpt in row.representatives] == record["representative_ids"]


def test_outliers_are_counted_by_reason_the_most_frequent_first():
    summary = summarize(make_run())
    assert [(reason.reason, reason.documents, reason.share) for reason in summary.outliers] == [
        ("unclear", 27, 27 / 300),
        ("empty", 3, 3 / 300),
    ]


def test_every_metric_is_listed_with_its_value():
    run = make_run(classes=True)
    run.metrics["extra"] = {"elbow": np.float64(0.25), "deep": {"count": np.int64(7)}}
    run.metrics["broken"] = float("nan")
    run.metrics["word"] = "no number"
    listed = {metric.name: metric for metric in summarize(run).metrics}
    plain_ones = {name: value for name, value in run.metrics.items() if isinstance(value, int | float)}
    del plain_ones["broken"]
    assert {name: listed[name].value for name in plain_ones} == plain_ones
    assert all(listed[name].meaning for name in plain_ones)
    assert (listed["extra.elbow"].value, listed["extra.deep.count"].value) == (0.25, 7)
    assert listed["silhouette"].value is None
    assert listed["broken"].value is None
    assert "word" not in listed


def test_what_post_processing_did_to_the_vectors_is_told_where_there_was_any():
    run = make_run()
    run.metrics.update(effective_dimension=61.3, mean_cosine=-0.001)
    assert "ost-processing" not in prose(summarize(run), "What was read")
    run.metrics.update(effective_dimension_before=32.7, mean_cosine_before=0.412)
    summary = summarize(run)
    assert "from about 33 to 61, and the mean cosine of two texts, from 0.41 to 0.00." in prose(
        summary, "What was read"
    )
    listed = {metric.name: metric for metric in summary.metrics}
    names = [name for name in listed if name.startswith(("effective", "mean_cosine"))]
    assert names == ["effective_dimension", "mean_cosine", "effective_dimension_before", "mean_cosine_before"]
    assert all(listed[name].meaning for name in names)
    run.metrics["mean_cosine_before"] = None
    assert "ost-processing" not in prose(summarize(run), "What was read")


def test_the_curve_and_the_settings_are_those_of_the_run():
    run = make_run()
    summary = summarize(run)
    assert [(p.coverage, p.threshold, p.agreement) for p in summary.curve] == [
        tuple(row) for row in run.curve.itertuples(index=False)
    ]
    shown = {setting.name: setting.value for setting in summary.settings}
    assert set(shown) == set(run.config.decisive())
    assert (shown["n_neighbors"], shown["coverage"], shown["keep_text"], shown["min_cluster_size"]) == (
        "30",
        "auto",
        "no",
        "–",
    )
    assert summary.versions == (("numpy", "2.4.6"), ("topics", "0.1.0"), ("umap-learn", "0.5.12"))


def test_the_brief_says_the_numbers_in_words():
    summary = summarize(make_run(dates=True, classes=True))
    found, moved, trust, read = (" ".join(part.sentences) for part in summary.brief)
    assert "5 topics were found in 300 documents." in found
    assert "(T0001) with 71 documents, 23.9% of those with text; the smallest has 39." in found
    assert "Left over as outliers, near no topic: 27 documents." in found
    assert "Coverage is high: 90.9% of the documents with text have a topic." in trust
    assert "Stability is" in trust
    assert "NPMI" in trust
    assert "288 different texts, 9 duplicates and 3 without text." in read
    assert "dated from 2024-01-01 to 2025-08-" in read
    assert "AMI of 0.58" in read
    assert "Stop words of en and de were left out" in read
    assert "No topic has clearly gained or lost documents since 2024-11, compared" in moved


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("coverage", 0.95, "Coverage is high"),
        ("coverage", 0.75, "Coverage is fair"),
        ("coverage", 0.2, "Coverage is low"),
        ("stability", 0.9, "Stability is high (0.90)"),
        ("stability", 0.1, "Stability is low (0.10)"),
        ("stability", None, "Stability was not measured"),
        ("npmi", 0.2, "clearly more often than by chance"),
        ("npmi", 0.01, "hardly more often than by chance"),
        ("npmi", -0.2, "Coherence is low (NPMI −0.20): the terms of a topic occur together no more often"),
        ("npmi", None, "Coherence was not measured"),
    ],
)
def test_a_weak_number_is_called_weak(name, value, said):
    run = make_run()
    run.metrics[name] = value
    assert said in prose(summarize(run), "How far to trust it")


def test_incoherent_topics_are_named():
    run = make_run()
    run.topics["npmi"] = [0.2, -0.1, 0.2, -0.3, np.nan]
    assert "In 2 topics they do so no more often than by chance; read with care: T0004, T0002." in prose(
        summarize(run), "How far to trust it"
    )


def test_without_consensus_no_stability_is_claimed():
    run = make_run()
    run = dataclasses.replace(
        run,
        config=Config.of(consensus=0),
        metrics={**run.metrics, "stability": None},
        topics=run.topics.assign(stability=np.nan),
    )
    summary = summarize(run)
    assert "Stability was not measured." in prose(summary, "How far to trust it")
    assert {row.stability for row in summary.topics} == {None}
    assert next(metric.value for metric in summary.metrics if metric.name == "stability") is None


def test_the_order_of_the_documents_does_not_count():
    run = make_run(dates=True, classes=True)
    order = np.random.default_rng(1).permutation(len(run.documents))
    shuffled = run.documents.iloc[order].reset_index(drop=True)
    other = dataclasses.replace(
        run, documents=shuffled, rows=run.rows[order], excerpts=run.excerpts.sample(frac=1, random_state=2)
    )
    assert summarize(other) == summarize(run)


def test_where_and_how_fast_it_ran_does_not_count():
    run = make_run()
    provenance = {**run.provenance, "notes": ["Guessed."], "input": {**run.provenance["input"], "location": "/b.csv"}}
    assert summarize(dataclasses.replace(run, provenance=provenance, stages=())) == summarize(run)
    local = dataclasses.replace(run, config=Config.of(encoder="/home/somebody/models/minilm"))
    assert {s.name: s.value for s in summarize(local).settings}["encoder"] == "…/minilm"
    given = dataclasses.replace(run, config=Config.of(encoder="precomputed:/home/somebody/vectors.npy"))
    assert {s.name: s.value for s in summarize(given).settings}["encoder"] == "precomputed:…/vectors.npy"


def test_every_document_with_a_place_is_on_the_map_with_its_topic():
    run = make_run()
    summary = summarize(run)
    placed = run.documents[run.documents["x"].notna()]
    points = summary.points
    assert dict(zip(points.ids, points.topics, strict=True)) == dict(zip(placed["id"], placed["topic"], strict=True))
    assert summary.placed == len(placed) == len(points) == 297
    assert (points.classes, points.days) == ((), ())


def test_a_point_has_the_words_the_class_and_the_date_of_its_document():
    run = make_run(dates=True, classes=True)
    points, classes = summarize(run).points, summarize(run).classes
    documents = run.documents.set_index("id")
    words = run.excerpts.set_index("id")["text"]
    assert list(points.words) == [words[name].strip() for name in points.ids]
    assert [classes.names[place] for place in points.classes] == [documents["class"][name] for name in points.ids]
    days = [(documents["date"][name] - pd.Timestamp("1970-01-01", tz="UTC")).days for name in points.ids]
    assert list(points.days) == days


def test_a_document_without_date_or_class_says_so_on_the_map():
    run = make_run(dates=True, classes=True)
    run.documents.loc[5, ["date", "class"]] = [pd.NaT, None]
    summary = summarize(run)
    place = summary.points.ids.index("d00005")
    assert (summary.points.days[place], summary.points.classes[place]) == (UNDATED, -1)
    assert (summary.timeline.undated, summary.classes.unclassed) == (1, 1)


def test_a_run_that_keeps_no_words_shows_none():
    for run in (dataclasses.replace(make_run(), excerpts=None), make_run()):
        run = dataclasses.replace(run, excerpts=None if run.excerpts is None else run.excerpts.iloc[:0])
        assert summarize(run).points.words == ()


def test_the_map_keeps_the_shape_of_the_layout():
    run = make_run()
    placed = run.documents.set_index("id")[["x", "y"]].dropna().astype(float)
    drawn = summarize(run).points
    points = pd.DataFrame({"id": drawn.ids, "u": drawn.x, "v": drawn.y}).set_index("id")
    scale = GRID / (placed.max() - placed.min()).max()
    both = placed.join(points)
    np.testing.assert_allclose(np.diff(both["x"]) * scale, np.diff(both["u"]), atol=1.1)
    np.testing.assert_allclose(np.diff(both["y"]) * scale, np.diff(both["v"]), atol=1.1)
    assert points.to_numpy().min() == 0
    assert points.to_numpy().max() == GRID


def test_of_too_many_documents_a_sample_is_drawn_that_others_do_not_move():
    documents = pd.DataFrame({"id": [f"d{i}" for i in range(DRAWN + 5_000)], "topic": 0, "topic_id": "T0001"})
    documents["x"] = documents["y"] = np.arange(len(documents), dtype=np.float32)
    run = make_run(n=40, k=1)
    everything = summarize(dataclasses.replace(run, documents=documents))
    fewer = summarize(dataclasses.replace(run, documents=documents.iloc[: DRAWN + 2_000]))
    assert (len(everything.points), everything.placed) == (DRAWN, DRAWN + 5_000)
    drawn, before = (set(summary.points.ids) for summary in (everything, fewer))
    kept = {point for point in drawn if int(point[1:]) < DRAWN + 2_000}
    assert kept <= before


def test_colours_tell_topics_apart_while_there_are_enough():
    assert sorted(row.colour for row in summarize(make_run(n=400, k=COLOURS)).topics) == list(range(COLOURS))
    uses = Counter(row.colour for row in summarize(make_run(n=3000, k=24)).topics)
    assert set(uses) == set(range(COLOURS))


@pytest.mark.parametrize(("n", "k"), [(0, 0), (20, 0), (4, 1), (4_000, 1_000)])
def test_few_and_many_topics_can_be_summarised(n, k):
    summary = summarize(make_run(n=n, k=k))
    assert (summary.documents, len(summary.topics)) == (n, k)
    assert all(sentence.endswith(".") for part in summary.brief for sentence in part.sentences)


def test_missing_numbers_and_columns_are_all_right():
    run = make_run()
    bare = dataclasses.replace(
        run,
        metrics={},
        provenance={},
        curve=pd.DataFrame(),
        documents=run.documents[["id", "topic"]],
        topics=run.topics.drop(columns=["npmi", "stability"]),
        representatives=run.representatives.iloc[:0],
    )
    summary = summarize(bare)
    assert (len(summary.points), summary.curve, summary.metrics, summary.duplicates) == (0, (), (), None)
    assert summary.outliers[0].reason == "not said"
    assert summary.topics[0].coherence is None
    assert summary.coverage == pytest.approx(270 / 300)


def test_texts_of_a_hostile_run_are_short_lines_of_printable_text():
    summary = summarize(make_run(hostile=True, dates=True, classes=True))
    for text in strings(dataclasses.astuple(summary)):
        assert len(text) <= 1_000
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text)
        assert not set(text) & set("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067")


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from strings(part)


def test_an_anchor_never_is_foreign_text():
    run = make_run()
    run.topics["topic_id"] = ["data", 'x" onclick="alert(1)', "T0003", "theme", "T0005"]
    assert [row.anchor for row in summarize(run).topics] == ["topic-0", "topic-1", "T0003", "topic-3", "T0005"]


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800", "\u202d" * 10, ""])
def test_plain_is_idempotent_and_keeps_its_limit(text):
    once = plain(text, 50)
    assert plain(once, 50) == once
    assert len(once) <= 50
    once.encode("utf-8")


def test_a_disguised_text_shows_its_disguise():
    assert plain("invoice\u202efdp.exe", 50) == "invoice⟨RLO⟩fdp.exe"


def test_a_name_from_right_to_left_is_kept_apart_from_its_sentence():
    assert quoted("كرة") == "“\u2068كرة\u2069”"
    assert quoted("ball") == "“ball”"


def test_no_number_is_told_that_is_not_in_the_data():
    run = make_run(n=2_000, k=6, dates=True, classes=True)
    late = run.documents["topic"].isin([0, 3])
    run.documents.loc[late, "date"] += pd.Timedelta(days=150)
    summary = summarize(run)
    known = {value for table in tables_of(summary).values() for row in table.rows for value in row}
    known |= {metric.value for metric in summary.metrics} | {len(run.documents), 1, 0}
    numbers = [value for value in known if isinstance(value, int | float)]
    shown = {form(value) for value in numbers for form in (count_whole, percent, figure, "{:.2f}".format)}
    shown |= {value.date().isoformat() for value in (run.documents["date"].min(), run.documents["date"].max())}
    told = " ".join(sentence for part in summary.brief for sentence in part.sentences)
    told = re.sub(r"T\d{4}", "", told)
    for period in sorted(summary.timeline.periods):
        told = re.sub(rf"{period}(?![-\d])", "", told)
    found = re.findall(r"\d{4}-\d\d-\d\d|−?\d[\d,]*(?:\.\d+)?%?", told)
    assert len(found) > 20
    assert [text for text in found if text not in shown] == []


def count_whole(value):
    return count(int(value)) if float(value).is_integer() else ""
