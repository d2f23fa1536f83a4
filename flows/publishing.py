"""Show a run where Prefect shows results, and tell what became of it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from flows.alerts import BORN, COMPLETED, DRIFT, FAILED, Alert, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from topics.run import Run

log = logging.getLogger("topics.flows")

_ROWS = 50  # topics in a table artifact
_LONGEST = 100_000  # characters of a report in an artifact, which lies in Prefect's database
_NOT_ALLOWED = "a refit was not allowed"  # begins the reason of an update that should have been a refit
_MOST_BORN = 10  # topics told of one by one


def listen() -> None:
    """Let Prefect have what the library logs, unless somebody has decided how much of it is to be heard."""
    logger = logging.getLogger("topics")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


def show(run: Run, folder: Path) -> None:
    """Artifacts: the report with a link to the HTML one, a table of the topics, what changed since the run before."""
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    page = (folder / "report.html").absolute()
    if page.is_file():
        report = (folder / "report.md").read_text("utf-8")[:_LONGEST]
        create_markdown_artifact(
            key="topics-report", markdown=f"[{folder / 'report.html'}]({page.as_uri()})\n\n{report}"
        )
    shown = run.topics[["topic_id", "size", "share", "terms"]].head(_ROWS)
    shown = shown.assign(terms=[" ".join(terms) for terms in shown["terms"]])
    create_table_artifact(
        key="topics-table",
        table=_plain(shown),  # plain numbers: Prefect refuses NumPy's
        description=f"{len(run.topics)} topics in {len(run.documents)} documents",
    )
    changes = run.lineage[run.lineage["event"] != "continued"]
    if len(changes):
        told = ["event", "topic_id", "previous_id", "size", "previous_size", "similarity"]
        create_table_artifact(key="topics-changes", table=_plain(changes[told].head(_ROWS)), description="What changed")


def _plain(table: Any) -> list[dict[str, Any]]:
    return list(json.loads(table.to_json(orient="records")))


def alerts_of(run: Run, model: str, folder: Path) -> Iterator[Alert]:
    """What is worth telling of a run that was published: that it is there, drift, and newborn topics."""
    update = run.updated
    told = _told(run, folder)
    yield completed(run, model, folder)
    if not update:
        return  # of the first run everything is new
    lineage, names = run.lineage, dict(zip(run.topics["topic_id"], run.topics["name"], strict=True))
    drifted = lineage[lineage["event"] == "drifted"]
    due = update["reason"] if update["decision"] == "assigned" and update["reason"].startswith(_NOT_ALLOWED) else ""
    if len(drifted) or update.get("drifted") or due:
        ids = drifted["topic_id"].tolist()
        which = ", ".join(f"{name} ({names.get(name, '')})" for name in ids) or "taken together"
        reworded, error = update.get("term_shift", 0.0), update.get("term_shift_error", 0.0)
        moved = f"the centroids by {update['drift']:.2f}, the words by {reworded:.2f} (error {error:.2f})"
        text = f"{model}: topics have drifted: {which}; {moved}{due and f'; {due}'}."
        yield Alert(DRIFT, model, text, {**told, "topics": ids, "update": update})
    born = lineage[lineage["event"] == "born"]
    for _, row in born.head(_MOST_BORN).iterrows():
        text = (
            f"{model} has a new topic: {row['topic_id']} ({names.get(row['topic_id'], '')}), {row['size']} documents."
        )
        yield Alert(BORN, model, text, {**told, "topic_id": row["topic_id"], "size": int(row["size"])})
    if len(born) > _MOST_BORN:
        yield Alert(BORN, model, f"{model} has {len(born) - _MOST_BORN} more new topics.", told)


def completed(run: Run, model: str, folder: Path) -> Alert:
    """That a run is there."""
    metrics, update = run.metrics, run.updated
    came = f", {update['documents_new']:,} documents new" if update else ""
    text = f"{model}: {metrics['topics']:,} topics in {metrics['documents']:,} documents{came}. {folder}"
    numbers = {name: metrics[name] for name in ("documents", "topics", "coverage")}
    return Alert(COMPLETED, model, text, {**_told(run, folder), **numbers, "update": update})


def _told(run: Run, folder: Path) -> dict[str, Any]:
    return {"run": run.provenance["run"], "folder": str(folder), "report": str(folder / "report.html")}


def tell_of(run: Run, model: str, folder: Path, webhooks: Sequence[str]) -> None:
    """Log, emit and post what is worth telling; the run's completion goes to no webhook."""
    answering = list(webhooks)
    for alert in alerts_of(run, model, folder):
        if alert.event == COMPLETED:
            tell(alert)
        else:
            answering = tell(alert, answering)  # who did not answer is not waited for again


def tell_failure(flow: Any, flow_run: Any, state: Any) -> None:
    """Hook for flows that failed or crashed: log, event, webhooks."""
    config: Mapping[str, Any] = {}
    given = (flow_run.parameters or {}).get("config")
    if given is not None:
        config = given if isinstance(given, dict) else given.model_dump()
    model = str(config.get("model") or config.get("input") or flow.name)
    text = f"{flow_run.name} ended as {state.name}: {state.message or 'no message'}"
    details = {"flow_run": str(flow_run.id), "flow": flow.name, "state": state.name}
    tell(Alert(FAILED, model, text, details), config.get("webhooks") or ())
