"""What a run found, for people: a summary of plain numbers, and ways to set it in type.

Everything a report shows is in the `Summary`; the templates only arrange it. Nothing in it depends
on when, where or how fast the run was made, or on the order of the documents.
"""

from topics.report.html import to_html
from topics.report.markdown import to_markdown
from topics.report.summary import summarize
from topics.report.tables import frame, tables_of
from topics.report.values import Summary

__all__ = ["Summary", "frame", "summarize", "tables_of", "to_html", "to_markdown"]
