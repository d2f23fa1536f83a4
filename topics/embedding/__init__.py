"""Texts to unit vectors, by any encoder."""

from __future__ import annotations

import hashlib
import logging
import time
from typing import TYPE_CHECKING, cast

import numpy as np

from topics.data import Activations, ConvertedEncoder, Embeddings, Texts
from topics.embedding.checkpoint import Checkpoint, find_checkpoint
from topics.embedding.elsewhere import Elsewhere, by_size
from topics.embedding.families import NamedEncoder, family_encoder, is_family, is_sparse
from topics.embedding.hub import scheme_of
from topics.embedding.objects import as_encoder, checked, fitted, name_of
from topics.embedding.openvino import OpenVinoEncoder, convert, precision, unconverted
from topics.embedding.sentence import Asked, leaves_prompt_out
from topics.embedding.splitting import Splitting, longer, measure, reading_all, releases
from topics.embedding.torch import TorchEncoder
from topics.errors import InvalidConfig
from topics.progress import track
from topics.store import NO_STORE, VectorShelf
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from topics.embedding.sparse import SparseEncoder
    from topics.protocols import Encoder
    from topics.store import Store

__all__ = [
    "Checkpoint",
    "Elsewhere",
    "Splitting",
    "activate",
    "as_encoder",
    "base_of",
    "convert",
    "decisive",
    "embed",
    "find_checkpoint",
    "fitted",
    "is_sparse",
    "key_of",
    "longer",
    "measure",
    "name_of",
    "open_encoder",
    "open_sparse",
    "precision",
    "prepare",
    "reading_all",
    "releases",
    "rows_of",
]

log = logging.getLogger(__name__)

_FIRST = 256  # texts encoded before anything is known of the speed
_MOST = 8192  # texts encoded at once at most; encoders sort within them
_SECONDS = 3.0  # of work that an interruption may cost


def base_of(name: str) -> str:
    """What `prepare` makes ready for an encoder of this name: the model without its options, but for a GPU.

    Examples
    --------
    >>> base_of("intfloat/e5-small?prompt=query: "), base_of("static:glove.txt?sif=0")
    ('intfloat/e5-small', 'static:glove.txt?sif=0')

    Raises
    ------
    InvalidConfig
    """
    if is_family(name):
        return name
    asked = Asked.of(name)
    return asked.base if asked.runs_on == "cpu" else f"{asked.base}?device={asked.runs_on}"


def decisive(name: str) -> dict[str, str]:
    """All that tells the vectors of one encoder from those of another, from its name: its files are read, not run.

    Raises
    ------
    InvalidConfig, ModelNotFound
    """
    if encoder := family_encoder(name):
        told = {"fingerprint": encoder.fingerprint}
        device = getattr(encoder, "device", "cpu")
        return told if device == "cpu" else told | {"device": device}
    return {"checkpoint": _dense(Asked.of(name)).digest, "precision": precision()}


def _dense(asked: Asked) -> Checkpoint:
    checkpoint = find_checkpoint(asked.base)
    if scheme_of(checkpoint.folder) == "sparse":  # sentence-transformers would make something dense of it
        raise InvalidConfig(f"{asked.base} is a sparse encoder: name it sparse:{asked.base}.")
    return checkpoint


def prepare(name: str) -> ConvertedEncoder:
    """Get an encoder ready: a sentence-transformers model is converted, others run as they are.

    Raises
    ------
    InvalidConfig, ModelNotFound
    """
    if encoder := family_encoder(name):
        return ConvertedEncoder(name, encoder.fingerprint, "", "", np.empty(0, np.uint8), "", 0, 0, 0)
    asked = Asked.of(name)
    checkpoint = _dense(asked)
    if asked.runs_on != "cpu":
        return unconverted(checkpoint, f"it runs on {asked.runs_on}")
    return convert(checkpoint)


def open_encoder(
    model: ConvertedEncoder, name: str | None = None, threads: int = 1, batch_size: int = 64
) -> NamedEncoder:
    """Make a prepared encoder ready to encode; what could not be converted runs on PyTorch, as does a GPU.

    Parameters
    ----------
    model : ConvertedEncoder
    name : str, optional
        The model's, with options; by default without.
    threads, batch_size : int
        How the work is done; the vectors do not depend on them.

    Raises
    ------
    InvalidConfig
        If an option is not allowed.
    ModelNotFound
        If the model has to run as it is, and is gone.
    """
    name = name or model.name
    if encoder := family_encoder(name, threads, batch_size):
        return encoder
    asked = Asked.of(name)
    device = asked.runs_on
    sizes = (asked.dimensions, asked.max_length)
    checkpoint = find_checkpoint(asked.base)
    prompt = asked.prompt_of(checkpoint)
    reason = model.reason or (prompt and leaves_prompt_out(checkpoint) and "its pooling leaves the prompt out")
    if device == "cpu" and not reason:
        return OpenVinoEncoder(model, threads, batch_size, prompt, *sizes, asked.precision)
    if device == "cpu":
        log.warning("%s runs on PyTorch, several times slower: %s", asked.base, reason)
    else:
        log.info("%s runs on %s.", asked.base, device)
    return TorchEncoder(checkpoint, model, prompt, *sizes, device, threads, batch_size)


