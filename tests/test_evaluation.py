"""`topics evaluate`: what it measures, from what, and what it says when that is gone."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import HashingEncoder
from surfaces_fakes import digests, documents, in_this_process

import topics
from topics import InvalidConfig, InvalidInput, VerificationFailed, evaluate
from topics.evaluation import MEANINGS
from topics.folder import EVALUATION, rewrite_reports, save_evaluation
from topics.metrics import agreement, c_npmi, c_v, class_measures, in_windows, locate
from topics.report import summarize
from topics.updates.refits import Refits
from topics.verification import verify
from topics.words.terms import stop_words_of, terms_of
from topics.workshop import Workshop

COHERENCE = {"c_v", "c_npmi", "c_uci"}
SEEDS = {"seed_ari", "seed_ami", "seed_recurrence"}
RESAMPLES = {"resample_ari", "resample_ami", "resample_recurrence"}
CLASSES = set(list(MEANINGS)[-14:])


@pytest.fixture(scope="module")
def store(world):
    return world.store("shared")


@pytest.fixture(scope="module")
def run(world, written):
    return topics.load(written)


@pytest.fixture(scope="module")
def found(run, store):
    return evaluate(run, seeds=2, resamples=2, store=store)


def test_all_is_measured(found, run):
    assert set(found.overall) == COHERENCE | {"dbcv"} | SEEDS | RESAMPLES | CLASSES == set(MEANINGS)
    assert found.left_out == {}
    assert all(-10 < value <= 1 for value in found.overall.values())
    assert list(found.topics) == ["topic_id", "c_v", "c_npmi", "c_uci", "seed_recurrence", "resample_recurrence"]
    assert list(found.topics["topic_id"]) == list(run.topics["topic_id"])
    assert found.topics[["seed_recurrence", "resample_recurrence"]].stack().between(0, 1).all()


def test_coherence_is_that_of_the_distinct_texts_without_stop_words(found, run):
    distinct = {" ".join(text.split()) for text in documents()["text"] if text}
    words = [terms_of(text, stop_words_of("en")) for text in distinct]
    terms = [list(row) for row in run.topics["terms"]]
    where = locate(words, [term for row in terms for term in row])
    assert found.topics["c_v"].to_numpy() == pytest.approx(c_v(in_windows(where, terms, 110)))
    assert found.topics["c_npmi"].to_numpy() == pytest.approx(c_npmi(in_windows(where, terms, 10)))
    assert found.overall["c_v"] == pytest.approx(found.topics["c_v"].mean())


def test_agreement_is_with_the_classes_of_the_fit(found, run):
    assert {name: found.overall[name] for name in CLASSES} == {name: run.metrics[name] for name in CLASSES}


def test_numbers_do_not_depend_on_the_order_of_the_rows(found, world, store, tmp_path):
    documents().sample(frac=1, random_state=3).to_csv(tmp_path / "shuffled.csv", index=False)
    run = world.fit(tmp_path / "shuffled.csv", id="id", date="date", class_="class")
    again = evaluate(run, seeds=2, resamples=2, store=store)
    assert again.overall == found.overall
    pd.testing.assert_frame_equal(again.topics, found.topics)


def test_asking_again_computes_nothing_and_gives_the_same_bytes(found, run, store, monkeypatch):
    monkeypatch.setattr("topics.layout.reduction.reduce", None)
    assert evaluate(run, seeds=2, resamples=2, store=store).to_json() == found.to_json()


def test_another_seed_is_that_of_a_fit(run, world, store):
    labels = Refits(run, Workshop(store)).with_seed(5).labels
    assert labels.tolist() == world.fit(seed=5).model.labels.tolist()
    assert Refits(run, Workshop(store)).with_seed(run.config.seed).labels.tolist() == run.model.labels.tolist()


def test_no_fits_where_none_are_asked_for(run, store):
    overall = evaluate(run, seeds=0, resamples=0, store=store).overall
    assert set(overall) == COHERENCE | {"dbcv"} | CLASSES


@pytest.mark.parametrize("how", [{"seeds": -1}, {"resamples": 101}], ids=str)
def test_a_number_of_fits_is_bounded(run, store, how):
    with pytest.raises(InvalidConfig, match=r"=-?\d+; allowed are whole numbers from 0 to 100"):
        evaluate(run, **how, store=store)


# --- labels


@pytest.fixture
def labelled(world, tmp_path) -> tuple[topics.Run, Path]:
    """A run without classes, and its documents, which have two columns that could be classes."""
    table = documents()
    table["kind"] = [f"kind {row % 2}" for row in range(len(table))]
    table.loc[5, "kind"] = None
    table.to_csv(tmp_path / "posts.csv", index=False)
    return world.fit(tmp_path / "posts.csv", id="id"), tmp_path / "posts.csv"


def test_labels_are_a_column_of_the_input(labelled, store):
    run, path = labelled
    assert not CLASSES & set(evaluate(run, seeds=0, resamples=0, store=store).overall)
    overall = evaluate(run, labels="kind", seeds=0, resamples=0, store=store).overall
    table = pd.read_csv(path).set_index("id").loc[run.documents["id"]]
    filled = (run.documents["reason"] != "empty").to_numpy()
    labels = run.documents["topic"].to_numpy(np.int32)[filled]
    want = class_measures(table["kind"].to_numpy(dtype=object)[filled], labels)
    assert {name: overall[name] for name in CLASSES} == want
    assert overall["purity"] == agreement(table["kind"].to_numpy(dtype=object)[filled], labels)["purity"]


def test_labels_that_are_no_column_are_an_error(labelled, store):
    with pytest.raises(InvalidInput, match=r"there is no column 'sort'; there are: id, text, date, class, kind"):
        evaluate(labelled[0], labels="sort", store=store)


def test_labels_of_documents_with_other_ids_are_an_error(labelled, store):
    run, path = labelled
    table = pd.read_csv(path)
    table["id"] = "x" + table["id"]
    table.to_csv(path, index=False)
    with pytest.raises(InvalidInput, match="other ids than those of the run"):
        evaluate(run, labels="kind", store=store)


# --- documents that are gone, have moved or have changed


def test_documents_that_are_gone_leave_coherence_out_and_the_reason_in(labelled, store, caplog):
    run, path = labelled
    path.rename(path.with_name("moved.csv"))
    found = evaluate(run, seeds=1, resamples=1, store=store)
    assert set(found.left_out) == COHERENCE
    assert re.search(r"there is no file.*posts\.csv.* say with --input where they are now", found.left_out["c_v"])
    assert set(found.overall) == {"dbcv"} | SEEDS | RESAMPLES
    assert "c_v, c_npmi, c_uci not measured: there is no file" in caplog.text
    moved = evaluate(run, seeds=0, resamples=0, location=str(path.with_name("moved.csv")), store=store)
    assert set(moved.overall) > COHERENCE


def test_documents_that_have_changed_are_not_taken_for_those_of_the_run(labelled, store):
    run, path = labelled
    documents(161).to_csv(path, index=False)
    found = evaluate(run, seeds=0, resamples=0, store=store)
    assert "posts.csv holds other documents than those of the run" in found.left_out["c_v"]
    for how in ({"location": str(path)}, {"labels": "class"}):
        with pytest.raises(InvalidInput, match="holds other documents than those of the run"):
            evaluate(run, **how, store=store)


def test_documents_from_memory_are_asked_for_unless_the_run_keeps_them(world, store):
    table = documents()
    run = world.fit(table, text="text", id="id")
    assert "came from memory" in evaluate(run, seeds=0, resamples=0, store=store).left_out["c_v"]
    given = evaluate(run, seeds=0, resamples=0, location=str(world.csv), store=store)
    kept = world.fit(table, text="text", id="id", keep_text=True)
    assert evaluate(kept, seeds=0, resamples=0, store=store).overall == given.overall


def test_no_encoder_is_needed(world, store):
    run = topics.fit(world.csv, id="id", encoder=HashingEncoder(), store=store)
    found = evaluate(run, seeds=1, resamples=1, store=store)
    assert set(found.overall) >= COHERENCE | {"dbcv"} | SEEDS | RESAMPLES


def test_a_layout_that_comes_out_differently_is_not_measured(run, store, monkeypatch):
    other = Refits(run, Workshop(store)).with_seed(7)
    assert other.labels.tolist() != run.model.labels.tolist()
    monkeypatch.setattr(Refits, "with_seed", lambda self, seed: other)
    found = evaluate(run, seeds=0, resamples=0, store=store)
    assert "other releases" in found.left_out["dbcv"]
    assert "dbcv" not in found.overall


@pytest.mark.parametrize("texts", [["one whale"], ["a whale", "a snail", "a whale"], ["bank rate"] * 3 + [None]])
def test_tiny_corpora_can_be_evaluated(world, store, texts):
    found = evaluate(world.fit(texts, store=store, keep_text=True), seeds=1, resamples=1, store=store)
    assert found.overall["dbcv"] is None
    json.loads(found.to_json(), parse_constant=lambda constant: pytest.fail(constant))


def test_a_run_without_topics_can_be_evaluated(world, store):
    found = evaluate(world.fit(coverage=0.0), seeds=1, resamples=1, store=store)
    assert found.overall["c_v"] is None
    assert len(found.topics) == 0


# --- the folder and the command


@pytest.fixture
def cli(world, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOPICS_STORE", str(world.store("shared").root))

    return in_this_process(capfd)


@pytest.fixture
def folder(written, tmp_path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "run"))


def test_the_evaluation_lies_beside_the_run_and_is_no_part_of_it(found, folder, world, store):
    before, run = digests(folder), topics.load(folder)
    path = save_evaluation(found, folder)
    assert path == folder / EVALUATION
    told = json.loads(path.read_text("utf-8"))
    assert told["overall"] == found.overall
    assert told["run"] == topics.load(folder).provenance["run"]
    assert len(told["topics"]) == len(found.topics)
    assert topics.load(folder) == run
    same = {name for name in before if not name.startswith(("report.", "tables/"))}
    assert {name: digests(folder)[name] for name in same} == {name: before[name] for name in same}
    assert not list(folder.glob(".*"))
    topics.load(folder).save(folder)
    assert not path.exists()
    assert digests(folder) == before


def test_the_report_tells_of_it_and_the_run_is_proved_with_it(found, folder, store):
    path = save_evaluation(found, folder)
    assert "Measured afterwards" in (folder / "report.html").read_text("utf-8")
    assert "| seed_ari |" in (folder / "report.md").read_text("utf-8")
    table = pd.read_parquet(folder / "tables" / "evaluation.parquet")
    assert table["topic"].tolist() == found.topics["topic_id"].tolist()
    assert table["c_v"].tolist() == pytest.approx(found.topics["c_v"].tolist())
    assert verify(folder, store).documents == 160

    path.write_text(path.read_text("utf-8").replace('"seeds": 2', '"seeds": 9'), "utf-8")
    with pytest.raises(VerificationFailed, match=r"evaluation.json was changed"):
        verify(folder, store)
    rewrite_reports(folder, ["md"])
    assert "9 further fits with other seeds" in (folder / "report.html").read_text("utf-8")
    assert verify(folder, store).documents == 160
    path.unlink()
    rewrite_reports(folder, ["html"])
    assert "Measured afterwards" not in (folder / "report.md").read_text("utf-8")
    assert verify(folder, store).documents == 160


def test_the_report_does_not_tell_twice_what_the_run_tells(found, run):
    told = json.loads(found.to_json())
    told["overall"] |= {"npmi": run.metrics["npmi"], "ami": 0.123}
    names = [metric.name for metric in summarize(run, told).evaluated.numbers]
    assert "npmi" not in names
    assert {"ami", "seed_ari", "c_v"} <= set(names)
    assert summarize(run).evaluated is None


def test_an_evaluation_that_is_damaged_or_of_another_run_is_not_reported(found, folder):
    path = save_evaluation(found, folder)
    told = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**told, "run": "another"}), "utf-8")
    rewrite_reports(folder, ["html"])
    assert "Measured afterwards" not in (folder / "report.html").read_text("utf-8")
    for content, said in (("{", "is damaged"), ("[]", "is damaged"), ("{}", "lacks left_out, overall")):
        path.write_text(content, "utf-8")
        with pytest.raises(VerificationFailed, match=said):
            rewrite_reports(folder, ["html"])


def test_the_command_tells_every_number_and_where_they_are(cli, folder):
    code, out, _ = cli("evaluate", folder, "--seeds", 1, "--resamples", 1)
    assert code == 0
    for name in MEANINGS:
        assert f" {name} " in out
    assert "T0001" in out
    assert f"Evaluation: {folder / EVALUATION}" in out


def test_as_json_it_is_the_file(cli, folder):
    code, out, err = cli("evaluate", folder, "--seeds", 0, "--resamples", 0, "--labels", "class", "--json")
    assert (code, err) == (0, "")
    assert out == (folder / EVALUATION).read_text("utf-8")
    assert json.loads(out)["settings"] == {"labels": "class", "seeds": 0, "resamples": 0, "share": 0.9}


def test_the_command_says_what_it_could_not_measure(cli, folder):
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["input"]["location"] = "/gone.csv"
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    code, _, err = cli("evaluate", folder, "--seeds", 0, "--resamples", 0)
    assert code == 0
    assert "c_v, c_npmi, c_uci not measured: there is no file, folder or glob '/gone.csv'" in err
    code, _, err = cli("evaluate", folder, "--input", "/gone.csv")
    assert code == 2
    assert "there is no file" in err


def test_bad_usage_is_told(cli, folder):
    assert cli("evaluate", folder, "--seeds", -1)[::2] == (
        2,
        "Error: seeds=-1; allowed are whole numbers from 0 to 100.\n",
    )
    code, _, err = cli("evaluate", folder / "nothing")
    assert code == 2
    assert "is not a run folder" in err
