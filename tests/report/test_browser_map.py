"""The map of the report in a real browser: pointed at, walked, searched, zoomed, coloured."""

from __future__ import annotations

import csv

from browsing import NEEDED, picture, ready

pytestmark = NEEDED


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
