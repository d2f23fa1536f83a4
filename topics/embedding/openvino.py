"""Sentence encoders on the CPU through OpenVINO, several times faster than PyTorch.

The whole SentenceTransformer is converted, pooling and normalisation included, once; running it
imports neither PyTorch nor sentence-transformers. The bits of a vector depend on the padded length
of its text alone, so each text is padded to a length of its own, the next multiple of 4 tokens if it
is short and of 16 if it is long: its vector is the same in any batch, in any order, on any number of
threads.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import ConvertedEncoder
from topics.errors import InvalidConfig
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from topics.embedding.checkpoint import Checkpoint

log = logging.getLogger(__name__)

# Tokens. Padded lengths are multiples of 4 up to 64, since padding to 16 made titles cost a third more; beyond, of 16:
# finer steps there save 1 % and make smaller batches.
_FINE, _SHORT, _STEP = 4, 64, 16
_BUDGET = 4096  # tokens in a batch; more is not faster and takes more memory
_VERSION = 2  # raised when code here changes a vector
_FAITHFUL = 0.9999  # least cosine with the original on the probe texts

_PROBES = tuple(
    f"{start} {middle}."
    for start in ("Graphs and nodes", "The quarterly report", "¿Dónde está", "短い文")
    for middle in ("", "was short", "is a sentence with a few more words in it", "and then " * 12, "x=1; " * 40)
)


class OpenVinoEncoder:
    """A converted model; `encode` gives unit rows.

    Parameters
    ----------
    model : ConvertedEncoder
    threads : int
        Batches computed at once, each on a thread.
    batch_size : int
        Most texts in a batch.
    prompt : str
        Put before every text.
    dimensions, max_length : int, optional
        Numbers kept of a vector and tokens read of a text; by default all the model has.
    arithmetic : {'auto', 'bf16', 'f32'}
        auto: bf16 where the processor computes in it.

    Raises
    ------
    InvalidConfig
        If more dimensions or tokens are asked for than the model has, or bf16 where there is none.
    """

    def __init__(
        self,
        model: ConvertedEncoder,
        threads: int = 1,
        batch_size: int = 64,
        prompt: str = "",
        dimensions: int | None = None,
        max_length: int | None = None,
        arithmetic: str = "auto",
    ) -> None:
        self.name = model.name
        self.dimension, told = shortened(model, prompt, dimensions, max_length)
        self.max_length = max_length or model.max_length
        self.fingerprint = f"{model.digest}{told}"
        self._precision = precision() if arithmetic == "auto" else arithmetic
        if self._precision == "bf16" != precision():
            raise InvalidConfig("precision=bf16: this processor does not compute in it; take auto or f32.")
        releases = " ".join(version(name) for name in ("openvino", "tokenizers"))
        padding = f"{_FINE} to {_SHORT}, {_STEP}"
        self.vector_key = f"{self.fingerprint} {self._precision} {model.max_length} {padding} {_VERSION} {releases}"
        self._model = model
        self._prompt = prompt
        self._threads = threads
        self._batch_size = batch_size

    @cached_property
    def _compiled(self) -> Any:
        openvino = _openvino()
        # OpenVINO reads the weights in place: the array must outlive the model.
        weights = openvino.Tensor(np.ascontiguousarray(self._model.weights))
        core = openvino.Core()
        return core.compile_model(
            core.read_model(self._model.graph.encode(), weights),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": self._precision,
                "PERFORMANCE_HINT": "THROUGHPUT",
                "NUM_STREAMS": str(self._threads),
                "INFERENCE_NUM_THREADS": self._threads,
            },
        )

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self._model.tokenizer)
        tokenizer.enable_truncation(self.max_length)
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _whole(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self._model.tokenizer)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def count_tokens(self, sentences: list[str], /) -> list[int]:
        """Tokens of each text, special ones and the prompt included, none cut off."""
        return [len(tokens) for tokens in self._whole.encode_batch_fast([self._prompt + text for text in sentences])]

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Encode texts; shape (len(sentences), d), float32, unit rows."""
        vectors = np.empty((len(sentences), self._model.dimension), dtype=np.float32)
        prompted = [self._prompt + sentence for sentence in sentences] if self._prompt else sentences
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(prompted)]
        # A request for each thread, and no callbacks: OpenVINO's own queue locks up or aborts now and then.
        idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self._threads):
            idle.put(self._compiled.create_infer_request())

        def infer(batch: tuple[NDArray[np.int64], int]) -> None:
            rows, length = batch
            ids = np.full((len(rows), length), self._model.pad, dtype=np.int64)
            mask = np.zeros((len(rows), length), dtype=np.int64)
            for place, row in enumerate(rows):
                ids[place, : len(tokens[row])] = tokens[row]
                mask[place, : len(tokens[row])] = 1
            request = idle.get()
            try:
                request.infer({"input_ids": ids, "attention_mask": mask})
                vectors[rows] = request.get_output_tensor(0).data
            finally:
                idle.put(request)  # or the others would wait for it forever

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(infer, batches(np.array([len(ids) for ids in tokens]), self._batch_size)))
        return vectors if self.dimension == self._model.dimension else unit_rows(vectors[:, : self.dimension])


