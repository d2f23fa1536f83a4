"""`topics fit`: what it prints and writes, what wins over what, and input of all kinds."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pandas as pd
import pytest
from surfaces_fakes import digests, documents, files_in, refused, strict_json

import topics
from topics.cli import default_name
from topics.config import Config

# --- fit -----------------------------------------------------------------------------------------


def test_fit_tells_the_topics_and_where_the_report_is(cli, world, tmp_path):
    told = cli("fit", world.csv, "--encoder", world.model, "--id", "id", "--class", "class", "--output", "mine")
    assert told.code == 0
    assert "T0001" in told.out
    assert "160 documents (2 repeated, 1 empty)" in told.out
    assert "against the classes: AMI" in told.out
    assert "Report: mine/report.html" in told.out
    assert (tmp_path / "mine" / "report.html").is_file()


def test_a_guess_is_announced(cli, world, tmp_path):
    documents().rename(columns={"text": "body"}).to_csv(tmp_path / "posts.csv", index=False)
    told = cli("fit", "posts.csv", "--encoder", world.model)
    assert "The column 'body' is taken as the text." in told.err
    told = cli("fit", "posts.csv", "--encoder", world.model)  # not read again, and yet said
    assert "The column 'body' is taken as the text." in told.out


def test_fit_without_output_goes_to_outputs_under_the_name_of_the_input(cli, world, tmp_path):
    assert cli("fit", world.csv, "--encoder", world.model).code == 0
    assert topics.load(tmp_path / "outputs" / "documents").provenance["input"]["location"] == str(world.csv)


def test_quiet_prints_the_result_and_nothing_else(cli, world):
    told = cli("fit", world.csv, "--encoder", world.model, "--quiet")
    assert (told.code, told.err) == (0, "")
    assert "T0001" in told.out


def test_json_is_all_that_is_printed(cli, world):
    told = cli("fit", world.csv, "--encoder", world.model, "--json", "--consensus", 0)
    result = strict_json(told.out)
    assert (told.code, told.err) == (0, "")
    assert result["folder"] == "outputs/documents"
    assert (result["notes"], result["advice"]) == ([], [])
    assert result["metrics"]["documents"] == 160
    assert [row["topic_id"] for row in result["topics"]][:2] == ["T0001", "T0002"]
    assert {stage["name"] for stage in result["stages"]} >= {"embeddings", "clusters"}
    for name in ("manifest.json", "metrics.json", "model/model.json"):
        strict_json(Path("outputs/documents", name).read_text("utf-8"))


def test_a_second_fit_says_that_nothing_had_to_be_computed(cli, world):
    cli("fit", world.csv, "--encoder", world.model, "--seed", "4")
    told = cli("fit", world.csv, "--encoder", world.model, "--seed", "4")
    assert "nothing had changed, so nothing was computed" in told.out


def test_every_setting_is_an_option_with_its_description_and_default(cli):
    told = cli("fit", "--help")
    text = " ".join(told.out.split())
    for name, field in Config.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert " ".join(field.description.split())[:40] in text
    assert "[default: all-MiniLM-L6-v2]" in text


def test_options_win_over_the_file_and_the_file_over_defaults(cli, world, tmp_path):
    (tmp_path / "mine.toml").write_text('id = "id"\ntext = "text"\nn_terms = 4\nseed = 2\nstop_words = ["bank"]\n')
    told = cli("fit", world.csv, "--encoder", world.model, "--config", "mine.toml", "--seed", "3", "--quiet")
    assert told.code == 0, told.err
    config = topics.load("outputs/documents").config
    assert (config.n_terms, config.seed, config.stop_words) == (4, 3, ("bank",))
    assert topics.load("outputs/documents").provenance["input"]["id"] == "id"


def test_the_config_of_a_run_gives_the_run_again(cli, world, written, tmp_path):
    assert cli("fit", world.csv, "--config", written / "config.toml", "--output", "again").code == 0
    assert digests(tmp_path / "again") == digests(written)


def test_stop_words_come_in_a_list_or_one_by_one(cli, world):
    cli("fit", world.csv, "--encoder", world.model, "--stop-words", "bank, rate", "--stop-words", "match")
    assert topics.load("outputs/documents").config.stop_words == ("bank", "rate", "match")


def test_aspects_come_in_a_list_or_one_by_one_and_are_shown(cli, world):
    cli("fit", world.csv, "--encoder", world.model, "--aspects", "ctfidf, MMR=.30", "--aspects", "phrases")
    run = topics.load("outputs/documents")
    assert run.config.aspects == ("ctfidf", "mmr=0.3", "phrases")
    shown = cli("show", "outputs/documents", "0").out
    assert f"  by weight: {', '.join(run.topics['aspect_ctfidf'][0])}\n" in shown
    assert f"  unlike each other: {', '.join(run.topics['aspect_mmr'][0])}\n" in shown


def test_texts_are_kept_if_asked_for(cli, world):
    cli("fit", world.csv, "--encoder", world.model, "--id", "id", "--keep-text")
    kept = pd.read_parquet("outputs/documents/documents.parquet")
    assert kept["text"].tolist() == documents().sort_values("id")["text"].tolist()


def test_documents_come_through_a_pipe(cli, world, monkeypatch):
    lines = documents()[["id", "text"]].to_json(orient="records", lines=True)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert cli("fit", "-", "--encoder", world.model, "--quiet").code == 0
    assert len(topics.load("outputs/stdin").documents) == 160


@pytest.mark.parametrize("name", ["with space", "[b]", "[/b]", "ü", "a'b\"c"])
def test_any_name_of_a_folder_will_do(cli, world, name):
    told = cli("fit", world.csv, "--encoder", world.model, "--output", f"out/{name}")
    assert told.code == 0, told.err
    assert f"Report: out/{name}/report.html" in told.out
    assert cli("show", f"out/{name}").code == 0


def test_a_default_name_is_the_name_of_the_input():
    assert default_name("posts.csv") == "posts"
    assert default_name(".") == Path.cwd().name


# --- input that cannot be used, and input that only looks so -------------------------------------


def _csv(*rows: str) -> bytes:
    return "\n".join(("id,text", *rows, "")).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"input\.csv is empty"),
        (b"id,text\n", r"input\.csv has no rows; its columns are: id, text"),
        (_csv("a,", "b,  "), r"'text'"),
        (bytes(range(256)) * 40, r"input\.csv is not text: .*control characters"),
        (b"PK\x03\x04" + os.urandom(2000), r"input\.csv is .*not text"),
    ],
    ids=["empty", "no rows", "no text", "binary", "spreadsheet"],
)
def test_input_without_documents_is_refused(cli, world, tmp_path, content, message):
    (tmp_path / "input.csv").write_bytes(content)
    told = cli("fit", "input.csv", "--text", "text", "--encoder", world.model, "--output", "out/run")
    refused(told, message)
    assert files_in(tmp_path) == {"input.csv"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.csv"], r"there is no file, folder or glob 'nothing\.csv'"),
        (["documents.cvs"], r"did you mean documents\.csv\?"),
        (["documents.csv", "--text", "body"], r"no column 'body'; there are: id, text, date, class"),
        (["documents.csv", "--id", "class"], r"ids in the column 'class' occur more than once"),
        (["documents.csv", "--min-cluster-size", "5000"], r"min_cluster_size=5000 is more than the \d+ distinct"),
        (["documents.csv", "--min-cluster-size", "1"], r"min_cluster_size='1': .*greater than or equal to 2"),
        (["documents.csv", "--min-cluster-size", "many"], r"min_cluster_size='many': .*integer"),
        (["documents.csv", "--coverage", "1.5"], r"coverage='1\.5': .*between 0 and 1, or be 'auto'; got 1\.5"),
        (["documents.csv", "--coverage", "most"], r"coverage='most': .*'auto'"),
        (["documents.csv", "--colour", "red"], r"No such option:? '?--colour"),
        (["documents.csv", "--config", "none.toml"], r"no configuration file none\.toml"),
        (["documents.csv", "--config", "documents.csv"], r"documents\.csv is not TOML"),
        (["documents.csv", "--encoder", "no/such"], r"no encoder 'no/such'.*HF_HUB_OFFLINE forbids"),
        (["documents.csv", "--output", "documents.csv"], r"documents\.csv is a file; name a folder as --output"),
        (["documents.csv", "--output", "thesis"], r"thesis is not empty and holds no run; nothing in it was touched"),
        (["https://example.org/a.csv"], r"only local files are read; download it first"),
        ([], r"Missing argument 'INPUT'"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_bad_usage_is_refused_with_the_way_out(cli, world, tmp_path, words, message):
    documents().to_csv(tmp_path / "documents.csv", index=False)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    encoder = [] if "--encoder" in words else ["--encoder", world.model]
    output = [] if "--output" in words else ["--output", "out/run"]
    refused(cli("fit", *words, *encoder, *output), message)
    assert files_in(tmp_path) == {"documents.csv", "thesis/chapter.txt"}


@pytest.mark.parametrize(
    ("name", "content", "documents_", "topics_"),
    [
        ("one.csv", _csv("a,bank rate"), 1, 1),
        ("same.csv", _csv(*(f"{row},bank rate rises" for row in range(50))), 50, 1),
        ("few.csv", _csv("a,bank rate", "b,match goal", "c,orbit rocket"), 3, 1),
        ("missing.csv", _csv("1,bank rate", "2,", "3,orbit rocket", "4,   "), 4, 1),
        ("mixed.csv", _csv("1,bank rate") + "2,café bank\n".encode("latin-1") + "3,café\n".encode(), 3, 1),
        ("quotes.csv", _csv('1,"bank, ""rate""\nnext line"', "2,'goal"), 2, 1),
        ("marks.csv", "\ufeffid,text\r\n1,bank rate\r\n2,match goal\r\n".encode(), 2, 1),
        ("lines.txt", b"bank rate\nmatch goal", 2, 1),
        ("nulls.jsonl", b'{"text": "bank rate"}\n{"text": null}\n{"text": 3}\n', 3, 1),
        ("symbols.csv", _csv("1,!!! ???", "2,...", "3,bank"), 3, 1),
        ("foreign.csv", _csv("1,深層学習と自然言語処理", "2,كرة القدم والدوري", "3,การเรียนรู้ของเครื่อง"), 3, 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_odd_input_is_a_run_all_the_same(cli, world, tmp_path, name, content, documents_, topics_):
    (tmp_path / name).write_bytes(content)
    text = [] if name.endswith(".txt") else ["--text", "text"]
    told = cli("fit", name, *text, "--encoder", world.model, "--output", "run", "--json")
    assert told.code == 0, told.err
    metrics = strict_json(told.out)["metrics"]
    assert (metrics["documents"], metrics["topics"]) == (documents_, topics_)
    assert topics.load("run").documents["topic"].max() == 0
    assert files_in(tmp_path) - {name} == {f"run/{file}" for file in (*digests(tmp_path / "run"), "manifest.json")}
    assert cli("show", "run", "T0001").code == 0


def test_a_line_of_ten_megabytes_is_a_document_like_any_other(cli, world, tmp_path):
    (tmp_path / "long.txt").write_text("bank rate " * 1_000_000 + "\nmatch goal\n")
    told = cli("fit", "long.txt", "--encoder", world.model, "--output", "run")
    assert told.code == 0, told.err
    assert len(told.out) < 5_000
    assert topics.load("run").metrics["documents"] == 2
    assert max(path.stat().st_size for path in (tmp_path / "run").rglob("*")) < 1_000_000


def test_a_refused_fit_leaves_the_run_that_was_there(cli, world, tmp_path):
    assert cli("fit", world.csv, "--encoder", world.model, "--output", "run").code == 0
    before = digests(tmp_path / "run")
    assert cli("fit", world.csv, "--encoder", world.model, "--output", "run", "--min-cluster-size", "500").code == 2
    assert digests(tmp_path / "run") == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_closed_folder_is_said_before_the_work(cli, world, tmp_path):
    (tmp_path / "closed").mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    refused(cli("fit", world.csv, "--encoder", world.model, "--output", "closed/run"), "cannot be written to")
