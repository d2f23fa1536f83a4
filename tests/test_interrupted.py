"""A fit that is stopped, by Ctrl-C or by force, goes on from where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from surfaces_fakes import ROOT

AT = "graph"  # the stage that must be there before the fit is stopped in the next one, the layout


def _started(world, store, folder):
    words = ("fit", world.csv, "--encoder", world.model, "--store", store.root, "--output", folder, "--workers", 1)
    # Epochs that take longer than it takes to notice that the layout has begun.
    command = [sys.executable, "-m", "topics", *map(str, words), "--n-epochs", "5000"]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _stopped(process, store, how):
    deadline = time.monotonic() + 120
    while len(list((store.root / AT).glob("*/value.json"))) < 2:  # as it is, and sharpened
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(how)
    return process.communicate(timeout=120)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_a_fit_that_is_stopped_goes_on_from_there(world, tmp_path, how):
    store, folder = world.store(f"stopped {how.name}"), tmp_path / "run"
    process = _started(world, store, folder)
    _, said = _stopped(process, store, how)
    assert not (folder / "manifest.json").exists()
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert said.splitlines()[-1] == (
            "Stopped. What was finished is in the store: the same command goes on from there."
        )
        assert "Traceback" not in said
    again = _started(world, store, folder)
    _, said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    stages = {stage["name"]: stage["cached"] for stage in json.loads((folder / "manifest.json").read_text())["stages"]}
    assert stages["neighbors"]
    assert stages["plain graph"]
    assert stages["graph"]
    assert not stages["topics"]
