"""The coherence of gensim, to the sixth digit."""

from __future__ import annotations

import numpy as np
import pytest
from gensim.corpora import Dictionary
from gensim.models.coherencemodel import CoherenceModel
from scipy import sparse

from topics.data import TermCounts
from topics.metrics import c_npmi, c_uci, c_v, in_documents, in_windows, locate, topic_npmi, u_mass

WORDS = [f"w{number:02d}" for number in range(60)]
TOPICS = [list(WORDS[start : start + 10]) for start in range(0, 50, 10)]


@pytest.fixture(scope="module")
def texts() -> list[list[str]]:
    """Texts of up to 300 words in which some words are frequent, some repeat at once, and some texts are empty."""
    rng = np.random.default_rng(0)
    texts = []
    for row in range(150):
        liking = rng.dirichlet(np.full(60, 0.15))
        words = list(rng.choice(WORDS, int(rng.integers(0, 300)) if row % 3 else int(rng.integers(0, 12)), p=liking))
        texts.append([str(word) for word in words])
    return texts


def gensim(measure, texts, topics=TOPICS, **how):
    model = CoherenceModel(
        topics=topics, texts=texts, dictionary=Dictionary(texts), coherence=measure, topn=10, processes=1, **how
    )
    return model.get_coherence_per_topic()


@pytest.mark.parametrize("size", [1, 2, 10, 110, 1000])
@pytest.mark.parametrize(("measure", "name"), [(c_npmi, "c_npmi"), (c_uci, "c_uci"), (c_v, "c_v")])
def test_in_windows_of_any_size(texts, measure, name, size):
    if name == "c_uci" and size == 1:
        size = 3
    found = measure(in_windows(locate(texts, WORDS), TOPICS, size))
    assert found == pytest.approx(gensim(name, texts, window_size=size), abs=1e-6)


@pytest.mark.parametrize(("measure", "name", "size"), [(c_npmi, "c_npmi", 10), (c_uci, "c_uci", 10), (c_v, "c_v", 110)])
def test_the_windows_are_those_gensim_takes_by_default(texts, measure, name, size):
    assert measure(in_windows(locate(texts, WORDS), TOPICS, size)) == pytest.approx(gensim(name, texts), abs=1e-6)


def counted(texts) -> TermCounts:
    rows = np.array([[words.count(word) for word in WORDS] for words in texts], dtype=np.int32)
    return TermCounts(sparse.csr_array(rows), tuple(WORDS), ())


def test_u_mass_in_documents(texts):
    assert u_mass(in_documents(counted(texts), TOPICS)) == pytest.approx(gensim("u_mass", texts), abs=1e-6)


def test_npmi_in_documents_is_that_of_windows_as_long_as_those_where_all_terms_meet(texts):
    rows = [[str(word) for word in words] + WORDS[:20:2] for words in texts] + texts
    want = gensim("c_npmi", rows, [WORDS[:20:2]], window_size=10_000)
    assert topic_npmi(counted(rows), [WORDS[:20:2]]) == pytest.approx(want, abs=1e-6)


def test_terms_that_do_not_occur_are_left_out(texts):
    topics = [["nowhere", *TOPICS[0]], [TOPICS[1][0], "nowhere", TOPICS[1][1]]]
    found = locate(texts, [*WORDS, "nowhere"])
    for measure, name, size in ((c_npmi, "c_npmi", 10), (c_v, "c_v", 110)):
        assert measure(in_windows(found, topics, size)) == pytest.approx(gensim(name, texts, topics), abs=1e-6)


def test_terms_in_every_window_are_the_one_difference():
    texts = [["a", "b"], ["b", "a"]]
    assert gensim("c_npmi", texts, [["a", "b"]]) == [-1]
    assert c_npmi(in_windows(locate(texts, "ab"), [["a", "b"]], 10)) == [1]
