"""The files that the result of a run consists of: what each holds, and the run that is read from them."""

from __future__ import annotations

import io
import json
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from topics.config import Config, read_toml
from topics.data import Calibration, Poll, Postprocessing
from topics.run import ASPECT, Model, Run, Saved, StageRecord, no_subtopics
from topics.tensors import mapped, parts_of
from topics.updates.matching import no_lineage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

T = TypeVar("T")

EXCERPTS = "excerpts.parquet"
LINEAGE = "lineage.parquet"
TIMELINE = "timeline.parquet"
SUBTOPICS = "subtopics.parquet"
FORMULA = tuple("=+-@\t\r\n＝＋－＠")  #: what a cell that is computed can begin with, full-width forms included
_COLUMNS = ("text", "id", "date", "class")  # of the input; they are in config.toml, not in Config
_OF_THE_READING = (
    "input",
    "notes",
    "texts",
    "previous",
    "update",
)  # a moved file, or a column named and not guessed, gives the same run
_ARRAYS = ("vectors", "labels", "strengths", "nearest", "voters", "centroids")
_OF_A_TABLE = ("data", "indices", "indptr")
_IN_LAYERS = ("terms", "topic_ids")  # columns of lists
_OPTIONAL = ("layout", "added", "spread")  # arrays that not every model has
_SPARSE = ("weights", "presence", "said")  # of v terms each; all but the first optional
_PARTS = ("postprocessing", "poll", "calibration")  # values within the model; names of their tensors begin so


def payload(run: Run) -> dict[str, Callable[[], Iterable[bytes | memoryview]]]:
    """The files that hold the result itself: what makes each, part by part. The reports are made from them.

    One file is made at a time, and nothing that is large is copied.
    """
    order = np.asarray(run.documents["id"].argsort(kind="stable"), dtype=np.int64)
    columns = {name: run.provenance["input"].get(name) for name in _COLUMNS}
    named = "".join(f"{name} = {json.dumps(value)}\n" for name, value in columns.items() if value)
    told = run.rows is not None and run.model.poll is not None  # an older version did not write what this is made of
    tables: dict[str, Callable[[], pd.DataFrame]] = {
        "documents.parquet": lambda: run.documents.take(order).reset_index(drop=True),
        "topics.parquet": lambda: run.topics,
        "layers.parquet": lambda: run.layers,
        SUBTOPICS: lambda: run.subtopics,
    }
    if told:
        tables["distribution.parquet"] = lambda: _by_id(run.distribution)
    if run.excerpts is not None:
        tables[EXCERPTS] = partial(_by_id, run.excerpts)
    if run.periods is not None:
        tables[TIMELINE] = partial(_itself, run.periods)
    if len(run.lineage) or run.updated:
        tables[LINEAGE] = partial(_itself, run.lineage)
    return {
        **{name: partial(_table_parts, made) for name, made in tables.items()},
        "topics.csv": lambda: [topics_csv(run.topics).encode("utf-8")],
        "metrics.json": lambda: [json_bytes(_numbers(run))],
        "config.toml": lambda: [(named + run.config.to_toml()).encode("utf-8")],
        "model/model.safetensors": lambda: parts_of(_tensors(run.model, run.rows, order)),
        "model/model.json": lambda: [json_bytes(_described(run))],
    }


def read_run(folder: Path, manifest: Mapping[str, Any], saved: Saved) -> Run:
    """The run that a folder holds.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, SafetensorError
        If a file is missing or damaged.
    """
    import pandas as pd

    told = read_toml(folder / "config.toml")
    for column in _COLUMNS:
        told.pop(column, None)
    extra = json.loads((folder / "model" / "model.json").read_text("utf-8"))
    tensors = mapped(folder / "model" / "model.safetensors")
    numbers = json.loads((folder / "metrics.json").read_text("utf-8"))
    topics = pd.read_parquet(folder / "topics.parquet")
    topics = _with_lists(topics, _lists(topics))
    return Run(
        documents=pd.read_parquet(folder / "documents.parquet"),
        topics=topics,
        representatives=pd.DataFrame(extra["representatives"], columns=["topic", "id", "text"]).astype(
            {"topic": "int64", "id": "str", "text": "str"}
        ),
        curve=pd.DataFrame(extra["curve"], columns=["coverage", "threshold", "agreement"]).astype("float64"),
        layers=_with_lists(pd.read_parquet(folder / "layers.parquet"), _IN_LAYERS).astype(
            dict.fromkeys(_IN_LAYERS, object)  # where there are none, pandas takes them for numbers
        ),
        merges=[(int(kept), int(gone)) for kept, gone in extra["merges"]],
        metrics=numbers["overall"],
        model=_read_model(tensors, extra),
        config=Config.of(**told),
        provenance={**extra["provenance"], **{key: manifest[key] for key in _OF_THE_READING if key in manifest}},
        stages=tuple(StageRecord(**record) for record in manifest["stages"]),
        rows=tensors.get("rows"),
        lineage=pd.read_parquet(folder / LINEAGE) if LINEAGE in manifest["digests"] else no_lineage(),
        updated=numbers.get("update", {}),
        saved=saved,
        excerpts=pd.read_parquet(folder / EXCERPTS) if (folder / EXCERPTS).is_file() else None,
        subtopics=_read_lists(folder / SUBTOPICS) if SUBTOPICS in manifest["digests"] else no_subtopics(),
        periods=_read_lists(folder / TIMELINE) if TIMELINE in manifest["digests"] else None,
    )


