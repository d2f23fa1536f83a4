"""Vectors in LanceDB: a folder with the tables `documents` and `topics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topics.exports.records import BATCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from topics.exports.records import Records


def write(path: Path, documents: Records, topics: Records) -> None:
    """Make the database."""
    import lancedb
    import pyarrow as pa

    database = lancedb.connect(str(path.absolute()))
    for name, records in (("documents", documents), ("topics", topics)):
        database.create_table(name, pa.RecordBatchReader.from_batches(records.schema, records.batches("Writing")))


def read(path: Path, name: str, _: Records) -> Iterator[pa.RecordBatch]:
    """The records back, in order."""
    import lancedb

    found: Iterator[pa.RecordBatch] = lancedb.connect(str(path.absolute())).open_table(name).search().to_batches(BATCH)
    return found
