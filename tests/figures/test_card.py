"""The card of a run: what it says is in the run, and foreign text stays text."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from builders import make_run

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium")


def test_a_card_tells_what_is_in_the_run() -> None:
    run = make_run(300, 5)
    card = run._repr_html_()
    assert "5 topics in 300 documents" in card
    for row in run.topics.itertuples():
        assert f"<code>{row.topic_id}</code>" in card
        assert str(row.name) in card
        assert f"<span>{row.size}</span>" in card


def test_a_card_shows_the_largest_topics_and_says_how_many_are_left() -> None:
    card = make_run(400, 30)._repr_html_()
    assert card.count("<li>") == 12
    assert "18 smaller topics" in card


def test_a_card_of_no_topics_is_one() -> None:
    assert "0 topics in 40 documents" in make_run(40, 0)._repr_html_()


def test_hostile_text_is_escaped() -> None:
    card = make_run(300, 5, hostile=True)._repr_html_()
    assert "<script" not in card
    assert "<img" not in card
    assert "&lt;script&gt;alert(1)" in card
    assert "\u202e" not in card
    assert len(card) < 30_000


def test_a_card_asks_for_nothing_from_elsewhere() -> None:
    assert not re.search(r"https?:|url\(|@import|src=", make_run(300, 5)._repr_html_())


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_card_can_be_read_on_light_and_on_dark(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    page_of = tmp_path / "card.html"
    page_of.write_text(f"<!doctype html><meta charset=utf-8>{make_run(300, 5)._repr_html_()}", "utf-8")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        ink = {}
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme)
            said: list[str] = []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.goto(page_of.as_uri())
            ink[scheme] = page.eval_on_selector("h3", "e => getComputedStyle(e).color")
            assert not said
        browser.close()
    assert ink["light"] != ink["dark"]
