"""The summary as Markdown: for a terminal, a pull request, a Prefect artifact."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from topics.report.course import course
from topics.report.plain import count, figure, percent, short
from topics.templating import environment

if TYPE_CHECKING:
    from jinja2 import Template

    from topics.report.values import Summary

MOST_TOPICS = 50  #: rows in the table; the rest is counted

# What Markdown, GitHub's tables, links, mathematics and entities react to, in the middle of a line.
_SPECIAL = re.compile(r"[\\`*\[\]<>|~$]|(?<!\w)_|_(?!\w)|&(?=[#\w])|(?<=\w):(?=//)|(?<=www)\.|(?<!\w)#", re.IGNORECASE)
_MENTION = re.compile(r"@(?=\w)")  # notifies people, whatever is put before it


def to_markdown(summary: Summary) -> str:
    """Set a summary in Markdown with GitHub's tables, under 60 KB whatever was in the texts."""
    return _template().render(summary=summary, most=MOST_TOPICS)


def escape(value: object) -> str:
    """Keep plain text plain in Markdown.

    Examples
    --------
    >>> print(escape("a|b *c* [d](e) min_size"))
    a\\|b \\*c\\* \\[d\\](e) min_size
    """
    return _MENTION.sub("@\u200b", _SPECIAL.sub(r"\\\g<0>", " ".join(str(value).split())))


@cache
def _template() -> Template:
    # Not HTML, so no autoescape: `finalize` takes every value through `escape` instead.
    templates = environment("topics.report", autoescape=False, finalize=escape, keep_trailing_newline=True)
    templates.filters |= {"count": count, "percent": percent, "figure": figure, "short": short, "course": course}
    return templates.get_template("report.md.j2")
