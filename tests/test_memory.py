"""How much memory work takes, stage by stage."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fakes import random_embeddings
from scipy import sparse

from topics.assignment import approach
from topics.config import Config
from topics.errors import InvalidConfig
from topics.graph.cells import find_in_cells
from topics.graph.neighbors import find_neighbors
from topics.memory import check_fits, forget_peak, peak
from topics.vectors import sums_of


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


@pytest.mark.parametrize("told", ["", "4 apples", "-1GB", "GB", "1e9"])
def test_what_is_no_size_is_refused(told):
    with pytest.raises(InvalidConfig, match="must be a size such as 4GB"):
        Config.of(max_memory=told)


def test_the_memory_allowed_has_no_part_in_a_result(world):
    plain = world.fit()
    narrow = world.fit(store=world.store("narrow"), max_memory="450MB", workers=2)
    assert narrow == plain
    assert narrow.config.to_toml() == plain.config.to_toml()


def test_small_blocks_find_the_same_neighbours():
    points = random_embeddings(1500, 24)
    assert np.array_equal(find_neighbors(points, 10).indices, find_neighbors(points, 10, 2, room=1).indices)
    in_memory, on_disk = find_in_cells(points.vectors, 10), find_in_cells(points.vectors, 10, 2, room=1)
    assert all(np.array_equal(one, other) for one, other in zip(in_memory, on_disk, strict=True))
    near, other = approach(points.vectors, 700), approach(points.vectors, 700, room=1)
    assert np.array_equal(near.indices, other.indices)
    assert np.array_equal(near.similarities, other.similarities)


def test_too_little_memory_is_refused_with_the_way_out(world, tmp_path):
    with pytest.raises(InvalidConfig, match=r"max_memory=100MB: topics of .* take about .*Raise it, give fewer"):
        world.fit(max_memory="100MB")
    with pytest.raises(InvalidConfig, match=r"max_memory=4\.0GB: topics of 1,000,000 .*\(fit_on=\d+00\)") as refused:
        check_fits(4_000_000_000, 50_000_000, 1_000_000, 384, None)
    way_out = int(str(refused.value).split("fit_on=")[1].split(")")[0])
    check_fits(4_000_000_000, 50_000_000, 1_000_000, 384, way_out)
    with pytest.raises(InvalidConfig):
        check_fits(4_000_000_000, 50_000_000, 1_000_000, 384, way_out + 200)


def test_sums_are_those_of_the_whole_up_to_rounding(monkeypatch):
    points, weights = random_embeddings(900).vectors, sparse.random_array((7, 900), density=0.2, rng=1, format="csr")
    want = weights @ points.astype(np.float64)
    assert np.array_equal(sums_of(weights, points), want)
    monkeypatch.setattr("topics.vectors._SUMMED", 100)
    np.testing.assert_allclose(sums_of(weights, points), want, atol=1e-12)
