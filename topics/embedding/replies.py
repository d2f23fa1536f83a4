"""What a service answered: its vectors, its wish to be left alone for a while, its message - nothing of it trusted."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx
    from numpy.typing import NDArray

_SHOWN = 300  # characters of a service's message


class WrongReply(Exception):
    """Not what was asked for."""


def read_vectors(response: httpx.Response, many: int, dimensions: int | None) -> NDArray[np.float32]:
    """The vectors of a reply in the order of what was asked, or what is wrong with it; shape (many, d)."""
    try:
        items = response.json()["data"]
        by_index = {item["index"]: item["embedding"] for item in items}
        if len(items) != many or by_index.keys() != set(range(many)):
            raise WrongReply(f"{len(items)} vectors of {len(by_index)} different indices for {many} texts")
        wide = np.asarray([by_index[index] for index in range(many)])
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise WrongReply(
            f"not JSON with data, index and embedding, all equally long ({type(error).__name__})"
        ) from None
    if wide.ndim != 2 or wide.dtype.kind not in "iuf" or not wide.shape[1]:
        raise WrongReply("its embeddings are not lists of numbers")
    if wide.shape[1] != (dimensions or wide.shape[1]):
        raise WrongReply(f"vectors of {wide.shape[1]} numbers where dimensions={dimensions} was asked for")
    with np.errstate(over="ignore"):
        vectors = wide.astype(np.float32)
    if not np.isfinite(vectors).all():
        raise WrongReply("its numbers are not all finite")
    return vectors


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that a busy service asks to wait; None if it does not, or to wait until what is past."""
    told = response.headers.get("Retry-After", "").strip()
    if response.status_code not in (429, 503):
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", told):
        return float(told) or None
    try:
        until = parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return None
    seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return seconds if seconds > 0 else None


def message_of(response: httpx.Response) -> str:
    """What a service says of an error, fit to be shown."""
    try:
        told = response.json()
        for name in ("error", "message", "detail"):
            told = told.get(name, told) if isinstance(told, dict) else told
    except (ValueError, RecursionError):
        told = response.text
    return clean(str(told), response.request.headers)


def clean(text: str, sent: Mapping[str, str]) -> str:
    """One line of at most 300 printable characters, without the key that was sent."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    key = sent.get("api-key") or sent.get("Authorization", "").removeprefix("Bearer ")
    return (line.replace(key, "[key]") if key else line)[:_SHOWN].rstrip(" .")
