"""Static models: a table of token vectors beside a tokenizer, as Model2Vec, sentence-transformers and we write them.

A text's vector is the sum of its tokens' rows, scaled to length 1. The formats: Tulkens and van Dongen,
"Model2Vec: Fast State-of-the-Art Static Embeddings", 2024 (`embeddings` in model.safetensors, in newer
models with `mapping` and `weights` of the tokens), and sentence-transformers' StaticEmbedding
(`embedding.weight`). What `topics distill` writes is read by both.

V tokens, d dimensions.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from topics.embedding.checkpoint import Checkpoint, find_checkpoint
from topics.embedding.hub import modules_of, read_json
from topics.embedding.words import PATTERN, words_of
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound
from topics.store import canonical
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

log = logging.getLogger(__name__)

MARK = "topics"  #: in config.json: what `topics distill` tells of its model
_VERSION = 1  # raised when code here changes a vector
_WORDS = 1  # raised when `words_of` changes; a folder remembers whose words it was made of
_BLOCK = 1024  # texts whose tokens are in memory at once
_TABLES = ("embedding.weight", "embeddings")
_RELEASES = ("numpy", "scipy", "tokenizers", "icu4py")


def is_repository(name: str) -> bool:
    """Whether a name may be one of the hub's: OWNER/MODEL.

    Examples
    --------
    >>> is_repository("minishlab/potion-base-8M"), is_repository("glove.6B.100d.txt"), is_repository("/data/a.vec")
    (True, False, False)
    """
    return bool(re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w-][\w.-]*(?<!\.txt)(?<!\.vec)(?<!\.bin)(?<!\.gz)", name, re.ASCII))


class StaticFolderEncoder:
    """A static model; `encode` gives unit rows, and rows of zeros for texts without a known token.

    Parameters
    ----------
    model : str
        A folder, or a name on the hub as `minishlab/potion-base-8M`.

    Raises
    ------
    ModelNotFound
        If there is no such model, or its files are not those of a static one.
    InvalidInput
        From `encode`, if its files do not fit together.
    """

    def __init__(self, model: str) -> None:
        self.name = f"static:{model}"
        folder = Path(model).expanduser()
        self._checkpoint = Checkpoint(model, folder) if folder.is_dir() else find_checkpoint(model)
        self._at = _static_part(self._checkpoint)

    @classmethod
    def of(cls, rest: str, options: Mapping[str, str], threads: int = 1, batch_size: int = 64) -> Self:  # noqa: ARG003
        """Make one of text. Threads and batches have no part in it."""
        if options:
            raise InvalidConfig(f"static:{rest} takes no options, got {', '.join(options)}; files of word vectors do.")
        return cls(rest)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the files and what else decides a vector."""
        releases = {name: version(name) for name in _RELEASES} | {"unicode": unicodedata.unidata_version}
        told = {"static folder": _VERSION, "files": self._checkpoint.digest, **releases}
        return hashlib.sha256(canonical(told)).hexdigest()

    @property
    def vector_key(self) -> str:
        """The fingerprint: a vector depends on its text alone."""
        return self.fingerprint

    @property
    def reads_all(self) -> bool:
        """Whether a text may have any length: so it is unless the tokenizer's file says where to cut."""
        return not read_json(self._at / "tokenizer.json").get("truncation")

    @cached_property
    def dimension(self) -> int:
        """d, from the header of the file."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._at / "model.safetensors", "numpy") as file:
                name = next(name for name in _TABLES if name in file.keys())  # noqa: SIM118 - it is no dict
                return int(file.get_slice(name).get_shape()[1])
        except (SafetensorError, StopIteration, LookupError) as error:
            raise _damaged(self._at, error) from None

    @cached_property
    def _table(self) -> _Table:
        log.info("Reading the static model %s.", self._at)
        try:
            return _read(self._at, read_json(self._checkpoint.folder / "config.json"))
        except InvalidInput:
            raise
        except Exception as error:
            # tokenizers raises plain Exceptions, safetensors and numpy all kinds of them.
            raise _damaged(self._at, error) from error

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Encode texts; shape (len(sentences), d), float32."""
        vectors = np.zeros((len(sentences), self._table.rows.shape[1]), dtype=np.float32)
        for start in range(0, len(sentences), _BLOCK):
            vectors[start : start + _BLOCK] = self._table.vectors(sentences[start : start + _BLOCK])
        return vectors


