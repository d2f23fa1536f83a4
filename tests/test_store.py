"""What was put into the store comes out as it was, or not at all."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import HOSTILE
from scipy import sparse

from topics import data, store
from topics.data import (
    Activations,
    Approach,
    Aspect,
    Calibration,
    Candidates,
    Clusters,
    ConvertedEncoder,
    Corpus,
    Embeddings,
    Graph,
    Intake,
    Isotropy,
    Layers,
    Lengths,
    Measures,
    Neighbors,
    Parts,
    Poll,
    Postprocessing,
    Prior,
    Reduction,
    Settled,
    TermCounts,
    Texts,
    Timeline,
    Topics,
    VectorShard,
)
from topics.errors import StoreDamaged
from topics.store import NO_STORE, Ref, Store, canonical, stage_key

ROOT = Path(__file__).resolve().parent.parent
REF = Ref("stage", "0123456789abcdef")


def rng():
    return np.random.default_rng(0)


def csr(rows, columns, dtype=np.float32):
    return sparse.csr_array(sparse.random_array((rows, columns), density=0.4, rng=rng()), dtype=dtype)


def corpus(n):
    # Above a thousand strings another format is used.
    texts = [f"document {row} über 東京" for row in range(n - 2)]
    dates = pd.to_datetime(np.arange(n) * 86_400, unit="s", utc=True)
    meta = pd.DataFrame({"date": dates, "class": pd.array(["a", "b", None] * (n // 3) + ["a"] * (n % 3), dtype="str")})
    return Corpus.from_texts([*texts, None, "document 0 über 東京"], [f"nr {row} \u2028 é" for row in range(n)], meta)


POLL = Poll(
    confidences=np.array([0.9, 0], np.float32),
    shared=np.array([0.5, 0], np.float32),
    distances=np.array([0.3, 1], np.float32),
    topics=np.array([[0, -1], [-1, -1]], np.int32),
    probabilities=np.array([[0.9, 0], [0, 0]], np.float32),
)
CALIBRATION = Calibration(np.array([0, 0.5, 1]), np.array([0, 0.9, 0.9]))
VALUES = [
    POLL,
    CALIBRATION,
    corpus(6),
    corpus(1500),
    Corpus.from_texts(HOSTILE),
    Corpus.from_texts([]),
    Texts(("a",), np.array(["0f"], dtype="S32")),
    Embeddings(rng().normal(size=(5, 3)).astype(np.float32), "name", "print"),
    Embeddings(rng().normal(size=(1000, 300)).astype(np.float32), "large enough to be mapped", ""),
    Embeddings(np.array([[np.nan, np.inf, -0.0, 1e-45]], dtype=np.float32), "", ""),
    Embeddings(np.empty((0, 0), np.float32), "", ""),
    Activations(
        csr(5, 1200), ("", *["word"] * 1199), Embeddings(rng().normal(size=(5, 3)).astype(np.float32), "sparse:x", "f")
    ),
    Aspect((("a", "ü"), ())),
    Candidates((("a", "ü"), ()), Corpus.from_texts(["a", "ü"]).texts),
    VectorShard(np.array([b"0f"], "S32"), rng().random((1, 3), np.float32)),
    Neighbors(rng().integers(0, 9, (4, 2)).astype(np.int32), rng().random((4, 2), np.float32)),
    Graph(csr(6, 6), rng().random(6, np.float32)),
    Graph(sparse.csr_array((0, 0), dtype=np.float32), np.empty(0, np.float32)),
    Reduction(np.asfortranarray(rng().random((4, 2), np.float32))),
    Clusters(np.array([0, -1], np.int32), np.array([1, 0], np.float32)),
    Lengths(np.array([3, 900], np.int32), 256),
    Isotropy(5.75, None),
    Postprocessing(np.ones(3), np.empty((0, 3)), np.eye(2, 3), np.array([0.5, 1 / 3])),
    Layers(np.array([[0, 2], [0, 1]], np.int32), np.array([[0, 1, 0]], np.int32), ((("a", "ü"), ("b",)),)),
    Settled(
        labels=np.array([0, -1], np.int32),
        strengths=np.array([0.5, 0], np.float32),
        nearest=np.array([0, 0], np.int32),
        voters=np.array([0, -1], np.int32),
        centroids=np.ones((1, 3), np.float32),
        threshold=0.1 + 0.2,
        clustered=1 / 3,
        curve=pd.DataFrame({"coverage": [0.5, 1], "threshold": [0.25, 0], "agreement": [1.0, 0.9]}),
        poll=POLL,
        calibration=CALIBRATION,
    ),
    TermCounts(csr(4, 3, np.int32), ("a", "ü", "語"), ("en", "de")),
    TermCounts(csr(2, 1200, np.int32), tuple(f"term {column}" for column in range(1200)), ()),
    Topics(
        names=("a, b",),
        sizes=np.array([7]),
        terms=(("a", "b"),),
        term_weights=((0.1, 1e-300),),
        representatives=((3, 1),),
        weights=csr(1, 4),
        vocabulary=tuple("abcd"),
    ),
    Topics((), np.empty(0, np.int64), (), (), (), sparse.csr_array((0, 4), dtype=np.float32), tuple("abcd")),
    Measures({"documents": 3, "npmi": None, "ari": -0.5}, np.array([np.nan], np.float32), np.empty(0, np.float32)),
    ConvertedEncoder("n", "d", "", "<xml/>" * 1000, rng().integers(0, 256, 3_000_000, np.uint8), "{}", 0, 256, 384),
    Intake("c", "t", {"text": "body", "id": None}, ("a note",)),
    Prior(
        np.array([b"0a", b"0f"], "S32"),
        np.array([0, -1], np.int32),
        np.array([[1, 2, 3], [np.nan] * 3], np.float32),
        np.empty((2, 0), np.float32),
    ),
    Approach(rng().integers(0, 9, (4, 2)).astype(np.int32), rng().random((4, 2), np.float32)),
    Timeline(
        "week",
        ("2026-01-05", "2026-01-12"),
        np.array([3, 1]),
        np.array([0, 0], np.int32),
        np.array([0, 1], np.int32),
        np.array([2, 1]),
        (("a", "ü"), ()),
    ),
    Parts(
        np.array([0, 0, 2], np.int32),
        np.array([7, 3, 4]),
        np.array([0.7, 0.3, 1.0]),
        np.array([0.9, 0.8, 1.0], np.float32),
        (("a", "ü"), ("東京",), ()),
        np.array([4, 0, 9], np.int32),
    ),
]
SMALL = next(value for value in VALUES if isinstance(value, Corpus))
LARGE = next(value for value in VALUES if isinstance(value, Embeddings) and value.vectors.nbytes > 1 << 20)
SETTLED = next(value for value in VALUES if isinstance(value, Settled))


def assert_same(got, want):
    assert type(got) is type(want) or (isinstance(got, np.memmap) and type(want) is np.ndarray)
    if dataclasses.is_dataclass(want):
        for field in dataclasses.fields(want):
            assert_same(getattr(got, field.name), getattr(want, field.name))
    elif isinstance(want, np.ndarray):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        assert got.tobytes() == want.tobytes()
    elif isinstance(want, sparse.csr_array):
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(got, part), getattr(want, part))
    elif isinstance(want, pd.DataFrame):
        pd.testing.assert_frame_equal(got, want)
    else:
        assert got == want


def parts(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


@pytest.fixture
def kept(tmp_path):
    """A store, and a value in it."""
    found = Store(tmp_path / "store")
    found.save(REF, SMALL)
    return found


# --- round trips --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_value_comes_back_as_it_was(tmp_path, value):
    kept = Store(tmp_path)
    kept.save(REF, value)
    assert_same(kept.load(REF), value)


def test_no_value_was_forgotten_above():
    every = {kind for kind in vars(data).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)}
    assert every == {type(value) for value in VALUES}


def test_nothing_in_the_store_is_a_pickle(tmp_path):
    kept = Store(tmp_path)
    for number, value in enumerate(VALUES):
        kept.save(Ref("stage", str(number)), value)
    found = parts(tmp_path)
    assert {path.suffix for path in found} == {".npy", ".parquet", ".json", ".arrow"}
    for path in found:
        magic = {".npy": b"\x93NUMPY", ".parquet": b"PAR1", ".json": b"{", ".arrow": b"\xff\xff\xff\xff"}[path.suffix]
        assert path.read_bytes().startswith(magic)
        with pytest.raises((pickle.UnpicklingError, ValueError, EOFError, KeyError, IndexError)):
            pickle.loads(path.read_bytes())
        if path.suffix == ".npy":
            assert not np.load(path, mmap_mode="r").dtype.hasobject


def test_the_code_never_asks_for_a_pickle():
    for source in (*(ROOT / "topics").rglob("*.py"), *(ROOT / "flows").rglob("*.py")):
        text = source.read_text("utf-8")
        for word in ("allow_pickle", "import pickle", "joblib", "cloudpickle", "torch.load", "read_pickle"):
            assert word not in text, f"{word} in {source}"


def test_arrays_of_python_objects_are_refused_and_leave_nothing(tmp_path):
    kept = Store(tmp_path)
    value = Embeddings(np.array([["a", None]], dtype=object), "", "")
    with pytest.raises(TypeError, match=r"vectors\.npy: arrays of Python objects are not stored; got dtype object"):
        kept.save(REF, value)
    assert parts(tmp_path) == []
    assert not kept.has(REF)


def test_large_arrays_are_mapped_and_cannot_be_written_to(tmp_path):
    kept = Store(tmp_path)
    kept.save(REF, LARGE)
    vectors = kept.load(REF).vectors
    assert isinstance(vectors, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        vectors[0] = 0


def test_a_field_of_a_value_has_a_reference_of_its_own(kept):
    inner = Ref("texts", "anything", within=REF)
    assert kept.has(inner)
    assert_same(kept.load(inner), SMALL.texts)
    assert not kept.has(Ref("texts", "anything", within=Ref("stage", "other")))


def test_what_is_not_there_is_a_key_error(kept):
    with pytest.raises(KeyError, match="stage/nothing"):
        kept.load(Ref("stage", "nothing"))


def test_an_entry_is_written_once(kept):
    kept.save(REF, LARGE)
    assert_same(kept.load(REF), SMALL)


# --- keys ---------------------------------------------------------------------------------------


def test_a_key_depends_on_everything_that_decides_the_result(monkeypatch):
    def key(stage="a", version=1, params=None, inputs="xy", libraries=("numpy",)):
        refs = [Ref(name, "1") for name in inputs]
        return stage_key(stage, version, {"q": 3, "p": None} if params is None else params, refs, libraries)

    base = key()
    assert base == key(params={"p": None, "q": 3})
    changed = [
        key("b"),
        key(version=2),
        key(params={"q": 4, "p": None}),
        key(params={"q": 3}),
        key(inputs="yx"),
        key(inputs="x"),
        key(libraries=()),
    ]
    monkeypatch.setattr(store.keys.metadata, "version", lambda _: "0.0.0")
    assert len({base, *changed, key()}) == len(changed) + 2


def test_canonical_json_is_one_string_for_equal_values():
    assert canonical({"b": [1, 2.5], "a": "é"}) == canonical(json.loads(json.dumps({"a": "é", "b": [1, 2.5]})))


@pytest.mark.parametrize("given", [None, "here"])
def test_the_root_is_what_was_given_else_the_environments_else_outputs(monkeypatch, given):
    monkeypatch.delenv("TOPICS_STORE", raising=False)
    assert Store(given).root == Path(given or "outputs/store")
    monkeypatch.setenv("TOPICS_STORE", "there")
    assert Store(given).root == Path(given or "there")


# --- fetch --------------------------------------------------------------------------------------


def test_fetch_computes_once(tmp_path):
    kept, computed = Store(tmp_path), []

    def compute():
        computed.append(1)
        return SMALL

    assert kept.fetch(REF, compute)[1] is False
    value, cached = kept.fetch(REF, compute)
    assert (cached, len(computed)) == (True, 1)
    assert_same(value, SMALL)


def test_a_failing_computation_leaves_nothing_and_no_lock(tmp_path):
    kept = Store(tmp_path)

    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kept.fetch(REF, fail)
    assert not kept.has(REF)
    assert kept.fetch(REF, lambda: SMALL)[1] is False


def test_no_store_remembers_nothing_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        value, cached = NO_STORE.fetch(REF, lambda: SMALL)
        assert value is SMALL
        assert cached is False
    NO_STORE.save(REF, SMALL)
    assert not NO_STORE.has(REF)
    assert list(NO_STORE.entries()) == NO_STORE.verify() == []
    assert NO_STORE.prune() == (0, 0)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError):
        NO_STORE.load(REF)


# --- damage -------------------------------------------------------------------------------------


def test_a_flipped_byte_anywhere_is_found_out(tmp_path):
    kept = Store(tmp_path / "store")
    kept.save(REF, SETTLED)
    folder = kept.folder(REF)
    flipped = 0
    for path in parts(folder):
        intact = path.read_bytes()
        # All bytes of the manifest, which is text with several spellings; a sample of each array.
        for place in range(0, len(intact), 1 if path.name == "value.json" else 13):
            for flip in (0x01, 0x20, 0xFF):
                path.write_bytes(intact[:place] + bytes([intact[place] ^ flip]) + intact[place + 1 :])
                with pytest.raises(StoreDamaged):
                    store.read_value(folder)
                flipped += 1
        path.write_bytes(intact)
    assert flipped > 3000
    store.read_value(folder)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def extend(path):
    path.write_bytes(path.read_bytes() + b"\n")


def flip(path):
    path.write_bytes(path.read_bytes()[:-9] + bytes([path.read_bytes()[-9] ^ 1]) + path.read_bytes()[-8:])


def empty(path):
    path.write_bytes(b"")


def not_a_value(path):
    path.write_bytes(b"[]")


@pytest.mark.parametrize("harm", [truncate, extend, flip, empty, not_a_value, Path.unlink])
@pytest.mark.parametrize("name", ["rows.npy", "texts.keys.npy", "meta.parquet", "value.json"])
def test_damage_is_reported_set_aside_and_made_good(kept, caplog, name, harm):
    harm(kept.folder(REF) / name)
    value, cached = kept.fetch(REF, lambda: SMALL)
    assert cached is False
    assert value is SMALL
    assert_same(kept.load(REF), SMALL)
    if (harm, name) != (Path.unlink, "value.json"):  # without its manifest it is no entry, just a leftover
        assert "Computing it again" in caplog.text
        assert name in caplog.text
        assert len(list((kept.root / "damaged").iterdir())) == 1


@pytest.mark.parametrize("harm", [flip, empty, not_a_value])
def test_verify_names_what_is_damaged_and_lists_survive_it(kept, harm):
    other = Ref("stage", "other")
    kept.save(other, SMALL)
    harm(kept.folder(REF) / "value.json")
    assert [entry.ref.key for entry in kept.entries()] == [REF.key, "other"]
    (damage,) = kept.verify()
    assert REF.key in str(damage)
    assert "moved to" in str(damage)
    assert [entry.ref for entry in kept.entries()] == [other]
    assert kept.verify() == []


def test_a_value_of_another_version_is_damage_and_not_a_crash(kept):
    manifest = kept.folder(REF) / "value.json"
    told = json.loads(manifest.read_bytes())
    told.pop("self")
    told["fields"]["added_since"] = {"kind": "json", "value": 1}
    told["self"] = hashlib.sha256(canonical(told)).hexdigest()
    manifest.write_bytes(canonical(told))
    with pytest.raises(StoreDamaged, match=r"another version of this library.*added_since"):
        kept.load(REF)


@pytest.mark.parametrize("kind", ["Path", "normalise", "Nothing"])
def test_only_values_of_the_library_are_made(kept, kind):
    manifest = kept.folder(REF) / "value.json"
    told = json.loads(manifest.read_bytes()) | {"type": kind}
    told.pop("self")
    told["self"] = hashlib.sha256(canonical(told)).hexdigest()
    manifest.write_bytes(canonical(told))
    with pytest.raises(StoreDamaged, match=f"holds a '{kind}'"):
        kept.load(REF)


# --- a disk that is full ------------------------------------------------------------------------


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "call",
    [(np, "save"), (pd.DataFrame, "to_parquet"), (Path, "replace"), (Path, "write_bytes"), (os, "fsync")],
    ids=lambda call: call[1],
)
def test_a_full_disk_costs_the_memory_but_not_the_result(tmp_path, monkeypatch, caplog, call):
    kept = Store(tmp_path)
    monkeypatch.setattr(*call, full)
    value, cached = kept.fetch(REF, lambda: SMALL)
    assert value is SMALL
    assert cached is False
    assert "No space left on device" in caplog.text
    assert [path.name for path in parts(tmp_path)] == [f"stage-{REF.key}.lock"]
    assert list((tmp_path / "temporary").glob("*")) == []
    monkeypatch.undo()
    assert kept.fetch(REF, lambda: SMALL)[1] is False
    assert_same(kept.load(REF), SMALL)


def test_where_not_even_a_lock_can_be_made_the_result_is_returned(tmp_path, monkeypatch, caplog):
    kept = Store(tmp_path)
    monkeypatch.setattr(Path, "mkdir", full)
    value, _ = kept.fetch(REF, lambda: SMALL)
    assert value is SMALL
    assert "could not lock stage/0123456789ab" in caplog.text


def test_reading_needs_no_right_to_write(kept, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "utime", refused)
    assert_same(kept.load(REF), SMALL)


# --- killed, and at the same time ---------------------------------------------------------------

# Kills its own children at each step of writing; a fork a step, so that Python starts once.
_KILLED = """
import os, pathlib, signal, sys
sys.path[:0] = sys.argv[2:]
import numpy as np, pandas as pd
from test_store import REF, SMALL, Store

