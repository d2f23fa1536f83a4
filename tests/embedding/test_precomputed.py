"""Vectors that people have: a row for each document becomes a vector for each text, in whatever order they come."""

from __future__ import annotations

import pickle
from itertools import permutations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fakes import HashingEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from safetensors.numpy import save_file
from scipy import sparse
from surfaces_fakes import digests, documents

import topics
from topics import NO_STORE, InvalidConfig, InvalidInput, Store
from topics.data import Corpus
from topics.embedding import embed
from topics.embedding.precomputed import embed_documents, file_rows
from topics.verification import verify

TABLE = documents()
VECTORS = HashingEncoder(16).encode(TABLE["text"].tolist())


def _corpus() -> Corpus:
    return Corpus.from_texts(TABLE["text"], TABLE["id"])


# --- the rule -------------------------------------------------------------------------------------

some_documents = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", " b ", "c", "", None]),
        st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=3, max_size=3),
    ),
    min_size=1,
    max_size=12,
).filter(lambda rows: any(text for text, _ in rows))


def _slow(texts: list[str | None], rows: list[list[float]]) -> dict[str, list[float]]:
    """The unit mean of each text's vectors, in Python's exact fractions up to the root."""
    from fractions import Fraction
    from math import sqrt

    found = {}
    for text in {text.strip() for text in texts if text}:
        mine = [row for told, row in zip(texts, rows, strict=True) if told and told.strip() == text]
        mean = [sum(Fraction(row[axis]) for row in mine) / len(mine) for axis in range(3)]
        largest = max(abs(value) for value in mean)
        if not largest:
            return {}
        scaled = [float(value / largest) for value in mean]
        found[text] = [value / sqrt(sum(other * other for other in scaled)) for value in scaled]
    return found


@given(some_documents)
@settings(deadline=None)
def test_each_text_gets_the_unit_mean_of_its_documents(pairs):
    texts, rows = [text for text, _ in pairs], [[abs(value) + 1e-3 for value in row] for _, row in pairs]
    rows = np.array(rows, dtype=np.float32).tolist()
    corpus = Corpus.from_texts(texts)
    found = embed_documents(corpus, rows).vectors
    for text, vector in _slow(texts, rows).items():
        np.testing.assert_allclose(found[corpus.texts.texts.index(text)], vector, rtol=1e-6, atol=1e-7)


@given(some_documents, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_no_order_of_the_rows_changes_a_bit_of_the_vectors_or_of_the_refusal(pairs, random):
    def outcome(pairs):
        try:
            return embed_documents(Corpus.from_texts([text for text, _ in pairs]), [row for _, row in pairs])
        except InvalidInput as error:
            return str(error).split(" rows ")[1].split(":")[0]  # how many and why; which ones depends on the order

    first = outcome(pairs)
    shuffled = list(pairs)
    random.shuffle(shuffled)
    second = outcome(shuffled)
    if isinstance(first, str):
        assert second == first
    else:
        assert second.vectors.tobytes() == first.vectors.tobytes()


@given(st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=2, max_size=40).filter(any), st.integers(2, 50))
@settings(deadline=None)
def test_copies_of_a_vector_give_exactly_what_it_gives_alone(row, times):
    alone = embed_documents(Corpus.from_texts(["a"]), [row]).vectors
    assert embed_documents(Corpus.from_texts(["a"] * times), [row] * times).vectors.tobytes() == alone.tobytes()


def test_vectors_of_one_text_that_nearly_cancel_are_added_up_alike_in_any_order():
    rows = np.array([[2.0**80, 1], [1, 1], [-(2.0**80), 1], [3, 1]], dtype=np.float32)
    corpus = Corpus.from_texts(["a"] * 4)
    found = {embed_documents(corpus, rows[list(order)]).vectors.tobytes() for order in permutations(range(4))}
    assert len(found) == 1


def test_vectors_of_an_encoder_are_taken_as_it_gives_them(monkeypatch):
    corpus = _corpus()
    want = embed(corpus.texts, HashingEncoder(16), "fake").vectors
    assert embed_documents(corpus, VECTORS).vectors.tobytes() == want.tobytes()
    monkeypatch.setattr("topics.embedding.precomputed._BLOCK", 7)
    assert embed_documents(corpus, np.asfortranarray(VECTORS)).vectors.tobytes() == want.tobytes()


def test_rows_of_documents_without_text_may_hold_anything():
    corpus = Corpus.from_texts(["a", "", None])
    assert embed_documents(corpus, [[3, 4], [np.nan, np.inf], [0, 0]]).vectors.round(2).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)]
    ]


