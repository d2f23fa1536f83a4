"""A sentence encoder made of a word list, and documents in those words.

It is small enough to be made anew in every session, and the library runs it like any other: named by
its folder, found by its digest, converted once, computed by OpenVINO in batches and threads.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from builders import THEMES

from topics.data import ConvertedEncoder
from topics.embedding.checkpoint import Checkpoint
from topics.pipeline import ENCODER
from topics.store import Ref, Store, stage_key

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
DIMENSION = 24


def write_model(folder: Path) -> Path:
    """Write the word list: all that `ConvertedEncoder`s made of this folder depend on."""
    folder.mkdir(parents=True)
    words = sorted({word for theme in THEMES for word in theme})
    (folder / "words.json").write_text(json.dumps(words), "utf-8")
    return folder


def convert(checkpoint: Checkpoint) -> ConvertedEncoder:
    """Make the encoder of such a folder: mean of the vectors of its words. Stands in for `topics.embedding.convert`."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = ["[PAD]", "[UNK]", *json.loads((checkpoint.folder / "words.json").read_text("utf-8"))]
    tokenizer = Tokenizer(models.WordLevel({word: row for row, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    seed = int.from_bytes(hashlib.sha256(checkpoint.digest.encode()).digest()[:4])
    vectors = np.random.default_rng(seed).normal(size=(len(words), DIMENSION)).astype(np.float32)
    graph, weights = _mean_of_words(vectors)
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


def _mean_of_words(vectors: np.ndarray) -> tuple[str, np.ndarray]:
    from topics.embedding.openvino import _openvino

    openvino = _openvino()
    from openvino import opset13 as op

    def whole(*numbers: int):
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


def stocked(root: Path, model: Path) -> Store:
    """A store that holds nothing but this encoder, so that commands in other processes find it converted."""
    store = Store(root)
    key = stage_key(ENCODER.name, ENCODER.version, ENCODER.resolve({"name": str(model)}), [], ENCODER.libraries)
    store.save(Ref(ENCODER.name, key), convert(Checkpoint(str(model), model)))
    return store


def documents(n: int = 160, themes: int = 4) -> pd.DataFrame:
    """n rows: id, text, date, class. Every tenth text is of no theme, a few repeat or are empty."""
    random = np.random.default_rng(7)
    chosen = [list(words) for words in THEMES[:themes]]
    everything = [word for words in THEMES for word in words]
    rows = []
    for row in range(n):
        theme = row % themes
        words = random.choice(everything if row % 10 == 9 else chosen[theme], 9)
        rows.append((f"d{row:04d}", f"{' '.join(words)}.", f"2024-{row % 12 + 1:02d}-01", f"class {theme}"))
    table = pd.DataFrame(rows, columns=["id", "text", "date", "class"])
    table.loc[[20, 40], "text"] = table.loc[0, "text"]
    table.loc[30, "text"] = ""
    return table


def environment(**changes: str) -> Mapping[str, str]:
    """The environment for a command started from a test."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def command(*words: object, module: str = "topics", cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess:
    """Run `python -m topics ...` to its end."""
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:topics", "-m", module, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd or ROOT,
        env=environment(**env),
        timeout=25,
    )
