"""What is new since the last run: in a folder, a glob, a database, or on S3 or the web.

A source is asked with what it said the last time (`seen`, JSON-ready), and gives the documents that may be
new with what to say the next time: the version of every file, or the greatest value of a column.
Nothing here knows Prefect.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from flows.alerts import secret
from topics.corpus import Reading, Source, files, read
from topics.corpus.opening import COMPRESSED
from topics.errors import InvalidConfig, InvalidInput, NoDocuments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd

log = logging.getLogger("topics.flows")

Seen = dict[str, Any]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z0-9+.-]+)*://")
_REFUSED = (401, 403, 404, 410)  # answers of a web server that another attempt will not change
_MAGIC = re.compile(r"[*\[]")
_VERSION = ("ETag", "etag", "Content-MD5", "md5Hash", "Digest", "Last-Modified", "LastModified", "mtime", "updated")


@dataclass(frozen=True)
class Place:
    """Where documents come from: `input`, or `sql` and `query`; and the columns to read."""

    input: str | None = None  # file, folder, glob, or URL of fsspec; $NAME for a variable of the environment
    sql: str | None = None  # URL of SQLAlchemy, or $NAME
    query: str | None = None  # may say :since
    watermark: str | None = None  # column whose greatest value is the next :since
    since: str | int | float | None = None  # the first :since
    columns: Mapping[str, str | None] = field(default_factory=dict)  # text, id, date, class_

    @property
    def name(self) -> str:
        """What to call it where people read it, without passwords."""
        if self.sql:
            return "a query" if self.sql.startswith("$") else _shown_database(self.sql)
        return re.sub(r"//[^/@]*@", "//", str(self.input)).split("?")[0]


@dataclass(frozen=True, eq=False)
class Gathered:
    """What a source has to say."""

    reading: Reading | None  # documents that may be new; None if there are none
    seen: Seen  # what to ask with the next time
    told: str  # in words, how far it was looked


def gather(place: Place, seen: Mapping[str, Any] | None = None) -> Gathered:
    """Read what may be new: files that are not as they were, rows of a query.

    Parameters
    ----------
    place : Place
    seen : mapping, optional
        What `Gathered.seen` was the last time.

    Raises
    ------
    InvalidInput, InvalidConfig
        If asking again would not help.
    OSError, sqlalchemy.exc.OperationalError, ...
        If it might.
    """
    if bool(place.input) == bool(place.sql):
        raise InvalidConfig("documents come from input, or from sql and query: give one of them.")
    if place.sql:
        return _from_database(place, seen or {})
    location = secret(str(place.input))
    return (_from_remote if _URL.match(location) else _from_files)(location, place, seen or {})


# --- files of this machine


def _from_files(location: str, place: Place, seen: Mapping[str, Any]) -> Gathered:
    try:
        found = files.find(location)
    except InvalidInput:
        if seen.get("files"):  # it was there once: an empty inbox is nothing new
            return Gathered(None, dict(seen), f"{location} is empty or gone")
        raise
    versions = {name: _version_here(path) for name, path in found.paths.items()}
    changed = _changed(versions, seen)
    told = f"{len(changed)} of {len(versions)} files are new or changed"
    kept = {"files": {**seen.get("files", {}), **versions}}
    if not changed:
        return Gathered(None, kept, told)
    if found.alone:
        return Gathered(_read(Source(location), place), kept, told)
    with _folder() as folder:
        for name in changed:
            link = folder / name
            link.parent.mkdir(parents=True, exist_ok=True)
            try:
                link.symlink_to(found.paths[name].absolute())
            except OSError:  # no links on this system
                shutil.copy2(found.paths[name], link)
        return Gathered(_read(Source(str(folder)), place), kept, told)


def _version_here(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def _changed(versions: Mapping[str, str], seen: Mapping[str, Any]) -> list[str]:
    """Files that are not as they were; one without a version may always have changed."""
    before = seen.get("files", {})
    return [name for name, version in versions.items() if not version or before.get(name) != version]


# --- files elsewhere


def _from_remote(location: str, place: Place, seen: Mapping[str, Any]) -> Gathered:
    try:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(location)
        system.invalidate_cache()  # what this process has listed before may be old
    except (ImportError, ValueError) as error:  # the protocol asks for a package, or nobody knows it
        raise InvalidConfig(f"{_plain(location)}: {error}.") from None
    pattern = bool(_MAGIC.search(path.split("?")[0]))  # what follows a ? in an address is no pattern
    alone = not pattern and _suffix(path) in files.KINDS
    paths = [path] if alone else sorted(system.glob(path) if pattern else system.find(path))
    paths = [each for each in paths if _suffix(each) in files.KINDS]
    names = _names(paths, path)
    if not paths:
        if seen.get("files"):
            return Gathered(None, dict(seen), f"{_plain(location)} is empty")
        raise InvalidInput(f"{_plain(location)}: there is nothing to read; readable are {', '.join(files.KINDS)}.")
    try:
        versions = {names[each]: _version_there(system.info(each)) for each in paths}
        changed = set(_changed(versions, seen))
        kept = {"files": {**seen.get("files", {}), **versions}}
        told = f"{len(changed)} of {len(paths)} files are new or changed"
        if not changed:
            return Gathered(None, kept, told)
        with _folder() as folder:
            for each in paths:
                if names[each] in changed:
                    target = folder / names[each]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    system.get_file(each, str(target))
            there = folder / names[paths[0]] if alone else folder
            return Gathered(_read(Source(str(there)), place), kept, told)
    except FileNotFoundError as error:
        # fsspec says so of whatever goes wrong over HTTP.
        if error.__cause__ is not None and getattr(error.__cause__, "status", 404) not in _REFUSED:
            raise
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise InvalidInput(f"{_plain(location)}: there is no such file.") from None


def _version_there(info: Mapping[str, Any]) -> str:
    told = [str(info[name]) for name in _VERSION if info.get(name)]
    return f"{info.get('size')}-{told[0]}" if told else ""


def _names(paths: list[str], asked: str) -> dict[str, str]:
    """A name on this machine for each remote path: what follows the folder they share."""
    folders = [PurePosixPath(unquote(urlsplit(path).path)) for path in paths]
    root = PurePosixPath(unquote(urlsplit(_MAGIC.split(asked)[0]).path))
    named = {}
    for path, folder in zip(paths, folders, strict=True):
        parts = folder.relative_to(root).parts if folder.is_relative_to(root) and folder != root else (folder.name,)
        named[path] = "/".join(part for part in parts if part not in ("..", "/"))
    return named


def _suffix(path: str) -> str:
    suffixes = [suffix.lower() for suffix in PurePosixPath(urlsplit(path).path).suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _plain(location: str) -> str:
    return re.sub(r"//[^/@]*@", "//", location).split("?")[0]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="topics-") as folder:
        yield Path(folder)


# --- databases


def _from_database(place: Place, seen: Mapping[str, Any]) -> Gathered:
    if not place.query:
        raise InvalidConfig('sql needs a query: query="select id, body, created from tickets where created > :since".')
    given = {}
    if ":since" in place.query:
        since = _thaw(seen["since"]) if "since" in seen else place.since
        if since is None:
            raise InvalidConfig("the query says :since; give the first one as since, such as 0 or 1970-01-01.")
        if not place.watermark:
            raise InvalidConfig("the query says :since; give the column that it is compared with as watermark.")
        given["since"] = since
    table = _query(secret(str(place.sql)), place.query, given)
    told = f"{len(table)} rows" + (f" since {given['since']}" if given else "")
    kept = dict(seen)
    if place.watermark and given:
        if place.watermark not in table:
            raise InvalidInput(f"watermark={place.watermark!r}: the query gives {', '.join(map(str, table.columns))}.")
        kept["since"] = _freeze(_later(given["since"], table[place.watermark], place))
    return Gathered(_read(table, place), kept, told)


def _query(url: str, query: str, given: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd
    import sqlalchemy
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, ProgrammingError, StatementError

    shown = _shown_database(url)
    try:
        engine = sqlalchemy.create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:  # no driver of that name is installed
        raise InvalidConfig(f"{shown}: {error}.") from None
    try:
        with engine.connect() as connection:
            result = connection.execute(sqlalchemy.text(query), dict(given))
            return pd.DataFrame(list(map(tuple, result)), columns=list(result.keys()))
    except ProgrammingError as error:
        raise InvalidConfig(f"{shown} does not understand the query: {error.orig}.") from None
    except StatementError as error:
        # SQLite tells a wrong query and a busy file by the same class.
        if "no such" in str(error.orig) or "syntax error" in str(error.orig):
            raise InvalidConfig(f"{shown} does not understand the query: {error.orig}.") from None
        raise
    finally:
        engine.dispose()


def _shown_database(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).set(query={}).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "the database"


def _later(since: Any, column: pd.Series[Any], place: Place) -> Any:
    """The greatest value of a column, or the watermark, if that is greater."""
    known = column.dropna()
    if not len(known):
        return since
    greatest = known.max()
    greatest = greatest.to_pydatetime() if hasattr(greatest, "to_pydatetime") else greatest
    greatest = greatest.item() if hasattr(greatest, "item") else greatest
    try:
        if greatest < since:
            log.warning("%s: %s lies before %s; the clock there went back.", place.watermark, greatest, since)
            return since
    except TypeError:  # the first one, of the configuration, is text; a database gives dates
        if not isinstance(since, str):
            raise InvalidInput(
                f"watermark={place.watermark!r}: {greatest!r} cannot be compared with {since!r} of the last run."
            ) from None
    return greatest


def _freeze(value: Any) -> Any:
    for kind in (dt.datetime, dt.date):
        if isinstance(value, kind):
            return {kind.__name__: value.isoformat()}
    return value if isinstance(value, str | int | float) else str(value)


def _thaw(value: Any) -> Any:
    kinds: dict[str, Callable[[str], Any]] = {
        "datetime": dt.datetime.fromisoformat,
        "date": dt.date.fromisoformat,
    }
    if isinstance(value, dict):
        ((kind, text),) = value.items()
        return kinds[kind](text)
    return value


def _read(source: Source | pd.DataFrame, place: Place) -> Reading | None:
    try:
        return read(source, **{name: column for name, column in place.columns.items() if column})
    except NoDocuments as error:
        log.info("%s", error)
        return None
