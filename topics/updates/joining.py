"""Old documents and new ones: which are new, which go, and where the texts of the old ones are."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.corpus import MEMORY, STDIN, Source, read
from topics.data import Corpus, Texts
from topics.errors import InvalidConfig, InvalidInput, NoDocuments, StoreDamaged, TopicsError
from topics.store import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from topics.run import Run
    from topics.store import Store

log = logging.getLogger(__name__)

_UNITS = {"d": 1, "w": 7, "m": 30, "y": 365}  # days
_META = ("date", "class")


@dataclass(frozen=True, eq=False)
class Joined:
    """The documents of a run and those that came, n in all: first the old ones that stay, then the new ones."""

    kept: NDArray[np.int64]  # rows of the run's documents
    came: NDArray[np.int64]  # rows of `new`
    new: Corpus  # all that was given
    ids: Sequence[str]  # (n,)
    keys: NDArray[np.bytes_]  # (n,) S32 of the texts, empty where there is none
    meta: pd.DataFrame  # n rows
    dropped: int  # documents of the run that fell out of the window
    replaced: int  # ... or came again with another text

    @property
    def changed(self) -> bool:
        """Whether anything came or went."""
        return bool(len(self.came) or self.dropped or self.replaced)

    def corpus(self, texts: Mapping[bytes, str]) -> Corpus:
        """All documents; `texts` has those it knows by their keys, the others stay empty."""
        ordered = sorted({key for key in self.keys.tolist() if key})
        place = {key: row for row, key in enumerate(ordered)}
        rows = np.array([place.get(key, -1) for key in self.keys.tolist()], dtype=np.int32)
        distinct = Texts(tuple(texts.get(key, "") for key in ordered), np.array(ordered, dtype="S32"))
        return Corpus(tuple(self.ids), rows, distinct, self.meta)


def days_of(window: str | None) -> int | None:
    """The days of a window.

    Raises
    ------
    InvalidConfig

    Examples
    --------
    >>> days_of("90d"), days_of("12w"), days_of("1y"), days_of(None)
    (90, 84, 365, None)
    """
    if window is None:
        return None
    found = re.fullmatch(r"\s*(\d+)\s*([dwmy])\s*", window.lower())
    if not found or int(found[1]) == 0:
        raise InvalidConfig(f"window={window!r}: a number with d, w, m (30 days) or y (365 days), such as 90d.")
    return int(found[1]) * _UNITS[found[2]]


def take_in(run: Run, documents: Any, columns: Mapping[str, str]) -> Corpus:
    """Read new documents with the columns the run was read with, unless others are named.

    Raises
    ------
    InvalidInput
        If they have not the dates or classes that the run has.
    """
    told = run.provenance["input"]
    named = {name: columns.get(name) or told.get(name) for name in ("text", "id", "date", "class")}
    tabular = isinstance(documents, Source) or _is_table(documents)
    wanted: dict[str, Any] = named if tabular else dict(columns)
    wanted["class_"] = wanted.pop("class", None)
    try:
        new = read(documents, **wanted).corpus
    except NoDocuments as error:
        log.info("%s", error)
        return Corpus.from_texts([])
    for name in _META:
        if name in run.documents and name not in new.meta and len(new):
            raise InvalidInput(
                f"the documents of run {run.provenance['run']} have a {name} each, the new ones have none: "
                f"name their column of it (--{name} COLUMN), or fit all of them again without."
            )
        if name in new.meta and name not in run.documents:
            raise InvalidInput(
                f"the new documents have a {name} each, those of run {run.provenance['run']} have none: leave the "
                f"column out, or fit all of them again with --{name}."
            )
    return new


def join(run: Run, new: Corpus, window: int | None, replace: bool) -> Joined:
    """Tell what is new from what is there already, and drop what is older than the window.

    The window ends with the newest date of all documents, so it never goes back; undated documents stay.

    Raises
    ------
    InvalidInput
        If an id is there with another text and that is not to be replaced, or there is a window and no dates.
    """
    import pandas as pd

    old, old_keys = run.documents, run.text_keys()
    new_keys = new.text_keys
    place = {name: row for row, name in enumerate(old["id"])}
    there = np.array([place.get(name, -1) for name in new.ids], dtype=np.int64)
    other = (there >= 0) & (old_keys[there] != new_keys) if len(old) else np.zeros(len(new), dtype=bool)
    if other.any() and not replace:
        first = new.ids[int(np.flatnonzero(other)[0])]
        raise InvalidInput(
            f"{int(other.sum())} ids of the new documents are there already with another text, {first!r} among them. "
            "Give new documents new ids, or take replace=True (--replace) where texts were corrected."
        )
    stays = np.ones(len(old), dtype=bool)
    stays[there[other]] = False
    came = (there < 0) | other
    dropped = 0
    if window is not None:
        if "date" not in old:
            raise InvalidInput(
                f"window: the documents of run {run.provenance['run']} have no dates to go by; fit with --date COLUMN."
            )
        dates = pd.concat([old["date"][stays], new.meta["date"][came]]) if len(new) else old["date"][stays]
        least = dates.max() - pd.Timedelta(days=window)
        fallen = (old["date"] < least).to_numpy() & stays
        dropped, stays = int(fallen.sum()), stays & ~fallen
        if len(new):
            came = came & ~(new.meta["date"] < least).to_numpy()
    kept, fresh = np.flatnonzero(stays), np.flatnonzero(came)
    columns = [name for name in _META if name in old]
    parts = [old[columns].iloc[kept]] + ([new.meta[columns].iloc[fresh]] if len(fresh) else [])
    meta = pd.concat(parts, ignore_index=True)
    if not columns:
        meta = pd.DataFrame(index=range(len(kept) + len(fresh)))
    ids = [*old["id"].iloc[kept], *(new.ids[row] for row in fresh.tolist())]
    keys = np.concatenate([old_keys[kept], new_keys[fresh]])
    return Joined(kept, fresh, new, ids, keys, meta, dropped, int(other.sum()))


def texts_of(run: Run, new: Corpus, wanted: Iterable[bytes], store: Store) -> dict[bytes, str]:
    """Texts by their keys: from the new documents, the run, the store, or where the run read them.

    Raises
    ------
    InvalidInput
        If some are nowhere to be found.
    """
    found = _known(new)
    missing = {key for key in wanted if key} - found.keys()
    for source in _sources(run, store):
        if not missing:
            break
        found |= {key: text for key, text in source() if key in missing}
        missing -= found.keys()
    if missing:
        where = run.provenance["input"]["location"]
        raise InvalidInput(
            f"a refit needs the texts of all documents, and {len(missing):,} of them are neither in the store "
            f"({store!r}) nor in {where}. Give all documents, old and new, as the new ones: what is known already is "
            "not taken twice. Or fit with keep_text (--keep-text), or keep to refit=never."
        )
    return found


def _known(corpus: Corpus) -> dict[bytes, str]:
    return dict(zip(corpus.texts.keys.tolist(), corpus.texts.texts, strict=True))


def _sources(run: Run, store: Store) -> Iterable[Any]:
    """Functions that give pairs of key and text, cheapest first."""

    def in_the_run() -> Iterable[tuple[bytes, str]]:
        return zip(run.text_keys().tolist(), run.documents["text"], strict=True)

    def in_the_store(key: str) -> Any:
        def give() -> Iterable[tuple[bytes, str]]:
            try:
                return _known(store.load(Ref("corpus", key))).items()
            except (KeyError, StoreDamaged) as error:
                log.debug("%s", error)
                return ()

        return give

    def where_it_was(source: Source) -> Any:
        def give() -> Iterable[tuple[bytes, str]]:
            try:
                return _known(read(source).corpus).items()
            except (TopicsError, OSError) as error:
                log.debug("%s", error)
                return ()

        return give

    if "text" in run.documents:
        yield in_the_run
    for told in run.provenance.get("texts", ()):
        yield in_the_store(told["corpus"])
    for told in [*run.provenance.get("texts", ()), run.provenance["input"]]:
        if told["location"] not in (MEMORY, STDIN):
            yield where_it_was(
                Source(told["location"], told.get("text"), told.get("id"), told.get("date"), told.get("class"))
            )


def _is_table(documents: Any) -> bool:
    import os

    import pandas as pd

    return isinstance(documents, str | os.PathLike | pd.DataFrame)
