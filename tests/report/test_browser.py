"""The page in a real browser, from a file: it works, asks for nothing, and runs nothing that came in a text."""

from __future__ import annotations

import shutil

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
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.add(request.url.partition("#")[0]))
        page.goto(files[name] + fragment)
        return page

    yield go
    for context in contexts:
        context.close()
    assert trouble == []
    assert asked <= set(files.values())


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
    canvas = page.locator("#canvas")
    canvas.scroll_into_view_if_needed()
    before = picture(page)
    canvas.hover(position=place(page, "T0001"))
    assert page.locator("#tip").inner_text().startswith("d00")
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
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 252, 249)"
    assert page.locator("nav:visible, .tools:visible, .zoom:visible").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") is None
