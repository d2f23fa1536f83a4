"""What may pass is waited for; what will not, and what is wrong, is said."""

from __future__ import annotations

import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest
from embedding_service import KEY, TEXTS, Service, assert_right, data, fine, says

from topics.errors import InvalidConfig, InvalidInput, ModelNotFound

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
