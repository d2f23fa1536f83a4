"""A run as a folder: tables, numbers, reports, and a model without pickle. `manifest.json` holds a digest of each file.

Every file but the manifest depends on the documents and the settings alone: no clock, no path, no
thread count is in them, and rows are in the order of their ids. So equal runs have equal digests.
"""

from __future__ import annotations

import glob
import hashlib
import io
import json
import os
import shutil
import tempfile
import time
import uuid
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from topics.config import Config, read_toml
from topics.data import Calibration, Poll, Postprocessing
from topics.errors import InvalidConfig, InvalidInput, SchemaMismatch, VerificationFailed
from topics.run import ASPECT, SCHEMA, Model, Run, Saved, StageRecord, no_subtopics
from topics.store import file_sha256
from topics.tensors import mapped, parts_of
from topics.updates.matching import no_lineage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

    from topics.evaluation import Evaluation

T = TypeVar("T")

MANIFEST = "manifest.json"
EVALUATION = "evaluation.json"
LINEAGE = "lineage.parquet"
EXCERPTS = "excerpts.parquet"
TIMELINE = "timeline.parquet"
SUBTOPICS = "subtopics.parquet"
TABLES = "tables"  #: folder of the tables behind the report
FORMATS = ("html", "md", "pdf")  #: of reports
FORMULA = tuple("=+-@\t\r\n＝＋－＠")  #: what a cell that is computed can begin with, full-width forms included
_ABANDONED = 3600  # seconds after which what lies beside a run folder belongs to no process any more
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


def save(run: Run, folder: str | Path, reports: bool = True, evaluation: Mapping[str, Any] | None = None) -> Path:
    """Write a run, whole or not at all; an older run of that name is replaced.

    Without reports, `rewrite_reports` can write them later: whoever has spent hours on a run may want it safe first.
    With what was measured of the run, as `read_evaluation` gives it, the reports tell of that as well.

    Raises
    ------
    InvalidInput
        If `folder` is a file, or holds something that is not a run.
    """
    folder = Path(folder)
    check_target(folder)
    with beside(folder) as temporary:
        digests = {name: write_file(temporary / name, *parts()) for name, parts in payload(run).items()}
        for name, content in (_reports(run, evaluation) if reports else {}).items():
            digests[name] = write_file(temporary / name, content)
        manifest = _manifest(run, dict(sorted(digests.items())))
        write_file(temporary / MANIFEST, _json(manifest))
        swap(temporary, folder)
    return folder


def check_target(folder: Path) -> None:
    """Refuse a folder that `save` must not replace; called before long work, so that none is lost.

    Raises
    ------
    InvalidInput
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise InvalidInput(f"{folder} is not empty and holds no run; nothing in it was touched. Name another --output.")
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is a file; name a folder as --output.")
    check_place(folder)


def check_place(path: Path) -> None:
    """Refuse a path at which nothing can be made.

    Raises
    ------
    InvalidInput
    """
    existing = next(parent for parent in path.absolute().parents if parent.exists())
    if not existing.is_dir():
        raise InvalidInput(f"{existing} is a file; name a folder as --output.")
    if not os.access(existing, os.W_OK):
        raise InvalidInput(f"{existing} cannot be written to; name another --output.")


def load(folder: str | Path) -> Run:
    """Read a run back. It equals the one that was saved.

    Raises
    ------
    InvalidInput
        If there is no run.
    SchemaMismatch
        If a later version wrote it.
    VerificationFailed
        If a file the run is made of is missing or unreadable.
    """
    import pandas as pd
    from safetensors import SafetensorError

    folder = Path(folder)
    manifest = read_manifest(folder)
    try:
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
            saved=Saved(str(folder.resolve()), fingerprint_of(manifest)),
            excerpts=pd.read_parquet(folder / EXCERPTS) if (folder / EXCERPTS).is_file() else None,
            subtopics=_read_subtopics(folder / SUBTOPICS) if SUBTOPICS in manifest["digests"] else no_subtopics(),
            periods=_read_periods(folder / TIMELINE) if TIMELINE in manifest["digests"] else None,
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise VerificationFailed(
            f"{folder} is damaged ({type(error).__name__}: {error}); restore it or fit again."
        ) from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder. A run that a killed process had set aside is put back first.

    Raises
    ------
    InvalidInput
        If there is none.
    SchemaMismatch
        If it is of a schema this version does not know.
    """
    put_back(folder)
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        schema = int(manifest["schema"])
    except OSError:
        runs = (
            sorted(path.parent.name for path in folder.parent.glob(f"*/{MANIFEST}")) if folder.parent.is_dir() else []
        )
        hint = f" In {folder.parent} there are: {', '.join(runs[:10])}." if runs else ""
        raise InvalidInput(f"{folder} is not a run folder: it has no {MANIFEST}.{hint}") from None
    except (ValueError, KeyError, TypeError):
        raise InvalidInput(f"{folder / MANIFEST} is not a manifest of this library.") from None
    if schema > SCHEMA:
        raise SchemaMismatch(
            f"{folder} has schema {schema}, this version reads up to {SCHEMA}: it was written by topics "
            f"{manifest.get('versions', {}).get('topics', 'of a later version')}. Upgrade topics to read it."
        )
    return manifest


