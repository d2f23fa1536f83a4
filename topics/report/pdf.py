"""A page of HTML on paper: printed to PDF by the Chromium that is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from topics.errors import InvalidConfig, TopicsError

#: Browsers that print without a window, in the order they are looked for.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_PATIENCE = 180  # seconds


def find_browser() -> str:
    """The browser that prints.

    Raises
    ------
    InvalidConfig
        If there is none.
    """
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is None:
        raise InvalidConfig(
            f"format pdf: none of {', '.join(BROWSERS)} is on the PATH. Install Chromium (apt install chromium), or "
            "open report.html in any browser and print it."
        )
    return found


def print_pdf(page: Path) -> bytes:
    """Print a page.

    Parameters
    ----------
    page : Path
        A file of HTML that asks for nothing outside itself.

    Returns
    -------
    bytes
        The PDF. It holds the time it was made, so that two of the same page differ.

    Raises
    ------
    InvalidConfig
        If no browser is installed.
    TopicsError
        If it fails.
    """
    browser = find_browser()
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "report.pdf"
        command = [
            browser,
            "--headless=new",
            "--no-sandbox",  # it refuses to start as root otherwise; the page runs only its own script
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            f"--user-data-dir={Path(scratch) / 'profile'}",
            "--virtual-time-budget=5000",
            "--no-pdf-header-footer",
            f"--print-to-pdf={target}",
            page.absolute().as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise TopicsError(f"format pdf: {browser} did not print {page} within {_PATIENCE} seconds.") from None
        if not target.is_file():
            told = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise TopicsError(
                f"format pdf: {browser} did not print {page} (exit code {done.returncode}"
                f"{f', {told[-1]}' if told else ''}). Open it in a browser and print it there."
            )
        return target.read_bytes()
