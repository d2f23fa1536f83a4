from __future__ import annotations

import io
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import HashingEncoder
from surfaces_fakes import World, command, convert, digests, documents, finish, in_this_process, start

import topics
from topics.cli import default_name
from topics.config import Config
from topics.run import SCHEMA


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(world, tmp_path, monkeypatch, capfd):
    """Run a command in this process, in a folder of its own; the world's encoder stands in for the real one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOPICS_STORE", str(world.store("shared").root))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("topics.embedding.convert", convert)

    here = in_this_process(capfd)

    def run(*words: object) -> Told:
        told = Told(*here(*words))
        assert "Traceback" not in told.err + told.out
        return told

    return run


def _strict(text: str) -> object:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


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
    result = _strict(told.out)
    assert (told.code, told.err) == (0, "")
    assert result["folder"] == "outputs/documents"
    assert (result["notes"], result["advice"]) == ([], [])
    assert result["metrics"]["documents"] == 160
    assert [row["topic_id"] for row in result["topics"]][:2] == ["T0001", "T0002"]
    assert {stage["name"] for stage in result["stages"]} >= {"embeddings", "clusters"}
    for name in ("manifest.json", "metrics.json", "model/model.json"):
        _strict(Path("outputs/documents", name).read_text("utf-8"))


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
    _refused(told, message)
    assert _left(tmp_path) == {"input.csv"}


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
    _refused(cli("fit", *words, *encoder, *output), message)
    assert _left(tmp_path) == {"documents.csv", "thesis/chapter.txt"}


def _refused(told: Told, message: str, code: int = 2) -> None:
    import re

    assert told.code == code, told
    assert told.out == ""
    assert re.search(message, " ".join(told.err.split())), told.err
    assert "unforeseen" not in told.err


def _left(folder: Path) -> set[str]:
    """Every file, and every empty folder, hidden ones as well."""
    return {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or not any(path.iterdir())
    }


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
    metrics = _strict(told.out)["metrics"]
    assert (metrics["documents"], metrics["topics"]) == (documents_, topics_)
    assert topics.load("run").documents["topic"].max() == 0
    assert _left(tmp_path) - {name} == {f"run/{file}" for file in (*digests(tmp_path / "run"), "manifest.json")}
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
    _refused(cli("fit", world.csv, "--encoder", world.model, "--output", "closed/run"), "cannot be written to")


# --- what is done with a run ---------------------------------------------------------------------


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
    _refused(
        told, r"'whitening' is not among the steps that are allowed: none, or center, remove-top-components and whiten"
    )


def test_show_gives_json(cli, written):
    assert [row["topic"] for row in _strict(cli("show", written, "--json").out)] == [0, 1, 2, 3]
    assert _strict(cli("show", written, "T0002", "--json").out)["topic"] == 1


def test_a_topic_that_is_not_there_is_refused(cli, written):
    _refused(cli("show", written, "T0099"), r"no topic 'T0099'; there are 0 to 3, or T0001 to T0004")


@pytest.mark.parametrize(
    "words",
    [["show"], ["report"], ["verify"], ["assign"], ["search"], ["export", "--to", "npy"]],
    ids=lambda words: words[0],
)
def test_what_is_no_run_folder_is_refused(cli, world, words):
    more = [world.csv] if words[0] in ("assign", "search") else []
    _refused(cli(*words, world.folder, *more), r"is not a run folder: it has no manifest\.json")


@pytest.mark.parametrize("words", [["show"], ["report"], ["verify"], ["assign"]], ids=lambda words: words[0])
def test_a_run_of_a_later_schema_is_a_failure_that_says_what_to_do(cli, world, tmp_path, words):
    (tmp_path / "run").mkdir()
    manifest = {"schema": SCHEMA + 1, "versions": {"topics": "9.0"}}
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    more = [world.csv, "--output", "placed.csv"] if words == ["assign"] else []
    _refused(cli(*words, "run", *more), rf"schema {SCHEMA + 1}.*topics 9\.0\. Upgrade topics", code=1)
    assert _left(tmp_path) == {"run/manifest.json"}


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
    _refused(cli("assign", "run", "new.parquet", "--text", "text"), r"precomputed:vectors\.npy.*--embeddings FILE")
    _refused(
        cli("assign", "run", "new.parquet", "--text", "text", "--embeddings", "vectors.npy"),
        r"embeddings: 160 rows for 2 documents",
    )
    _refused(cli("fit", world.csv, "--encoder", "precomputed:none.npy"), r"there is no file none\.npy")


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
    _refused(cli("assign", written, world.csv, "--passages", *words), r"--passages goes with none of --distribution")


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
    _refused(cli("assign", written, world.csv, *words), message)
    assert _left(tmp_path) == set()


def test_assign_to_a_folder_that_is_not_there_says_so(cli, world, written, tmp_path):
    _refused(cli("assign", written, world.csv, "--output", "none/placed.csv"), r"none", code=1)


def test_search_tells_topics_and_documents(cli, written):
    told = cli("search", written, "goal striker penalty", "--limit", "3")
    assert (told.code, told.err) == (0, "")
    found = topics.load(written).search("goal striker penalty", limit=3)
    for line in (*found.topics["topic_id"], *found.documents["id"]):
        assert line in told.out
    assert len([line for line in told.out.splitlines() if line.strip()]) == 6


def test_search_gives_json(cli, written):
    told = _strict(cli("search", written, "goal striker", "--topic", "t0002", "--json").out)
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
    _refused(cli("search", written, *words), message)


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
    _refused(cli("export", written, "--to", "parquet", "--output", "v.parquet"), r"v\.parquet is there already")
    _refused(cli("export", written, "--to", "csv"), r"no export to 'csv'; there are: parquet, npy, lancedb, milvus")
    _refused(cli("export", written, "--to", "npy", "--with-text"), r"keeps no texts")
    assert _left(tmp_path) == {"v.parquet"}


def test_report_writes_the_reports_again(cli, world, tmp_path):
    cli("fit", world.csv, "--encoder", world.model, "--output", "run")
    before = digests(tmp_path / "run")
    told = cli("report", "run", "--format", "md, html")
    assert told.out.split() == ["run/report.md", "run/report.html"]
    assert digests(tmp_path / "run") == before


def test_a_report_of_another_format_is_refused(cli, written):
    _refused(cli("report", written, "--format", "docx"), r"no report format 'docx'; there are: html, md, pdf")


def test_verify_says_what_was_proved(cli, world, written):
    told = cli("verify", written)
    assert (told.code, told.err) == (0, "")
    files = len(json.loads((written / "manifest.json").read_text("utf-8"))["digests"])
    assert told.out == f"Identical: 160 documents, 4 topics, all {files} files bit by bit.\n"
    assert cli("verify", written, "--quiet").out == ""


def test_verify_fails_with_1_and_names_the_file(cli, world, tmp_path):
    cli("fit", world.csv, "--encoder", world.model, "--output", "run")
    (tmp_path / "run" / "report.md").write_text("better numbers")
    _refused(cli("verify", "run"), r"run is not what was written: report\.md was changed", code=1)


def test_the_store_is_listed_verified_and_pruned(cli, world, tmp_path):
    root = tmp_path / "store"
    cli("fit", world.csv, "--encoder", world.model, "--store", root)
    listed = _strict(cli("store", "list", "--store", root, "--json").out)
    assert {entry["stage"] for entry in listed} >= {"corpus", "encoder", "embeddings", "clusters"}
    assert f"{len(listed)} entries" in cli("store", "list", "--store", root).out
    assert cli("store", "verify", "--store", root).out == f"{len(listed)} of {len(listed)} entries are as written.\n"
    damaged = next((root / "embeddings").glob("*/*.npy"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    told = cli("store", "verify", "--store", root)
    assert told.code == 1
    assert "does not match its checksum" in told.err
    assert f"Removed {len(listed) - 1} entries" in cli("store", "prune", "--store", root, "--unused-for", "0").out
    assert _strict(cli("store", "list", "--store", root, "--json").out) == []


# --- how a program ends --------------------------------------------------------------------------


def _failing(error: BaseException, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("topics.folder.load", fail)


def test_what_nobody_foresaw_is_one_sentence_and_1(cli, monkeypatch):
    _failing(ZeroDivisionError("by zero"), monkeypatch)
    _refused_unforeseen = cli("show", "run")
    assert _refused_unforeseen.code == 1
    assert "something unforeseen happened (ZeroDivisionError: by zero). With --debug it shows where" in (
        _refused_unforeseen.err
    )


def test_debug_shows_where(cli, monkeypatch):
    _failing(ZeroDivisionError("by zero"), monkeypatch)
    for words in (("show", "run", "--debug"), ("--debug", "show", "run")):
        with pytest.raises(ZeroDivisionError):
            cli(*words)


def test_the_system_refusing_is_told_with_the_file(cli, monkeypatch):
    _failing(PermissionError(13, "Permission denied", "run/manifest.json"), monkeypatch)
    told = cli("show", "run")
    assert (told.code, told.err) == (1, "Error: Permission denied: run/manifest.json.\n")


def test_being_stopped_is_130_and_says_that_nothing_is_lost(cli, monkeypatch):
    _failing(KeyboardInterrupt(), monkeypatch)
    told = cli("show", "run")
    assert told.code == 130
    assert "the same command goes on from there" in told.err


@pytest.mark.parametrize("words", [["--help"], ["fit", "--help"], ["store", "-h"], ["--version"]], ids=" ".join)
def test_help_is_no_error(cli, words):
    told = cli(*words)
    assert (told.code, told.err) == (0, "")
    assert told.out


def test_a_command_that_is_not_there_is_2(cli):
    assert cli("fitt").code == 2


def test_codes_reach_the_shell(world, tmp_path):
    store = {"TOPICS_STORE": str(world.store("shared").root)}
    started = [
        start("fit", "nothing.csv", cwd=tmp_path),
        start("store", "verify", "--store", _damaged(world), cwd=tmp_path),
        start("fit", world.csv, "--encoder", world.model, "--quiet", cwd=tmp_path, **store),
    ]
    ended = [finish(process) for process in started]
    assert [code for code, _, _ in ended] == [2, 1, 0]
    assert [err == "" for _, _, err in ended] == [False, False, True]
    assert not [err for _, _, err in ended if "Traceback" in err]


def _damaged(world: World) -> Path:
    """A store with an entry that is not what was written."""
    root = world.store("damaged").root
    part = next(root.glob("encoder/*/*.npy"))
    part.write_bytes(part.read_bytes()[:-1])
    return root


def test_a_reader_that_goes_away_is_no_error(world, written, tmp_path):
    import subprocess
    import sys

    from surfaces_fakes import ROOT

    shown = subprocess.run(
        f"{sys.executable} -m topics assign {written} {world.csv} --quiet | head -n 1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert shown.stderr == ""
    assert shown.stdout.split()[-1] == "0"


def test_a_store_that_is_a_file_is_named(world, tmp_path):
    (tmp_path / "store").write_text("a file")
    code, _, err = command(
        "fit", world.csv, "--encoder", world.model, "--store", tmp_path / "store", "--output", tmp_path / "run"
    )
    assert code == 1
    assert not (tmp_path / "run").exists()
    assert "Traceback" not in err
    assert str(tmp_path / "store") in err
