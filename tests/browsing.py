"""For tests that look at a report in a real browser."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = shutil.which("chromium")
NEEDED = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")]


def ready(page):
    """When the map is drawn: its points are unpacked a moment after the page is there."""
    page.wait_for_function("() => document.getElementById('canvas').width !== 300")


def picture(page):
    return page.evaluate("document.getElementById('canvas').toDataURL()")
