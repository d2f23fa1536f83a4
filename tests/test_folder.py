from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from builders import make_run
from safetensors import safe_open
from surfaces_fakes import ROOT, digests

from topics.errors import InvalidConfig, InvalidInput, SchemaMismatch, VerificationFailed
from topics.folder import changed_files, load, read_manifest, rewrite_reports, save
from topics.run import SCHEMA
from topics.run_files import formula_safe
from topics.store import file_sha256

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "manifest.json",
    "config.toml",
    "documents.parquet",
    "distribution.parquet",
    "topics.parquet",
    "topics.csv",
    "layers.parquet",
    "subtopics.parquet",
    "metrics.json",
    "report.html",
    "report.md",
    "model/model.json",
    "model/model.safetensors",
    "excerpts.parquet",
    *(
        f"tables/{name}.parquet"
        for name in (
            "topics similar subtopics hierarchy periods bursts classes words dial reasons outliers duplicates".split()
        )
    ),
}
# Tables of runs with dates, with classes, with texts that occur more than once.
_OF_SOME = {f"tables/{name}.parquet" for name in "periods bursts classes duplicates".split()}
DOCUMENTS = {
    "id": "str",
    "topic": "int64",
    "topic_id": "str",
    "strength": "float32",
    "x": "float32",
    "y": "float32",
    "reason": "str",
    "confidence": "float32",
    "nearest": "int64",
    "nearest_id": "str",
    "novelty": "float32",
}
TOPICS = "topic topic_id size share name terms term_weights representative_ids npmi stability first_seen status".split()


@pytest.fixture(scope="module")
def run():
    return make_run(n=120, k=4, dates=True, classes=True)


