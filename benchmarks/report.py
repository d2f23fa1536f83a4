"""`PYTHONPATH=tests python -m benchmarks.report`: how large reports are, how long they take to write, open and print.

Runs are made up (`tests/builders.py`): no corpus is needed. Seconds of writing are of the processor, those of opening
and of a step of the wheel are the browser's own; a page is opened three times, and the middle one counts.
"""

from __future__ import annotations

import platform
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import click
from builders import make_run

from benchmarks.__main__ import processor
from topics.folder import rewrite_reports, save
from topics.report import summarize, to_html
from topics.report.pdf import find_browser

SIZES = ((300, 1), (20_000, 60), (100_000, 100), (100_000, 1_000))  #: documents and topics
_OPENED = 3
_WHEEL = """async () => {
  const [canvas, times] = [document.getElementById('canvas'), []];
  for (let i = 0; i < 12; i++) {
    const began = performance.now();
    canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: i % 2 ? 120 : -120, ctrlKey: true, cancelable: true }));
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push(performance.now() - began);
  }
  return Math.max(...times.slice(2));
}"""
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
_DRAWN = "() => document.getElementById('canvas').width !== 300"
_NOW = "performance.now()"


def measured(documents: int, topics: int, browser: Any, folder: Path) -> list[str]:
    """One row: documents, topics, megabytes, and seconds to write, open, draw, zoom and print."""
    run = make_run(n=documents, k=topics, dates=True, classes=True)
    began = time.process_time()
    page = to_html(summarize(run))
    written = time.process_time() - began
    save(run, folder)
    began = time.process_time()
    rewrite_reports(folder, ["html", "md"])
    again = time.process_time() - began
    opened = [_opened(browser, folder / "report.html") for _ in range(_OPENED)]
    began = time.perf_counter()
    rewrite_reports(folder, ["pdf"])
    printed = time.perf_counter() - began - again
    loaded, drawn, step = (median(times) / 1000 for times in zip(*opened, strict=True))
    told = (f"{value:.2f}" for value in (len(page.encode()) / 1e6, written, again, loaded, drawn, step, printed))
    return [f"{documents:,}", f"{topics:,}", *told]


def _opened(browser: Any, path: Path) -> tuple[float, float, float]:
    """Milliseconds until a page is loaded, until its map is drawn, and of the slowest step of the wheel on it."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_function(_DRAWN, timeout=60_000)
    drawn = page.evaluate(_NOW)
    page.locator("#canvas").scroll_into_view_if_needed()
    found = page.evaluate(_LOADED), drawn, page.evaluate(_WHEEL)
    page.close()
    return found


@click.command()
def main() -> None:
    """Measure, print a table, and write it to `benchmarks/results/report.md`."""
    from playwright.sync_api import sync_playwright

    head = ["documents", "topics", "MB", "write", "from the folder", "open", "drawn", "a step", "PDF"]
    rows = []
    with sync_playwright() as running, tempfile.TemporaryDirectory() as scratch:
        browser = running.chromium.launch(executable_path=find_browser(), args=["--no-sandbox", "--disable-gpu"])
        for number, (documents, topics) in enumerate(SIZES):
            rows.append(measured(documents, topics, browser, Path(scratch) / str(number)))
            click.echo(" ".join(rows[-1]), err=True)
        browser.close()
    table = [f"| {' | '.join(line)} |" for line in (head, ["---:"] * len(head), *rows)]
    said = [
        "MB; CPU seconds to summarise and set a run, and to write HTML and Markdown again from its folder; seconds",
        "until the page is loaded, until its map is drawn, of the slowest of ten steps of the wheel, and to print.",
    ]
    text = "\n".join(
        [
            "# Reports",
            "",
            *__doc__.splitlines()[2:],
            "",
            *said,
            "",
            *table,
            "",
            f"Python {platform.python_version()}; {processor()}.",
            "",
        ]
    )
    click.echo(text)
    (Path(__file__).parent / "results" / "report.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