def killing(function, call):
    calls = []
    def killer(*given, **named):
        calls.append(1)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    return killer

steps = [(np, "save", n) for n in (1, 2)] + [(pd.DataFrame, "to_parquet", 1)]
steps += [(os, "fsync", n) for n in (1, 3, 5)]
steps += [(pathlib.Path, "write_bytes", 1), (pathlib.Path, "replace", 1)]
for owner, name, call in steps:
    root = pathlib.Path(sys.argv[1]) / f"{name}-{call}"
    child = os.fork()
    if not child:
        setattr(owner, name, killing(getattr(owner, name), call))
        Store(root).fetch(REF, lambda: SMALL)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (name, call, status)
"""


def run_python(source, *arguments):
    command = [sys.executable, "-c", source, *map(str, arguments), str(ROOT), str(ROOT / "tests")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process):
    out, problem = process.communicate(timeout=120)
    assert process.returncode == 0, problem
    return out


def test_killed_while_writing_leaves_no_half_entry(tmp_path):
    finished(run_python(_KILLED, tmp_path))
    roots = sorted(tmp_path.iterdir())
    assert len(roots) == 8
    for root in roots:
        kept = Store(root)
        assert not kept.has(REF)
        assert list(kept.entries()) == kept.verify() == []
        leftovers = list((root / "temporary").iterdir())
        assert len(leftovers) == 1
        assert kept.fetch(REF, lambda: SMALL)[1] is False  # the lock died with its owner
        assert_same(kept.load(REF), SMALL)
        kept.prune(unused_for=3600)
        assert leftovers[0].exists()  # it may belong to somebody who is writing right now
        os.utime(leftovers[0], (time.time() - 7200,) * 2)
        kept.prune(unused_for=3600)
        assert not leftovers[0].exists()
        assert kept.has(REF)


_FETCHING = """
import pathlib, sys, time
sys.path[:0] = sys.argv[2:]
from test_store import REF, SMALL, Store
def compute():
    time.sleep(0.5)
    (pathlib.Path(sys.argv[1]) / f"computed-{time.time_ns()}").touch()
    return SMALL
