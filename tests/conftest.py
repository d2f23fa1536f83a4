"""The environment every test runs in: no telemetry, and a Prefect home that is not the user's own.

Set at import, since Prefect reads its settings when it is first imported; what is set already stays.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from surfaces_fakes import World

_ROOT = Path(__file__).resolve().parent.parent

for _name, _value in {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_HOME": str(_ROOT / "outputs" / ".prefect"),  # kept between runs: creating its database takes seconds
    "PREFECT_LOGGING_LEVEL": "WARNING",
}.items():
    os.environ.setdefault(_name, _value)

# In a shell without job control what runs in the background ignores Ctrl-C, and so do the processes that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _store_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where results go for which a test names no store: not among the user's own."""
    os.environ["TOPICS_STORE"] = str(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Documents, an encoder that needs no PyTorch, and stores: a place to fit."""
    from surfaces_fakes import World

    return World.made(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def written(world: World) -> Path:
    """A run folder no test changes."""
    return world.fit().save(world.folder / "run")
