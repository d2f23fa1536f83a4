"""Reading documents: from files of many kinds, from data frames, from lists.

Whatever is guessed is announced. Empty and non-text values stay in the corpus as documents without
text; only what cannot be a corpus at all is refused, with the line number where there is one.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from topics.corpus import columns, files
from topics.corpus.distinct import distinct_of
from topics.corpus.spool import room_for
from topics.data import Corpus
from topics.errors import InvalidInput, NoDocuments

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = ["MEMORY", "STDIN", "Reading", "Source", "file_digest", "read"]

logger = logging.getLogger(__name__)

MEMORY = "<memory>"  #: the location of what never was a file
STDIN = files.STDIN  #: the location of standard input
_RULES = "1"  # of reading; raised when the same bytes are read differently


@dataclass(frozen=True)
class Source:
    """Where documents are and which columns to read. Columns that are None are guessed or absent."""

    location: str  # a file, a folder, a glob, "-" for standard input
    text: str | None = None
    id: str | None = None
    date: str | None = None
    class_: str | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """A corpus and how it was read."""

    corpus: Corpus
    source: Source  # with the columns that were used
    notes: tuple[str, ...]  # sentences: what was guessed, repaired, left out


def read(
    source: Source | str | Path | pd.DataFrame | pd.Series | Iterable[object] | Corpus,
    *,
    text: str | None = None,
    id: str | None = None,  # noqa: A002 - the name of the flag and of the column
    date: str | None = None,
    class_: str | None = None,
) -> Reading:
    """Read documents.

    Parameters
    ----------
    source : Source, str, Path, DataFrame, Series, iterable of str or Corpus
        A string is a location: a CSV, TSV, JSON, JSONL or Parquet file; a text file with one document
        per line; a folder or a glob of tables of one kind, or of text files with one document each
        (their ids are the relative paths); "-" for JSONL or lines on standard input. Files may be
        compressed (.gz, .zst, .bz2, .xz). Texts themselves go in a list.
    text, id, date, class_ : str, optional
        Columns of a table. Text and id are guessed if not given; an id is guessed only if it is
        unique. Dates and classes are never guessed.

    Returns
    -------
    Reading
        The corpus; its meta has "date" (datetime64[us, UTC], missing where unreadable) and "class"
        (str, missing where empty) if they were asked for.

    Raises
    ------
    InvalidInput
        If there is nothing to read, a file is damaged or not text, or a column cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> reading = read(pd.DataFrame({"Title": ["A whale", "A snail"], "year": [1851, 1906]}), date="year")
    >>> reading.source.text, reading.notes
    ('Title', ("The column 'Title' is taken as the text.",))
    >>> reading.corpus.meta["date"].dt.year.tolist()
    [1851, 1906]
    """
    import pandas as pd

    given = {name: value for name, value in {"text": text, "id": id, "date": date, "class_": class_}.items() if value}
    if isinstance(source, str | Path):
        source = Source(str(source))
    wanted = replace(source if isinstance(source, Source) else Source(MEMORY), **given)
    if isinstance(source, Source):
        with room_for(source.location):
            table, notes = files.load(source.location)
    elif isinstance(source, pd.DataFrame):
        table, notes = source.set_axis(source.columns.map(str), axis=1), ()
    else:
        if given:
            raise InvalidInput(f"{', '.join(given)}: only tables have columns; got a {type(source).__name__}.")
        if isinstance(source, Corpus):
            return Reading(source, wanted, ())
        return Reading(_from_values(source), wanted, ())
    with room_for(wanted.location):
        corpus, used, guesses = _from_table(table, wanted)
    notes = (*notes, *guesses)
    for note in notes:
        logger.info("%s", note)
    return Reading(corpus, used, notes)


def file_digest(source: Source | object) -> str | None:
    """SHA-256 of what `read` would read: all bytes of all files, the names of many, and the columns.

    Equal digests mean equal corpora, so an unchanged input need not be parsed again. None for what
    is in memory or comes through standard input.

    Raises
    ------
    InvalidInput
        If there is no such file, folder or glob.
    """
    if isinstance(source, str | Path):
        source = Source(str(source))
    if not isinstance(source, Source) or source.location in (MEMORY, files.STDIN):
        return None
    found = files.find(source.location)
    digest = hashlib.sha256(repr((_RULES, source.text, source.id, source.date, source.class_)).encode())
    for name, path in found.paths.items():
        # A lone file may be renamed; what matters is how it is read.
        told = found.kind if found.alone else name
        digest.update(f"\n{told}\n{files.digest(path)}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _from_values(values: Iterable[object]) -> Corpus:
    import pandas as pd

    texts = values.tolist() if isinstance(values, pd.Series) else list(values)
    if not any(isinstance(value, str) and value.strip() for value in texts):
        raise (InvalidInput if texts else NoDocuments)(
            f"none of the {len(texts)} values is a text; pass strings, or a DataFrame and the name of its text column."
        )
    return Corpus.from_texts(texts)


def _from_table(table: pd.DataFrame, wanted: Source) -> tuple[Corpus, Source, tuple[str, ...]]:
    """Pick the columns and make a corpus of them."""
    import pandas as pd

    for name in (wanted.text, wanted.id, wanted.date, wanted.class_):
        if name is not None:
            columns.check_present(table, name)
    if not len(table):
        raise NoDocuments(f"{wanted.location} has no rows; its columns are: {', '.join(table.columns)}.")
    taken = {wanted.id, wanted.date, wanted.class_}
    text, text_notes = columns.find_text(table, wanted.text, taken)
    id_, id_notes = columns.find_id(table, wanted.id, {text, wanted.date, wanted.class_})
    meta = pd.DataFrame(index=range(len(table)))
    meta_notes: tuple[str, ...] = ()
    if wanted.date is not None:
        meta["date"], meta_notes = columns.dates(table[wanted.date])
    if wanted.class_ is not None:
        meta["class"] = pd.Series(columns.names(table[wanted.class_]), dtype="str")
    ids = None if id_ is None else columns.ids(table[id_])
    corpus = Corpus.of(*distinct_of(table[text]), ids, meta)
    return corpus, replace(wanted, text=text, id=id_), (*text_notes, *id_notes, *meta_notes)
