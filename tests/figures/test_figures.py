"""Figures: what is drawn is in `data`, and everything that can be drawn becomes a picture."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
from builders import make_run

from topics.errors import InvalidConfig, InvalidInput
from topics.figures import offline
from topics.figures.style import DARK, LIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    from topics.run import Run

FIGURES: dict[str, Callable[..., Any]] = {
    "map": lambda run, **how: run.map(**how),
    "map by class": lambda run, **how: run.map("class", **how),
    "map by date": lambda run, **how: run.map("date", **how),
    "map by confidence": lambda run, **how: run.map("confidence", **how),
    "barchart": lambda run, **how: run.barchart(**how),
    "hierarchy": lambda run, **how: run.hierarchy(**how),
    "timeline": lambda run, **how: run.timeline(**how),
    "classes": lambda run, **how: run.heatmap(**how),
    "similarity": lambda run, **how: run.heatmap("similarity", **how),
}


@pytest.fixture(scope="module")
def run() -> Run:
    return make_run(400, 6, dates=True, classes=True)


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("dark", [False, True])
def test_a_figure_is_a_chart_with_its_table(run: Run, figure: str, dark: bool) -> None:
    chart = FIGURES[figure](run, dark=dark)
    assert isinstance(chart, alt.TopLevelMixin)
    assert isinstance(chart.data, pd.DataFrame)
    assert len(chart.data)
    assert chart.to_dict()["title"]["color"] == (DARK if dark else LIGHT).text


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_becomes_a_picture_without_a_network(run: Run, figure: str) -> None:
    import vl_convert

    assert "<svg" in vl_convert.vegalite_to_svg(FIGURES[figure](run).to_json())


def test_figures_can_be_joined(run: Run) -> None:
    assert (FIGURES["map"](run) | FIGURES["barchart"](run) & FIGURES["timeline"](run)).to_dict()["hconcat"]


def test_figures_can_be_restyled(run: Run) -> None:
    chart = run.map().properties(title="Mine", width=300).configure_view(stroke="red")
    assert chart.to_dict()["title"] == "Mine"


@pytest.mark.parametrize("figure", FIGURES)
def test_the_order_of_the_rows_changes_no_figure(run: Run, figure: str) -> None:
    turned = replace(run, documents=run.documents.iloc[::-1].reset_index(drop=True))
    assert FIGURES[figure](turned).to_json() == FIGURES[figure](run).to_json()


def test_the_map_has_every_document_with_a_place(run: Run) -> None:
    table = run.map().data
    placed = run.documents.dropna(subset=["x"])
    assert sorted(table["id"]) == sorted(placed["id"])
    of = dict(zip(table["id"], table["topic_id"], strict=True))
    assert all(of[row.id] == row.topic_id for row in placed.itertuples())


def test_of_too_many_documents_a_sample_is_drawn_and_the_figure_says_so() -> None:
    many, fewer = make_run(900, 4), make_run(900, 4)
    gone = set(fewer.map(most=200).data["id"][:20])
    fewer = replace(fewer, documents=fewer.documents[~fewer.documents["id"].isin(gone)].reset_index(drop=True))
    one, other = many.map(most=200), fewer.map(most=200)
    assert len(one.data) == 200
    assert "200 of 891 documents" in one.to_dict()["title"]["subtitle"][0]
    # Those that are still there are still drawn.
    assert set(one.data["id"]) - gone <= set(other.data["id"])


def test_more_documents_than_altair_takes_are_sampled_by_default() -> None:
    chart = make_run(6000, 4).map()
    assert len(chart.data) == 5000
    chart.to_dict()  # raises where there are too many


def test_names_on_the_map_do_not_touch() -> None:
    from topics.figures.scatter import _LETTER, _LINE, WIDTH, _frame, _labels, sampled

    run = make_run(4000, 80)
    drawn = sampled(run.documents.dropna(subset=["x"]), 4000)
    frame = _frame(drawn)
    named = _labels(run, drawn, frame)
    pixel = (frame[0][1] - frame[0][0]) / WIDTH
    x, y, wide = named["x"] / pixel, named["y"] / pixel, named["text"].str.len() * _LETTER
    for one in range(len(named)):
        for other in range(one):
            apart = abs(x[one] - x[other]) >= (wide[one] + wide[other]) / 2
            assert apart or abs(y[one] - y[other]) >= _LINE
    assert len(named) > 10


def test_bars_are_the_words_of_the_topics_asked_for(run: Run) -> None:
    table = run.barchart(["T0003", 0], n_terms=4).data
    assert list(dict.fromkeys(table["topic_id"])) == ["T0003", "T0001"]
    for topic_id, rows in table.groupby("topic_id"):
        row = run.topic(str(topic_id))
        assert list(rows["term"]) == list(row.terms)[:4]
        assert list(rows["weight"]) == list(row.term_weights)[:4]


@pytest.mark.parametrize("most", [2, 4, 50])
def test_the_tree_is_the_merges(run: Run, most: int) -> None:
    chart = run.hierarchy(most=most)
    merges = chart.data.drop_duplicates("merge")
    ids = list(run.topics["topic_id"])
    later = list(run.merges)[len(ids) - min(most, len(ids)) :]
    assert [(row.kept, row.gone) for row in merges.itertuples()] == [(ids[kept], ids[gone]) for kept, gone in later]
    assert list(merges["left"]) == list(range(min(most, len(ids)) - 1, 0, -1))
    leaves = chart.layer[1].data
    assert leaves["documents"].sum() == run.topics["size"].sum()
    assert leaves["topics"].sum() == len(ids)


def test_the_timeline_counts_every_dated_document_once(run: Run) -> None:
    for period in ("day", "week", "month", "quarter", "year"):
        table = run.timeline(most=6, period=period).data
        size = run.documents[run.documents["topic"] >= 0].groupby("topic_id").size()
        assert table.groupby("topic_id")["documents"].sum().to_dict() == size.to_dict()
        whole = table.groupby("topic_id")["period"].nunique()
        assert whole.nunique() == 1  # no period is left out, not even an empty one
    assert table["share"].between(0, 1).all()


def test_a_timeline_of_many_days_has_sixty_periods_at_most(run: Run) -> None:
    assert 1 < run.timeline().data["period"].nunique() <= 60


def test_shares_of_classes_sum_to_one(run: Run) -> None:
    table = run.heatmap().data
    np.testing.assert_allclose(table.groupby("topic_id")["share"].sum(), 1)
    assert table["documents"].sum() == run.topics["size"].sum()


def test_similarity_is_that_of_the_centroids(run: Run) -> None:
    table = run.heatmap("similarity", most=3).data
    found = table["similarity"].to_numpy().reshape(3, 3)
    np.testing.assert_allclose(found, run.model.centroids[:3] @ run.model.centroids[:3].T, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.map("colour"), "by='colour': documents have no such column; there are: topic"),
        (lambda run: run.map(most=0), "most=0: must be 1 or more"),
        (lambda run: run.barchart([99]), "no topic 99; there are 0 to 5, or T0001 to T0006"),
        (lambda run: run.barchart([]), "name at least one topic"),
        (lambda run: run.heatmap("colour"), "of='colour': must be class or similarity"),
        (lambda run: run.timeline(period="eon"), "period='eon': must be one of day, week, month, quarter, year"),
        (lambda run: run.hierarchy(most=1), "most=1: must be 2 or more"),
    ],
)
def test_what_cannot_be_drawn_is_said(run: Run, call: Callable[[Run], Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        call(run)


def test_what_a_run_does_not_have_is_said() -> None:
    bare = make_run(60, 1)
    with pytest.raises(InvalidInput, match="no dates; fit with date=COLUMN"):
        bare.timeline()
    with pytest.raises(InvalidInput, match="no classes; fit with class_=COLUMN"):
        bare.heatmap("class")
    with pytest.raises(InvalidInput, match="two topics or more; this run has 1"):
        bare.hierarchy()
    with pytest.raises(InvalidInput, match="no topics to draw"):
        make_run(40, 0).barchart()


def test_without_altair_the_way_out_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(InvalidConfig, match=r"pip install 'topics\[notebook\]'"):
        run.map()
    assert "topics-card" in run._repr_html_()  # which needs none


def test_hostile_texts_are_only_ever_text() -> None:
    import vl_convert

    run = make_run(120, 5, hostile=True, dates=True, classes=True)
    for figure in FIGURES.values():
        chart = figure(run)
        told = chart.to_json()
        assert len(told) < 1_000_000
        assert "\u202e" not in told
        assert "<script" not in vl_convert.vegalite_to_svg(told)


@pytest.mark.parametrize(("n", "k"), [(60, 1), (4000, 900)])
def test_one_topic_and_very_many_can_be_drawn(n: int, k: int) -> None:
    run = make_run(n, k, dates=True, classes=True)
    for name, figure in FIGURES.items():
        if k > 1 or name != "hierarchy":
            assert len(figure(run).to_json()) < 3_000_000


def test_figures_are_drawn_offline_by_front_ends_that_know_version_5(run):
    before = alt.renderers.active
    try:
        offline()
        bundle, _ = run.barchart()._repr_mimebundle_()
    finally:
        alt.renderers.enable(before)
    spec = bundle["application/vnd.vegalite.v5+json"]
    assert spec["$schema"].endswith("/v5.json")
    assert spec["background"] == "#ffffff"  # a dark page would leave dark letters on a dark ground
    assert set(bundle) == {"application/vnd.vegalite.v5+json", "text/plain"}
