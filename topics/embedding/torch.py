"""Sentence encoders as they come, on PyTorch: for what cannot be converted."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from topics.data import ConvertedEncoder
    from topics.embedding.checkpoint import Checkpoint

_BATCH = 32  # fixed: PyTorch's bits depend on it


class TorchEncoder:
    """A SentenceTransformer, loaded when first used, on one thread so that reruns agree."""

    def __init__(self, checkpoint: Checkpoint, model: ConvertedEncoder) -> None:
        self.name = model.name
        self.dimension = model.dimension
        self.fingerprint = model.digest
        self.vector_key = ""  # a vector's last bits depend on its batch: it is not kept on its own
        self._folder = str(checkpoint.folder)

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(self._folder, device="cpu", local_files_only=True)

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Encode texts; shape (len(sentences), d), float32, unit rows."""
        import torch

        model, threads = self._model, torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            vectors: NDArray[np.float32] = model.encode(
                sentences, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        finally:
            torch.set_num_threads(threads)
        return vectors