ready = pathlib.Path(sys.argv[1]) / "ready"
while not ready.exists():
    time.sleep(0.01)
print(Store(pathlib.Path(sys.argv[1]) / "store").fetch(REF, compute)[1])
"""


def test_of_several_processes_one_computes_and_the_others_wait_and_read(tmp_path):
    processes = [run_python(_FETCHING, tmp_path) for _ in range(3)]
    time.sleep(1)
    (tmp_path / "ready").touch()
    assert sorted(finished(process).strip() for process in processes) == ["False", "True", "True"]
    assert len(list(tmp_path.glob("computed-*"))) == 1


def test_whoever_writes_second_without_a_lock_leaves_the_first_value(tmp_path, monkeypatch):
    kept, slow = Store(tmp_path), Store(tmp_path)
    write = store.write_value

    def write_while_another_finishes(*given):
        write(*given)
        monkeypatch.setattr(store, "write_value", write)
        kept.save(REF, SMALL)

    monkeypatch.setattr(store, "write_value", write_while_another_finishes)
    slow.save(REF, SMALL)
    assert_same(kept.load(REF), SMALL)
    assert list((tmp_path / "temporary").iterdir()) == []


# --- housekeeping -------------------------------------------------------------------------------


def test_entries_tell_what_they_are(kept):
    kept.save(Ref("other", "1"), SMALL, note="six documents")
    first, second = kept.entries()
    assert (first.ref, first.note) == (Ref("other", "1"), "six documents")
    assert (second.ref, second.note) == (REF, "")
    assert second.bytes == sum(path.stat().st_size for path in parts(kept.folder(REF)))
    assert second.used == pytest.approx(time.time(), abs=60)


def test_prune_removes_what_was_not_used_for_so_long(kept):
    old = Ref("stage", "old")
    kept.save(old, SMALL)
    size = next(entry.bytes for entry in kept.entries() if entry.ref == old)
    os.utime(kept.folder(old) / "value.json", (time.time() - 100,) * 2)
    assert kept.prune(unused_for=50) == (1, size)
    assert [entry.ref for entry in kept.entries()] == [REF]
    assert kept.prune() == (1, size)
    assert list(kept.entries()) == []


def test_reading_counts_as_use(kept):
    os.utime(kept.folder(REF) / "value.json", (time.time() - 100,) * 2)
    kept.load(REF)
    assert kept.prune(unused_for=50) == (0, 0)


def test_prune_removes_damaged_entries(kept):
    flip(kept.folder(REF) / "value.json")
    kept.verify()
    _, freed = kept.prune(unused_for=3600)
    assert freed > 0
    assert list((kept.root / "damaged").iterdir()) == []


def test_what_a_killed_prune_left_is_written_anew(kept):
    (kept.folder(REF) / "value.json").unlink()
    assert kept.fetch(REF, lambda: SMALL)[1] is False
    assert kept.fetch(REF, lambda: SMALL)[1] is True


def test_a_store_can_be_moved(kept, tmp_path):
    shutil.move(kept.root, tmp_path / "elsewhere")
    assert_same(Store(tmp_path / "elsewhere").load(REF), SMALL)
