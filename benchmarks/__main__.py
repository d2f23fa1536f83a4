"""`python -m benchmarks DATA [NAME ...]`: run the benchmarks on the corpora in a folder.

DATA holds gzipped CSV files with the columns id, text and label. Each benchmark prints a table and writes it, with what
it ran on and how to repeat it, to `benchmarks/results/NAME.md`; that of speed, where all begin to read, to
`benchmarks/results.md`.
"""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks import confidence, embedding, isotropy, life, long, quality, speed, static, workers

if TYPE_CHECKING:
    from collections.abc import Callable

BENCHMARKS: dict[str, Callable[..., tuple[str, list[str]]]] = {
    "confidence": confidence.run,
    "embedding": embedding.run,
    "isotropy": isotropy.run,
    "life": life.run,
    "long": long.run,
    "quality": quality.run,
    "speed": speed.run,
    "static": static.run,
    "workers": workers.run,
}


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("names", nargs=-1, type=click.Choice(sorted(BENCHMARKS)))
@click.option("--full", is_flag=True, help="quality: whole corpora, not 8,000 documents of each.")
@click.option("--corpus", "corpora", multiple=True, help="quality: this corpus only; may come several times.")
@click.option("--tables", is_flag=True, help="quality: measure nothing, write what there is.")
@click.option("--rounds", type=int, default=3, show_default=True, help="speed, workers: runs of each.")
def main(data: Path, names: tuple[str, ...], full: bool, corpora: tuple[str, ...], tables: bool, rounds: int) -> None:
    """Run the benchmarks NAMES, or all of them, on the corpora in DATA."""
    for name in names or BENCHMARKS:
        more: dict[str, Any] = {}
        if name == "quality":
            more = {"full": full, "corpora": corpora, "tables": tables}
        elif name in {"speed", "workers"}:
            more = {"rounds": rounds}
        text, libraries = BENCHMARKS[name](data, **more)
        releases = ", ".join(f"{library} {metadata.version(library)}" for library in libraries)
        told = (
            f"{text}\nRepeat with `make bench DATA=folder ARGS={name}`. "
            f"Python {platform.python_version()}, {releases}; {processor()}.\n"
        )
        target = Path(__file__).parent / ("results.md" if name == "speed" else f"results/{name}.md")
        target.parent.mkdir(exist_ok=True)
        target.write_text(told, "utf-8")
        click.echo(told)


def processor() -> str:
    """What this machine computes with."""
    import os

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or "processor unknown"
    return f"{model}, {os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
