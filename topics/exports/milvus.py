"""Vectors in Milvus Lite: a `.db` folder with the collections `documents` and `topics`.

Milvus Lite is a server in this process that listens on a free port of the loopback interface; it is
stopped when the work is done.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.errors import InvalidInput
from topics.exports.records import BATCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from topics.exports.records import Records

_LONGEST = 65_535  # bytes of a string in Milvus
_DATE = "%Y-%m-%dT%H:%M:%SZ"  # to the microsecond, so that these strings compare as the dates do
# What has to be escaped in a filter, and it is all that can be.
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


def write(path: Path, documents: Records, topics: Records) -> None:
    """Make the database: a flat index, so that what is searched for is found exactly, by cosine."""
    with _served(path) as client:
        for name, records in (("documents", documents), ("topics", topics)):
            client.create_collection(name, schema=_schema(client, records))
            for batch in records.batches("Writing"):
                client.insert(name, _as_rows(batch, records))
            client.flush(name)
            index = client.prepare_index_params()
            index.add_index(records.column, index_type="FLAT", metric_type="COSINE")
            client.create_index(name, index)


def read(path: Path, name: str, records: Records) -> Iterator[pa.RecordBatch]:
    """The records back, in order: those that are to be there are asked for by their keys."""
    with _served(path) as client:
        client.load_collection(name)
        for start in range(0, len(records), BATCH):
            keys = records.frame[records.key].iloc[start : start + BATCH].tolist()
            wanted = ",".join(f'"{key.translate(_ESCAPED)}"' for key in keys)
            rows = client.query(name, f"{records.key} in [{wanted}]", output_fields=["*"], limit=BATCH)
            by_key = {row[records.key]: row for row in rows}
            yield _from_rows([by_key[key] for key in keys if key in by_key], records)


@contextmanager
def _served(path: Path) -> Iterator[Any]:
    """A client of a database, whose server lives as long as this block."""
    from milvus_lite.server_manager import server_manager_instance
    from pymilvus import MilvusClient

    place = str(path.absolute())
    try:
        # No proxy of the environment stands between this process and itself.
        client = MilvusClient(place, grpc_options={"grpc.enable_http_proxy": 0})
        try:
            yield client
        finally:
            client.close()
    finally:
        server_manager_instance.release_server(place)


def _schema(client: Any, records: Records) -> Any:
    import pyarrow as pa
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    for field in records.schema:
        if field.name == records.key:
            schema.add_field(field.name, DataType.VARCHAR, is_primary=True, max_length=_LONGEST)
        elif field.name == records.column:
            schema.add_field(field.name, DataType.FLOAT_VECTOR, dim=field.type.list_size)
        elif pa.types.is_list(field.type):
            strings = {"element_type": DataType.VARCHAR, "max_capacity": 4096, "max_length": _LONGEST}
            schema.add_field(field.name, DataType.ARRAY, **strings)
        elif pa.types.is_int64(field.type) or pa.types.is_float32(field.type):
            number = DataType.INT64 if pa.types.is_int64(field.type) else DataType.FLOAT
            schema.add_field(field.name, number, nullable=True)
        else:
            schema.add_field(field.name, DataType.VARCHAR, nullable=True, max_length=_LONGEST)
    return schema


def _as_rows(batch: pa.RecordBatch, records: Records) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    columns: dict[str, Any] = {}
    for field in records.plain:
        column = batch[field.name]
        if pa.types.is_timestamp(field.type):
            column = pc.strftime(column, _DATE)
        strings = column.flatten() if pa.types.is_list(field.type) else column
        longest = pc.max(pc.binary_length(strings)).as_py() if pa.types.is_string(strings.type) else 0
        if (longest or 0) > _LONGEST:
            raise InvalidInput(
                f"Milvus holds strings of up to {_LONGEST:,} bytes, and in the column {field.name!r} there is one of "
                f"{longest:,}; export without texts, or to lancedb or parquet."
            )
        columns[field.name] = column.to_pylist()
    columns[records.column] = batch[records.column].flatten().to_numpy().reshape(len(batch), -1)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _from_rows(rows: list[dict[str, Any]], records: Records) -> pa.RecordBatch:
    import pyarrow as pa

    columns = []
    for field in records.plain:
        values = [row[field.name] for row in rows]
        stored = pa.string() if pa.types.is_timestamp(field.type) else field.type
        columns.append(pa.array(values, stored).cast(field.type))
    part = pa.RecordBatch.from_arrays(columns, schema=records.plain)
    vectors = np.array([row[records.column] for row in rows], dtype=np.float32)
    return records.with_vectors(part, vectors.reshape(len(rows), records.vectors.shape[1]))
