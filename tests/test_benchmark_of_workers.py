"""The benchmark of workers kills one, once, and counts what was computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shard_functions

from benchmarks.workers import Killing
from topics.executors import Processes

if TYPE_CHECKING:
    from pathlib import Path


def test_a_worker_is_killed_over_the_first_shard_and_nothing_is_computed_twice(tmp_path: Path) -> None:
    found = Killing(Processes(1), str(tmp_path)).map(shard_functions.square, [1, 2, 3])
    assert list(found) == [1, 4, 9]
    assert (tmp_path / "killed").exists()
    assert sorted(path.name.split("-")[1] for path in tmp_path.glob("computed-*")) == ["0", "1", "2"]
