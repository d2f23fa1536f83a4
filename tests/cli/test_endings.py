"""How a program ends: its exit code, one sentence, and nothing half done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from surfaces_fakes import World, command, finish, start

if TYPE_CHECKING:
    from pathlib import Path


def _failing(error: BaseException, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("topics.folder.load", fail)


def test_what_nobody_foresaw_is_one_sentence_and_1(cli, monkeypatch):
    _failing(ZeroDivisionError("by zero"), monkeypatch)
    _refused_unforeseen = cli("show", "run")
    assert _refused_unforeseen.code == 1
    assert "something unforeseen happened (ZeroDivisionError: by zero). With --debug it shows where" in (
        _refused_unforeseen.err
    )


def test_debug_shows_where(cli, monkeypatch):
    _failing(ZeroDivisionError("by zero"), monkeypatch)
    for words in (("show", "run", "--debug"), ("--debug", "show", "run")):
        with pytest.raises(ZeroDivisionError):
            cli(*words)


def test_the_system_refusing_is_told_with_the_file(cli, monkeypatch):
    _failing(PermissionError(13, "Permission denied", "run/manifest.json"), monkeypatch)
    told = cli("show", "run")
    assert (told.code, told.err) == (1, "Error: Permission denied: run/manifest.json.\n")


def test_being_stopped_is_130_and_says_that_nothing_is_lost(cli, monkeypatch):
    _failing(KeyboardInterrupt(), monkeypatch)
    told = cli("show", "run")
    assert told.code == 130
    assert "the same command goes on from there" in told.err


@pytest.mark.parametrize("words", [["--help"], ["fit", "--help"], ["store", "-h"], ["--version"]], ids=" ".join)
def test_help_is_no_error(cli, words):
    told = cli(*words)
    assert (told.code, told.err) == (0, "")
    assert told.out


def test_a_command_that_is_not_there_is_2(cli):
    assert cli("fitt").code == 2


def test_codes_reach_the_shell(world, tmp_path):
    store = {"TOPICS_STORE": str(world.store("shared").root)}
    started = [
        start("fit", "nothing.csv", cwd=tmp_path),
        start("store", "verify", "--store", _damaged(world), cwd=tmp_path),
        start("fit", world.csv, "--encoder", world.model, "--quiet", cwd=tmp_path, **store),
    ]
    ended = [finish(process) for process in started]
    assert [code for code, _, _ in ended] == [2, 1, 0]
    assert [err == "" for _, _, err in ended] == [False, False, True]
    assert not [err for _, _, err in ended if "Traceback" in err]


def _damaged(world: World) -> Path:
    """A store with an entry that is not what was written."""
    root = world.store("damaged").root
    part = next(root.glob("encoder/*/*.npy"))
    part.write_bytes(part.read_bytes()[:-1])
    return root


def test_a_reader_that_goes_away_is_no_error(world, written, tmp_path):
    import subprocess
    import sys

    from surfaces_fakes import ROOT

    shown = subprocess.run(
        f"{sys.executable} -m topics assign {written} {world.csv} --quiet | head -n 1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert shown.stderr == ""
    assert shown.stdout.split()[-1] == "0"


def test_a_store_that_is_a_file_is_named(world, tmp_path):
    (tmp_path / "store").write_text("a file")
    code, _, err = command(
        "fit", world.csv, "--encoder", world.model, "--store", tmp_path / "store", "--output", tmp_path / "run"
    )
    assert code == 1
    assert not (tmp_path / "run").exists()
    assert "Traceback" not in err
    assert str(tmp_path / "store") in err
