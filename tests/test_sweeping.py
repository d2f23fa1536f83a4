from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from surfaces_fakes import in_this_process

from topics.config import Config
from topics.corpus import Source
from topics.errors import InvalidConfig
from topics.sweeping import MEASURES, Plan, pareto_front, sweep, table, to_markdown
from topics.workshop import Workshop

FILE = """
encoder = "{model}"
id = "id"
text = "text"

[grid]
min_cluster_size = [10, 30]
coverage = ["auto", 0.5]
"""


def rows(*values: tuple[float, float, float], problem: str = "") -> list[dict[str, object]]:
    return [
        {"min_samples": number, **dict(zip(MEASURES, row, strict=True)), "seconds": 1.0, "problem": problem}
        for number, row in enumerate(values)
    ]


def test_a_grid_is_every_combination_and_a_draw_some_of_them_always_the_same():
    told = {"grid": {"min_samples": [5, 15], "ngrams": [1, 2, 3]}, "n_terms": 7}
    points = Plan.of(told).points()
    assert [tuple(point.values()) for point, _ in points] == [(5, 1), (5, 2), (5, 3), (15, 1), (15, 2), (15, 3)]
    assert {config.n_terms for _, config in points} == {7}
    drawn = Plan.of({**told, "sweep": {"draws": 4}}).points()
    assert len({repr(point) for point, _ in drawn}) == 4
    assert all(point in [each for each, _ in points] for point, _ in drawn)
    assert drawn == Plan.of({**told, "sweep": {"draws": 4}}).points()
    assert drawn != Plan.of({**told, "sweep": {"draws": 4, "seed": 1}}).points()
    assert len(Plan.of({**told, "sweep": {"draws": 100}}).points()) == 6


def test_a_range_is_drawn_from_between_its_ends():
    grid = {"resolution": {"from": 0.25, "to": 4.0, "log": True}, "min_samples": {"from": 5, "to": 20}}
    points = [point for point, _ in Plan.of({"grid": grid, "sweep": {"draws": 200}}).points()]
    resolution = np.array([point["resolution"] for point in points])
    assert 0.25 <= resolution.min() < 0.5 < 2 < resolution.max() <= 4
    assert 0.7 < np.median(resolution) < 1.4  # the middle of the logarithms
    assert {point["min_samples"] for point in points} == set(range(5, 21))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, "nothing to vary"),
        ({"grid": {"colour": ["red"]}}, "'colour' is no setting"),
        ({"grid": {"workers": [1, 2]}}, "'workers' is no setting that changes a result"),
        ({"grid": {"ngrams": []}}, "a list of values, or a range"),
        ({"grid": {"ngrams": 2}}, "a list of values, or a range"),
        ({"grid": {"resolution": {"from": 1.0, "to": 2.0}}}, "say under .sweep. how many combinations to draw"),
        ({"grid": {"resolution": {"from": 2, "to": 1}}, "sweep": {"draws": 3}}, "from has to be less than to"),
        ({"grid": {"resolution": {"from": 0, "to": 1, "log": True}}, "sweep": {"draws": 3}}, "above 0 with log"),
        ({"grid": {"resolution": {"least": 0}}, "sweep": {"draws": 3}}, "a range is { from = 1, to = 10 }"),
        ({"grid": {"ngrams": [1]}, "ngrams": 2}, "ngrams stands under .grid. and among the shared"),
        ({"grid": {"ngrams": [1]}, "sweep": {"tries": 2}}, "sweep: no 'tries'"),
        ({"grid": {"ngrams": [1]}, "sweep": {"draws": 0}}, "draws=0; a whole number of at least 1"),
        ({"grid": [1]}, "is a table"),
        ({"grid": {name: list(range(1, 40)) for name in ("min_samples", "n_terms", "topics")}}, "at most 10,000"),
        ({"grid": {"ngrams": [1, 9]}}, "ngrams=9: Input should be less than or equal to 3"),
    ],
)
def test_what_is_no_plan_is_said(told, message):
    with pytest.raises(InvalidConfig, match=message):
        Plan.of(told).points()