@pytest.mark.parametrize(
    "form",
    [
        lambda rows: rows.astype(np.float64),
        lambda rows: rows.astype(">f4"),
        lambda rows: rows.tolist(),
        list,
        pd.DataFrame,
        lambda rows: pd.Series(list(rows), index=range(len(rows), 0, -1)),
        lambda rows: __import__("torch").from_numpy(rows),
    ],
    ids=["float64", "big endian", "lists", "list of arrays", "DataFrame", "Series", "tensor"],
)
def test_vectors_come_in_many_forms(form):
    want = embed_documents(_corpus(), VECTORS).vectors
    assert embed_documents(_corpus(), form(VECTORS)).vectors.tobytes() == want.tobytes()


def test_what_is_given_is_left_alone():
    rows = VECTORS.copy()
    rows.flags.writeable = False
    embed_documents(_corpus(), rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 2], [3, 4]], r"^embeddings: 2 rows for 3 documents; there must be a row for each document"),
        ([1, 2, 3], r"shape \(3,\) and type int64; expected \(3, d\) real numbers"),
        (np.ones((3, 2, 2)), r"shape \(3, 2, 2\)"),
        (np.ones((3, 0)), r"shape \(3, 0\)"),
        (np.ones((3, 2), dtype=complex), r"type complex128"),
        (np.array([[1, None]] * 3, dtype=object), r"type object"),
        ([["a", "b"]] * 3, r"type <U1"),
        ([[1, 2], [3], [4, 5]], r"list is no array of shape \(n, d\)"),
        (sparse.csr_array(np.ones((3, 9))), r"a sparse matrix of shape \(3, 9\); .*TruncatedSVD\(100.*\.toarray\(\)"),
        ("vectors.npy", r"'vectors\.npy' is no array; for a file say encoder='precomputed:FILE'"),
        (5, r"int is no array"),
        ([[1, 2], [np.nan, 1], [1, np.inf]], r"2 of 3 rows hold NaN, infinity .*: 1 \(id 'y'\), 2 \(id 'z'\), counted"),
        ([[1, 2], [1e300, 1], [1, 1]], r"1 of 3 rows hold .*too large for float32: 1 \(id 'y'\)"),
        ([[1, 2], [0, 0], [1, 1]], r"1 of 3 rows are all zeros, though the documents have text: 1 \(id 'y'\)"),
        ([[1, 2], [1, 2], [-1, -2]], r"1 of 3 rows cancel out with those of the same text: [12] \("),
    ],
)
def test_what_cannot_be_vectors_of_these_documents_is_refused(rows, message):
    with pytest.raises(InvalidInput, match=message):
        embed_documents(Corpus.from_texts(["a", "b", "b"], ["x", "y", "z"]), rows)


def test_an_error_names_a_few_rows_and_counts_the_others():
    with pytest.raises(InvalidInput, match=r"9 of 9 rows hold .*: 0 \(id '0'\), .*, 4 \(id '4'\) and 4 more, counted"):
        embed_documents(Corpus.from_texts("abcdefghi", range(9)), np.full((9, 2), np.nan))


# --- files ----------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder that holds the documents and their vectors in every format."""
    monkeypatch.chdir(tmp_path)
    np.save("vectors.npy", VECTORS)
    save_file({"mine": VECTORS, "other": VECTORS[:5]}, "vectors.safetensors")
    save_file({"mine": VECTORS}, "only.safetensors")
    rows = [row.tolist() for row in VECTORS]
    table = pa.table({"id": TABLE["id"].tolist(), "embedding": pa.array(rows, pa.list_(pa.float32()))})
    parquet.write_table(table, "vectors.parquet")
    fixed = table.set_column(1, "embedding", table["embedding"].cast(pa.list_(pa.float32(), 16)))
    parquet.write_table(fixed, "fixed.parquet")
    order = np.random.default_rng(0).permutation(len(TABLE))
    parquet.write_table(table.take(order), "shuffled.parquet")
    (tmp_path / "parts").mkdir()
    parquet.write_table(table[:70], "parts/a.parquet")
    parquet.write_table(table[70:], "parts/b.parquet")
    parquet.write_table(pa.Table.from_pandas(TABLE).append_column("embedding", table["embedding"]), "input.parquet")
    TABLE.to_csv("input.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "precomputed:vectors.npy",
        "precomputed:vectors.safetensors?tensor=mine",
        "precomputed:only.safetensors",
        "precomputed:vectors.parquet?column=embedding",
        "precomputed:fixed.parquet?column=embedding",
        "precomputed:shuffled.parquet?column=embedding&id=id",
        "precomputed:parts?column=embedding",
        "precomputed:parts/*.parquet?column=embedding&id=id",
        "precomputed:?column=embedding",
    ],
)
def test_every_file_gives_the_rows_of_the_documents(here, name):
    np.testing.assert_array_equal(file_rows(_corpus(), name, "input.parquet"), VECTORS)


