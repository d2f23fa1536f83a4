"""How a run was made: settings, input, versions and what it is known by."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from topics.report.numbers import flat
from topics.report.plain import plain
from topics.report.values import Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from topics.run import Run

_TERM, _VALUE = 60, 200
# Where the input lay is no part of a report. Nor are the notes on how it was read: a rerun from
# config.toml is told what a first run guesses, and would say something else.
_SCHEME = re.compile("[a-z]{2,}:")  # precomputed:, transformer: and the like; a drive has one letter
_PLACES = ("path", "paths", "file", "files", "folder", "source", "root", "location")


def settings_of(run: Run) -> Iterator[Setting]:
    """Every setting that decides a number, by name."""
    fields = type(run.config).model_fields
    for name, value in sorted(run.config.decisive().items()):
        described = fields[name].description if name in fields else ""
        yield Setting(name, _shown(value), described or "")


def input_of(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(flat(values)):
        if name.rpartition(".")[2] not in _PLACES and value is not None:
            yield plain(name, _TERM), _shown(value)


def versions_of(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, version in sorted((provenance.get("versions") or {}).items()):
        yield plain(name, _TERM), plain(version, _TERM)


def digests_of(run: Run) -> Iterator[tuple[str, str]]:
    """What the run, its documents and its encoder are known by."""
    if told := run.provenance.get("run"):
        yield "run", plain(told, _VALUE)
    if told := run.provenance.get("corpus"):
        yield "corpus", plain(told, _VALUE)
    if run.model.fingerprint:
        yield "encoder", plain(run.model.fingerprint, _VALUE)


def _shown(value: Any) -> str:
    if value is None or value in ("", (), []):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return plain(", ".join(map(str, value)), _VALUE)
    text = str(value)
    scheme, colon, rest = text.partition(":") if _SCHEME.match(text) else ("", "", text)
    for flavour in (PurePosixPath, PureWindowsPath):
        if len(text) < 5_000 and flavour(rest).is_absolute():
            return plain(f"{scheme}{colon}…/{flavour(rest).name}", _VALUE)
    return plain(text, _VALUE)
