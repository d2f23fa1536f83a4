from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from fakes import HashingEncoder
from surfaces_fakes import convert, digests, documents

import topics
from topics import NO_STORE, InvalidInput, VerificationFailed
from topics.store import file_sha256
from topics.verification import Verified, verify


@pytest.fixture
def folder(written, tmp_path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(written, tmp_path / "run"))


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def test_an_untouched_run_is_proved_from_nothing(world, written, monkeypatch):
    monkeypatch.setattr("topics.embedding.convert", convert)
    table = pd.read_parquet(written / "topics.parquet")
    assert verify(written) == Verified(files=len(digests(written)), documents=160, topics=len(table))


def test_what_is_in_a_store_may_be_used(world, written):
    assert verify(written, world.store("shared")).documents == 160


def test_verifying_leaves_the_run_as_it_is(world, folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    verify(folder, world.store("shared"))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("how", ["one bit", "longer", "missing"])
@pytest.mark.parametrize(
    "name",
    [
        "config.toml",
        "documents.parquet",
        "metrics.json",
        "model/model.json",
        "model/model.safetensors",
        "report.html",
        "report.md",
        "layers.parquet",
        "subtopics.parquet",
        "topics.csv",
        "topics.parquet",
    ],
)
def test_a_changed_file_is_named(folder, name, how):
    assert name in digests(folder)
    content = bytearray((folder / name).read_bytes())
    if how == "missing":
        (folder / name).unlink()
    else:
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(bytes(content) if how == "one bit" else (folder / name).read_bytes() + b"\n")
    told = "is missing" if how == "missing" else "was changed"
    with pytest.raises(VerificationFailed, match=rf"is not what was written: {name} {told}\.$"):
        verify(folder)


def test_every_changed_file_is_named(folder):
    (folder / "topics.csv").unlink()
    (folder / "report.md").write_text("better numbers")
    with pytest.raises(VerificationFailed, match=r"report\.md was changed; topics\.csv is missing"):
        verify(folder)


def test_a_file_the_manifest_was_made_to_forget_is_named(world, folder):
    (folder / "topics.csv").write_text("better topics")
    kept = {name: digest for name, digest in digests(folder).items() if name != "topics.csv"}
    _edit(folder / "manifest.json", digests=kept)
    with pytest.raises(VerificationFailed, match=r"cannot be had again: topics\.csv differ"):
        verify(folder, world.store("shared"))


def test_a_file_and_its_digest_changed_together_are_found_out(world, folder):
    (folder / "topics.csv").write_text("better topics")
    _edit(folder / "manifest.json", digests={**digests(folder), "topics.csv": file_sha256(folder / "topics.csv")})
    with pytest.raises(VerificationFailed, match=r"cannot be had again: topics\.csv differ\.$"):
        verify(folder, world.store("shared"))


@pytest.mark.parametrize("change", [{"run": "0" * 12}, {"seeds": {"seed": 1}}, {"config": {"seed": 1}}], ids=str)
def test_a_manifest_that_tells_another_story_is_named(world, folder, change):
    _edit(folder / "manifest.json", **change)
    with pytest.raises(VerificationFailed, match=r"cannot be had again: manifest\.json differ"):
        verify(folder, world.store("shared"))


def test_a_broken_manifest_is_named(folder):
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text("utf-8")[:-20])
    with pytest.raises(InvalidInput, match=r"manifest\.json is not a manifest"):
        verify(folder)


def test_releases_that_differ_are_told_as_the_likely_reason(world, folder):
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "report.md").write_text("other words")
    _edit(
        folder / "manifest.json",
        digests={**manifest["digests"], "report.md": file_sha256(folder / "report.md")},
        versions={**manifest["versions"], "hdbscan": "0.1"},
    )
    with pytest.raises(VerificationFailed, match=r"report\.md differ\. Other releases are installed now: hdbscan \d"):
        verify(folder, world.store("shared"))


@pytest.fixture
def moved(world, tmp_path) -> tuple[Path, Path]:
    """A run and its documents, in a folder of their own."""
    path = tmp_path / "documents.csv"
    shutil.copy(world.csv, path)
    run = world.fit(path, id="id", date="date", class_="class")
    return run.save(tmp_path / "mine"), path


def test_other_documents_are_told_apart_from_another_result(world, moved):
    folder, path = moved
    documents(161).to_csv(path, index=False)
    with pytest.raises(
        VerificationFailed, match=r"are as written, but .*documents\.csv holds other documents than then"
    ):
        verify(folder, world.store("shared"))


def test_documents_that_are_gone_are_missed_and_may_be_elsewhere(world, moved):
    folder, path = moved
    path.rename(path.parent / "renamed.csv")
    with pytest.raises(InvalidInput, match=r"there is no file, folder or glob"):
        verify(folder, world.store("shared"))
    assert verify(folder, world.store("shared"), location=str(path.parent / "renamed.csv")).documents == 160


def test_documents_from_memory_are_asked_for(world, tmp_path):
    table = documents()[["id", "text"]]
    folder = world.fit(table, text="text", id="id").save(tmp_path / "run")
    with pytest.raises(VerificationFailed, match=r"its documents came from memory.*--input"):
        verify(folder)


def test_documents_from_standard_input_are_asked_for_and_not_waited_for(world, tmp_path):
    folder = world.fit(["bank rate", "match goal"]).save(tmp_path / "run")
    _edit(folder / "manifest.json", input={"location": "-", "text": "text"})
    with pytest.raises(VerificationFailed, match=r"its documents came from standard input.*--input"):
        verify(folder)


def test_a_run_of_an_encoder_object_cannot_be_repeated_and_says_so(tmp_path):
    documents().to_csv(tmp_path / "documents.csv", index=False)
    run = topics.fit(tmp_path / "documents.csv", id="id", encoder=HashingEncoder(), store=NO_STORE)
    folder = run.save(tmp_path / "run")
    with pytest.raises(InvalidInput, match="<HashingEncoder> was an encoder object"):
        verify(folder)
