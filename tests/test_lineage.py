"""Runs side by side and one after the other, in Python and on the command line."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from surfaces_fakes import documents, in_this_process

import topics
from topics.cli.continuing import next_folder
from topics.errors import VerificationFailed
from topics.lineage import compare, history
from topics.verification import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from surfaces_fakes import World

    from topics.run import Run


@pytest.fixture(scope="module")
def chain(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of three runs, each going on from the one before: fitted, assigned, refitted."""
    folder, table = tmp_path_factory.mktemp("chain"), documents(240)
    table[:160].to_csv(folder / "first.csv", index=False)
    table[160:170].to_csv(folder / "second.csv", index=False)
    table.to_csv(folder / "third.csv", index=False)
    store = world.store("chain")
    world.fit(str(folder / "first.csv"), store, id="id", date="date").save(folder / "runs")
    topics.update(folder / "runs", folder / "second.csv", store=store, refit="never").save(folder / "runs-2")
    topics.update(folder / "runs-2", folder / "third.csv", store=store, refit="always").save(folder / "runs-3")
    return folder


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    return in_this_process(capfd)


def test_a_history_goes_back_to_the_first_run(chain: Path) -> None:
    found = history(chain / "runs-3")
    assert found.broken == ""
    assert found.runs["decision"].tolist() == ["fitted", "assigned", "refitted"]
    assert found.runs["folder"].tolist() == [str(chain / name) for name in ("runs", "runs-2", "runs-3")]
    lives = found.topics.groupby("topic_id")["event"].agg(list)
    assert lives["T0001"] == ["born", "continued", "continued"]
    assert history(topics.load(chain / "runs")).runs["decision"].tolist() == ["fitted"]


def test_a_history_says_where_it_breaks(chain: Path, tmp_path: Path) -> None:
    for name in ("runs", "runs-2", "runs-3"):
        shutil.copytree(chain / name, tmp_path / name)
    manifest = json.loads((tmp_path / "runs-3" / "manifest.json").read_text())
    manifest["previous"]["folder"] = str(tmp_path / "runs-2")
    (tmp_path / "runs-3" / "manifest.json").write_text(json.dumps(manifest))
    shutil.rmtree(tmp_path / "runs-2")
    found = history(tmp_path / "runs-3")
    assert len(found.runs) == 1
    assert "runs-2 is not a run folder" in found.broken
    shutil.copytree(tmp_path / "runs", tmp_path / "runs-2")
    assert "now it holds another" in history(tmp_path / "runs-3").broken


def test_a_run_and_itself_are_the_same(chain: Path) -> None:
    found = compare(chain / "runs", chain / "runs")
    assert set(found.topics["change"]) == {"same"}
    assert (found.topics["id_a"] == found.topics["id_b"]).all()
    assert (found.ari, found.ami, len(found.moved)) == (1, 1, 0)
    assert found.flows().empty


def test_documents_that_moved_are_told(chain: Path) -> None:
    before, after = topics.load(chain / "runs"), topics.load(chain / "runs-3")
    found = compare(before, after)
    assert found.documents == (160, 240)
    assert found.shared == 160
    both = before.documents.merge(after.documents, on="id", suffixes=("_a", "_b"))
    want = both[both["topic_id_a"] != both["topic_id_b"]]
    assert sorted(found.moved["id"]) == sorted(want["id"])
    assert found.flows()["documents"].sum() == len(found.moved)


def test_commands_tell_the_same(chain: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = run("history", chain / "runs-3", "--json")
    assert code == 0
    assert [row["decision"] for row in json.loads(out)["runs"]] == ["fitted", "assigned", "refitted"]
    code, out, _ = run("history", chain / "runs-3", "T0002")
    assert (code, "continued" in out) == (0, True)
    code, _, err = run("history", chain / "runs-3", "T0999")
    assert (code, "no topic 'T0999' in the history" in err) == (2, True)
    code, out, _ = run("compare", chain / "runs", chain / "runs-3", "--json")
    assert json.loads(out)["shared"] == 160
    code, out, _ = run("compare", chain / "runs", chain / "runs-3")
    assert (code, "160 in both" in out) == (0, True)


def test_update_and_fit_on_the_command_line(
    chain: Path, world: World, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    store = world.store("chain").root
    code, out, err = run("update", chain / "runs", chain / "second.csv", "--output", tmp_path / "a", "--store", store)
    assert (code, "10 new documents; assigned" in out) == (0, True), err
    assert topics.load(tmp_path / "a").provenance["update"] == {
        "refit": "auto",
        "grow": False,
        "window": None,
        "replace": False,
    }
    code, out, _ = run("update", tmp_path / "a", chain / "second.csv", "--output", tmp_path / "b", "--json")
    assert json.loads(out)["update"]["decision"] == "none"
    words = ("--encoder", world.model, "--id", "id", "--date", "date", "--store", store)
    code, _, err = run(
        "fit", chain / "third.csv", *words, "--previous", chain / "runs", "--output", tmp_path / "c", "--quiet"
    )
    assert code == 0, err
    made = topics.load(tmp_path / "c")
    assert set(made.lineage["event"]) <= {"continued", "drifted"}
    code, _, err = run("fit", chain / "third.csv", *words, "--previous", tmp_path / "gone", "--output", tmp_path / "d")
    assert (code, "gone is not a run folder" in err) == (2, True)
    pd.testing.assert_series_equal(
        made.topics["topic_id"].sort_values(ignore_index=True),
        topics.load(chain / "runs").topics["topic_id"].sort_values(ignore_index=True),
    )


def test_the_next_folder(tmp_path: Path) -> None:
    assert next_folder(tmp_path / "posts").name == "posts-2"
    (tmp_path / "posts-3").mkdir()
    assert next_folder(tmp_path / "posts-2").name == "posts-4"


def test_a_given_name_and_notes_stay_with_the_topic(chain: Path, world: World) -> None:
    before: Run = topics.load(chain / "runs")
    before.topics["name"] = ["Money", *before.topics["name"][1:]]
    before.topics["note"] = ["ours", *[""] * (len(before.topics) - 1)]
    after = topics.update(before, chain / "third.csv", store=world.store("chain"), refit="always")
    assert after.topic("T0001")["name"] == "Money"
    assert after.topic("T0001")["note"] == "ours"


def test_runs_that_go_on_can_be_had_again(chain: Path, world: World, tmp_path: Path) -> None:
    for name in ("runs-2", "runs-3"):
        assert verify(chain / name, store=world.store("again")).documents in (170, 240)
    shutil.copytree(chain / "runs-3", tmp_path / "last")
    manifest = json.loads((tmp_path / "last" / "manifest.json").read_text())
    manifest["previous"]["folder"] = str(tmp_path / "gone")
    (tmp_path / "last" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(VerificationFailed, match=r"goes on from run .*, which is no longer in"):
        verify(tmp_path / "last", store=world.store("again"))
