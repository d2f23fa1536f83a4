"""A small, consistent `Run` made by hand: what a fit would return, without fitting anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from topics.config import Config
from topics.data import NOISE, Calibration, Corpus, Poll
from topics.layers import layer_sizes
from topics.run import Model, Run, StageRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSIONS = 8
THRESHOLD = 0.35

#: Words of the topics, one topic a line; further topics get made-up words.
THEMES = tuple(
    line.split()
    for line in """
    bank rate inflation central interest monetary policy reserve deposit treasury
    match goal league striker season coach stadium referee penalty transfer
    vaccine trial patient dose virus antibody clinical infection hospital placebo
    orbit rocket launch satellite lunar spacecraft payload astronaut thruster telescope
    court judge ruling appeal lawsuit verdict plaintiff statute jury sentence
    election vote party candidate ballot coalition minister parliament poll campaign
    film director actor festival screenplay premiere scene cinema award studio
    battery vehicle electric charging motor lithium engine hybrid mileage sedan
    climate emission carbon warming glacier drought methane temperature forest rainfall
    guitar album singer concert chorus melody orchestra vinyl lyric drummer
    encryption server password malware firewall protocol breach packet kernel router
    recipe oven butter flour garlic simmer dough pepper vinegar roast
    airline runway pilot luggage terminal flight cabin boarding airport turbulence
    school teacher pupil curriculum exam classroom literacy tuition homework campus
    neuron cortex memory synapse cognition attention hippocampus stimulus dendrite sleep
    wheat harvest crop soil farmer irrigation fertiliser tractor seed drought
    painting gallery sculpture canvas exhibition portrait museum curator fresco sketch
    pipeline crude refinery barrel drilling gas shale petroleum tanker reservoir
    novel poet chapter publisher prose manuscript author fiction verse memoir
    laser photon quantum lattice electron spin superconductor qubit entanglement boson
    reef whale coral plankton salmon fishery ocean tide kelp trawler
    mortgage tenant landlord rent apartment housing zoning eviction property lease
    chess opening bishop endgame gambit knight castling tournament pawn grandmaster
    genome protein mutation enzyme sequence chromosome bacteria ribosome plasmid gene
    """.strip().splitlines()
)

#: Text that tries to be more than text.
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "{{7*7}} {% raw %} ${7*7}",
    "=cmd|' /C calc'!A0",
    "invoice\u202efdp.exe\u2066 \u200fend",
    "nul\x00bell\x07escape\x1b[31mred\x7f",
    "w" * 1_000_000,
    "javascript:alert(3) [click](javascript:alert(4)) ![x](https://evil.invalid/x.png) https://evil.invalid",
    "| a | b |\n|---|---|\n# heading\n- item `code` *em* &lt; @everyone",
    "\"><svg/onload=alert(5)> ' onmouseover='alert(6)",
    "\u2028line\u2029paragraph \ufffe\ufeff",
    "كرة القدم والدوري الممتاز",
    "深層学習と自然言語処理 👩‍👩‍👧‍👦🏳️‍🌈",
)


def make_run(n: int = 300, k: int = 5, hostile: bool = False, dates: bool = False, classes: bool = False) -> Run:
    """Make a run of n documents in k topics, the same for the same arguments.

    About 3 % of the documents repeat an earlier text, 1 % have none and 10 % are outliers.

    Parameters
    ----------
    n : int
        Documents, at least 4 for every topic.
    k : int
        Topics.
    hostile : bool
        Put `HOSTILE` into the title, ids, texts, names and terms.
    dates, classes : bool
        Add the column "date" or "class"; classes bring their metrics with them.
    """
    if n < 4 * k:
        raise ValueError(f"n={n} documents are too few for k={k} topics; at least {4 * k} are needed.")
    random = np.random.default_rng(n * 1_000 + k)
    words = _words(k, hostile)
    planned = _planned_topics(n, k, random)
    corpus = _corpus(planned, words, hostile, random, dates, classes)
    by_text = np.full(len(corpus.texts), NOISE, dtype=np.int32)
    used = corpus.rows >= 0
    by_text[corpus.rows[used]] = planned[used]
    labels, rank = _by_size(np.where(used, by_text[corpus.rows], NOISE).astype(np.int32), k)
    by_text = np.where(by_text >= 0, np.append(rank, NOISE)[by_text], NOISE).astype(np.int32)
    words = [words[old] for old in np.argsort(rank, kind="stable")]

    centres = _centres(k)
    spread = np.append(0.42 * np.sqrt(np.bincount(labels[labels >= 0], minlength=k) * k / max(n, 1)), 0)
    points = np.where(
        by_text[:, None] >= 0,
        centres[by_text] + random.normal(0, 1, (len(by_text), 2)) * spread[by_text][:, None],
        random.uniform(centres.min(0) - 1, centres.max(0) + 1, (len(by_text), 2)),
    )
    nearest = np.where(by_text >= 0, by_text, random.integers(0, k, len(by_text)) if k else NOISE).astype(np.int32)
    strengths = np.where(
        by_text >= 0, random.uniform(THRESHOLD, 1, len(by_text)), random.uniform(0, THRESHOLD, len(by_text))
    ).astype(np.float32)
    axes = _unit(random.normal(size=(k, DIMENSIONS)))
    poll = _poll(nearest, strengths, k)
    vectors = _unit((axes[nearest] if k else 0) + random.normal(0, 0.2, (len(by_text), DIMENSIONS)))
    centroids = _unit(np.array([vectors[by_text == topic].sum(0) for topic in range(k)]).reshape(k, DIMENSIONS))

    documents = pd.DataFrame(
        {
            "id": list(corpus.ids),
            "topic": labels.astype(np.int64),
            "topic_id": [f"T{topic + 1:04d}" if topic >= 0 else "" for topic in labels],
            "strength": np.where(used, strengths[corpus.rows], 0).astype(np.float32),
            "x": np.where(used, points[corpus.rows, 0], np.nan).astype(np.float32),
            "y": np.where(used, points[corpus.rows, 1], np.nan).astype(np.float32),
            "reason": pd.array(np.select([~used, labels < 0], ["empty", "unclear"], ""), dtype="str"),
        }
    ).join(corpus.meta)
    documents["confidence"] = np.where(used, poll.confidences[corpus.rows], 0).astype(np.float32)
    documents["nearest"] = np.where(used, nearest[corpus.rows], NOISE).astype(np.int64)
    documents["nearest_id"] = [f"T{topic + 1:04d}" if topic >= 0 else "" for topic in documents["nearest"]]
    documents["novelty"] = np.where(used, 0, np.nan).astype(np.float32)
    central = (vectors * centroids[nearest]).sum(1) if k else np.zeros(len(by_text), dtype=np.float32)
    representatives = _representatives(corpus, labels, central, k)
    topics = _topics(labels, words, representatives, k, int(used.sum()), random)
    weights, vocabulary = _weights(topics)
    return Run(
        documents=documents,
        topics=topics,
        representatives=representatives,
        curve=_curve(),
        layers=_layers(topics),
        subtopics=_subtopics(documents, topics),
        merges=[(0, topic) for topic in range(k - 1, 0, -1)],
        metrics=_metrics(corpus, labels, topics, classes),
        model=Model(
            keys=corpus.texts.keys,
            vectors=vectors,
            labels=by_text,
            strengths=strengths,
            nearest=nearest,
            voters=by_text,
            centroids=centroids,
            weights=weights,
            vocabulary=vocabulary,
            threshold=THRESHOLD,
            encoder="all-MiniLM-L6-v2",
            fingerprint="0" * 64,
            poll=poll,
            calibration=Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0])),
        ),
        config=Config.of(title=HOSTILE[0] if hostile else ""),
        provenance={
            "run": "0123456789ab",
            "corpus": corpus.fingerprint,
            "input": {"location": "/somewhere/documents.csv", "text": "text", "id": "id", "date": None, "class": None},
            "notes": ["The column 'text' of documents.csv is taken as the text."],
            "advice": [],
            "languages": ["en", "de"],
            "versions": {"numpy": "2.4.6", "topics": "0.1.0", "umap-learn": "0.5.12"},
        },
        stages=(StageRecord("embed", "a" * 64, cached=False, seconds=1.25),),
        rows=corpus.rows,
        excerpts=pd.DataFrame(
            [
                (name, corpus.texts.texts[row][:60])
                for name, row in zip(corpus.ids, corpus.rows, strict=True)
                if row >= 0
            ],
            columns=["id", "text"],
        ).astype("str"),
    )


def _poll(nearest: NDArray[np.int32], strengths: NDArray[np.float32], k: int) -> Poll:
    """Every text is as sure as its strength, and may be of the next topic instead."""
    topics = np.full((len(nearest), 5), NOISE, dtype=np.int32)
    probabilities = np.zeros(topics.shape, dtype=np.float32)
    if k > 1:
        topics[:, 0], topics[:, 1] = nearest, (nearest + 1) % k
        probabilities[:, 0], probabilities[:, 1] = strengths, np.minimum(strengths, (1 - strengths) / 2)
    distances = np.full(len(nearest), 0.25, dtype=np.float32)
    return Poll(strengths, strengths, distances, topics, probabilities)


def _words(k: int, hostile: bool) -> list[list[str]]:
    words = [
        list(THEMES[topic]) if topic < len(THEMES) else [f"word{topic}x{i}" for i in range(10)] for topic in range(k)
    ]
    if hostile:
        for i, text in enumerate(HOSTILE):
            words[i % k][i // k % 10] = text
    return words


def _planned_topics(n: int, k: int, random: np.random.Generator) -> NDArray[np.int32]:
    """A topic for every document, each topic at least 3 times, sizes falling off slowly."""
    outliers = n // 10 if k else n
    falling = 1 / (np.arange(k) + 2) ** 0.6
    topics = np.arange(3 * k) % max(k, 1)
    rest = random.choice(k, n - outliers - len(topics), p=falling / falling.sum()) if k else np.array([], dtype=int)
    return random.permutation(np.concatenate([topics, rest, np.full(outliers, NOISE)])).astype(np.int32)


def _corpus(
    planned: NDArray[np.int32],
    words: list[list[str]],
    hostile: bool,
    random: np.random.Generator,
    dates: bool,
    classes: bool,
) -> Corpus:
    n = len(planned)
    everything = sorted({word for topic in words for word in topic if len(word) < 100}) or ["nothing"]
    texts: list[str | None] = []
    for row, topic in enumerate(planned):
        of = words[topic] if topic >= 0 else everything
        chosen = (of[place][:40] for place in random.integers(0, len(of), 12))
        texts.append(f"Document {row} says: {' '.join(chosen)}.")
    outliers = np.flatnonzero(planned < 0)
    for row in outliers[: n // 100]:
        texts[row] = None
    # Copies stand in for documents of topics that have plenty, so that none falls below three.
    plenty = np.flatnonzero((planned >= 0) & (np.bincount(planned + 1)[planned + 1] > 12))[: n // 33]
    for row in plenty:
        texts[row] = texts[int(np.flatnonzero(planned == planned[row])[-1])]
    ids = [f"d{row:05d}" for row in range(n)]
    if hostile:
        for i, text in enumerate(HOSTILE):
            ids[i] = f"{i} {text}"
            if texts[i] is not None:
                texts[i] = f"{text} {texts[i]}"
    meta: dict[str, object] = {}
    if dates:
        meta["date"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 600, n), unit="D")
    if classes:
        meta["class"] = [f"class {topic % 3}" if topic >= 0 else "class 0" for topic in planned]
    return Corpus.from_texts(texts, ids, pd.DataFrame(meta, index=range(n)))


def _by_size(labels: NDArray[np.int32], k: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Labels renamed so that 0 is the largest, and the new label of each old one."""
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    rank = np.empty(k, dtype=np.int32)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(k, dtype=np.int32)
    return np.append(rank, NOISE)[labels].astype(np.int32), rank


