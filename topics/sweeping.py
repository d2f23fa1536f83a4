"""Many fits of the same documents with different settings, and which of them are worth a look.

    [sweep]                # in a file for `topics sweep`; all of it may be left out
    draws = 20             # so many combinations at random; by default all there are
    seed = 0
    seeds = 2              # further fits of each with other seeds, for its stability

    [grid]
    min_cluster_size = [10, 20, 40]
    resolution = { from = 0.25, to = 4.0, log = true }   # a range, to draw from

Any other line is a setting all fits share. What two fits have in common, such as vectors and neighbours, is computed
once: it is in the store.
"""

from __future__ import annotations

import itertools
import logging
import math
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.config import EXECUTION, Config
from topics.errors import InvalidConfig, TopicsError
from topics.pipeline import fit_topics
from topics.updates.refits import Refits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from topics.corpus import Source
    from topics.data import Corpus
    from topics.run import Run
    from topics.workshop import RunStage, Workshop

log = logging.getLogger(__name__)

#: What a combination is judged by; more is better.
MEASURES = ("coverage", "coherence", "stability")

_MOST = 10_000  # combinations
_RANGE = {"from", "to", "log"}
_SHARED = {"intake", "corpus", "texts", "encoder", "lengths", "embeddings", "neighbors", "isotropy"}  # by many fits


@dataclass(frozen=True)
class Plan:
    """Which settings to try."""

    grid: Mapping[str, Any]  # setting -> values, or a range {"from", "to", "log"}
    shared: Mapping[str, Any] = field(default_factory=dict)  # settings of all fits
    draws: int | None = None
    seed: int = 0  # of the draws
    seeds: int = 0  # further fits of each combination, for its stability

    def __post_init__(self) -> None:
        if not self.grid:
            raise InvalidConfig("nothing to vary: name settings and their values under [grid].")
        unknown = sorted(set(self.grid) - set(Config.model_fields) | set(self.grid) & set(EXECUTION))
        if unknown:
            raise InvalidConfig(f"grid: {unknown[0]!r} is no setting that changes a result; see topics fit --help.")
        if twice := sorted(set(self.grid) & set(self.shared)):
            raise InvalidConfig(f"{twice[0]} stands under [grid] and among the shared settings; keep one of them.")
        for name, least, number in (("draws", 1, self.draws), ("seeds", 0, self.seeds), ("seed", 0, self.seed)):
            if number is not None and (type(number) is not int or number < least):
                raise InvalidConfig(f"sweep: {name}={number!r}; a whole number of at least {least}.")
        for name, values in self.grid.items():
            _check(name, values, self.draws)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Plan:
        """A plan from the tables of a TOML file.

        Examples
        --------
        >>> plan = Plan.of({"ngrams": 2, "grid": {"min_samples": [5, 15]}})
        >>> [config.min_samples for _, config in plan.points()], plan.shared
        ([5, 15], {'ngrams': 2})
        """
        shared = dict(told)
        grid, how = shared.pop("grid", {}), shared.pop("sweep", {})
        for name, table in (("grid", grid), ("sweep", how)):
            if not isinstance(table, dict):
                raise InvalidConfig(f"{name}={table!r}: [{name}] is a table.")
        if unknown := sorted(set(how) - {"draws", "seed", "seeds"}):
            raise InvalidConfig(f"sweep: no {unknown[0]!r}; there are: draws, seed, seeds.")
        return cls(grid, shared, **how)

    def points(self) -> list[tuple[dict[str, Any], Config]]:
        """The combinations: what varies, and the whole configuration; always the same ones in the same order.

        Raises
        ------
        InvalidConfig
            If a value is not allowed, or there are too many.
        """
        varied = list(self._drawn() if self.draws else self._all())
        return [(point, Config.of(**self.shared, **point)) for point in varied]

    def _all(self) -> Iterator[dict[str, Any]]:
        number = math.prod(len(values) for values in self.grid.values())
        if number > _MOST:
            raise InvalidConfig(f"{number:,} combinations; at most {_MOST:,}. Say how many to draw: draws = 50.")
        for values in itertools.product(*self.grid.values()):
            yield dict(zip(self.grid, values, strict=True))

    def _drawn(self) -> Iterator[dict[str, Any]]:
        random, seen = np.random.default_rng(self.seed), set()
        for _ in range(20 * min(self.draws or 0, _MOST)):  # a small grid has fewer than were asked for
            point = {name: _draw(values, random) for name, values in self.grid.items()}
            told = repr(point)
            if told not in seen:
                seen.add(told)
                yield point
            if len(seen) == self.draws:
                return


