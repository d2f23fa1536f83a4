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
class Similar:
    """A topic near another one."""

    topic: int
    similarity: float  # cosine of the centroids


@dataclass(frozen=True)
class Part:
    """A coarser topic that a topic is part of, and the other parts of it."""

    topics: int  # how many there are of that coarseness
    name: str
    others: tuple[int, ...]  # largest first, at most `summary.OTHERS`
    parts: int  # how many parts it has in all


@dataclass(frozen=True)
class Sub:
    """A finer topic within a topic."""

    name: str
    label: str  # short enough for a map
    words: tuple[str, ...]  # what tells it from the others of its topic
    size: int
    share: float  # of the topic
    stability: float | None
    central: str  # id of the document in its middle
    place: tuple[int, int] | None  # of that on the map


@dataclass(frozen=True)
class Burst:
    """Periods in a row in which a topic was much more frequent than it is on the whole."""

    first: int  # of the periods of the timeline
    last: int
    documents: int  # of the topic, in these periods
    weight: float  # how much likelier the counts are with the burst than without, in nats
    words: tuple[str, ...] = ()  # of the topic, in the period of the burst that has most documents


@dataclass(frozen=True)
class Trend:
    """The share of a topic among the dated documents, in the first and in the second half of the periods."""

    before: float
    after: float
    z: float  # of the difference

    @property
    def change(self) -> float:
        return self.after - self.before


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
    similar: tuple[Similar, ...] = ()  # nearest first
    part_of: tuple[Part, ...] = ()  # finest first
    subs: tuple[Sub, ...] = ()  # largest first
    counts: tuple[int, ...] = ()  # documents in each period of the timeline
    bursts: tuple[Burst, ...] = ()
    trend: Trend | None = None


@dataclass(frozen=True)
class Points:
    """Documents on the map, column by column; topic -1 for an outlier."""

    ids: tuple[str, ...]
    topics: tuple[int, ...]
    x: tuple[int, ...]
    y: tuple[int, ...]
    words: tuple[str, ...] = ()  # the first ones of each; none at all where a run keeps none
    classes: tuple[int, ...] = ()  # place in `Summary.classes.names`, -1 for none
    days: tuple[int, ...] = ()  # since 1970, `UNDATED` for none

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Timeline:
    """Periods that the documents are dated in."""

    unit: str  # hour, day, week, month, quarter or year
    periods: tuple[str, ...]  # when each begins: 2024-03-01, 2024-03, 2024-Q1, 2024
    totals: tuple[int, ...]  # documents of each, with and without a topic
    undated: int


@dataclass(frozen=True)
class Classes:
    """How many documents of each topic are of each class."""

    names: tuple[str, ...]  # most frequent first
    totals: tuple[int, ...]  # documents of each class, with and without a topic
    counts: tuple[tuple[int, ...], ...]  # a row for each topic
    unclassed: int


@dataclass(frozen=True)
class WordMatrix:
    """How strongly terms belong to topics."""

    topics: tuple[int, ...]
    terms: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]  # c-TF-IDF in nats, a row for each term


@dataclass(frozen=True)
class Merge:
    """One step on the way from all topics to one."""

    kept: int
    gone: int
    name: str  # of what becomes of the two
    documents: int


@dataclass(frozen=True)
class Example:
    """A document without a topic."""

    id: str
    text: str  # its first words; empty where a run keeps none
    reason: str
    nearest: int  # topic, -1 for none
    confidence: float | None  # how often it is expected there


@dataclass(frozen=True)
class Repeated:
    """A text that several documents carry."""

    documents: int
    topic: int
    ids: tuple[str, ...]  # the first few
    text: str


@dataclass(frozen=True)
class Change:
    """What became of a topic of the run before, or where one of this run comes from."""

    event: str
    topic_id: str  # of this run; of the one before for one that died
    name: str
    previous_id: str
    size: int
    previous_size: int
    shared: int  # documents in both
    similarity: float | None
    terms: float | None  # overlap, 0 to 1


@dataclass(frozen=True)
class Update:
    """How this run follows from the one before."""

    changes: tuple[Change, ...]
    numbers: tuple[tuple[str, float | int | str], ...]


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
class Evaluated:
    """What was measured of a run afterwards, by fitting again and by reading its texts again."""

    seeds: int  # further fits with other seeds
    resamples: int  # further fits of a share of the texts
    share: float
    numbers: tuple[Metric, ...]
    measures: tuple[str, ...]  # those that tell topics apart
    topics: tuple[tuple[str, tuple[float | None, ...]], ...]  # a topic's id, and its values
    left_out: tuple[tuple[str, str], ...]  # what could not be measured, and why


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
    points: Points
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
    timeline: Timeline | None = None  # this and what follows: where there is something to show
    classes: Classes | None = None
    matrix: WordMatrix | None = None
    merges: tuple[Merge, ...] = ()
    examples: tuple[Example, ...] = ()
    repeated: tuple[Repeated, ...] = ()
    update: Update | None = None
    evaluated: Evaluated | None = None
    digests: tuple[tuple[str, str], ...] = ()  # what the run and its encoder are known by
