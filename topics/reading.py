"""Documents read passage by passage: a long one may be about several topics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from topics.api import assign
from topics.config import Config
from topics.corpus import read
from topics.data import Corpus
from topics.embedding import as_encoder, base_of, open_encoder
from topics.embedding.passages import Passage, counted, cut
from topics.embedding.splitting import measures
from topics.errors import InvalidConfig
from topics.pipeline import check_encoder
from topics.steps import ENCODER
from topics.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from topics.protocols import Encoder, MeasuringEncoder
    from topics.run import Run

_OF_A_PASSAGE = ("topic", "topic_id", "name", "strength", "confidence", "reason")


def passages(
    run: Run, documents: Any, *, tokens: int | None = None, store: Store | None = None, encoder: Any = None
) -> pd.DataFrame:
    """Cut documents into passages and place each among the topics of a run, by the rule that places documents.

    Passages end where sentences end; a sentence that is too long itself is cut where a line may be broken.

    Parameters
    ----------
    run : Run
    documents : as in `topics.api.fit`
    tokens : int, optional
        Most tokens of a passage, as the encoder counts them; by default as many as it reads.
    store : Store, optional
    encoder : str or object, optional
        As in `topics.api.assign`; an object has to say how much it reads, by `max_length` and `count_tokens`.

    Returns
    -------
    DataFrame
        id (of the document), start, end (in its text, white space folded), text, and topic, topic_id, name,
        strength, confidence, reason as `topics.api.assign` gives them. A row for each passage, in the order of
        the documents and of their text; a document that fits is one passage, one without text has none.

    Raises
    ------
    InvalidConfig
        If the encoder does not say how much of a text it reads, or `tokens` leaves no room for any.
    InvalidInput
        As `topics.api.assign`.
    """
    import pandas as pd

    corpus = documents if isinstance(documents, Corpus) else read(documents).corpus
    opened = _opened(run, store, encoder)
    if tokens is not None and tokens < 1:
        raise InvalidConfig(f"tokens={tokens}: a passage has at least one.")
    limit = opened.max_length if tokens is None else min(tokens, opened.max_length)
    texts = corpus.texts.texts
    fits = np.array(counted(opened.count_tokens, texts)) <= limit
    found = [
        [Passage(0, len(text), 0)] if fits[row] else cut(text, opened.count_tokens, limit)
        for row, text in enumerate(texts)
    ]
    told = [
        (corpus.ids[place], passage.start, passage.end, texts[row][passage.start : passage.end])
        for place, row in enumerate(corpus.rows.tolist())
        if row >= 0
        for passage in found[row]
    ]
    table = pd.DataFrame(told, columns=["id", "start", "end", "text"]).astype(
        {"id": "str", "start": "int64", "end": "int64", "text": "str"}
    )
    pieces = Corpus.from_texts(table["text"], range(len(table)))
    return table.join(assign(run, pieces, store, opened)[list(_OF_A_PASSAGE)])


def _opened(run: Run, store: Store | None, encoder: Any) -> MeasuringEncoder:
    config = run.config
    if isinstance(encoder, str):
        config, encoder = Config.of(**{**config.model_dump(), "encoder": encoder}), None
    elif encoder is None:
        encoder = run.encoder
    found: Encoder
    if encoder is not None:
        found = as_encoder(encoder)
    else:
        check_encoder(config.encoder)
        workshop = config.workshop(store or Store())
        prepared = workshop.load(workshop.run(ENCODER, (), {"name": base_of(config.encoder)}).ref)
        found = open_encoder(prepared, config.encoder, config.threads, config.batch_size)
    if not measures(found):
        raise InvalidConfig(
            f"{config.encoder} does not say how many tokens of a text it reads, so nothing can be cut to fit it. Take "
            "a sentence-transformers model by its name, transformer:MODEL, or an object with count_tokens(list of "
            "str) and max_length."
        )
    return found
