"""The notebooks run from top to bottom, on letters that are made up, and end with what to do next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import jupytext
import pytest
from surfaces_fakes import ROOT

from notebooks.letters import SUBJECTS, letters
from notebooks.render import execute, sources

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

NAMES = [source.stem for source in sources()]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all notebooks: what one has computed the next finds."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


def test_there_are_six() -> None:
    assert [name[:2] for name in NAMES] == ["01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_begins_with_a_title_and_ends_with_what_is_next(name: str) -> None:
    notebook = jupytext.read(ROOT / "notebooks" / f"{name}.py")
    assert notebook.cells[0].source.startswith("# ")
    assert "## What next" in notebook.cells[-1].source


@pytest.mark.parametrize("name", NAMES)
def test_what_a_notebook_points_to_is_there(name: str) -> None:
    text = (ROOT / "notebooks" / f"{name}.py").read_text("utf-8")
    for path in re.findall(r"`(docs/\w+\.md|benchmarks/[\w/]+\.md)`", text):
        assert (ROOT / path).is_file(), path
    for path in re.findall(r"`(\d\d_\w+\.py)`", text):
        assert path.removesuffix(".py") in NAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name: str, store: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPICS_STORE", str(store))
    notebook = execute(ROOT / "notebooks" / f"{name}.py", folder, timeout=300)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    for cell in _shows(notebook):
        assert cell.outputs, cell.source
    CHECKS.get(name[:2], lambda text: None)(_text(outputs))


def _shows(notebook: NotebookNode) -> list[NotebookNode]:
    """Cells whose last line is an expression."""
    ends = re.compile(r"^[\w.]+(\(.*\)|\[.*\])*(\.\w+(\(.*\))?)*$")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in code if ends.match(cell.source.splitlines()[-1]) and "offline(" not in cell.source[-60:]]


def _text(outputs: list[NotebookNode]) -> str:
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


def _scooters_are_born(text: str) -> None:
    assert "scooters" in text
    assert "refitted - " in text


def _odd_letters_are_left_out(text: str) -> None:
    found = re.search(r"(\d+) letters have no topic; (\d+) of the 20 odd ones", text)
    assert found
    assert int(found[2]) >= 15


def _the_same_edits_give_the_same_run(text: str) -> None:
    assert text.rstrip().endswith("True")


CHECKS = {
    "02": _odd_letters_are_left_out,
    "03": _the_same_edits_give_the_same_run,
    "04": _scooters_are_born,
    "05": _scooters_are_born,
}


def test_the_letters_are_always_the_same() -> None:
    table = letters()
    assert table.equals(letters())
    assert table["id"].is_unique
    assert table["text"].nunique() > 1200
    assert table["date"].is_monotonic_increasing
    assert set(table["subject"]) == {*SUBJECTS, "something else"}
    assert (table.loc[table["subject"] == "scooters", "date"] >= "2024-09-01").all()
