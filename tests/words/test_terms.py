"""Words of any script, and nothing that only looks like one."""

from __future__ import annotations

import re
import time
from collections import Counter

import numpy as np
import pytest
from builders import HOSTILE
from fakes import themed_corpus
from hypothesis import given, settings
from hypothesis import strategies as st

from topics.data import Corpus
from topics.errors import InvalidConfig
from topics.words.terms import count_terms, detect_languages, stop_words_of, terms_of, tokens_of, words_of


def words(text):
    return list(words_of(text))


def counted(texts, **how):
    return count_terms(Corpus.from_texts(texts).texts, **how)


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Plain words, here.", ["plain", "words", "here"]),
        ("a b c I x", []),
        ("½ ¼0 ①② Ⅷ m² 5kg", ["m²", "kg"]),
        ("3 42 1,000 7up 2nd B2B mp3", ["up", "nd", "b2b", "mp3"]),
        ("snake_case _private __init__", ["snake_case", "private", "init"]),
        ("well-known state-of-the-art", ["well", "known", "state", "of", "the", "art"]),
        ("C++ and c# beat F#; not C+", ["c++", "and", "c#", "beat", "f#", "not"]),
        ("don't isn’t can't won't", []),
        ("the dog's bone, they're, I'll, we've, he'd, I'm", ["the", "dog", "bone", "they", "we", "he"]),
        ("O'Brien d'accord aujourd'hui l'été", ["brien", "accord", "aujourd", "hui", "été"]),
        ("rock 'n' roll 'quoted'", ["rock", "roll", "quoted"]),
    ],
)
def test_what_is_a_word(text, want):
    assert words(text) == want


@pytest.mark.parametrize(
    "text",
    [
        "see https://x.org/y?z=(1)#top now",
        "see HTTP://X.ORG now",
        "see ftp://x.org/file.tar.gz now",
        "see www.example.com/path now",
        "see x.org/path/to now",
        "see sub-domain.x.co.uk/a?b=c now",
        "see me.you+tag@mail.example.org now",
        "see mailto:me@example.org now",
        "see <me@example.org> now",
        "see <a href='whale' class=big>now</a>",
        "see<br/>now",
        "see &nbsp;&amp;&lt;&#39; now",
        "see &amp;nbsp; &amp;amp;quot; &amp;#39; now",
        "see nbsp quot now",
        "see <!-- unseen words > here --> now",
        "see <script type='x'>var unseen = 1 < 2;</script > <STYLE>.unseen {}</style>now",
        "see ssh://git@github.com/x/y.git file:///home/x http:// now",
        "see 550e8400-e29b-41d4-a716-446655440000 0xDEADBEEF 0x7fff5fbff8b0 now",
        "see d41d8cd98f00b204e9800998ecf8427e a1b2c3d4e5f6 now",
        "see dGhpcyBpcyBhIHRlc3Qgb2YgMTIzIDQ1Ng== eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9 now",
        "see data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUA/+AAAFCAYAAACNbyblAAAA now",
        r"see \u00e9\x00 now",
        "see &lt;b&gt;now&lt;/b&gt;",
        "see <!-- --> now",
        "see 🐋👩‍👩‍👧‍👦🏳️‍🌈❤️ now",
        "see 12:30 2024-01-01 €3.50 10% now",
        "see — … « » ¿ ¡ § • now",
        f"see {'x' * 41} {'f00d' * 16} now",
    ],
)
def test_addresses_tags_entities_emoji_and_keys_are_no_words(text):
    assert words(text) == ["see", "now"]


@pytest.mark.parametrize(
    "text",
    ["face2face", "worldcup2018final", "deadbeef", "decade", "covid19 h1n1", "http https", "amp gt", "com org"],
)
def test_what_only_resembles_a_key_or_an_address_is_a_word(text):
    assert words(text) == text.split()


def test_of_a_host_the_name_stays():
    assert words("Amazon.com, bbc.co.uk; example.org.") == ["amazon", "bbc", "example"]
    assert words("ASP.NET and setup.py") == ["asp", "net", "and", "setup", "py"]


