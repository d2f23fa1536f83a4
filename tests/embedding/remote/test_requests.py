"""What a service of embeddings is asked, and what an encoder makes of its answers."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from embedding_service import KEY, TEXTS, assert_right, data, fine, says, want

from topics import embedding
from topics.data import Corpus
from topics.embedding import embed
from topics.embedding.remote import RemoteEncoder
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound
from topics.protocols import Encoder
from topics.store import Store

# --- what is asked ------------------------------------------------------------------------------


def test_every_text_gets_the_vector_of_its_own_whatever_requests_it_takes(service, encoder):
    assert isinstance(encoder(), Encoder)
    assert_right(encoder(tokens=40))
    assert len(service.asked) > 4
    assert sorted(text for asked in service.asked for text in asked["input"]) == sorted(TEXTS)
    for asked in service.asked:
        assert asked.keys() == {"model", "input"}
        assert sum(len(text) // 3 + 1 for text in asked["input"]) <= 40 or len(asked["input"]) == 1


def test_at_most_2048_texts_go_into_a_request(service, encoder):
    encoder(tokens=10**6).encode(["a"] * 5000)
    assert sorted(len(asked["input"]) for asked in service.asked) == [904, 2048, 2048]


def test_requests_of_other_sizes_and_orders_give_the_same_rows(encoder):
    order = np.random.default_rng(0).permutation(len(TEXTS))
    for tokens, concurrency in [(1, 1), (60, 2), (8000, 8)]:
        assert_right(encoder(tokens=tokens, concurrency=concurrency), [TEXTS[row] for row in order])


def test_dimensions_are_asked_for(service, encoder):
    assert_right(encoder(dimensions=4))
    assert service.asked[0]["dimensions"] == 4


def test_blank_texts_are_not_sent_and_are_rows_of_zeros(service, encoder):
    got = encoder().encode(["", "word", " \n"])
    np.testing.assert_array_equal(got, np.vstack([np.zeros(4), want(["word"])[0], np.zeros(4)]))
    assert [asked["input"] for asked in service.asked] == [["word"]]
    assert encoder().encode([]).shape == (0, 0)
    assert encoder(dimensions=4).encode([" "]).tolist() == [[0, 0, 0, 0]]
    assert len(service.asked) == 1


def test_text_of_any_script_and_broken_text_arrives(service, encoder):
    encoder().encode(["深層学習 🐋", "half a \ud83d pair"])
    assert service.asked[0]["input"] == ["深層学習 🐋", "half a ? pair"]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_so_many_requests_are_under_way_at_once_and_no_more(service, encoder, concurrency):
    barrier = threading.Barrier(concurrency)  # opens when so many are here
    now, most = [], []

    def together(asked):
        now.append(1)
        most.append(len(now))
        barrier.wait(5)
        time.sleep(0.02)
        now.pop()
        return fine(asked)

    service.behave = together
    assert_right(encoder(tokens=1, concurrency=concurrency))
    assert max(most) == concurrency


@pytest.mark.parametrize("ending", ["", "/", "/embeddings", "/embeddings/"])
def test_the_url_may_be_the_base_or_the_full_address(service, encoder, ending):
    assert_right(encoder(url=service.url + ending))
    assert service.paths == ["/v1/embeddings"]


def test_the_environment_names_the_service_unless_the_url_does(service, monkeypatch):
    assert "https://api.openai.com/v1/embeddings" in repr(RemoteEncoder("m"))
    monkeypatch.setenv("OPENAI_BASE_URL", service.url)
    assert_right(RemoteEncoder("m"))


# --- too large ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (413, "Payload"),
        (400, "maximum context LENGTH"),
        (400, "max 300000 tokens per request"),
        (400, "Batch size 12"),
        (422, "List should have at most 2 items"),
    ],
)
def test_what_is_too_large_is_halved_until_it_fits(service, encoder, waits, status, told):
    service.behave = lambda asked: fine(asked) if len(asked["input"]) <= 2 else (status, {}, told)
    assert_right(encoder())
    assert max(len(asked["input"]) for asked in service.asked) == 12
    assert waits == []


def test_a_single_text_that_is_too_large_is_said(service, encoder):
    service.behave = lambda asked: (413, {}, "too much") if TEXTS[3] in asked["input"] else fine(asked)
    message = rf"a text of {len(TEXTS[3])} characters is too long for m at http.*: 413 too much\. Shorten"
    with pytest.raises(InvalidInput, match=message):
        encoder().encode(TEXTS)


# --- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "options", "message"),
    [
        ("", {}, "needs the name of a model"),
        ("m", {"api_key": KEY}, "unknown option api_key; there are: url, key, dimensions, concurrency, tokens"),
        ("m", {"dimensions": "0"}, "dimensions=0: must lie between 1 and 65536"),
        ("m", {"dimensions": "3.5"}, "dimensions='3.5' is no whole number"),
        ("m", {"concurrency": "65"}, "concurrency=65: must lie between 1 and 64"),
        ("m", {"tokens": "0"}, "tokens=0: must lie"),
        ("m", {"retries": "-1"}, "retries=-1: must lie between 0 and 100"),
        ("m", {"timeout": "nan"}, "timeout=nan: must lie"),
        ("m", {"timeout": "long"}, "timeout='long' is no number"),
        ("m", {"url": "localhost:8080"}, "url must be an address such as"),
        ("m", {"url": "ftp://host/v1"}, "url must be an address such as"),
        ("m", {"url": "http://"}, "url must be an address such as"),
        ("m", {"url": "http://host:many/v1"}, "url must be an address such as"),
        ("m", {"url": "http://ho\nst/v1"}, "url must be an address such as"),
    ],
)
def test_a_setting_that_cannot_be_used_says_what_can(rest, options, message):
    with pytest.raises(InvalidConfig, match=message) as caught:
        RemoteEncoder.of(rest, options)
    assert KEY not in str(caught.value)


def test_it_is_built_from_text_and_asks_nobody(service):
    options = {
        "url": service.url,
        "dimensions": "4",
        "concurrency": "2",
        "tokens": "50",
        "timeout": "5",
        "retries": "1",
    }
    made = RemoteEncoder.of("org/model:tag", {**options, "key": "NONE"}, threads=9, batch_size=1)
    assert service.asked == []
    assert (made.name, made.vector_key) == ("org/model:tag", made.fingerprint)
    assert_right(made)
    assert max(len(asked["input"]) for asked in service.asked) > 1
    assert service.asked[0]["model"] == "org/model:tag"
    assert "Authorization" not in service.headers[0]


def test_the_fingerprint_is_of_place_model_and_dimensions_alone(monkeypatch):
    def made(**how):
        return RemoteEncoder(how.pop("model", "m"), **{"url": "https://host/v1", **how}).fingerprint

    same = {made(), made(url="https://HOST:443/v1/embeddings/"), made(url="https://host/v1?api-version=2")}
    same |= {made(key="OTHER", concurrency=1, tokens=9, timeout=9, retries=0)}
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    assert len(same | {made()}) == 1
    others = {made(model="n"), made(dimensions=4), made(url="https://host/v2"), made(url="http://host/v1")}
    assert len(same | others) == 5


# --- end to end ---------------------------------------------------------------------------------


def test_finished_chunks_are_kept_when_a_later_one_fails_and_only_the_rest_is_asked_for(
    service, encoder, tmp_path, monkeypatch
):
    monkeypatch.setattr(embedding, "_FIRST", 5)
    monkeypatch.setattr(embedding, "_MOST", 5)
    texts, made = Corpus.from_texts(TEXTS).texts, encoder(retries=1)
    service.first = [fine, fine, says(500), says(500)]
    with pytest.raises(ModelNotFound, match="500"):
        embed(texts, made, "m", Store(tmp_path))
    assert [len(asked["input"]) for asked in service.asked] == [5, 5, 2, 2]
    service.asked.clear()
    found = embed(texts, encoder(concurrency=1), "m", Store(tmp_path))
    assert [asked["input"] for asked in service.asked] == [list(texts.texts[10:])]
    np.testing.assert_allclose(found.vectors, want(texts.texts), atol=1e-6)
    assert found.fingerprint == made.fingerprint


def test_the_first_answer_is_the_one_that_is_kept(service, encoder, tmp_path):
    texts = Corpus.from_texts(TEXTS).texts
    first = embed(texts, encoder(), "m", Store(tmp_path)).vectors
    service.behave = data(lambda items: [{**item, "embedding": [1, 0, 0, 0]} for item in items])
    assert embed(texts, encoder(), "m", Store(tmp_path)).vectors.tobytes() == first.tobytes()
    assert len(service.asked) == 1
