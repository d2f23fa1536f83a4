"""Both reports: everything is in them, the same every time, and texts stay text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from builders import make_run
from markdown_it import MarkdownIt

from topics.report import summarize, tables_of, to_html, to_markdown
from topics.report.markdown import MOST_TOPICS, escape

# Tags the template writes; whatever else turned up would have come out of a text.
TAGS = set(
    """
    a b bdi body br button canvas caption circle code dd details div dl dt figcaption figure h1 h2 h3 head header html
    i input label li link main meta nav noscript ol option output p path polyline pre rect script section select small
    span style summary svg table tbody td th thead title tr ul
    """.split()
)


class Page(HTMLParser):
    """Tags, attributes and text of a page, and what stands in its scripts."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.attributes, self.scripts, self.text, self.inside = [], [], [], "", None
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag in ("script", "style"):
            self.inside = tag
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None if tag == self.inside else self.inside

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data
        else:
            self.text += data


@pytest.fixture(scope="module")
def hostile():
    return summarize(make_run(hostile=True, dates=True, classes=True))


@pytest.mark.parametrize("render", [to_html, to_markdown])
@pytest.mark.parametrize("arguments", [{}, {"n": 4, "k": 1}, {"n": 20, "k": 0}, {"n": 0, "k": 0}, {"hostile": True}])
def test_two_renders_are_equal(render, arguments):
    assert render(summarize(make_run(**arguments))) == render(summarize(make_run(**arguments)))


@pytest.mark.parametrize("render", [to_html, to_markdown])
def test_all_is_in_the_report(render):
    summary = summarize(make_run(classes=True))
    report = " ".join(render(summary).split())
    for row in summary.topics:
        assert row.topic_id in report
        assert row.name in report
    for metric in summary.metrics:
        assert metric.name in report
    for setting in summary.settings:
        assert setting.name in report
    for wanted in ("topics fit INPUT --config config.toml", "topics verify", summary.fingerprint, "umap-learn"):
        assert wanted in report


def test_the_versions_read_well_in_both():
    summary = summarize(make_run())
    assert "Versions: numpy 2.4.6, topics 0.1.0, umap-learn 0.5.12.\n" in to_markdown(summary)
    assert "numpy 2.4.6 · topics 0.1.0 · umap-learn 0.5.12" in Page(to_html(summary)).text


def test_the_page_shows_terms_documents_and_reasons():
    summary = summarize(make_run())
    page = Page(to_html(summary)).text
    for row in summary.topics:
        assert all(term.text in page for term in row.terms)
        assert all(excerpt.id in page and excerpt.text in page for excerpt in row.representatives)
    assert all(reason.meaning in page for reason in summary.outliers)


