"""Stages as tasks on the workers of a Dask cluster, by the task runner of prefect-dask.

With a scheduler alone, the stages run in the process of the flow and hand out what can be cut into shards: nothing has
to be shared. Where that process is to do no work itself, whole stages go to the workers, too, and hand out shards from
there; then the store has to lie on a disk that all of them see.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topics.errors import InvalidConfig
from topics.executors import Dask

if TYPE_CHECKING:
    from prefect import Task

    from topics.store import Store


def on_worker(work: Task[Any, Any], parameters: dict[str, Any], scheduler: str) -> Any:
    """What a task gives that is run by a worker of a scheduler; an error of it is raised here.

    Raises
    ------
    InvalidConfig
        If prefect-dask is not installed.
    """
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError:
        raise InvalidConfig(
            "stages_on_workers needs the package prefect-dask, which is not installed: pip install 'topics[dask]'. "
            "Without it the stages run here, and shards go to the workers."
        ) from None
    with DaskTaskRunner(address=scheduler) as runner:
        return runner.submit(work, parameters).result()


def check_seen(store: Store, scheduler: str) -> None:
    """Make sure that workers see a store.

    Raises
    ------
    InvalidConfig
        If they do not, or there are none.
    """
    mark = store.root.absolute() / "temporary" / f"seen-{uuid.uuid4().hex}"
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    try:
        # Which worker answers nobody knows; several are asked.
        if all(Dask(scheduler).map(partial(_sees, str(mark)), range(8))):
            return
    finally:
        with suppress(OSError):
            mark.unlink()
    raise InvalidConfig(
        f"stages_on_workers: workers of {scheduler} do not see the store {store.root.absolute()}. Put it on a disk "
        "that all machines have at the same path (--store), or leave stages_on_workers out: then only shards go there."
    )


def _sees(path: str, _: int) -> bool:
    return Path(path).exists()
