"""The page in a real browser, from a file: it works, asks for nothing, and runs nothing that came in a text."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path

import pytest
from browsing import NEEDED, picture, ready
from builders import make_run

from topics.report import summarize, to_html

pytestmark = NEEDED


def ids(page):
    return page.locator("tbody.topic:visible .id").all_inner_texts()


@pytest.mark.parametrize("name", ["calm", "hostile", "none"])
@pytest.mark.parametrize("width", [360, 820, 1280])
def test_it_opens_without_trouble_and_fits_the_screen(visit, name, width):
    page = visit(name, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("h1").is_visible()


def test_hostile_text_is_shown_and_not_run(visit):
    page = visit("hostile")
    page.locator("#all").click()
    text = page.locator("main").inner_text()
    for shown in ("<script>alert(1)</script>", "{{7*7}}", "=cmd|' /C calc'!A0", "⟨RLO⟩fdp.exe", "javascript:alert(3)"):
        assert shown in text
    assert page.locator("img, iframe, main script").count() == 0


def test_a_name_written_from_right_to_left_moves_nothing_around_it(visit):
    page = visit("hostile")
    assert page.evaluate("[...document.querySelectorAll('td.name, .terms li')].every(e => e.querySelector('bdi'))")


def test_the_table_sorts_by_a_column_and_back(visit):
    page = visit("calm")
    sizes = lambda: [int(cell) for cell in page.locator("tbody.topic .size").all_inner_texts()]  # noqa: E731
    head = page.locator("#table th", has_text="Documents")
    head.get_by_role("button").click()
    assert sizes() == sorted(sizes(), reverse=True)
    head.get_by_role("button").click()
    assert sizes() == sorted(sizes())
    assert head.get_attribute("aria-sort") == "ascending"
    assert page.locator("th[aria-sort]").count() == 1
    page.locator("#table th", has_text="No.").get_by_role("button").press("Enter")
    assert ids(page) == [f"T{number:04d}" for number in range(1, 13)]


def test_the_filter_finds_topics_by_what_is_in_them(visit):
    page = visit("calm")
    page.locator("#filter").fill("vaccine PLACEBO")
    assert len(ids(page)) == 1
    assert page.locator("#shown").inner_text() == "1 of 12"
    page.locator("#filter").fill("nothing at all is called this")
    assert ids(page) == []
    assert page.locator("#nothing").is_visible()
    page.locator("#filter").fill("")
    assert len(ids(page)) == 12


def test_a_link_opens_its_topic_and_scrolls_to_it(visit):
    page = visit("calm", "#T0007")
    topic = page.locator("#T0007")
    assert topic.locator(".terms").is_visible()
    assert 0 <= topic.bounding_box()["y"] < 200
    assert page.locator("tbody.open").count() == 1
    page.evaluate("location.hash = 'T0002'")
    page.locator("#T0002 .terms").wait_for(state="visible")


def test_a_topic_opens_by_click_and_by_keyboard(visit):
    page = visit("calm")
    button = page.locator("#T0003 .name button")
    button.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert page.locator("#T0003 .documents").is_visible()
    assert page.url.endswith("#T0003")
    assert "T0003" in page.locator("#map-note").inner_text()
    page.locator("#T0003 .id").click()
    assert not page.locator("#T0003 .documents").is_visible()
    page.locator("#T0003 .id").click()
    page.keyboard.press("Escape")
    assert page.locator("tbody.chosen").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_system_until_told_otherwise(visit, scheme):
    page = visit("calm", color_scheme=scheme)
    ready(page)
    background = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    shades = {"light": "rgb(253, 252, 249)", "dark": "rgb(22, 23, 25)"}
    other = "dark" if scheme == "light" else "light"
    assert background() == shades[scheme]
    drawn = picture(page)
    page.locator("#theme").click()
    assert background() == shades[other]
    assert picture(page) != drawn
    page.locator("#theme").click()
    assert picture(page) == drawn


def test_without_javascript_all_topics_and_tables_are_there(visit):
    page = visit("calm", java_script_enabled=False)
    assert page.locator("tbody.topic .row:visible").count() == 12
    assert page.locator("tbody.topic .terms:visible").count() == 12
    assert page.locator("tbody.topic .documents:visible").count() == 12
    assert page.locator("#quality table:visible").count() >= 2
    assert "drawn by JavaScript" in page.locator("#map").inner_text()
    assert page.locator("canvas:visible, #filter:visible, #theme:visible").count() == 0


def test_on_paper_it_is_light_and_without_controls(visit):
    page = visit("calm", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("nav:visible, .tools:visible, .zoom:visible").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") is None


def test_a_table_is_saved_as_csv_that_no_spreadsheet_computes(visit):
    page = visit("hostile")
    with page.expect_download() as saved:
        page.locator(".downloads .csv").first.click()
    assert saved.value.suggested_filename == "topics.csv"
    text = saved.value.path().read_text("utf-8-sig")
    rows = list(csv.reader(text.splitlines()))
    assert rows[0][:4] == ["topic", "name", "documents", "share"]
    assert len(rows) == 6
    assert not any(cell.startswith(("=", "+", "@", "-cmd")) for row in rows for cell in row)
    assert any(cell.startswith("'=cmd|") for row in rows for cell in row)


def test_of_many_topics_the_first_are_shown_until_asked_for_all(visit):
    page = visit("many")
    assert page.locator("tbody.topic:visible").count() == 100
    page.locator("#table th", has_text="Stability").get_by_role("button").click()
    assert page.locator("tbody.topic:visible").count() == 100
    page.evaluate("location.hash = 'T0140'")
    page.locator("#T0140 .terms").wait_for(state="visible")
    page.locator("#rest").click()
    assert page.locator("tbody.topic:visible").count() == 150
    assert page.locator("#rest").is_hidden()


def test_links_between_topics_are_followed(visit):
    page = visit("full", "#T0003")
    link = page.locator("#T0003 .near a").first
    wanted = link.get_attribute("href").removeprefix("#")
    link.click()
    assert page.locator(f"#{wanted} .terms").is_visible()
    assert page.evaluate("document.activeElement.closest('tbody').id") == wanted
    assert page.url.endswith(f"#{wanted}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(visit, scheme):
    page = visit("full", color_scheme=scheme)
    low = page.evaluate(
        """() => {
          const rgb = text => text.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
            .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
          const ground = e => { for (; e; e = e.parentElement) {
            const c = rgb(getComputedStyle(e).backgroundColor);
            if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
          return [...document.querySelectorAll('main *, nav *')]
            .filter(e => e.checkVisibility() && !e.closest('svg, noscript, .plot')
              && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
            .map(e => { const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
              return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.outerHTML.slice(0, 90)]; })
            .filter(([contrast]) => contrast < 4.5);
        }"""
    )
    assert low == []


def test_everything_has_a_name_for_those_who_do_not_see_it(visit):
    page = visit("full")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
            'button, input, select, canvas, table, section, nav, [role=img], [role=application]')]
          .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim()
            || e.closest('label') || e.caption)).map(e => e.outerHTML.slice(0, 90))"""
    )
    assert nameless == []
    assert page.evaluate("[...document.querySelectorAll('table')].every(t => t.caption)")
    assert page.evaluate("[...document.querySelectorAll('th')].every(t => t.scope)")
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1


def test_on_paper_the_map_the_charts_and_the_first_topics_are_there(visit):
    page = visit("full")
    ready(page)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("tbody.topic .terms:visible").count() == 12
    assert page.locator(".plot svg:visible").count() >= 6
    assert page.locator(".csv:visible").count() == 0
    assert page.pdf().startswith(b"%PDF-")


@pytest.mark.skipif(not os.environ.get("TOPICS_SCREENSHOT"), reason="$TOPICS_SCREENSHOT names no run to picture")
def test_picture_for_the_readme(visit, files, tmp_path):
    """With a run folder in $TOPICS_SCREENSHOT, docs/images/report.png is made anew from its report."""
    files["readme"] = (Path(os.environ["TOPICS_SCREENSHOT"]).absolute() / "report.html").as_uri()
    page = visit("readme", viewport={"width": 1280, "height": 1500})
    ready(page)
    page.add_style_tag(
        content="header { padding: 1.6rem 0 0 } #canvas { height: 27rem } section, #brief { margin-top: .8rem }"
        " #brief .lead ~ .lead, #map figcaption { display: none }"
    )
    page.wait_for_timeout(300)
    from PIL import Image

    target = Path(__file__).parents[2] / "docs" / "images" / "report.png"
    target.parent.mkdir(exist_ok=True)
    page.screenshot(path=tmp_path / "report.png")
    with Image.open(tmp_path / "report.png") as picture:
        picture.convert("RGB").quantize(200, dither=Image.Dither.NONE).save(target, optimize=True)
    assert target.stat().st_size < 150_000


def test_twenty_thousand_documents_are_set_in_five_seconds_and_open_in_two(visit, files, tmp_path):
    run = make_run(n=20_000, k=60, dates=True, classes=True)
    began = time.process_time()
    source = to_html(summarize(run))
    assert time.process_time() - began < 5
    assert len(source.encode()) < 3_000_000
    (tmp_path / "large.html").write_text(source, encoding="utf-8")
    files["large"] = (tmp_path / "large.html").as_uri()
    page = visit("large")
    ready(page)
    assert page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") < 2_000
    # A tenth of a second is what people take for at once.
    slowest = page.evaluate(
        """async () => {
          const [canvas, times] = [document.getElementById('canvas'), []];
          for (let i = 0; i < 12; i++) {
            const began = performance.now();
            const turn = { deltaY: i % 2 ? 120 : -120, ctrlKey: true, cancelable: true };
            canvas.dispatchEvent(new WheelEvent('wheel', turn));
            await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
            times.push(performance.now() - began);
          }
          return times.sort((a, b) => a - b)[6];
        }"""
    )
    assert slowest < 100