@pytest.fixture
def folder(run, tmp_path) -> Path:
    return save(run, tmp_path / "run")


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _changed(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


# --- what is in it -------------------------------------------------------------------------------


def test_a_run_folder_holds_the_promised_files_and_no_others(folder):
    assert _files(folder) == FILES
    assert set(digests(folder)) == FILES - {"manifest.json"}


def test_the_manifest_holds_the_digest_of_every_file_and_how_the_run_was_made(folder, run):
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert all(file_sha256(folder / name) == digest for name, digest in manifest["digests"].items())
    assert changed_files(folder, manifest) == []
    assert manifest["schema"] == SCHEMA
    assert manifest["input"] == run.provenance["input"]
    assert manifest["seeds"] == {"seed": run.config.seed}
    assert manifest["config"] == run.config.decisive()
    assert manifest["versions"] == run.provenance["versions"]
    assert manifest["stages"] == [vars(stage) for stage in run.stages]


def test_documents_are_a_row_each_in_the_order_of_their_ids(folder, run):
    table = pd.read_parquet(folder / "documents.parquet")
    assert table.dtypes.astype(str).to_dict() == DOCUMENTS | {"date": "datetime64[us, UTC]", "class": "str"}
    assert table["id"].tolist() == sorted(run.documents["id"])
    outliers = table["topic"] == -1
    assert (table["topic_id"] == "").equals(outliers)
    assert (table["reason"] != "").equals(outliers)
    assert set(table.loc[outliers, "reason"]) == {"empty", "unclear"}
    assert table["strength"].between(0, 1).all()
    assert table["x"].isna().equals(table["reason"] == "empty")


def test_the_likeliest_topics_are_a_row_each_in_the_order_of_the_ids(folder, run):
    table = pd.read_parquet(folder / "distribution.parquet")
    assert list(table) == ["id", "topic", "topic_id", "probability"]
    assert table["id"].is_monotonic_increasing
    pd.testing.assert_frame_equal(table, run.distribution.sort_values("id", kind="stable", ignore_index=True))
    pd.testing.assert_frame_equal(table, load(folder).distribution)
    assert set(table["id"]) == set(run.documents.loc[run.documents["reason"] != "empty", "id"])


def test_a_folder_that_does_not_tell_how_sure_topics_are_can_be_read(run, tmp_path):
    model = replace(run.model, poll=None, calibration=None)
    older = load(save(replace(run, model=model), tmp_path / "older"))
    assert older.documents.equals(load(save(run, tmp_path / "run")).documents)
    assert not (tmp_path / "older" / "distribution.parquet").exists()
    with pytest.raises(InvalidInput, match=r"older version.*how sure.*fit it again with its config\.toml"):
        older.distribution  # noqa: B018
    with pytest.raises(InvalidInput, match="older version"):
        older.assign(["a text"])


def test_the_texts_are_not_in_it_unless_asked_for(folder, run):
    assert "text" not in pd.read_parquet(folder / "documents.parquet")


def test_topics_are_a_row_each(folder, run):
    table = pd.read_parquet(folder / "topics.parquet")
    assert list(table) == TOPICS
    assert table["topic"].tolist() == list(range(4))
    assert table["topic_id"].tolist() == ["T0001", "T0002", "T0003", "T0004"]
    assert table["size"].is_monotonic_decreasing
    sizes = run.documents["topic"].value_counts()
    assert table["size"].tolist() == [sizes[topic] for topic in range(4)]
    assert [len(words) for words in table["terms"]] == [len(values) for values in table["term_weights"]]
    assert set(np.concatenate(table["representative_ids"])) <= set(run.documents["id"])


def test_config_toml_is_what_to_pass_to_get_the_run_again(folder, run):
    import tomllib

    from topics import options

    told = tomllib.loads((folder / "config.toml").read_text("utf-8"))
    assert (told.pop("text"), told.pop("id")) == ("text", "id")
    assert told == {name: value for name, value in run.config.decisive().items() if value is not None}
    config, columns = options.gather(str(folder / "config.toml"), {})
    assert config.decisive() == run.config.decisive()
    assert columns == {"text": "text", "id": "id", "date": None, "class_": None}


def test_every_document_knows_its_text_whatever_order_it_came_in(run, folder, tmp_path):
    want = dict(zip(run.documents["id"], run.rows, strict=True))
    order = np.random.default_rng(0).permutation(len(run.documents))
    shuffled = replace(run, documents=run.documents.iloc[order], rows=run.rows[order])
    for back in (load(folder), load(save(shuffled, tmp_path / "shuffled"))):
        assert dict(zip(back.documents["id"], back.text_rows(), strict=True)) == want
    assert digests(tmp_path / "shuffled") == digests(folder)


def test_a_folder_that_does_not_tell_whose_a_text_is_can_be_read(run, tmp_path):
    older = load(save(replace(run, rows=None), tmp_path / "older"))
    assert older.documents.equals(load(save(run, tmp_path / "run")).documents)
    with pytest.raises(InvalidInput, match=r"written by an older version.*fit it again with its config\.toml"):
        older.text_rows()


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json", "model/model.json"])
def test_json_is_json_for_everybody(folder, name):
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    json.loads((folder / name).read_text("utf-8"), parse_constant=refuse)


def test_metrics_json_holds_the_numbers_of_the_run(folder, run):
    told = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert told["overall"] == run.metrics
    assert [row["topic_id"] for row in told["topics"]] == run.topics["topic_id"].tolist()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_is_text_or_typed_columns_or_numbers_and_never_a_pickle(folder, name):
    if name.endswith(".parquet"):
        types = {str(field.type) for field in pq.read_schema(folder / name)}
        assert not [kind for kind in types if "binary" in kind or "extension" in kind]
    elif name.endswith(".safetensors"):
        with safe_open(folder / name, "numpy") as tensors:
            assert {tensors.get_slice(key).get_dtype() for key in tensors.keys()} == {"F32", "F64", "I32", "U8"}  # noqa: SIM118
    else:
        assert "\x00" not in (folder / name).read_text("utf-8")


def test_nothing_in_the_digested_files_tells_the_machine_or_the_time(folder, run, tmp_path):
    """Two saves of one run, at another time and place, are the same bytes."""
    again = save(run, tmp_path / "elsewhere" / "other name")
    assert digests(again) == digests(folder)
    assert read_manifest(again) == read_manifest(folder)


def test_hostile_text_is_saved_and_loaded_as_it_is(tmp_path):
    run = make_run(n=120, k=4, hostile=True)
    again = load(save(run, tmp_path / "run"))
    assert again == run
    assert again.documents["id"].tolist() == sorted(run.documents["id"])
    for name in FILES - _OF_SOME:
        assert (tmp_path / "run" / name).stat().st_size > 0


# --- spreadsheets --------------------------------------------------------------------------------


@pytest.mark.parametrize("start", list("=+-@\t\r\n＝＋－＠"))
def test_no_text_cell_of_a_table_is_a_formula(start):
    table = pd.DataFrame({"text": [f"{start}cmd|' /C calc'!A0", "plain"], "number": [-1, 2], "share": [-0.5, 0.5]})
    safe = formula_safe(table)
    assert safe["text"].tolist() == [f"'{start}cmd|' /C calc'!A0", "plain"]
    assert safe["number"].tolist() == [-1, 2]
    assert table["text"][0].startswith(start)


def test_topics_csv_holds_the_table_without_formulas(tmp_path):
    run = make_run(n=120, k=4, hostile=True)
    save(run, tmp_path / "run")
    table = _topics_csv(tmp_path / "run")
    assert list(table) == TOPICS
    assert table["size"].astype(int).tolist() == run.topics["size"].tolist()
    words = table[["name", "terms", "term_weights", "representative_ids"]].stack()
    assert not words.str.match(r"[=+\-@\t\r]").any()
    assert words.str.contains("cmd|' /C calc'!A0", regex=False).any()


def test_topics_csv_joins_lists(folder, run):
    row = _topics_csv(folder).iloc[0]
    assert row["terms"] == "; ".join(run.topics["terms"][0])
    assert row["term_weights"].split("; ")[0] == f"{run.topics['term_weights'][0][0]:.4f}"


def _topics_csv(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "topics.csv", dtype=str, keep_default_na=False)


# --- reading it back -----------------------------------------------------------------------------


def test_a_loaded_run_equals_the_saved_one(folder, run):
    again = load(folder)
    assert again == run
    assert hash(again) == hash(run)
    pd.testing.assert_frame_equal(again.documents, run.documents.sort_values("id", ignore_index=True))
    pd.testing.assert_frame_equal(again.representatives, run.representatives)
    pd.testing.assert_frame_equal(again.curve, run.curve)
    for name in ("topic", "name", "terms", "term_weights", "representative_ids", "npmi"):
        assert again.topics[name].tolist() == run.topics[name].tolist()
    assert again.metrics == run.metrics
    assert again.config.decisive() == run.config.decisive()
    assert again.provenance == run.provenance
    assert again.stages == run.stages


def test_a_loaded_model_has_the_same_bits(folder, run):
    again = load(folder).model
    for name in ("keys", "vectors", "labels", "strengths", "nearest", "voters", "centroids"):
        np.testing.assert_array_equal(getattr(again, name), getattr(run.model, name), strict=True)
    assert (again.weights != run.model.weights).nnz == 0
    assert tuple(again.vocabulary) == tuple(run.model.vocabulary)
    for part in ("poll", "calibration"):
        for name, array in vars(getattr(run.model, part)).items():
            np.testing.assert_array_equal(getattr(getattr(again, part), name), array, strict=True)
    assert (again.threshold, again.encoder, again.fingerprint) == (
        run.model.threshold,
        run.model.encoder,
        run.model.fingerprint,
    )


def test_saving_what_was_loaded_gives_the_same_files(folder, tmp_path):
    assert digests(save(load(folder), tmp_path / "again")) == digests(folder)


def test_a_run_without_topics_or_documents_with_text_survives(tmp_path):
    run = make_run(n=8, k=0)
    again = load(save(run, tmp_path / "run"))
    assert again == run
    assert len(again.topics) == 0
    assert again.metrics["npmi"] is None


def test_a_folder_without_a_run_says_which_runs_there_are(folder):
    with pytest.raises(InvalidInput, match=r"nothing is not a run folder.*there are: run\."):
        load(folder.parent / "nothing")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "one"}', "{}"])
