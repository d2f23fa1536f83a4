"""From a location to a table: finding files, opening them, joining what they hold."""

from __future__ import annotations

import difflib
import glob
import hashlib
import os
import re
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from topics.corpus.encoding import to_utf8
from topics.corpus.formats import READERS
from topics.corpus.opening import COMPRESSED, opened, readable
from topics.corpus.shelf import Rows, Shelf, shelved
from topics.corpus.spool import blocks, peek, spooled
from topics.errors import InvalidInput, NoDocuments
from topics.strings import batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from topics.corpus.formats import Loaded

STDIN = "-"

#: File name suffix -> kind. Text files are no tables: a file is a document, a lone file one per line.
KINDS: Mapping[str, str] = {
    ".csv": "CSV",
    ".tsv": "TSV",
    ".tab": "TSV",
    ".jsonl": "JSON",
    ".ndjson": "JSON",
    ".json": "JSON",
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".txt": "text",
    ".md": "text",
}
_MOST_NOTES = 5  # about single files of many
_LONGEST_SHOWN = 200  # characters of what was taken for a location


@dataclass(frozen=True)
class Found:
    """The files at a location."""

    paths: Mapping[str, Path]  # name -> path, sorted by name: relative to the folder, with "/"
    kind: str
    alone: bool  # named as a file, not found in a folder or by a glob
    notes: tuple[str, ...] = ()


def load(location: str) -> Loaded:
    """Read everything at a location into one table, all columns untouched.

    Raises
    ------
    InvalidInput
        If nothing is there, or it cannot be read.
    """
    if location == STDIN:
        return _from_standard_input()
    found = find(location)
    if found.kind == "text" and not found.alone:
        table, notes = _from_documents(found.paths)
    else:
        table, notes = _from_tables(found.paths, found.kind)
    return table, (*found.notes, *notes)


def find(location: str) -> Found:
    """The files of a file name, a folder or a glob, all of one kind.

    Raises
    ------
    InvalidInput
        If nothing is there, nothing readable is there, or tables of several kinds are.
    """
    try:
        path = Path(location).expanduser()
        is_file, is_folder = path.is_file(), path.is_dir() and bool(location)
    except (OSError, RuntimeError):  # too long a name, a closed folder on the way, no such user
        path, is_file, is_folder = Path(), False, False
    if is_file:
        kind = _kind(path)
        if kind is None:
            raise InvalidInput(f"{location}: cannot tell its format by its name; {_readable()}. Export or rename it.")
        return Found({path.name: path}, kind, alone=True)
    if is_folder:
        root, paths = path, _walk(path)
    elif glob.has_magic(location):
        matches = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207 - may be absolute
        paths = [match for match in matches if match.is_file()]
        root = Path(os.path.commonpath([match.parent for match in paths])) if paths else path
    else:
        raise InvalidInput(_missing(location, path))
    return _of_one_kind(location, root, paths)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from None


# --- finding ---------------------------------------------------------------------------------------


def _walk(folder: Path) -> list[Path]:
    """Files below a folder; hidden ones and markers like _SUCCESS left out."""
    paths = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        paths += [Path(parent, name) for name in names if not name.startswith((".", "_"))]
    return paths


def _of_one_kind(location: str, root: Path, paths: Sequence[Path]) -> Found:
    kinds: dict[str, list[Path]] = {}
    for path in paths:
        kinds.setdefault(_kind(path) or "", []).append(path)
    others = kinds.pop("", [])
    if not kinds:
        raise InvalidInput(f"{location}: there is nothing to read among {len(others)} files; {_readable()}.")
    tables = [kind for kind in kinds if kind != "text"]
    if len(tables) > 1:
        raise InvalidInput(
            f"{location} holds files of several kinds: {', '.join(sorted(tables))}. "
            f"Name one kind with a glob, such as {root / '*.csv'}."
        )
    kind = tables[0] if tables else "text"
    aside = len(others) + sum(len(found) for other, found in kinds.items() if other != kind)
    notes = (f"Files in {location} that are not {kind} and were left out: {aside}.",) if aside else ()
    named = {path.relative_to(root).as_posix(): path for path in kinds[kind]}
    return Found(dict(sorted(named.items())), kind, alone=False, notes=notes)


def _kind(path: Path) -> str | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return KINDS.get(suffixes[-1]) if suffixes else None


def _readable() -> str:
    return f"readable are {', '.join(KINDS)}, also with {', '.join(COMPRESSED)} after it"


def _missing(location: str, path: Path) -> str:
    if re.match(r"\w+://", location):
        return f"{location}: only local files are read; download it first."
    there = [near.name for near in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, there, n=1)
    hint = f"did you mean {path.parent / near[0]}?" if near else "texts themselves go in a list."
    shown = location if len(location) <= _LONGEST_SHOWN else location[:_LONGEST_SHOWN] + "..."
    return f"there is no file, folder or glob {shown!r}; {hint}"


# --- opening ---------------------------------------------------------------------------------------


def _read_file(name: str, path: Path, kind: str) -> Loaded:
    with readable(name), opened(path) as file:
        if not peek(file, 1):
            raise NoDocuments(f"{name} is empty.")
        return READERS[kind](file, name)


def _from_tables(paths: Mapping[str, Path], kind: str) -> Loaded:
    """The tables of several files below each other, with the columns that all of them have."""
    import pandas as pd

    if len(paths) == 1:
        return _read_file(*next(iter(paths.items())), kind)
    told: list[str] = []

    def read() -> Iterator[pd.DataFrame]:
        for name, path in paths.items():
            table, notes = _read_file(name, path, kind)
            told.extend(notes)
            yield table

    tables = shelved(read())
    notes = _shortened(told)
    shared = [name for name in tables[0].columns if all(name in table.columns for table in tables)]
    lost = sorted({name for table in tables for name in table.columns} - set(shared))
    if not shared:
        raise InvalidInput(f"the {len(tables)} files share no column; among their columns are {', '.join(lost[:20])}.")
    if lost:
        notes = (*notes, f"Columns that only some of the files have were left out: {', '.join(lost[:20])}.")
    return pd.concat([table[shared] for table in tables], ignore_index=True), notes


def _shortened(notes: Sequence[str]) -> tuple[str, ...]:
    more = len(notes) - _MOST_NOTES
    return (*notes[:_MOST_NOTES], *([f"And {more} more notes like these."] if more > 0 else []))


def _from_documents(paths: Mapping[str, Path]) -> Loaded:
    """One document per file; ids are the names."""
    told: list[str] = []

    def read() -> Iterator[str]:
        for name, path in paths.items():
            with readable(name), opened(path) as file:
                text, notes = to_utf8(file, name)
                with text:
                    told.extend(notes)
                    yield text.read().decode()

    with Shelf() as shelf:
        rows, names = Rows(shelf), iter(paths)
        for texts in batches(read()):
            rows.add(len(texts), {"id": list(islice(names, len(texts))), "text": texts})
        return rows.table(), _shortened(told)


def _from_standard_input() -> Loaded:
    """JSON if it starts like JSON, else lines."""
    with readable("standard input"), spooled(blocks(sys.stdin.buffer)) as file:
        begin = peek(file, 2)
        if not begin:
            raise NoDocuments("standard input is empty; pipe JSONL or one document per line into it.")
        kind = "JSON" if begin.startswith((b"{", b"[{", b'["')) else "text"
        return READERS[kind](file, "standard input")
