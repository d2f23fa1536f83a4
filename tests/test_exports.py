from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import tomllib
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import make_run
from surfaces_fakes import ROOT, command, documents

import topics
from topics import exports
from topics.errors import InvalidConfig, InvalidInput, VerificationFailed
from topics.exports import FORMATS, default_path, export
from topics.exports.records import BATCH, Records
from topics.folder import load, save

INSTALLED = [to for to, made in FORMATS.items() if all(find_spec(package) for package in made.packages)]
EVERY = pytest.mark.parametrize(
    "to",
    [pytest.param(to, marks=pytest.mark.skipif(to not in INSTALLED, reason="not installed")) for to in FORMATS],
)
MILVUS = pytest.mark.skipif("milvus" not in INSTALLED, reason="not installed")


@pytest.fixture(scope="module")
def run():
    return make_run(n=300, k=5, dates=True, classes=True)


def place(folder: Path, to: str) -> Path:
    return folder / f"vectors{FORMATS[to].ending}"


def read(path: Path, to: str, name: str = "documents") -> tuple[pd.DataFrame, np.ndarray]:
    """A table and its vectors, read as those would who know nothing of this library; rows in the order of the key."""
    vector = "vector" if name == "documents" else "centroid"
    if to == "npy":
        array = np.load(path / f"{vector}s.npy", mmap_mode="r")
        return pd.read_parquet(path / f"{name}.parquet"), np.array(array)
    if to == "parquet":
        table = pd.read_parquet(path if name == "documents" else path.with_name(f"{path.stem}-topics.parquet"))
    elif to == "lancedb":
        import lancedb

        table = lancedb.connect(path).open_table(name).to_pandas()
    else:
        from milvus_lite.server_manager import server_manager_instance
        from pymilvus import MilvusClient

        client = MilvusClient(str(path))
        client.load_collection(name)
        table = pd.DataFrame(client.query(name, "topic >= -1", output_fields=["*"]))
        table = table.sort_values(table.columns[0] if name == "topics" else "id", ignore_index=True)
        client.close()
        server_manager_instance.release_server(str(path))
    return table.drop(columns=vector), np.stack(table[vector]).astype(np.float32)


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# --- what is written -----------------------------------------------------------------------------


@EVERY
def test_every_document_with_a_text_has_the_vector_of_its_text(world, written, tmp_path, to):
    told = export(load(written), to, place(tmp_path, to))
    corpus = documents().set_index("id")["text"].sort_index()
    want = topics.embed(corpus.tolist(), encoder=world.model, store=world.store("shared")).vectors
    table, vectors = read(told.path, to)
    assert table["id"].tolist() == corpus[corpus != ""].index.tolist()
    np.testing.assert_array_equal(vectors, want[corpus != ""])
    assert (told.documents, told.without_text, told.dimensions) == (159, 1, vectors.shape[1])


@EVERY
def test_documents_keep_what_the_run_found_out_about_them(run, tmp_path, to):
    table, _ = read(export(run, to, place(tmp_path, to)).path, to)
    want = run.documents[run.documents["reason"] != "empty"].sort_values("id", ignore_index=True)
    for column in ("id", "topic", "topic_id", "strength", "x", "y", "class"):
        got = table[column].astype(want[column].dtype)
        assert got.tolist() == want[column].tolist(), column
    assert pd.to_datetime(table["date"], utc=True).tolist() == want["date"].tolist()
    names = run.topics.set_index("topic")["name"]
    assert table["name"].tolist() == [names.get(topic, "") for topic in want["topic"]]
    assert "text" not in table


@EVERY
def test_topics_come_along_with_their_centroids(run, tmp_path, to):
    told = export(run, to, place(tmp_path, to))
    table, centroids = read(told.path, to, "topics")
    np.testing.assert_array_equal(centroids, run.model.centroids)
    assert table["topic_id"].tolist() == run.topics["topic_id"].tolist()
    assert [list(terms) for terms in table["terms"]] == run.topics["terms"].tolist()
    assert table[["topic", "size", "name"]].to_dict("list") == run.topics[["topic", "size", "name"]].to_dict("list")
    assert told.topics == 5


