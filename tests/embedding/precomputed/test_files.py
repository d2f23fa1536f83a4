"""Files of vectors: every format gives the rows of the documents, and what cannot be used is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest
from given_vectors import TABLE, VECTORS, corpus_of_table
from pyarrow import parquet

from topics import InvalidConfig, InvalidInput
from topics.data import Corpus
from topics.embedding.precomputed import embed_documents, file_rows


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
    np.testing.assert_array_equal(file_rows(corpus_of_table(), name, "input.parquet"), VECTORS)


def test_an_array_file_is_not_read_into_memory(here):
    rows = file_rows(corpus_of_table(), "precomputed:vectors.npy")
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
        file_rows(corpus_of_table(), f"precomputed:{name}")
    assert "unpickled" not in capfd.readouterr().out