def sweep(documents: Source | Corpus, plan: Plan, workshop: Workshop) -> pd.DataFrame:
    """Fit with every combination of a plan.

    Parameters
    ----------
    documents : Source or Corpus
    plan : Plan
    workshop : Workshop
        Its store keeps what fits share, and all that is done when a sweep is stopped.

    Returns
    -------
    DataFrame
        As `table`.

    Raises
    ------
    TopicsError
        If not a single fit came to an end; the first one's.
    """
    from topics.progress import track

    rows = []
    points = plan.points()
    for point, config in track(points, len(points), "Fitting", "combinations"):
        rows.append(try_one(documents, point, config, workshop, plan.seeds))
    return table(rows)


def try_one(
    documents: Source | Corpus,
    point: Mapping[str, Any],
    config: Config,
    workshop: Workshop,
    seeds: int = 0,
    run_stage: RunStage | None = None,
) -> dict[str, Any]:
    """Fit with one combination, and measure; what the library refuses becomes a row with a problem."""
    began = time.perf_counter()
    try:
        run = fit_topics(documents, config, workshop, run_stage)
        numbers = measures_of(run, workshop, seeds)
        problem = ""
    except TopicsError as error:
        numbers, problem = dict.fromkeys(("topics", *MEASURES, "diversity")), str(error)
        log.warning("%s: %s", told(point), problem)
    for ref in list(workshop.at_hand):  # a copy: a step that was begun, and not asked for, may come in
        if ref.stage not in _SHARED:
            del workshop.at_hand[ref]  # the next fit will not want it; what it does is in the store
    # Two settings are called as what comes of them.
    settings = {f"set_{name}" if name in numbers else name: value for name, value in point.items()}
    return {**settings, **numbers, "seconds": round(time.perf_counter() - began, 2), "problem": problem}


def measures_of(run: Run, workshop: Workshop, seeds: int = 0) -> dict[str, Any]:
    """What a run is judged by.

    Coverage is the share of documents with a topic; coherence the mean NPMI of the topics' words; stability the mean
    agreement of the community detections on the edges within topics or, with `seeds`, the mean adjusted Rand index
    of so many further fits.
    """
    metrics = run.metrics
    stability = Refits(run, workshop).over_seeds(seeds)[0]["ari"] if seeds else metrics["stability"]
    return {
        "topics": metrics["topics"],
        "coverage": metrics["coverage"],
        "coherence": metrics["npmi"],
        "stability": stability,
        "diversity": metrics["diversity"],
    }


def table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows of `try_one` as a table: what varied, topics, coverage, coherence, stability, diversity, best, ....

    Settings have their own names, but set_coverage and set_topics. `best` marks the Pareto front of coverage,
    coherence and stability; those come first, most coherent first.

    Raises
    ------
    InvalidConfig
        If every row has a problem.
    """
    import pandas as pd

    found = pd.DataFrame(list(rows))
    if (found["problem"] != "").all():
        raise InvalidConfig(f"no combination can be fitted; the first says: {found['problem'].iloc[0]}")
    best = pareto_front(found[list(MEASURES)].to_numpy(dtype=np.float64))
    found.insert(found.columns.get_loc("seconds"), "best", best)  # type: ignore[arg-type]  # one column of that name
    return found.sort_values(["best", "coherence"], ascending=False, kind="stable", ignore_index=True)


def pareto_front(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Rows that no other row beats: is at least as good in all columns, and better in one.

    Parameters
    ----------
    values : ndarray of shape (p, m)
        More is better; a row with what is no number is beaten.

    Returns
    -------
    ndarray of shape (p,)

    Examples
    --------
    >>> pareto_front(np.array([[1, 0], [0, 1], [0, 0], [1, 0]])).tolist()
    [True, True, False, True]
    """
    known = np.asarray(np.isfinite(values).all(axis=1))
    front: NDArray[np.bool_] = known.copy()
    for row in np.flatnonzero(known):
        others = values[known]
        beaten = (others >= values[row]).all(axis=1) & (others > values[row]).any(axis=1)
        front[row] = not beaten.any()
    return front


