"""Texts to unit vectors, by any encoder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from topics.data import ConvertedEncoder, Embeddings, Texts
from topics.embedding.checkpoint import Checkpoint, find_checkpoint
from topics.embedding.openvino import OpenVinoEncoder, convert, precision
from topics.embedding.torch import TorchEncoder
from topics.errors import InvalidInput
from topics.progress import track
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from topics.protocols import Encoder

__all__ = ["Checkpoint", "convert", "embed", "find_checkpoint", "open_encoder", "precision"]

log = logging.getLogger(__name__)

_CHUNK = 2048  # texts between two reports of progress; encoders sort within it


def open_encoder(model: ConvertedEncoder, threads: int = 1, batch_size: int = 64) -> OpenVinoEncoder | TorchEncoder:
    """Make a converted model ready to encode; one that could not be converted runs on PyTorch.

    `threads` and `batch_size` say how the work is done; the vectors do not depend on them.
    """
    if model.reason:
        log.warning("%s runs on PyTorch, several times slower: %s", model.name, model.reason)
        return TorchEncoder(find_checkpoint(model.name), model)
    return OpenVinoEncoder(model, threads, batch_size)


def embed(texts: Texts, encoder: Encoder, name: str) -> Embeddings:
    """Encode every text.

    Parameters
    ----------
    texts : Texts
        u of them.
    encoder : Encoder
    name : str
        What to call it in the result.

    Returns
    -------
    Embeddings
        Unit rows of shape (u, d), float32.

    Raises
    ------
    InvalidInput
        If the encoder gives another number of rows than texts, rows of another width, or values
        that are not finite.
    """
    starts = range(0, len(texts), _CHUNK)
    blocks = []
    for start in track(starts, len(texts), "Embedding", "documents", lambda start: min(_CHUNK, len(texts) - start)):
        chunk = list(texts.texts[start : start + _CHUNK])
        blocks.append(unit_rows(_checked(encoder.encode(chunk), len(chunk), name)))
        if blocks[-1].shape[1] != blocks[0].shape[1]:
            raise InvalidInput(
                f"encoder {name} gave rows of {blocks[0].shape[1]} numbers, then of {blocks[-1].shape[1]}; "
                "all its vectors must have the same length."
            )
    vectors = np.concatenate(blocks) if blocks else np.empty((0, 0), dtype=np.float32)
    return Embeddings(vectors, name, str(getattr(encoder, "fingerprint", "")))


def _checked(vectors: object, rows: int, name: str) -> NDArray[np.float32]:
    try:
        array = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"encoder {name} gave a {type(vectors).__name__} that is no array: {error}; expected ({rows}, d) numbers."
        ) from None
    if array.ndim != 2 or len(array) != rows:
        raise InvalidInput(
            f"encoder {name} gave an array of shape {array.shape} for {rows} texts; expected ({rows}, d)."
        )
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).any(axis=1).sum())
        raise InvalidInput(f"encoder {name} gave values that are not finite for {bad} of {rows} texts.")
    return array
