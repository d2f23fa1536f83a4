"""The page in a real browser, from a file: it works, asks for nothing, and runs nothing that came in a text."""

from __future__ import annotations

import csv
import os
import shutil
import time
from pathlib import Path

import pytest
from builders import make_run
from playwright.sync_api import sync_playwright

from topics.report import summarize, to_html

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here"),
]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    runs = {
        "calm": make_run(n=600, k=12),
        "full": make_run(n=900, k=12, dates=True, classes=True),
        "many": make_run(n=2_400, k=150),
        "hostile": make_run(hostile=True, dates=True, classes=True),
        "none": make_run(n=20, k=0),
    }
    for name, run in runs.items():
        (folder / f"{name}.html").write_text(to_html(summarize(run)), encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in runs}


@pytest.fixture
def visit(browser, files):
    """Open a report; at the end, nothing may have gone wrong or out."""
    contexts, trouble, asked = [], [], set()

    def go(name, fragment="", **options):
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.add(request.url.partition("#")[0]))
        page.goto(files[name] + fragment)
        if options.get("java_script_enabled", True):
            page.wait_for_function("() => document.documentElement.classList.contains('ready')")
        return page

    yield go
    for context in contexts:
        context.close()
    assert trouble == []
    assert asked <= set(files.values())


def ready(page):
    """When the map is drawn: its points are unpacked a moment after the page is there."""
    page.wait_for_function("() => document.getElementById('canvas').width !== 300")


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


def place(page, topic_id):
    """Where the document in the middle of a topic is drawn, in the canvas."""
    return page.evaluate(
        """async id => {
          const block = name => JSON.parse(document.getElementById(name).textContent);
          const inflate = text => new Response(new Blob([Uint8Array.from(atob(text), c => c.charCodeAt(0))])
            .stream().pipeThrough(new DecompressionStream('deflate'))).arrayBuffer();
          const points = block('points');
          const [xs, ys] = [new Uint16Array(await inflate(points.x)), new Uint16Array(await inflate(points.y))];
          const canvas = document.getElementById('canvas');
          const [w, h] = [canvas.clientWidth, canvas.clientHeight];
          const [l, r, b, t] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
          const margin = Math.min(34, w * .06);
          const scale = Math.min((w - 2 * margin) / (r - l), (h - 2 * margin) / (t - b));
          const [x, y] = block('data').topics.find(topic => topic.id === id).place;
          return { x: w / 2 + (x - (l + r) / 2) * scale, y: h / 2 - (y - (b + t) / 2) * scale };
        }""",
        topic_id,
    )


def picture(page):
    return page.evaluate("document.getElementById('canvas').toDataURL()")


def test_a_point_says_what_it_is_and_a_click_picks_out_its_topic(visit):
    page = visit("calm")
    ready(page)
    canvas = page.locator("#canvas")
    canvas.scroll_into_view_if_needed()
    before = picture(page)
    canvas.hover(position=place(page, "T0001"))
    name, words, rest = page.locator("#tip > *").all_inner_texts()
    assert name.startswith("d00")
    assert words.startswith("Document ")
    assert "(T0001)" in rest
    canvas.click(position=place(page, "T0001"))
    assert page.locator("tbody.chosen").get_attribute("id") == "T0001"
    assert "(T0001)" in page.locator("#map-note").inner_text()
    assert picture(page) != before
    page.locator("#map-note button").click()
    assert page.locator("#T0001 .terms").is_visible()
    page.keyboard.press("Escape")
    assert picture(page) == before


def test_the_map_is_walked_and_zoomed_by_keyboard(visit):
    page = visit("calm")
    ready(page)
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator("tbody.chosen").get_attribute("id") == "T0002"
    whole = picture(page)
    page.keyboard.press("+")
    page.wait_for_function("before => document.getElementById('canvas').toDataURL() !== before", arg=whole)
    page.keyboard.press("0")
    page.wait_for_function("before => document.getElementById('canvas').toDataURL() === before", arg=whole)
    page.keyboard.press("Enter")
    assert page.locator("#T0002 .terms").is_visible()


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


def found(page):
    return page.locator("#picked .found").inner_text().splitlines()[0]


