"""Word vectors: every format read alike, damage told, averages by the formula; on small files made here."""

from __future__ import annotations

import gzip
import math
import tracemalloc

import numpy as np
import pytest
from fakes import themed_corpus

from topics.data import Corpus
from topics.embedding import embed
from topics.embedding.static import StaticEncoder, common_directions
from topics.embedding.word_files import read_word_vectors, word_probabilities
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound
from topics.store import Store

WORDS = [
    "the",
    "of",
    ",",
    "bank",
    "goal",
    "naïve",
    "state-of-the-art",
    "c++",
    "don't",
    "東京",
    "नमस्ते",
    "2020",
    "well",
    "known",
]
VECTORS = np.random.default_rng(0).normal(size=(len(WORDS), 5)).astype(np.float32)


def lines_of(words, vectors):
    return "".join(f"{word} {' '.join(map(str, row.tolist()))}\n" for word, row in zip(words, vectors, strict=True))


def as_glove(words, vectors):
    return lines_of(words, vectors).encode()


def as_text(words, vectors):
    return f"{vectors.shape[0]} {vectors.shape[1]}\n".encode() + as_glove(words, vectors)


def as_fasttext(words, vectors):
    return as_text(words, vectors).replace(b"\n", b" \n")


def as_windows(words, vectors):
    return b"\xef\xbb\xbf" + as_text(words, vectors).replace(b"\n", b"\r\n")


def as_binary(words, vectors, end=b"\n"):
    rows = (word.encode() + b" " + row.astype("<f4").tobytes() + end for word, row in zip(words, vectors, strict=True))
    return f"{vectors.shape[0]} {vectors.shape[1]}\n".encode() + b"".join(rows)


def as_gensim_binary(words, vectors):
    return as_binary(words, vectors, b"")


FORMATS = [as_glove, as_text, as_fasttext, as_windows, as_binary, as_gensim_binary]


