"""Encoding shards of texts through an executor: in other processes, or on other machines.

Each worker opens the encoder by its name, from what was prepared here, and has to come to the same `vector_key`: so its
vectors have the bits they would have here. Where it sees the store, they go on the shelf there; else they travel back.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from topics.data import Lengths
from topics.embedding.splitting import measures
from topics.errors import InvalidConfig
from topics.progress import track
from topics.store import NO_STORE, Store, VectorShelf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from topics.data import ConvertedEncoder, Texts
    from topics.executors import Executor
    from topics.protocols import Encoder

_TEXTS, _LETTERS = 1024, 2_000_000  # in a shard at most; a longer text is one by itself
_opened = threading.local()


@dataclass(frozen=True, eq=False)
class Shard:
    """Some texts, in the order of their keys."""

    texts: tuple[str, ...]
    keys: NDArray[np.bytes_]


@dataclass(frozen=True, eq=False)
class Task:
    """What every worker has to know: the encoder, and where its vectors go."""

    prepared: ConvertedEncoder
    name: str
    told: str  # the key of its vectors, empty where they depend on more than a text
    shelf: str
    long: bool = False
    sparse: bool = False
    batch_size: int = 64
    root: str = ""  # of the store
    beacon: str = ""  # a file in it: who sees it sees the store


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """The way to encode through an executor.

    Parameters
    ----------
    executor : Executor
    prepared : ConvertedEncoder
        The encoder, as `embedding.prepare` made it.
    batch_size : int
    long : bool
        Whether long texts are read to their end.
    """

    executor: Executor
    prepared: ConvertedEncoder
    batch_size: int = 64
    long: bool = False

    def fill(
        self, shelf: VectorShelf, texts: Texts, cuts: list[NDArray[np.int64]], name: str, told: str, sparse: bool
    ) -> Iterator[int]:
        """Encode shards, each the rows of some texts; yields by how many fewer the shelf lacks."""
        task = Task(self.prepared, name, told, shelf.encoder, self.long, sparse, self.batch_size)
        with _shared(shelf.store, task) as task:
            shards = (Shard(tuple(texts.texts[int(row)] for row in rows), texts.keys[rows]) for rows in cuts)
            for rows, vectors in zip(cuts, self.executor.map(partial(encode_shard, task), shards), strict=True):
                if vectors is not None:
                    shelf.put(texts.keys[rows], vectors)
                yield len(rows)
        shelf.refresh()

    def measure(self, texts: Texts, name: str, encoder: Encoder) -> Lengths:
        """Tokens of texts, as `embedding.measure` counts them."""
        from topics.embedding import key_of

        if not measures(encoder):
            return Lengths.unknown()
        counting = partial(measure_shard, Task(self.prepared, name, key_of(encoder), ""))
        cuts = by_size(texts, np.arange(len(texts)))
        shards = (Shard(tuple(texts.texts[int(row)] for row in rows), texts.keys[rows]) for rows in cuts)
        counted = track(self.executor.map(counting, shards), len(texts), "Counting tokens", "documents", len)
        return Lengths(np.concatenate([np.empty(0, np.int32), *counted]), encoder.max_length)


def by_size(texts: Texts, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut rows into shards of about equal work: by their texts alone, not by who will encode them.

    Examples
    --------
    >>> from topics.data import Texts
    >>> texts = Texts(("x" * 1_500_000, "y" * 600_000, "z"), np.array([b"1", b"2", b"3"]))
    >>> [part.tolist() for part in by_size(texts, np.arange(3))]
    [[0], [1, 2]]
    """
    cuts, size = [0], 0
    for place, row in enumerate(rows.tolist()):
        letters = len(texts.texts[row])
        if place > cuts[-1] and (place - cuts[-1] >= _TEXTS or size + letters > _LETTERS):
            cuts.append(place)
            size = 0
        size += letters
    return np.split(rows, cuts[1:]) if len(rows) else []


@contextmanager
def _shared(store: Store, task: Task) -> Iterator[Task]:
    """The task, with a file that tells workers whether they see our store."""
    if store is NO_STORE:
        yield task
        return
    beacon = store.root.absolute() / "temporary" / f"beacon-{uuid.uuid4().hex}"
    try:
        beacon.parent.mkdir(parents=True, exist_ok=True)
        beacon.touch()
    except OSError:  # a store that cannot be written: what `put` says of it is enough
        yield task
        return
    try:
        yield replace(task, root=str(store.root.absolute()), beacon=str(beacon))
    finally:
        beacon.unlink(missing_ok=True)


def encode_shard(task: Task, shard: Shard) -> NDArray[np.float32] | None:
    """Encode a shard in a worker: its vectors, or None if they are on the shelf.

    Raises
    ------
    InvalidConfig
        If this worker would give other bits.
    """
    from topics.embedding import rows_of

    encoder = _open(task)
    vectors = rows_of(encoder, list(shard.texts), task.name, task.sparse)
    if not task.beacon or not Path(task.beacon).exists():
        return vectors
    shelf = VectorShelf(Store(task.root), task.shelf, task.name)
    return None if shelf.put(shard.keys, vectors) else vectors


def measure_shard(task: Task, shard: Shard) -> NDArray[np.int32]:
    """Count the tokens of a shard in a worker.

    Raises
    ------
    InvalidConfig
        If its encoder is another one.
    """
    from topics.embedding import measure

    return measure(_open(task), shard.texts).tokens


def _open(task: Task) -> Encoder:
    """The encoder of a task, opened once in each thread."""
    before: Task | None = getattr(_opened, "of", None)
    if before is None or before.prepared is not task.prepared or (before.name, before.long) != (task.name, task.long):
        _opened.encoder, _opened.of = _made(task), task
    encoder: Encoder = _opened.encoder
    return encoder


def _made(task: Task) -> Encoder:
    from topics.embedding import key_of, open_encoder, open_sparse, reading_all

    if task.sparse:
        encoder: Encoder = open_sparse(task.name, 1, task.batch_size)
    else:
        encoder = open_encoder(task.prepared, task.name, 1, task.batch_size)
        encoder = reading_all(encoder, task.name) if task.long else encoder
    told, unknown = key_of(encoder, task.sparse), "of unknown bits"
    if told != task.told:
        raise InvalidConfig(
            f"{task.name}: this worker would make other vectors ({told or unknown}, not {task.told or unknown}): its "
            "processor computes in another precision, or its files are others. Take workers that are alike, or "
            "?precision=f32 in the name of the encoder."
        )
    return encoder
