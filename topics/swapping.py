"""Files and folders that are there whole or not at all, whenever the process that writes them is killed."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST = "manifest.json"  #: by default, what a whole folder is known by
_ABANDONED = 3600  # seconds after which what lies beside a run folder belongs to no process any more


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


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in one step, beside what may be reading the old one."""
    temporary = path.parent / f".{path.name}-{uuid.uuid4().hex[:8]}"
    try:
        write_file(temporary, content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
