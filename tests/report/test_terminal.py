"""A run in a terminal: everything is there, texts stay text, and colours only where somebody sees them."""

from __future__ import annotations

import io
import re

import pytest
from builders import make_run
from rich.cells import cell_len
from rich.console import Console

from topics.report.course import course
from topics.report.terminal import portrait, topics_table


def shown(renderable, **options):
    console = Console(file=io.StringIO(), width=160, markup=False, **options)
    console.print(renderable)
    return console.file.getvalue()


def test_the_table_has_every_topic_with_its_numbers():
    run = make_run(dates=True)
    lines = shown(topics_table(run)).splitlines()
    for row in run.topics.itertuples():
        [line] = [line for line in lines if row.topic_id in line]
        assert f"{row.size:,}" in line
        assert f"{row.share:.1%}" in line
        assert f"{row.npmi:.2f}" in line
        assert row.terms[0] in line
        assert re.search("[▁▂▃▄▅▆▇█]{16}", line)
    assert "over time" not in shown(topics_table(make_run()))
    assert len(re.findall(r"T\d{4}", shown(topics_table(run, 2)))) == 2


def test_a_portrait_shows_terms_documents_course_and_neighbours():
    run = make_run(dates=True)
    told = shown(portrait(run, "T0002"))
    row = run.topic("T0002")
    assert all(term in told for term in row.terms)
    assert all(name in told for name in row.representative_ids)
    assert "2024-01 " in told
    assert " like T000" in told
    assert shown(portrait(run, 1)) == told


def test_colours_are_for_terminals_alone():
    run = make_run(dates=True)
    for renderable in (topics_table(run), portrait(run, 0)):
        assert "\x1b" not in shown(renderable)
        assert "\x1b[" in shown(renderable, force_terminal=True, color_system="standard")


def test_hostile_text_does_nothing_to_a_terminal():
    run = make_run(hostile=True, dates=True, classes=True)
    told = shown(topics_table(run)) + "".join(shown(portrait(run, topic)) for topic in range(5))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", told)
    assert "<script>alert(1)</script>" in told
    assert "⟨RLO⟩fdp.exe" in told
    assert all(cell_len(line) <= 160 for line in told.splitlines())


@pytest.mark.parametrize(("shares", "picture"), [([], ""), ([1], "█"), ([0, 0, 0], "▁▁▁"), ([1, 1, 3, 3], "▃▃██")])
def test_a_course_is_as_high_as_its_numbers(shares, picture):
    assert course(shares) == picture
    assert len(course([1.0] * 100, cells=16)) == 16
