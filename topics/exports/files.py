"""Vectors as plain files: Parquet, and a NumPy array that can be memory-mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.exports.records import BATCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from topics.exports.records import Records


def topics_beside(path: Path) -> Path:
    """Where the topics are that belong to a Parquet file of documents."""
    return path.with_name(f"{path.stem}-topics{path.suffix}")


def write_parquet(path: Path, documents: Records, topics: Records) -> None:
    """Two files: `NAME.parquet` and `NAME-topics.parquet`, vectors as fixed_size_list<float>."""
    _write_table(path, documents.schema, documents.batches("Writing"))
    _write_table(topics_beside(path), topics.schema, topics.batches("Writing"))


def read_parquet(path: Path, name: str, _: Records) -> Iterator[pa.RecordBatch]:
    """The records back, in order."""
    return _read_table(path if name == "documents" else topics_beside(path))


def write_npy(path: Path, documents: Records, topics: Records) -> None:
    """A folder with `documents.parquet`, `topics.parquet`, and an array beside each whose rows are its rows."""
    path.mkdir()
    for name, records in (("documents", documents), ("topics", topics)):
        _write_table(path / f"{name}.parquet", records.plain, _with_array(path / _ARRAY[name], records))


def read_npy(path: Path, name: str, records: Records) -> Iterator[pa.RecordBatch]:
    """The records back, in order."""
    # What holds nothing cannot be mapped.
    vectors = np.load(path / _ARRAY[name], mmap_mode="r" if len(records) else None)
    done = 0
    for part in _read_table(path / f"{name}.parquet"):
        yield records.with_vectors(part, vectors[done : done + len(part)])
        done += len(part)


_ARRAY = {"documents": "vectors.npy", "topics": "centroids.npy"}


def _with_array(path: Path, records: Records) -> Iterator[pa.RecordBatch]:
    """Yield the records without their vectors, which go into an array file."""
    vectors = np.lib.format.open_memmap(path, "w+", np.float32, (len(records), records.vectors.shape[1]))
    for start, batch in zip(range(0, len(records), BATCH), records.batches("Writing"), strict=True):
        vectors[start : start + len(batch)] = batch[records.column].flatten().to_numpy().reshape(len(batch), -1)
        yield batch.select(records.plain.names)
    vectors.flush()


def _write_table(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _read_table(path: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as file:  # which would hold all of the file in the end
        yield from file.iter_batches(BATCH)