def test_what_is_not_a_manifest_is_refused(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"manifest\.json is not a manifest of this library"):
        load(tmp_path)


def test_a_later_schema_is_refused_and_says_who_wrote_it(folder):
    _changed(folder, schema=SCHEMA + 1, versions={"topics": "9.1"})
    with pytest.raises(SchemaMismatch, match=rf"schema {SCHEMA + 1}.*reads up to {SCHEMA}.*topics 9\.1\. Upgrade"):
        load(folder)


@pytest.mark.parametrize("name", ["documents.parquet", "metrics.json", "model/model.json", "model/model.safetensors"])
@pytest.mark.parametrize("left", [None, 0, 0.5], ids=["missing", "empty", "half"])
def test_a_damaged_file_is_refused_with_its_reason(folder, name, left):
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    if left is not None:
        (folder / name).write_bytes(content[: int(len(content) * left)])
    with pytest.raises(VerificationFailed, match=r"is damaged .*restore it or fit again"):
        load(folder)


def test_a_run_without_its_settings_is_refused(folder):
    (folder / "config.toml").unlink()
    with pytest.raises(VerificationFailed, match=r"is damaged .*config\.toml"):
        load(folder)


# --- writing it ----------------------------------------------------------------------------------


def test_saving_over_a_run_replaces_all_of_it(folder, tmp_path):
    other = make_run(n=60, k=2)
    (folder / "left over.txt").write_text("from another version")
    save(other, folder)
    assert load(folder) == other
    assert _files(folder) == FILES - _OF_SOME | {"tables/duplicates.parquet"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_holds_something_else_is_left_alone(run, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(InvalidInput, match="thesis is not empty and holds no run; nothing in it was touched"):
        save(run, tmp_path / "thesis")
    assert _files(tmp_path) == {"thesis/chapter.txt"}


def test_a_file_in_the_way_is_left_alone(run, tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(InvalidInput, match="is a file; name a folder"):
        save(run, tmp_path / "run")
    assert _files(tmp_path) == {"run"}


@pytest.mark.parametrize("beneath", ["a", "a/b"])
def test_a_path_through_a_file_is_refused(run, tmp_path, beneath):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InvalidInput, match="file is a file"):
        save(run, tmp_path / "file" / beneath)
    assert _files(tmp_path) == {"file"}


def test_an_empty_folder_and_missing_parents_are_fine(run, tmp_path):
    (tmp_path / "empty").mkdir()
    assert _files(save(run, tmp_path / "empty")) == FILES
    assert _files(save(run, tmp_path / "a" / "b" / "run")) == FILES


def test_a_failing_save_leaves_the_old_run_and_nothing_else(folder, tmp_path, monkeypatch):
    before = digests(folder)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(make_run(n=60, k=2), folder)
    assert digests(folder) == before
    assert changed_files(folder, read_manifest(folder)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


_KILLED = """
import os, sys
from pathlib import Path
from topics.folder import load, save

run, (function, after) = load(sys.argv[1]), sys.argv[3:]
module = os if function == "fsync" else Path
original, calls = getattr(module, function), 0

def deadly(*given):
    global calls
    calls += 1
    if calls == int(after):
        os.kill(os.getpid(), 9)
    return original(*given)

setattr(module, function, deadly)
save(run, sys.argv[2])
"""


@pytest.mark.parametrize(
    ("function", "after"), [("fsync", 3), ("replace", 1), ("replace", 2)], ids=["writing", "before", "between"]
)
def test_a_killed_save_leaves_no_half_folder(folder, run, tmp_path, function, after):
    new, old = make_run(n=60, k=2), folder
    save(new, tmp_path / "new")
    code, _, err = _killed(tmp_path / "new", old, function, str(after))
    assert code == -signal.SIGKILL, err
    whole = [path for path in tmp_path.iterdir() if (path / "manifest.json").is_file() and path.name != "new"]
    for path in whole:
        assert changed_files(path, read_manifest(path)) == []
    assert any(load(path) == run for path in whole)  # the old run is not lost
    assert load(old) == run  # nor out of place, once somebody looks for it
    assert load(save(new, old)) == new


def test_what_killed_processes_left_is_removed_once_it_is_old(run, tmp_path):
    old, young = tmp_path / ".run-11111111", tmp_path / ".run-22222222"
    for leftover in (old, young):
        (leftover / "model").mkdir(parents=True)
    os.utime(old, (0, 0))
    save(run, tmp_path / "run")
    assert not old.exists()
    assert young.exists()


def _killed(*words: object) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, *map(str, words)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


# --- reports -------------------------------------------------------------------------------------


def test_reports_are_made_again_from_the_folder_alone(folder):
    before = digests(folder)
    (folder / "report.html").unlink()
    (folder / "report.md").write_text("scribbled over")
    assert rewrite_reports(folder, ["html", "md"]) == [folder / "report.html", folder / "report.md"]
    assert digests(folder) == before
    assert changed_files(folder, read_manifest(folder)) == []
    assert _files(folder) == FILES


def test_a_report_of_an_unknown_format_is_refused(folder):
    with pytest.raises(InvalidConfig, match=r"no report format 'docx'; there are: html, md, pdf\."):
        rewrite_reports(folder, ["html", "docx"])
    assert _files(folder) == FILES
