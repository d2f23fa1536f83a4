"""What is done with a run on the command line: shown, assigned to, searched, exported, proved, kept."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import HashingEncoder
from surfaces_fakes import Told, digests, documents, files_in, refused, strict_json

import topics
from topics.run import SCHEMA


def test_show_tells_of_all_topics_or_of_one(cli, written):
    every = cli("show", written)
    assert (every.code, every.err) == (0, "")
    assert every.out.count("T000") == len(topics.load(written).topics)
    one = cli("show", written, "t0002")
    assert "T0002" in one.out
    assert topics.load(written).representatives.query("topic == 1")["id"].iloc[0] in one.out
    assert cli("show", written, "1").out == one.out


def test_show_tells_of_the_layers_above_the_topics(cli, world):
    assert cli("fit", world.csv, "--encoder", world.model, "--topics", "8", "--output", "eight").code == 0
    told = cli("show", "eight", "--layers")
    assert (told.code, told.err) == (0, "")
    assert all(name in told.out for name in topics.load("eight").topics["topic_id"])
    rows = json.loads(cli("show", "eight", "--layers", "--json").out)
    assert [row["layer"] for row in rows] == [4] * 4


def test_fit_and_show_tell_how_far_vectors_use_their_dimensions(cli, world):
    given = ("fit", world.csv, "--encoder", world.model, "--output")
    plain = cli(*given, "plain")
    spread = cli(*given, "spread", "--postprocess", "remove-top-components+whiten=8")
    for told, folder in ((plain, "plain"), (spread, "spread")):
        line = next(line for line in told.out.splitlines() if "effective dimension" in line)
        assert line.startswith("  vectors: effective dimension ")
        assert line in cli("show", folder).out.splitlines()
        assert ("before" in line) == (folder == "spread")
        assert ("Post-processing changed" in Path(folder, "report.md").read_text("utf-8")) == (folder == "spread")
    assert 'postprocess = "remove-top-components,whiten=8"' in Path("spread", "config.toml").read_text("utf-8")


def test_steps_that_do_not_exist_are_refused_with_those_that_do(cli, world):
    told = cli("fit", world.csv, "--encoder", world.model, "--postprocess", "whitening")
    refused(
        told, r"'whitening' is not among the steps that are allowed: none, or center, remove-top-components and whiten"
    )


def test_show_gives_json(cli, written):
    assert [row["topic"] for row in strict_json(cli("show", written, "--json").out)] == [0, 1, 2, 3]
    assert strict_json(cli("show", written, "T0002", "--json").out)["topic"] == 1


def test_a_topic_that_is_not_there_is_refused(cli, written):
    refused(cli("show", written, "T0099"), r"no topic 'T0099'; there are 0 to 3, or T0001 to T0004")


@pytest.mark.parametrize(
    "words",
    [["show"], ["report"], ["verify"], ["assign"], ["search"], ["export", "--to", "npy"]],
    ids=lambda words: words[0],
)
def test_what_is_no_run_folder_is_refused(cli, world, words):
    more = [world.csv] if words[0] in ("assign", "search") else []
    refused(cli(*words, world.folder, *more), r"is not a run folder: it has no manifest\.json")


@pytest.mark.parametrize("words", [["show"], ["report"], ["verify"], ["assign"]], ids=lambda words: words[0])
def test_a_run_of_a_later_schema_is_a_failure_that_says_what_to_do(cli, world, tmp_path, words):
    (tmp_path / "run").mkdir()
    manifest = {"schema": SCHEMA + 1, "versions": {"topics": "9.0"}}
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    more = [world.csv, "--output", "placed.csv"] if words == ["assign"] else []
    refused(cli(*words, "run", *more), rf"schema {SCHEMA + 1}.*topics 9\.0\. Upgrade topics", code=1)
    assert files_in(tmp_path) == {"run/manifest.json"}


def test_assign_gives_a_line_for_each_document_in_their_order(cli, world, written, tmp_path):
    told = cli("assign", written, world.csv, "--id", "id", "--quiet")
    table = pd.read_csv(io.StringIO(told.out), keep_default_na=False)
    run = topics.load(written).documents
    assert (told.code, told.err) == (0, "")
    assert table["id"].tolist() == documents()["id"].tolist()
    assert table["topic"].tolist() == run["topic"].tolist()
    assert list(table) == "id topic topic_id name strength nearest known confidence novelty reason".split()


@pytest.mark.parametrize(
    ("suffix", "read"),
    [
        (".csv", lambda path: pd.read_csv(path, keep_default_na=False)),
        (".jsonl", lambda path: pd.read_json(path, lines=True, dtype={"id": str})),
        (".parquet", pd.read_parquet),
    ],
)
def test_assign_writes_the_format_of_the_suffix(cli, world, written, tmp_path, suffix, read):
    told = cli("assign", written, world.csv, "--id", "id", "--output", f"placed{suffix}")
    assert (told.code, told.out) == (0, "")
    table = read(tmp_path / f"placed{suffix}")
    assert table["topic"].tolist() == topics.load(written).documents["topic"].tolist()
    assert table["id"].tolist() == documents()["id"].tolist()


def test_a_run_on_vectors_is_fitted_proved_and_assigned_to(cli, world, tmp_path):
    encoder = HashingEncoder(16)
    table = documents()
    np.save("vectors.npy", encoder.encode(table["text"].tolist()))
    new = pd.DataFrame({"id": ["a", "b"], "text": ["bank rate and money", "goal of the match"]})
    vectors = [row.tolist() for row in encoder.encode(new["text"].tolist())]
    new.assign(embedding=vectors).to_parquet("new.parquet")
    assert cli("fit", world.csv, "--id", "id", "--encoder", "precomputed:vectors.npy", "--output", "run").code == 0
    assert cli("verify", "run").out.startswith("Identical: 160 documents")
    told = cli("assign", "run", "new.parquet", "--text", "text", "--embeddings", "?column=embedding", "--quiet")
    table = pd.read_csv(io.StringIO(told.out))
    want = topics.load("run").assign(new["text"].tolist(), embeddings=vectors)
    assert (told.code, table["topic"].tolist()) == (0, want["topic"].tolist())
    by_id = ("--embeddings", "precomputed:new.parquet?column=embedding&id=id", "--quiet")
    assert cli("assign", "run", "new.parquet", "--text", "text", *by_id).out == told.out
    refused(cli("assign", "run", "new.parquet", "--text", "text"), r"precomputed:vectors\.npy.*--embeddings FILE")
    refused(
        cli("assign", "run", "new.parquet", "--text", "text", "--embeddings", "vectors.npy"),
        r"embeddings: 160 rows for 2 documents",
    )
    refused(cli("fit", world.csv, "--encoder", "precomputed:none.npy"), r"there is no file none\.npy")


def test_assign_gives_the_likeliest_topics_or_passages_if_asked(cli, world, written):
    likely = pd.read_csv(io.StringIO(cli("assign", written, world.csv, "--id", "id", "--distribution", "--quiet").out))
    want = topics.load(written).distribution
    assert list(likely) == list(want)
    assert sorted(likely["id"].astype(str)) == sorted(want["id"])
    told = cli("assign", written, world.csv, "--id", "id", "--passages", "--quiet")
    table = pd.read_csv(io.StringIO(told.out))
    assert list(table) == "id start end text topic topic_id name strength confidence reason".split()
    assert len(table) == documents()["text"].ne("").sum()  # none is longer than the encoder reads


@pytest.mark.parametrize("words", [["--distribution"], ["--embeddings", "vectors.npy"]], ids=lambda words: words[0])
def test_passages_are_encoded_and_placed_once(cli, world, written, words):
    refused(cli("assign", written, world.csv, "--passages", *words), r"--passages goes with none of --distribution")


def test_what_the_dial_would_give_is_shown(cli, written):
    shown = cli("show", written).out
    assert re.search(r"expected agreement 0\.\d\d at coverage \d+\.\d%; 8\d% would give", shown)


def test_assign_guards_spreadsheets(cli, world, written, tmp_path):
    (tmp_path / "new.csv").write_text("id,text\n=1+1,bank rate\n-2,goal\n")
    assert "'=1+1," in cli("assign", written, "new.csv", "--id", "id").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", "placed.xlsx"], r"--output placed\.xlsx: its name must end in \.csv, \.jsonl or \.parquet"),
        (["--text", "body"], r"no column 'body'"),
        (["--colour"], r"No such option:? '?--colour"),
    ],
    ids=["format", "column", "option"],
)
def test_assign_refuses_bad_usage(cli, world, written, tmp_path, words, message):
    refused(cli("assign", written, world.csv, *words), message)
    assert files_in(tmp_path) == set()


def test_assign_to_a_folder_that_is_not_there_says_so(cli, world, written, tmp_path):
    refused(cli("assign", written, world.csv, "--output", "none/placed.csv"), r"none", code=1)


def test_search_tells_topics_and_documents(cli, written):
    told = cli("search", written, "goal striker penalty", "--limit", "3")
    assert (told.code, told.err) == (0, "")
    found = topics.load(written).search("goal striker penalty", limit=3)
    for line in (*found.topics["topic_id"], *found.documents["id"]):
        assert line in told.out
    assert len([line for line in told.out.splitlines() if line.strip()]) == 6


def test_search_gives_json(cli, written):
    told = strict_json(cli("search", written, "goal striker", "--topic", "t0002", "--json").out)
    found = topics.load(written).search("goal striker", topic=1)
    assert [row["id"] for row in told["documents"]] == found.documents["id"].tolist()
    assert list(told["documents"][0]) == ["id", "topic", "topic_id", "name", "similarity", "text"]
    assert [row["topic_id"] for row in told["topics"]] == ["T0002"]
    assert list(told["topics"][0]) == ["topic", "topic_id", "name", "similarity"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([" \x00\n"], r"the query is empty; say in a few words what to look for"),
        (["goal", "--limit", "0"], r"limit=0: at least 1 is needed"),
        (["goal", "--topic", "T0099"], r"no topic 'T0099'; there are 0 to 3, or T0001 to T0004"),
        (["goal", "--limit", "many"], r"'many' is not a valid integer"),
    ],
    ids=["empty", "none", "topic", "no number"],
)
def test_search_refuses_bad_usage(cli, written, words, message):
    refused(cli("search", written, *words), message)


def test_a_hostile_query_and_hostile_documents_are_only_text(cli, world, tmp_path):
    (tmp_path / "new.csv").write_text("id,text\n\x1b[31mred,bank rate \x1b]0;title\x07 \u202e goal\n2,goal league\n")
    assert cli("fit", "new.csv", "--encoder", world.model, "--keep-text", "--id", "id", "--output", "run").code == 0
    told = cli("search", "run", "\x1b[2J bank \u202e [bold]rate[/bold] $(reboot) <script>")
    assert told.code == 0
    assert "[31mred" in told.out
    assert not set(told.out) & set("\x1b\x07\u202e")


def test_export_says_how_many_went_where(cli, written, tmp_path):
    before = digests(written)
    told = cli("export", written, "--to", "npy", "--output", "new/v")
    assert (told.code, told.err) == (0, "")
    assert told.out == (
        "159 documents and 4 topics, with vectors of 24 numbers, are in new/v; 1 without text have none.\n"
    )
    assert digests(written) == before
    assert cli("export", written, "--to", "npy", "--output", "new/v", "--quiet") == Told(0, "", "")


def test_export_refuses_bad_usage(cli, written, tmp_path):
    (tmp_path / "v.parquet").write_text("mine")
    refused(cli("export", written, "--to", "parquet", "--output", "v.parquet"), r"v\.parquet is there already")
    refused(cli("export", written, "--to", "csv"), r"no export to 'csv'; there are: parquet, npy, lancedb, milvus")
    refused(cli("export", written, "--to", "npy", "--with-text"), r"keeps no texts")
    assert files_in(tmp_path) == {"v.parquet"}


def test_report_writes_the_reports_again(cli, world, tmp_path):
    cli("fit", world.csv, "--encoder", world.model, "--output", "run")
    before = digests(tmp_path / "run")
    told = cli("report", "run", "--format", "md, html")
    assert told.out.split() == ["run/report.md", "run/report.html"]
    assert digests(tmp_path / "run") == before


def test_a_report_of_another_format_is_refused(cli, written):
    refused(cli("report", written, "--format", "docx"), r"no report format 'docx'; there are: html, md, pdf")


def test_verify_says_what_was_proved(cli, world, written):
    told = cli("verify", written)
    assert (told.code, told.err) == (0, "")
    files = len(json.loads((written / "manifest.json").read_text("utf-8"))["digests"])
    assert told.out == f"Identical: 160 documents, 4 topics, all {files} files bit by bit.\n"
    assert cli("verify", written, "--quiet").out == ""


def test_verify_fails_with_1_and_names_the_file(cli, world, tmp_path):
    cli("fit", world.csv, "--encoder", world.model, "--output", "run")
    (tmp_path / "run" / "report.md").write_text("better numbers")
    refused(cli("verify", "run"), r"run is not what was written: report\.md was changed", code=1)


def test_the_store_is_listed_verified_and_pruned(cli, world, tmp_path):
    root = tmp_path / "store"
    cli("fit", world.csv, "--encoder", world.model, "--store", root)
    listed = strict_json(cli("store", "list", "--store", root, "--json").out)
    assert {entry["stage"] for entry in listed} >= {"corpus", "encoder", "embeddings", "clusters"}
    assert f"{len(listed)} entries" in cli("store", "list", "--store", root).out
    assert cli("store", "verify", "--store", root).out == f"{len(listed)} of {len(listed)} entries are as written.\n"
    damaged = next((root / "embeddings").glob("*/*.npy"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    told = cli("store", "verify", "--store", root)
    assert told.code == 1
    assert "does not match its checksum" in told.err
    assert f"Removed {len(listed) - 1} entries" in cli("store", "prune", "--store", root, "--unused-for", "0").out
    assert strict_json(cli("store", "list", "--store", root, "--json").out) == []
