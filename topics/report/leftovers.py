"""Documents that stand apart: those without a topic, and those that repeat another."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE
from topics.report.plain import ID, plain
from topics.report.values import Example, Reason, Repeated

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

EXAMPLES = 6  #: documents shown for each reason
REPEATED = 20  #: texts shown that occur more than once
_IDS, _VALUE, _TEXT = 5, 200, 160

_REASONS = {
    "empty": "There is no text.",
    "no topics": "There are none.",
    "coverage reached": "It is clear enough, but the share of documents asked for has a topic.",
    "far from all": "The documents nearest to it are farther than those of 95% of all are from them.",
    "between topics": "The documents around it speak for two topics; were these one, it would be clear enough.",
    "unclear": "The documents around it speak for no topic clearly enough.",
}


def reasons(documents: pd.DataFrame, labels: NDArray[np.int64]) -> tuple[Reason, ...]:
    """Why documents have no topic, the most frequent reason first."""
    named = _named(documents.loc[labels == NOISE])
    return tuple(
        Reason(reason, _REASONS.get(reason, ""), number, number / len(documents))
        for reason, number in sorted(Counter(named).items(), key=lambda item: (-item[1], item[0]))
    )


def _named(left: pd.DataFrame) -> list[str]:
    given = left["reason"] if "reason" in left else left["topic"].map(lambda _: "")
    return [plain(reason, _VALUE) if isinstance(reason, str) and reason else "not said" for reason in given]


def examples(documents: pd.DataFrame, labels: NDArray[np.int64], words: Mapping[str, str]) -> tuple[Example, ...]:
    """A few documents for each reason; which, their ids decide, so that it is no choice."""
    left = documents.loc[labels == NOISE]
    named = _named(left)
    table = left.assign(reason=named, _digest=[digest(str(name)) for name in left["id"]])
    frequent = Counter(named)
    shown = table.sort_values("_digest", kind="stable").groupby("reason", sort=False).head(EXAMPLES)
    found = [
        Example(
            plain(row["id"], ID),
            plain(words.get(str(row["id"]), ""), _TEXT),
            row["reason"],
            int(row.get("nearest", NOISE)),
            None if row.get("confidence") is None or row["reason"] == "empty" else round(float(row["confidence"]), 4),
        )
        for row in shown.to_dict("records")
    ]
    return tuple(sorted(found, key=lambda example: (-frequent[example.reason], example.reason)))


def repeated(documents: pd.DataFrame, rows: NDArray[np.int32] | None, words: Mapping[str, str]) -> tuple[Repeated, ...]:
    """The texts that most documents carry; `rows` says which text each document has."""
    if rows is None or len(rows) != len(documents):
        return ()
    ids, topics = documents["id"].astype(str).to_numpy(dtype=object), documents["topic"].to_numpy(dtype=np.int64)
    copies = np.bincount(rows[rows >= 0], minlength=int(rows.max(initial=-1)) + 1)
    several = np.flatnonzero((rows >= 0) & (np.append(copies, 0)[rows] > 1))
    order = several[np.argsort(rows[several], kind="stable")]
    groups = np.split(order, np.flatnonzero(np.diff(rows[order])) + 1) if len(order) else []
    found = [
        Repeated(
            len(group),
            int(topics[group[0]]),
            tuple(plain(name, ID) for name in sorted(ids[group])[:_IDS]),
            plain(words.get(min(ids[group]), ""), _TEXT),
        )
        for group in groups
    ]
    return tuple(sorted(found, key=lambda text: (-text.documents, text.ids))[:REPEATED])


def digest(name: str) -> bytes:
    """What stands in for a random number: a document keeps it when others come or go."""
    return hashlib.sha256(name.encode("utf-8", "replace")).digest()
