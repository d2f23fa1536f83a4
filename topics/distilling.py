"""`topics distill`: a static model of one's own, made from any encoder and one's own documents."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topics.api import embed
from topics.config import Config
from topics.corpus import read
from topics.data import Texts
from topics.embedding import as_encoder, decisive, fitted, name_of
from topics.embedding.distillation import LEAST, Fidelity, Student, Vocabulary, count_words, distil
from topics.embedding.hub import read_json
from topics.embedding.precomputed import SCHEME
from topics.embedding.static_folder import MARK, static_files
from topics.errors import InvalidConfig, InvalidInput
from topics.swapping import beside, check_place, swap, write_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from topics.data import Embeddings
    from topics.store import Store

log = logging.getLogger(__name__)

_MARKER = "config.json"
_MOST = 10_000  # texts; the fit takes the square of that in memory
_COUNTED = 100_000  # texts whose words are counted


@dataclass(frozen=True)
class Distilled:
    """A static model, and how like its teacher it is on `held_out` texts that it was not fitted to."""

    path: Path
    teacher: str
    documents: int  # texts the teacher encoded
    words: int
    dimension: int
    held_out: int
    before: Fidelity  # of the words as the teacher sees them alone
    after: Fidelity

    @property
    def encoder(self) -> str:
        """What `topics fit --encoder` takes."""
        return f"static:{self.path}"


def distill(
    documents: Any,
    output: str | Path,
    encoder: Any = "",
    *,
    text: str | None = None,
    sample: int = 4000,
    words: int = 30_000,
    store: Store | None = None,
    workers: int | None = None,
) -> Distilled:
    """Make a static model of an encoder for documents like these: less faithful, some hundred times faster.

    The encoder encodes a sample of the texts and each word alone; the words' vectors are then fitted so
    that their weighted mean gives the texts' (see `topics.embedding.distillation`). The folder depends on
    the documents, whatever their order, the encoder and the two numbers alone. Words that less than three
    documents have are not known to the model: make one for each kind of documents.

    Parameters
    ----------
    documents : as in `topics.fit`
    output : path
        The folder to write; the encoder is then `static:FOLDER`. A model that was distilled before is
        replaced. sentence-transformers and Model2Vec can read it, too, but they do not cut scripts without
        spaces into words.
    encoder : str or object, optional
        The teacher, as in `topics.fit`; by default that of `Config`.
    text : str, optional
        Column with the texts, where documents are a table.
    sample : int
        Texts to learn from, 100 to 10,000: the first in the order of their hashes. Time and memory of the
        fit grow with its cube and its square.
    words : int
        Most words the model may know; those of most texts are taken. In corpora of more than 100,000 texts
        they are counted in so many.
    store : Store, optional
        Keeps the teacher's vectors.
    workers : int, optional
        As in `Config`; never changes a bit.

    Returns
    -------
    Distilled

    Raises
    ------
    InvalidInput
        If there are too few documents, or something else is at `output`.
    InvalidConfig
        If the encoder cannot encode words, or a number is not allowed.
    ModelNotFound
        If there is no such encoder.
    """
    output = Path(output)
    _check_numbers(sample, words)
    _check_target(output)
    name = _checked_name(encoder)
    corpus = read(documents, text=text).corpus
    if len(corpus.texts) < LEAST:
        raise InvalidInput(
            f"there are {len(corpus.texts)} distinct documents with text; to distill an encoder takes at least {LEAST}."
        )
    teacher = name if isinstance(encoder, str) else fitted(encoder, corpus.texts)
    vocabulary = count_words(corpus.texts.texts[:_COUNTED], words)
    texts = Texts(corpus.texts.texts[:sample], corpus.texts.keys[:sample])

    def taught(some: list[str]) -> Embeddings:
        return embed(some, teacher, store=store, workers=workers)

    log.info("%s encodes %s documents and %s words.", name, f"{len(texts):,}", f"{len(vocabulary.words):,}")
    truth, alone = taught(list(texts.texts)), taught(list(vocabulary.words))
    student = distil(texts.texts, truth.vectors, vocabulary, alone.vectors, Config.of(workers=workers).threads)
    told = _told(name, truth.fingerprint, texts, student)
    _write(output, static_files(vocabulary.words, student.rows, told))
    return _result(output, name, len(texts), vocabulary, student)


def _result(output: Path, name: str, documents: int, vocabulary: Vocabulary, student: Student) -> Distilled:
    return Distilled(
        path=output,
        teacher=name,
        documents=documents,
        words=len(vocabulary.words),
        dimension=int(student.rows.shape[1]),
        held_out=student.held_out,
        before=student.before,
        after=student.after,
    )


def _told(name: str, fingerprint: str, texts: Texts, student: Student) -> dict[str, Any]:
    """What the folder remembers: nothing that another run of the same would not say."""

    def rounded(fidelity: Fidelity) -> dict[str, float]:
        return {key: round(value, 4) for key, value in asdict(fidelity).items()}

    return {
        "teacher": name,
        "teacher_fingerprint": fingerprint,
        "texts": texts.fingerprint,
        "documents": len(texts),
        "held_out": student.held_out,
        "penalty": student.penalty,
        "before": rounded(student.before),
        "after": rounded(student.after),
    }


def _checked_name(encoder: Any) -> str:
    """What the teacher is called; what cannot be one is said before anything is read."""
    if not isinstance(encoder, str):
        as_encoder(encoder)
        return name_of(encoder)
    name = encoder or Config.of().encoder
    if name.startswith(SCHEME):
        raise InvalidConfig(
            f"{name}: a teacher has to encode words, and these vectors are of documents only; name an encoder."
        )
    decisive(name)
    return name


def _check_numbers(sample: int, words: int) -> None:
    if not LEAST <= sample <= _MOST:
        raise InvalidConfig(f"sample={sample}; allowed are whole numbers from {LEAST} to {_MOST}.")
    if words < 1:
        raise InvalidConfig(f"words={words}; allowed are whole numbers from 1 on.")


def _check_target(folder: Path) -> None:
    """Refuse a place at which there is something that must not be replaced; before long work, so that none is lost."""
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is a file; name a folder as --output.")
    if folder.is_dir() and any(folder.iterdir()) and MARK not in read_json(folder / _MARKER):
        raise InvalidInput(
            f"{folder} is not empty and holds no distilled model; nothing in it was touched. Name another --output."
        )
    check_place(folder)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a model, whole or not at all."""
    with beside(folder, _MARKER) as temporary:
        for name, content in files.items():
            write_file(temporary / name, content)
        if folder.is_dir() and any(folder.iterdir()):
            log.info("Replacing the model in %s.", folder)
        swap(temporary, folder)


def as_json(made: Distilled) -> str:
    """What `topics distill --json` prints."""
    return json.dumps({"encoder": made.encoder, **asdict(made), "path": str(made.path)})
