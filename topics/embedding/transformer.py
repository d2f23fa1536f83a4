"""Sentence vectors of any Hugging Face transformer, as it comes: a choice of layers, pooled over the tokens.

A vector depends on its text alone. Texts of the architectures in `_TOGETHER` are padded to a length
of their own and run in batches of a fixed shape; those of all others run one by one, unpadded. Every
batch is computed on one thread.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from topics.embedding.checkpoint import Checkpoint, not_found
from topics.embedding.hub import offline, read_json
from topics.embedding.openvino import silence
from topics.embedding.pooling import POOLINGS, batches, chosen, layer_numbers, pooled
from topics.errors import InvalidConfig, ModelNotFound
from topics.store import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

log = logging.getLogger(__name__)

_STEP = 16  # tokens; padded lengths are its multiples
_BUDGET = 256  # tokens in a batch; more is not faster, and a lone text pays for all of them
_LONGEST = 512  # tokens read at most by default
_SHORTEST = 4  # special tokens leave no room in less
#: Architectures whose vectors change neither with padding nor with the rest of the batch; the tests prove each.
_TOGETHER = {"albert", "bert", "deberta", "deberta-v2", "distilbert", "electra", "gpt2", "modernbert", "mpnet"}
_TOGETHER |= {"roberta", "xlm-roberta"}
#: They number positions from behind the padding token on: so many of the positions are no room for text.
_OFFSET = {"camembert", "data2vec-text", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl"}
# What architectures call the same thing in their config.json.
_DEPTH = ("num_hidden_layers", "n_layers", "n_layer", "num_layers", "encoder_layers")
WIDTH = ("hidden_size", "n_embd", "d_model", "dim")
_POSITIONS = ("max_position_embeddings", "n_positions")


class TransformerEncoder:
    """Hidden states of a transformer, pooled over a text's tokens.

    For BERT as it is, the last four layers beat the last one (Devlin et al. 2019, arXiv:1810.04805,
    table 7) and `mean` beats `cls` (Reimers and Gurevych 2019, arXiv:1908.10084). In a decoder a token
    sees only what precedes it: take `last` (Neelakantan et al. 2022, arXiv:2201.10005) or `mean`.

    Parameters
    ----------
    model : str
        Folder of a checkpoint or its name on the hub, as `bert-base-uncased`. Only safetensors weights
        are read; code that comes with a model is never run (`trust_remote_code` is off).
    pooling : {'mean', 'cls', 'max', 'last'}
        Over the tokens, special ones included: their mean, the first, the largest value of each
        dimension, or the last.
    layers : str
        `last`, `second-to-last`, `mean-last-4`, `concat-last-4` (rows four times as long, the last
        layer at the end), or numbers as `-1,-3`, averaged: as in `hidden_states`, 0 is the embedding
        layer and -1 the last.
    max_length : int, optional
        Tokens read of a text, special ones included; what follows is cut off. By default what model
        and tokenizer allow, 512 at most.
    threads : int
        Batches computed at once; never changes a vector.

    Attributes
    ----------
    dimension, max_length : int
        Numbers in a vector; tokens read of a text.
    fingerprint, vector_key : str
        SHA-256 over the checkpoint's files, the options and the releases of what computes.

    Raises
    ------
    ModelNotFound
        If there is no such model, its weights are pickled, or (when it first encodes) its files are
        not whole or it needs code of its own.
    InvalidConfig
        If an option is none of the above, or asks for more than the model has.

    Examples
    --------
    >>> TransformerEncoder("bert-base-uncased", pooling="sum")
    Traceback (most recent call last):
    topics.errors.InvalidConfig: pooling='sum'; allowed are mean, cls, max, last.
    """

    example = "transformer:bert-base-uncased?pooling=mean&layers=mean-last-4"
    needs = "a checkpoint of transformers: a folder, or its name on the hub; safetensors only"

    def __init__(
        self,
        model: str,
        *,
        pooling: str = "mean",
        layers: str = "last",
        max_length: int | None = None,
        threads: int = 1,
    ) -> None:
        if pooling not in POOLINGS:
            raise InvalidConfig(f"pooling={pooling!r}; allowed are {', '.join(POOLINGS)}.")
        layer_numbers(layers)  # before anything is looked for
        self.name, self._pooling, self._max_length, self._threads = model, pooling, max_length, threads
        self._checkpoint = _find(model)
        config = _config(self._checkpoint.folder)
        depth, width, positions = (first_number(config, names) for names in (_DEPTH, WIDTH, _POSITIONS))
        if not depth or not width:
            raise InvalidConfig(f"{model} is no text transformer: its config.json names neither of {_DEPTH + WIDTH}.")
        self._depth, self._layers = depth, layer_numbers(layers, depth, model)
        self._concatenated = layers == "concat-last-4"
        self.dimension = width * (4 if self._concatenated else 1)
        self._kind = str(config.get("model_type", ""))
        offset = max(1, config.get("pad_token_id") or 1) + 1 if self._kind in _OFFSET else 0
        self._room = max(0, positions - offset)  # 0: any length
        if max_length is not None and not _SHORTEST <= max_length <= (self._room or max_length):
            most = f"to {self._room}, for so many positions has {model}" if self._room else "on"
            raise InvalidConfig(f"max_length={max_length}; allowed are whole numbers from {_SHORTEST} {most}.")

    @classmethod
    def of(cls, rest: str, options: Mapping[str, str], threads: int = 1, batch_size: int = 64) -> Self:  # noqa: ARG003
        """Build from text: `rest` is the model; the shape of a batch is fixed, whatever `batch_size`."""
        unknown = sorted(set(options) - {"pooling", "layers", "max_length"})
        if unknown:
            raise InvalidConfig(f"unknown option {', '.join(unknown)}; there are: pooling, layers, max_length.")
        told = options.get("max_length", "")
        if "max_length" in options and not re.fullmatch(r"\d+", told, re.ASCII):
            raise InvalidConfig(f"max_length={told!r}; allowed are whole numbers from {_SHORTEST} on.")
        given: dict[str, Any] = {**options, "max_length": int(told) if told else None}
        return cls(rest, **given, threads=threads)

    @cached_property
    def max_length(self) -> int:
        told = read_json(self._checkpoint.folder / "tokenizer_config.json").get("model_max_length")
        return self._max_length or int(min(self._room or _LONGEST, told or _LONGEST, _LONGEST))

    @cached_property
    def fingerprint(self) -> str:
        releases = [f"{name} {version(name)}" for name in ("torch", "transformers", "tokenizers")]
        options = [self._pooling, list(self._layers), self._concatenated, self._max_length]
        shapes = [_STEP, _BUDGET] if self._kind in _TOGETHER else []
        return hashlib.sha256(canonical([self._checkpoint.digest, options, shapes, releases])).hexdigest()

    @property
    def vector_key(self) -> str:
        return self.fingerprint

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return self._load(AutoTokenizer)

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModel

        model, told = self._load(AutoModel, dtype=torch.float32, use_safetensors=True, output_loading_info=True)
        both = bool(model.config.is_encoder_decoder)
        unused = ("pooler", "decoder.") if both else ("pooler",)
        missing = sorted(key for key in told["missing_keys"] if not any(part in key for part in unused))
        if missing:  # transformers made them up
            raise ModelNotFound(f"the weights of {self.name} lack {len(missing)} tensors, as {missing[0]}. {_WAY_OUT}")
        model.config.use_cache = False
        return (model.get_encoder() if both else model).eval()

    def _load(self, kind: Any, **how: Any) -> Any:
        from safetensors import SafetensorError

        try:
            with silence():
                return kind.from_pretrained(
                    str(self._checkpoint.folder), local_files_only=True, trust_remote_code=False, **how
                )
        except (OSError, ValueError, LookupError, ImportError, RuntimeError, SafetensorError) as error:
            told = " ".join(str(error).split())[:160]
            raise ModelNotFound(f"{self.name} cannot be loaded: {told}. {_WAY_OUT}") from error

    def count_tokens(self, sentences: list[str], /) -> list[int]:
        """Tokens of each text, special ones included, none cut off."""
        return [len(ids) for ids in self._tokenizer(sentences, truncation=False, verbose=False)["input_ids"]]

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Encode texts; shape (len(sentences), d), float32, not scaled. A text without any token gives zeros."""
        vectors = np.zeros((len(sentences), self.dimension), dtype=np.float32)
        if not sentences:
            return vectors
        import torch

        tokenizer, model = self._tokenizer, self._model
        limit, together = self.max_length, self._kind in _TOGETHER
        tokens = tokenizer(sentences, truncation=True, max_length=limit, padding=False)["input_ids"]
        shapes = batches([len(ids) for ids in tokens], _STEP if together else 1, limit, _BUDGET if together else 1)
        pad = next((token for token in (tokenizer.pad_token_id, tokenizer.eos_token_id) if token is not None), 0)

        def infer(batch: tuple[list[int], int, int]) -> None:
            rows, many, length = batch
            lengths = torch.tensor([len(tokens[row]) for row in rows])
            ids = torch.tensor([tokens[row] + [pad] * (length - len(tokens[row])) for row in rows])
            again = torch.arange(many) % len(rows)  # a batch that is not full says its texts again
            ids, lengths = ids[again], lengths[again]
            mask = (torch.arange(length) < lengths[:, None]).long()
            with torch.inference_mode():
                output = model(input_ids=ids, attention_mask=mask, output_hidden_states=True, return_dict=True)
                states = chosen(output, self._layers, self._depth, self._concatenated)
                vectors[rows] = pooled(states, lengths, self._pooling)[: len(rows)].numpy()

        threads = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(self._threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                list(pool.map(infer, shapes))
        finally:
            torch.set_num_threads(threads)
        return vectors


def _config(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "config.json").read_text("utf-8")))
    except (TypeError, ValueError) as error:
        raise ModelNotFound(f"{folder / 'config.json'} is not JSON: {error}. Get the file again.") from None


