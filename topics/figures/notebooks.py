"""Figures in notebooks without a network."""

from __future__ import annotations

from typing import Any

_KIND = "application/vnd.vegalite.v5+json"  # what JupyterLab up to 4.6 and VS Code draw; of version 6 they only say so
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"  # a name: nobody fetches it


def offline() -> None:
    """Have JupyterLab and VS Code draw all Altair charts from here on with what they bring along.

    By default Altair's charts fetch the library that draws them from a server. Its renderer "mimetype" does not, but
    calls them Vega-Lite 6, which neither front end knows (JupyterLab 4.6.6); the charts of this library say nothing
    that version 5 does not understand. A chart without a ground gets a white one: JupyterLab's dark theme would put a
    dark one below letters that are dark as well. `run.map(dark=True)` and its like bring a dark one along.
    """
    import altair as alt

    alt.renderers.register("offline", bundle)
    alt.renderers.enable("offline")


def bundle(spec: dict[str, Any], **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a notebook is told of a chart, as Altair asks its renderers: contents by kind, and metadata."""
    from altair.vegalite.v6.display import DEFAULT_DISPLAY

    return {_KIND: {"background": "#ffffff", **spec, "$schema": _SCHEMA}, "text/plain": DEFAULT_DISPLAY}, {
        _KIND: options
    } if options else {}
