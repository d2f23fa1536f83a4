"""Results kept by what made them: a folder of checked, immutable entries, shared by every run.

An entry is a folder `<stage>/<key>/` with one `.npy`, `.parquet` or JSON part per field of a value
and `value.json`, which names the parts and their SHA-256. It appears whole or not at all: written
under another name, flushed, renamed. Nothing is pickled.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
import uuid
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topics.errors import StoreDamaged
from topics.store.keys import Ref, canonical, file_sha256, stage_key
from topics.store.values import MANIFEST, flush_folder, is_large, let_go, read_plain, read_value, write_value
from topics.store.vectors import VectorShelf, shelved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "NO_STORE",
    "Entry",
    "Ref",
    "Store",
    "VectorShelf",
    "canonical",
    "file_sha256",
    "let_go",
    "shelved",
    "stage_key",
]

log = logging.getLogger(__name__)

DEFAULT_ROOT = Path("outputs/store")


@dataclass(frozen=True)
class Entry:
    """What the store holds under one key."""

    ref: Ref
    bytes: int
    used: float  # seconds since the epoch: when it was last written or read
    note: str  # what it is, for people


class Store:
    """Values under `root`, written once, verified whenever they are read.

    Parameters
    ----------
    root : path, optional
        By default `$TOPICS_STORE`, else `outputs/store`. Made when first written to.
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = Path(root or os.environ.get("TOPICS_STORE") or DEFAULT_ROOT)

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def folder(self, ref: Ref) -> Path:
        """Where the entry of `ref` is, or would be."""
        return self.root / ref.stage / ref.key

    def has(self, ref: Ref) -> bool:
        """Whether an entry is there; it is verified only when read."""
        if ref.within:
            return self.has(ref.within)
        return (self.folder(ref) / MANIFEST).is_file()

    def locked(self, ref: Ref) -> AbstractContextManager[object]:
        """Hold `ref` against other processes; the kernel lets go if this one dies."""
        from filelock import FileLock

        self._lock_file(ref).parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self._lock_file(ref))

    def _lock_file(self, ref: Ref) -> Path:
        return self.root / "locks" / f"{ref.stage}-{ref.key}.lock"

    def load(self, ref: Ref) -> Any:
        """Read a value back, verified.

        Raises
        ------
        KeyError
            If there is no such entry.
        StoreDamaged
            If its bytes are not those written; the entry has been moved to `damaged/`.
        """
        if ref.within:
            return getattr(self.load(ref.within), ref.stage)
        folder = self.folder(ref)
        if not self.has(ref):
            raise KeyError(str(ref))
        try:
            value = read_value(folder)
        except StoreDamaged as damage:
            if not folder.exists():  # somebody removed it while we read
                raise KeyError(str(ref)) from None
            aside = self.root / "damaged" / f"{ref.stage}-{ref.key}-{uuid.uuid4().hex[:8]}"
            aside.parent.mkdir(exist_ok=True)
            folder.replace(aside)
            raise StoreDamaged(f"{damage} The entry was moved to {aside}.") from None
        self.touch(ref)
        return value

    def touch(self, ref: Ref) -> None:
        """Note that an entry is used."""
        with suppress(OSError):  # a store may be read by those who may not write it
            os.utime(self.folder(ref) / MANIFEST)

    def peek(self, ref: Ref) -> dict[str, Any]:
        """The plain fields of an entry, unverified; it does not count as used.

        Raises
        ------
        StoreDamaged
            If they cannot be read.
        """
        return read_plain(self.folder(ref))

    def keys(self, stage: str, prefix: str) -> list[str]:
        """The keys of a stage that begin with a prefix, sorted."""
        return sorted(manifest.parent.name for manifest in (self.root / stage).glob(f"{prefix}*/{MANIFEST}"))

    def remove(self, ref: Ref) -> None:
        """Remove an entry, in one step for whoever is looking."""
        aside = self.root / "temporary" / f"removed-{uuid.uuid4().hex}"
        aside.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            self.folder(ref).replace(aside)
        shutil.rmtree(aside, ignore_errors=True)

    def save(self, ref: Ref, value: Any, note: str = "") -> None:
        """Write a value; an entry that is already there is left as it is."""
        if self.has(ref):
            return
        folder = self.folder(ref)
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.root / "temporary" / f"{ref.stage}-{uuid.uuid4().hex}"
        try:
            write_value(value, temporary, note)
            if not self.has(ref):  # what is left of an entry that somebody began to delete
                shutil.rmtree(folder, ignore_errors=True)
            temporary.replace(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            if self.has(ref):  # somebody else was faster: the same key, the same value
                return
            raise
        flush_folder(folder.parent)

    def fetch(self, ref: Ref, compute: Callable[[], Any], note: str = "") -> tuple[Any, bool]:
        """The value of `ref` and whether it was there; made and kept if not.

        One process computes, others asking for the same key wait and read. A damaged entry is
        reported and made again. When it cannot be kept (full disk), the value is still returned.
        """
        with ExitStack() as held:
            try:
                held.enter_context(self.locked(ref))
            except OSError as error:
                log.warning("could not lock %s in %s: %s. Going on without.", ref, self.root, error)
            if self.has(ref):
                try:
                    return self.load(ref), True
                except StoreDamaged as damage:
                    log.warning("%s Computing it again.", damage)
            value = compute()
            try:
                self.save(ref, value, note)
            except OSError as error:
                log.warning("could not keep %s in %s: %s. Going on without.", ref, self.root, error)
            return self.left_on_disk(ref, value), False

    def left_on_disk(self, ref: Ref, value: Any) -> Any:
        """A value that was saved a moment ago: mapped if it is large, so that memory is free for what follows."""
        return read_value(self.folder(ref), check=False) if is_large(value) and self.has(ref) else value

    def entries(self, stage: str = "*") -> Iterator[Entry]:
        """Every entry, or those of a stage, by stage and key."""
        for manifest in sorted(self.root.glob(f"{stage}/*/{MANIFEST}")):
            folder = manifest.parent
            if folder.parent.name in {"temporary", "damaged"}:
                continue
            size = sum(part.stat().st_size for part in folder.rglob("*") if part.is_file())
            try:
                note = json.loads(manifest.read_text("utf-8")).get("note", "")
            except (ValueError, AttributeError):
                note = "unreadable"
            yield Entry(Ref(folder.parent.name, folder.name), size, manifest.stat().st_mtime, note)

    def verify(self) -> list[StoreDamaged]:
        """Check every entry against its checksums; damaged ones are set aside and returned."""
        damages = []
        for entry in list(self.entries()):
            try:
                self.load(entry.ref)
            except StoreDamaged as damage:
                damages.append(damage)
        return damages

    def prune(self, unused_for: float = 0.0) -> tuple[int, int]:
        """Remove entries not used for that many seconds, damaged ones and leftovers of killed processes.

        Returns
        -------
        (int, int)
            Entries removed, bytes freed.
        """
        removed = freed = 0
        now = time.time()
        for entry in list(self.entries()):
            if now - entry.used >= unused_for:
                with self.locked(entry.ref):
                    self.remove(entry.ref)
                self._lock_file(entry.ref).unlink(missing_ok=True)
                removed, freed = removed + 1, freed + entry.bytes
        for name in ("damaged", "temporary"):
            for leftover in (self.root / name).glob("*"):
                # A younger one may belong to a process that is writing right now.
                if name == "damaged" or now - leftover.stat().st_mtime > 3600:
                    freed += sum(part.stat().st_size for part in leftover.rglob("*") if part.is_file())
                    shutil.rmtree(leftover, ignore_errors=True)
        return removed, freed


class _NoStore(Store):
    """Remembers nothing; one code path with and without a store."""

    def __init__(self) -> None:
        super().__init__(os.devnull)

    def __repr__(self) -> str:
        return "NO_STORE"

    def has(self, ref: Ref) -> bool:
        return False

    def locked(self, ref: Ref) -> AbstractContextManager[object]:
        return nullcontext()

    def save(self, ref: Ref, value: Any, note: str = "") -> None:
        return None

    def keys(self, stage: str, prefix: str) -> list[str]:
        return []

    def remove(self, ref: Ref) -> None:
        return None

    def entries(self, stage: str = "*") -> Iterator[Entry]:
        return iter(())


NO_STORE = _NoStore()
