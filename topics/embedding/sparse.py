"""Learned sparse encoders: SPLADE and its like, as sentence-transformers' `SparseEncoder` loads them.

They give every term of a model's vocabulary a weight, those a text implies without saying them
included (Formal et al. 2021, arXiv:2107.05720). The strongest terms of a text are its activations;
clustering sees them projected to few dense dimensions, and the description of topics the terms.

n texts, V terms, d dimensions.
"""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from topics.embedding.packing import packed, unpacked
from topics.embedding.projection import PARTS, project
from topics.embedding.sentence import Asked
from topics.embedding.sparse_files import find_sparse, load_sparse
from topics.embedding.wordpieces import whole_words
from topics.errors import InvalidConfig, InvalidInput
from topics.store import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

_VERSION = 1  # raised when code here, or in the projection, changes a vector
_RELEASES = ("torch", "transformers", "tokenizers", "sentence-transformers")
_ALLOWED = {"dimensions": range(64, 2**16 + 1, PARTS), "max_length": range(4, 2**20 + 1), "top": range(1, 2**12 + 1)}
_OPTIONS = (*_ALLOWED, "device")


class SparseEncoder:
    """Terms of a model's vocabulary with weights, projected to unit vectors.

    A text goes through the model alone, unpadded and on one thread, since the rest of a batch would
    change the last bits of a weight; on a GPU in batches, where the weight that is kept is the first
    one computed. Texts are encoded as documents where a model tells these from queries.

    Parameters
    ----------
    model : str
        Folder of a `SparseEncoder` or its name on the hub, as `naver/splade-v3`. Only safetensors
        weights are read; code that comes with a model is never run.
    dimensions : int
        d, a multiple of 8. More keep cosines better, and make the search for neighbours slower. Of the
        30 nearest texts (4,500 posts of 20 Newsgroups, 255 weights each) 1024 keep two thirds, and those
        that take the place of others are nearly as near: 96 % of the similarity is kept. Neighbours
        share the class of a post in 36.6 % of cases, without projection in 37.9 %; 512 dimensions give
        34.9 %, 2048 give 37.2 %.
    max_length : int, optional
        Tokens read of a text; by default as many as the model says.
    top : int
        Terms kept of a text, the strongest; of equal ones those with the lower number. SPLADE models
        give one to three hundred a weight.
    device : str
        auto, cpu, cuda, cuda:N or mps.
    threads : int
        Texts computed at once on the CPU; never changes a vector.
    batch_size : int
        Texts in a batch on a GPU.

    Attributes
    ----------
    dimension, max_length : int
        Numbers in a vector; tokens read of a text, None where the files do not say.
    fingerprint, vector_key : str
        SHA-256 over the checkpoint's files, the options and the releases of what computes; the key
        tells the device as well, where it is a GPU.
    activation_key : str
        The same for the activations, on which `dimensions` has no influence.

    Raises
    ------
    ModelNotFound
        If there is no such model, its weights are pickled, or (when it first encodes) its files are not
        whole.
    InvalidConfig
        If it is no sparse encoder, or an option is none of the above.

    Examples
    --------
    >>> SparseEncoder("naver/splade-v3", dimensions=100)
    Traceback (most recent call last):
    topics.errors.InvalidConfig: dimensions=100; allowed are multiples of 8 from 64 to 65536.
    """

    example = "sparse:naver/splade-v3?dimensions=1024&top=256"
    needs = "a SparseEncoder of sentence-transformers, as SPLADE: a folder, or its name on the hub; safetensors only"

    def __init__(
        self,
        model: str,
        *,
        dimensions: int = 1024,
        max_length: int | None = None,
        top: int = 256,
        device: str = "auto",
        threads: int = 1,
        batch_size: int = 64,
    ) -> None:
        for option, value in (("dimensions", dimensions), ("max_length", max_length), ("top", top)):
            if value is not None and value not in _ALLOWED[option]:
                raise InvalidConfig(f"{option}={value}; {_told(option)}")
        self.name, self.dimension, self.top = model, dimensions, top
        self.device = Asked.of(f"?device={device}").runs_on
        self._max_length = max_length
        self._threads, self._together = (threads, 1) if self.device == "cpu" else (1, batch_size)
        self._checkpoint = find_sparse(model)
        if max_length is not None and max_length > (self._room or max_length):
            raise InvalidConfig(f"max_length={max_length}; {model} reads {self._room} tokens at most.")

    @classmethod
    def of(cls, rest: str, options: Mapping[str, str], threads: int = 1, batch_size: int = 64) -> Self:
        """Build from text: `rest` is the model."""
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise InvalidConfig(f"unknown option {', '.join(unknown)}; there are: {', '.join(_OPTIONS)}.")
        given: dict[str, Any] = dict(options)
        for option in sorted(_ALLOWED.keys() & options.keys()):
            if not re.fullmatch(r"\d{1,9}", options[option], re.ASCII):
                raise InvalidConfig(f"{option}={options[option]!r}; {_told(option)}")
            given[option] = int(options[option])
        return cls(rest, **given, threads=threads, batch_size=batch_size)

    @cached_property
    def _room(self) -> int | None:
        from topics.embedding.listing import sentence_shape

        return sentence_shape(self._checkpoint.folder)[1]

    @property
    def max_length(self) -> int | None:
        return self._max_length or self._room

    @cached_property
    def _decisive(self) -> str:
        releases = [f"{name} {version(name)}" for name in _RELEASES]
        told = [_VERSION, self._checkpoint.digest, self._max_length, self.top, releases]
        return hashlib.sha256(canonical(told)).hexdigest()

    @property
    def _where(self) -> str:
        return "" if self.device == "cpu" else f" {self.device}"

    @property
    def activation_key(self) -> str:
        return f"{self._decisive}{self._where}"

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(canonical([self._decisive, self.dimension])).hexdigest()

    @property
    def vector_key(self) -> str:
        return f"{self.fingerprint}{self._where}"

    @cached_property
    def _loaded(self) -> Any:
        """The model of sentence-transformers."""
        model = load_sparse(self._checkpoint)
        if self._max_length:
            model.max_seq_length = model.tokenizer.model_max_length = self._max_length
        try:
            return model.to(self.device)
        except (RuntimeError, AssertionError) as error:  # what torch raises for a device that is not there
            raise InvalidConfig(
                f"{self.name} cannot run on device={self.device}: {' '.join(str(error).split())[:200]}. Say device=cpu."
            ) from error

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The word each of the V terms is; empty for special tokens and pieces of words. Loads the model."""
        tokenizer = self._loaded.tokenizer
        many = self._infer(self._features([""])).shape[1]
        known = min(many, len(tokenizer))
        tokens = [*tokenizer.convert_ids_to_tokens(list(range(known))), *[None] * (many - known)]
        return whole_words(
            tokens, set(tokenizer.all_special_tokens), lambda token: str(tokenizer.convert_tokens_to_string([token]))
        )

    def _features(self, sentences: Sequence[str]) -> dict[str, Any]:
        prompts = self._loaded.prompts
        named = next((name for name in ("document", "passage", "corpus") if name in prompts), None)
        prompt = prompts.get(named or self._loaded.default_prompt_name) or None
        features: dict[str, Any] = self._loaded.preprocess(list(sentences), prompt=prompt, task="document")
        return features

    def _infer(self, features: dict[str, Any]) -> NDArray[np.float32]:
        import torch
        from sentence_transformers.util import batch_to_device

        with torch.inference_mode():
            given = batch_to_device(features, torch.device(self.device))
            found = self._loaded(given, task="document")["sentence_embedding"]
            return np.asarray(found.float().cpu().numpy())

    def activations(self, sentences: Sequence[str], /) -> sparse.csr_array:
        """The weights of the strongest terms of each text; shape (n, V), float32, indices ascend."""
        return unpacked(self.packed(sentences), len(self.words))

    def packed(self, sentences: Sequence[str], /) -> NDArray[np.float32]:
        """The same as rows of equal length, which can be kept; see `topics.embedding.packing`."""
        import torch

        rows = np.zeros((len(sentences), 2 * self.top), dtype=np.float32)
        order = sorted(range(len(sentences)), key=lambda row: -len(sentences[row]))  # batches of like lengths
        groups = [order[start : start + self._together] for start in range(0, len(order), self._together)]
        # Before the threads: tokenizers are not to be shared by them.
        features = [self._features([sentences[row] for row in group]) for group in groups]

        def infer(place: int) -> None:
            weights = self._infer(features[place])
            if not np.isfinite(weights).all():
                raise InvalidInput(f"encoder {self.name} gave values that are not finite.")
            rows[groups[place]] = packed(weights, self.top)

        threads = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(self._threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                list(pool.map(infer, range(len(groups))))
        finally:
            torch.set_num_threads(threads)
        return rows

    def project(self, activations: sparse.csr_array) -> NDArray[np.float32]:
        """Activations as unit vectors; shape (n, d), float32. A row without any stays a row of zeros."""
        return project(activations, self.dimension)

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Encode texts; shape (len(sentences), d), float32, unit rows; zeros where no term is active."""
        return self.project(self.activations(sentences))


def _told(option: str) -> str:
    allowed = _ALLOWED[option]
    numbers = "whole numbers" if allowed.step == 1 else f"multiples of {allowed.step}"
    return f"allowed are {numbers} from {allowed[0]} to {allowed[-1]}."
