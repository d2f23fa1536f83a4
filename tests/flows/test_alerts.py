from __future__ import annotations

import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from flows import alerts
from flows.alerts import BORN, COMPLETED, DRIFT, FAILED, Alert, post, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

ALERT = Alert(BORN, "mails", "T0009 is new: invoice, refund & <!channel>", {"topic_id": "T0009", "size": 12})


class Hook:
    """A real HTTP server on this machine that keeps what it is sent, and answers as it is told to."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.answers: list[int] = []  # status codes, the last for ever; 200 by default
        self.headers: dict[str, str] = {}
        self.pause = 0.0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append({"path": self.path, "type": self.headers["Content-Type"], **json.loads(body)})
                time.sleep(hook.pause)
                code = (hook.answers.pop(0) if len(hook.answers) > 1 else hook.answers[0]) if hook.answers else 200
                self.send_response(code)
                for name, value in hook.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *given: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-path"


@pytest.fixture
def hook(monkeypatch) -> Iterator[Hook]:
    monkeypatch.setattr(alerts, "_WAITS", (0.01, 0.02))
    hook = Hook()
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        hook.server.server_close()


def test_a_webhook_gets_a_sentence_for_chats_and_fields_for_programs(hook):
    assert post(hook.url, ALERT)
    assert hook.got == [
        {
            "path": "/secret-path",
            "type": "application/json",
            "text": "T0009 is new: invoice, refund &amp; &lt;!channel&gt;",  # nobody is called by a topic's words
            "event": "topics.topic.born",
            "model": "mails",
            "details": {"topic_id": "T0009", "size": 12},
        }
    ]


def test_slack_gets_the_sentence_alone(hook, monkeypatch):
    monkeypatch.setattr(alerts, "_ONLY_TEXT", ("127.0.0.1",))
    assert post(hook.url, ALERT)
    assert set(hook.got[0]) == {"path", "type", "text"}


def test_the_address_can_be_a_secret_of_the_environment(hook, monkeypatch, caplog):
    monkeypatch.setenv("CHAT", hook.url)
    assert post("$CHAT", ALERT)
    assert post("${CHAT}", ALERT)
    assert not post("$NO_CHAT", ALERT)
    assert "there is no environment variable NO_CHAT" in caplog.text


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(hook, code):
    hook.answers = [code, code, 200]
    assert post(hook.url, ALERT)
    assert len(hook.got) == 3


def test_three_times_is_enough(hook, caplog):
    hook.answers = [500]
    assert not post(hook.url, ALERT)
    assert len(hook.got) == 3
    assert "the webhook at 127.0.0.1 was not told of topics.topic.born: it answered 500" in caplog.text
    assert "secret-path" not in caplog.text


def test_what_a_server_refuses_it_will_refuse_again(hook):
    hook.answers = [404]
    assert not post(hook.url, ALERT)
    assert len(hook.got) == 1


def test_a_server_may_ask_for_time_but_not_for_too_much(hook, monkeypatch):
    waited = []
    monkeypatch.setattr(alerts.time, "sleep", waited.append)
    hook.answers, hook.headers = [429], {"Retry-After": "3600"}
    assert not post(hook.url, ALERT)
    assert [wait for wait in waited if wait] == [10.0, 10.0]


def test_a_server_that_does_not_answer_is_given_up(hook, monkeypatch, caplog):
    monkeypatch.setattr(alerts, "_TIMEOUT", 0.1)
    hook.pause = 0.5
    began = time.monotonic()
    assert not post(hook.url, ALERT)
    assert time.monotonic() - began < 5
    assert "ReadTimeout" in caplog.text


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "no address", "http://[::1", "ftp://127.0.0.1/x", ""])
def test_what_is_no_server_fails_nothing(address, monkeypatch, caplog):
    monkeypatch.setattr(alerts, "_WAITS", (0.0, 0.0))
    assert not post(address, ALERT)
    assert "was not told of" in caplog.text


@pytest.mark.parametrize(
    ("event", "level"),
    [(COMPLETED, logging.INFO), (BORN, logging.WARNING), (DRIFT, logging.WARNING), (FAILED, logging.ERROR)],
)
def test_an_alert_is_logged_and_emitted_and_posted(event, level, hook, monkeypatch, caplog):
    from prefect import events

    emitted = []
    monkeypatch.setattr(events, "emit_event", lambda name, resource, payload: emitted.append((name, resource, payload)))
    with caplog.at_level(logging.INFO, "topics"):
        details = {"run": "0002", "update": {"decision": "assigned"}}
        tell(Alert(event, "mails", "What happened.", details), [hook.url, "http://127.0.0.1:9/down"])
    assert (logging.getLogger("topics.flows").name, level, "What happened.") in caplog.record_tuples
    resource = {"prefect.resource.id": "topics.model.mails", "prefect.resource.name": "mails"}
    assert emitted == [(event, {**resource, "topics.decision": "assigned"}, {"text": "What happened.", **details})]
    assert [(got["event"], got["text"]) for got in hook.got] == [(event, "What happened.")]
