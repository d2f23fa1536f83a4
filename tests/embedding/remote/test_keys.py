"""A key goes to the service it was meant for, in one header, and is shown nowhere."""

from __future__ import annotations

import json
import logging

import pytest
from embedding_service import KEY, TEXTS, assert_right, says

from topics.data import Corpus
from topics.embedding import embed
from topics.embedding.remote import RemoteEncoder
from topics.errors import InvalidConfig
from topics.store import Store


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


def test_a_key_goes_to_nobody_it_was_not_meant_for(service, encoder, waits):
    RemoteEncoder("m", url=service.url, wait=waits.append).encode(TEXTS[:1])
    assert "Authorization" not in service.headers[-1]
