"""The report on paper, by the Chromium that is installed."""

from __future__ import annotations

import shutil

import pytest
from builders import make_run

from topics.errors import InvalidConfig, TopicsError
from topics.folder import changed_files, read_manifest, rewrite_reports, save
from topics.report import pdf


@pytest.fixture
def folder(tmp_path):
    return save(make_run(n=60, k=3), tmp_path / "run")


def test_without_a_browser_it_says_what_to_do(folder, monkeypatch):
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    with pytest.raises(
        InvalidConfig, match=r"format pdf: none of chromium, .* Install Chromium .* or open report.html"
    ):
        rewrite_reports(folder, ["html", "pdf"])


def test_a_browser_that_fails_is_named_with_what_it_said(tmp_path, monkeypatch):
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho no display >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(pdf.shutil, "which", lambda name: str(broken))
    with pytest.raises(TopicsError, match=r"chromium did not print .*page\.html \(exit code 3, no display\)\."):
        pdf.print_pdf(tmp_path / "page.html")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
def test_a_pdf_is_printed_beside_the_run_and_is_no_part_of_it(folder):
    before = read_manifest(folder)
    assert rewrite_reports(folder, ["pdf"]) == [folder / "report.pdf"]
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert read_manifest(folder) == before
    assert changed_files(folder, before) == []
