"""What an update leaves for the next one: in the run folder, so that it comes into force with the run.

And the documents themselves: a refit needs the texts of all, and a database or an inbox may not have them any more.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from topics.config import Config
from topics.corpus import Source
from topics.errors import VerificationFailed
from topics.folder import read_manifest
from topics.swapping import write_file

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from topics.data import Corpus
    from topics.registry import Registry
    from topics.run import Run

log = logging.getLogger("topics.flows")

_FILE = "intake.json"
_SHARED = ("date", "class")


@dataclass(frozen=True)
class Intake:
    """How far the source of a model was read when a run was made, and the files its documents are in."""

    seen: dict[str, Any] = field(default_factory=dict)  # of `flows.sources`
    documents: tuple[str, ...] = ()  # names in the folder `documents` of the registry, oldest first

    @classmethod
    def of(cls, run: Path | None) -> Intake:
        """That of a run folder; of none, and of a run that no flow made, an empty one.

        Raises
        ------
        VerificationFailed
        """
        try:
            told = json.loads((run / _FILE).read_text("utf-8")) if run else {}
            return cls(dict(told.get("seen", {})), tuple(told.get("documents", ())))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, AttributeError) as error:
            raise VerificationFailed(
                f"{run}/{_FILE} cannot be read ({error}); put an earlier run in force, or remove the file: everything "
                "is read again then, and what is known already is not taken twice."
            ) from None

    def write(self, run: Path) -> None:
        write_file(run / _FILE, (json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n").encode())


def base_of(registry: Registry) -> Path | None:
    """The run to go on from. To be called with the lock.

    Where there is no latest one, somebody deleted it, or a process was killed on the point of naming it: then it is
    the newest there is, which becomes the latest.
    """
    if registry.latest is None and registry.runs:
        newest = registry.runs[-1]
        log.warning("%s has no latest run any more; going on from %s.", registry.root, newest.name)
        registry.restore(newest.name)
    return registry.latest


def changed_settings(base: Path, config: Config) -> list[str]:
    """Names of the settings in which a configuration differs from that of a run."""
    were = Config.of(**read_manifest(base)["config"]).decisive()
    return [name for name, value in config.decisive().items() if were[name] != value]


def source_of(path: Path, columns: pd.Index[str] | None = None) -> Source:
    """Documents that `keep` wrote, as something to read."""
    import pyarrow.parquet as pq

    names = set(columns if columns is not None else pq.read_schema(path).names)
    date, class_ = (name if name in names else None for name in _SHARED)
    return Source(str(path), "text", "id", date, class_)


def keep(corpus: Corpus, base: Run | None, folder: Path) -> Path | None:
    """Write those documents that a run does not have, or has with another text; None if there is none."""
    import numpy as np
    import pandas as pd

    keys = np.append(corpus.texts.keys, b"").astype("S32")[corpus.rows]
    wanted = np.ones(len(corpus), dtype=bool)
    if base is not None:
        old = np.append(base.model.keys, b"").astype("S32")[base.text_rows()]
        known = dict(zip(base.documents["id"], old.tolist(), strict=True))
        wanted = np.array([known.get(name) != key for name, key in zip(corpus.ids, keys.tolist(), strict=True)])
    if not wanted.any():
        return None
    rows = np.flatnonzero(wanted).tolist()
    table = pd.DataFrame(
        {
            "id": [corpus.ids[row] for row in rows],
            "text": [corpus.texts.texts[corpus.rows[row]] if corpus.rows[row] >= 0 else "" for row in rows],
        }
    )
    for name in _SHARED:
        if name in corpus.meta:
            table[name] = corpus.meta[name].iloc[rows].array
    content = table.to_parquet(None, index=False, compression="zstd")
    path = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.parquet"
    write_file(path.with_suffix(".new"), content)
    path.with_suffix(".new").replace(path)
    return path


def sweep_out(registry: Registry, folder: Path) -> None:
    """Remove documents that no run is made of: those of attempts that failed, and of runs that were pruned."""
    needed = {name for run in registry.runs for name in Intake.of(run).documents}
    for path in folder.glob("*"):
        if path.name not in needed:
            path.unlink(missing_ok=True)