def test_a_comment_that_never_ends_hides_nothing():
    assert words("see <!-- this and <script> that") == ["see", "this", "and", "that"]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("and/or he/she", ["and", "or", "he", "she"]),
        ("node.js e.g. i.e./etc", ["node", "js", "etc"]),
        ("2 < 3 and b > cow", ["and", "cow"]),
        ("@someone #hashtag", ["someone", "hashtag"]),
        ("café&eacute;tude AT&amp;T", ["caféétude", "at"]),
    ],
)
def test_what_only_looks_like_an_address_or_a_tag_stays(text, want):
    assert words(text) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("東京大学で深層学習を研究する", ["東京", "大学", "深層", "学習", "研究", "する"]),
        ("我喜欢自然语言处理", ["喜欢", "自然", "语言", "处理"]),
        ("人々の生活", ["人々", "生活"]),
        ("ภาษาไทย ที่นี่ น้ำดื่ม", ["ภาษา", "ไทย", "ที่", "นี่", "น้ำ", "ดื่ม"]),
        ("ຂ້ອຍມັກພາສາລາວ", ["ຂ້ອຍ", "ມັກ", "ພາສາ", "ລາວ"]),
        ("深層learning入門", ["深層", "learning", "入門"]),
        ("한국어 자연어 처리", ["한국어", "자연어", "처리"]),
        ("हिन्दी भाषा में लिखा", ["हिन्दी", "भाषा", "में", "लिखा"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("বাংলা ভাষা", ["বাংলা", "ভাষা"]),
        ("اللغة العَرَبِيَّة", ["اللغة", "العَرَبِيَّة"]),
        ("می‌خواهم بروم", ["می‌خواهم", "بروم"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("Ελληνικά Русский ქართული Հայերեն", ["ελληνικά", "русский", "ქართული", "հայերեն"]),
        ("Tiếng Việt, ÇAĞRI, Straße", ["tiếng", "việt", "çağri", "straße"]),
        ("ẹ̀kọ́ Yorùbá", ["ẹ̀kọ́", "yorùbá"]),
    ],
)
def test_words_of_every_script_stay_whole(text, want):
    assert words(text) == want


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=80))
def test_words_of_anything_are_lower_case_letters_of_some_length(text):
    for word in words(text):
        assert 1 < len(word) <= 41  # i with a dot above is two code points in lower case
        assert word == word.lower()
        assert not re.search(r"[\s<>@/&.,'’]", word)
        assert word[0].isalpha()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text):
    found = words(text)
    assert not {"script", "img", "svg", "src", "onerror", "onload"} & set(found) or "<" not in text
    assert all(len(word) <= 40 for word in found)


