"""A run as a folder: tables, numbers, reports, and a model without pickle. `manifest.json` holds a digest of each file.

Every file but the manifest depends on the documents and the settings alone: no clock, no path, no
thread count is in them, and rows are in the order of their ids. So equal runs have equal digests.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topics.errors import InvalidConfig, InvalidInput, SchemaMismatch, VerificationFailed
from topics.run import SCHEMA, Run, Saved
from topics.run_files import LINEAGE, json_bytes, parquet_bytes, payload, read_run
from topics.store import file_sha256
from topics.swapping import MANIFEST, beside, check_place, put_back, replace_file, swap, write_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from topics.evaluation import Evaluation

__all__ = [
    "EVALUATION",
    "FORMATS",
    "LINEAGE",
    "TABLES",
    "changed_files",
    "check_target",
    "fingerprint_of",
    "load",
    "payload",
    "read_evaluation",
    "read_manifest",
    "rewrite_reports",
    "save",
    "save_evaluation",
]

EVALUATION = "evaluation.json"
TABLES = "tables"  #: folder of the tables behind the report
FORMATS = ("html", "md", "pdf")  #: of reports


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
        write_file(temporary / MANIFEST, json_bytes(manifest))
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
    from safetensors import SafetensorError

    folder = Path(folder)
    manifest = read_manifest(folder)
    try:
        return read_run(folder, manifest, Saved(str(folder.resolve()), fingerprint_of(manifest)))
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
        replace_file(folder / name, made[name])
        manifest["digests"][name] = file_sha256(folder / name)
    gone = [name for name in manifest["digests"] if name.startswith(f"{TABLES}/") and name not in made]
    for name in gone:
        del manifest["digests"][name]
    replace_file(folder / MANIFEST, json_bytes(manifest))
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    if "pdf" in formats:
        replace_file(folder / "report.pdf", _printed(made["report.html"]))
    return [folder / f"report.{name}" for name in formats]


def _printed(page: bytes) -> bytes:
    from topics.report.pdf import print_pdf

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "report.html"
        path.write_bytes(page)
        return print_pdf(path)


def save_evaluation(evaluation: Evaluation, folder: Path) -> Path:
    """Write an evaluation beside the run it is of, and into its reports.

    It is no part of the run: its fingerprint stays, and a fit that replaces the run takes the evaluation away. The
    manifest lists it with the reports, which `verify` makes again from it.
    """
    replace_file(folder / EVALUATION, evaluation.to_json().encode("utf-8", "replace"))
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
    tables = {f"{TABLES}/{name}.parquet": parquet_bytes(frame(table)) for name, table in tables_of(summary).items()}
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
