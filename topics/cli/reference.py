"""Every setting and every command, on a page made from the code: `python -m topics.cli.reference docs/options.md`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from topics.cli import commands
from topics.config import EXECUTION, Config
from topics.options import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_HEAD = """# Options

Written from the code by `make docs`; a test fails when it is out of date.

## Settings

The same names everywhere: `topics.fit(docs, min_cluster_size=25)`, `--min-cluster-size 25`, `min_cluster_size = 25` in
a TOML file given with `--config`, the fields of a Prefect form. Command line options win over the file. `config.toml`
in a run folder is such a file: `topics fit INPUT --config outputs/mine/config.toml` gets that run again.
"""


def reference() -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *_settings(), *_columns(), *_commands()]).rstrip() + "\n"


def _settings() -> Iterator[str]:
    yield "| setting | default | allowed | what it is for |"
    yield "|---|---|---|---|"
    for name, field in Config.model_fields.items():
        yield f"| `{name}` | {_shown(field.default)} | {_allowed(field)} | {_cell(field.description or '')} |"
    yield ""
    names = ", ".join(f"`{name}`" for name in EXECUTION)
    yield f"How the work is done, and no result: {names}. No key in the store and no run folder knows them."
    yield ""


def _columns() -> Iterator[str]:
    names = ", ".join(f"`--{name}`" for name in COLUMNS)
    yield f"Columns of the input are named by {names}, which a TOML file may hold too;"
    yield "in Python they are `text`, `id`, `date` and `class_`."
    yield ""


def _commands() -> Iterator[str]:
    yield "## Commands"
    yield ""
    yield "`topics COMMAND --help` shows the same. Settings, where a command takes them, are those above."
    for path, command in _all(commands, "topics"):
        yield ""
        words = " ".join(param.make_metavar(_CONTEXT) for param in command.params if isinstance(param, click.Argument))
        yield f"### `{path}{' ' if words else ''}{words}`"
        yield ""
        yield _cell(" ".join((command.help or command.short_help or "").split("\b")[0].split()))
        own = [param for param in command.params if isinstance(param, click.Option) and param.name not in _KNOWN]
        if own:
            yield ""
            yield "| option | what it is for |"
            yield "|---|---|"
        for option in own:
            flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
            value = "" if option.is_flag else f" {option.make_metavar(_CONTEXT)}"
            yield f"| {flags}{_cell(value)} | {_cell(option.help or '')} |"


_KNOWN = {*Config.model_fields, *(f"{name}_" for name in COLUMNS), "help"}
_CONTEXT = click.Context(commands)


def _all(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """The commands, with those of groups."""
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _all(command.commands[name], f"{path} {name}")
    else:
        yield path, command


def _shown(value: Any) -> str:
    if value is None or value in ("", ()):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(field: FieldInfo) -> str:
    """What a field takes: names, or a kind of value and its bounds."""
    kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if get_origin(kind) is Literal]
    if kinds and field.annotation in kinds:
        return ", ".join(f"`{name}`" for name in get_args(field.annotation))
    names = {int: "whole number", float: "number", bool: "yes or no", str: "text", tuple: "list of words"}
    told = [names[kind] for kind in names if kind in _kinds(field.annotation)]
    rules = [(rule, name) for rule in field.metadata for name in _SIGNS if hasattr(rule, name)]
    bounds = [f"{_SIGNS[name]} {getattr(rule, name):,}" for rule, name in rules]
    words = [f"`{name}`" for kind in kinds for name in get_args(kind)]
    return " or ".join([" ".join([*told[:1], ", ".join(bounds)]).strip(), *words])


def _kinds(annotation: Any) -> set[Any]:
    return {get_origin(kind) or kind for kind in (annotation, *get_args(annotation))}


def _cell(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def main(arguments: list[str]) -> None:
    """Write the page to the file that is named, or to standard output."""
    if arguments:
        Path(arguments[0]).write_text(reference(), "utf-8")
    else:
        sys.stdout.write(reference())


if __name__ == "__main__":
    main(sys.argv[1:])
