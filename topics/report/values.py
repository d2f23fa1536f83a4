"""What a report shows, as frozen values: plain numbers, strings and small tables of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A term of a topic; weight relative to the strongest one, 0 to 1."""

    text: str
    weight: float


@dataclass(frozen=True)
class Excerpt:
    """A representative document."""

    id: str
    text: str


@dataclass(frozen=True)
class Words:
    """Words that show a topic from another side than its terms."""

    aspect: str
    title: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class TopicRow:
    """One topic."""

    topic: int
    topic_id: str
    anchor: str  # where it stands in the page
    name: str
    label: str  # the name, short enough for a map
    size: int
    share: float  # of the documents with text
    coherence: float | None
    stability: float | None
    terms: tuple[Term, ...]
    representatives: tuple[Excerpt, ...]
    colour: int  # 0..COLOURS-1; neighbours on the map differ where they can
    place: tuple[int, int] | None  # on the map, of the document in its middle
    aspects: tuple[Words, ...] = ()  # those that have any


@dataclass(frozen=True)
class Point:
    """A document on the map; topic -1 for an outlier."""

    id: str
    topic: int
    x: int
    y: int


@dataclass(frozen=True)
class Reason:
    """Why documents have no topic."""

    reason: str
    meaning: str  # empty if it is not one of ours
    documents: int
    share: float  # of all documents


@dataclass(frozen=True)
class Metric:
    """A number about the whole; None if it was not measured."""

    name: str
    value: float | int | None
    meaning: str  # empty if it is not one of ours


@dataclass(frozen=True)
class CurvePoint:
    """What another setting of the outlier dial would give."""

    coverage: float
    threshold: float
    agreement: float


@dataclass(frozen=True)
class Setting:
    """A setting and what it is for."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Paragraph:
    """Sentences on one question."""

    heading: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """A run in plain values. Texts are printable, single lines of bounded length, and still to be escaped."""

    title: str
    documents: int
    duplicates: int | None
    empties: int | None
    brief: tuple[Paragraph, ...]
    topics: tuple[TopicRow, ...]
    aspects: tuple[tuple[str, str], ...]  # of any topic: names and titles
    outliers: tuple[Reason, ...]
    points: tuple[Point, ...]
    placed: int  # documents that have a place on the map; all of them are drawn if they are at most `DRAWN`
    metrics: tuple[Metric, ...]
    words: str  # what the words for the numbers mean
    coverage: float | None
    curve: tuple[CurvePoint, ...]
    settings: tuple[Setting, ...]
    input: tuple[tuple[str, str], ...]
    languages: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    fingerprint: str
