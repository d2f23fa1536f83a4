"""Run a flow as a process that dies, again and again, each time at a point where it has not died yet.

    python lives.py FLOW CONFIG LOG [POINTS]

FLOW is fit or update, CONFIG its parameter in JSON, POINTS a pattern of where to die, everywhere without. Every life is
a fork that begins with nothing but the modules; the one that meets no new point comes to the end. LOG gets a line in
JSON for each life: where it died, what it computed, and how it left the model or the run folder. No engine of Prefect
runs, so that nothing but the flow is killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hdbscan  # noqa: F401 - loaded once, and not in every life
import icu4py.breakers  # noqa: F401
import sklearn.cluster  # noqa: F401
import stopwordsiso  # noqa: F401
from prefect.states import Completed

import flows.fit
import flows.update
import topics.graph.leiden
import topics.layout.descent
import topics.layout.umap
import topics.report.html  # noqa: F401
from topics import registry, store
from topics.folder import changed_files, read_manifest
from topics.pipeline import told_name
from topics.registry import Registry
from topics.steps import STAGES
from topics.store import Store
from topics.swapping import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST = 300  # lives


class Life:
    """What one process knows of those before it."""

    def __init__(self, died: list[str], pipe: int, points: str = "") -> None:
        self.died, self.pipe, self.points = died, pipe, points
        self.computed: list[str] = []

    def point(self, name: str) -> None:
        """Die here, unless another life did."""
        if name not in self.died and re.search(self.points, name):
            self.tell(name)
            os.kill(os.getpid(), signal.SIGKILL)

    def tell(self, died: str, problem: str = "") -> None:
        os.write(self.pipe, json.dumps({"died": died, "computed": self.computed, "problem": problem}).encode())

    def around(
        self, owner: Any, name: str, before: Callable[..., str] | None, after: Callable[..., str] | None
    ) -> None:
        """Points before and after the calls of a function."""
        work = getattr(owner, name)

        def watched(*given: Any, **how: Any) -> Any:
            if before:
                self.point(before(*given))
            made = work(*given, **how)
            if after:
                self.point(after(*given))
            return made

        setattr(owner, name, watched)

    def watch(self) -> None:
        """Set points at all that leaves something on the disk, and note what is computed."""
        self.around(flows.fit.run_stage, "fn", None, lambda name, _, params, *__: f"{called(name, params)} is done")
        self.around(store, "write_value", None, lambda _, folder, *__: f"{folder.name.rpartition('-')[0]} is written")
        self.around(registry.Registry, "_point", lambda *_: "the run is moved", lambda *_: "the pointers are moved")
        self.around(flows.update.Intake, "write", lambda *_: "no intake", lambda *_: "the intake is written")
        self.around(flows.update, "keep", None, lambda *_: "documents are kept")
        self.around(flows.update, "rewrite_reports", lambda *_: "no report", lambda *_: "reports are written")
        for module in (flows.fit, flows.update):
            self.around(module, "save", lambda *_: "no run", lambda *_: "the run is written")
        fetch = Store.fetch

        def noted(self_: Store, ref: Any, compute: Callable[[], Any], note: str = "") -> Any:
            def computed() -> Any:
                value = compute()
                self.computed.append(str(ref))
                return value

            return fetch(self_, ref, computed, note)

        Store.fetch = noted


def called(stage: str, params: Mapping[str, Any]) -> str:
    return told_name(STAGES[stage], params)


class Plain:
    """A task without an engine."""

    def __init__(self, task: Any) -> None:
        self.fn = task.fn

    def with_options(self, **_: Any) -> Plain:
        return self

    def __call__(self, *given: Any, return_state: bool = False) -> Any:
        made = self.fn(*given)
        return (made if hasattr(made, "result") else Completed(data=made)) if return_state else made


def live(flow: str, config: str, life: Life) -> None:
    """One life, to its end."""
    for module, name in ((flows.fit, "run_stage"), (flows.update, "take_in"), (flows.update, "write_reports")):
        setattr(module, name, Plain(getattr(module, name)))
    for module, name in ((flows.fit, "show"), (flows.fit, "emit"), (flows.update, "show"), (flows.update, "tell_of")):
        setattr(module, name, lambda *_: None)
    life.watch()
    if flow == "fit":
        flows.fit.fit_topics_flow.fn(flows.fit.RunConfig.model_validate_json(config))
    else:
        flows.update.update_topics_flow.fn(flows.update.UpdateConfig.model_validate_json(config))


def state_of(folder: Path) -> dict[str, Any]:
    """What others see of a model or a run: whether it is whole, and which is the latest."""
    latest = folder if (folder / MANIFEST).is_file() else Registry(folder).latest
    broken = changed_files(latest, read_manifest(latest)) if latest else []
    return {"latest": latest.name if latest else None, "broken": broken}


def main(flow: str, config: str, log: Path, points: str = "") -> None:
    folder = Path(json.loads(config)["output"])
    died: list[str] = []
    for _ in range(_MOST):
        out, into = os.pipe()
        if not (child := os.fork()):
            life = Life(died, into, points)
            try:
                live(flow, config, life)
                life.tell("")
            except BaseException:  # noqa: BLE001 - told by the test
                life.tell("", traceback.format_exc())
            os._exit(0)
        os.close(into)
        with os.fdopen(out) as told:
            said = json.loads(told.read())
        os.waitpid(child, 0)
        with log.open("a") as file:
            file.write(json.dumps({**said, **state_of(folder)}) + "\n")
        if not said["died"]:
            return
        died.append(said["died"])
    raise AssertionError(f"it died {_MOST} times")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