@dataclass(frozen=True, eq=False)
class _Table:
    rows: NDArray[np.float32]  # (V, d)
    tokens: Callable[[list[str]], list[list[int]]]

    def vectors(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit rows of texts. SciPy adds row by row in the order of the tokens: a text's bits depend on it alone."""
        from scipy import sparse

        tokens = self.tokens(texts)
        ends = np.zeros(len(texts) + 1, dtype=np.int64)
        np.cumsum([len(some) for some in tokens], out=ends[1:])
        columns = np.fromiter((row for some in tokens for row in some), np.int64, ends[-1])
        counts = sparse.csr_array(
            (np.ones(len(columns), np.float32), columns, ends), shape=(len(texts), len(self.rows))
        )
        return unit_rows(counts @ self.rows)


def static_files(words: Sequence[str], rows: NDArray[np.float32], told: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a static model, by name: equal values, equal bytes.

    Parameters
    ----------
    words : sequence of V str
        As `words_of` makes them.
    rows : ndarray of shape (V, d), float32
        Their vectors, weighted.
    told : mapping
        What else to remember, JSON-ready.
    """
    from safetensors.numpy import save
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {word: row for row, word in enumerate(("[UNK]", *words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase(), normalizers.Replace("ς", "σ"), normalizers.NFC()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PATTERN), "removed", invert=True)
    config = {
        "architectures": ["StaticModel"],
        "model_type": "model2vec",
        "normalize": True,
        "hidden_dim": rows.shape[1],
        MARK: {"words": _WORDS, **told},
    }
    scheme = "sentence_transformers.models"  # modules as Model2Vec's own models name them
    modules = [
        {"idx": 0, "name": "0", "path": ".", "type": f"{scheme}.StaticEmbedding"},
        {"idx": 1, "name": "1", "path": "1_Normalize", "type": f"{scheme}.Normalize"},
    ]
    unknown = np.zeros((1, rows.shape[1]), dtype=np.float32)
    return {
        "model.safetensors": bytes(save({"embeddings": np.concatenate([unknown, rows])})),
        "tokenizer.json": tokenizer.to_str().encode(),
        "config.json": json.dumps(config, indent=1, sort_keys=True, ensure_ascii=False).encode(),
        "modules.json": json.dumps(modules, indent=1).encode(),
    }


def _static_part(checkpoint: Checkpoint) -> Path:
    """Where in a model the table and its tokenizer are."""
    folder, path = checkpoint.folder, ""
    if (folder / "modules.json").is_file():
        modules = modules_of(folder)
        kinds = [str(module.get("type")).rpartition(".")[2] for module in modules]
        if kinds[:1] != ["StaticEmbedding"] or set(kinds[1:]) - {"Normalize"}:
            raise ModelNotFound(
                f"static:{checkpoint.name} is no static model but made of {', '.join(kinds) or 'nothing'}; "
                "name a sentence-transformers model without static:."
            )
        path = str(modules[0].get("path", ""))
    missing = [name for name in ("model.safetensors", "tokenizer.json") if not (folder / path / name).is_file()]
    if missing:
        raise ModelNotFound(
            f"static:{checkpoint.name}: {folder / path} has no {missing[0]}, so it is no static model. Name a folder "
            "of Model2Vec, of sentence-transformers' StaticEmbedding or of `topics distill`, or a file of word vectors."
        )
    return folder / path


def _read(folder: Path, config: Mapping[str, Any]) -> _Table:
    from safetensors.numpy import load_file

    tensors = load_file(folder / "model.safetensors")
    rows = next((tensors[name] for name in _TABLES if name in tensors), None)
    if rows is None or rows.ndim != 2:
        raise InvalidInput(f"{folder / 'model.safetensors'} has no table named {' or '.join(_TABLES)}.")
    if "mapping" in tensors:
        rows = rows[tensors["mapping"]]
    rows = rows.astype(np.float32)
    if "weights" in tensors:
        rows *= tensors["weights"].astype(np.float32)[:, None]
    if not np.isfinite(rows).all():
        raise InvalidInput(f"{folder / 'model.safetensors'} has values that are not finite.")
    mark = config.get(MARK)
    vocabulary, tokens = _tokens(folder) if mark is None else _our_tokens(folder, mark)
    if vocabulary > len(rows):
        raise InvalidInput(f"{folder}: the tokenizer knows {vocabulary:,} tokens, the table has {len(rows):,} rows.")
    return _Table(rows, tokens)


def _tokens(folder: Path) -> tuple[int, Callable[[list[str]], list[list[int]]]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()

    def tokens(texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    return max(tokenizer.get_vocab().values(), default=-1) + 1, tokens


def _our_tokens(folder: Path, mark: Mapping[str, Any]) -> tuple[int, Callable[[list[str]], list[list[int]]]]:
    """The same without the tokenizer, several times faster; and scripts without spaces are cut into words."""
    if mark["words"] > _WORDS:
        raise InvalidInput(f"{folder} was written by a later version of topics; upgrade to read it.")
    vocabulary: dict[str, int] = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    size = len(vocabulary)
    del vocabulary["[UNK]"]
    look_up = vocabulary.get

    def tokens(texts: list[str]) -> list[list[int]]:
        return [[row for word in words_of(text) if (row := look_up(word))] for text in texts]

    return size, tokens


def _damaged(folder: Path, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"the static model in {folder} cannot be read ({type(error).__name__}: {' '.join(str(error).split())[:160]}); "
        "get it again, or make it anew with `topics distill`."
    )
