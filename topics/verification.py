"""Proof that a run can be had again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from topics.corpus import MEMORY, STDIN, Source
from topics.editing import replay
from topics.embedding.precomputed import ARRAY
from topics.errors import InvalidInput, VerificationFailed
from topics.folder import EVALUATION, changed_files, fingerprint_of, load, read_evaluation, read_manifest, save
from topics.pipeline import fit_topics
from topics.store import NO_STORE
from topics.swapping import MANIFEST
from topics.updates.updating import update

if TYPE_CHECKING:
    from topics.run import Run
    from topics.store import Store


@dataclass(frozen=True)
class Verified:
    """What was compared and found the same."""

    files: int
    documents: int
    topics: int


def verify(folder: str | Path, store: Store = NO_STORE, location: str | None = None) -> Verified:
    """Check a run folder's digests, then fit again from its manifest, edit as it was edited, and compare them.

    A run that goes on from another is made again from that, which has to be where it was.

    Parameters
    ----------
    folder : path
    store : Store
        By default none: everything is computed again, embeddings included.
    location : str, optional
        Where the documents are now, if they were moved.

    Raises
    ------
    VerificationFailed
        Naming what was changed, cannot be repeated, or comes out differently.
    InvalidInput
        If the documents are not where they were, or the encoder was an object.
    """
    import tempfile

    folder = Path(folder)
    manifest = read_manifest(folder)
    changed = changed_files(folder, manifest)
    if changed:
        raise VerificationFailed(f"{folder} is not what was written: {'; '.join(changed)}.")
    told = manifest["input"]
    where = location or told["location"]
    if where in (MEMORY, STDIN):
        raise VerificationFailed(
            f"the files of {folder} are as written, but its documents came from "
            f"{'memory' if where == MEMORY else 'standard input'}, so it cannot be fitted again from here; "
            "give their file with --input."
        )
    run = load(folder)
    if run.config.encoder == ARRAY:
        raise VerificationFailed(
            f"the files of {folder} are as written, but its vectors came from memory, so it cannot be fitted again "
            "from here; a fit with encoder='precomputed:FILE' can be."
        )
    if run.config.clusterer.startswith("<"):
        raise VerificationFailed(
            f"the files of {folder} are as written, but its clusterer, {run.config.clusterer}, was an object, so it "
            "cannot be fitted again from here; a fit with a clusterer by name can be."
        )
    source = Source(where, told.get("text"), told.get("id"), told.get("date"), told.get("class"))
    again = _again(run, source, folder, store)
    if edits := run.provenance.get("edits", ())[len(again.provenance.get("edits", ())) :]:
        again = replay(again, edits, documents=source, store=store)
    with tempfile.TemporaryDirectory() as scratch:
        evaluation = read_evaluation(folder) if EVALUATION in manifest["digests"] else None
        fresh = read_manifest(save(again, Path(scratch) / "run", evaluation=evaluation))
    if again.provenance["corpus"] != manifest["corpus"]:
        raise VerificationFailed(f"the files of {folder} are as written, but {where} holds other documents than then.")
    then, now = manifest["digests"].copy(), fresh["digests"]
    then.pop(EVALUATION, None)  # measured of the run, and as written; measuring it again is another command
    different = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    if any(manifest.get(key) != fresh[key] for key in ("run", "config", "seeds")):
        different.append(MANIFEST)
    if different:
        releases = again.provenance["versions"].items() - manifest["versions"].items()
        because = (
            f" Other releases are installed now: {', '.join(f'{n} {v}' for n, v in sorted(releases))}."
            if releases
            else ""
        )
        raise VerificationFailed(f"{folder} cannot be had again: {', '.join(different)} differ.{because}")
    return Verified(len(now), len(again.documents), len(again.topics))


def _again(run: Run, source: Source, folder: Path, store: Store) -> Run:
    """The fit, or the update, that made a run."""
    record, asked = run.provenance.get("previous"), run.provenance.get("update")
    if record is None:
        return fit_topics(source, run.config, run.config.workshop(store))
    where = record["folder"]
    lost = f"the files of {folder} are as written, but it goes on from run {record['run']}, "
    if not where:
        raise VerificationFailed(f"{lost}which was in memory; a run that goes on from a folder can be made again.")
    try:
        told = read_manifest(Path(where))
    except InvalidInput:
        raise VerificationFailed(f"{lost}which is no longer in {where}; put it back there.") from None
    if fingerprint_of(told) != record["fingerprint"]:
        raise VerificationFailed(f"{lost}and {where} holds another run now, {told['run']}; put it back there.")
    before = load(where)
    if asked is None:
        return fit_topics(source, run.config, run.config.workshop(store), previous=before)
    return update(before, source, store=store, **asked)