def test_an_array_file_is_not_read_into_memory(here):
    rows = file_rows(_corpus(), "precomputed:vectors.npy")
    assert isinstance(rows, np.memmap)
    assert not rows.flags.writeable


def test_ids_that_are_numbers_match_those_of_the_input(here):
    table = pa.table({"n": pa.array([3, 1, 2]), "v": pa.array([[3.0], [1.0], [2.0]])})
    parquet.write_table(table, "n.parquet")
    corpus = Corpus.from_texts(["a", "b", "c"], ["1", "2", "3"])
    assert file_rows(corpus, "precomputed:n.parquet?column=v&id=n").ravel().tolist() == [1, 2, 3]


def test_more_rows_than_documents_do_no_harm_where_ids_tell(here):
    corpus = Corpus.from_texts(TABLE["text"][40:60], TABLE["id"][40:60])
    rows = file_rows(corpus, "precomputed:shuffled.parquet?column=embedding&id=id")
    np.testing.assert_array_equal(rows, VECTORS[40:60])


def test_a_document_without_text_needs_no_row(here):
    corpus = Corpus.from_texts(["a", ""], ["1", "2"])
    parquet.write_table(pa.table({"id": ["1"], "v": [[2.0, 0.0]]}), "one.parquet")
    parquet.write_table(pa.table({"v": [[2.0, 0.0], None]}), "null.parquet")
    for name in ("precomputed:one.parquet?column=v&id=id", "precomputed:null.parquet?column=v"):
        assert embed_documents(corpus, file_rows(corpus, name)).vectors.tolist() == [[1, 0]]


class _Trap:
    def __reduce__(self):
        return print, ("unpickled",)


