from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from given_vectors import TABLE, VECTORS
from pyarrow import parquet
from safetensors.numpy import save_file


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder that holds the documents and their vectors in every format."""
    monkeypatch.chdir(tmp_path)
    np.save("vectors.npy", VECTORS)
    save_file({"mine": VECTORS, "other": VECTORS[:5]}, "vectors.safetensors")
    save_file({"mine": VECTORS}, "only.safetensors")
    rows = [row.tolist() for row in VECTORS]
    table = pa.table({"id": TABLE["id"].tolist(), "embedding": pa.array(rows, pa.list_(pa.float32()))})
    parquet.write_table(table, "vectors.parquet")
    fixed = table.set_column(1, "embedding", table["embedding"].cast(pa.list_(pa.float32(), 16)))
    parquet.write_table(fixed, "fixed.parquet")
    order = np.random.default_rng(0).permutation(len(TABLE))
    parquet.write_table(table.take(order), "shuffled.parquet")
    (tmp_path / "parts").mkdir()
    parquet.write_table(table[:70], "parts/a.parquet")
    parquet.write_table(table[70:], "parts/b.parquet")
    parquet.write_table(pa.Table.from_pandas(TABLE).append_column("embedding", table["embedding"]), "input.parquet")
    TABLE.to_csv("input.csv", index=False)
    return tmp_path
