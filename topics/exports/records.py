"""What is exported, as Arrow record batches that are made when they are asked for: memory holds one of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from topics.assembly import named
from topics.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from topics.run import Run

BATCH = 2048  #: records in a batch


@dataclass(frozen=True, eq=False)
class Records:
    """A table with a vector for each of its m records."""

    frame: pd.DataFrame  # m rows: the key, then every other column but the vector
    column: str  # name of the vector
    vectors: NDArray[np.float32]  # (u, d)
    rows: NDArray[np.int32]  # (m,), which of the vectors a record has
    told: bytes  # about the export, as JSON; files carry it in their schema

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def key(self) -> str:
        """The column by which records are known."""
        return str(self.frame.columns[0])

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns and types; the vector comes last."""
        import pyarrow as pa

        types = {
            "topic": pa.int64(),
            "strength": pa.float32(),
            "x": pa.float32(),
            "y": pa.float32(),
            "date": pa.timestamp("us", "UTC"),
            "size": pa.int64(),
            "terms": pa.list_(pa.string()),
        }
        columns = [(name, types.get(name, pa.string())) for name in map(str, self.frame)]
        vector = pa.list_(pa.float32(), self.vectors.shape[1])
        return pa.schema([*columns, (self.column, vector)], metadata={MARK: self.told})

    @property
    def plain(self) -> pa.Schema:
        """The schema without the vector."""
        return self.schema.remove(len(self.schema) - 1)

    def batch(self, start: int, stop: int) -> pa.RecordBatch:
        """Some of the records."""
        import pyarrow as pa

        part = pa.RecordBatch.from_pandas(self.frame.iloc[start:stop], self.plain, preserve_index=False)
        return self.with_vectors(part, self.vectors[self.rows[start:stop]])

    def with_vectors(self, part: pa.RecordBatch, vectors: NDArray[np.float32]) -> pa.RecordBatch:
        """Records that lack their vectors, with them."""
        import pyarrow as pa

        flat = pa.array(np.ascontiguousarray(vectors).ravel(), pa.float32())
        column = pa.FixedSizeListArray.from_arrays(flat, type=self.schema.field(self.column).type)
        return pa.RecordBatch.from_arrays([*part.columns, column], schema=self.schema)

    def batches(self, task: str) -> Iterator[pa.RecordBatch]:
        """All of them, in order."""
        made = (self.batch(start, start + BATCH) for start in range(0, len(self), BATCH))
        return track(made, len(self), task, "records", len)


MARK = b"topics.export"  #: under which a file says in its schema what it is


def documents_of(run: Run, with_text: bool, told: bytes) -> Records:
    """The documents that have a text, in the order of their ids."""
    rows = run.text_rows()
    order = np.argsort(run.documents["id"].to_numpy(dtype=object), kind="stable")
    order = order[rows[order] >= 0]
    frame = run.documents.iloc[order]
    found = [name for name in ("date", "class", *(["text"] if with_text else [])) if name in frame]
    frame = frame[["id", "topic", "topic_id", "strength", "x", "y", *found]].reset_index(drop=True)
    frame.insert(3, "name", named(run.topics["name"], frame["topic"]))
    if "class" in found:
        frame["class"] = frame["class"].astype("str")
    return Records(frame, "vector", run.model.vectors, rows[order], told)


def topics_of(run: Run, told: bytes) -> Records:
    """The topics, the largest first, with their centroids."""
    frame = run.topics[["topic_id", "topic", "name", "size", "terms"]]
    return Records(frame, "centroid", run.model.centroids, np.arange(len(frame), dtype=np.int32), told)