@pytest.mark.parametrize(
    "text",
    [
        (part * (1_000_000 // len(part)))
        for part in (
            "w",
            "a-",
            "a.",
            "a.a",
            "@",
            "a@",
            "<a",
            "a'",
            "&amp",
            "www.",
            "a+.",
            "深層学習、",
            "é\u0301",
            "a_",
            "a1",
            "0x",
            "A1a",
            "<!--",
            "<script>",
            "data:",
            "://",
            "&amp;",
            r"\x00",
            "a.co.uk",
        )
    ],
    ids=lambda text: text[:5],
)
def test_a_megabyte_without_a_space_takes_about_a_second_and_not_forever(text):
    began = time.process_time()
    words(text)
    assert time.process_time() - began < 10


def test_tokens_are_the_words_in_reading_order_and_what_is_left_out_leaves_a_gap():
    corpus = Corpus.from_texts(["the whale, the ship", "42", "whale 東京大学"]).texts
    columns, rows = tokens_of(corpus, ["ship", "whale", "大学", "東京"])
    got = [
        columns[rows == corpus.texts.index(text)].tolist() for text in ("the whale, the ship", "42", "whale 東京大学")
    ]
    assert got == [[-1, 1, -1, 0], [], [1, 3, 2]]
    assert columns.dtype == rows.dtype == np.int32
    assert (np.diff(rows) >= 0).all()
    assert [len(part) for part in tokens_of(Corpus.from_texts([]).texts, [])] == [0, 0]


# --- terms --------------------------------------------------------------------------------------


def test_phrases_do_not_reach_across_a_stop_word():
    found = terms_of("deep neural network of the brain stem", {"of", "the"}, ngrams=3)
    single = ["deep", "neural", "network", "brain", "stem"]
    assert list(found) == [*single, "deep neural", "neural network", "brain stem", "deep neural network"]


@pytest.mark.parametrize("ngrams", [1, 2, 3])
def test_counts_are_those_of_a_slow_count(ngrams):
    texts = [*themed_corpus(150, themes=4)[0], "Goal, goal and goal!", "GOAL goal bank", "the of"]
    corpus = Corpus.from_texts(texts).texts
    found = count_terms(corpus, "en", stop_words=["Bank"], ngrams=ngrams)
    left_out = stop_words_of("en") | {"bank"}
    slow = []
    for text in corpus.texts:
        runs, counter = [[]], Counter()
        for word in words(text):
            if word in left_out:
                runs.append([])
            else:
                runs[-1].append(word)
        for run in runs:
            for length in range(1, ngrams + 1):
                counter.update(" ".join(run[i : i + length]) for i in range(len(run) - length + 1))
        slow.append(counter)
    held = Counter(term for counter in slow for term in counter)
    want = sorted(term for term, texts_with in held.items() if texts_with >= 2)
    assert list(found.vocabulary) == want
    assert found.counts.dtype == np.int32
    np.testing.assert_array_equal(found.counts.toarray(), [[counter[term] for term in want] for counter in slow])


def test_the_vocabulary_is_sorted_and_does_not_depend_on_the_order_of_the_rows():
    texts = themed_corpus(120, themes=5)[0] + ["Öl ähnlich zebra", "öl Ähnlich zebra", "東京 大学", "大学 東京 だ"]
    found, moved = counted(texts), counted(texts[::-1])
    assert list(found.vocabulary) == sorted(set(found.vocabulary))
    assert found.vocabulary == moved.vocabulary
    np.testing.assert_array_equal(found.counts.toarray(), moved.counts.toarray())


def test_in_a_small_corpus_every_word_counts_and_in_a_large_one_words_of_one_text_do_not():
    rare = "unrepeatable"
    assert rare in counted([*themed_corpus(98)[0], rare]).vocabulary
    assert rare not in counted([*themed_corpus(99)[0], rare]).vocabulary


@pytest.mark.parametrize("texts", [[], ["42"], ["1 2", "3 4", "the and"]])
def test_without_words_there_are_no_terms(texts):
    found = counted(texts)
    assert found.counts.shape == (len(texts), 0)
    assert found.vocabulary == ()


# --- languages ----------------------------------------------------------------------------------

SPOKEN = {
    "en": [
        "The whale is in the water and it was seen from the ship",
        "What they did with the money is not known to us",
    ],
    "de": ["Der Hund ist in dem Haus und die Katze liegt auf der Bank", "Das ist nicht die Frage, die wir uns stellen"],
    "fr": ["Le chat est dans la maison avec les enfants", "Nous ne savons pas ce que vous avez fait pour eux"],
    "zh": ["我们在北京的大学里研究自然语言处理", "这是一个关于人工智能的问题"],
    "ja": ["東京の大学で自然言語処理を研究しています", "これは人工知能についての質問です"],
    "th": ["ฉันชอบกินข้าวที่ร้านอาหารนี้", "ภาษาไทยเป็นภาษาที่สวยงาม"],
    "ko": ["저는 한국어를 공부하고 있습니다", "이것은 인공지능에 대한 질문입니다"],
    "hi": ["यह एक अच्छा दिन है और हम सब खुश हैं", "मैं अपने घर के लिए जा रहा हूँ"],
}


@pytest.mark.parametrize("language", SPOKEN)
def test_the_language_is_told_and_its_stop_words_are_left_out(language):
    found = counted(SPOKEN[language])
    assert tuple(found.languages) == (language,)
    assert found.vocabulary
    assert not set(found.vocabulary) & stop_words_of(language)


@pytest.mark.parametrize(
    ("language", "empty", "full"),
    [
        ("de", "nicht", "katze"),
        ("fr", "dans", "chat"),
        ("zh", "我们", "语言"),
        ("th", "ที่", "ภาษา"),
        ("en", "the", "whale"),
    ],
)
def test_empty_words_go_and_full_words_stay(language, empty, full):
    assert empty in stop_words_of(language)
    vocabulary = counted(SPOKEN[language]).vocabulary
    assert full in vocabulary
    assert empty not in vocabulary


def test_a_mixed_corpus_has_several_languages_most_frequent_first():
    texts = SPOKEN["de"] * 3 + SPOKEN["en"] * 2 + SPOKEN["zh"]
    assert detect_languages(texts) == ("de", "en", "zh")


def test_a_language_of_less_than_a_tenth_does_not_count():
    assert detect_languages(SPOKEN["en"] * 10 + SPOKEN["de"][:1]) == ("en",)


@pytest.mark.parametrize("texts", [[], ["42"], ["whale"], [""]])
def test_where_nothing_can_be_told_english_is_assumed(texts):
    assert detect_languages(texts) == ("en",)


def test_none_keeps_every_word():
    assert counted(["the whale"], language="none").vocabulary == ("the", "whale")
    assert counted(["the whale"], language="none").languages == ()


def test_a_language_asked_for_is_not_second_guessed():
    found = counted(["der whale", "the Wal"], language="de")
    assert found.languages == ("de",)
    assert found.vocabulary == ("the", "wal", "whale")


def test_more_stop_words_leave_out_in_any_case():
    assert counted(["Blue Whale WHALE"], stop_words=["WHALE"]).vocabulary == ("blue",)


def test_an_unknown_language_says_which_there_are():
    with pytest.raises(
        InvalidConfig, match=r"language='xx': no stop words for it; .*de,.*Use 'auto' to detect, 'none'"
    ):
        counted(["a text"], language="xx")


def test_what_a_document_can_be_about_is_no_stop_word():
    assert not {"computer", "system", "fire", "mine", "bill"} & stop_words_of("en")
    assert {"the", "and", "just", "dont"} <= stop_words_of("en")
