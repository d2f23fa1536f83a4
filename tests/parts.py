"""Everything counts as large, and is read in small parts; what comes of it can be compared."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import strategies as st

from topics import strings
from topics.corpus import columns, distinct, formats, json_values, opening, spool
from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

sizes = st.sampled_from([1, 2, 3, 7, 50])


@contextmanager
def in_parts(size: int) -> Iterator[None]:
    """Everything is large, and read so few rows, bytes or characters at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strings, "_BATCH", size)
        patch.setattr(json_values, "_WINDOW", size)
        patch.setattr(columns, "ROWS", size)
        patch.setattr(formats, "ROWS", size)
        patch.setattr(spool, "BLOCK", size)
        patch.setattr(columns, "BYTES", 30)
        patch.setattr(distinct, "BYTES", 30)
        patch.setattr(distinct, "_ROWS", size)
        for module, name in ((distinct, "MANY"), (distinct, "LARGE"), (formats, "MANY"), (formats, "LARGE")):
            patch.setattr(module, name, 0)
        for module in (spool, opening):
            patch.setattr(module, "LARGE", 1)
        yield


def result(reader: Callable[..., Any], *given: Any) -> Any:
    """What comes of it, errors included; missing is missing, and half a surrogate pair is no text."""
    try:
        table, notes = reader(*given)
    except InvalidInput as error:
        return type(error), str(error)
    cells = {
        str(name).encode("utf-8", "replace"): [plain(value) for value in table.iloc[:, at].tolist()]
        for at, name in enumerate(table.columns)
    }
    return cells, len(table), notes


def plain(value: Any) -> str:
    if isinstance(value, str):
        return repr(value.encode("utf-8", "replace"))
    return "missing" if value is None or value is np.nan else repr(value)
