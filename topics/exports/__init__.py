"""The vectors of a run with what it found out about them, for other programs: files, or a database of vectors."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from topics.errors import InvalidConfig, InvalidInput, VerificationFailed
from topics.exports import files, lance, milvus
from topics.exports.records import MARK, Records, documents_of, topics_of
from topics.swapping import beside, check_place, swap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from topics.run import Run

_MARKER = "export.json"  # in a folder: what it is


@dataclass(frozen=True)
class Format:
    """One way to write vectors."""

    write: Callable[[Path, Records, Records], None]  # (where, documents, topics)
    read: Callable[[Path, str, Records], Iterator[pa.RecordBatch]]  # (where, "documents" or "topics", what to find)
    ending: str  # of the name it is written under
    packages: tuple[str, ...] = ()  # that it needs; they come with an extra of its name


FORMATS = {
    "parquet": Format(files.write_parquet, files.read_parquet, ".parquet"),
    "npy": Format(files.write_npy, files.read_npy, ""),
    "lancedb": Format(lance.write, lance.read, "", ("lancedb",)),
    "milvus": Format(milvus.write, milvus.read, ".db", ("pymilvus", "milvus_lite")),
}


@dataclass(frozen=True)
class Exported:
    """What was written, and where."""

    path: Path
    documents: int
    without_text: int  # documents that have no vector and were left out
    topics: int
    dimensions: int


def export(run: Run, to: str, path: str | Path, with_text: bool = False) -> Exported:
    """Write the vectors of a run, with ids and topics, where other programs find them.

    Documents come in the order of their ids, with the columns id, topic, topic_id, name, strength, x, y,
    date and class where there are such, text if asked for, and vector; topics with topic_id, topic,
    name, size, terms and centroid. They are written in batches under another name, read back and
    compared, and then put in their place: whole, or not at all.

    Parameters
    ----------
    run : Run
    to : {"parquet", "npy", "lancedb", "milvus"}
        `NAME.parquet` and `NAME-topics.parquet`; a folder with `vectors.npy`, `documents.parquet`,
        `centroids.npy` and `topics.parquet`; a LanceDB folder or a Milvus Lite `.db`, each with the
        tables `documents` and `topics`.
    path : path
        What is there already is replaced if it is an earlier export of the same kind.
    with_text : bool
        Write the texts, too; the run must have been fitted with `keep_text`.

    Returns
    -------
    Exported

    Raises
    ------
    InvalidConfig
        If there is no such format or its package is not installed.
    InvalidInput
        If something else is at `path`, the name has not the ending of the format, the texts are asked for
        and not kept, or the run does not tell which vector is whose.
    VerificationFailed
        If what is read back is not what was to be written; nothing is left of it.
    """
    path = Path(path)
    made = _format(to)
    if made.ending and path.suffix != made.ending:
        raise InvalidInput(f"--output {path}: its name must end in {made.ending}.")
    for part in _parts(path, to):
        _check_target(part, to)
    if with_text and "text" not in run.documents:
        raise InvalidInput("this run keeps no texts; fit it with --keep-text, or export without them.")
    without = int((run.text_rows() < 0).sum())
    exported = Exported(path, len(run.documents) - without, without, len(run.topics), run.model.vectors.shape[1])
    told = _told(run, to, exported)
    documents, topics = documents_of(run, with_text, told), topics_of(run, told)

    with beside(path, _MARKER) as temporary:
        made.write(temporary / path.name, documents, topics)
        for name, records in (("documents", documents), ("topics", topics)):
            _check_records(made.read(temporary / path.name, name, records), records, path)
        if (temporary / path.name).is_dir():
            (temporary / path.name / _MARKER).write_bytes(told)
        _flush(temporary)
        for part, place in zip(_parts(temporary / path.name, to), _parts(path, to), strict=True):
            swap(part, place)
    return exported


def default_path(run_folder: Path, to: str) -> Path:
    """Where the command line exports to if it is not told: beside the run.

    Examples
    --------
    >>> str(default_path(Path("outputs/tickets"), "parquet")), str(default_path(Path("outputs/tickets"), "npy"))
    ('outputs/tickets-vectors.parquet', 'outputs/tickets-npy')
    """
    ending = _format(to).ending
    name = run_folder.resolve().name
    return Path(os.path.normpath(run_folder / ".." / (f"{name}-vectors{ending}" if ending else f"{name}-{to}")))


def _format(to: str) -> Format:
    if to not in FORMATS:
        raise InvalidConfig(f"no export to {to!r}; there are: {', '.join(FORMATS)}.")
    missing = [package for package in FORMATS[to].packages if find_spec(package) is None]
    if missing:
        raise InvalidConfig(f"an export to {to} needs {missing[0]}, which is not installed: pip install 'topics[{to}]'")
    return FORMATS[to]


def _parts(path: Path, to: str) -> list[Path]:
    """The files or folders an export is made of; the last one to come makes it whole."""
    return [files.topics_beside(path), path] if to == "parquet" else [path]


def _check_target(path: Path, to: str) -> None:
    """Refuse a place at which there is something that must not be replaced."""
    import pyarrow.parquet as pq

    check_place(path)
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    try:
        told = (path / _MARKER).read_bytes() if path.is_dir() else pq.read_schema(path).metadata[MARK]
        earlier = json.loads(told)["to"] == to
    except (OSError, ValueError, LookupError, TypeError):
        earlier = False
    if not earlier:
        raise InvalidInput(
            f"{path} is there already and is no export to {to}; it was not touched. Name another --output, or move it."
        )


def _told(run: Run, to: str, exported: Exported) -> bytes:
    told = {
        "to": to,
        "run": run.provenance["run"],
        "documents": exported.documents,
        "without_text": exported.without_text,
        "topics": exported.topics,
        "dimensions": exported.dimensions,
        "encoder": run.model.encoder,
        "encoder_fingerprint": run.model.fingerprint,
    }
    if run.model.postprocessing is not None:
        told["postprocess"] = run.config.postprocess
    return json.dumps(told, indent=1, sort_keys=True).encode()


def _check_records(found: Iterator[pa.RecordBatch], records: Records, path: Path) -> None:
    """Compare what is read back with what was to be written, bit by bit."""
    done = 0
    for batch in found:
        if not batch.equals(records.batch(done, done + len(batch))):
            break
        done += len(batch)
    if done != len(records):
        raise VerificationFailed(
            f"what was written for {path} reads back otherwise from record {done} of {len(records)} on; it was "
            "removed. Try again, and another --output if that does not help."
        )


def _flush(folder: Path) -> None:
    for part in folder.rglob("*"):
        if part.is_file():
            with open(part, "rb+") as file:
                os.fsync(file.fileno())
