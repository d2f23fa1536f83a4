from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from builders import make_run
from surfaces_fakes import ROOT

import topics

HEAVY = (
    "torch",
    "umap",
    "hdbscan",
    "numba",
    "sklearn",
    "scipy",
    "pandas",
    "openvino",
    "sentence_transformers",
    "prefect",
)


def _loaded(code: str) -> set[str]:
    """Which of the heavy modules a fresh interpreter has after running some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1])) & set(HEAVY)


def _running(*words: str) -> str:
    return f"from topics.cli import commands, run_command\nassert run_command(commands, {list(words)!r}) == 0"


@pytest.mark.parametrize(
    "code", ["import topics", "import topics.cli", "import topics; dir(topics); repr(topics.Config)"]
)
def test_importing_loads_nothing_heavy(code):
    assert _loaded(code) == set()


@pytest.mark.parametrize("words", [("--help",), ("fit", "--help"), ("--version",)], ids=" ".join)
def test_help_loads_nothing_heavy(words):
    assert _loaded(_running(*words)) == set()


def test_showing_a_run_loads_what_reads_tables_and_no_more(tmp_path):
    folder = str(make_run(n=60, k=3).save(tmp_path / "run"))
    assert _loaded(_running("show", folder)) <= {"pandas", "scipy"}
    assert _loaded(_running("show", folder, "T0001")) <= {"pandas", "scipy"}


def test_writing_reports_again_loads_what_reads_tables_and_no_more(tmp_path):
    folder = str(make_run(n=60, k=3).save(tmp_path / "run"))
    assert _loaded(_running("report", folder)) <= {"pandas", "scipy"}


def test_what_is_compiled_is_kept_and_the_next_process_compiles_nothing(tmp_path):
    code = (
        "import logging\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "import numpy as np\n"
        "from scipy import sparse\n"
        "from topics.graph.leiden import communities\n"
        "from topics.layout.umap import lay_out\n"
        "ring = sparse.csr_array(np.eye(9, k=1, dtype=np.float32) + np.eye(9, k=-1, dtype=np.float32))\n"
        "communities(ring, 0), lay_out(ring, np.random.default_rng(0).normal(size=(9, 2)), 0.1, 2, 0)\n"
        "from topics.layout.descent import descend\n"
        "from topics.graph.moving import join_nodes, move_nodes, split_communities\n"
        "for made in (descend, move_nodes, split_communities):\n"
        "    assert sum(made.stats.cache_{}.values()) == 1, made.stats\n"
    )
    for found, said in (("misses", 1), ("hits", 0)):
        done = subprocess.run(
            [sys.executable, "-c", code.replace("{}", found)],
            env={**os.environ, "NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("Compiling for this processor") == said
    [folder] = (tmp_path / "topics" / "compiled").iterdir()
    assert folder.name.startswith("numba")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_fit_that_is_in_the_store_loads_no_model(tmp_path):
    from surfaces_fakes import World

    world = World.made(tmp_path / "world")
    store = world.store("shared").root
    world.fit(world.csv)
    words = ("fit", str(world.csv), "--encoder", world.model, "--store", str(store), "--output", str(tmp_path / "run"))
    assert not _loaded(_running(*words)) & {"torch", "umap", "hdbscan", "numba", "sentence_transformers", "prefect"}


def test_a_search_loads_the_prepared_encoder_and_no_pytorch(tmp_path):
    from surfaces_fakes import World

    world = World.made(tmp_path / "world")
    folder = world.fit().save(tmp_path / "run")
    words = ("search", str(folder), "bank rate", "--store", str(world.store("searched").root))
    assert _loaded(_running(*words)) <= {"pandas", "scipy", "openvino"}


def test_going_on_from_a_run_with_vectors_given_loads_what_reads_tables_and_no_more(tmp_path):
    folder = str(make_run(n=60, k=3).save(tmp_path / "run"))
    code = (
        "import numpy as np, topics\n"
        f"run = topics.load({folder!r})\n"
        "texts, given = ['something new', 'and more'], np.ones((2, run.model.width), dtype=np.float32)\n"
        "assert len(run.assign(texts, embeddings=given)) == 2\n"
        "new = topics.update(run, texts, embeddings=given, refit='never', store=topics.NO_STORE)\n"
        f"new.save({str(tmp_path / 'next')!r})\n"
    )
    assert _loaded(code) <= {"pandas", "scipy"}


def test_an_export_to_files_loads_what_reads_tables_and_no_more(tmp_path):
    folder = str(make_run(n=60, k=3).save(tmp_path / "run"))
    for to in ("parquet", "npy"):
        assert _loaded(_running("export", folder, "--to", to)) <= {"pandas", "scipy"}


def test_all_names_are_sorted_unique_and_have_a_home():
    assert sorted(topics.__all__) == sorted(set(topics.__all__))
    assert set(topics.__all__) == set(topics._HOME)
    assert set(dir(topics)) == {*topics.__all__, "__version__"}


@pytest.mark.parametrize("name", sorted(topics._HOME))
def test_every_name_can_be_imported_and_is_the_one_of_its_home(name):
    home = importlib.import_module(f"topics.{topics._HOME[name]}")
    assert getattr(topics, name) is getattr(home, name)


def test_type_checkers_see_the_same_names():
    import ast

    tree = ast.parse(Path(topics.__file__).read_text("utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    told = {
        alias.name: node.module for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert told == {name: f"topics.{home}" for name, home in topics._HOME.items()}


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'topics' has no attribute 'fitt'"):
        topics.fitt  # noqa: B018


def test_the_version_is_that_of_the_distribution():
    assert topics.__version__ == metadata.version("topics")


def test_the_command_is_installed():
    entry = next(iter(metadata.entry_points(group="console_scripts", name="topics")))
    assert entry.load() is importlib.import_module("topics.cli").main


def test_running_the_package_is_running_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "topics", "--version"], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert topics.__version__ in done.stdout


def test_types_are_shipped():
    assert (Path(topics.__file__).parent / "py.typed").is_file()