def fingerprint_of(manifest: Mapping[str, Any]) -> str:
    """The `Run.fingerprint` of a run folder, from its manifest alone."""
    digest = hashlib.sha256()
    for name, content in sorted(manifest["digests"].items()):
        if not name.startswith(("report.", f"{TABLES}/", EVALUATION)):
            digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()


def changed_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Files that are missing, or are not what the manifest says they were."""
    found = []
    for name, digest in manifest["digests"].items():
        try:
            if file_sha256(folder / name) != digest:
                found.append(f"{name} was changed")
        except OSError:
            found.append(f"{name} is missing")
    return found


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
        "metrics.json": lambda: [_json(_numbers(run))],
        "config.toml": lambda: [(named + run.config.to_toml()).encode("utf-8")],
        "model/model.safetensors": lambda: parts_of(_tensors(run.model, run.rows, order)),
        "model/model.json": lambda: [_json(_described(run))],
    }


def _table_parts(made: Callable[[], pd.DataFrame]) -> list[bytes | memoryview]:
    return [_parquet(made())]


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


def _read_periods(path: Path) -> pd.DataFrame:
    import pandas as pd

    return _with_lists(pd.read_parquet(path), ["terms"]).astype({"terms": object})


def _read_subtopics(path: Path) -> pd.DataFrame:
    import pandas as pd

    return _with_lists(pd.read_parquet(path), ["terms"]).astype({"terms": object})


def formula_safe(table: pd.DataFrame) -> pd.DataFrame:
    """A copy with an apostrophe before every text cell a spreadsheet would compute (OWASP, CSV injection)."""
    safe = table.copy()
    for column in safe.columns:
        if safe[column].dtype.kind not in "biufM":
            safe[column] = [f"'{cell}" if str(cell)[:1] in FORMULA else cell for cell in table[column]]
    return safe


def rewrite_reports(folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write reports again, from what the folder holds; the manifest follows if a new release words them differently.

    A PDF is printed from the page. It is different every time and no part of the run: the manifest does not list it.

    Raises
    ------
    InvalidConfig
        For a format that is not made, or cannot be made here.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InvalidConfig(f"no report format {unknown[0]!r}; there are: {', '.join(FORMATS)}.")
    if "pdf" in formats:
        from topics.report.pdf import find_browser

        find_browser()  # before anything is written
    manifest = read_manifest(folder)
    told = read_evaluation(folder)
    made = _reports(load(folder), told)
    wanted = {f"report.{name}" for name in formats}
    if "html" in formats:
        wanted |= {name for name in made if name.startswith(f"{TABLES}/")}
    before = manifest["digests"].pop(EVALUATION, None)
    if told is not None:
        manifest["digests"][EVALUATION] = file_sha256(folder / EVALUATION)
    if manifest["digests"].get(EVALUATION) != before:
        wanted = set(made)  # no report may tell of another evaluation than the others
    for name in sorted(wanted & set(made)):
        _replace(folder / name, made[name])
        manifest["digests"][name] = file_sha256(folder / name)
    gone = [name for name in manifest["digests"] if name.startswith(f"{TABLES}/") and name not in made]
    for name in gone:
        del manifest["digests"][name]
    _replace(folder / MANIFEST, _json(manifest))
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    if "pdf" in formats:
        _replace(folder / "report.pdf", _printed(made["report.html"]))
    return [folder / f"report.{name}" for name in formats]


def _printed(page: bytes) -> bytes:
    from topics.report.pdf import print_pdf

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "report.html"
        path.write_bytes(page)
        return print_pdf(path)


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step, beside what may be reading the old one."""
    temporary = path.parent / f".{path.name}-{uuid.uuid4().hex[:8]}"
    try:
        write_file(temporary, content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def save_evaluation(evaluation: Evaluation, folder: Path) -> Path:
    """Write an evaluation beside the run it is of, and into its reports.

    It is no part of the run: its fingerprint stays, and a fit that replaces the run takes the evaluation away. The
    manifest lists it with the reports, which `verify` makes again from it.
    """
    _replace(folder / EVALUATION, evaluation.to_json().encode("utf-8", "replace"))
    rewrite_reports(folder, ("html", "md"))
    return folder / EVALUATION


def read_evaluation(folder: Path) -> dict[str, Any] | None:
    """What was measured of the run in a folder; None where nothing was, or of another run.

    Raises
    ------
    VerificationFailed
        If the file is not what `save_evaluation` writes.
    """
    try:
        told: dict[str, Any] = json.loads((folder / EVALUATION).read_text("utf-8"))
        missing = {"run", "settings", "overall", "topics", "left_out"} - told.keys()
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError) as error:
        raise VerificationFailed(f"{folder / EVALUATION} is damaged ({error}); delete it, or evaluate again.") from None
    if missing:
        raise VerificationFailed(f"{folder / EVALUATION} lacks {', '.join(sorted(missing))}; evaluate again.")
    return told if told["run"] == read_manifest(folder)["run"] else None


