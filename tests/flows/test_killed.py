"""A flow that is killed at every stage, and between the steps of a publication, goes on from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from surfaces_fakes import ROOT, World, digests, documents

from flows.state import Intake, source_of
from topics import Registry, load, update

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = {"text": "text", "id": "id", "date": "date", "class_": "class"}
QUICK = {"n_epochs": 10, "consensus": 1, "workers": 1}

_PUBLISHING = "documents|run|intake|report|pointers"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="there are no forks")]


def lives_of(flow: str, config: dict[str, Any], log: Path, points: str = "") -> list[dict[str, Any]]:
    """All lives of a flow, the last of which came to the end."""
    command = [sys.executable, str(Path(__file__).parent / "lives.py"), flow, json.dumps(config), str(log), points]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PREFECT_LOGGING_LEVEL": "CRITICAL"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lives = [json.loads(line) for line in log.read_text().splitlines()]
    assert [life["problem"] for life in lives if life["problem"]] == []  # no lock was in the way
    assert all(life["broken"] == [] for life in lives)
    assert lives[-1]["died"] == ""
    return lives


def computed_again(lives: Sequence[dict[str, Any]]) -> set[str]:
    """What was computed though it was in the store: all but what died when it was written is computed once."""
    times = Counter(ref for life in lives for ref in life["computed"])
    lost = Counter(life["computed"][-1] for life in lives if life["died"].endswith(" is written") and life["computed"])
    return {ref for ref in times if times[ref] > 1 + lost[ref]}


def test_a_fit(world: World, tmp_path: Path) -> None:
    store = world.store("killed fit").root
    config = {"input": str(world.csv), **COLUMNS, "encoder": world.model, "store": str(store), **QUICK}
    lives = lives_of("fit", {**config, "output": str(tmp_path / "run")}, tmp_path / "log")
    run = load(tmp_path / "run")
    assert {life["died"] for life in lives} >= {f"{stage.name} is done" for stage in run.stages}
    assert computed_again(lives) == set()
    assert {life["latest"] for life in lives[: -len(("the run is written", ""))]} == {None}
    assert digests(tmp_path / "run") == digests(world.fit(**COLUMNS, **QUICK).save(tmp_path / "library"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("refit", ["never", "always"])
def test_an_update(world: World, tmp_path: Path, refit: str) -> None:
    inbox, registry = tmp_path / "inbox", Registry(tmp_path / "model")
    inbox.mkdir()
    store = world.store(f"killed {refit}").root
    config = {"input": str(inbox), "output": str(registry.root), **COLUMNS, "encoder": world.model, "store": str(store)}
    config = {**config, **QUICK}
    for number, (start, stop) in enumerate(((0, 160), (160, 200)), 1):
        documents(200).iloc[start:stop].to_csv(inbox / f"{number}.csv", index=False)
        how = {"refit": refit if number > 1 else "auto"}
        points = "" if number > 1 else _PUBLISHING  # a fit is killed at its stages above
        if how["refit"] == "always":
            points = f"is done|{_PUBLISHING}"
        lives = lives_of("update", {**config, **how}, tmp_path / f"log {number}", points)
        assert computed_again(lives) == set()
        moved = [life["died"] for life in lives].index("the run is moved")
        before, after = (f"{which:04d}" for which in (number - 1, number))
        assert {life["latest"] for life in lives[: moved + 1]} == {before if number > 1 else None}
        assert lives[moved + 1]["latest"] >= after  # who came next put it in force, and made another if asked always to
        assert not (registry.root / "lock").exists()
        if how["refit"] != "always":
            assert {life["latest"] for life in lives[moved + 1 :]} == {after}
            assert [run.name for run in registry.runs] == ["0001", "0002"][:number]
    first, second, *_ = registry.runs
    kept = registry.root / "documents" / Intake.of(second).documents[-1]
    by_the_library = update(first, source_of(kept), refit=refit, store=world.store(f"library {refit}"))
    assert by_the_library.updated["documents_new"] == 40
    assert digests(second) == digests(by_the_library.save(tmp_path / "library"))
