"""A run as a card, which a notebook shows where the run is the last line of a cell."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from topics.figures.style import DARK, LIGHT, colours_by_topic
from topics.report.plain import count, percent, plain
from topics.templating import environment

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from jinja2 import Template

    from topics.run import Run

_SHOWN, _TERMS = 12, 8  # topics, and words of each
_TOLD = (
    ("coverage", "share of the documents with text that have a topic"),
    ("stability", "how far topics come again when grouped again, 0 to 1"),
    ("npmi", "coherence of the words: how much more than by chance they meet, −1 to 1"),
    ("diversity", "share of the words that only one topic has"),
)


def card(run: Run) -> str:
    """Tell what a run found, as a piece of HTML for a notebook.

    It follows the colours of Jupyter, VS Code or the system, needs no script, and shows foreign text as text.
    """
    metrics = run.metrics
    light, dark = colours_by_topic(run, LIGHT), colours_by_topic(run, DARK)
    largest = max(run.topics["size"].max() if len(run.topics) else 1, 1)
    shown = run.topics.head(_SHOWN)
    topics = [
        {
            "id": plain(row["topic_id"], 20),
            "name": plain(row["name"], 80),
            "terms": plain(", ".join(plain(term, 30) for term in _beyond_the_name(row)), 160),
            "size": count(int(row["size"])),
            "share": percent(float(row["share"])),
            "width": round(100 * float(row["size"]) / largest, 1),
            "light": light[number],
            "dark": dark[number],
        }
        for number, row in enumerate(shown.to_dict("records"))
    ]
    told = [
        (name, percent(metrics[name]) if name == "coverage" else f"{metrics[name]:.2f}".replace("-", "−"), meaning)
        for name, meaning in _TOLD
        if metrics.get(name) is not None
    ]
    return _template().render(
        title=plain(run.config.title, 120) or "Topics",
        run=run.provenance["run"],
        encoder=plain(run.model.encoder, 60),
        documents=count(len(run.documents)),
        number=count(len(run.topics)),
        outliers=count(int(metrics["outliers"])),
        told=told,
        topics=topics,
        left=count(len(run.topics) - len(shown)) if len(run.topics) > len(shown) else "",
    )


def _beyond_the_name(row: Mapping[Hashable, Any]) -> Sequence[str]:
    """The words of a topic, less those that are its name already."""
    terms = list(row["terms"])[:_TERMS]
    named = next((end for end in range(len(terms), 0, -1) if ", ".join(terms[:end]) == row["name"]), 0)
    return terms[named:]


@cache
def _template() -> Template:
    return environment("topics.figures").get_template("card.html.j2")
