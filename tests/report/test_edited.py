"""The report of a run that was edited, and then went on with new documents."""

from __future__ import annotations

import json

import pytest
from surfaces_fakes import documents

import topics
from topics.folder import save
from topics.report import summarize, tables_of, to_html, to_markdown


@pytest.fixture(scope="module")
def runs(world, tmp_path_factory):
    """A run that was edited, read back, and what became of it, placed and fitted again."""
    table, store = documents(240), world.store("edited")
    columns = {"text": "text", "id": "id", "date": "date", "encoder": world.model}
    run = topics.fit(table[:200], store=store, **columns)
    first, second = run.topics["topic_id"].tolist()[:2]
    edited = run.rename({first: "Money <b>matters</b>"}).merge([first, second], store=store, documents=table[:200])
    edited = topics.load(save(edited, tmp_path_factory.mktemp("edited") / "run"))
    columns = {"text": "text", "id": "id", "date": "date", "store": store}
    grown = topics.update(edited, table[200:], refit="never", **columns)
    again = topics.update(edited, table[200:], refit="always", **columns)
    return edited, grown, again, (first, second)


def test_given_names_and_ids_are_those_of_the_report(runs):
    edited, grown, _, (first, second) = runs
    for run in (edited, grown):
        summary = summarize(run)
        told = {row.topic_id: row.name for row in summary.topics}
        assert told[first] == "Money <b>matters</b>"
        assert second not in told
        assert "Money &lt;b&gt;matters&lt;/b&gt;" in to_html(summary)
        assert "Money \\<b\\>matters" in to_markdown(summary)


def test_sub_topics_are_those_of_topics_that_are_there(runs):
    for run in runs[:3]:
        known = {row.topic_id: row for row in summarize(run).topics}
        assert {name for name in run.subtopics["topic_id"] if name not in known} == set()
        for row in known.values():
            assert sum(sub.size for sub in row.subs) <= row.size


def test_what_changed_is_told_and_counts_the_documents_that_came(runs):
    _, grown, again, (first, _) = runs
    for run in (grown, again):
        summary = summarize(run)
        assert summary.documents == 240
        assert "40 documents came in" in json.dumps([paragraph.sentences for paragraph in summary.brief])
        changes = tables_of(summary)["changes"].rows
        assert first in {row[1] for row in changes} | {row[3] for row in changes}
        assert sum(row.size for row in summary.topics) == int((run.documents["topic"] >= 0).sum())
