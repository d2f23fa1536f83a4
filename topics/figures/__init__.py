"""Figures of a run that people can restyle, and the card a notebook shows of it.

Every figure is an Altair chart; the table it is drawn from is its `data`. `run.map()` and its like are the doors.
"""

from topics.figures.bars import barchart
from topics.figures.cards import card
from topics.figures.heat import heatmap
from topics.figures.notebooks import offline
from topics.figures.scatter import document_map
from topics.figures.time import timeline
from topics.figures.tree import hierarchy

__all__ = ["barchart", "card", "document_map", "heatmap", "hierarchy", "offline", "timeline"]