def to_markdown(found: pd.DataFrame) -> str:
    """A sweep for people: the front, then the rest."""
    from topics.report.markdown import escape

    names = [name for name in found.columns if name not in ("best", "problem")]
    lines = [f"| {' | '.join(escape(name) for name in names)} |", f"|{'---|' * len(names)}"]
    for _, row in found.iterrows():
        cells = [_shown(row[name]) for name in names]
        lines.append("| " + " | ".join(f"**{cell}**" if row["best"] else cell for cell in map(escape, cells)) + " |")
    problems = [f"- {escape(row['problem'])}" for _, row in found[found["problem"] != ""].iterrows()]
    best = int(found["best"].sum())
    head = (
        f"# {len(found)} combinations\n\nIn bold the {best} that no other beats in coverage, coherence and stability "
        "at once.\n\n"
    )
    return head + "\n".join(lines) + "\n" + ("\nProblems:\n\n" + "\n".join(problems) + "\n" if problems else "")


def save(found: pd.DataFrame, folder: Path) -> list[Path]:
    """Write a sweep as sweep.csv, safe for spreadsheets, and sweep.md."""
    from topics.run_files import formula_safe
    from topics.swapping import write_file

    folder.mkdir(parents=True, exist_ok=True)
    csv = formula_safe(found).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    paths = []
    for name, content in (("sweep.csv", csv), ("sweep.md", to_markdown(found))):
        temporary = folder / f".{name}-{uuid.uuid4().hex[:8]}"
        write_file(temporary, content.encode("utf-8", "replace"))
        paths.append(temporary.replace(folder / name))
    return paths


def told(point: Mapping[str, Any]) -> str:
    """A combination in a line.

    Examples
    --------
    >>> told({"min_samples": 5, "coverage": "auto"})
    'min_samples 5, coverage auto'
    """
    return ", ".join(f"{name} {_shown(value)}" for name, value in point.items())


def _shown(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else f"{value:.4g}"
    return "" if value is None else str(value)


def _check(name: str, values: Any, draws: int | None) -> None:
    if isinstance(values, dict):
        low, high = values.get("from"), values.get("to")
        if not (isinstance(low, int | float) and isinstance(high, int | float) and set(values) <= _RANGE):
            raise InvalidConfig(f"grid: {name}={values!r}; a range is {{ from = 1, to = 10 }}, also with log = true.")
        if not low < high or (values.get("log") and low <= 0):
            raise InvalidConfig(f"grid: {name}={values!r}; from has to be less than to, and above 0 with log = true.")
        if not draws:
            raise InvalidConfig(
                f"grid: {name} is a range; say under [sweep] how many combinations to draw: draws = 20."
            )
    elif not isinstance(values, list | tuple) or not values:
        raise InvalidConfig(f"grid: {name}={values!r}; a list of values, or a range {{ from = 1, to = 10 }}.")


def _draw(values: Any, random: np.random.Generator) -> Any:
    if not isinstance(values, dict):
        return values[int(random.integers(len(values)))]
    low, high = values["from"], values["to"]
    if values.get("log"):
        drawn = math.exp(random.uniform(math.log(low), math.log(high)))
    else:
        drawn = random.uniform(low, high)
    return round(drawn) if isinstance(low, int) and isinstance(high, int) else float(f"{drawn:.4g}")
