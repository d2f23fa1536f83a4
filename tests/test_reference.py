"""The page of options is made from the code, and is up to date."""

from __future__ import annotations

from pathlib import Path

from topics.cli import commands
from topics.cli.reference import main, reference
from topics.config import Config

PAGE = Path(__file__).resolve().parent.parent / "docs" / "options.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == reference(), "run: make docs"


def test_every_setting_and_every_command_is_there() -> None:
    page = reference()
    for name, field in Config.model_fields.items():
        assert f"| `{name}` |" in page
        assert field.description
    for name in commands.commands:
        assert f"### `topics {name}" in page


def test_bounds_and_choices_are_told() -> None:
    page = reference()
    assert "| `n_neighbors` | `30` | whole number ≥ 2, ≤ 500 |" in page
    assert "| `coverage` | `auto` | number or `auto` |" in page
    assert "| `long` | `truncate` | `truncate`, `split` |" in page


def test_it_is_written_where_it_is_asked_for(tmp_path: Path, capsys) -> None:
    main([str(tmp_path / "options.md")])
    main([])
    assert (tmp_path / "options.md").read_text("utf-8") == capsys.readouterr().out == reference()
