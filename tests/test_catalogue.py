"""The list of encoders: what is here, what the store remembers, what the command prints."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from fakes import HashingEncoder
from surfaces_fakes import ROOT, cache_model, convert, documents, in_this_process

import topics
from topics import Store
from topics.embedding import checkpoint
from topics.embedding.checkpoint import Checkpoint
from topics.store import Ref, shelved

SECRET = "sk-very-secret-0123456789"


@pytest.fixture
def here(world, tmp_path, monkeypatch):
    """A cache with one model in it, an empty store, no network."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TOPICS_STORE", str(tmp_path / "store"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("topics.embedding.convert", convert)
    monkeypatch.setattr(checkpoint, "find_spec", lambda _: None)
    folder = tmp_path / "small"
    folder.mkdir()
    for name in ("modules.json", "model.safetensors", "words.json"):
        source = world.folder / "model" / name
        (folder / name).write_text(source.read_text() if source.exists() else "[]")
    cache_model(tmp_path / "cache", "owner/small", folder)
    return tmp_path


@pytest.fixture
def cli(here, capfd):
    return in_this_process(capfd)


def rows(*names, store=None):
    return topics.encoders(*names, store=store).set_index("name")


def test_what_is_prepared_and_kept_is_told_by_name(here):
    assert rows().loc["owner/small", ["prepared", "vectors"]].tolist() == ["not yet", 0]
    topics.embed(documents(), "owner/small", text="text")
    assert rows().loc["owner/small", ["prepared", "vectors"]].tolist() == ["converted", 157]
    topics.embed(documents(40), "owner/small", text="text")
    topics.embed(["new words"], "owner/small")
    assert rows().loc["owner/small", "vectors"] == 158


def test_looking_does_not_count_as_use(here):
    topics.embed(["new words"], "owner/small")
    before = [entry.used for entry in Store().entries()]
    rows()
    assert [entry.used for entry in Store().entries()] == before


def test_a_conversion_by_other_releases_is_none(here):
    made = convert(Checkpoint("owner/small", next((here / "cache").glob("*/snapshots/*"))))
    Store().save(Ref("encoder", "0" * 40), made)
    assert rows().loc["owner/small", "prepared"] == "not yet"


def test_a_model_that_could_not_be_converted_is_told_apart(here, monkeypatch):
    from topics.data import ConvertedEncoder
    from topics.steps import ENCODER
    from topics.workshop import Workshop

    def resist(found):
        made = vars(convert(found)) | {"reason": "ValueError: it would not", "graph": ""}
        return ConvertedEncoder(**made)

    monkeypatch.setattr("topics.embedding.convert", resist)
    Workshop(Store()).run(ENCODER, [], {"name": "owner/small"})
    assert rows().loc["owner/small", "prepared"] == "PyTorch"


def test_a_damaged_entry_is_passed_over(here):
    topics.embed(["new words"], "owner/small")
    for entry in Store().entries("encoder"):
        (Store().folder(entry.ref) / "value.json").write_text("{")
    assert rows().loc["owner/small", ["prepared", "vectors"]].tolist() == ["not yet", 1]


def test_the_store_remembers_folders_and_which_of_them_are_gone(here):
    (here / "small").rename(here / "moved")
    moved = str(here / "moved")
    topics.embed(["new words"], moved)
    assert rows().loc[moved, ["where", "problem"]].tolist() == ["folder", ""]
    (here / "moved").rename(here / "small")
    assert rows().loc[moved, ["where", "problem", "prepared"]].tolist() == ["", "not on this machine", ""]
    assert rows().loc[moved, "vectors"] == 1


def test_vectors_of_an_object_are_of_no_name(here):
    topics.embed(["new words"], HashingEncoder())
    assert rows().index.tolist() == ["owner/small"]


def test_of_several_shelves_of_one_name_the_one_used_last_counts(here):
    def note(shelf, many):
        topics.store.VectorShelf(Store(), shelf, "name").put(keys[:many], vectors[:many])

    import numpy as np

    keys, vectors = np.array([b"a", b"b", b"c"], dtype="S32"), np.ones((3, 2), np.float32)
    note("one", 3)
    note("two", 1)
    assert shelved(Store()) == {"name": 1}


def test_names_given_are_added(here):
    found = rows(str(here / "small"), "nothing", "static:nothing.vec")
    assert found["problem"].tolist() == ["", "", "not on this machine", "not on this machine"]
    assert found["where"].tolist() == ["hub cache", "folder", "", ""]
    assert found["bytes"].iloc[0] == found["bytes"].iloc[1] > 0


def test_the_command_prints_a_table_with_problems_below_and_the_schemes(cli):
    code, out, err = cli("encoders", "nothing")
    assert (code, err) == (0, "")
    assert re.search(r"owner/small +sentence-transformers +hub cache +– +– +[\d.]+ kB +not yet +0", out)
    assert "  nothing: not on this machine" in out
    assert "static:glove.6B.100d.txt" in out


def test_with_json_it_prints_the_same_and_nothing_else(cli):
    code, out, err = cli("encoders", "nothing", "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert [row["name"] for row in told["encoders"]] == ["owner/small", "nothing"]
    assert list(told["encoders"][0]) == list(topics.encoders().columns)
    assert {"scheme": "static", "found": []}.items() <= told["schemes"][1].items() or len(told["schemes"]) > 3


def test_without_any_encoder_it_says_so(cli, here):
    (here / "cache").rename(here / "elsewhere")
    code, out, _ = cli("encoders")
    assert code == 0
    assert "No encoder is on this machine." in out


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_keys_are_never_shown(cli, monkeypatch, how):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://user:{SECRET}@example.org/v1")
    code, out, err = cli("encoders", "remote:some-model", f"remote:m?key={SECRET}!", *how)
    assert code == 0
    assert "OPENAI_API_KEY is set" in out or '"OPENAI_API_KEY"' in out
    assert SECRET not in (out + err).replace(f"remote:m?key={SECRET}!", "")  # but for the name that was typed
    monkeypatch.delenv("OPENAI_BASE_URL")
    code, out, err = cli("encoders", *how)
    assert "remote:text-embedding-3-small" in out
    assert SECRET not in out + err


def test_columns_need_documents(cli):
    code, _, err = cli("encoders", "--class", "class")
    assert code == 2
    assert "--text and --class are columns of the documents that --try names" in err


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_the_list_loads_nothing_heavy(here, how):
    topics.embed(["new words"], "owner/small")
    bare = here / "bare"
    bare.mkdir()
    (bare / "config.json").write_text('{"hidden_size": 8, "num_hidden_layers": 1}')
    for name in ("model.safetensors", "tokenizer.json"):
        (bare / name).write_text("{}")
    cache_model(here / "cache", "owner/bare", bare)
    code = (
        "import json, sys\nfrom topics.cli import commands, run_command\n"
        f"assert run_command(commands, {['encoders', *how]!r}) == 0\nprint(json.dumps(sorted(sys.modules)))"
    )
    import os

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        env={**os.environ, "HF_HUB_CACHE": str(here / "cache")},
    )
    assert done.returncode == 0, done.stderr
    assert "transformer:owner/bare" in done.stdout
    assert "converted" in done.stdout
    heavy = "torch openvino umap numba sentence_transformers transformers pandas scipy sklearn tokenizers hdbscan"
    assert not set(json.loads(done.stdout.splitlines()[-1])) & set(heavy.split())
