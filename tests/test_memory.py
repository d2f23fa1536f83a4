"""How much memory work takes, stage by stage."""

from __future__ import annotations

import json

import numpy as np

from topics.memory import forget_peak, peak


def test_a_peak_is_remembered_until_it_is_forgotten():
    forget_peak()
    before = peak()
    taken = np.ones(1 << 24)
    del taken
    assert peak() - before > 100 << 20


def test_the_manifest_tells_the_memory_of_every_stage(written):
    stages = json.loads((written / "manifest.json").read_text("utf-8"))["stages"]
    assert stages
    assert all(stage["memory"] > 1 << 20 for stage in stages)