def _centres(k: int) -> NDArray[np.float64]:
    """Places of the topics on the map: a sunflower, which keeps them apart for any k."""
    place = np.arange(k)
    radius, angle = 2.2 * np.sqrt(place + 0.6), place * np.pi * (3 - np.sqrt(5))
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) if k else np.zeros((1, 2))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.asarray(rows / lengths, dtype=np.float32)


def _representatives(corpus: Corpus, labels: NDArray[np.int32], central: NDArray[np.float32], k: int) -> pd.DataFrame:
    rows = []
    for topic in range(k):
        seen: set[int] = set()
        members = np.flatnonzero(labels == topic)
        for row in members[np.argsort(-central[corpus.rows[members]], kind="stable")]:
            text = int(corpus.rows[row])
            if text not in seen and len(seen) < 5:
                seen.add(text)
                rows.append((topic, corpus.ids[row], corpus.texts.texts[text][:600]))
    return pd.DataFrame(rows, columns=["topic", "id", "text"])


def _topics(
    labels: NDArray[np.int32],
    words: list[list[str]],
    representatives: pd.DataFrame,
    k: int,
    written: int,
    random: np.random.Generator,
) -> pd.DataFrame:
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    falling = [round(0.5 / (i + 1) ** 0.5, 6) for i in range(10)]
    return pd.DataFrame(
        {
            "topic": np.arange(k, dtype=np.int64),
            "topic_id": [f"T{topic + 1:04d}" for topic in range(k)],
            "size": sizes.astype(np.int64),
            "share": sizes / max(written, 1),
            "name": [", ".join(word[:2_000] for word in words[topic][:3]) for topic in range(k)],
            "terms": [list(words[topic]) for topic in range(k)],
            "term_weights": [list(falling) for _ in range(k)],
            "representative_ids": [list(representatives.loc[representatives["topic"] == t, "id"]) for t in range(k)],
            "npmi": random.uniform(-0.05, 0.3, k).astype(np.float32),
            "stability": random.uniform(0.6, 1, k).astype(np.float32),
            "first_seen": ["0123456789ab"] * k,
            "status": ["born"] * k,
        }
    )


