"""Steps that are begun beside others: the same values, made once, and nothing said of them until they are asked for."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import numpy as np
import pytest

from topics import pipeline
from topics.data import Reduction
from topics.executors import SERIAL
from topics.store import NO_STORE, Store
from topics.store.values import MANIFEST
from topics.workshop import Stage, Workshop


@pytest.fixture
def made():
    """What was computed, by whom."""
    return []


@pytest.fixture
def stage(made):
    def compute(at, params):
        made.append(threading.current_thread().name)
        if params["side"] < 0:
            raise ValueError("a side is not negative")
        return Reduction(np.full((2, 2), params["side"], dtype=np.float32))

    return Stage("reduction", compute)


def test_what_was_begun_is_made_once_by_another_thread_and_is_new(stage, made, tmp_path):
    shop = Workshop(Store(tmp_path), threads=2)
    shop.begin(stage, (), {"side": 3})
    shop.begin(stage, (), {"side": 3})
    outcome = shop.run(stage, (), {"side": 3})
    assert not outcome.cached
    assert shop.load(outcome.ref).points.tolist() == [[3, 3], [3, 3]]
    assert made == ["topics reduction"]
    assert shop.run(stage, (), {"side": 3}).cached
    assert Workshop(Store(tmp_path)).run(stage, (), {"side": 3}).cached


def test_what_is_in_the_store_is_not_begun(stage, made, tmp_path):
    first = Workshop(Store(tmp_path)).run(stage, (), {"side": 3})
    shop = Workshop(Store(tmp_path), threads=2)
    shop.begin(stage, (), {"side": 3})
    again = shop.run(stage, (), {"side": 3})
    assert again.ref == first.ref
    assert again.cached
    assert len(made) == 1


@pytest.mark.parametrize("limits", [{"threads": 1}, {"executor": SERIAL}, {"memory": 10**9}])
def test_who_has_one_thread_an_executor_or_little_memory_waits_until_it_is_asked_for(stage, made, limits):
    shop = Workshop(NO_STORE, **{"threads": 2, **limits})
    shop.begin(stage, (), {"side": 3})
    assert made == []
    assert not shop.run(stage, (), {"side": 3}).cached
    assert made == ["MainThread"]


def test_an_error_is_told_to_who_asks(stage):
    shop = Workshop(NO_STORE, threads=2)
    shop.begin(stage, (), {"side": -1})
    assert not shop.run(stage, (), {"side": 3}).cached
    with pytest.raises(ValueError, match="a side is not negative"):
        shop.run(stage, (), {"side": -1})
    with pytest.raises(ValueError, match="a side is not negative"):  # it is tried again
        shop.run(stage, (), {"side": -1})


def test_what_is_in_the_store_is_read_when_it_is_wanted_and_made_again_if_it_is_damaged(stage, made, tmp_path, caplog):
    store = Store(tmp_path)
    ref = Workshop(store).run(stage, (), {"side": 3}).ref
    part, manifest = store.folder(ref) / "points.npy", store.folder(ref) / MANIFEST
    part.write_bytes(b"something else")
    os.utime(manifest, (0, 0))
    shop = Workshop(store)
    assert shop.run(stage, (), {"side": 3}).cached
    assert manifest.stat().st_mtime > 0  # it counts as used
    assert len(made) == 1
    assert shop.load(ref).points.tolist() == [[3, 3], [3, 3]]
    assert len(made) == 2
    assert "does not match its checksum" in caplog.text
    assert store.load(ref).points.tolist() == [[3, 3], [3, 3]]


def test_what_was_pruned_meanwhile_is_made_again(stage, made, tmp_path):
    store = Store(tmp_path)
    Workshop(store).run(stage, (), {"side": 3})
    shop = Workshop(store)
    ref = shop.run(stage, (), {"side": 3}).ref
    store.remove(ref)
    assert shop.load(ref).points.tolist() == [[3, 3], [3, 3]]
    assert len(made) == 2


def test_who_shares_what_is_at_hand_and_no_store_reads_what_the_other_found(stage, made, tmp_path):
    Workshop(Store(tmp_path)).run(stage, (), {"side": 3})
    shop = Workshop(Store(tmp_path))
    scratch = replace(shop, store=NO_STORE)
    assert scratch.load(shop.run(stage, (), {"side": 3}).ref).points.tolist() == [[3, 3], [3, 3]]
    assert len(made) == 1


def test_a_fit_whose_steps_lie_beside_each_other_is_the_fit_whose_steps_follow_each_other(world, monkeypatch):
    beside = world.fit(store=world.store("beside"), workers=2)
    monkeypatch.setattr(pipeline, "_BESIDE", 0)
    monkeypatch.setattr(Workshop, "begin", None)
    after = world.fit(store=world.store("after"), workers=2)
    assert beside == after
    assert [stage.name for stage in beside.stages] == [stage.name for stage in after.stages]
    assert [stage.key for stage in beside.stages] == [stage.key for stage in after.stages]
    assert [stage.cached for stage in beside.stages] == [stage.cached for stage in after.stages]