def test_a_search_lights_documents_up_and_lists_them(visit):
    page = visit("full")
    ready(page)
    before = picture(page)
    page.locator("#map-find").fill("T0001 document")
    page.locator("#picked .found").wait_for()
    texts = page.locator("#picked .documents bdi").all_inner_texts()
    assert int(found(page).split()[0]) == int(page.locator("#T0001 .size").inner_text())
    assert len(texts) == 2 * 50
    assert all(text.startswith("Document") for text in texts[1::2])
    assert picture(page) != before
    page.locator("#picked .chip").first.click()
    assert page.locator("tbody.open").count() == 1
    page.locator("#map-find").fill("")
    page.locator("#picked").wait_for(state="hidden")


def test_a_lasso_picks_out_what_it_goes_around(visit):
    page = visit("calm")
    ready(page)
    canvas = page.locator("#canvas")
    canvas.scroll_into_view_if_needed()
    page.locator("#lasso").click()
    box, middle = canvas.bounding_box(), place(page, "T0001")
    x, y = box["x"] + middle["x"], box["y"] + middle["y"]
    page.mouse.move(x - 25, y - 25)
    page.mouse.down()
    for dx, dy in ((25, -25), (25, 25), (-25, 25), (-25, -20)):
        page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()
    documents = int(found(page).split()[0])
    assert 0 < documents < 600
    with page.expect_download() as saved:
        page.locator("#picked .csv").click()
    rows = list(csv.reader(saved.value.path().read_text("utf-8-sig").splitlines()))
    assert rows[0] == ["id", "topic_id", "first_words"]
    assert len(rows) == documents + 1
    assert "T0001" in {row[1] for row in rows}
    page.keyboard.press("Escape")
    assert page.locator("#picked").is_hidden()


def test_a_span_of_time_picks_out_its_documents_until_something_else_does(visit):
    page = visit("full")
    ready(page)
    before = picture(page)
    assert page.locator("#span-told").inner_text().startswith("2024-01-01 to 2025-")
    late = page.locator("#span-from")
    late.fill("40")
    page.locator("#picked .found").wait_for()
    assert 0 < int(found(page).split()[0]) < 900
    first = page.locator("#span-told").inner_text()
    assert late.get_attribute("aria-valuetext") == first.split()[0]
    assert picture(page) != before
    late.press("ArrowRight")
    page.wait_for_function("told => document.getElementById('span-told').textContent !== told", arg=first)
    page.locator("#map-find").fill("T0001")
    page.wait_for_function("() => document.getElementById('span-from').value === '0'")
    page.keyboard.press("Escape")
    page.locator("#map-find").fill("")
    page.locator("#picked").wait_for(state="hidden")
    assert picture(page) == before
    assert visit("calm").locator("#span").count() == 0


def test_the_map_is_saved_as_a_picture_and_names_sub_topics_from_near(visit):
    page = visit("calm")
    ready(page)
    with page.expect_download() as saved:
        page.locator("#picture").click()
    assert saved.value.suggested_filename == "map.png"
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    names = """() => {
      const said = [];
      const write = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        said.push(text);
        return write.call(this, text, ...rest);
      };
      globalThis.said = said;
    }"""
    page.evaluate(names)
    subs = page.evaluate(
        "() => JSON.parse(document.getElementById('data').textContent).topics[0].subs.map(([label]) => label)"
    )
    own = [name for name in subs if name != page.locator("#T0001 .name").inner_text()]
    page.locator("#canvas").focus()
    page.keyboard.press("Home")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not set(own) & set(page.evaluate("said"))
    page.keyboard.press("ArrowRight")
    page.wait_for_function("names => names.every(name => said.includes(name))", arg=own)


def test_points_are_coloured_by_class_and_date_and_the_legend_says_how(visit):
    page = visit("full")
    ready(page)
    pictures = {picture(page)}
    page.locator("#map-colour").select_option("class")
    assert page.locator("#legend .key").all_inner_texts() == ["class 0", "class 1", "class 2"]
    pictures.add(picture(page))
    page.locator("#map-colour").select_option("day")
    assert "from 2025-" in page.locator("#legend").inner_text()
    pictures.add(picture(page))
    assert len(pictures) == 3


