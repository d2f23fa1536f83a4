from __future__ import annotations

import pytest
from embedding_service import KEY, Service

from topics.embedding.remote import RemoteEncoder


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
