"""The numbers of a run as sentences, and the words for high and low."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

from topics.report.plain import count, percent, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from topics.report.values import Change, Evaluated, Timeline, TopicRow, Update

CLEAR = 0.00135  #: how likely chance alone may be to move any topic so far one way: three standard errors for one topic
_BOUNDS = {"coverage": (0.9, 0.7), "stability": (0.85, 0.65), "npmi": (0.1, 0.03)}  # high from, fair from


def found(topics: Sequence[TopicRow], documents: int, outliers: int, empties: int) -> Iterator[str]:
    if not topics:
        yield f"No topic was found in {_many(documents, 'document')}."
        return
    were = "was" if len(topics) == 1 else "were"
    yield f"{_many(len(topics), 'topic')} {were} found in {_many(documents, 'document')}."
    largest = max(topics, key=lambda row: row.size)
    told = f"{quoted(largest.name)} ({largest.topic_id}) with {_many(largest.size, 'document')}"
    whole = "those with text" if empties else "all"
    if len(topics) == 1:
        yield f"It is {told}, {percent(largest.share)} of {whole}."
    else:
        smallest = min(row.size for row in topics)
        yield f"The largest is {told}, {percent(largest.share)} of {whole}; the smallest has {count(smallest)}."
    if outliers:
        yield f"Left over as outliers, near no topic: {_many(outliers, 'document')}."
    else:
        yield "There are no outliers."


def moved(topics: Sequence[TopicRow], timeline: Timeline | None) -> Iterator[str]:
    """Which topics gained and lost most from one half of the time to the other, beyond chance, and which burst."""
    if timeline is None or not topics:
        return
    errors = NormalDist().inv_cdf(1 - CLEAR / len(topics))  # more where there are more topics that chance could move
    clear = [(row, row.trend) for row in topics if row.trend is not None and abs(row.trend.z) > errors]
    gained = max(clear, key=lambda pair: (pair[1].change, -pair[0].topic), default=None)
    lost = min(clear, key=lambda pair: (pair[1].change, pair[0].topic), default=None)
    middle = timeline.periods[len(timeline.periods) // 2]
    told = []
    if gained is not None and gained[1].change > 0:
        told.append(f"{_titled(gained[0])} gained most, from {_course(gained[1].before, gained[1].after)}")
    if lost is not None and lost[1].change < 0:
        told.append(f"{_titled(lost[0])} lost most, from {_course(lost[1].before, lost[1].after)}")
    if told:
        yield f"Before {middle} and since, as shares of the dated documents: {_listed(told, last='; ')}."
    else:
        yield f"No topic has clearly gained or lost documents since {middle}, compared with the time before."
    longest = max(1, len(timeline.periods) // 4)  # what lasts longer is a change rather than a burst
    bursting = [(row, burst) for row in topics for burst in row.bursts if burst.last - burst.first < longest]
    if bursting:
        row, burst = max(bursting, key=lambda pair: (pair[1].weight, -pair[0].topic))
        first, last = timeline.periods[burst.first], timeline.periods[burst.last]
        when = f"in {first}" if first == last else f"from {first} to {last}"
        yield f"The clearest burst is that of {_titled(row)} {when}: {_many(burst.documents, 'document')}."


def followed(update: Update | None) -> Iterator[str]:
    """What became of the topics of the run before, most telling first."""
    if update is None:
        return
    by_event: dict[str, list[Change]] = {}
    for change in update.changes:
        by_event.setdefault(change.event, []).append(change)
    ids = {
        event: {row.previous_id if event == "died" else row.topic_id for row in rows}
        for event, rows in by_event.items()
    }
    verbs = {
        "born": "new",
        "died": "gone",
        "split": "split off from larger ones",
        "merged": "made of several",
        "drifted": "drifted",
        "continued": "continued",
    }
    counts = [f"{count(len(ids[event]))} {verb}" for event, verb in verbs.items() if event in ids]
    if counts:
        yield f"Of the topics, {_listed(counts)}."
    if born := by_event.get("born"):
        largest = max(born, key=lambda row: (row.size, row.topic_id))
        named = f"{quoted(largest.name)} ({largest.topic_id})"
        yield f"The largest new one is {named} with {_many(largest.size, 'document')}."
    numbers = dict(update.numbers)
    if isinstance(new := numbers.get("documents_new"), int):
        dropped = numbers.get("documents_dropped")
        gone = f", and {count(dropped)} left" if isinstance(dropped, int) and dropped else ""
        yield f"{_many(new, 'document')} came in{gone}."
    if isinstance(novelty := numbers.get("novelty"), float):
        yield f"Novelty is {percent(novelty)}: the share of the documents that came which no topic of before wants."


def trust(topics: Sequence[TopicRow], coverage: float | None, known: Mapping[str, float | None]) -> Iterator[str]:
    if not topics:
        yield "There is nothing to trust or distrust."
        return
    if coverage is not None:
        yield f"Coverage is {_word('coverage', coverage)}: {percent(coverage)} of the documents with text have a topic."
    stability = known.get("stability")
    if stability is None:
        yield "Stability was not measured."
    else:
        yield (
            f"Stability is {_word('stability', stability)} ({_signed(stability)}): when the grouping is repeated, "
            "that share of the ties between similar documents stays inside a group."
        )
    npmi = known.get("npmi")
    if npmi is None:
        yield "Coherence was not measured."
        return
    word = _word("npmi", npmi)
    often = {"high": "clearly more often than", "fair": "more often than", "low": "hardly more often than"}[word]
    often = "no more often than" if npmi <= 0 else often
    yield f"Coherence is {word} (NPMI {_signed(npmi)}): the terms of a topic occur together {often} by chance."
    weak = sorted((row for row in topics if row.coherence is not None and row.coherence <= 0), key=_coherence)
    if weak and len(topics) > 1:
        shown = ", ".join(row.topic_id for row in weak[:5])
        shown += f" and {count(len(weak) - 5)} more" if len(weak) > 5 else ""
        yield f"In {_many(len(weak), 'topic')} they do so no more often than by chance; read with care: {shown}."


def again(evaluated: Evaluated | None) -> Iterator[str]:
    """How far further fits found the same topics, where there were any."""
    if evaluated is None:
        return
    known = {metric.name: metric.value for metric in evaluated.numbers}
    kinds = (
        ("seed", evaluated.seeds, "with other seeds"),
        ("resample", evaluated.resamples, f"with {percent(evaluated.share)} of the texts"),
    )
    told = [
        f"{how} ({_times(fits)}), to an ARI of {_signed(agreement)}"
        for kind, fits, how in kinds
        if fits and (agreement := known.get(f"{kind}_ari")) is not None
    ]
    if told:
        yield f"Fitted again, topics are found as they are here {_listed(told)}; 1 is the same, 0 mere chance."


def was_read(
    documents: pd.DataFrame,
    duplicates: int | None,
    empties: int | None,
    known: Mapping[str, float | None],
    languages: Sequence[str],
    advice: Sequence[str],
) -> Iterator[str]:
    parts = []
    if (distinct := known.get("distinct")) is not None:
        parts.append(_many(int(distinct), "different text"))
    if duplicates is not None:
        parts.append(_many(duplicates, "duplicate"))
    if empties is not None:
        parts.append(f"{count(empties)} without text")
    yield f"{_many(len(documents), 'document')}{': ' if parts else ''}{_listed(parts)}."
    if "date" in documents and documents["date"].dtype.kind == "M" and documents["date"].notna().any():
        dates = documents["date"]
        yield f"They are dated from {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}."
    if (ami := known.get("ami")) is not None:
        yield f"With the classes that were given, topics agree to an AMI of {_signed(ami)}; 1 is full, 0 mere chance."
    yield from _spread(known)
    if languages:
        yield f"Stop words of {_listed(languages)} were left out of the terms."
    yield from advice


def _spread(known: Mapping[str, float | None]) -> Iterator[str]:
    """What post-processing did, where there was any."""
    names = ("effective_dimension_before", "effective_dimension", "mean_cosine_before", "mean_cosine")
    values = [value for name in names if (value := known.get(name)) is not None]
    if len(values) == len(names):
        dimensions, cosines = values[:2], values[2:]
        yield (
            f"Post-processing changed how far the vectors use their dimensions, from about {dimensions[0]:.0f} to "
            f"{dimensions[1]:.0f}, and the mean cosine of two texts, from {_signed(cosines[0])} to "
            f"{_signed(cosines[1])}."
        )


def _titled(row: TopicRow) -> str:
    return f"{quoted(row.name)} ({row.topic_id})"


def _course(before: float, after: float) -> str:
    return f"{percent(before)} to {percent(after)}"


def _word(name: str, value: float) -> str:
    high, fair = _BOUNDS[name]
    value = round(value, 2)  # as it is shown
    return "high" if value >= high else "fair" if value >= fair else "low"


def bounds() -> str:
    told = {"coverage": "coverage", "stability": "stability", "npmi": "coherence (NPMI)"}
    parts = [f"{told[name]} from {high:g} and fair from {fair:g}" for name, (high, fair) in _BOUNDS.items()]
    return f"“High” means {_listed(parts, last='; ')}; “low” is anything less. The bounds are rules of thumb."


def _many(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{count(number)} times")


def _listed(parts: Sequence[str], last: str = " and ") -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1]) if last == ' and ' else last.join(parts[:-1])}{last}{parts[-1]}"


def _signed(value: float) -> str:
    return f"{value:z.2f}".replace("-", "−")


def _coherence(row: TopicRow) -> tuple[float, int]:
    return row.coherence or 0.0, row.topic
