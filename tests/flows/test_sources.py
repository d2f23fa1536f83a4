from __future__ import annotations

import datetime as dt
import functools
import json
import sqlite3
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from flows.sources import Gathered, Place, gather
from topics.errors import InvalidConfig, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = {"text": "text", "id": "id"}


def write(path: Path, *rows: tuple[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("id,text\n" + "".join(f"{name},{text}\n" for name, text in rows), "utf-8")


def ids(found: Gathered) -> list[str]:
    return sorted(found.reading.corpus.ids) if found.reading else []


def asked(place: Place, seen: dict[str, Any] | None = None) -> Gathered:
    """Ask a source; what it wants to be asked with the next time has to survive JSON."""
    found = gather(place, seen)
    return Gathered(found.reading, json.loads(json.dumps(found.seen)), found.told)


@pytest.mark.parametrize("pattern", ["", "*.csv"])
def test_of_a_folder_or_glob_only_new_and_changed_files_are_read(tmp_path, pattern):
    place = Place(str(tmp_path / pattern), columns=COLUMNS)
    write(tmp_path / "a.csv", ("a1", "one"), ("a2", "two"))
    first = asked(place)
    assert ids(first) == ["a1", "a2"]
    again = asked(place, first.seen)
    assert (again.reading, again.told) == (None, "0 of 1 files are new or changed")
    write(tmp_path / "b.csv", ("b1", "three"))
    second = asked(place, first.seen)
    assert ids(second) == ["b1"]
    write(tmp_path / "a.csv", ("a1", "one"), ("a2", "two"), ("a3", "four"))
    assert ids(asked(place, second.seen)) == ["a1", "a2", "a3"]


def test_a_single_file_that_grows_is_read_again(tmp_path):
    path = tmp_path / "log.csv"
    write(path, ("a1", "one"))
    place = Place(str(path), columns=COLUMNS)
    first = asked(place)
    assert asked(place, first.seen).reading is None
    write(path, ("a1", "one"), ("a2", "two"))
    assert ids(asked(place, first.seen)) == ["a1", "a2"]


def test_text_files_keep_the_ids_of_the_whole_folder(tmp_path):
    for name in ("x/one.txt", "x/two.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"the text of {name}")
    place = Place(str(tmp_path))
    first = asked(place)
    assert ids(first) == ["x/one.txt", "x/two.txt"]
    (tmp_path / "x" / "three.txt").write_text("more")
    assert ids(asked(place, first.seen)) == ["x/three.txt"]


def test_an_inbox_that_was_emptied_is_nothing_new_but_one_that_never_was_is_an_error(tmp_path):
    inbox = tmp_path / "inbox"
    with pytest.raises(InvalidInput, match="there is no file, folder or glob"):
        asked(Place(str(inbox)))
    write(inbox / "a.csv", ("a1", "one"))
    seen = asked(Place(str(inbox), columns=COLUMNS)).seen
    (inbox / "a.csv").unlink()
    assert asked(Place(str(inbox)), seen).reading is None
    inbox.rmdir()
    gone = asked(Place(str(inbox)), seen)
    assert (gone.reading, gone.seen) == (None, seen)


def test_a_column_that_was_removed_is_an_error(tmp_path):
    write(tmp_path / "a.csv", ("a1", "one"))
    (tmp_path / "b.csv").write_text("id,body\nb1,two\n")
    seen = {"files": asked(Place(str(tmp_path / "a.csv"), columns=COLUMNS)).seen["files"]}
    with pytest.raises(InvalidInput, match="no column 'text'; there are: id, body"):
        asked(Place(str(tmp_path), columns=COLUMNS), seen)


def test_one_source_and_only_one():
    for place in (Place(), Place("a.csv", sql="sqlite://")):
        with pytest.raises(InvalidConfig, match="give one of them"):
            gather(place)


# --- elsewhere


@pytest.fixture
def web(tmp_path) -> Iterator[tuple[str, Path, list[str]]]:
    """A web server on this machine: its address, the folder it serves, and the requests it got."""
    folder, requests = tmp_path / "web", []
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, form: str, *given: object) -> None:
            requests.append(str(given[0]).split(" HTTP")[0])

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", folder, requests
    finally:
        server.shutdown()
        server.server_close()


def test_a_file_on_the_web_is_downloaded_when_it_changed(web):
    url, folder, requests = web
    write(folder / "a.csv", ("a1", "one"))
    place = Place(f"{url}/a.csv?token=secret", columns=COLUMNS)
    assert place.name == f"{url}/a.csv"
    first = asked(place)
    assert ids(first) == ["a1"]
    requests.clear()
    assert asked(place, first.seen).reading is None
    assert {request.split()[0] for request in requests} == {"HEAD"}
    write(folder / "a.csv", ("a1", "one"), ("a2", "two"))
    assert ids(asked(place, first.seen)) == ["a1", "a2"]


def test_a_glob_on_the_web_finds_what_its_page_links(web):
    url, folder, _ = web
    write(folder / "in" / "a.csv", ("a1", "one"))
    place = Place(f"{url}/in/*.csv", columns=COLUMNS)
    first = asked(place)
    assert ids(first) == ["a1"]
    write(folder / "in" / "b.csv", ("b1", "two"))
    assert ids(asked(place, first.seen)) == ["b1"]


def test_what_is_not_on_the_web_is_said(web):
    with pytest.raises(InvalidInput, match=r"/no\.csv: there is no such file"):
        asked(Place(f"{web[0]}/no.csv?token=secret"))


def test_a_server_that_is_down_may_be_asked_again():
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        asked(Place("http://127.0.0.1:9/a.csv"))


def test_any_file_system_of_fsspec_will_do(tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/inbox/x/a.csv", b"id,text\na1,one\n")
    memory.pipe("/inbox/readme.bin", b"\0")
    try:
        for location in ("memory://inbox", "memory://inbox/x/*.csv"):
            place = Place(location, columns=COLUMNS)
            first = asked(place)
            assert ids(first) == ["a1"]
            memory.pipe("/inbox/x/b.csv", b"id,text\nb1,two\n")
            assert "b1" in ids(asked(place, first.seen))
            memory.rm("/inbox/x/b.csv")
    finally:
        memory.rm("/inbox", recursive=True)


def test_what_a_file_system_listed_before_is_not_taken_for_what_is_there(monkeypatch):
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    listed: dict[str, list[str]] = {}  # as those of S3 and GCS keep it, as long as a process lives
    find = MemoryFileSystem.find
    monkeypatch.setattr(MemoryFileSystem, "find", lambda own, path: listed.setdefault(path, find(own, path)))
    monkeypatch.setattr(MemoryFileSystem, "invalidate_cache", lambda own: listed.clear())
    memory = fsspec.filesystem("memory")
    memory.pipe("/mails/a.csv", b"id,text\na1,one\n")
    try:
        first = asked(Place("memory://mails", columns=COLUMNS))
        memory.pipe("/mails/b.csv", b"id,text\nb1,two\n")
        assert "b1" in ids(asked(Place("memory://mails", columns=COLUMNS), first.seen))
    finally:
        monkeypatch.undo()
        memory.rm("/mails", recursive=True)


def test_a_protocol_nobody_knows_is_said():
    with pytest.raises(InvalidConfig, match="Protocol not known: gopher"):
        asked(Place("gopher://host/a.csv"))


# --- databases


@pytest.fixture
def database(tmp_path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / "tickets.db")
    connection.execute("create table tickets (id integer, body text, created text)")
    return connection


def insert(database: sqlite3.Connection, *rows: tuple[int, str, str]) -> None:
    database.executemany("insert into tickets values (?, ?, ?)", rows)
    database.commit()


def of_database(tmp_path: Path, **changes: Any) -> Place:
    told = {
        "sql": f"sqlite:///{tmp_path / 'tickets.db'}",
        "query": "select id, body, created from tickets where created > :since",
        "watermark": "created",
        "since": "1970-01-01",
        "columns": {"text": "body", "id": "id", "date": "created"},
    }
    return Place(**{**told, **changes})


def test_a_query_goes_on_where_the_last_one_ended(database, tmp_path):
    place = of_database(tmp_path)
    insert(database, (1, "one", "2026-01-01 08:00"), (2, "two", "2026-01-02 08:00"))
    first = asked(place)
    assert (ids(first), first.seen) == (["1", "2"], {"since": "2026-01-02 08:00"})
    assert first.reading.corpus.meta["date"].dt.day.tolist() == [1, 2]
    again = asked(place, first.seen)
    assert (again.reading, again.seen, again.told) == (None, first.seen, "0 rows since 2026-01-02 08:00")
    insert(database, (3, "three", "2026-01-03 08:00"), (4, "late", "2025-12-31 08:00"))
    assert ids(asked(place, first.seen)) == ["3"]


def test_the_watermark_can_be_a_number(database, tmp_path):
    place = of_database(tmp_path, query="select * from tickets where id > :since", watermark="id", since=0)
    insert(database, (1, "one", "2026-01-05"), (7, "two", "2026-01-05"))
    first = asked(place)
    assert (ids(first), first.seen) == (["1", "7"], {"since": 7})
    assert asked(place, first.seen).reading is None


def test_a_date_is_a_date_again_after_json(database, tmp_path, monkeypatch):
    import pandas as pd

    from flows import sources

    given = []

    def answer(url: str, query: str, params: Any) -> Any:
        given.append(params["since"])
        return pd.DataFrame({"id": [1], "body": ["one"], "created": [pd.Timestamp("2026-01-02 08:00", tz="UTC")]})

    monkeypatch.setattr(sources, "_query", answer)
    first = asked(of_database(tmp_path))
    asked(of_database(tmp_path), first.seen)
    assert given == ["1970-01-01", dt.datetime(2026, 1, 2, 8, tzinfo=dt.UTC)]


def test_a_clock_that_went_back_does_not_take_the_watermark_with_it(database, tmp_path, caplog):
    place = of_database(tmp_path, query="select id, body, created from tickets where created != :since")
    insert(database, (1, "one", "2026-01-05"))
    first = asked(place)
    database.execute("delete from tickets")
    insert(database, (2, "two", "2026-01-03"))
    second = asked(place, first.seen)
    assert (ids(second), second.seen) == (["2"], {"since": "2026-01-05"})
    assert "the clock there went back" in caplog.text


def test_a_query_without_since_reads_everything(database, tmp_path):
    place = of_database(tmp_path, query="select id, body, created from tickets", watermark=None, since=None)
    insert(database, (1, "one", "2026-01-05"))
    first = asked(place)
    assert (ids(first), first.seen) == (["1"], {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query": None}, "sql needs a query"),
        ({"since": None}, "give the first one as since"),
        ({"watermark": None}, "give the column that it is compared with as watermark"),
        ({"query": "selec 1 where :since"}, "does not understand the query"),
        ({"query": "select * from letters where :since"}, "does not understand the query: no such table"),
        ({"sql": "oracel://u:geheim@host/x"}, "Can't load plugin"),
        ({"sql": "no url"}, "the database: Could not parse"),
        ({"sql": "$NO_SUCH_DATABASE"}, "no environment variable NO_SUCH_DATABASE"),
    ],
)
def test_what_is_wrong_with_a_database_is_said_without_its_password(database, tmp_path, changes, message):
    with pytest.raises(InvalidConfig, match=message) as caught:
        asked(of_database(tmp_path, **changes))
    assert "geheim" not in str(caught.value)


def test_a_watermark_that_the_query_does_not_give_is_said(database, tmp_path):
    insert(database, (1, "one", "2026-01-05"))
    with pytest.raises(InvalidInput, match="watermark='changed': the query gives id, body, created"):
        asked(of_database(tmp_path, watermark="changed"))


def test_a_database_that_cannot_be_opened_may_be_asked_again(tmp_path):
    from sqlalchemy.exc import OperationalError

    with pytest.raises(OperationalError, match="unable to open"):
        asked(of_database(tmp_path, sql=f"sqlite:///{tmp_path / 'no' / 'folder' / 'x.db'}"))


def test_the_address_of_a_database_can_be_a_secret(database, tmp_path, monkeypatch):
    monkeypatch.setenv("TICKETS", f"sqlite:///{tmp_path / 'tickets.db'}")
    insert(database, (1, "one", "2026-01-05"))
    place = of_database(tmp_path, sql="$TICKETS")
    assert ids(asked(place)) == ["1"]
    assert place.name == "a query"
    assert of_database(tmp_path, sql="postgresql://u:geheim@host/db?x=1").name == "postgresql://u:***@host/db"
