"""Vectors kept one by one: a text is encoded once, whatever corpora it comes in.

A shelf holds the vectors of one encoder, in shards that are ordinary entries of the store: written
whole under a name of their own, checked when read, never changed. So several processes may fill one
shelf, a killed one loses the shard it was at, and a damaged shard costs itself alone.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

import numpy as np

from topics.data import VectorShard
from topics.errors import InvalidInput, StoreDamaged
from topics.store.keys import Ref
from topics.store.values import let_go

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from topics.store import Store

log = logging.getLogger(__name__)

STAGE = "vectors"
_OF = " vectors of "
_MANY = 8  # shards of one shelf; more are merged
_LARGE = 100_000  # vectors in a shard that is left as it is


class VectorShelf:
    """The vectors of one encoder.

    Parameters
    ----------
    store : Store
        With `NO_STORE` the shelf remembers as long as it lives.
    encoder : str
        What decides the bits of a vector, hashed: two encoders never share a shelf.
    note : str
        What to call the encoder where people read it.
    """

    def __init__(self, store: Store, encoder: str, note: str = "") -> None:
        self.store = store
        self.encoder = encoder
        self._note = note
        self._shards: dict[str, VectorShard] = {}

    @property
    def width(self) -> int:
        """d, or 0 as long as there are no vectors."""
        return next((shard.vectors.shape[1] for shard in self._shards.values()), 0)

    def locked(self) -> AbstractContextManager[object]:
        """Hold the shelf, so that no two processes encode the same texts at once."""
        return self.store.locked(Ref(STAGE, self.encoder))

    def refresh(self) -> None:
        """Take up what other processes have put here."""
        for key in self.store.keys(STAGE, f"{self.encoder}-"):
            if key not in self._shards:
                try:
                    self._shards[key] = self.store.load(Ref(STAGE, key))
                except StoreDamaged as damage:
                    log.warning("%s Its vectors are computed again.", damage)
                except KeyError:  # merged into another one a moment ago
                    continue

    def known(self, keys: NDArray[np.bytes_]) -> NDArray[np.bool_]:
        """Which of these keys have a vector; shape (u,). `keys` ascend."""
        found = np.zeros(len(keys), dtype=bool)
        for shard in self._shards.values():
            place, here = _places(keys, shard.keys)
            found[place[here]] = True
        return found

    def get(self, keys: NDArray[np.bytes_]) -> NDArray[np.float32]:
        """The vectors of known keys, in their order; shape (u, d). `keys` ascend."""
        vectors = np.empty((len(keys), self.width), dtype=np.float32)
        for shard in self._shards.values():
            place, here = _places(keys, shard.keys)
            vectors[place[here]] = shard.vectors[np.flatnonzero(here)]
            let_go(shard.vectors)
        return vectors

    def put(self, keys: NDArray[np.bytes_], vectors: NDArray[np.float32]) -> bool:
        """Keep vectors; `keys` ascend. When they cannot be written (full disk) they are kept in memory.

        Returns
        -------
        bool
            Whether they are on the disk.

        Raises
        ------
        InvalidInput
            If the vectors here have another length.
        """
        if vectors.shape[1] != (self.width or vectors.shape[1]):
            raise InvalidInput(
                f"encoder {self._note} gave rows of {self.width} numbers, then of {vectors.shape[1]}; "
                "all its vectors must have the same length, or else its fingerprint must differ."
            )
        key = f"{self.encoder}-{uuid.uuid4().hex}"
        shard = VectorShard(np.array(keys), vectors)
        self._shards[key] = shard
        try:
            self.store.save(Ref(STAGE, key), shard, self._told(len(keys)))
        except OSError as error:
            log.warning("could not keep vectors in %s: %s. Going on without.", self.store.root, error)
            return False
        if not self.store.has(Ref(STAGE, key)):
            return False
        self._shards[key] = self.store.load(Ref(STAGE, key))  # from the disk, so that memory stays free
        return True

    def merge(self) -> None:
        """Make few large shards of many small ones."""
        with self.locked():
            small = [
                key
                for key in self.store.keys(STAGE, f"{self.encoder}-")
                if key in self._shards and len(self._shards[key].keys) < _LARGE
            ]
            while len(small) > _MANY:
                together, many = [small.pop()], len(self._shards[small[-1]].keys)
                while small and many < _LARGE:
                    many += len(self._shards[small[-1]].keys)
                    together.append(small.pop())
                self._put_together(together)

    def _put_together(self, shards: list[str]) -> None:
        keys, first = np.unique(np.concatenate([self._shards[key].keys for key in shards]), return_index=True)
        vectors = np.concatenate([self._shards[key].vectors for key in shards])[first]
        self.put(keys, vectors)
        for key in shards:
            self.store.remove(Ref(STAGE, key))
            del self._shards[key]

    def _told(self, many: int) -> str:
        return f"{many}{_OF}{self._note}"


def shelved(store: Store) -> dict[str, int]:
    """How many vectors are kept of each encoder, by every name it was asked for by.

    Where files or options of a name have changed, those of the shelf used last.
    """
    shelves: dict[str, tuple[float, int, set[str]]] = {}
    for entry in store.entries(STAGE):
        many, _, name = entry.note.partition(_OF)
        if many.isdecimal():
            shelf = entry.ref.key.partition("-")[0]
            used, before, names = shelves.get(shelf, (0.0, 0, set()))
            shelves[shelf] = max(used, entry.used), before + int(many), names | {name}
    return {name: many for _, many, names in sorted(shelves.values(), key=lambda told: told[0]) for name in names}


def _places(keys: NDArray[np.bytes_], shard: NDArray[np.bytes_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where in `keys` each key of a shard would be, and whether it is there."""
    place = np.searchsorted(keys, shard)
    inside = place < len(keys)
    here = np.zeros(len(shard), dtype=bool)
    here[inside] = keys[place[inside]] == shard[inside]
    return place, here