def test_charts_are_drawn_when_they_come_into_view(visit):
    page = visit("full")
    assert page.evaluate("typeof echarts") == "undefined"
    for chart in ("#treemap", "#multiples .multiple", "#class-heat", "#word-heat", "#topic-quality", "#dial"):
        page.locator(chart).first.scroll_into_view_if_needed()
        page.locator(f"{chart} svg").first.wait_for()
    assert page.evaluate("typeof echarts") == "object"


CHARTS = ("#treemap", "#multiples .plot", "#class-heat", "#word-heat", "#topic-quality", "#dial")


def walked(page, selector):
    """A chart that has the focus, once it is drawn."""
    plot = page.locator(selector).first
    plot.focus()
    plot.locator("svg").first.wait_for()
    return plot


def test_charts_are_walked_by_keyboard_and_tell_what_their_tooltips_show(visit):
    page = visit("full", "#T0002")
    told = page.locator("#chart-told")
    for selector in CHARTS:
        plot = walked(page, selector)
        seen = []
        for key in ("ArrowRight", "ArrowRight", "ArrowDown", "End", "ArrowLeft", "ArrowUp", "Home"):
            plot.press(key)
            seen.append(told.text_content())
            assert plot.locator(".tip").inner_text().split("\n") == seen[-1].split("; "), (selector, key)
        assert seen[0] == seen[-1] == seen[0].strip()
        assert len(set(seen)) >= 5, selector
        plot.press("ArrowLeft")  # there is nothing before the first
        assert told.text_content() == seen[0]
        plot.press("Escape")
        plot.locator(".tip").wait_for(state="hidden")
        assert page.evaluate("document.activeElement === document.body")
    assert page.locator("tbody.chosen").get_attribute("id") == "T0002"
    assert page.locator(".plot").count() == page.locator(".plot[tabindex='0'][aria-describedby='chart-keys']").count()


def test_a_row_down_in_a_heat_map_is_the_same_column(visit):
    page = visit("full")
    plot, told = walked(page, "#class-heat"), page.locator("#chart-told")
    plot.press("ArrowRight")
    first = told.text_content().split(" × ")
    plot.press("ArrowDown")
    below = told.text_content().split(" × ")
    assert below[0] != first[0]
    assert below[1].startswith("class 0;")
    plot.press("ArrowRight")
    assert told.text_content().startswith(f"{below[0]} × class 1;")


def test_enter_opens_the_topic_of_a_mark_and_goes_there(visit):
    page = visit("full")
    plot = walked(page, "#topic-quality")
    plot.press("End")
    wanted = page.locator("#chart-told").text_content().partition("(")[2].partition(")")[0]
    plot.press("Enter")
    assert page.locator(f"#{wanted} .terms").is_visible()
    assert page.evaluate("document.activeElement.closest('tbody').id") == wanted
    plot = walked(page, "#dial")
    plot.press("ArrowRight")
    plot.press("Enter")  # a step of the dial is no topic
    assert page.evaluate("document.activeElement.id") == "dial"


def test_the_hierarchy_is_cut_anywhere(visit):
    page = visit("full")
    cut = page.locator("#cut")
    for groups in (1, 5, 12):
        cut.fill(str(groups))
        page.wait_for_function("n => document.querySelectorAll('#groups li').length === n", arg=groups)
        assert sorted(page.locator("#groups .parts a").all_inner_texts()) == [f"T{n:04d}" for n in range(1, 13)]
    cut.press("ArrowLeft")
    page.wait_for_function("() => document.querySelectorAll('#groups li').length === 11")


def test_topics_over_time_are_put_in_order(visit):
    page = visit("full")
    titles = page.locator("#multiples h4")
    assert titles.first.inner_text() == "All documents"
    largest = titles.all_inner_texts()
    page.locator("#time-order").select_option("gained")
    assert sorted(titles.all_inner_texts()[1:]) != []
    assert titles.all_inner_texts() != largest
    page.locator("#time-more").click()
    assert titles.count() == 13
    page.locator("#time-measure").select_option("count")


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


def test_a_tooltip_of_a_chart_shows_text_as_text(visit):
    page = visit("hostile")
    treemap = page.locator("#treemap")
    treemap.scroll_into_view_if_needed()
    treemap.locator("svg").wait_for()
    treemap.hover(position={"x": 60, "y": 60})
    page.locator(".tip").wait_for()
    assert "<script>alert(1)</script>" in page.locator(".tip b").inner_text()


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