def _bad_files() -> None:
    np.save("objects.npy", np.array([_Trap()], dtype=object), allow_pickle=True)
    with open("pickle.npy", "wb") as file:
        pickle.dump(_Trap(), file)
    with open("vectors.npy", "rb") as whole, open("cut.npy", "wb") as cut:
        cut.write(whole.read()[:-10])
    np.savez("archive.npz", a=VECTORS)
    with open("archive.npz", "rb") as whole, open("archive.npy", "wb") as file:
        file.write(whole.read())
    with open("text.npy", "w") as file:
        file.write("1 2 3")
    with open("text.safetensors", "w") as file:
        file.write("1 2 3")
    with open("text.parquet", "w") as file:
        file.write("1 2 3")
    torch = __import__("torch")
    __import__("safetensors.torch").torch.save_file(
        {"half": torch.ones(160, 4, dtype=torch.bfloat16)}, "bfloat16.safetensors"
    )
    parquet.write_table(pa.table({"v": [[1.0], [1.0, 2.0]], "id": ["d0001", "d0001"]}), "ragged.parquet")
    parquet.write_table(pa.table({"v": [["a"], ["b"]]}), "words.parquet")
    parquet.write_table(pa.table({"v": [[1.0], [2.0]], "id": ["d0001", "d0001"]}), "twice.parquet")
    parquet.write_table(pa.table({"v": [[1.0], [2.0]], "id": ["d0000", "d0001"]}), "few.parquet")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("none.npy", InvalidInput, r"there is no file none\.npy; a path begins in the current folder"),
        ("none.parquet?column=v", InvalidInput, r"no file, folder or glob 'none\.parquet'"),
        ("objects.npy", InvalidInput, r"objects\.npy cannot be read: it holds Python objects, which are never unpick"),
        ("pickle.npy", InvalidInput, r"pickle\.npy cannot be read: it holds Python objects, which are never unpickled"),
        ("cut.npy", InvalidInput, r"cut\.npy cannot be read: .*Write it with numpy\.save"),
        ("archive.npy", InvalidInput, r"is an archive of several arrays\. Write it with numpy\.save"),
        ("text.npy", InvalidInput, r"text\.npy cannot be read"),
        ("archive.npz", InvalidInput, r"archive\.npz: vectors are read from \.npy, \.safetensors and \.parquet"),
        ("input.csv?column=text", InvalidInput, r"input\.csv: vectors are read from"),
        ("vectors.npy?column=a", InvalidConfig, r"a file \.npy has no option 'column'; there are: none"),
        ("vectors.safetensors?tensor=x", InvalidInput, r"has no tensor 'x'; there are: mine, other"),
        (
            "vectors.safetensors",
            InvalidInput,
            r"has several tensors: name one with \?tensor=NAME; there are: mine, oth",
        ),
        ("text.safetensors", InvalidInput, r"cannot be read as safetensors"),
        ("bfloat16.safetensors", InvalidInput, r"tensor 'half' .*bfloat16.*save it as float32"),
        ("vectors.parquet?column=x", InvalidInput, r"has no column 'x'; there are: id, embedding"),
        ("vectors.parquet?column=embedding&id=x", InvalidInput, r"has no column 'x'; there are: id, embedding"),
        ("vectors.parquet", InvalidInput, r"name one with \?column=NAME; there are: id, embedding"),
        ("vectors.parquet?colum=x", InvalidConfig, r"no option 'colum'; there are: column, id"),
        ("vectors.parquet?column=a&column=b", InvalidConfig, r"gives an option twice"),
        ("vectors.parquet?column=id", InvalidInput, r"column 'id' of .* holds string; vectors are lists of numbers"),
        ("words.parquet?column=v", InvalidInput, r"holds list<element: string>; vectors are lists of numbers"),
        ("ragged.parquet?column=v", InvalidInput, r"lists of 1 and 2 numbers; all must have the same length"),
        ("text.parquet?column=v", InvalidInput, r"is no Parquet file, or a damaged one"),
        ("twice.parquet?column=v&id=id", InvalidInput, r"1 of 2 ids are empty or occur more than once"),
        ("few.parquet?column=v&id=id", InvalidInput, r"lacks 157 of 160 documents: 'd0002', .* and 152 more; it has"),
        ("?column=v", InvalidInput, r"is a column of the input, which is no file here; pass its values as embeddings="),
        ("?column=v&id=a", InvalidConfig, r"the input itself has no option 'id'; there are: column"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_way_out(here, capfd, name, error, message):
    _bad_files()
    with pytest.raises(error, match=message):
        file_rows(_corpus(), f"precomputed:{name}")
    assert "unpickled" not in capfd.readouterr().out


# --- from end to end ------------------------------------------------------------------------------

QUICK = {"n_epochs": 50, "consensus": 3}


def test_a_run_on_a_file_is_the_run_of_the_encoder_that_made_it(here):
    columns = {"text": "text", "id": "id"}
    want = topics.fit("input.csv", encoder=HashingEncoder(16), store=NO_STORE, **columns, **QUICK).documents
    for how in ({"encoder": "precomputed:vectors.npy"}, {"embeddings": VECTORS}):
        pd.testing.assert_frame_equal(
            topics.fit("input.csv", store=NO_STORE, **how, **columns, **QUICK).documents, want
        )
    own = topics.fit("input.parquet", encoder="precomputed:?column=embedding", store=NO_STORE, **columns, **QUICK)
    pd.testing.assert_frame_equal(own.documents, want)


@pytest.mark.parametrize("name", ["precomputed:vectors.npy", "precomputed:?column=embedding"])
def test_shuffling_documents_and_vectors_together_changes_no_bit(here, name):
    VECTORS_OF_COPIES = VECTORS + np.random.default_rng(1).normal(size=VECTORS.shape).astype(np.float32) / 100
    kept = []
    for seed in (None, 0, 1):
        order = np.arange(len(TABLE)) if seed is None else np.random.default_rng(seed).permutation(len(TABLE))
        np.save("vectors.npy", VECTORS_OF_COPIES[order])
        table = pa.Table.from_pandas(TABLE).take(order)
        lists = pa.array([row.tolist() for row in VECTORS_OF_COPIES[order]])
        parquet.write_table(table.append_column("embedding", lists), "input.parquet")
        run = topics.fit("input.parquet", encoder=name, store=Store("store"), id="id", text="text", **QUICK)
        assert run.documents["id"].tolist() == TABLE["id"].to_numpy()[order].tolist()
        kept.append(digests(run.save(f"run {seed}")))
    assert kept[1:] == kept[:1] * 2


def test_documents_in_memory_in_another_order_are_not_taken_for_the_same(here):
    """The store knows a corpus by its documents; here their order counts too."""
    texts = [f"text {row}" for row in range(30)]
    rows = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    np.save("rows.npy", rows)
    store = Store("store")
    for these in (texts, texts[::-1]):
        found = topics.fit(these, encoder="precomputed:rows.npy", store=store, **QUICK).model
        corpus = Corpus.from_texts(these)
        np.testing.assert_array_equal(found.vectors, embed_documents(corpus, rows).vectors)


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(here):
    def computed():
        run = topics.fit("input.csv", encoder="precomputed:vectors.npy", store=Store("store"), id="id", **QUICK)
        return {stage.name for stage in run.stages if not stage.cached}

    assert "precomputed" in computed()
    assert computed() == set()
    np.save("vectors.npy", VECTORS[:, ::-1])
    assert "precomputed" in computed()


@pytest.mark.parametrize(
    ("source", "name"),
    [("input.csv", "precomputed:vectors.npy"), ("input.parquet", "precomputed:?column=embedding")],
)
def test_a_run_on_a_file_is_proved_from_nothing(here, source, name):
    folder = topics.fit(source, encoder=name, store=NO_STORE, id="id", text="text", **QUICK).save("run")
    assert verify(folder).documents == len(TABLE)
    np.save("vectors.npy", np.random.default_rng(0).normal(size=VECTORS.shape))
    parquet.write_table(parquet.read_table("input.parquet").append_column("n", pa.array(range(160))), "moved.parquet")
    if source == "input.parquet":
        assert verify(folder, location="moved.parquet").documents == len(TABLE)
    else:
        with pytest.raises(topics.VerificationFailed, match="cannot be had again"):
            verify(folder)


def test_a_run_on_an_array_says_why_it_cannot_be_proved(here):
    folder = topics.fit("input.csv", embeddings=VECTORS, store=NO_STORE, id="id", **QUICK).save("run")
    with pytest.raises(topics.VerificationFailed, match=r"its vectors came from memory.*encoder='precomputed:FILE'"):
        verify(folder)


def test_embed_takes_files_as_well(here):
    found = topics.embed("input.parquet", "precomputed:?column=embedding", text="text", store=NO_STORE).vectors
    corpus = _corpus()
    np.testing.assert_array_equal(
        found[corpus.rows >= 0], embed_documents(corpus, VECTORS).vectors[corpus.rows[corpus.rows >= 0]]
    )
    assert not found[corpus.rows < 0].any()


# --- new documents --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run():
    return topics.fit(TABLE, text="text", id="id", embeddings=VECTORS, store=NO_STORE, **QUICK)


NEW = ["money rates rise", "", TABLE["text"][0], "a goal in the match", "money rates rise"]
THEIRS = HashingEncoder(16).encode(NEW)


def test_new_documents_are_placed_by_the_vectors_given(run):
    found = run.assign(NEW, embeddings=THEIRS)
    want = topics.fit(TABLE, text="text", id="id", encoder=HashingEncoder(16), store=NO_STORE, **QUICK).assign(NEW)
    pd.testing.assert_frame_equal(found, want)
    assert found["known"].tolist() == [False, False, True, False, False]


def test_the_order_of_new_documents_does_not_matter(run):
    turned = run.assign(NEW[::-1], embeddings=THEIRS[::-1]).iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(turned.drop(columns="id"), run.assign(NEW, embeddings=THEIRS).drop(columns="id"))


def test_the_encoder_that_made_the_vectors_may_be_given_instead(run):
    want = run.assign(NEW, embeddings=THEIRS)
    pd.testing.assert_frame_equal(run.assign(NEW, encoder=HashingEncoder(16), store=NO_STORE), want)


def test_known_documents_need_no_vectors(run):
    assert run.assign(TABLE["text"].tolist())["topic"].tolist() == run.documents["topic"].tolist()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {},
            InvalidInput,
            r"<embeddings>: vectors that were given, and no encoder .*embeddings=array.*--embeddings FILE",
        ),
        ({"embeddings": THEIRS[:, :7]}, InvalidInput, r"rows of 7 numbers, those of the fit have 16"),
        ({"embeddings": THEIRS[:2]}, InvalidInput, r"2 rows for 5 documents"),
        ({"embeddings": THEIRS, "encoder": len}, InvalidConfig, r"encoder and embeddings exclude each other"),
    ],
)
def test_new_documents_whose_vectors_are_missing_or_wrong_are_refused(run, given, error, message):
    with pytest.raises(error, match=message):
        run.assign(NEW, store=NO_STORE, **given)


def test_encoder_and_embeddings_exclude_each_other():
    with pytest.raises(InvalidConfig, match="encoder and embeddings exclude each other"):
        topics.fit(["a"], encoder="x", embeddings=[[1.0]])


def test_wrong_vectors_are_refused_for_known_documents_too(run):
    with pytest.raises(InvalidInput, match="rows of 3 numbers"):
        run.assign(TABLE["text"].tolist()[:1], embeddings=[[1, 2, 3]])
