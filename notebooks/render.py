"""Execute the notebooks and write them as .ipynb and .html: `python -m notebooks.render [NAME ...]`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "outputs" / "notebooks"

# Interactive where a front end can draw it, and a picture where none can: pages, code hosts, print.
_BOTH = """
import base64, json, struct
import vl_convert
from topics.figures import notebooks

_interactive = notebooks.bundle


def _both(spec, **options):
    picture = vl_convert.vegalite_to_png(json.dumps(spec), scale=2)
    wide, high = struct.unpack(">II", picture[16:24])
    bundle, told = _interactive(spec, **options)
    return {**bundle, "image/png": base64.b64encode(picture).decode()}, {
        **told,
        "image/png": {"width": wide // 2, "height": high // 2},
    }


notebooks.bundle = _both
"""


def sources() -> list[Path]:
    """The notebooks, in the order in which they are read."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def execute(source: Path, folder: Path, timeout: float = 600) -> NotebookNode:
    """Run a notebook from top to bottom, with `folder` as the place where it writes.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    import jupytext
    import nbformat
    from nbclient import NotebookClient

    notebook = jupytext.read(source)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_BOTH))
    found = [str(HERE.parent), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(found)}
    client = NotebookClient(
        notebook, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=environment)
    del notebook.cells[0]
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
    return notebook


def main(names: list[str]) -> None:
    """Execute and write all, or those whose names begin so."""
    import nbformat
    from nbconvert import HTMLExporter

    TARGET.mkdir(parents=True, exist_ok=True)
    for source in sources():
        if names and not any(source.name.startswith(name) for name in names):
            continue
        began = time.monotonic()
        notebook = execute(source, HERE.parent)
        nbformat.write(notebook, TARGET / f"{source.stem}.ipynb")
        page, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook)
        (TARGET / f"{source.stem}.html").write_text(page, "utf-8")
        print(f"{TARGET / source.stem}.html  {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
