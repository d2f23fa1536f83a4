"""A sentence encoder made of a word list, documents in those words, and a place to fit them.

The encoder is small enough to be made anew in every session, and the library runs it like any other:
named by its folder, found by its digest, converted once, computed by OpenVINO in batches and threads.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from builders import THEMES

from topics.api import fit
from topics.cli import commands, run_command
from topics.data import ConvertedEncoder
from topics.embedding.checkpoint import Checkpoint
from topics.folder import read_manifest
from topics.steps import ENCODER
from topics.store import Ref, Store, stage_key

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from numpy.typing import NDArray

    from topics.run import Run

ROOT = Path(__file__).resolve().parent.parent
DIMENSION = 24


def stand_in(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder, offline and with a store; the encoder of the world stands in for the real one."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TOPICS_STORE", str(store.root))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("topics.embedding.convert", convert)


def in_this_process(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """A function that runs a command line here: words in, exit code and what it printed and said out."""

    def run(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run_command(commands, [str(word) for word in words])
        return code, *capfd.readouterr()

    return run


@dataclass(frozen=True)
class Told:
    """What a command came to: its exit code, what it printed, what it said on standard error."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class World:
    """A folder with documents, an encoder, and stores that hold nothing but this encoder."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> World:
        world = cls(folder)
        write_model(folder / "model")
        documents().to_csv(world.csv, index=False)
        stock(Store(folder / "stocked"), world.model)
        return world

    @property
    def csv(self) -> Path:
        return self.folder / "documents.csv"

    @property
    def model(self) -> str:
        return str(self.folder / "model")

    def store(self, name: str) -> Store:
        """A new store in which the encoder is converted already, for other processes too."""
        root = self.folder / "stores" / name
        if not root.exists():
            shutil.copytree(self.folder / "stocked", root)
        return Store(root)

    def fit(self, source: Any = None, store: Store | None = None, **settings: Any) -> Run:
        """Fit with the encoder of this world; by default its documents, and the store all tests share."""
        given = {"encoder": self.model, **settings}
        if source is None:
            given = {"id": "id", "date": "date", "class_": "class", **given}
        return fit(self.csv if source is None else source, store=store or self.store("shared"), **given)


def write_model(folder: Path) -> None:
    """Write the word list: all that the encoder made of this folder depends on."""
    folder.mkdir(parents=True)
    words = sorted({word for theme in THEMES for word in theme})
    (folder / "words.json").write_text(json.dumps(words), "utf-8")


def cache_model(cache: Path, repository: str, folder: Path) -> Path:
    """Put the files of a folder into a hub cache as the hub's own client does; gives where they are then."""
    root, revision = cache / f"models--{repository.replace('/', '--')}", hashlib.sha1(repository.encode()).hexdigest()
    for name in ("blobs", "refs", "snapshots"):
        (root / name).mkdir(parents=True)
    (root / "refs" / "main").write_text(revision)
    for file in (path for path in folder.rglob("*") if path.is_file()):
        blob = root / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, blob)
        link = root / "snapshots" / revision / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return root / "snapshots" / revision


def convert(checkpoint: Checkpoint) -> ConvertedEncoder:
    """The encoder of such a folder: the mean of its words' vectors. Stands in for `topics.embedding.convert`."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = ["[PAD]", "[UNK]", *json.loads((checkpoint.folder / "words.json").read_text("utf-8"))]
    tokenizer = Tokenizer(models.WordLevel({word: row for row, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    seed = int.from_bytes(hashlib.sha256(checkpoint.digest.encode()).digest()[:4])
    graph, weights = _mean_of(np.random.default_rng(seed).normal(size=(len(words), DIMENSION)).astype(np.float32))
    return ConvertedEncoder(
        name=checkpoint.name,
        digest=checkpoint.digest,
        reason="",
        graph=graph,
        weights=weights,
        tokenizer=tokenizer.to_str(),
        pad=0,
        max_length=256,
        dimension=DIMENSION,
    )


def _mean_of(vectors: NDArray[np.float32]) -> tuple[str, NDArray[np.uint8]]:
    from topics.embedding.openvino import _openvino

    openvino = _openvino()
    from openvino import opset13 as op

    def whole(*numbers: int) -> Any:
        return op.constant(np.array(numbers, dtype=np.int64))

    ids, mask = (op.parameter([-1, -1], np.int64) for _ in range(2))
    ids.output(0).get_tensor().set_names({"input_ids"})
    mask.output(0).get_tensor().set_names({"attention_mask"})
    present = op.unsqueeze(op.convert(mask, "f32"), whole(-1))
    total = op.reduce_sum(op.multiply(op.gather(op.constant(vectors), ids, whole(0)), present), whole(1), False)
    model = openvino.Model([op.normalize_l2(total, whole(1), 1e-12, "max")], [ids, mask], "words")
    with tempfile.TemporaryDirectory() as folder:
        openvino.save_model(model, Path(folder) / "model.xml", compress_to_fp16=False)
        return (Path(folder) / "model.xml").read_text("utf-8"), np.fromfile(Path(folder) / "model.bin", np.uint8)


def stock(store: Store, model: str) -> None:
    """Put the converted encoder where the stage that converts would."""
    key = stage_key(ENCODER.name, ENCODER.version, ENCODER.resolve({"name": model}), [], ENCODER.libraries)
    store.save(Ref(ENCODER.name, key), convert(Checkpoint(model, Path(model))))


def documents(n: int = 160, themes: int = 4) -> pd.DataFrame:
    """n rows of id, text, date and class. Every tenth text is of no theme; two repeat and one is empty."""
    random = np.random.default_rng(7)
    everything = [word for words in THEMES for word in words]
    rows = []
    for row in range(n):
        words = random.choice(everything if row % 10 == 9 else THEMES[row % themes], 9)
        rows.append((f"d{row:04d}", f"{' '.join(words)}.", f"2024-{row % 12 + 1:02d}-01", f"class {row % themes}"))
    table = pd.DataFrame(rows, columns=["id", "text", "date", "class"])
    table.loc[[8, 20], "text"] = table.loc[0, "text"]
    table.loc[30, "text"] = ""
    return table


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a run, as its manifest has them."""
    return dict(read_manifest(folder)["digests"])


def start(*words: object, module: str = "topics", cwd: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
    """Start `python -m topics ...`."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def finish(process: subprocess.Popen[str], timeout: float = 300) -> tuple[int, str, str]:
    """Wait for a process: its exit code, what it printed, what it said on standard error."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, out, err


def command(*words: object, **how: Any) -> tuple[int, str, str]:
    """Run `python -m topics ...` to its end."""
    return finish(start(*words, **how))


def refused(told: Told, message: str, code: int = 2) -> None:
    """Check that a command printed nothing and said why in a sentence that was foreseen."""
    assert told.code == code, told
    assert told.out == ""
    assert re.search(message, " ".join(told.err.split())), told.err
    assert "unforeseen" not in told.err


def strict_json(text: str) -> Any:
    """Read JSON that holds neither NaN nor Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def files_in(folder: Path) -> set[str]:
    """Every file, and every empty folder, hidden ones as well."""
    return {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or not any(path.iterdir())
    }
