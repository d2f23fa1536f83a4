"""From BERTopic and back: the same documents in the same topics, under the same names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from builders import make_run
from safetensors.numpy import load_file
from surfaces_fakes import ROOT, World, documents

import topics
from topics.errors import InvalidConfig, InvalidInput
from topics.folder import load
from topics.interop import from_bertopic, save_as_bertopic

if TYPE_CHECKING:
    from pathlib import Path

    from topics.run import Run

RIVALS = ROOT / ".venv" / "rivals"


class Model:
    """What `from_bertopic` looks at of a BERTopic model."""

    def __init__(self, labels: list[int], custom: list[str] | None = None) -> None:
        self.topics_, self.custom_labels_ = labels, custom

    def get_topic(self, topic: int) -> list[tuple[str, float]]:
        return [(f"word{topic}", 0.5), ("", 1e-05)]


@pytest.fixture(scope="module")
def table():
    return documents().drop(columns=["date", "class"])


@pytest.fixture(scope="module")
def labels(table) -> list[int]:
    """By theme, the tenth documents outliers; topic 0 the largest."""
    given = [-1 if row % 10 == 9 else (0, 1, 2, 2)[row % 4] for row in range(len(table))]
    order = np.argsort(-np.bincount(np.array(given)[np.array(given) >= 0]), kind="stable")
    return [-1 if label < 0 else int(np.flatnonzero(order == label)[0]) for label in given]


@pytest.fixture(scope="module")
def run(world: World, table, labels: list[int]) -> Run:
    store = world.store("shared")
    model = Model(labels, ["Outliers", "Both", "First", "Second"])
    return from_bertopic(model, table, id="id", encoder=world.model, store=store)


def test_documents_stay_in_their_topics(run: Run, table, labels: list[int]) -> None:
    repeated = table["text"].duplicated(keep=False) | (table["text"] == "")  # those of one text have one topic
    for label in (-1, 0, 1, 2):
        theirs = {
            name for name, given, odd in zip(table["id"], labels, repeated, strict=True) if given == label and not odd
        }
        ours = set(run.documents.loc[(run.documents["topic"] == label) & ~repeated, "id"])
        assert theirs == ours


def test_names_and_words_come_along(run: Run) -> None:
    assert list(run.topics["name"]) == ["Both", "First", "Second"]
    assert [list(words) for words in run.topics["aspect_bertopic"]] == [["word0"], ["word1"], ["word2"]]
    assert all(len(words) for words in run.topics["terms"])


def test_such_a_run_is_like_any_other(run: Run, world: World, tmp_path: Path) -> None:
    back = load(run.save(tmp_path / "run"))
    assert back == run
    texts = documents()["text"].tolist()
    assert list(back.assign(texts, store=world.store("shared"))["topic"]) == list(run.documents["topic"])


def test_without_labels_of_its_own_topics_have_our_names(world: World, table, labels: list[int]) -> None:
    run = from_bertopic(Model(labels), table, id="id", encoder=world.model, store=world.store("shared"))
    assert "edits" not in run.provenance
    assert run.topics["name"].iloc[0] == ", ".join(list(run.topics["terms"].iloc[0])[:3])


def test_what_does_not_fit_is_said(table) -> None:
    with pytest.raises(InvalidInput, match="topics of 3 documents, and 160 were given"):
        from_bertopic(Model([0, 0, 1]), table)
    with pytest.raises(InvalidInput, match="not fitted: it has no topics_"):
        from_bertopic(object(), table)


def test_the_folder_holds_what_bertopic_reads(tmp_path: Path) -> None:
    run = make_run(200, 4).rename({0: "Mine"})
    folder = save_as_bertopic(run, tmp_path / "model")
    told = json.loads((folder / "topics.json").read_text())
    assert told["topics"] == list(run.documents["topic"])
    assert told["custom_labels"][:2] == ["Outliers", "Mine"]
    assert [word for word, _ in told["topic_representations"]["1"]] == list(run.topics["terms"][1])
    assert sum(told["topic_sizes"].values()) == len(run.documents)
    vectors = load_file(folder / "topic_embeddings.safetensors")["topic_embeddings"]
    np.testing.assert_array_equal(vectors[1:], run.model.centroids)
    with pytest.raises(InvalidInput, match="is there already"):
        save_as_bertopic(run, folder)


def test_the_modules_are_reached_by_their_names() -> None:
    assert topics.interop.from_bertopic is from_bertopic


def test_without_bertopic_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bertopic", None)
    with pytest.raises(InvalidConfig, match="pip install bertopic"):
        topics.interop.to_bertopic(make_run(60, 2))


@pytest.mark.slow
@pytest.mark.skipif(not (RIVALS / "bertopic").is_dir(), reason="BERTopic comes with make bench")
def test_bertopic_reads_what_is_written_and_gives_it_back(tmp_path: Path) -> None:
    code = """
import sys; sys.path[:0] = ["tests"]
from builders import make_run
from topics.interop import from_bertopic, to_bertopic
import topics
run = make_run(200, 4).rename({0: "Mine"})
model = to_bertopic(run)
assert list(model.topics_) == list(run.documents["topic"])
info = model.get_topic_info()
assert list(info["Topic"]) == [-1, 0, 1, 2, 3], info
assert info["CustomName"][1] == "Mine"
assert [word for word, _ in model.get_topic(2)] == list(run.topics["terms"][2])
placed, _ = model.transform(["a", "b"], embeddings=run.model.centroids[:2])
assert list(placed) == [0, 1], placed
texts = [f"text {name}" if topic >= -1 else "" for name, topic in zip(run.documents["id"], run.documents["topic"])]
import numpy as np
rows = run.text_rows()
vectors = np.where(rows[:, None] >= 0, run.model.vectors[rows], 1)
again = from_bertopic(model, texts, embeddings=vectors, store=topics.NO_STORE, n_epochs=20)
assert list(again.documents["topic"]) == list(model.topics_)
assert again.topics["name"][0] == "Mine"
print("both ways")
"""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{RIVALS}", "TOPICS_STORE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300
    )
    assert done.stdout.strip().endswith("both ways"), done.stderr[-2000:]