@EVERY
def test_more_than_a_batch_and_hostile_text_come_back_as_they_were(tmp_path, to):
    run = make_run(n=BATCH + 300, k=3, hostile=True)
    short = run.documents["id"].str.slice(0, 1000)
    terms = [[term[:1000] for term in row] for row in run.topics["terms"]]
    texts = [f"{id_} \x1b[31m\n\"'\\" for id_ in short]
    run = replace(
        run,
        documents=run.documents.assign(id=short, text=pd.array(texts, dtype="str")),
        topics=run.topics.assign(terms=terms),
    )
    table, vectors = read(export(run, to, place(tmp_path, to), with_text=True).path, to)
    order = np.lexsort((run.documents["id"].to_numpy(dtype=object),))
    order = order[run.rows[order] >= 0]
    assert table["id"].tolist() == run.documents["id"].iloc[order].tolist()
    assert table["text"].tolist() == run.documents["text"].iloc[order].tolist()
    np.testing.assert_array_equal(vectors, run.model.vectors[run.rows[order]])
    assert read(place(tmp_path, to), to, "topics")[0]["name"].tolist() == run.topics["name"].tolist()


@EVERY
def test_a_run_without_topics_is_exported_all_the_same(tmp_path, to):
    told = export(make_run(n=20, k=0), to, place(tmp_path, to))
    assert (told.topics, set(read(told.path, to)[0]["topic"])) == (0, {-1})


@EVERY
def test_missing_dates_and_classes_stay_missing(run, tmp_path, to):
    holes = run.documents.assign(**{"class": run.documents["class"].where(run.documents.index % 2 == 0)})
    holes.loc[::3, "date"] = pd.NaT
    table, _ = read(export(replace(run, documents=holes), to, place(tmp_path, to)).path, to)
    want = holes[holes["reason"] != "empty"].sort_values("id", ignore_index=True)
    assert table["class"].isna().tolist() == want["class"].isna().tolist()
    assert table["date"].isna().tolist() == want["date"].isna().tolist()


def test_the_order_of_the_rows_does_not_show(run, tmp_path):
    order = np.random.default_rng(0).permutation(len(run.documents))
    shuffled = replace(run, documents=run.documents.iloc[order].reset_index(drop=True), rows=run.rows[order])
    export(run, "parquet", tmp_path / "a.parquet")
    export(shuffled, "parquet", tmp_path / "b.parquet")
    export(load(save(shuffled, tmp_path / "run")), "parquet", tmp_path / "c.parquet")
    assert len({(tmp_path / f"{name}.parquet").read_bytes() for name in "abc"}) == 1


def test_parquet_vectors_are_lists_of_fixed_size_and_the_file_says_what_it_is(run, tmp_path):
    schema = pq.read_schema(export(run, "parquet", tmp_path / "v.parquet").path)
    assert schema.field("vector").type == pa.list_(pa.float32(), 8)
    told = json.loads(schema.metadata[b"topics.export"])
    assert (told["run"], told["documents"], told["encoder"]) == ("0123456789ab", 297, "all-MiniLM-L6-v2")


# --- whole, or not at all ------------------------------------------------------------------------


@EVERY
def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(run, tmp_path, monkeypatch, to):
    path = export(run, to, place(tmp_path, to)).path
    before, (_, vectors) = left(tmp_path), read(path, to)
    made = Records.batch

    def fail(self: Records, start: int, stop: int) -> pa.RecordBatch:
        if start >= BATCH:
            raise OSError(28, "No space left on device", "disk")
        return made(self, start, stop)

    monkeypatch.setattr(Records, "batch", fail)
    with pytest.raises((OSError, RuntimeError), match="No space left on device"):
        export(make_run(n=BATCH + 300, k=3), to, path)
    assert left(tmp_path) == before
    np.testing.assert_array_equal(read(path, to)[1], vectors)


@EVERY
@pytest.mark.parametrize("lost", ["a bit", "a record"])
def test_what_reads_back_otherwise_is_not_put_in_place(run, tmp_path, monkeypatch, to, lost):
    made = FORMATS[to]

    def write(path: Path, documents: Records, topics: Records) -> None:
        if lost == "a bit":
            wrong = documents.vectors.copy()
            wrong[documents.rows[-1], -1] = np.nextafter(wrong[documents.rows[-1], -1], np.float32(2))
            made.write(path, replace(documents, vectors=wrong), topics)
        else:
            made.write(path, replace(documents, frame=documents.frame[:-1], rows=documents.rows[:-1]), topics)

    monkeypatch.setitem(FORMATS, to, replace(made, write=write))
    with pytest.raises(VerificationFailed, match=r"reads back otherwise from record \d+ of 297 on; it was removed"):
        export(run, to, place(tmp_path, to))
    assert left(tmp_path) == set()


