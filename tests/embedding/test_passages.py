"""A text in passages: none too long, nothing lost, ends where sentences end, in time that grows with the text."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from topics.embedding import passages
from topics.embedding.passages import counted, cut
from topics.errors import InvalidConfig

FIXED = 2  # tokens added to every text


def words(texts):
    return [FIXED + len(text.split()) for text in texts]


def characters(texts):
    return [FIXED + len("".join(text.split())) for text in texts]


def unknown(texts):
    """As WordPiece: pieces of three characters, and a single token for what is too long to look up."""
    return [FIXED + sum(1 if len(word) > 20 else -(-len(word) // 3) for word in text.split()) for text in texts]


def thirds(texts):
    """Tokens of a whole are neither the sum nor at least the most of its parts'."""
    return [FIXED + (len(text) // 3 if len(text) % 7 else len(text) // 2) for text in texts]


COUNTS = {"words": words, "characters": characters, "unknown": unknown, "thirds": thirds}


def told(text, found):
    return [text[start:end] for start, end, _ in found]


def sentences(many, length=4, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(["Word", *rng.choice(["of", "and", "in", "to"], length - 2), f"n{i}."]) for i in range(many)]


def agreed(text, count, limit, overlap=0):
    """Cut, and check what always holds."""
    found = cut(text, count, limit, overlap)
    assert [tokens for _, _, tokens in found] == count(told(text, found))
    if count([text])[0] <= limit:
        assert found == [(0, len(text), count([text])[0])]
        return found
    reached = 0
    for start, end, tokens in found:
        assert tokens <= limit or end - start == 1
        assert not text[reached:start].strip()
        assert text[start:end] == text[start:end].strip()
        reached = max(reached, end)
    assert not text[reached:].strip()
    assert all(before.start < after.start and before.end <= after.end for before, after in pairwise(found))
    return found


# --- what always holds --------------------------------------------------------------------------

TEXTS = st.lists(
    st.one_of(
        st.text(alphabet="ab .!?\n,-", max_size=30),
        st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace").decode()),
        st.sampled_from(
            [
                "w" * 50,
                "深層学習。",
                "ภาษาไทยเป็นภาษา",
                "👩‍👩‍👧‍👦",
                "e\u0301" * 9,
                "\u200d ",
                "A. B. C. ",
                "http://a.b/c?d=e",
            ]
        ),
    ),
    max_size=12,
).map("".join)


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.sampled_from(sorted(COUNTS)), st.integers(FIXED + 1, 24), st.integers(0, 8))
@example(" aa a???", "thirds", 3, 0)  # the first space is a piece of its own
def test_every_passage_fits_and_together_they_are_the_text(text, count, limit, overlap):
    agreed(text, COUNTS[count], limit, overlap)


@settings(deadline=None)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=40), st.integers(FIXED + 10, 40))
def test_each_passage_takes_as_many_sentences_as_fit(lengths, limit):
    every = [sentences(1, length, seed)[0] for seed, length in enumerate(lengths)]
    want, room = [[]], limit - FIXED
    for sentence in every:
        if sum(len(known.split()) for known in want[-1]) + len(sentence.split()) > room:
            want.append([])
        want[-1].append(sentence)
    text = " ".join(every)
    assert told(text, agreed(text, words, limit)) == [" ".join(some) for some in want]


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(FIXED + 9, 40), st.integers(0, 9))
def test_a_passage_begins_with_the_sentences_before_it_that_are_short_enough(many, limit, overlap):
    text = " ".join(sentences(many))
    found = agreed(text, words, limit, overlap)
    for before, after in pairwise(found):
        again = text[after.start : before.end]
        whole = min(overlap // 4, (limit - FIXED) // 4 - 1)  # all sentences are of four words; one has to be new
        assert len(again.split()) == 4 * whole


# --- where it is cut ----------------------------------------------------------------------------


def test_a_text_that_fits_stays_as_it_is():
    assert cut("  two words ", words, 4) == [(0, 12, 4)]
    assert cut("", words, 3) == [(0, 0, 2)]


def test_a_sentence_that_is_too_long_is_cut_between_words_and_no_other_is():
    short, long = "One of four words.", " ".join(f"word{i}" for i in range(50))
    text = f"{short} {long}. {short}"
    found = told(text, agreed(text, unknown, 22))
    assert found[0].startswith(short)
    assert found[-1].endswith(short)
    assert re.findall(r"\S+", " ".join(found)) == text.split()


def test_a_word_that_is_too_long_is_cut_anywhere_and_nothing_else_is():
    text = f"before {'x' * 100} after"
    found = told(text, agreed(text, characters, 22))
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    assert found[0].startswith("before ")
    assert found[-1].endswith(" after")
    assert len(found) <= 7


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("深層学習と。自然言語処理。", ["深層学習と。", "自然言語処理。"]),
        ("ภาษาไทยเป็นภาษา", ["ภาษาไทย", "เป็นภาษา"]),
        ("😀😀😀. How 😀 is it? 😀.", ["😀😀😀.", "How 😀 is it?", "😀."]),
    ],
)
def test_scripts_and_characters_beyond_the_basic_plane(text, parts):
    limit = FIXED + max(characters(parts)) - FIXED
    assert told(text, agreed(text, characters, limit)) == parts


def test_a_single_character_may_be_too_long():
    many = lambda texts: [FIXED + 5 * len(text) for text in texts]  # noqa: E731
    assert told("ﷺﷺ", agreed("ﷺﷺ", many, 4)) == ["ﷺ", "ﷺ"]


def test_without_any_room_it_is_said():
    with pytest.raises(InvalidConfig, match=r"of the 2 tokens the encoder reads, 2 are its own or the prompt's"):
        cut("a b c", words, FIXED)


# --- how long it takes --------------------------------------------------------------------------

HOSTILE = {
    "a line of words": "lorem ipsum " * 800_000,
    "no space": "w" * 2_000_000,
    "no letters": "." * 1_000_000,
    "short sentences": "A. " * 300_000,
    "nothing to see": "\u200d " * 500_000,
    "marks on one letter": "a" + "\u0301" * 1_000_000,
    "no spaces between words": "ภาษาไทยเป็นภาษา" * 30_000,
    "beyond the basic plane": "😀" * 300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_grows_with_the_text_and_memory_does_not(name):
    text, seen = HOSTILE[name], [0, 0]

    def count(texts):
        size = sum(map(len, texts))
        seen[:] = seen[0] + size, max(seen[1], size)
        return words(texts) if " " in text else characters(texts)

    found = cut(text, count, 258, 32)
    assert seen[0] <= 8 * len(text)
    assert seen[1] <= passages._CHARACTERS
    assert len(found) < 1.5 * seen[0] / 100
    assert found[-1].end == len(text.rstrip())


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=8), st.integers(1, 50))
def test_texts_are_counted_in_portions(texts, portion):
    seen = []

    def count(some):
        seen.append(sum(map(len, some)))
        return characters(some)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passages, "_CHARACTERS", portion)
        assert counted(count, texts) == characters(texts)
    assert max(seen, default=0) <= portion
