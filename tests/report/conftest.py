from __future__ import annotations

import pytest
from browsing import CHROMIUM
from builders import make_run

from topics.report import summarize, to_html


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Where reports of several kinds lie, by name."""
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
