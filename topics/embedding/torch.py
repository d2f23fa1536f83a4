"""Sentence encoders as they come, on PyTorch: for what cannot be converted, and for GPUs."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.embedding.openvino import shortened, silence
from topics.errors import InvalidConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from topics.data import ConvertedEncoder
    from topics.embedding.checkpoint import Checkpoint

_RELEASES = ("torch", "transformers", "tokenizers", "sentence-transformers")


class TorchEncoder:
    """A SentenceTransformer, loaded when first used.

    On the CPU texts go through it one by one, unpadded and each on one thread, since the rest of a batch
    would change the last bits of a vector. On a GPU they go in batches: there the vector that is kept is the
    first one computed.

    Parameters
    ----------
    checkpoint : Checkpoint
    model : ConvertedEncoder
        Its empty conversion.
    prompt : str
        Put before every text.
    dimensions, max_length : int, optional
        As in `Asked`.
    device : str
        cpu, cuda, cuda:N or mps.
    threads : int
        Texts computed at once on the CPU.
    batch_size : int
        Texts in a batch on a GPU.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        model: ConvertedEncoder,
        prompt: str = "",
        dimensions: int | None = None,
        max_length: int | None = None,
        device: str = "cpu",
        threads: int = 1,
        batch_size: int = 64,
    ) -> None:
        self.name = model.name
        self._max_length = max_length or model.max_length
        self.dimension, told = shortened(model, prompt, dimensions, max_length)
        self.fingerprint = f"{model.digest}{told}"
        self.vector_key = f"{self.fingerprint} {device} {' '.join(version(name) for name in _RELEASES)}"
        self._folder = str(checkpoint.folder)
        self._prompt, self._device, self._threads, self._batch_size = prompt, device, threads, batch_size

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer

        try:
            with silence():
                model = SentenceTransformer(self._folder, device=self._device, local_files_only=True)
        except (RuntimeError, AssertionError) as error:  # what torch raises for a device that is not there
            if self._device == "cpu":
                raise
            raise InvalidConfig(
                f"{self.name} cannot run on device={self._device}: {' '.join(str(error).split())[:200]}. "
                f"Say {self.name}?device=cpu."
            ) from error
        if self._max_length:
            model.max_seq_length = self._max_length
        return model

    @property
    def max_length(self) -> int:
        """Tokens read of a text; 0 if all are, or if the model does not tell."""
        from transformers import PreTrainedTokenizerBase

        told = self._max_length or self._model.max_seq_length or 0
        counts = isinstance(getattr(self._model, "tokenizer", None), PreTrainedTokenizerBase)
        return int(told) if counts and told < math.inf else 0

    @property
    def reads_all(self) -> bool:
        """Whether a text may have any length."""
        return not self._max_length and self._model.max_seq_length == math.inf

    def count_tokens(self, sentences: list[str], /) -> list[int]:
        """Tokens of each text, special ones and the prompt included, none cut off."""
        prompted = [self._prompt + sentence for sentence in sentences]
        return [len(ids) for ids in self._model.tokenizer(prompted, truncation=False, verbose=False)["input_ids"]]

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Encode texts; shape (len(sentences), d), float32, not scaled."""
        if not sentences:
            return np.empty((0, self.dimension), dtype=np.float32)
        found = self._batched(sentences) if self._device != "cpu" else self._one_by_one(sentences)
        if self.dimension > found.shape[1]:
            raise InvalidConfig(f"dimensions={self.dimension}: {self.name} has {found.shape[1]}; ask for fewer.")
        return found[:, : self.dimension or None]

    def _batched(self, sentences: list[str]) -> NDArray[np.float32]:
        found = self._model.encode(sentences, prompt=self._prompt, batch_size=self._batch_size, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)

    def _one_by_one(self, sentences: list[str]) -> NDArray[np.float32]:
        import torch

        model = self._model.eval()
        features = [model.preprocess([sentence], prompt=self._prompt or None) for sentence in sentences]

        def infer(given: dict[str, Any]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return np.asarray(model(given)["sentence_embedding"][0].float().numpy())

        threads = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(self._threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                return np.stack(list(pool.map(infer, features)))
        finally:
            torch.set_num_threads(threads)