@pytest.fixture
def write(tmp_path):
    def written(content, name="vectors"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return written


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_format_gives_the_same_words_and_bits_whatever_its_name(write, form, pack):
    words, vectors = read_word_vectors(write(pack(form(WORDS, VECTORS)), "misleading.bin.txt"))
    assert words == WORDS
    assert vectors.tobytes() == VECTORS.tobytes()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("width", [1, 2, 300])
def test_formats_are_told_apart_at_any_width(write, form, width):
    if form is as_glove and width == 1:
        words = ["the", "of"]  # "2020 1" alone would be a header
    else:
        words = WORDS
    vectors = np.random.default_rng(width).normal(size=(len(words), width)).astype(np.float32)
    got, read = read_word_vectors(write(form(words, vectors)))
    assert got == words
    assert read.tobytes() == vectors.tobytes()


@pytest.mark.parametrize("form", FORMATS)
def test_a_limit_keeps_the_first_words_and_reads_no_further(write, form):
    whole = form(WORDS, VECTORS)
    words, vectors = read_word_vectors(write(whole[: -len(whole) // 4]), limit=6)
    assert words == WORDS[:6]
    assert vectors.tobytes() == VECTORS[:6].tobytes()


def test_words_may_have_spaces_in_them(write):
    words, vectors = read_word_vectors(write(as_glove([*WORDS, ". . ."], np.vstack([VECTORS, VECTORS[:1]]))))
    assert words[-1] == ". . ."
    assert vectors[-1].tobytes() == VECTORS[0].tobytes()


@pytest.mark.parametrize("form", [as_text, as_fasttext, as_binary, as_gensim_binary])
def test_no_cut_goes_unnoticed_but_one_within_the_last_number(write, form):
    whole = form(WORDS, VECTORS)
    for end in range(len(whole) - (20 if form in (as_text, as_fasttext) else 1)):
        with pytest.raises(InvalidInput, match="cut off or no file of word vectors"):
            read_word_vectors(write(whole[:end]))


def test_a_cut_in_a_compressed_file_says_how_far_it_came(write):
    vectors = np.random.default_rng(0).normal(size=(5000, 8)).astype(np.float32)
    packed = gzip.compress(as_glove([f"word{n}" for n in range(5000)], vectors))
    with pytest.raises(InvalidInput, match=r"compression breaks off after word [1-9]\d+ "):
        read_word_vectors(write(packed[: len(packed) // 2]))
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    with pytest.raises(InvalidInput, match=r"breaks off|line \d+|values that are not finite"):
        read_word_vectors(write(bytes(damaged)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"the\n", "0 dimensions"),
        (b"a 1 2\nb 1\n", "line 2 has 1 numbers, expected 2"),
        (b"a 1 2\nb 1 2 3\n", "line 2 has more than 2 numbers"),
        (b"a 1 2\nb 1 x\n", "line 2: could not convert"),
        (b"2 2\na 1 2\n\nb 1 x\n", "line 4: could not convert"),
        (b"a 1 2\nb 1 nan\n", "word 2, b'b', has values that are not finite"),
        (b"a 1 2\nb 1 1e99\n", "word 2, b'b', has values that are not finite"),
        (b"3 2\na 1 2\nb 1 2\n", "holds 2 words, its header says 3"),
        (b"1 2\na 1 2\nb 1 2\n", "holds 2 words, its header says 1"),
        (b"0 2\n", "holds no words"),
        (b"9 999999999999\na 1 2\n", "999999999999 dimensions, allowed are 1 to"),
        (b"2 2\na \0\0\0\0\0\0\0\0bcd", "entry 2 has no end"),
        (b"2 2\na \0\0\0\0\0\0\0\0b \0\0", "entry 2, b'b', has 2 bytes, expected 8"),
        (b"2 1\n" + b"\0" * 3_000_000, "entry 1 has no end"),
        (b"PK\x03\x04...", "a ZIP archive; unpack it"),
        (b"\xba\x16\x4f\x2f...", "fastText's own model; name the .vec file"),
        (b"\x80\x04\x95...", "a Python pickle, which is never opened; write it with"),
        (gzip.compress(b"\x80\x04\x95...", mtime=0), "a Python pickle"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(write, content, message):
    with pytest.raises(InvalidInput, match=message):
        read_word_vectors(write(content))


@pytest.mark.parametrize("form", [as_glove, as_binary])
def test_reading_takes_little_more_memory_than_the_matrix(write, form):
    vectors = np.random.default_rng(0).normal(size=(8000, 200)).astype(np.float32)
    path = write(form([f"w{n}" for n in range(8000)], vectors))
    tracemalloc.start()
    try:
        _, read = read_word_vectors(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read.tobytes() == vectors.tobytes()
    assert peak < 1.5 * vectors.nbytes


def test_a_header_that_promises_billions_takes_no_memory(write):
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match="its header says 999999999999"):
            read_word_vectors(write(b"999999999999 2\na 1 2\n"))
        assert tracemalloc.get_traced_memory()[1] < 8e6
    finally:
        tracemalloc.stop()


# --- averages -----------------------------------------------------------------------------------


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_a_plain_mean_is_the_mean_of_the_known_words(write):
    encoder = StaticEncoder(path=write(as_glove(WORDS, VECTORS)), sif=0, components=0)
    got = encoder.encode(["The bank, the unheard goal!"])[0]
    np.testing.assert_allclose(got, unit(2 * VECTORS[0] + VECTORS[3] + VECTORS[4]), rtol=1e-6)


def test_sif_agrees_with_the_formula_in_loops(write):
    encoder = StaticEncoder(path=write(as_glove(WORDS, VECTORS)), sif=0.01, components=2)
    chances = [1 / (rank + 2.7) for rank in range(1, len(WORDS) + 1)]
    chances = [chance / math.fsum(chances) for chance in chances]
    weights = [0.01 / (0.01 + chance) for chance in chances]
    moments = sum(
        p * w * w * np.outer(v, v) for p, w, v in zip(chances, weights, VECTORS.astype(np.float64), strict=True)
    )
    common = np.linalg.eigh(moments)[1][:, -2:].T
    mean = (2 * weights[3] * VECTORS[3].astype(np.float64) + weights[4] * VECTORS[4]) / 3
    want = unit(mean - common.T @ (common @ mean))
    np.testing.assert_allclose(encoder.encode(["bank goal bank"])[0], want, atol=1e-5)


def test_common_directions_are_orthonormal_and_hold_the_most_of_what_is_common():
    rng = np.random.default_rng(1)
    vectors = rng.normal([0, 0, 5, 0, 0, 0], size=(9000, 6)).astype(np.float32)
    found = common_directions(vectors, np.ones(9000), word_probabilities(9000), 3)
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-5)
    assert abs(found[0, 2]) > 0.99


def test_removing_the_common_direction_tells_texts_apart(write):
    shared = VECTORS + np.float32([9, 0, 0, 0, 0])
    path = write(as_glove(WORDS, shared))
    texts = ["bank", "goal", "naïve", "2020"]
    alike = [
        np.triu(vectors @ vectors.T, 1).sum()
        for vectors in (StaticEncoder(path=path, components=many).encode(texts) for many in (0, 1))
    ]
    assert alike[0] > 5.5
    assert alike[1] < 2


@pytest.mark.parametrize("threads", [1, 2])
def test_a_vector_has_the_same_bits_alone_and_in_any_batch_and_order(write, threads):
    rng = np.random.default_rng(threads)
    vocabulary = [f"word{n}" for n in range(500)]
    path = write(as_glove(vocabulary, rng.normal(size=(500, 33)).astype(np.float32)))
    texts = [" ".join(rng.choice(vocabulary, size)) for size in [*range(1, 40), 1000]]
    want = StaticEncoder.of(str(path), {}).encode(texts)
    encoder = StaticEncoder.of(str(path), {}, threads=threads, batch_size=7)
    order = rng.permutation(len(texts))
    assert encoder.encode([texts[row] for row in order]).tobytes() == want[order].tobytes()
    for row, text in enumerate(texts):
        assert encoder.encode([text]).tobytes() == want[row].tobytes()
        assert encoder.encode([" ".join(reversed(text.split()))]).tobytes() == want[row].tobytes()


def test_all_rows_are_unit_or_zero_and_finite(write):
    encoder = StaticEncoder(path=write(as_glove(WORDS, VECTORS)))
    rows = encoder.encode(["bank goal", "", "...", "unheard of", "utterly unheard", "\0\ud800", "bank " * 10_000])
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1).round(5).tolist() == [1, 0, 0, 1, 0, 0, 1]
    assert encoder.encode([]).shape == (0, 5)


def test_a_text_of_nothing_but_what_is_common_is_zero_not_noise(write):
    path = write(as_glove(["cat", "dog"], np.array([[1, 2, 3], [2, 4, 6]], dtype=np.float32)))
    assert not StaticEncoder(path=path).encode(["cat dog"]).any()
    assert StaticEncoder(path=path, components=0).encode(["cat dog"]).any()


def test_the_largest_numbers_do_not_overflow(write):
    path = write(as_glove(["cat", "dog"], np.array([[3e38, 0, 0], [3e38, 1, 0]], dtype=np.float32)))
    np.testing.assert_allclose(StaticEncoder(path=path, components=0).encode(["cat dog cat"]), [[1, 0, 0]], atol=1e-30)


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("STATE-of-the-art", ["state-of-the-art"]),
        ("well-known", ["well", "known"]),
        ("c++ c", ["c++"]),
        ("Don’t", ["don't"]),
        ("the bank's goal", ["the", "bank", "goal"]),
        ("nai\u0308ve", ["naïve"]),
        ("(bank)/goal", ["bank", "goal"]),
        ("在東京银行", ["東京"]),
        ("नमस्ते।", ["नमस्ते"]),
        ("in 2020.", ["2020"]),
    ],
)
def test_words_are_found_in_any_script(write, text, words):
    encoder = StaticEncoder(path=write(as_glove(WORDS, VECTORS)), components=0)
    assert encoder.encode([text]).tobytes() == encoder.encode([" ".join(words)]).tobytes()
    rows = [WORDS.index(word) for word in words]
    weights = 1e-3 / (1e-3 + word_probabilities(len(WORDS))[rows, None])
    np.testing.assert_allclose(encoder.encode([text])[0], unit((weights * VECTORS[rows]).sum(axis=0)), rtol=1e-5)


@pytest.mark.parametrize(
    ("vocabulary", "lower", "same"),
    [
        (["us", "march"], "auto", True),
        (["us", "march", "US", "March"], "auto", False),
        (["us", "march", "US", "March"], "yes", True),
        (["us", "march"], "no", False),
        (["us", "march", *(f"w{n}" for n in range(300)), "UNK"], "auto", True),
    ],
)
def test_capitals_count_as_the_vocabulary_has_them(write, vocabulary, lower, same):
    vectors = np.random.default_rng(0).normal(size=(len(vocabulary), 4)).astype(np.float32)
    encoder = StaticEncoder(path=write(as_glove(vocabulary, vectors)), lower=lower)
    small, large = encoder.encode(["us march", "US March"])
    assert small.any()
    assert (small.tobytes() == large.tobytes()) == same


# --- as an encoder ------------------------------------------------------------------------------


def test_all_that_decides_a_vector_and_nothing_else_is_in_the_fingerprint(write):
    path = write(as_glove(WORDS, VECTORS))
    told = {
        StaticEncoder.of(str(path), options).fingerprint
        for options in [{}, {"sif": "0"}, {"components": "0"}, {"lower": "no"}, {"limit": "9"}]
    }
    told.add(StaticEncoder(path=write(as_glove(WORDS, VECTORS * 2), "other")).fingerprint)
    assert len(told) == 6
    copy = StaticEncoder.of(str(write(as_glove(WORDS, VECTORS), "copy")), {"sif": "0.001"}, threads=2, batch_size=1)
    assert copy.fingerprint == copy.vector_key == StaticEncoder(path=path).fingerprint


def test_text_and_keywords_make_the_same_encoder(write):
    path = write(as_glove(WORDS, VECTORS))
    given = StaticEncoder.of(str(path), {"sif": "1e-2", "components": "2", "lower": "yes", "limit": "9"})
    same = StaticEncoder(path=path, sif=0.01, components=2, lower="yes", limit=9)
    assert given.fingerprint == same.fingerprint
    assert given.encode(["the bank", "well known"]).tobytes() == same.encode(["the bank", "well known"]).tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sift": "1"}, "no option 'sift'; there are: sif, components, lower, limit"),
        ({"sif": "much"}, "sif='much': .*a number, 0 or more"),
        ({"sif": "-1"}, "sif=-1.0: .*a number, 0 or more"),
        ({"sif": "nan"}, "sif=nan"),
        ({"components": "1.5"}, "components='1.5': .*a whole number, 0 or more"),
        ({"components": "-1"}, "components=-1"),
        ({"lower": "maybe"}, "lower='maybe': .*auto, yes or no"),
        ({"limit": "0"}, "limit=0: .*a whole number, 1 or more"),
    ],
)
def test_a_bad_option_is_named_with_what_is_allowed(write, options, message):
    with pytest.raises(InvalidConfig, match=message):
        StaticEncoder.of(str(write(as_glove(WORDS, VECTORS))), options)


def test_as_many_components_as_dimensions_would_leave_nothing(write):
    with pytest.raises(InvalidConfig, match=r"components=5: .* has 5 dimensions; remove fewer"):
        StaticEncoder(path=write(as_glove(WORDS, VECTORS)), components=5).encode(["bank"])


def test_a_missing_file_and_a_folder_say_what_to_name(tmp_path):
    with pytest.raises(ModelNotFound, match=r"missing.vec is not a file. Name a file of word vectors"):
        StaticEncoder.of(str(tmp_path / "missing.vec"), {})
    with pytest.raises(ModelNotFound, match=r"has no model.safetensors, so it is no static model. Name a folder"):
        StaticEncoder.of(str(tmp_path), {})
    with pytest.raises(ModelNotFound, match="static: is not a file"):
        StaticEncoder.of("", {})


def test_making_one_reads_nothing(write):
    StaticEncoder.of(str(write(b"no vectors")), {})  # its first encode would complain


def test_texts_of_a_theme_are_nearest_to_their_own_and_encoded_once(write, tmp_path):
    texts, about = themed_corpus(120, themes=3, mixed=0)
    rng = np.random.default_rng(0)
    theme_of = {}
    for text, theme in zip(texts, about, strict=True):
        theme_of |= dict.fromkeys(text.lower().split()[1:12:2], theme)
    fillers = "the of and a to in it that was for".split()
    words = [*fillers, *(word for word in theme_of if word not in fillers)]
    centres = rng.normal(size=(4, 20))
    vectors = [centres[theme_of.get(word, 3) if word not in fillers else 3] + rng.normal(size=20) for word in words]
    encoder = StaticEncoder(path=write(as_text(words, np.array(vectors, dtype=np.float32))))
    corpus = Corpus.from_texts(texts)
    found = embed(corpus.texts, encoder, encoder.name, Store(tmp_path / "store"))
    alike = found.vectors @ found.vectors.T
    np.fill_diagonal(alike, -1)
    themes = np.array(about)[np.argsort(corpus.rows)]
    assert (themes[alike.argmax(axis=1)] == themes).mean() > 0.95
    again = StaticEncoder(path=encoder._path)
    assert embed(corpus.texts, again, "again", Store(tmp_path / "store")).vectors.tobytes() == found.vectors.tobytes()
    assert "_loaded" not in vars(again)
