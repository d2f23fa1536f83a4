from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from builders import make_run

from flows import publishing
from flows.alerts import BORN, COMPLETED, DRIFT, FAILED
from topics.updates.matching import no_lineage

if TYPE_CHECKING:
    from topics.run import Run

FOLDER = Path("outputs/models/mails/runs/0002")


def updated(*events: tuple[str, str], **changes: Any) -> Run:
    """A run that goes on from another, with what became of its topics."""
    rows = [
        {"event": event, "topic_id": topic, "previous_id": "", "size": 12, "previous_size": 0}
        for event, topic in events
    ]
    lineage = pd.concat([no_lineage(), pd.DataFrame(rows)]) if rows else no_lineage()
    told = {
        "documents_new": 20,
        "documents_dropped": 0,
        "drift": 0.0,
        "term_shift": 0.0,
        "term_shift_error": 0.0,
        "drifted": False,
        "novelty": 0.0,
        "decision": "assigned",
        "reason": "",
    }
    return dataclasses.replace(make_run(n=60, k=3), lineage=lineage, updated={**told, **changes})


def alerts(run: Run) -> list[tuple[str, str]]:
    return [(alert.event, alert.text) for alert in publishing.alerts_of(run, "mails", FOLDER)]


def test_of_a_first_run_there_is_nothing_to_tell_but_that_it_is_there():
    ((event, text),) = alerts(make_run(n=60, k=3))
    assert (event, text) == (COMPLETED, f"mails: 3 topics in 60 documents. {FOLDER}")


def test_an_update_in_which_all_is_as_it_was_says_how_many_documents_came():
    assert alerts(updated(("continued", "T0001"))) == [
        (COMPLETED, f"mails: 3 topics in 60 documents, 20 documents new. {FOLDER}")
    ]


def test_newborn_topics_are_told_one_by_one_up_to_ten():
    run = updated(*[("born", "T0002")] * 12)
    name = run.topics["name"][1]
    _, *born = alerts(run)
    assert born[0] == (BORN, f"mails has a new topic: T0002 ({name}), 12 documents.")
    assert [text for _, text in born][10:] == ["mails has 2 more new topics."]


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (updated(("drifted", "T0001")), "topics have drifted: T0001 ("),
        (
            updated(drift=0.5, term_shift=0.3, term_shift_error=0.08, drifted=True),
            "taken together; the centroids by 0.50, the words by 0.30 (error 0.08)",
        ),
        (
            updated(reason="a refit was not allowed, though 30 documents lie together"),
            "though 30 documents lie together",
        ),
    ],
    ids=["a topic", "the topics together", "a refit is due"],
)
def test_drift_is_told(run, said):
    _, (event, text) = alerts(run)
    assert event == DRIFT
    assert said in text


def test_shifts_that_are_no_reason_to_refit_are_no_drift():
    assert len(alerts(updated(term_shift=0.3, term_shift_error=0.15))) == 1


def test_a_refit_for_its_own_sake_is_no_drift():
    assert len(alerts(updated(decision="refitted", reason="asked for"))) == 1


def test_webhooks_are_told_of_what_needs_a_look_and_one_that_is_down_is_not_asked_again(monkeypatch):
    told = []

    def tell(alert: Any, webhooks: Any = ()) -> list[str]:
        told.append((alert.event, list(webhooks)))
        return [webhook for webhook in webhooks if webhook != "down"]

    monkeypatch.setattr(publishing, "tell", tell)
    run = updated(("drifted", "T0001"), ("born", "T0003"))
    publishing.tell_of(run, "mails", FOLDER, ("down", "up"))
    assert told == [(COMPLETED, []), (DRIFT, ["down", "up"]), (BORN, ["up"])]


def test_the_hook_tells_of_a_failed_run_whatever_its_parameters_are(monkeypatch):
    told = []
    monkeypatch.setattr(publishing, "tell", lambda alert, webhooks: told.append((alert, list(webhooks))))

    class Told:
        name, message, id = "mails from inbox", None, "1"
        parameters: Any = None

    for parameters in ({}, {"config": {"model": "mails", "webhooks": ["hook"]}}, {"config": {"input": "a.csv"}}):
        Told.parameters = parameters
        publishing.tell_failure(Told, Told, Told)
    assert [(alert.event, alert.model, webhooks) for alert, webhooks in told] == [
        (FAILED, "mails from inbox", []),
        (FAILED, "mails", ["hook"]),
        (FAILED, "a.csv", []),
    ]
    assert told[0][0].text == "mails from inbox ended as mails from inbox: no message"