def batches(lengths: NDArray[np.int64], batch_size: int) -> list[tuple[NDArray[np.int64], int]]:
    """Group texts of equal padded length, longest first.

    Parameters
    ----------
    lengths : ndarray of shape (b,)
        Tokens of each text.
    batch_size : int
        Most texts in a group; long texts come in smaller groups.

    Returns
    -------
    list of (ndarray of rows, int)
        Rows of the group and the length to pad them to.

    Examples
    --------
    >>> [(rows.tolist(), length) for rows, length in batches(np.array([3, 20, 16]), batch_size=8)]
    [([1], 20), ([2], 16), ([0], 4)]
    """
    step = np.where(lengths <= _SHORT, _FINE, _STEP)
    padded = np.maximum(-(-lengths // step), 1) * step
    groups = []
    for length in np.unique(padded)[::-1].tolist():
        rows = np.flatnonzero(padded == length)
        most = max(1, min(batch_size, _BUDGET // length))
        groups += [(rows[start : start + most], length) for start in range(0, len(rows), most)]
    return groups


def shortened(model: ConvertedEncoder, prompt: str, dimensions: int | None, max_length: int | None) -> tuple[int, str]:
    """The length of the vectors, and what to add to the fingerprint of a model that is not used as it comes.

    Raises
    ------
    InvalidConfig
        If more is asked for than the model has.
    """
    most = {"dimensions": model.dimension, "max_length": model.max_length}
    asked = {"dimensions": dimensions, "max_length": max_length}
    for option, value in asked.items():
        if value is not None and value > (most[option] or value):
            raise InvalidConfig(f"{option}={value}: {model.name} has {most[option]}; ask for as many or fewer.")
    told = {option: value for option, value in {"prompt": prompt or None, **asked}.items() if value is not None}
    return dimensions or model.dimension, f" {json.dumps(told)}" if told else ""


def _openvino() -> Any:
    # On import it reports home, unasked, unless its telemetry package cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def precision() -> str:
    """`bf16` where the processor computes in it, else `f32`."""
    return "bf16" if "BF16" in _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def convert(checkpoint: Checkpoint) -> ConvertedEncoder:
    """Convert a SentenceTransformer; a model that resists comes back empty, with the reason.

    The result is compared with the original on texts of many lengths before it is trusted.
    """
    from sentence_transformers import SentenceTransformer

    log.info("Preparing %s for this processor; once, about ten seconds.", checkpoint.name)
    with silence():
        original = SentenceTransformer(str(checkpoint.folder), device="cpu", local_files_only=True)
    dimension = original.get_embedding_dimension() or 0
    try:
        with silence():
            model = _converted(checkpoint, original)
        got = OpenVinoEncoder(model).encode(list(_PROBES))
        want = original.encode(list(_PROBES), prompt="", normalize_embeddings=True, show_progress_bar=False)
        least = float(np.einsum("ij,ij->i", got, want).min())
        if least < _FAITHFUL:
            raise ValueError(f"its cosine with the original falls to {least:.5f}, below {_FAITHFUL}")
        return model
    except Exception as error:  # noqa: BLE001 - converters fail in every way there is; the original still works
        reason = f"{type(error).__name__}: {str(error)[:300]}"
        return unconverted(checkpoint, reason, int(original.max_seq_length or 0), dimension)


def unconverted(checkpoint: Checkpoint, reason: str, max_length: int = 0, dimension: int = 0) -> ConvertedEncoder:
    """The record of a model that runs as it is, and why; 0 where its sizes are not known."""
    return ConvertedEncoder(
        name=checkpoint.name,
        digest=checkpoint.digest,
        reason=reason,
        graph="",
        weights=np.empty(0, np.uint8),
        tokenizer="",
        pad=0,
        max_length=max_length,
        dimension=dimension,
    )


@contextmanager
def silence() -> Iterator[None]:
    """Keep back what loading and tracing say of themselves; what matters is checked on the probes."""
    from transformers.utils import logging as transformers_logging

    verbosity, shown = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _converted(checkpoint: Checkpoint, original: Any) -> ConvertedEncoder:
    import torch

    openvino = _openvino()

    class Whole(torch.nn.Module):
        """Tokens in, unit vectors out."""

        def __init__(self) -> None:
            super().__init__()
            self.original = original

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = self.original({"input_ids": input_ids, "attention_mask": attention_mask})
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=-1)

    ids = torch.ones((2, _STEP), dtype=torch.int64)
    with torch.no_grad():
        graph = openvino.convert_model(Whole().eval(), example_input={"input_ids": ids, "attention_mask": ids})
    graph.reshape({port: openvino.PartialShape([-1, -1]) for port in graph.inputs})
    with tempfile.TemporaryDirectory() as folder:
        # Weights of 16 bits would halve the file, and move vectors computed in f32 by a cosine of 1.6e-6.
        openvino.save_model(graph, Path(folder) / "model.xml", compress_to_fp16=False)
        xml = (Path(folder) / "model.xml").read_text("utf-8")
        weights = np.fromfile(Path(folder) / "model.bin", dtype=np.uint8)
    tokenizer = original.tokenizer
    return ConvertedEncoder(
        name=checkpoint.name,
        digest=checkpoint.digest,
        reason="",
        graph=xml,
        weights=weights,
        tokenizer=tokenizer.backend_tokenizer.to_str(),
        pad=int(tokenizer.pad_token_id),
        max_length=int(original.max_seq_length),
        dimension=int(original.get_embedding_dimension()),
    )
