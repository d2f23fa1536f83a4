"""Settings: bounded, documented, the same after a round trip."""

from __future__ import annotations

import os
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from topics.config import EXECUTION, Config, read_toml
from topics.errors import InvalidConfig

# What lies just inside and just outside of each bound.
BOUNDS = {
    "n_neighbors": (2, 500),
    "consensus": (0, 100),
    "fit_on": (100, None),
    "n_components": (2, 100),
    "n_epochs": (10, 5000),
    "topics": (1, 10_000),
    "min_cluster_size": (2, None),
    "min_samples": (1, None),
    "ngrams": (1, 3),
    "n_terms": (1, 100),
    "n_representatives": (1, 100),
    "excerpt": (0, 600),
    "seed": (0, 2**31 - 1),
    "workers": (1, None),
    "batch_size": (1, None),
}


def test_the_defaults_can_be_passed_back():
    assert Config.of(**Config().model_dump()) == Config()


def test_every_number_has_its_bounds_written_down_here():
    numbers = {name for name, field in Config.model_fields.items() if field.annotation in (int, int | None)}
    assert numbers == set(BOUNDS)


@pytest.mark.parametrize(
    ("name", "bound", "step"),
    [(n, b, s) for n, bs in BOUNDS.items() for b, s in zip(bs, (-1, 1), strict=True) if b is not None],
)
def test_a_bound_is_allowed_and_what_lies_beyond_is_not(name, bound, step):
    assert getattr(Config.of(**{name: bound}), name) == bound
    with pytest.raises(InvalidConfig, match=rf"^{name}={bound + step}: Input should be (greater|less) than .*\.$"):
        Config.of(**{name: bound + step})


@pytest.mark.parametrize("coverage", [0, 0.0, 0.5, 1, 1.0, "0.5", "auto"])
def test_coverage_is_a_share_or_auto(coverage):
    got = Config.of(coverage=coverage).coverage
    assert got == ("auto" if coverage == "auto" else float(coverage))
    assert isinstance(got, str if coverage == "auto" else float)


@pytest.mark.parametrize("coverage", [-0.01, 1.01, "1.5", 95, float("nan"), float("inf")])
def test_coverage_outside_of_0_to_1_says_what_is_allowed(coverage):
    with pytest.raises(InvalidConfig, match=r"coverage=.*must lie between 0 and 1, or be 'auto'; got"):
        Config.of(coverage=coverage)


@pytest.mark.parametrize("coverage", ["most", "", None, [0.5]])
def test_coverage_that_is_no_number_says_what_is_allowed(coverage):
    with pytest.raises(InvalidConfig, match=r"coverage=.*valid number.*'auto'"):
        Config.of(coverage=coverage)


@pytest.mark.parametrize("resolution", [0, -1, 1001, float("nan")])
def test_a_resolution_that_is_none_is_refused(resolution):
    with pytest.raises(InvalidConfig, match=r"resolution=.*(greater|less) than"):
        Config.of(resolution=resolution)


def test_an_unknown_clusterer_says_which_there_are():
    with pytest.raises(InvalidConfig, match=r"clusterer='dbscan': must be one of hdbscan, .*leiden, kmeans"):
        Config.of(clusterer="dbscan")


def test_an_unknown_setting_is_named_and_all_known_ones_are_listed():
    with pytest.raises(
        InvalidConfig, match=r"unknown setting cluster_size, nneighbors; there are: encoder,.*min_cluster"
    ):
        Config.of(nneighbors=5, cluster_size=4)


def test_everything_that_is_wrong_is_told_at_once():
    with pytest.raises(InvalidConfig, match=r"n_neighbors=1: .*seed='x': "):
        Config.of(n_neighbors=1, seed="x")


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Config().seed = 1


def test_every_setting_says_what_it_is_for():
    assert all(field.description for field in Config.model_fields.values())


def test_how_the_work_is_done_does_not_decide_the_result():
    assert set(Config().decisive()) == set(Config.model_fields) - set(EXECUTION)
    assert Config.of(workers=1, batch_size=3).to_toml() == Config.of(workers=7).to_toml()


def test_the_steps_of_post_processing_are_spelled_one_way():
    assert 'postprocess = "center,whiten=64"\n' in Config.of(postprocess="center+whiten=64").to_toml()


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "encoder": st.text(min_size=1),
        "title": st.text(),
        "stop_words": st.lists(st.text(), max_size=4).map(tuple),
        "coverage": st.one_of(st.just("auto"), st.floats(0, 1)),
        "min_cluster_size": st.one_of(st.none(), st.integers(2, 10**6)),
        "seed": st.integers(0, 2**31 - 1),
        "keep_text": st.booleans(),
        "ngrams": st.integers(1, 3),
        "weighting": st.sampled_from(["plain", "bm25", "sqrt", "bm25+sqrt"]),
        "ranking": st.sampled_from(["coherence", "ctfidf"]),
        "aspects": st.sampled_from([(), ("mmr",), ('pos=a \\ " b', "MMR = .50")]),
        "postprocess": st.sampled_from(["none", "center", "whiten=7", "remove-top-components,whiten"]),
    },
)


@settings(deadline=None)
@given(SETTINGS)
def test_toml_gives_back_the_same_settings(given_settings):
    config = Config.of(**given_settings)
    again = Config.of(**tomllib.loads(config.to_toml()))
    assert again == config
    assert again.to_toml() == config.to_toml()


@pytest.mark.parametrize("title", ["\x7f", 'a "quoted" \\ name', "line\nline", "\u2028", "naïve – 東京 🐋"])
def test_any_title_survives_a_file(tmp_path, title):
    path = tmp_path / "config.toml"
    path.write_text(Config.of(title=title).to_toml(), "utf-8")
    assert read_toml(path)["title"] == title


def test_the_toml_is_sorted_and_leaves_out_what_has_no_value():
    names = [line.split(" = ")[0] for line in Config().to_toml().splitlines()]
    assert names == sorted(names)
    assert "min_cluster_size" not in names


def test_a_missing_file_and_one_that_is_not_toml_are_named(tmp_path):
    with pytest.raises(InvalidConfig, match=r"no configuration file .*none\.toml"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(InvalidConfig, match=r"cannot be read: Is a directory"):
        read_toml(tmp_path)
    broken = tmp_path / "broken.toml"
    for content in (b"seed = = 3", b"\xff\xfe\x00"):
        broken.write_bytes(content)
        with pytest.raises(InvalidConfig, match=r"broken\.toml is not TOML: "):
            read_toml(broken)


@pytest.mark.parametrize("system", ["with affinity", "without"])
def test_workers_are_the_threads_and_by_default_there_is_one_for_each_processor(monkeypatch, system):
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    if system == "without":
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    else:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert Config().threads == 6
    assert Config.of(workers=1).threads == 1
