"""The topics of a run, row by row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from topics.aspects import TITLES
from topics.report.kinship import parts_of, similar_topics, subs_of
from topics.report.map import colours_of
from topics.report.numbers import number
from topics.report.plain import ID, label, plain
from topics.report.values import Excerpt, Term, TopicRow, Words
from topics.run import aspects_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from topics.report.values import Burst, Trend
    from topics.run import Run

_NAME, _TERM = 120, 60  # longest, in characters
_TEXT, _ALL_TEXTS, _SHORTEST = 600, 1_000_000, 120  # of a representative document, of all, and of one among very many
_MANY, _SHOWN = 400, 3  # topics, of which each shows so many documents and is named as part of one coarser topic


def rows_of(
    run: Run,
    places: Mapping[int, tuple[int, int]],
    counts: Sequence[Sequence[int]],
    bursts: Sequence[tuple[Burst, ...]],
    trends: Sequence[Trend | None],
    spots: Mapping[str, tuple[int, int]],
) -> tuple[TopicRow, ...]:
    """A row for each topic, by number; of `counts`, `bursts` and `trends`, which may be empty, a row each as well.

    `spots` are places on the map by document id.
    """
    texts: dict[int, list[Excerpt]] = {}
    many = len(run.topics) > _MANY
    length = _SHORTEST if many else max(_SHORTEST, min(_TEXT, _ALL_TEXTS // max(len(run.representatives), 1)))
    for record in run.representatives.to_dict("records"):
        excerpt = Excerpt(plain(record["id"], ID), plain(record["text"], length))
        texts.setdefault(int(record["topic"]), []).append(excerpt)
    numbers = [int(topic) for topic in run.topics["topic"]] if len(run.topics) else []
    colours, similar, parts = colours_of(numbers, places), similar_topics(run), parts_of(run)
    subs = subs_of(run, spots)
    rows = []
    for place, (topic, record) in enumerate(zip(numbers, run.topics.to_dict("records"), strict=True)):
        topic_id = plain(record["topic_id"], _TERM)
        name = plain(record["name"], _NAME) or topic_id
        rows.append(
            TopicRow(
                topic=topic,
                topic_id=topic_id,
                anchor=topic_id if re.fullmatch(r"T\d+", topic_id) else f"topic-{topic}",
                name=name,
                label=label(name),
                size=int(record["size"]),
                share=float(record["share"]),
                coherence=number(record.get("npmi")),
                stability=number(record.get("stability")) if run.config.consensus else None,
                terms=_terms(record["terms"], record["term_weights"]),
                representatives=tuple(texts.get(topic, ()))[: _SHOWN if many else None],
                colour=colours[topic],
                place=places.get(topic),
                aspects=tuple(
                    Words(aspect, plain(TITLES.get(aspect, aspect), _TERM), tuple(plain(word, _TERM) for word in words))
                    for aspect, words in aspects_of(record)
                ),
                similar=similar[place],
                part_of=parts[place][: 1 if many else None],
                subs=subs.get(record["topic_id"], ()),
                counts=tuple(map(int, counts[topic])) if len(counts) else (),
                bursts=bursts[topic] if len(bursts) else (),
                trend=trends[topic] if len(trends) else None,
            )
        )
    return tuple(sorted(rows, key=lambda row: row.topic))


def _terms(terms: Sequence[str], weights: Sequence[float]) -> tuple[Term, ...]:
    values = [number(weight) or 0.0 for weight in weights]
    strongest = max(values, default=0.0)
    scale = 1 / strongest if strongest > 0 else 0.0
    return tuple(
        Term(plain(term, _TERM), round(max(value * scale, 0.0), 4)) for term, value in zip(terms, values, strict=True)
    )
