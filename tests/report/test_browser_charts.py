"""The charts of the report in a real browser: drawn when seen, walked by keyboard, put in order."""

from __future__ import annotations

from browsing import NEEDED

pytestmark = NEEDED


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


def test_a_tooltip_of_a_chart_shows_text_as_text(visit):
    page = visit("hostile")
    treemap = page.locator("#treemap")
    treemap.scroll_into_view_if_needed()
    treemap.locator("svg").wait_for()
    treemap.hover(position={"x": 60, "y": 60})
    page.locator(".tip").wait_for()
    assert "<script>alert(1)</script>" in page.locator(".tip b").inner_text()