def _reports(run: Run, evaluation: Mapping[str, Any] | None = None) -> dict[str, bytes]:
    """The reports, and the tables behind what they show."""
    from topics.report import frame, summarize, tables_of, to_html, to_markdown

    summary = summarize(run, evaluation)
    tables = {f"{TABLES}/{name}.parquet": _parquet(frame(table)) for name, table in tables_of(summary).items()}
    reports = {"report.html": to_html(summary).encode("utf-8"), "report.md": to_markdown(summary).encode("utf-8")}
    return reports | tables


def _manifest(run: Run, digests: Mapping[str, str]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "run": run.provenance["run"],
        "corpus": run.provenance["corpus"],
        **{key: run.provenance[key] for key in ("input", "notes", "texts", "update") if key in run.provenance},
        "config": run.config.decisive(),
        "seeds": {"seed": run.config.seed},
        "versions": run.provenance["versions"],
        "stages": [vars(record) for record in run.stages],
        **_of_the_past(run),
        "digests": digests,
    }


def _of_the_past(run: Run) -> dict[str, Any]:
    """The run this one goes on from, how many ids were given so far, and what became of its topics."""
    if "previous" not in run.provenance:
        return {}
    events = run.lineage[run.lineage["event"] != "continued"]
    return {
        "previous": run.provenance["previous"],
        "ids_given": run.provenance["ids_given"],
        "lineage": {
            "counts": {str(name): int(count) for name, count in run.lineage["event"].value_counts().items()},
            "events": json.loads(events.to_json(orient="records", double_precision=15)),
        },
    }


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, compression="zstd", index=False)
    return buffer.getvalue()


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


def write_file(path: Path, *parts: bytes | memoryview) -> str:
    """Write a file, flushed to the disk; its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for part in parts:
            digest.update(part)
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def put_back(folder: Path, marker: str = MANIFEST) -> None:
    """Undo the first half of a swap whose second half never came; a whole folder is known by its marker."""
    if not folder.exists():
        for aside in sorted(folder.parent.glob(f".{glob.escape(folder.name)}-old-*")):
            if (aside / marker).is_file():
                aside.replace(folder)
                return


@contextmanager
def beside(target: Path, marker: str = MANIFEST) -> Iterator[Path]:
    """An empty folder beside `target`, to make in it what `swap` then puts there; it is gone afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(target, marker)
    temporary = target.parent / f".{target.name}-{uuid.uuid4().hex[:8]}"
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def clear_leftovers(folder: Path, marker: str = MANIFEST) -> None:
    """Remove what killed processes left beside `folder`, once it is old enough to be nobody's."""
    put_back(folder, marker)
    for leftover in folder.parent.glob(f".{glob.escape(folder.name)}-*"):
        if time.time() - leftover.stat().st_mtime > _ABANDONED:
            shutil.rmtree(leftover, ignore_errors=True)


def swap(temporary: Path, folder: Path) -> None:
    """Put the new folder, or file, in the place of the old; if this process is killed, `put_back` finds one of them."""
    aside = folder.parent / f".{folder.name}-old-{uuid.uuid4().hex[:8]}"
    if folder.is_dir():
        folder.replace(aside)
    try:
        temporary.replace(folder)
    except OSError:
        if aside.exists():
            aside.replace(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=float) + "\n").encode(
        "utf-8", "replace"
    )
