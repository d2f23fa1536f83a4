"""Which entries of a model's vocabulary are whole words."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

_INSIDE = "##"  # WordPiece marks what goes on with a word
_STARTS = ("Ġ", "▁")  # byte-level BPE and SentencePiece mark what begins one
_WORD = re.compile(r"[^\W\d_](?:[\w'’+#-]*[\w+#])?")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")  # one of them can be a word


def whole_words(
    tokens: Sequence[str | None], special: Collection[str] = (), decoded: Callable[[str], str] = str
) -> tuple[str, ...]:
    """The word every token of a vocabulary is, in small letters; empty where it is none.

    Special tokens are none, nor are numbers, punctuation and single letters, nor pieces of words: what
    they are part of cannot be told from a vocabulary.

    Parameters
    ----------
    tokens : sequence of str or None
        As the tokenizer writes them, by their numbers; None where a number has no token.
    special : collection of str
        Tokens that stand for no text.
    decoded : callable
        From a token that begins a word to its text.

    Returns
    -------
    tuple of str
        As many as there are tokens.

    Examples
    --------
    >>> whole_words(["[CLS]", "Bank", "##ing", "42", "a", "[unused1]", "猫"], special={"[CLS]"})
    ('', 'bank', '', '', '', '', '猫')
    >>> whole_words(["▁rate", "ing", "▁", "<s>"])
    ('rate', '', '', '')
    """
    # By number: GPT-2's vocabulary has a "##" of its own, and Ġ is a letter of Maltese.
    marks = Counter(mark for token in tokens for mark in (_INSIDE, *_STARTS) if token and token.startswith(mark))
    mark = next((mark for mark, _ in marks.most_common(1) if mark in _STARTS), "")
    words = []
    for token in tokens:
        whole = token and token not in special and token.startswith(mark) and not token.startswith(_INSIDE)
        word = decoded(token).removeprefix(mark).strip().lower() if token and whole else ""
        words.append(word if _WORD.fullmatch(word) and (len(word) > 1 or _HAN.match(word)) else "")
    return tuple(words)