def test_the_page_names_nothing_outside_itself():
    page = Page(to_html(summarize(make_run())))
    loads = {"src", "srcset", "href", "action", "data", "poster", "formaction", "xlink:href"}
    assert {value for _, name, value in page.attributes if name in loads and not value.startswith("#")} == {"data:,"}
    library = zlib.decompress(base64.b64decode(page.scripts[5])).decode()
    written = "".join([*page.scripts[:5], library]).replace("http://www.w3.org/", "")  # the names of SVG and XML
    assert not re.search(r"url\([^\"+#]|@import|https?://", written)
    [policy] = [value for tag, name, value in page.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    for script in (page.scripts[1], library):
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy


def test_every_chart_points_to_the_table_behind_it():
    page = Page(to_html(summarize(make_run(dates=True, classes=True))))
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    details = [value for _, name, value in page.attributes if name == "aria-details"]
    assert sorted(details) == [f"behind-{name}" for name in "classes dial hierarchy periods topics words".split()]
    assert set(details) <= set(ids)


def test_hostile_text_adds_no_tag_and_no_attribute(hostile):
    page, calm = Page(to_html(hostile)), Page(to_html(summarize(make_run(dates=True, classes=True))))
    assert set(page.tags) <= TAGS
    assert {(tag, name) for tag, name, _ in page.attributes} == {(tag, name) for tag, name, _ in calm.attributes}
    assert page.tags.count("script") == 5
    for text in ("<script>alert(1)</script>", "{{7*7}}", "=cmd|' /C calc'!A0", "javascript:alert(3)", "⟨RLO⟩fdp.exe"):
        assert text in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", to_html(hostile))


def block(source, name):
    text = source.split(f'<script type="application/json" id="{name}">')[1].split("</script>")[0]
    assert not set(text) & set("<>&\u2028\u2029")
    return json.loads(text)


def packed(source, name):
    text = source.split(f'<script type="text/plain" id="{name}">')[1].split("</script>")[0]
    return json.loads(zlib.decompress(base64.b64decode(text)))


def test_the_data_for_the_script_is_json_that_no_text_can_leave(hostile):
    data = block(to_html(hostile), "data")
    assert [topic["name"] for topic in data["topics"]] == [row.name for row in hostile.topics]
    for name, table in tables_of(hostile).items():
        assert packed(to_html(hostile), "tables")[name]["rows"] == json.loads(json.dumps(table.rows))


def test_the_points_are_packed_column_by_column(hostile):
    data, points = block(to_html(hostile), "points"), hostile.points
    columns = {"x": "<u2", "y": "<u2", "topic": "<i2", "class": "<i2", "day": "<i2"}
    for (name, dtype), column in zip(
        columns.items(), (points.x, points.y, points.topics, points.classes, points.days), strict=True
    ):
        np.testing.assert_array_equal(np.frombuffer(zlib.decompress(base64.b64decode(data[name])), dtype=dtype), column)
    for name, lines in (("ids", points.ids), ("words", points.words)):
        assert zlib.decompress(base64.b64decode(data[name])).decode().split("\n") == list(lines)


def test_a_page_of_very_many_documents_stays_small():
    run = make_run(n=4_000, k=100, dates=True, classes=True)
    random = np.random.default_rng(0)
    times = 26
    documents = pd.concat([run.documents] * times, ignore_index=True)
    documents["id"] = [random.bytes(8).hex() for _ in range(len(documents))]
    documents[["x", "y"]] = random.normal(size=(len(documents), 2))
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz      "))
    texts = ["".join(row) for row in letters[random.integers(0, 32, (len(documents), 60))]]
    excerpts = pd.DataFrame({"id": documents["id"], "text": texts})
    many = dataclasses.replace(run, documents=documents, excerpts=excerpts, rows=None)
    source = to_html(summarize(many))
    assert len(source.encode()) < 6_000_000
    assert "Drawn are 100,000 of 104,000 documents" in source
    assert "Drawn are" not in to_html(summarize(make_run()))


def test_a_page_of_a_thousand_topics_stays_small_as_well():
    summary = summarize(make_run(n=100_000, k=1_000, dates=True, classes=True))
    assert len(summary.points) > 98_000
    assert max(len(row.representatives) for row in summary.topics) == 3
    assert len(to_html(summary).encode()) < 6_000_000


@pytest.mark.parametrize(("n", "k"), [(0, 0), (20, 0), (4, 1)])
def test_little_is_said_plainly(n, k):
    source = to_html(summarize(make_run(n=n, k=k)))
    assert ("No topic was found" in source) == (k == 0)
    assert ('class="topics"' in source) == (k > 0)


def test_a_report_without_any_numbers_renders():
    run = make_run()
    bare = dataclasses.replace(
        run, metrics={}, provenance={}, curve=run.curve.iloc[:0], documents=run.documents[["id", "topic"]]
    )
    summary = summarize(bare)
    assert "No document has a place on a map." in to_html(summary)
    assert "Not recorded." in to_html(summary)
    assert to_markdown(summary).startswith("# Topics\n")


def tokens(source):
    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source)
    return [token for block in parsed for token in (block, *(block.children or ()))]


def test_hostile_text_stays_text_in_markdown(hostile):
    source = to_markdown(hostile)
    found = tokens(source)
    assert {token.type for token in found} == {token.type for token in tokens(to_markdown(summarize(make_run())))}
    assert [token.content for token in found if token.type == "code_inline"] == [
        "topics fit INPUT --config config.toml",
        "topics verify RUN",
    ]
    shown = "".join(token.content for token in found if token.type in ("text", "text_special"))
    for text in ("<script>alert(1)</script>", "{{7*7}}", "=cmd|' /C calc'!A0", "[click](javascr"):
        assert text in shown
    assert "://evil" not in source
    assert "@everyone" not in source
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", source)


def test_every_row_of_a_markdown_table_has_its_cells(hostile):
    rows = [line for line in to_markdown(hostile).splitlines() if line.startswith("|")]
    topics = [row for row in rows if re.match(r"\| T\d{4} ", row)]
    assert len(topics) == 5
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in topics} == {9}


def test_markdown_shows_what_the_dial_would_give():
    page = to_markdown(summarize(make_run()))
    assert "| Coverage | Threshold | Expected agreement |" in page
    assert "| 100% | 0.000 | 0.812 |" in page


def test_markdown_counts_the_topics_it_leaves_out():
    summary = summarize(make_run(n=600, k=MOST_TOPICS + 10))
    source = to_markdown(summary)
    rest = sum(row.size for row in summary.topics[MOST_TOPICS:])
    assert len(re.findall(r"^\| T\d{4} ", source, re.MULTILINE)) == MOST_TOPICS
    assert f"And 10 smaller topics, with {rest} documents." in source


def test_markdown_stays_small_whatever_the_texts():
    run = make_run(n=600, k=60)
    run.topics["name"] = "👩‍👩‍👧‍👦*" * 500
    run.topics["terms"] = [["深|" * 500] * 10] * 60
    assert len(to_markdown(summarize(run)).encode()) < 60_000


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("min_cluster_size", "min_cluster_size"),
        ("_em_", r"\_em\_"),
        ("a|b", r"a\|b"),
        ("<b>", r"\<b\>"),
        ("back\\slash", "back\\\\slash"),
        ("&lt; R&D", r"\&lt; R\&D"),
        ("two\nlines", "two lines"),
        ("C# #1", r"C# \#1"),
    ],
)
def test_escape(text, escaped):
    assert escape(text) == escaped