def first_number(config: Mapping[str, Any], names: tuple[str, ...]) -> int:
    return next((config[name] for name in names if isinstance(config.get(name), int)), 0)


_WAY_OUT = (
    "If it needs code of its own, that is never run (trust_remote_code is off): take a model that transformers "
    "itself knows. Otherwise its files are not whole: save it again with save_pretrained, tokenizer.json included."
)


def _find(name: str) -> Checkpoint:
    """Find safetensors weights: in a folder, the hub's cache, or the hub unless `HF_HUB_OFFLINE` is set."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    seen = []
    for local in (True,) if offline() or Path(name).is_dir() else (True, False):
        try:
            files = ["*.json", "*.safetensors", "*.txt", "*.model"]
            got = name if Path(name).is_dir() else snapshot_download(name, local_files_only=local, allow_patterns=files)
        except (OSError, HFValidationError) as error:  # the hub's errors are OSErrors
            log.info("%s did not give %s: %s", "The hub's cache" if local else "The hub", name, error)
            continue
        if (Path(got) / "config.json").is_file() and any(Path(got).glob("*.safetensors")):
            return Checkpoint(name, Path(got))
        seen.append(got)
    if seen:
        raise ModelNotFound(
            f"no config.json and *.safetensors in {seen[-1]}. Pickled weights (*.bin) are never read, since reading "
            "them can run code: where you trust them, convert them with transformers' save_pretrained."
        )
    raise not_found("transformer", name, name)
