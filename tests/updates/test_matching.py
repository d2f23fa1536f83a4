"""Topics keep their ids; what became of them is told with evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from topics.updates.matching import MATCHED, Identity, Side, find_links, identify, match, no_lineage, shared_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSION = 16


def side(
    labels: NDArray[np.int64], ids: list[str] | None = None, seed: int = 0, about: list[int] | None = None
) -> Side:
    """Topics over documents; `about` says what each topic is about, by default its number."""
    k = int(labels.max(initial=-1)) + 1
    subjects = list(range(k)) if about is None else about
    axes = [np.random.default_rng([seed, subject]).normal(size=DIMENSION) for subject in subjects]
    centroids = np.array([axis / np.linalg.norm(axis) for axis in axes], dtype=np.float32).reshape(k, DIMENSION)
    names = [f"d{row}" for row in range(len(labels))] if ids is None else ids
    keys = np.array([f"{name:>032}" for name in names], dtype="S32")
    return Side(
        names, keys, labels, centroids, [[f"word{subject}x{place}" for place in range(10)] for subject in subjects]
    )


def first_ids(k: int) -> list[str]:
    return [f"T{number:04d}" for number in range(1, k + 1)]


def events(found: Identity) -> set[tuple[str, str, str]]:
    return set(zip(found.lineage["event"], found.lineage["topic_id"], found.lineage["previous_id"], strict=True))


def test_the_same_topics_under_other_numbers_keep_their_ids() -> None:
    labels = np.repeat([0, 1, 2, -1], [30, 20, 10, 5])
    renamed = np.array([2, 0, 1, -1])[labels]
    found = identify(side(labels), ["T0007", "T0002", "T0004"], 9, side(renamed, about=[1, 2, 0]))
    assert list(found.ids) == ["T0002", "T0004", "T0007"]
    assert found.given == 9
    assert set(found.status) == {"continued"}
    assert found.lineage["share_of_topic"].tolist() == [1, 1, 1]


def test_birth_death_split_and_merge_are_told_apart() -> None:
    before = np.repeat([0, 1, 2, 3, 4], [40, 40, 30, 20, 30])
    after = np.concatenate(
        [
            np.repeat([0, 1], [25, 15]),  # 0 splits
            np.repeat([2], [40]),  # 1 goes on
            np.repeat([3], [30]),  # 2 goes on, and
            np.repeat([3], [20]),  # 3 ends in it
            np.full(30, -1),  # 4 dies
            np.full(25, 4),  # and one is born
        ]
    )
    found = identify(side(before), first_ids(5), 5, side(after, about=[0, 50, 1, 2, 60]))
    assert list(found.ids) == ["T0001", "T0006", "T0002", "T0003", "T0007"]
    assert found.given == 7
    assert events(found) == {
        ("continued", "T0001", "T0001"),
        ("split", "T0006", "T0001"),
        ("continued", "T0002", "T0002"),
        ("continued", "T0003", "T0003"),
        ("merged", "T0003", "T0004"),
        ("died", "T0005", "T0005"),
        ("born", "T0007", ""),
    }
    row = found.lineage.set_index("event").loc["merged"]
    assert (row["shared"], row["size"], row["previous_size"], row["share_of_previous"]) == (20, 50, 20, 1)


def test_without_shared_documents_likeness_decides() -> None:
    labels = np.repeat([0, 1], 20)
    other = [f"e{row}" for row in range(40)]
    found = identify(side(labels), first_ids(2), 2, side(labels, ids=other, about=[1, 9]))
    assert list(found.ids) == ["T0002", "T0003"]
    assert found.lineage["shared"].max() == 0


def test_documents_with_new_ids_are_known_by_their_texts() -> None:
    labels = np.repeat([0, 1], 20)
    before = side(labels)
    after = Side([f"e{row}" for row in range(40)], before.keys[::-1], labels, before.centroids, before.terms)
    assert shared_rows(before, after).tolist() == list(range(40))[::-1]
    changed = Side(before.documents, before.keys[::-1], labels, before.centroids, before.terms)
    assert (shared_rows(before, changed) == -1).all()


def test_a_topic_that_says_something_else_has_drifted() -> None:
    labels = np.repeat([0, 1], 20)
    found = identify(side(labels), first_ids(2), 2, side(labels, about=[0, 70]))
    assert list(found.status) == ["continued", "drifted"]
    assert list(found.ids) == ["T0001", "T0002"]


def test_matching_is_optimal_within_the_threshold() -> None:
    """The same as an assignment over all pairs at once, by exhaustion."""
    from itertools import permutations

    draw = np.random.default_rng(5)
    for _ in range(20):
        before, after = (np.append(np.arange(4), draw.integers(0, 4, 40)) for _ in range(2))
        links = find_links(side(before), side(after))
        table = np.zeros((4, 4))
        table[links.topic, links.previous] = np.where(links.evidence >= MATCHED, links.evidence, 0)
        best = max(sum(table[topic, former] for topic, former in enumerate(order)) for order in permutations(range(4)))
        matched = match(links)
        chosen = [table[topic, former] for topic, former in enumerate(matched) if former >= 0]
        assert sum(chosen) == pytest.approx(best)
        assert all(value >= MATCHED for value in chosen)
        assert len(set(matched[matched >= 0])) == (matched >= 0).sum()


def test_no_topics_on_either_side() -> None:
    nothing, something = side(np.full(5, -1)), side(np.repeat([0], 5))
    assert list(identify(nothing, [], 0, something).ids) == ["T0001"]
    assert identify(something, ["T0001"], 1, nothing).lineage["event"].tolist() == ["died"]
    assert identify(nothing, [], 3, nothing).given == 3
    assert list(no_lineage().columns)[:3] == ["event", "topic_id", "previous_id"]


def test_planted_events_are_found() -> None:
    """Precision and recall of births, deaths, splits and merges, where one document in ten is somewhere by chance."""
    draw = np.random.default_rng(11)
    hits, told, planted = 0, 0, 0
    for _ in range(15):
        before, after, want = _planted(draw)
        found = identify(before, first_ids(len(before.terms)), len(before.terms), after)
        names = dict(enumerate(found.ids))
        expected = {(event, names[topic] if topic >= 0 else f"T{-topic:04d}", former) for event, topic, former in want}
        got = {row for row in events(found) if row[0] in {"born", "died", "split", "merged"}}
        hits, told, planted = hits + len(expected & got), told + len(got), planted + len(expected)
    assert hits / told >= 0.9
    assert hits / planted >= 0.9


def _planted(draw: np.random.Generator) -> tuple[Side, Side, set[tuple[str, int, str]]]:
    """Two sides, and the events between them: (event, topic or minus the number of an id, previous id)."""
    k = 12
    old, new = [], []
    want: set[tuple[str, int, str]] = set()
    about: list[int] = []
    for topic in range(k):
        size = int(draw.integers(30, 90))
        old += [topic] * size
        if topic % 6 == 1:  # splits
            about += [topic, 100 + topic]
            new += [len(about) - 2] * round(0.6 * size) + [len(about) - 1] * (size - round(0.6 * size))
            want.add(("split", len(about) - 1, f"T{topic + 1:04d}"))
        elif topic % 6 == 3:  # ends in the one before
            new += [len(about) - 1] * size
            smaller = topic if size < old.count(topic - 1) else topic - 1
            want.add(("merged", len(about) - 1, f"T{smaller + 1:04d}"))
        elif topic % 6 == 5:  # dies
            new += [-1] * size
            want.add(("died", -(topic + 1), f"T{topic + 1:04d}"))
        else:
            about += [topic]
            new += [len(about) - 1] * size
    before, after = np.array(old), np.array(new)
    astray = draw.random(len(after)) < 0.1
    after[astray] = draw.integers(-1, len(about), int(astray.sum()))
    for _ in range(2):  # and two are born
        about.append(200 + len(about))
        after = np.append(after, np.full(40, len(about) - 1))
        want.add(("born", len(about) - 1, ""))
    return side(before), side(after, about=about), want