def _table_parts(made: Callable[[], pd.DataFrame]) -> list[bytes | memoryview]:
    return [parquet_bytes(made())]


def _by_id(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("id", kind="stable", ignore_index=True)


def _itself(table: pd.DataFrame) -> pd.DataFrame:
    return table


def _numbers(run: Run) -> dict[str, Any]:
    per_topic = run.topics[["topic_id", "npmi", "stability"]]
    return {
        "overall": run.metrics,
        "topics": json.loads(per_topic.to_json(orient="records")),
        **({"update": run.updated} if run.updated else {}),
    }


def _described(run: Run) -> dict[str, Any]:
    """What of the model, and of the run, is no table and no array."""
    return {
        "vocabulary": list(run.model.vocabulary),
        "threshold": run.model.threshold,
        "encoder": run.model.encoder,
        "fingerprint": run.model.fingerprint,
        "weights_shape": list(run.model.weights.shape),
        "representatives": run.representatives.to_dict("list"),
        "curve": run.curve.to_dict("list"),
        "merges": [list(pair) for pair in run.merges],
        "provenance": {key: value for key, value in run.provenance.items() if key not in _OF_THE_READING},
    }


def topics_csv(topics: pd.DataFrame) -> str:
    """The topics table for spreadsheets: lists joined, and no cell a spreadsheet would compute."""
    flat = topics.copy()
    for column in _lists(topics):
        flat[column] = [
            "; ".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in row) for row in topics[column]
        ]
    return str(formula_safe(flat).to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def _lists(topics: pd.DataFrame) -> list[str]:
    """The columns whose cells are lists."""
    aspects = [name for name in topics.columns if name.startswith(ASPECT)]
    return ["terms", "term_weights", "representative_ids", *aspects]


def _with_lists(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The same table with lists where Parquet gives arrays."""
    for column in columns:
        table[column] = [values.tolist() for values in table[column]]
    return table


def _read_lists(path: Path) -> pd.DataFrame:
    """A table whose terms are lists."""
    import pandas as pd

    return _with_lists(pd.read_parquet(path), ["terms"]).astype({"terms": object})


def formula_safe(table: pd.DataFrame) -> pd.DataFrame:
    """A copy with an apostrophe before every text cell a spreadsheet would compute (OWASP, CSV injection)."""
    safe = table.copy()
    for column in safe.columns:
        if safe[column].dtype.kind not in "biufM":
            safe[column] = [f"'{cell}" if str(cell)[:1] in FORMULA else cell for cell in table[column]]
    return safe


def _tensors(model: Model, rows: NDArray[np.int32] | None, order: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """The arrays of a model by the names they are kept under; `rows`, of the documents, in an order of these."""
    tensors = {name: getattr(model, name) for name in _ARRAYS}
    tensors["keys"] = np.ascontiguousarray(model.keys).view(np.uint8).reshape(-1, 32)
    tensors |= {name: array for name in _OPTIONAL if (array := getattr(model, name)) is not None}
    for name in _SPARSE:
        if (table := getattr(model, name)) is not None:
            tensors |= {f"{name}.{part}": getattr(table, part) for part in _OF_A_TABLE}
    if rows is not None:
        tensors["rows"] = rows[order].astype(np.int32, copy=False)
    for name in _PARTS:
        if (value := getattr(model, name)) is not None:
            tensors |= {f"{name}.{part}": array for part, array in vars(value).items()}
    return tensors


def _read_model(tensors: Mapping[str, NDArray[Any]], extra: Mapping[str, Any]) -> Model:
    arrays: dict[str, Any] = {name: tensors[name] for name in (*_ARRAYS, *_OPTIONAL) if name in tensors}
    arrays |= {
        name: _read_table(name, tensors, extra["weights_shape"][1]) for name in _SPARSE if f"{name}.data" in tensors
    }
    return Model(
        keys=tensors["keys"].reshape(-1).view("S32"),
        vocabulary=tuple(extra["vocabulary"]),
        threshold=float(extra["threshold"]),
        encoder=extra["encoder"],
        fingerprint=extra["fingerprint"],
        postprocessing=_read_part("postprocessing", Postprocessing, tensors),
        poll=_read_part("poll", Poll, tensors),
        calibration=_read_part("calibration", Calibration, tensors),
        **arrays,
    )


def _read_table(name: str, tensors: Mapping[str, NDArray[Any]], v: int) -> sparse.csr_array:
    from scipy import sparse

    data, indices, indptr = (tensors[f"{name}.{part}"] for part in _OF_A_TABLE)
    return sparse.csr_array((data, indices, indptr), shape=(len(indptr) - 1, v))


def _read_part(name: str, kind: type[T], tensors: Mapping[str, NDArray[Any]]) -> T | None:
    found = {key.removeprefix(f"{name}."): array for key, array in tensors.items() if key.startswith(f"{name}.")}
    return kind(**found) if found else None


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """A table as a Parquet file."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, compression="zstd", index=False)
    return buffer.getvalue()


def json_bytes(value: Any) -> bytes:
    """A value as a JSON file; equal values, equal bytes."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=float) + "\n").encode(
        "utf-8", "replace"
    )
