"""A run told over time and class by class, from its tables and the counts in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from topics.assembly import grouped
from topics.data import TermCounts, Timeline, Topics
from topics.errors import InvalidInput, StoreDamaged
from topics.steps import COUNT
from topics.store import Ref, Store
from topics.timeline import in_groups, into_periods, over_time

if TYPE_CHECKING:
    import pandas as pd

    from topics.run import Run


def periods_of(run: Run, periods: str | None = None, store: Store | None = None) -> pd.DataFrame:
    """Tell how many documents each topic has in every period, and the words it uses there.

    Parameters
    ----------
    run : Run
        Fitted on documents with dates.
    periods : {"day", "week", "month", "quarter", "year"}, optional
        By default those of the fit, which cost nothing. Others are told by the counts of the terms, which the store
        of the fit has.
    store : Store, optional

    Returns
    -------
    DataFrame
        topic, topic_id, start (first day of the period), documents, share (of the documents of the period that have
        a date), terms; a row for each topic and period that has documents of it. Terms are ordered as
        `timeline.in_groups` says.

    Raises
    ------
    InvalidInput
        If there are no dates, or the store does not have the counts.
    InvalidConfig
        If there are no such periods.
    """
    if "date" not in run.documents:
        raise InvalidInput("the documents have no dates; fit with date=COLUMN to see topics over time.")
    if run.periods is not None and periods in (None, run.config.periods):
        return run.periods
    counts, described = _words(run, store)
    documents = run.documents
    found = over_time(run.text_rows(), _labels(run), documents["date"], counts, described, periods, run.config.n_terms)
    return grouped(found, run.topics["topic_id"], "start")


def classes_of(run: Run, store: Store | None = None) -> pd.DataFrame:
    """Tell how many documents each topic has in every class, and the words it uses there.

    Parameters
    ----------
    run : Run
        Fitted on documents with classes.
    store : Store, optional
        That of the fit, which has the counts of the terms.

    Returns
    -------
    DataFrame
        topic, topic_id, class, documents, share (of the documents of the class), terms.

    Raises
    ------
    InvalidInput
        If there are no classes, or the store does not have the counts.
    """
    import pandas as pd

    if "class" not in run.documents:
        raise InvalidInput("the documents have no classes; fit with class_=COLUMN to see topics class by class.")
    classes = run.documents["class"]
    classes = classes.where(classes.astype(str) != "")
    codes, names = pd.factorize(classes, sort=True)
    counts, described = _words(run, store)
    named = [str(name) for name in names]
    rows, labels, groups = run.text_rows(), _labels(run), codes.astype(np.int64)
    found = in_groups(rows, labels, groups, named, counts, described, run.config.n_terms, "class")
    return grouped(found, run.topics["topic_id"], "class")


def with_documents(periods: pd.DataFrame, run: Run, documents: pd.DataFrame, topics: pd.DataFrame) -> pd.DataFrame:
    """The periods of a run after documents came or went, told without their words: those of a topic stay.

    Parameters
    ----------
    periods : DataFrame
        Those of `run`.
    documents, topics : DataFrame
        What its tables are now.
    """
    import pandas as pd

    length, groups, names = into_periods(documents["date"], run.config.periods)
    labels = documents["topic"].to_numpy()
    kept = (labels >= 0) & (groups >= 0)
    cells, many = np.unique(np.column_stack([labels, groups])[kept], axis=0, return_counts=True)
    totals = np.bincount(groups[groups >= 0], minlength=len(names))
    found = Timeline(length, names, totals, cells[:, 0], cells[:, 1], many, [()] * len(cells))
    table = grouped(found, topics["topic_id"], "start")
    said = dict(zip(zip(periods["topic_id"], periods["start"], strict=True), periods["terms"], strict=True))
    whole = dict(zip(topics["topic_id"], topics["terms"], strict=True))
    places = zip(table["topic_id"], table["start"], strict=True)
    terms: list[Any] = [said.get(place, whole[place[0]]) for place in places]
    return table.assign(terms=pd.Series(terms, dtype=object))


def _labels(run: Run) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return run.documents["topic"].to_numpy().astype(np.int32)


def _words(run: Run, store: Store | None) -> tuple[TermCounts, Topics]:
    """The terms of each text, and what they weigh in each topic."""
    model = run.model
    key = next((stage.key for stage in run.stages if stage.name == COUNT.name), "")
    try:
        counts: TermCounts = (store or Store()).load(Ref(COUNT.name, key))
    except (KeyError, StoreDamaged):
        counts = TermCounts(model.weights, (), ())
    if counts.counts.shape != (len(model.keys), model.weights.shape[1]):
        raise InvalidInput(
            "words in other periods than those of the fit, or in classes, are told by the counts of the terms, and the "
            "store has none of this run. Name the store of the fit, or fit again with periods=month, or whichever."
        )
    described = Topics(
        names=tuple(run.topics["name"]),
        sizes=run.topics["size"].to_numpy(),
        terms=tuple(map(tuple, run.topics["terms"])),
        term_weights=(),
        representatives=(),
        weights=model.weights,
        vocabulary=model.vocabulary,
    )
    return counts, described
