"""Draw the pictures of docs/gallery.md: `make docs`, or `python -m notebooks.gallery docs/images`."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import topics
from notebooks.letters import letters

if TYPE_CHECKING:
    from topics.run import Run

_WIDTH = 1400  # pixels at most
_COLOURS = 128  # of a picture: figures have few


def main(folder: Path) -> None:
    """Write one picture for each figure, light, and the map once more, dark."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"text": "text", "id": "id", "date": "date", "class_": "class"}
    docs = letters()
    run = topics.fit(docs, resolution=0.3, title="Letters to the city", **columns)
    fine = topics.fit(docs, **columns)
    figures = {
        "map": run.map(),
        "map-dark": run.map(dark=True),
        "map-date": run.map("date"),
        "barchart": run.barchart(most=8),
        "hierarchy": fine.hierarchy(),
        "timeline": run.timeline(period="month"),
        "heatmap": run.heatmap(),
        "similarity": run.heatmap("similarity"),
    }
    for name, figure in figures.items():
        drawn = io.BytesIO()
        figure.save(drawn, format="png", scale_factor=1.5)
        _write(drawn.getvalue(), folder / f"{name}.png")
    for scheme in ("light", "dark"):
        _write(_card(run, scheme), folder / f"card-{scheme}.png")


def _write(picture: bytes, path: Path) -> None:
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    if image.width > _WIDTH:
        image = image.resize((_WIDTH, round(image.height * _WIDTH / image.width)), Image.Resampling.LANCZOS)
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def _card(run: Run, scheme: str) -> bytes:
    """The card as a browser shows it."""
    from playwright.sync_api import sync_playwright

    ground = {"light": "#fff", "dark": "#161719"}[scheme]
    page_of = f"<!doctype html><meta charset=utf-8><body style='margin:8px;background:{ground}'>{run._repr_html_()}"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            viewport={"width": 920, "height": 600},
            color_scheme=scheme,  # type: ignore[arg-type]
            device_scale_factor=1.5,
        )
        page.set_content(page_of)
        picture = page.screenshot(full_page=True)
        browser.close()
    return picture


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
