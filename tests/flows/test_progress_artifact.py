from __future__ import annotations

import time

import pytest
from prefect import artifacts

from flows.progress import ArtifactWatcher
from topics.progress import LogWatcher, track, watched


@pytest.fixture
def shown(monkeypatch) -> list[tuple[str, float, str]]:
    """What was made and updated."""
    shown: list[tuple[str, float, str]] = []

    def create(progress: float, key: str, description: str) -> str:
        shown.append((key, progress, description))
        return "the artifact"

    def update(artifact: str, progress: float, description: str) -> None:
        shown.append((artifact, progress, description))

    monkeypatch.setattr(artifacts, "create_progress_artifact", create)
    monkeypatch.setattr(artifacts, "update_progress_artifact", update)
    return shown


def test_long_work_is_one_artifact_that_is_updated_and_ends_at_a_hundred(shown):
    with watched(ArtifactWatcher(patience=0.0, every=0.0)):
        assert list(track(range(4), 4, "Embedding", "documents")) == [0, 1, 2, 3]
    assert shown == [
        ("topics-progress", 25.0, "Embedding: 1 of 4 documents"),
        ("the artifact", 50.0, "Embedding: 2 of 4 documents"),
        ("the artifact", 75.0, "Embedding: 3 of 4 documents"),
        ("the artifact", 100.0, "Embedding: 4 of 4 documents"),
        ("the artifact", 100.0, "Embedding: 4 of 4 documents"),
    ]


def test_short_work_makes_none_and_quick_steps_are_not_all_shown(shown):
    with watched(ArtifactWatcher()):
        list(track(range(1000), 1000, "Embedding", "documents"))
    assert shown == []
    with watched(ArtifactWatcher(patience=0.0, every=0.05)):
        for _ in track(range(100), 100, "Embedding", "documents"):
            time.sleep(0.002)
    assert 1 < len(shown) < 20


def test_who_was_watching_goes_on_to_be_told(shown):
    told = []

    class Watcher(LogWatcher):
        def advance(self, amount: int) -> None:
            told.append(amount)

    with watched(Watcher()), watched(ArtifactWatcher()):
        list(track(range(3), 3, "Embedding", "documents"))
    assert told == [1, 1, 1]
