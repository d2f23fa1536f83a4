"""The settings of `Config` as options of a command: names, help, defaults and bounds are taken from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from topics.config import Config, read_toml
from topics.errors import InvalidConfig

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = ("text", "id", "date", "class")  #: of the input, which a configuration file may name as well
#: Settings of several values, given as often as liked.
LISTS = {"stop_words": "WORD,WORD", "aspects": "NAME,NAME"}


def columns(command: F) -> F:
    """Add `--text --id --date --class`."""
    told = {
        "text": "column with the texts; guessed if not given",
        "id": "column with unique ids; by default ids are made from the texts",
        "date": "column with dates",
        "class": "column with known classes, to compare the topics with",
    }
    for name in reversed(COLUMNS):
        command = click.option(f"--{name}", f"{name}_", metavar="COLUMN", help=told[name])(command)
    return command


def settings(command: F) -> F:
    """Add an option for every field of `Config`, and `--config FILE`."""
    for name, field in reversed(Config.model_fields.items()):
        option = f"--{name.replace('_', '-')}"
        kind = next((a for a in (field.annotation, *get_args(field.annotation)) if a in (int, str, float, bool)), str)
        default = "" if field.default in (None, (), "", False) else f"  [default: {field.default}]"
        told = f"{field.description}{default}"
        if kind is bool:
            command = click.option(f"{option}/--no-{name.replace('_', '-')}", name, default=None, help=told)(command)
        elif name in LISTS:
            command = click.option(option, name, metavar=LISTS[name], multiple=True, help=told)(command)
        else:  # Config itself checks types and bounds, with better words
            command = click.option(option, name, metavar="INT" if kind is int else "VALUE", help=told)(command)
    return click.option("--config", "config_file", metavar="FILE", help="TOML file with any of these settings")(command)


def gather(config_file: str | None, given: dict[str, Any]) -> tuple[Config, dict[str, str | None]]:
    """Settings from the file, then from the options, which win; and the columns.

    Raises
    ------
    InvalidConfig
    """
    told = read_toml(config_file) if config_file else {}
    columns = {name: given.pop(f"{name}_", None) or told.pop(name, None) for name in COLUMNS}
    for name in COLUMNS:
        told.pop(name, None)
        if columns[name] is not None and not isinstance(columns[name], str):
            raise InvalidConfig(f"{name}={columns[name]!r}: the name of a column is a string.")
    options = {name: value for name, value in given.items() if value is not None and name in Config.model_fields}
    for name in LISTS:
        parts = [part.strip() for value in options.pop(name, ()) for part in value.split(",") if part.strip()]
        if parts:
            options[name] = tuple(parts)
    config = Config.of(**{**told, **options})
    columns["class_"] = columns.pop("class")
    return config, columns