@EVERY
def test_an_earlier_export_is_replaced(run, tmp_path, to):
    path = export(make_run(n=40, k=2), to, place(tmp_path, to)).path
    before = left(tmp_path)
    export(run, to, path)
    assert left(tmp_path) == before
    assert len(read(path, to)[0]) == 297
    assert len(read(path, to, "topics")[0]) == 5


def test_an_export_a_killed_process_had_set_aside_is_put_back(run, tmp_path, monkeypatch):
    path = export(run, "npy", tmp_path / "v").path
    path.replace(tmp_path / ".v-old-0123abcd")  # as far as a swap came
    monkeypatch.setitem(
        FORMATS, "npy", replace(FORMATS["npy"], write=lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    )
    with pytest.raises(KeyboardInterrupt):
        export(run, "npy", path)
    assert len(read(path, "npy")[0]) == 297
    assert left(tmp_path) == {"v"}


# --- what is refused -----------------------------------------------------------------------------


def _fill(path: Path, what: str, run) -> None:
    if what == "a file":
        path.write_text("mine")
    elif what == "a folder":
        path.mkdir()
        (path / "mine.txt").write_text("mine")
    elif what == "a table":
        pd.DataFrame({"mine": [1]}).to_parquet(path)
    else:
        save(run, path)


@pytest.mark.parametrize("what", ["a file", "a folder", "a table", "a run"])
@pytest.mark.parametrize("to", INSTALLED)
def test_what_is_no_export_is_not_touched(run, tmp_path, to, what):
    path = place(tmp_path, to)
    _fill(path, what, run)
    before = {part: part.read_bytes() for part in tmp_path.rglob("*") if part.is_file()}
    with pytest.raises(InvalidInput, match=rf"is there already and is no export to {to}; it was not touched\. Name"):
        export(run, to, path)
    assert {part: part.read_bytes() for part in tmp_path.rglob("*") if part.is_file()} == before


def test_an_export_of_another_kind_is_not_replaced(run, tmp_path):
    path = export(run, "npy", tmp_path / "v.db").path
    for to in {"lancedb", "milvus"} & set(INSTALLED):
        with pytest.raises(InvalidInput, match=f"is no export to {to}"):
            export(run, to, path)
    assert len(read(path, "npy")[0]) == 297


def test_the_topics_beside_a_parquet_file_are_guarded_as_well(run, tmp_path):
    (tmp_path / "v-topics.parquet").write_text("mine")
    with pytest.raises(InvalidInput, match=r"v-topics\.parquet is there already"):
        export(run, "parquet", tmp_path / "v.parquet")
    assert left(tmp_path) == {"v-topics.parquet"}


def test_an_empty_folder_is_as_good_as_none(run, tmp_path):
    (tmp_path / "v").mkdir()
    assert export(run, "npy", tmp_path / "v").documents == 297


@pytest.mark.parametrize(
    ("to", "name", "message"),
    [
        ("faiss", "v", r"no export to 'faiss'; there are: parquet, npy, lancedb, milvus\."),
        ("parquet", "v.csv", r"v\.csv: its name must end in \.parquet\."),
        ("parquet", "run.txt/v.parquet", r"run\.txt is a file; name a folder"),
    ],
    ids=["format", "ending", "inside a file"],
)
def test_bad_usage_is_refused_before_anything_is_written(run, tmp_path, to, name, message):
    (tmp_path / "run.txt").write_text("a file")
    with pytest.raises((InvalidConfig, InvalidInput), match=message):
        export(run, to, tmp_path / name)
    assert left(tmp_path) == {"run.txt"}


@pytest.mark.parametrize(("to", "package"), [("lancedb", "lancedb"), ("milvus", "pymilvus")])
def test_a_missing_package_is_named_with_the_line_that_installs_it(run, tmp_path, monkeypatch, to, package):
    monkeypatch.setattr(exports, "find_spec", lambda name: None)
    with pytest.raises(InvalidConfig, match=rf"needs {package}, which is not installed: pip install 'topics\[{to}\]'"):
        export(run, to, place(tmp_path, to))
    assert left(tmp_path) == set()
    assert export(run, "parquet", tmp_path / "v.parquet").documents == 297  # which needs none of them


def test_an_extra_installs_what_its_format_needs():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for to, made in FORMATS.items():
        required = {re.split(r"[>=<]", line)[0].replace("-", "_") for line in told.get(to, [])}
        assert required == set(made.packages), to
        assert set(told.get(to, [])) <= set(told["dev"])


def test_texts_that_were_not_kept_are_not_invented(run, tmp_path):
    with pytest.raises(InvalidInput, match="keeps no texts; fit it with --keep-text"):
        export(run, "parquet", tmp_path / "v.parquet", with_text=True)


def test_a_run_that_does_not_tell_whose_a_vector_is_says_how_to_go_on(run, tmp_path):
    with pytest.raises(InvalidInput, match=r"written by an older version.*fit it again"):
        export(load(save(replace(run, rows=None), tmp_path / "run")), "parquet", tmp_path / "v.parquet")
    assert left(tmp_path) == {"run"}


# --- databases -----------------------------------------------------------------------------------


@MILVUS
def test_milvus_refuses_what_it_cannot_hold(run, tmp_path):
    long = run.documents.assign(text=pd.array(["w" * 65_536] * len(run.documents), dtype="str"))
    with pytest.raises(InvalidInput, match=r"up to 65,535 bytes, and in the column 'text' there is one of 65,536"):
        export(replace(run, documents=long), "milvus", tmp_path / "v.db", with_text=True)
    assert left(tmp_path) == set()


@MILVUS
def test_the_server_of_milvus_is_gone_afterwards(run, tmp_path, monkeypatch):
    from milvus_lite.server_manager import server_manager_instance

    made, ports = Records.batch, set()

    def watch(self: Records, start: int, stop: int) -> pa.RecordBatch:
        ports.update(port for *_, port in server_manager_instance._servers.values())
        return made(self, start, stop)

    monkeypatch.setattr(Records, "batch", watch)
    path = export(run, "milvus", tmp_path / "v.db").path
    assert ports
    assert server_manager_instance._servers == {}
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    with open(path / "LOCK") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@MILVUS
def test_milvus_finds_the_nearest_exactly(run, tmp_path):
    from milvus_lite.server_manager import server_manager_instance
    from pymilvus import MilvusClient

    path = export(run, "milvus", tmp_path / "v.db").path
    query = run.model.centroids[2]
    client = MilvusClient(str(path))
    client.load_collection("documents")
    hits = client.search("documents", [query.tolist()], limit=5, output_fields=["topic"])[0]
    client.close()
    server_manager_instance.release_server(str(path))
    rows = run.rows[run.rows >= 0]
    want = np.sort(run.model.vectors[rows] @ query)[::-1][:5]
    np.testing.assert_allclose([hit["distance"] for hit in hits], want, atol=1e-5)


@pytest.mark.skipif("lancedb" not in INSTALLED, reason="not installed")
def test_lancedb_finds_the_nearest_exactly(run, tmp_path):
    import lancedb

    query = run.model.centroids[2]
    table = lancedb.connect(export(run, "lancedb", tmp_path / "v").path).open_table("documents")
    hits = table.search(query).metric("cosine").where("topic = 2").limit(5).to_list()
    rows = run.rows[(run.documents["topic"] == 2) & (run.rows >= 0)]
    want = np.sort(run.model.vectors[rows] @ query)[::-1][:5]
    np.testing.assert_allclose([1 - hit["_distance"] for hit in hits], want, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("to", sorted({"lancedb", "milvus"} & set(INSTALLED)))
def test_no_proxy_hears_of_an_export(written, tmp_path, to):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        names = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
        code, _, err = command(
            *("export", written, "--to", to, "--output", place(tmp_path, to)),
            **dict.fromkeys(names, address),
            **{name.upper(): address for name in names},
            no_proxy="",
        )
        assert (code, err) == (0, "")
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_by_default_an_export_goes_beside_its_run(tmp_path, monkeypatch):
    assert default_path(Path("a/run"), "milvus") == Path("a/run-vectors.db")
    monkeypatch.chdir(tmp_path)
    assert default_path(Path(), "parquet") == Path(f"../{tmp_path.name}-vectors.parquet")
    assert os.path.normpath(tmp_path / default_path(Path(), "npy")) == f"{tmp_path}-npy"
