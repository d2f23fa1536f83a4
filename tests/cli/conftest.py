from __future__ import annotations

import pytest
from surfaces_fakes import Told, in_this_process, stand_in


@pytest.fixture
def cli(world, tmp_path, monkeypatch, capfd):
    """Run a command in this process, in a folder of its own; the world's encoder stands in for the real one."""
    stand_in(world.store("shared"), tmp_path, monkeypatch)
    here = in_this_process(capfd)

    def run(*words: object) -> Told:
        told = Told(*here(*words))
        assert "Traceback" not in told.err + told.out
        return told

    return run