def _weights(topics: pd.DataFrame) -> tuple[sparse.csr_array, list[str]]:
    vocabulary = sorted({term for terms in topics["terms"] for term in terms})
    column = {term: place for place, term in enumerate(vocabulary)}
    weights = np.zeros((len(topics), len(vocabulary)), dtype=np.float32)
    for row, (terms, values) in enumerate(zip(topics["terms"], topics["term_weights"], strict=True)):
        for term, value in zip(terms, values, strict=True):
            weights[row, column[term]] = value
    return sparse.csr_array(weights), vocabulary


def _layers(topics: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for layer in layer_sizes(len(topics)):
        for coarse, parts in enumerate(np.array_split(np.arange(len(topics)), layer)):
            terms = [words[0] for words in topics["terms"].iloc[parts]]
            size, share = topics["size"].iloc[parts].sum(), topics["share"].iloc[parts].sum()
            rows.append((layer, coarse, size, share, ", ".join(terms), terms, topics["topic_id"].iloc[parts].tolist()))
    table = pd.DataFrame(rows, columns=["layer", "topic", "size", "share", "name", "terms", "topic_ids"])
    return table.astype({"layer": "int64", "topic": "int64", "size": "int64", "share": "float64", "name": "str"})


def _subtopics(documents: pd.DataFrame, topics: pd.DataFrame) -> pd.DataFrame:
    """Two in every other topic, the first documents of which stand in their middle."""
    rows = []
    for topic, topic_id, size, terms in (
        topics[["topic", "topic_id", "size", "terms"]].iloc[::2].itertuples(index=False)
    ):
        ids = documents.loc[documents["topic"] == topic, "id"].tolist()
        for number, (part, words) in enumerate(((size - size // 3, terms[:4]), (size // 3, terms[4:8]))):
            rows.append((topic_id, number, part, part / size, 0.8, ", ".join(words[:3]), list(words), ids[number]))
    names = ["topic_id", "subtopic", "size", "share", "stability", "name", "terms", "central_id"]
    table = pd.DataFrame(rows, columns=names)
    return table.astype({"topic_id": "str", "subtopic": "int64", "size": "int64", "share": "float64"}).astype(
        {"stability": "float32", "name": "str", "terms": "object", "central_id": "str"}
    )


def _curve() -> pd.DataFrame:
    coverage = np.linspace(0.71, 1, 11)
    return pd.DataFrame(
        {"coverage": coverage, "threshold": np.linspace(0.9, 0, 11), "agreement": 0.98 - 2 * (coverage - 0.71) ** 2}
    )


def _metrics(
    corpus: Corpus, labels: NDArray[np.int32], topics: pd.DataFrame, classes: bool
) -> dict[str, float | int | None]:
    empty = int((corpus.rows < 0).sum())
    terms = [term for row in topics["terms"] for term in row]
    metrics: dict[str, float | int | None] = {
        "documents": len(corpus),
        "distinct": len(corpus.texts),
        "duplicates": len(corpus) - empty - len(corpus.texts),
        "empty": empty,
        "topics": len(topics),
        "outliers": int((labels < 0).sum()) - empty,
        "coverage": float((labels >= 0).sum() / (len(corpus) - empty)) if len(corpus) > empty else 0.0,
        "clustered": 0.71,
        "threshold": THRESHOLD,
        "npmi": float(topics["npmi"].mean()) if len(topics) else None,
        "diversity": len(set(terms)) / len(terms) if terms else None,
        "stability": float(topics["stability"].mean()) if len(topics) else None,
        "silhouette": None,
        "effective_dimension": 5.75,
        "mean_cosine": 0.125,
    }
    return metrics | ({"nmi": 0.61, "ami": 0.58, "ari": 0.44, "purity": 0.79} if classes else {})
