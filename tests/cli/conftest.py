from __future__ import annotations

import pytest
from surfaces_fakes import Told, convert, in_this_process


@pytest.fixture
def cli(world, tmp_path, monkeypatch, capfd):
    """Run a command in this process, in a folder of its own; the world's encoder stands in for the real one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOPICS_STORE", str(world.store("shared").root))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("topics.embedding.convert", convert)

    here = in_this_process(capfd)

    def run(*words: object) -> Told:
        told = Told(*here(*words))
        assert "Traceback" not in told.err + told.out
        return told

    return run
