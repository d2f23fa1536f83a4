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

from topics.embedding.checkpoint import Checkpoint, find_checkpoint
from topics.embedding.hub import modules_of, read_json, scheme_of, whole
from topics.embedding.openvino import silence
from topics.embedding.projection import PARTS, project
from topics.embedding.sentence import Asked
from topics.embedding.wordpieces import whole_words
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound
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
        self._max_length, self._threads, self._batch_size = max_length, threads, batch_size
        self._checkpoint = _find(model)
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
        from safetensors import SafetensorError
        from sentence_transformers import SparseEncoder as Original

        told: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            with silence():
                model = Original(str(self._checkpoint.folder), device="cpu", model_kwargs=_SAFE, **told).eval()
                missing = _made_up(self._checkpoint, told)
        except (OSError, ValueError, LookupError, ImportError, RuntimeError, TypeError, SafetensorError) as error:
            why = " ".join(str(error).split())[:160]
            raise ModelNotFound(f"{self.name} cannot be loaded: {why}. {_WAY_OUT}") from error
        if missing:
            raise ModelNotFound(f"the weights of {self.name} lack {len(missing)} tensors, as {missing[0]}. {_WAY_OUT}")
        if any(type(module).__name__ == "SparseAutoEncoder" for module in model.modules()):
            raise InvalidConfig(
                f"the dimensions of {self.name} are not terms of a vocabulary but features of its own (CSR); name a "
                "SPLADE model, or the dense model it was made from."
            )
        if self._max_length:
            model.max_seq_length = self._max_length
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
        from scipy import sparse

        rows = self.packed(sentences)
        return unpacked(rows, len(self.words)) if len(rows) else sparse.csr_array((0, len(self.words)), dtype="f4")

    def packed(self, sentences: Sequence[str], /) -> NDArray[np.float32]:
        """The same, as rows of equal length: `top` numbers of terms, ascending, then their weights.

        Returns
        -------
        ndarray of shape (n, 2 * top), float32
            Places that are left over, behind the others, hold zeros. Numbers of terms are exact below 2**24.
        """
        import torch

        rows = np.zeros((len(sentences), 2 * self.top), dtype=np.float32)
        many = 1 if self.device == "cpu" else self._batch_size
        order = sorted(range(len(sentences)), key=lambda row: -len(sentences[row]))  # batches of like lengths
        groups = [order[start : start + many] for start in range(0, len(order), many)]
        # Before the threads: tokenizers are not to be shared by them.
        features = [self._features([sentences[row] for row in group]) for group in groups]

        def infer(place: int) -> None:
            for row, dense in zip(groups[place], self._infer(features[place]), strict=True):
                if not np.isfinite(dense).all():
                    raise InvalidInput(f"encoder {self.name} gave values that are not finite.")
                terms = strongest(dense, self.top)
                rows[row, : len(terms)], rows[row, self.top : self.top + len(terms)] = terms, dense[terms]

        threads = torch.get_num_threads()
        workers = self._threads if self.device == "cpu" else 1
        try:
            with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                list(pool.map(infer, range(len(groups))))
        finally:
            torch.set_num_threads(threads)
        return rows

    def project(self, activations: sparse.csr_array) -> NDArray[np.float32]:
        """Activations as unit vectors; shape (n, d), float32. A row without any stays a row of zeros."""
        return project(activations, self.dimension)

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Encode texts; shape (len(sentences), d), float32, unit rows; zeros where no term is active."""
        if not sentences:
            return np.empty((0, self.dimension), dtype=np.float32)
        return self.project(self.activations(sentences))


def _told(option: str) -> str:
    allowed = _ALLOWED[option]
    numbers = "whole numbers" if allowed.step == 1 else f"multiples of {allowed.step}"
    return f"allowed are {numbers} from {allowed[0]} to {allowed[-1]}."


def strongest(weights: NDArray[np.float32], top: int) -> NDArray[np.int64]:
    """The terms of the largest weights that are not zero, by their numbers.

    Examples
    --------
    >>> strongest(np.array([0.0, 2.0, 0.5, 2.0, 0.5], dtype=np.float32), 3).tolist()
    [1, 2, 3]
    """
    active = np.flatnonzero(weights)
    best = np.argsort(-weights[active], kind="stable")[:top]
    return np.sort(active[best])


def unpacked(rows: NDArray[np.float32], terms: int) -> sparse.csr_array:
    """Rows as `SparseEncoder.packed` makes them, as a matrix.

    Parameters
    ----------
    rows : ndarray of shape (n, 2 * top)
    terms : int
        V.

    Returns
    -------
    csr_array of shape (n, V), float32
    """
    from scipy import sparse

    top = rows.shape[1] // 2
    numbers, weights = rows[:, :top], rows[:, top:]
    used = weights != 0
    ends = np.append(0, np.cumsum(used.sum(axis=1)))
    return sparse.csr_array((weights[used], numbers[used].astype(np.int32), ends), shape=(len(rows), terms))


_SAFE = {"use_safetensors": True}
_WAY_OUT = (
    "If it needs code of its own, that is never run (trust_remote_code is off). Otherwise its files are not whole: "
    "save it again with SparseEncoder.save_pretrained of sentence-transformers."
)


def _find(name: str) -> Checkpoint:
    checkpoint = find_checkpoint(name)
    scheme = scheme_of(checkpoint.folder)
    if scheme == "":
        raise InvalidConfig(
            f"{name} is no sparse encoder: its vectors are dense. Name it without sparse:, as {name!r}."
        )
    if scheme == "transformer":
        raise InvalidConfig(
            f"{name} is a transformer, and does not say that it is a sparse encoder. For vectors of its hidden states "
            f"name transformer:{name}; if it was trained as SPLADE, save it once with sentence-transformers, "
            f"SparseEncoder({name!r}).save_pretrained(FOLDER), and name sparse:FOLDER."
        )
    if scheme != "sparse":
        raise InvalidConfig(f"{name} is no sparse encoder: modules.json in it does not name the modules of one.")
    if not whole(checkpoint.folder):
        raise ModelNotFound(
            f"no safetensors weights, or not all of them, in {checkpoint.folder}. Pickled weights (*.bin) are never "
            "read, since reading them can run code: where you trust them, save the model again with "
            "SparseEncoder.save_pretrained of sentence-transformers."
        )
    return checkpoint


def _made_up(checkpoint: Checkpoint, told: Mapping[str, Any]) -> list[str]:
    """Weights of a masked language model that are not in its files, which transformers would draw at random."""
    from transformers import AutoModelForMaskedLM

    found: list[str] = []
    for module in modules_of(checkpoint.folder):
        folder = checkpoint.folder / str(module.get("path", ""))
        if str(module.get("type")).endswith("Transformer") and read_json(folder / "config.json"):
            _, loading = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True, **_SAFE, **told)
            found += sorted(loading["missing_keys"])
    return found
