"""The documents come back in: a run made of what the stages found about their texts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import NOISE
from topics.embedding.splitting import longer
from topics.graph.neighbors import EXACT
from topics.labels import members
from topics.metrics import document_labels
from topics.run import ASPECT, Model, Run, StageRecord
from topics.steps import STAGES
from topics.updates.continuation import carry_over, continued_from, first_ids, provenance_of
from topics.updates.matching import Side, no_lineage
from topics.voting import novelty, reasons
from topics.words.wording import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

    from topics.config import Config
    from topics.data import (
        Aspect,
        Corpus,
        Embeddings,
        Intake,
        Isotropy,
        Layers,
        Lengths,
        Measures,
        Parts,
        Postprocessing,
        Reduction,
        Settled,
        TermCounts,
        Texts,
        Timeline,
        Topics,
    )

_ENGLISH = {"all-MiniLM-L6-v2", "all-MiniLM-L12-v2", "all-mpnet-base-v2"}  # encoders that know little else
_EXCERPT = 600  # characters of a representative document that a run keeps


def assemble(
    corpus: Corpus,
    vectors: Embeddings,
    settled: Settled,
    counts: TermCounts,
    described: Topics,
    nested: Layers,
    parted: Parts,
    drawn: Reduction,
    measured: Measures,
    lengths: Lengths,
    *,
    isotropy: Sequence[Isotropy],
    postprocessing: Postprocessing | None,
    config: Config,
    intake: Intake,
    location: str,
    stages: tuple[StageRecord, ...],
    encoder: Any = None,
    aspects: Mapping[str, Aspect] | None = None,
    layout: Reduction | None = None,
    timed: Timeline | None = None,
    previous: Run | None = None,
    fitted_on: int | None = None,
) -> Run:
    """Bring the documents back in.

    `isotropy` is that of the vectors, and of what post-processing made of them; `previous` the run this one goes on
    from; `fitted_on` how many texts topics were found in, the first ones, if not in all.
    """
    import pandas as pd

    row, k = corpus.rows, len(described.sizes)
    labels = document_labels(corpus, settled).astype(np.int64)
    identity = continued_from(previous, Side(corpus.ids, corpus.text_keys, labels, settled.centroids, described.terms))
    permanent = pd.Series(first_ids(k) if identity is None else identity.ids, dtype="str")
    run_id = run_id_of(corpus.fingerprint, config, "" if previous is None else previous.provenance["run"])

    documents = pd.DataFrame({"id": pd.array(list(corpus.ids), dtype="str")})
    documents["topic"] = labels
    documents["topic_id"] = named(permanent, documents["topic"])
    documents["strength"] = np.append(settled.strengths, np.float32(0))[row]
    for axis, name in enumerate("xy"):
        documents[name] = np.append(drawn.points[:, axis], np.float32(np.nan))[row]
    poll, novelties = settled.poll, novelty(settled.poll.distances, settled.poll.distances[:fitted_on])
    why = reasons(settled.labels, settled.nearest, settled.strengths, poll.shared, novelties, settled.threshold)
    documents["reason"] = pd.array(np.append(why, "empty")[row], dtype="str")
    for column in corpus.meta:
        documents[column] = corpus.meta[column].to_numpy() if column != "date" else corpus.meta[column].array
    documents["confidence"] = np.append(poll.confidences, np.float32(0))[row]
    documents["nearest"] = np.append(settled.nearest, np.int32(NOISE))[row].astype(np.int64)
    documents["nearest_id"] = named(permanent, documents["nearest"])
    documents["novelty"] = np.append(novelties, np.float32(np.nan))[row]
    if config.keep_text:
        documents["text"] = pd.array([corpus.texts.texts[r] if r >= 0 else "" for r in row], dtype="str")

    carrier = carriers(corpus.ids, row, {text for texts in described.representatives for text in texts})
    written = int((row >= 0).sum())
    topics = pd.DataFrame(
        {
            "topic": np.arange(k, dtype=np.int64),
            "topic_id": permanent,
            "size": described.sizes,
            "share": described.sizes / max(written, 1),
            "name": pd.array(list(described.names), dtype="str"),
            "terms": [list(words) for words in described.terms],
            "term_weights": [list(values) for values in described.term_weights],
            "representative_ids": [[carrier[text] for text in texts] for texts in described.representatives],
            "npmi": measured.npmi,
            "stability": measured.stability,
            "first_seen": pd.array([run_id] * k, dtype="str"),
            "status": pd.array(["born"] * k, dtype="str"),
        }
    )
    if identity is not None and previous is not None:
        topics = carry_over(topics, identity, previous)
    for name, aspect in (aspects or {}).items():
        topics[f"{ASPECT}{name}"] = [list(words) for words in aspect.terms]
    middle = carriers(corpus.ids, row, parted.central.tolist())
    shown = [(topic, text) for topic, texts in enumerate(described.representatives) for text in texts]
    representatives = pd.DataFrame(
        {
            "topic": np.array([topic for topic, _ in shown], dtype=np.int64),
            "id": pd.array([carrier[text] for _, text in shown], dtype="str"),
            "text": pd.array([representative_text(corpus.texts.texts[text]) for _, text in shown], dtype="str"),
        }
    )
    model = Model(
        keys=corpus.texts.keys,
        vectors=vectors.vectors,
        labels=settled.labels,
        strengths=settled.strengths,
        nearest=settled.nearest,
        voters=settled.voters,
        centroids=settled.centroids,
        weights=described.weights,
        vocabulary=described.vocabulary,
        threshold=settled.threshold,
        encoder=vectors.encoder,
        fingerprint=vectors.fingerprint,
        postprocessing=postprocessing,
        poll=poll,
        calibration=settled.calibration,
        layout=None if layout is None else _below(layout.points, len(corpus.texts)),
        added=_after(fitted_on, len(corpus.texts)),
        spread=_after(fitted_on, len(corpus.texts)),
        presence=_presence(settled.labels, k, counts),
    )
    provenance = {
        "run": run_id,
        "corpus": corpus.fingerprint,
        "input": {"location": location, **intake.columns},
        "texts": [{"corpus": intake.corpus, "location": location, **intake.columns}],
        "notes": list(intake.notes),
        "advice": [*_advice(vectors.encoder, counts.languages), *longer(lengths, config.long, corpus.copies)],
        "languages": list(counts.languages),
        "neighbors": "exact" if (fitted_on or len(corpus.texts)) <= EXACT else "in cells",
        "versions": versions(),
        **provenance_of(previous, identity),
    }
    return Run(
        documents,
        topics,
        representatives,
        settled.curve,
        _layers(nested, described, permanent),
        [(int(kept), int(gone)) for kept, gone in nested.merges],
        measured.overall | _told(isotropy),
        model,
        config,
        provenance,
        stages,
        encoder,
        row,
        no_lineage() if identity is None else identity.lineage,
        excerpts=excerpts_of(corpus.ids, row, corpus.texts, config.excerpt),
        periods=None if timed is None else grouped(timed, topics["topic_id"], "start"),
        subtopics=subtopics_of(parted, permanent, [middle[text] for text in parted.central.tolist()]),
    )


def carriers(ids: Sequence[str] | pd.Series[str], rows: NDArray[np.int32], wanted: Iterable[int]) -> dict[int, str]:
    """Of the documents that carry each text wanted, the one whose id comes first; `rows` says which text each has."""
    found: dict[int, str] = {}
    names = np.asarray(ids, dtype=object)
    for place in np.flatnonzero(np.isin(rows, list(wanted))):
        text = int(rows[place])
        found[text] = min(found.get(text, names[place]), names[place])
    return found


def _after(first: int | None, u: int) -> NDArray[np.bool_] | None:
    return None if first is None else np.arange(u) >= first


def _presence(labels: NDArray[np.int32], k: int, counts: TermCounts) -> sparse.csr_array:
    """How many texts of each topic have each term; shape (k, v), int32."""
    from scipy import sparse

    there = counts.counts
    ones = sparse.csr_array((np.ones(len(there.data), dtype=np.int32), there.indices, there.indptr), shape=there.shape)
    found: sparse.csr_array = (members(labels, k) @ ones).tocsr()
    found.sort_indices()
    return found


def _below(points: NDArray[np.float32], u: int) -> NDArray[np.float32]:
    """The same for u texts; those that were not laid out are nowhere."""
    return np.concatenate([points, np.full((u - len(points), points.shape[1]), np.nan, dtype=np.float32)])


def run_id_of(fingerprint: str, config: Config, previous: str = "") -> str:
    """The id of a run, from the fingerprint of its corpus, its settings, and the id of the run it goes on from."""
    return hashlib.sha256(f"{fingerprint}{config.to_toml()}{previous}".encode()).hexdigest()[:12]


def excerpts_of(ids: Sequence[str], rows: Sequence[int] | NDArray[np.int32], texts: Texts, length: int) -> pd.DataFrame:
    """The first words of the documents that have any; `rows` says which text each has, -1 for none."""
    import pandas as pd

    heads = [_cut(text, length) for text in texts.texts] if length else []
    shown = [(name, heads[text]) for name, text in zip(ids, rows, strict=True) if length and text >= 0]
    return pd.DataFrame(shown, columns=["id", "text"]).astype("str")


def grouped(found: Timeline, ids: pd.Series[str], column: str) -> pd.DataFrame:
    """A row for each topic and group that has documents of it; `column` names the groups."""
    import pandas as pd

    names = pd.Series(list(found.names), dtype="str")
    table = pd.DataFrame({"topic": found.topics.astype(np.int64), "topic_id": ids.to_numpy()[found.topics]})
    table[column] = names.to_numpy()[found.groups] if len(names) else ""
    if column == "start":
        table[column] = pd.to_datetime(table[column]).astype("datetime64[us]").dt.tz_localize("UTC")
    table["documents"] = found.documents
    table["share"] = found.documents / found.totals[found.groups]
    table["terms"] = pd.Series([list(words) for words in found.terms], dtype=object)
    return table.astype({"topic_id": "str", "documents": "int64", "share": "float64"})


def _layers(nested: Layers, described: Topics, ids: pd.Series[str]) -> pd.DataFrame:
    """A row for each topic of each layer."""
    import pandas as pd

    rows = []
    total = max(int(described.sizes.sum()), 1)
    for coarser, terms in zip(nested.members, nested.terms, strict=True):
        for coarse, words in enumerate(terms):
            parts = np.flatnonzero(coarser == coarse)
            size = int(described.sizes[parts].sum())
            within = [str(ids[part]) for part in parts]
            rows.append((len(terms), coarse, size, size / total, name_of(words), list(words), within))
    table = pd.DataFrame(rows, columns=["layer", "topic", "size", "share", "name", "terms", "topic_ids"])
    return table.astype({"layer": "int64", "topic": "int64", "size": "int64", "share": "float64", "name": "str"})


def subtopics_of(parted: Parts, ids: pd.Series[str], central: Sequence[str]) -> pd.DataFrame:
    """A row for each sub-topic; `central` are the ids of the documents in their middle."""
    import pandas as pd

    starts = np.searchsorted(parted.topics, parted.topics)
    table = pd.DataFrame({"topic_id": ids.to_numpy(dtype=object)[parted.topics]})
    table["subtopic"] = np.arange(len(starts)) - starts
    table["size"] = parted.sizes
    table["share"] = parted.shares
    table["stability"] = parted.stability
    table["name"] = [name_of(words) for words in parted.terms]
    table["terms"] = pd.Series([list(words) for words in parted.terms], dtype=object)
    table["central_id"] = list(central)
    return table.astype({"topic_id": "str", "subtopic": "int64", "name": "str", "central_id": "str"})


def _told(isotropy: Sequence[Isotropy]) -> dict[str, float | None]:
    told = vars(isotropy[-1])
    return told | {f"{name}_before": value for before in isotropy[:-1] for name, value in vars(before).items()}


def _advice(encoder: str, languages: Sequence[str]) -> list[str]:
    """What a reader should know before trusting the result."""
    if encoder.removeprefix("sentence-transformers/") in _ENGLISH and languages and "en" not in languages:
        return [
            f"The texts are in another language ({', '.join(languages)}) than {encoder} was trained on, English; a "
            "multilingual encoder, such as paraphrase-multilingual-MiniLM-L12-v2, tells them apart much better."
        ]
    return []


def versions() -> dict[str, str]:
    """Releases of everything that can move a number."""
    import platform
    from importlib import metadata

    names = {"topics", "numpy", "pandas"}.union(*(stage.libraries for stage in STAGES.values()))
    found = {name: metadata.version(name) for name in sorted(names)}
    return {"python": platform.python_version()} | found


def named(names: pd.Series[str], topics: pd.Series[int]) -> Any:
    """The name of each document's topic, empty for none."""
    import pandas as pd

    return pd.array(np.append(names.to_numpy(dtype=object), "")[topics.to_numpy()], dtype="str")


def representative_text(text: str) -> str:
    """As much of a representative document as a run keeps."""
    return _cut(text, _EXCERPT)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length].rstrip() + " …"
