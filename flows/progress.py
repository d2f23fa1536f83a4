"""How far a stage is, as a progress artifact beside its task."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from topics.progress import watcher

if TYPE_CHECKING:
    from uuid import UUID

    from topics.progress import Watcher

_PATIENCE = 5.0  # seconds before there is an artifact
_EVERY = 1.0  # seconds between two updates of it


class ArtifactWatcher:
    """A progress artifact for work that takes longer than five seconds; whoever was watching before goes on to."""

    def __init__(self, also: Watcher | None = None, patience: float = _PATIENCE, every: float = _EVERY) -> None:
        self._also = also or watcher()
        self._patience, self._every = patience, every

    def start(self, task: str, total: int, unit: str) -> None:
        self._also.start(task, total, unit)
        self._task, self._total, self._unit, self._done = task, total, unit, 0
        self._began = self._shown = time.monotonic()
        self._artifact: UUID | None = None

    def advance(self, amount: int) -> None:
        self._also.advance(amount)
        self._done += amount
        now = time.monotonic()
        if self._total and now - self._began >= self._patience and now - self._shown >= self._every:
            self._shown = now
            self._show()

    def finish(self) -> None:
        self._also.finish()
        if self._artifact is not None:
            self._show()

    def _show(self) -> None:
        from prefect.artifacts import create_progress_artifact, update_progress_artifact

        percent = min(100.0, 100 * self._done / self._total)
        told = f"{self._task}: {self._done:,} of {self._total:,} {self._unit}"
        if self._artifact is None:
            made = create_progress_artifact(percent, key="topics-progress", description=told)
            self._artifact = cast("UUID", made)
        else:
            update_progress_artifact(self._artifact, percent, description=told)
