"""Every setting, its default and its bounds, in one place.

The defaults follow measurements over eleven labelled corpora; what each is good for stands in its
description, which the command line, the Prefect form and the documentation all show.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from topics.errors import InvalidConfig
from topics.memory import parse_size

if TYPE_CHECKING:
    from topics.executors import Executor
    from topics.store import Store
    from topics.workshop import Workshop

#: Clusterers by name; in Python, `topics.fit(clusterer=...)` takes objects as well.
CLUSTERERS = ("hdbscan", "fast_hdbscan", "leiden", "kmeans", "evoc")
#: Settings that say how the work is done, not what comes out: no key and no run folder knows them.
EXECUTION = ("workers", "scheduler", "batch_size", "max_memory")


class Config(BaseModel):
    """How topics are made from documents. Frozen; build another with `Config.of(**changes)`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    encoder: str = Field(
        "all-MiniLM-L6-v2",
        min_length=1,
        description="sentence-transformers model, name or folder; or transformer: static: sparse: remote: precomputed:",
    )
    long: Literal["truncate", "split"] = Field(
        "truncate",
        description="of a text longer than the encoder reads, drop the rest; or split it into passages and pool those",
    )
    postprocess: str = Field(
        "none",
        description="steps that spread the vectors: center, remove-top-components[=K], whiten[=DIMENSIONS]; none, one "
        "or several, in this order, with commas between",
    )
    fit_on: int | None = Field(
        None,
        ge=100,
        description="find the topics in so many of the texts, chosen by their content, and place the others among them",
    )
    n_neighbors: int = Field(30, ge=2, le=500, description="neighbours per document in the graph")
    consensus: int = Field(
        10, ge=0, le=100, description="community detections that sharpen the graph; 0 gives plain UMAP"
    )
    n_components: int = Field(5, ge=2, le=100, description="dimensions of the UMAP layout that is clustered")
    n_epochs: int = Field(
        50, ge=10, le=5000, description="epochs of the layout that is clustered; the map takes four times as many"
    )
    reducer: Literal["umap", "umap-learn"] = Field(
        "umap",
        description="who computes UMAP's layouts: umap, on all threads, with the same bits on any number of them; or "
        "umap-learn, the package, on one",
    )
    clusterer: str = Field(
        "hdbscan",
        description="hdbscan or fast_hdbscan on the layout, leiden on the graph, kmeans or evoc on the vectors",
    )
    topics: int | None = Field(
        None, ge=1, le=10_000, description="exactly so many topics; by default as many as there are"
    )
    resolution: float = Field(1.0, gt=0, le=1000, description="more gives more and smaller topics, less fewer")
    min_cluster_size: int | None = Field(
        None, ge=2, description="fewest documents of a topic; by default max(10, sqrt(n) / 2) / sqrt(resolution)"
    )
    min_samples: int = Field(
        15, ge=1, description="HDBSCAN: how conservative, at resolution 1; more gives more outliers"
    )
    coverage: float | Literal["auto"] = Field(
        "auto", description="share of documents that get a topic, 0 to 1; auto: as many as clearly belong"
    )
    language: str = Field("auto", description="language of the stop words: an ISO 639-1 code, auto or none")
    stop_words: tuple[str, ...] = Field((), description="more words that are never terms")
    ngrams: int = Field(1, ge=1, le=3, description="longest phrase, in words, that can be a term")
    n_terms: int = Field(10, ge=1, le=100, description="terms that describe a topic")
    weighting: Literal["plain", "bm25", "sqrt", "bm25+sqrt"] = Field(
        "plain",
        description="of c-TF-IDF: plain; bm25 weakens frequent words, sqrt repeated ones; bm25+sqrt does both",
    )
    ranking: Literal["coherence", "ctfidf"] = Field(
        "coherence",
        description="order of the terms: coherence re-ranks them, so that they go together; ctfidf is their weight",
    )
    aspects: tuple[str, ...] = Field(
        (),
        description="more words about each topic, beside its terms: ctfidf, mmr[=LAMBDA], keybert, phrases, "
        "pos[=SPACY MODEL]",
    )
    n_representatives: int = Field(5, ge=1, le=100, description="representative documents of a topic")
    periods: Literal["day", "week", "month", "quarter", "year"] | None = Field(
        None, description="of topics over time: day, week, month, quarter or year; by default as the dates ask for"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="seed of everything that draws random numbers")
    title: str = Field("", description="heading of the report")
    excerpt: int = Field(
        60, ge=0, le=600, description="characters of each document kept for the map of the report; 0 keeps none"
    )
    keep_text: bool = Field(False, description="write the texts into documents.parquet as well")
    workers: int | None = Field(
        None,
        ge=1,
        description="processors at work, by threads or, to count terms, processes; by default all; never changes a "
        "result",
    )
    scheduler: str | None = Field(
        None,
        min_length=1,
        description="address of a Dask scheduler, as tcp://host:8786, whose workers encode and count; never changes a "
        "result",
    )
    max_memory: str | None = Field(
        None, description="memory to get along with, such as 4GB; smaller blocks, more on disk; never changes a result"
    )
    batch_size: int = Field(64, ge=1, description="most documents the encoder sees at once; never changes a result")

    @field_validator("clusterer")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in CLUSTERERS and not value.startswith("<"):
            raise ValueError(f"must be one of {', '.join(CLUSTERERS)}; objects can be given in Python")
        return value

    @field_validator("max_memory")
    @classmethod
    def _size(cls, value: str | None) -> str | None:
        if value is not None:
            parse_size(value)
        return value

    @field_validator("coverage")
    @classmethod
    def _share(cls, value: float | str) -> float | str:
        if isinstance(value, float) and not 0 <= value <= 1:
            raise ValueError(f"must lie between 0 and 1, or be 'auto'; got {value}")
        return value

    @field_validator("aspects")
    @classmethod
    def _asked(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            return value
        from topics.aspects import parse_aspects, spell_aspects

        try:
            return spell_aspects(parse_aspects(value))
        except InvalidConfig as error:
            raise ValueError(str(error).removesuffix(".")) from None

    @field_validator("postprocess")
    @classmethod
    def _steps(cls, value: str) -> str:
        if value == "none":  # NumPy need not be loaded to know it
            return value
        from topics.postprocessing import parse_steps, spell_steps

        try:
            return spell_steps(parse_steps(value))
        except InvalidConfig as error:
            raise ValueError(str(error).removesuffix(".")) from None

    @classmethod
    def of(cls, **settings: Any) -> Self:
        """Build a configuration; a bad setting raises `InvalidConfig` that says what is allowed.

        Examples
        --------
        >>> Config.of(min_cluster_size=25).min_cluster_size
        25
        >>> Config.of(min_cluster_size=1)
        Traceback (most recent call last):
        topics.errors.InvalidConfig: min_cluster_size=1: Input should be greater than or equal to 2.
        """
        unknown = sorted(set(settings) - set(cls.model_fields))
        if unknown:
            raise InvalidConfig(f"unknown setting {', '.join(unknown)}; there are: {', '.join(cls.model_fields)}.")
        try:
            return cls(**settings)
        except ValidationError as error:
            told = []
            for each in error.errors():
                what = f"{each['loc'][0]}={each['input']!r}: " if each["loc"] else ""  # none: of several settings
                told.append(f"{what}{each['msg'].removeprefix('Value error, ')}.")
            raise InvalidConfig(" ".join(dict.fromkeys(told))) from None

    def decisive(self) -> dict[str, Any]:
        """The settings a result depends on, JSON-ready; `EXECUTION` settings are left out."""
        return self.model_dump(mode="json", exclude=set(EXECUTION))

    @property
    def threads(self) -> int:
        """How many threads may work at once."""
        if self.workers:
            return self.workers
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @property
    def memory(self) -> int | None:
        """Bytes to get along with; None where as many may be taken as are wanted."""
        return None if self.max_memory is None else parse_size(self.max_memory)

    def workshop(self, store: Store, executor: Executor | None = None) -> Workshop:
        """Where to run steps: on so many threads, through an executor or the scheduler's workers where there are such.

        Raises
        ------
        InvalidConfig
            If both are given.
        """
        from topics.executors import Dask
        from topics.workshop import Workshop

        if self.scheduler and executor is not None:
            raise InvalidConfig(
                f"executor and scheduler={self.scheduler} exclude each other: one of them does the work."
            )
        over = Dask(self.scheduler) if self.scheduler else executor
        return Workshop(store, self.threads, self.batch_size, over, self.memory)

    def to_toml(self) -> str:
        """The decisive settings as TOML, sorted, one a line; what is None is left to its default."""
        lines = [f"{name} = {_toml(value)}\n" for name, value in sorted(self.decisive().items()) if value is not None]
        return "".join(lines)


def read_toml(path: str | Path) -> dict[str, Any]:
    """Settings from a TOML file, as `fit` takes them.

    Raises
    ------
    InvalidConfig
        If the file is missing, cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise InvalidConfig(f"no configuration file {path}.") from None
    except OSError as error:
        raise InvalidConfig(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path} is not TOML: {error}.") from None


def _toml(value: Any) -> str:
    import json

    # JSON's strings, numbers, booleans and flat arrays are TOML as well, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
