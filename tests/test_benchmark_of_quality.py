"""What the benchmark of quality promises: nothing is measured twice, and its tables say what was."""

import numpy as np
import pytest

from benchmarks.measuring import TASKS, Case, told
from benchmarks.methods import Documents
from benchmarks.quality import measure
from benchmarks.tables import Results, report

N = 60


class ByClass:
    """Finds the classes, and counts how often it is asked."""

    def __init__(self, calls, most=10):
        self.calls, self.most = calls, most

    def fit(self, given, seed, classes):
        self.calls.append(("fit", seed))
        return np.array([int(text[-1]) for text in given.texts], dtype=np.int32), [["apple", "pear"], ["cat", "dog"]]

    def assign(self, given, new, seed, classes):
        return self.fit(new, seed, classes)[0]

    def words(self, given, seed, numbers):
        self.calls.append(("words", seed))
        return {number: [["apple", "pear"]] * number if number <= self.most else None for number in numbers}


class OnlyClusters(ByClass):
    assign = words = None


@pytest.fixture
def case():
    texts = [f"apple pear {row} no 0" if row % 2 else f"cat dog {row} no 1" for row in range(N)]
    classes = np.array([0 if row % 2 else 1 for row in range(N)])
    return Case("fruit", Documents(texts, np.eye(N, dtype=np.float32)), classes)


def test_nothing_is_measured_twice(case, tmp_path):
    calls, results = [], Results(tmp_path)
    measure([case], {"by class": ByClass(calls)}, results)
    many = len(calls)
    assert many == 3 * 4  # seeds; whole, fewer, new, words
    measure([case], {"by class": ByClass(calls)}, results)
    assert len(calls) == many
    results.place("fruit", N, "new", "by class", 1).unlink()
    measure([case], {"by class": ByClass(calls)}, results)
    assert calls[many:] == [("fit", 1)]


def test_an_interrupted_measurement_leaves_nothing_behind(case, tmp_path):
    class Interrupted(ByClass):
        def words(self, given, seed, numbers):
            raise KeyboardInterrupt

    results = Results(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        measure([case], {"by class": Interrupted([])}, results)
    assert len(results.of("fruit", N, "whole", "by class")) == 3
    assert results.of("fruit", N, "words", "by class") == {}


def test_the_tables_hold_what_was_measured_and_no_more(case, tmp_path):
    results = Results(tmp_path)
    methods = {"by class": ByClass([]), "by class, twice": OnlyClusters([])}
    measure([case], methods, results)
    text = report(results, list(methods), tmp_path / "plot.svg", ["another"])
    full = next(line for line in text.splitlines() if line.startswith("| fruit, 60 | by class |"))
    assert full.split(" | ")[2:12] == ["3", "2", "0%", "1.000", "1.000", "1.000", "1.000", "1.000", "1.000", "1.000"]
    bare = next(line for line in text.splitlines() if line.startswith("| fruit, 60 | by class, twice |"))
    assert bare.split(" | ")[11:14] == ["–", "–", "–"]  # it places nothing new
    assert "Not installed, so not measured again now: another." in text
    assert "| fruit, 60 | by class | 0 | not so many | – | – | – |" in text  # asked for 20
    assert text.count("by class, twice") == 1
    assert "| fruit, 60 | 3 | 3 | 3 | 3 | 0 |" in text  # how many runs of each measurement


def test_the_parts_of_a_corpus_do_not_overlap_and_depend_on_the_seed(case):
    class Watching(ByClass):
        def assign(self, given, new, seed, classes):
            assert not set(given.texts) & set(new.texts)
            assert len(given.texts) + len(new.texts) == N
            return super().assign(given, new, seed, classes)

    rows = [TASKS["new"](Watching([]), case, seed)["rows"] for seed in (0, 0, 1)]
    assert rows[0] == rows[1] != rows[2]
    assert len(rows[0]) == N // 5
    assert len(TASKS["fewer"](ByClass([]), case, 0)["rows"]) == N - 3


def test_words_are_measured_by_tokens_that_are_nobody_s_own():
    found = told([["C++", "the"], ["the", "cat"], ["only"]], [["the", "cat"], ["the", "dog"], ["a", "cat"]])
    assert found["topics"] == 3
    assert found["diversity"] == 4 / 5
    assert found["npmi"] == pytest.approx(np.log((1 / 3) / (2 / 3) ** 2) / -np.log(1 / 3), abs=1e-6)
    assert told(None, []) is None