def test_the_front_is_what_no_other_beats():
    random = np.random.default_rng(0)
    values = random.integers(0, 5, (60, 3)).astype(float)
    values[7] = np.nan
    for row, kept in enumerate(pareto_front(values)):
        beaten = any((other >= values[row]).all() and (other > values[row]).any() for other in values)
        assert kept == (not beaten and not np.isnan(values[row]).any())


def test_the_best_stand_first_and_what_failed_last():
    found = table([*rows((0.5, 0.1, 0.9), (0.9, 0.3, 0.9), (1.0, 0.2, 0.5)), *rows((np.nan,) * 3, problem="too few")])
    assert found["min_samples"].tolist()[:2] == [1, 2]
    assert found["best"].tolist() == [True, True, False, False]
    told = to_markdown(found)
    assert "In bold the 2 that no other beats" in told
    assert "| **1** | **0.9** | **0.3** | **0.9** |" in told
    assert "- too few" in told
    with pytest.raises(InvalidConfig, match="no combination can be fitted; the first says: too few"):
        table(rows((np.nan,) * 3, problem="too few"))


def test_fits_share_what_they_can_and_a_second_sweep_computes_nothing(world):
    plan = Plan.of({"encoder": world.model, "grid": {"min_samples": [5, 10]}, "sweep": {"seeds": 1}})
    store, computed = world.store("swept"), []

    class Watched(Workshop):
        def run(self, stage, inputs, params):
            outcome = super().run(stage, inputs, params)
            computed.extend([] if outcome.cached else [stage.name])
            return outcome

    found = sweep(Source(str(world.csv), "text", "id"), plan, Watched(store))
    assert found["min_samples"].tolist() in ([5, 10], [10, 5])
    assert computed.count("embeddings") == computed.count("neighbors") == 1
    assert computed.count("clusters") >= 2
    run = world.fit(id="id", text="text", date=None, class_=None, min_samples=5)
    row = found[found["min_samples"] == 5].iloc[0]
    assert (row["topics"], row["coverage"]) == (run.metrics["topics"], run.metrics["coverage"])
    assert row["coherence"] == pytest.approx(run.metrics["npmi"])
    assert -1 <= row["stability"] <= 1
    computed.clear()
    again = sweep(Source(str(world.csv), "text", "id"), plan, Watched(store))
    assert computed == []
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), found.drop(columns="seconds"))


def test_a_combination_that_cannot_be_fitted_does_not_stop_the_others(world):
    plan = Plan.of({"encoder": world.model, "grid": {"min_cluster_size": [10, 5000]}})
    found = sweep(Source(str(world.csv), "text"), plan, Config.of().workshop(world.store("shared")))
    assert found["problem"].tolist()[0] == ""
    assert "5000" in found["problem"].tolist()[1].replace(",", "")


def test_the_command_writes_both_tables(world, tmp_path, capfd):
    file = tmp_path / "grid.toml"
    file.write_text(FILE.format(model=world.model))
    run = in_this_process(capfd)
    words = ["sweep", world.csv, "--config", file, "--store", world.store("shared").root, "--output", tmp_path / "out"]
    code, out, err = run(*words, "--quiet")
    assert (code, err) == (0, "")
    assert "min_cluster_size" in out
    assert str(tmp_path / "out" / "sweep.csv") in out
    found = pd.read_csv(tmp_path / "out" / "sweep.csv")
    assert len(found) == 4
    assert set(found["set_coverage"]) == {"auto", "0.5"}
    assert found["coverage"].between(0, 1).all()
    assert (tmp_path / "out" / "sweep.md").read_text().startswith("# 4 combinations")
    code, out, _ = run(*words, "--json")
    assert code == 0
    assert len(json.loads(out)) == 4


def test_a_plan_that_makes_no_sense_is_said_before_anything_is_read(tmp_path, capfd):
    file = tmp_path / "grid.toml"
    file.write_text("[grid]\nngrams = [7]\n")
    code, out, err = in_this_process(capfd)("sweep", "nothing.csv", "--config", file)
    assert (code, out) == (2, "")
    assert "ngrams=7" in err
