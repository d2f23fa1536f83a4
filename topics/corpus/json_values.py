"""The values in a JSON file, some thousand at a time: one per line, or the items of one array."""

from __future__ import annotations

import io
import json
import re
from typing import IO, TYPE_CHECKING, Any

from topics.errors import InvalidInput
from topics.strings import batches

if TYPE_CHECKING:
    from collections.abc import Iterator

_WINDOW = 1 << 22  # characters of an array that are looked at together
_UNSURE = 16  # characters: what goes wrong that near to the end of a window may be but cut
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


def lines(file: IO[bytes], name: str) -> Iterator[dict[int, Any]]:
    """The values of a file that has one per line, by the numbers of the lines; blank ones have none.

    Raises
    ------
    InvalidInput
        If a line is not JSON.
    """
    first = 1
    for part in batches(file):
        numbered = enumerate(part, first)
        yield {number: _value(line.removesuffix(b"\n"), name, number) for number, line in numbered if line.strip()}
        first += len(part)


def items(file: IO[bytes], name: str) -> Iterator[dict[int, Any]]:
    """The items of one array, by their numbers.

    Raises
    ------
    InvalidInput
        If the file is anything else, and as if it had been parsed at once.
    """
    window = _Window(file)
    given, again = 0, 0  # items; those of them that the window shows once more
    more = True
    while more:
        more = window.grow()
        values, last, cut = _complete(window.text)
        if not (more and cut):
            try:
                values = json.loads(window.text)
            except (ValueError, RecursionError) as error:
                raise _no_json(error, name, window.line, window.column) from None
            if more:  # only white space may follow
                continue
        yield dict(enumerate(values[again:], given + 1))
        if values:
            given, again = given + len(values) - again, 1
            window.begin(last)


class _Window:
    """A part of an array, which reads as the beginning of one, and where in the file it is."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = io.TextIOWrapper(file, "utf-8", newline="")
        self.text = ""
        self.line, self.column = 1, 0  # of the file; columns that come before the first of the window

    def grow(self) -> bool:
        """Read on; whether there is still more."""
        wanted = max(_WINDOW, len(self.text))
        more = self._file.read(wanted)
        self.text += more
        return len(more) == wanted

    def begin(self, at: int) -> None:
        """Leave out what is before an item."""
        before = self.text[:at]
        self.line += before.count("\n")
        self.column = (-before.rfind("\n") - 1 if "\n" in before else self.column) + at - 1
        self.text = "[" + self.text[at:]


def _complete(text: str) -> tuple[list[Any], int, bool]:
    """The items that another one follows, where the last of them begins, and whether the rest may only be cut."""
    values: list[Any] = []
    last, at, before = 0, _past_space(text, 0), "["
    try:
        while text[at : at + 1] == before:
            begin, before = _past_space(text, at + 1), ","
            value, end = _DECODER.raw_decode(text, begin)
            at = _past_space(text, end)
            if text[at : at + 1] == before:
                values.append(value)
                last = begin
    except json.JSONDecodeError as error:
        at = len(text) if error.msg.startswith("Unterminated") else error.pos
    except (ValueError, RecursionError):
        at = 0
    return values, last, at >= len(text) - _UNSURE


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _value(line: bytes, name: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _no_json(error, name, number) from None


def _no_json(error: Exception, name: str, line: int = 1, column: int = 0) -> InvalidInput:
    """What to say about an error in a text that begins in a given line of a file, after so many characters of it."""
    if isinstance(error, json.JSONDecodeError):
        before = column if error.lineno == 1 else 0
        told = f"line {line + error.lineno - 1}, column {before + error.colno}: {error.msg}"
    else:  # numbers too long, brackets too deep
        told = f"line {line}: {str(error).split(';')[0]}"
    return InvalidInput(f"{name} is not JSON; {told}. Expected one object per line, or one array.")