def open_sparse(name: str, threads: int = 1, batch_size: int = 64) -> SparseEncoder:
    """Make a sparse encoder, as `open_encoder` does any, with what it alone can do.

    Raises
    ------
    InvalidConfig, ModelNotFound
    """
    return cast("SparseEncoder", family_encoder(name, threads, batch_size))


def embed(
    texts: Texts, encoder: Encoder, name: str, store: Store = NO_STORE, elsewhere: Elsewhere | None = None
) -> Embeddings:
    """Encode every text that was not encoded before.

    Vectors are kept one by one under what decides their bits, a few seconds' worth at a time: an
    interrupted encode goes on where it stopped, and a grown corpus costs what is new in it. Processes
    that encode the same texts take turns and share the work.

    Parameters
    ----------
    texts : Texts
        u of them.
    encoder : Encoder
        Its `vector_key`, or else its `fingerprint`, tells vectors of different bits apart; without
        either nothing is kept.
    name : str
        What to call it in the result.
    store : Store
        Keeps the vectors.
    elsewhere : Elsewhere, optional
        Where the work is done, if not here. Other processes do not wait for it: they may encode the same texts, to
        the same bits.

    Returns
    -------
    Embeddings
        Unit rows of shape (u, d), float32.

    Raises
    ------
    InvalidInput
        If the encoder gives another number of rows than texts, rows of another width, or values
        that are not finite. Nothing of what it gave then is kept.
    """
    rows = _rows(texts, encoder, name, store, elsewhere)
    return Embeddings(rows, name, str(getattr(encoder, "fingerprint", "")))


def key_of(encoder: Encoder, sparse: bool = False) -> str:
    """What decides the bits of a row, empty if nobody knows."""
    if sparse:
        return cast("SparseEncoder", encoder).activation_key
    return str(getattr(encoder, "vector_key", getattr(encoder, "fingerprint", "")))


def rows_of(encoder: Encoder, sentences: list[str], name: str, sparse: bool = False) -> NDArray[np.float32]:
    """Unit vectors of some texts, or what a sparse encoder activates in them, packed.

    Raises
    ------
    InvalidInput
        If the encoder gives anything else than a finite row for each text.
    """
    if sparse:
        return checked(cast("SparseEncoder", encoder).packed(sentences), len(sentences), name)
    return unit_rows(checked(encoder.encode(sentences), len(sentences), name))


def activate(
    texts: Texts, encoder: SparseEncoder, name: str, store: Store = NO_STORE, elsewhere: Elsewhere | None = None
) -> Activations:
    """Find the terms a sparse encoder activates in every text, and the vectors that come of them.

    The activations are what is kept, text by text, as `embed` keeps vectors: the model runs once, for
    the vectors and for the description of topics, and not again for other `dimensions`.

    Parameters
    ----------
    texts : Texts
        u of them.
    encoder : SparseEncoder
    name : str
        What to call it in the result.
    store : Store
    elsewhere : Elsewhere, optional
        As in `embed`.

    Returns
    -------
    Activations

    Raises
    ------
    InvalidInput
        If a weight is not finite.
    """
    from topics.embedding.packing import unpacked

    weights = unpacked(_rows(texts, encoder, name, store, elsewhere, sparse=True), len(encoder.words))
    return Activations(weights, encoder.words, Embeddings(encoder.project(weights), name, encoder.fingerprint))


def _rows(
    texts: Texts, encoder: Encoder, name: str, store: Store, elsewhere: Elsewhere | None, sparse: bool = False
) -> NDArray[np.float32]:
    """A row for each text: off the shelf of the encoder, made now where it lacks them."""
    told = key_of(encoder, sparse)
    shelf = VectorShelf(store if told else NO_STORE, hashlib.sha256(told.encode()).hexdigest()[:40], name)
    shelf.refresh()
    left = np.flatnonzero(~shelf.known(texts.keys))
    if elsewhere is None:
        filling = _fill(shelf, texts, left, lambda sentences: rows_of(encoder, sentences, name, sparse), bool(told))
    else:
        # A vector that depends on the texts around it has the same ones around it as it would have here.
        cuts = by_size(texts, left) if told else np.split(left, range(_FIRST, len(left), _MOST))
        filling = elsewhere.fill(shelf, texts, cuts, name, told, sparse)
    for _ in track(filling, len(left), "Embedding", "documents", lambda many: many):
        pass
    shelf.merge()
    return shelf.get(texts.keys)


def _fill(
    shelf: VectorShelf,
    texts: Texts,
    left: NDArray[np.int64],
    encode: Callable[[list[str]], NDArray[np.float32]],
    keeps: bool,
) -> Iterator[int]:
    """Encode the texts that are left, a chunk at a time; yields by how many fewer the shelf lacks."""
    many = _FIRST
    while len(left):
        with shelf.locked():
            shelf.refresh()  # others may have been faster
            now = left[~shelf.known(texts.keys[left])]
            rows, began = now[:many], time.monotonic()
            if len(rows):
                shelf.put(texts.keys[rows], encode([texts.texts[int(row)] for row in rows]))
        done, left = len(left) - len(now) + len(rows), now[many:]
        rate = len(rows) / max(time.monotonic() - began, 1e-3)
        # Where an interruption loses all anyway, chunks do not follow the clock: an encoder whose bits move with
        # the texts around one is asked the same again by the next run.
        many = int(np.clip(rate * _SECONDS, _FIRST // 4, _MOST)) if keeps else _MOST
        yield done
