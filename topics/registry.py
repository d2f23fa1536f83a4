"""The runs of one model over time: a folder of them, and which is the latest.

    outputs/models/tickets/
      latest, previous    the run in force and the one before it; links, swapped together in one rename
      runs/0001/ ...      run folders, numbered as they were published
      lock                who is at work: host, process, and a heartbeat

A run is made aside and appears in `runs` whole; the pointers move after that. Whoever is killed on the
way leaves them where they were; if the run was there already, the next to take the lock moves them.
"""

from __future__ import annotations

import json
import logging
import shutil
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from topics.errors import InvalidConfig, InvalidInput, RunInProgress
from topics.locking import BEAT, LEASE, locked
from topics.swapping import MANIFEST, check_place, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import SoftFileLease

log = logging.getLogger(__name__)

_POINTERS = "pointers.json"  # in place of links, where a file system has none


class Registry:
    """Runs of one model.

    Parameters
    ----------
    root : path
        Made when first written to.
    lease, beat : float
        Seconds after which a silent lock is taken over, and between signs of life. Everybody who shares the folder
        must take the same.
    """

    def __init__(self, root: str | Path, lease: float = LEASE, beat: float = BEAT) -> None:
        self.root = Path(root)
        self._lease, self._beat = lease, beat

    def __repr__(self) -> str:
        return f"Registry({str(self.root)!r})"

    @property
    def staging(self) -> Path:
        """Where a run is made before `publish`; what an attempt that was killed left there is replaced."""
        return self.root / ".staging" / "run"

    @property
    def runs(self) -> list[Path]:
        """The runs that were published and not pruned, oldest first."""
        found = [path.parent for path in (self.root / "runs").glob(f"[0-9]*/{MANIFEST}") if path.parent.name.isdigit()]
        return sorted(found, key=lambda run: int(run.name))

    @property
    def latest(self) -> Path | None:
        """The run in force."""
        return self._pointed()[0]

    @property
    def previous(self) -> Path | None:
        """The run that was in force before."""
        return self._pointed()[1]

    def find(self, which: str | int = "latest") -> Path:
        """A run by its number, or "latest" or "previous".

        Raises
        ------
        InvalidInput
            If there is no such run.
        """
        run = {"latest": self.latest, "previous": self.previous}.get(str(which)) or next(
            (run for run in self.runs if str(which).isdigit() and int(run.name) == int(which)), None
        )
        if run is None:
            names = ", ".join(run.name for run in self.runs[-10:]) or "none yet"
            raise InvalidInput(f"no run {which!r} in {self.root}; there are: {names}.")
        return run

    @contextmanager
    def locked(self, wait: float = 0.0) -> Iterator[SoftFileLease]:
        """Be the only one who makes runs of this model, on all hosts that share the folder.

        The lock of a process of this host that died is taken at once, that of another host once its heartbeat has
        been missing for the length of the lease.

        Parameters
        ----------
        wait : float
            Seconds to wait for somebody who is alive.

        Raises
        ------
        RunInProgress
            If somebody still is at work after that.
        InvalidInput
            If this cannot be a folder of runs.
        """
        self._check()
        with locked(self.root / "lock", self.root, wait, self._lease, self._beat) as lease:
            shutil.rmtree(self.staging.parent, ignore_errors=True)
            self.staging.parent.mkdir()
            self._finish()
            yield lease

    def publish(self, staged: Path, lease: SoftFileLease | None = None) -> Path:
        """Make a run that lies ready in `staging` the latest.

        Parameters
        ----------
        staged : Path
            A whole run folder on the same file system; it is moved.
        lease : SoftFileLease, optional
            As `locked` gave it: nothing is published by who lost it meanwhile.

        Returns
        -------
        Path
            Where the run is now.

        Raises
        ------
        InvalidInput
            If there is no run in `staged`.
        RunInProgress
            If the lock was lost, so that somebody else may be at work.
        """
        if not (staged / MANIFEST).is_file():
            raise InvalidInput(f"{staged} holds no run; nothing was published.")
        if lease is not None and (not lease.is_locked or lease.compromise):
            raise RunInProgress(
                f"this process was silent for more than {self._lease:g} s and lost the lock of {self.root} to "
                "another; nothing was published. What it computed is in the store: run it again."
            )
        from topics.store.values import flush_folder

        latest, runs = self.latest, self.root / "runs"
        runs.mkdir(exist_ok=True)
        taken = [int(path.name) for path in runs.iterdir() if path.name.isdigit()]
        folder = runs / f"{max(taken, default=0) + 1:04d}"
        write_file(self._publishing, folder.name.encode())
        staged.replace(folder)
        flush_folder(runs)
        self._point(folder, latest)
        self._publishing.unlink()
        return folder

    def _finish(self) -> None:
        """Do what is left of a publication whose process was killed."""
        try:
            folder = self.root / "runs" / self._publishing.read_text("utf-8")
        except FileNotFoundError:
            return
        if (folder / MANIFEST).is_file() and folder != self.latest:
            log.warning("%s was made by a process that was killed before it said so; it is the latest run now.", folder)
            self._point(folder, self.latest)
        self._publishing.unlink()

    def restore(self, which: str | int = "previous") -> Path:
        """Put an earlier run in force again; the one that was becomes the previous one.

        Raises
        ------
        InvalidInput
            If there is no such run.
        """
        run = self.find(which)
        if run != self.latest:
            self._point(run, self.latest)
        self._publishing.unlink(missing_ok=True)
        return run

    def prune(self, keep: int) -> list[Path]:
        """Remove all but the newest runs; the latest and the previous one always stay. To be called with the lock.

        Parameters
        ----------
        keep : int
            How many to keep, at least 2.

        Returns
        -------
        list of Path
            What was removed.

        Raises
        ------
        InvalidConfig
        """
        if keep < 2:
            raise InvalidConfig(f"keep={keep}; at least 2 runs are kept, the latest and the one before.")
        pointed = {self.latest, self.previous}
        removed = [run for run in self.runs[:-keep] if run not in pointed]
        for run in removed:
            aside = run.parent / f".{run.name}-{uuid.uuid4().hex[:8]}"
            run.replace(aside)  # gone in one step for whoever is looking
        for leftover in (self.root / "runs").glob(".*"):
            shutil.rmtree(leftover, ignore_errors=True)
        return removed

    # --- pointers: `latest` and `previous` lead through one link, so that one rename moves both

    def _pointed(self) -> tuple[Path | None, Path | None]:
        names: dict[str, str | None] = {}
        try:
            now = self._pointers / (self._pointers / "now").readlink()
            for name in ("latest", "previous"):
                with suppress(FileNotFoundError):
                    names[name] = (now / name).readlink().name
        except OSError:
            with suppress(FileNotFoundError):
                names = json.loads((self.root / _POINTERS).read_text("utf-8"))
        runs = [self.root / "runs" / name if name else None for name in (names.get("latest"), names.get("previous"))]
        latest, previous = (run if run and (run / MANIFEST).is_file() else None for run in runs)
        return latest, previous

    def _point(self, latest: Path, previous: Path | None) -> None:
        from topics.store.values import flush_folder

        try:
            self._link(latest, previous)
        except OSError as error:
            log.debug("no links in %s (%s); the pointers are in %s", self.root, error, _POINTERS)
            told = {"latest": latest.name, "previous": previous.name if previous else None}
            temporary = self.root / f".{_POINTERS}-{uuid.uuid4().hex[:8]}"
            write_file(temporary, json.dumps(told).encode())
            temporary.replace(self.root / _POINTERS)
        flush_folder(self.root)

    def _link(self, latest: Path, previous: Path | None) -> None:
        now, fresh = self._pointers / "now", self._pointers / uuid.uuid4().hex[:8]
        before = now.readlink().name if now.is_symlink() else ""
        fresh.mkdir(parents=True)
        (fresh / "latest").symlink_to(f"../../runs/{latest.name}", target_is_directory=True)
        if previous:
            (fresh / "previous").symlink_to(f"../../runs/{previous.name}", target_is_directory=True)
        _replace_link(now, fresh.name)
        for name in ("latest", "previous"):
            if not (self.root / name).is_symlink():
                _replace_link(self.root / name, f".pointers/now/{name}")
        for old in self._pointers.iterdir():
            if old.name not in (now.name, fresh.name, before):  # somebody may be reading through the one before
                old.unlink() if old.is_symlink() else shutil.rmtree(old, ignore_errors=True)

    @property
    def _publishing(self) -> Path:
        return self.root / ".publishing"

    @property
    def _pointers(self) -> Path:
        return self.root / ".pointers"

    def _check(self) -> None:
        if (self.root / MANIFEST).is_file():
            raise InvalidInput(f"{self.root} is a run, not a folder of runs; name another folder.")
        if self.root.exists() and not self.root.is_dir():
            raise InvalidInput(f"{self.root} is a file; name a folder for the runs.")
        check_place(self.root)
        self.root.mkdir(parents=True, exist_ok=True)


def _replace_link(link: Path, target: str) -> None:
    temporary = link.parent / f".{link.name}-{uuid.uuid4().hex[:8]}"
    temporary.symlink_to(target, target_is_directory=True)
    temporary.replace(link)
