"""Tell people what a run found: the log, an event in Prefect, and webhooks.

A webhook gets one JSON object with a sentence in `text`, which Slack, Mattermost and Rocket.Chat show as
a message, and the same in fields for programs. What cannot be told is logged and fails nothing.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from topics.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

log = logging.getLogger("topics.flows")

COMPLETED = "topics.run.completed"
FAILED = "topics.run.failed"
DRIFT = "topics.drift.detected"
BORN = "topics.topic.born"

_ONLY_TEXT = ("hooks.slack.com",)  # hosts that may refuse a message with fields of our own
_TIMEOUT = 5.0  # seconds for each attempt
_WAITS = (0.5, 2.0)  # seconds before the second and the third
_LONGEST_WAIT = 10.0  # seconds, whatever a server asks for


@dataclass(frozen=True)
class Alert:
    """Something people want to know of."""

    event: str  # `COMPLETED`, `FAILED`, `DRIFT` or `BORN`
    model: str
    text: str  # one sentence
    details: dict[str, Any] = field(default_factory=dict)  # JSON-ready

    def payload(self) -> dict[str, Any]:
        """What a webhook gets.

        Examples
        --------
        >>> Alert("topics.topic.born", "mails", "T0009: a <new> topic", {"size": 4}).payload()["text"]
        'T0009: a &lt;new&gt; topic'
        """
        # In the chats that read `text`, <...> is a link or calls people.
        text = self.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {"text": text, "event": self.event, "model": self.model, "details": self.details}


def tell(alert: Alert, webhooks: Iterable[str] = ()) -> list[str]:
    """Log an alert, emit it as an event of Prefect, and post it to every webhook; give those that took it."""
    level = logging.INFO if alert.event == COMPLETED else logging.ERROR if alert.event == FAILED else logging.WARNING
    log.log(level, "%s", alert.text)
    emit(alert)
    return [webhook for webhook in webhooks if post(webhook, alert)]


def emit(alert: Alert) -> None:
    """Emit an alert as an event, for automations."""
    from prefect.events import emit_event

    resource = {"prefect.resource.id": f"topics.model.{alert.model}", "prefect.resource.name": alert.model}
    if decision := alert.details.get("update", {}).get("decision"):
        resource["topics.decision"] = decision  # automations can ask for labels, not for what is in the payload
    emit_event(alert.event, resource, payload={"text": alert.text, **alert.details})


def post(webhook: str, alert: Alert) -> bool:
    """Post an alert to a webhook, at most three times, and tell whether it arrived.

    Parameters
    ----------
    webhook : str
        A URL, or $NAME for the environment variable that holds it.
    alert : Alert
    """
    import httpx

    try:
        url = secret(webhook)
        payload = alert.payload()
        if urlsplit(url).hostname in _ONLY_TEXT:
            payload = {"text": payload["text"]}
        content = json.dumps(payload, ensure_ascii=False, default=str).encode("utf-8", "replace")
        for wait in (*_WAITS, None):
            answer: httpx.Response | None = None
            try:
                answer = httpx.post(
                    url, content=content, headers={"Content-Type": "application/json"}, timeout=_TIMEOUT
                )
                if answer.is_success:
                    return True
                why = f"it answered {answer.status_code}"
            except httpx.TransportError as error:
                why = f"{type(error).__name__}: {error}"
            again = answer is None or answer.status_code == 429 or answer.status_code >= 500
            if wait is None or not again:
                break
            time.sleep(_asked_wait(answer) or wait)
    except (InvalidConfig, httpx.InvalidURL, ValueError) as error:
        why = str(error)
    # The path of a webhook is its password.
    log.warning("the webhook at %s was not told of %s: %s", _host_of(webhook), alert.event, why)
    return False


def secret(value: str) -> str:
    """A value, or what the environment variable holds that it names.

    Examples
    --------
    >>> secret("https://example.org/hook")
    'https://example.org/hook'

    Raises
    ------
    InvalidConfig
        If there is no such variable.
    """
    if not value.startswith("$"):
        return value
    name = value[1:].strip("{}")
    if name not in os.environ:
        raise InvalidConfig(f"{value}: there is no environment variable {name} where this runs; set it there.")
    return os.environ[name]


def _asked_wait(answer: Any) -> float:
    """Seconds a server asks to wait for, if it does."""
    told = answer.headers.get("Retry-After", "") if answer is not None else ""
    return min(float(told), _LONGEST_WAIT) if told.isdigit() else 0.0


def _host_of(webhook: str) -> str:
    if webhook.startswith("$"):
        return webhook
    try:
        return urlsplit(webhook).hostname or "an address without a host"
    except ValueError:
        return "an unreadable address"
