"""A service misbehaves in every way, and no wrong vector, no key and no endless wait comes of it.

The service is a real HTTP server on this machine.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from fakes import HashingEncoder, themed_corpus

from topics import embedding
from topics.data import Corpus
from topics.embedding import embed
from topics.embedding.remote import RemoteEncoder
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound
from topics.protocols import Encoder
from topics.store import Store

KEY = "sk-hidden-4711"
TEXTS = themed_corpus(12)[0]


def want(texts):
    return HashingEncoder(4).encode(list(texts))


def items(asked):
    return [{"index": row, "embedding": v.tolist()} for row, v in enumerate(want(asked["input"]))]


def fine(asked):
    return 200, {}, json.dumps({"data": items(asked)})


def says(status, body="", **headers):
    return lambda asked: (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


def data(change):
    """A reply that is fine but for its list of vectors."""
    return lambda asked: (200, {}, json.dumps({"data": change(items(asked))}))


class Service:
    """Answers as `behave` says (parsed body -> status, headers, body; None hangs up), at first as `first` does."""

    def __init__(self):
        self.behave, self.first = fine, []
        self.asked, self.headers, self.paths = [], [], []
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with service._lock:
                    service.asked.append(asked)
                    service.headers.append(dict(self.headers))
                    service.paths.append(self.path)
                    behave = service.first.pop(0) if service.first else service.behave
                answer = behave(asked)
                if answer is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, headers, body = answer
                headers = {"Content-Length": str(len(body.encode())), **headers}
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body.encode())
                except (BrokenPipeError, ConnectionResetError):  # who asked has not waited for it
                    self.close_connection = True

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service():
    service = Service()
    yield service
    service.close()


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def waits():
    """How long was waited, or would have been."""
    return []


@pytest.fixture
def encoder(service, waits):
    """Makes an encoder that asks the service and never waits."""
    given = {"url": service.url, "key": "OPENAI_API_KEY", "wait": waits.append}
    return lambda **how: RemoteEncoder("m", **{**given, **how})


def assert_right(encoder, texts=TEXTS):
    got = encoder.encode(list(texts))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, want(texts))


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


# --- what may pass is waited for ----------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_the_service_says_how_long_to_wait_in_seconds(service, encoder, waits, status):
    service.first = [says(status, Retry_After="7"), says(status, Retry_After="0.5")]
    assert_right(encoder())
    assert waits == [7, 0.5]


def test_the_service_says_how_long_to_wait_as_a_date(service, encoder, waits):
    service.first = [says(429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True))]
    assert_right(encoder())
    assert 30 < waits[0] <= 40


@pytest.mark.parametrize(
    "told", ["", "0", "soon", "nan", "inf", "-5", "1e9", "9" * 400, "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 99"]
)
def test_a_senseless_wait_is_replaced_by_our_own(service, encoder, waits, told):
    service.first = [says(429, Retry_After=told)]
    assert_right(encoder())
    assert len(waits) == 1
    assert 0 <= waits[0] <= 1


def test_a_service_that_asks_to_wait_for_an_hour_is_not_waited_for(service, encoder, waits):
    service.behave = says(429, '{"error": {"message": "Daily limit"}}', Retry_After="3600")
    with pytest.raises(
        ModelNotFound, match=r"1 failed requests: 429 Daily limit, and asks to wait 3600 seconds.*again"
    ):
        encoder().encode(TEXTS)
    assert waits == []


def test_waits_grow_to_a_minute_at_most_and_are_drawn(service, encoder, waits):
    service.behave = says(500, "oops")
    with pytest.raises(ModelNotFound, match=r"m is not to be had at http://127.* after 41 failed requests: 500 oops\."):
        encoder(retries=40).encode(["a"])
    assert len(waits) == 40
    assert all(wait <= min(60, 2**turn) for turn, wait in enumerate(waits))
    assert max(waits) > 20
    assert len(set(waits)) == 40


@pytest.mark.parametrize(
    "failure", [says(500), says(502, "<html>"), says(408), lambda asked: None], ids=["500", "502", "408", "silence"]
)
def test_what_may_pass_is_asked_again(service, encoder, waits, failure):
    service.first = [failure, failure]
    assert_right(encoder(retries=2))
    assert len(waits) == 2


def test_a_reply_that_does_not_come_is_asked_for_again(service, encoder):
    given_up = threading.Event()

    def silent(asked):
        given_up.wait(10)
        return fine(asked)

    service.first = [silent]
    assert_right(encoder(timeout=0.3, wait=lambda seconds: given_up.set()))
    assert given_up.is_set()


@pytest.mark.parametrize(
    "broken", [says(200, '{"data"', Content_Length="99", Connection="close"), says(200, "x", Content_Encoding="gzip")]
)
def test_a_reply_that_is_cut_short_or_garbled_is_asked_for_again(service, encoder, waits, broken):
    service.first = [broken]
    assert_right(encoder())
    assert len(waits) == 1


def test_a_service_that_is_not_there_is_named(encoder, waits):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ModelNotFound, match=rf"not to be had at {url}/embeddings after 3 .*ConnectError.*runs"):
            encoder(url=url, retries=2).encode(TEXTS)
    assert len(waits) == 2


# --- what will not pass is said -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (400, InvalidConfig, "refuses model 'm': 400 no such thing. Check the model"),
        (401, InvalidConfig, r"refuses the key, or its lack: 401 no such thing.*check the key in \$OPENAI_API_KEY"),
        (403, InvalidConfig, "refuses the key, or its lack: 403 no such thing"),
        (404, ModelNotFound, r"no model 'm' at http.*: 404 no such thing.*ends in /v1"),
        (422, InvalidConfig, "refuses model 'm': 422 no such thing"),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"message": "no such thing", "code": 1}}',
        '{"error": "no such thing"}',
        '{"object": "error", "message": "no such thing"}',
        '{"detail": "no such thing"}',
        "no such thing",
    ],
)
def test_a_refusal_is_not_asked_again_and_its_message_shown(service, encoder, waits, status, error, message, body):
    service.behave = says(status, body)
    with pytest.raises(error, match=message):
        encoder(concurrency=1, tokens=1).encode(TEXTS)
    assert len(service.asked) == 1  # and what had not begun does not begin
    assert waits == []


def test_a_hostile_message_is_one_short_printable_line(service, encoder):
    service.behave = says(401, json.dumps({"error": {"message": "\x1b[31m\r\nred\u202e\u2028\x00" + "a b " * 5000}}))
    with pytest.raises(InvalidConfig) as caught:
        encoder().encode(TEXTS)
    assert str(caught.value).isprintable()
    assert "401 [31m red a b" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_redirect_is_not_followed_but_named(service, encoder):
    other = Service()
    target = other.url.replace("http://", "http://user:secret@") + "/embeddings?token=secret"
    for status in (301, 307, 308):
        service.behave = says(status, Location=target)
        with pytest.raises(
            InvalidConfig, match=r"redirects to 127.0.0.1:\d+/v1/embeddings, and the key.*trust"
        ) as caught:
            encoder().encode(TEXTS)
        assert "secret" not in str(caught.value)
    other.close()
    assert other.asked == []


def test_a_redirect_that_has_the_key_in_it_does_not_show_it(service, encoder):
    service.behave = says(302, Location=f"http://elsewhere/{KEY}")
    with pytest.raises(InvalidConfig, match=r"redirects to http://elsewhere/\[key\], and"):
        encoder().encode(TEXTS)


def test_what_is_under_way_ends_and_what_has_not_begun_does_not_begin(service, encoder):
    begun, ended = threading.Event(), []

    def slow(asked):
        begun.set()
        time.sleep(0.2)
        ended.append(1)
        return fine(asked)

    def refuse(asked):
        begun.wait(5)
        return 401, {}, "no"

    service.behave = lambda asked: refuse(asked) if TEXTS[0] in asked["input"] else slow(asked)
    with pytest.raises(InvalidConfig, match="401 no"):
        encoder(concurrency=2, tokens=1).encode(TEXTS)
    assert ended == [1]
    assert len(service.asked) == 2


def test_nobody_goes_on_waiting_when_another_request_has_failed_for_good(service, encoder):
    waiting = threading.Event()

    def busy(asked):
        waiting.set()
        return 429, {"Retry-After": "500"}, ""

    def refuse(asked):
        waiting.wait(5)
        return 403, {}, "no"

    service.behave = lambda asked: refuse(asked) if TEXTS[1] in asked["input"] else busy(asked)
    began = time.monotonic()
    with pytest.raises(InvalidConfig, match="403 no"):
        encoder(concurrency=2, tokens=1, wait=None).encode(TEXTS)
    assert time.monotonic() - began < 5


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


# --- wrong replies ------------------------------------------------------------------------------


def with_first(value):
    return data(lambda items: [{"index": 0, "embedding": value}, *items[1:]])


WRONG = {
    "too few": (data(lambda items: items[:-1]), "11 vectors of 11 different indices for 12 texts"),
    "too many": (data(lambda items: [*items, {**items[0], "index": 12}]), "13 vectors of 13 different indices"),
    "none": (data(lambda items: []), "0 vectors"),
    "repeated index": (data(lambda items: [*items[:-1], items[0]]), "12 vectors of 11 different indices"),
    "repeated and more": (data(lambda items: [*items, items[0]]), "13 vectors of 12 different indices"),
    "index from 1": (data(lambda items: [{**item, "index": item["index"] + 1} for item in items]), "for 12 texts"),
    "no index": (data(lambda items: [{"embedding": item["embedding"]} for item in items]), "KeyError"),
    "NaN": (with_first([1, float("nan"), 1, 1]), "not all finite"),
    "Infinity": (with_first([1, float("-inf"), 1, 1]), "not all finite"),
    "beyond float32": (with_first([1, 1e300, 1, 1]), "not all finite"),
    "beyond any float": (with_first([1, 10**400, 1, 1]), "not lists of numbers"),
    "unequal lengths": (with_first([1, 2]), "all equally long"),
    "strings": (data(lambda items: [{**item, "embedding": ["1", "2"]} for item in items]), "not lists of numbers"),
    "base64": (data(lambda items: [{**item, "embedding": "AACAPw=="} for item in items]), "not lists of numbers"),
    "booleans": (data(lambda items: [{**item, "embedding": [True]} for item in items]), "not lists of numbers"),
    "empty": (data(lambda items: [{**item, "embedding": []} for item in items]), "not lists of numbers"),
    "null": (data(lambda items: [{**item, "embedding": None} for item in items]), "not lists of numbers"),
    "no data": (says(200, '{"error": "but 200"}'), "not JSON with data"),
    "no object": (says(200, "[1, 2]"), "not JSON with data"),
    "data is null": (says(200, '{"data": null}'), "not JSON with data"),
    "not JSON": (says(200, "<html>Please log in"), "not JSON with data"),
    "nothing": (says(204), "not JSON with data"),
    "deep": (says(200, "[" * 200_000), "not JSON with data"),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_reply_is_asked_for_twice_more_and_then_refused(service, encoder, waits, how):
    service.behave, message = WRONG[how]
    with pytest.raises(InvalidInput, match=f"gave a wrong reply 3 times: .*{message}.*Nothing of it is used"):
        encoder().encode(TEXTS)
    assert len(service.asked) == 3
    assert len(waits) == 2


def test_a_reply_that_was_wrong_once_or_twice_is_forgotten(service, encoder):
    service.first = [WRONG["NaN"][0], WRONG["not JSON"][0]]
    assert_right(encoder())


def test_vectors_are_put_in_the_order_of_their_index(service, encoder):
    service.behave = data(lambda items: [items[row] for row in np.random.default_rng(0).permutation(len(items))])
    assert_right(encoder())


def test_other_dimensions_than_asked_for_are_refused(encoder):
    with pytest.raises(InvalidInput, match="vectors of 4 numbers where dimensions=3 was asked for"):
        encoder(dimensions=3).encode(TEXTS)


def test_vectors_of_other_lengths_in_another_request_are_refused(service, encoder):
    service.first = [data(lambda items: [{**item, "embedding": [1.0, 2.0]} for item in items])]
    with pytest.raises(InvalidInput, match="gave vectors of 2 and 4 numbers for one model, m"):
        encoder(tokens=60).encode(TEXTS)


# --- the key ------------------------------------------------------------------------------------


def test_the_key_is_in_one_header_and_nowhere_else(service, encoder, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    made = encoder(retries=1)
    embed(Corpus.from_texts(TEXTS).texts, made, "m", Store(tmp_path))
    service.first = [says(500, f"You sent {KEY}")]
    made.encode(TEXTS)
    service.behave = says(401, json.dumps({"error": {"message": f"Incorrect key {KEY}, Bearer {KEY}"}}))
    with pytest.raises(InvalidConfig, match=r"Incorrect key \[key\], Bearer \[key\]") as caught:
        made.encode(TEXTS)
    for headers in service.headers:
        assert [name for name, value in headers.items() if KEY in value] == ["Authorization"]
        assert headers["Authorization"] == f"Bearer {KEY}"
    for shown in (str(caught.value), repr(caught.value), repr(made), repr(vars(made)), made.fingerprint, caplog.text):
        assert KEY not in shown
    assert "500 You sent [key]" in caplog.text
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert stored
    for path in stored:
        assert KEY.encode() not in path.read_bytes()
    assert KEY not in json.dumps([service.asked, service.paths])


def test_the_key_is_of_the_variable_that_is_named(service, encoder, monkeypatch):
    monkeypatch.setenv("MY_KEY", "mine\n")
    assert_right(encoder(key="MY_KEY"))
    assert service.headers[0]["Authorization"] == "Bearer mine"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_without_a_key_none_is_sent(service, encoder, monkeypatch, value):
    monkeypatch.delenv("OPENAI_API_KEY")
    if value is not None:
        monkeypatch.setenv("OPENAI_API_KEY", value)
    service.behave = says(401, "no key")
    with pytest.raises(InvalidConfig, match=r"no key\. To go on, .*\(key=NAME\)"):
        encoder().encode(TEXTS)
    assert not {"authorization", "api-key"} & {name.lower() for name in service.headers[0]}


def test_azure_gets_the_key_as_it_wants_it(service, encoder):
    assert_right(encoder(url=f"{service.url}/deployments/d/embeddings?api-version=2024-02-01"))
    assert service.paths == ["/v1/deployments/d/embeddings?api-version=2024-02-01"]
    assert [name for name, value in service.headers[0].items() if KEY in value] == ["api-key"]


@pytest.mark.parametrize("broken", ["sk-hidden\nX: y", "sk-hidden key", "sk-hidden-ü", "sk-hidden\x7f"])
def test_a_broken_key_is_not_shown(service, encoder, monkeypatch, broken):
    monkeypatch.setenv("OPENAI_API_KEY", broken)
    with pytest.raises(InvalidConfig, match=r"key in \$OPENAI_API_KEY has characters that no key has") as caught:
        encoder().encode(TEXTS)
    assert "sk-hidden" not in str(caught.value)
    assert service.asked == []


def test_a_key_in_place_of_its_name_is_refused_and_not_shown():
    with pytest.raises(InvalidConfig, match="key must be the name of an environment variable") as caught:
        RemoteEncoder.of("m", {"key": KEY})
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("url", ["https://me:pass@host/v1", "https://me@host/v1", "https://host/v1?api_key=pass"])
def test_a_url_with_a_secret_in_it_is_refused_and_not_shown(url):
    with pytest.raises(InvalidConfig, match="the url of host holds a user, a password or a query") as caught:
        RemoteEncoder("m", url=url)
    assert "pass@" not in str(caught.value)
    assert "=pass" not in str(caught.value)


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


def test_a_key_goes_to_nobody_it_was_not_meant_for(service, encoder, waits):
    RemoteEncoder("m", url=service.url, wait=waits.append).encode(TEXTS[:1])
    assert "Authorization" not in service.headers[-1]
