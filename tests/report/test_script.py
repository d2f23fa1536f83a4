"""What the page brings along is what it says it is."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

from topics.report.html import PARTS, asset, script

REPORT = files("topics.report")


def test_the_library_is_the_one_its_readme_names():
    [told] = re.findall(r"SHA-256: `([0-9a-f]{64})`", asset("vendor/README.md"))
    assert hashlib.sha256((REPORT / "vendor" / "echarts.min.js").read_bytes()).hexdigest() == told


def test_every_part_of_the_script_is_in_it_once():
    names = sorted(path.name.removesuffix(".js") for path in (REPORT / "script").iterdir() if path.name.endswith(".js"))
    assert sorted(PARTS) == names
    assert script().count("'use strict'") == 1


def test_no_part_can_end_the_element_it_stands_in_or_read_text_as_html():
    for source in (script(), asset("vendor/echarts.min.js")):
        assert "</script" not in source.lower()
        assert "<!--" not in source
    assert not re.search(r"innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write|eval\(|new Function", script())


def test_our_own_script_stays_small():
    assert len(script().encode()) < 64_000
    assert all(len(asset(f"script/{part}.js").splitlines()) < 300 for part in PARTS)
