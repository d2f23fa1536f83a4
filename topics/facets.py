"""Which stages make the aspects that a run asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from topics.aspects import check_spacy, default_model, parse_aspects
from topics.aspects.selection import LAMBDA
from topics.embedding.precomputed import ARRAY, SCHEME
from topics.errors import InvalidConfig
from topics.steps import BY_MEANING, BY_RELEVANCE, BY_WEIGHT, CANDIDATES, EXPAND, NOUNS, PHRASES
from topics.store import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from topics.config import Config
    from topics.workshop import Workshop


class Known(NamedTuple):
    """References to what aspects are made from."""

    texts: Ref
    vectors: Ref  # that were clustered
    settled: Ref
    counts: Ref
    described: Ref
    activations: Ref | None  # of a sparse encoder


def check_aspects(config: Config, encodes: bool) -> None:
    """Refuse, before any work, aspects that this run cannot have.

    Parameters
    ----------
    config : Config
    encodes : bool
        Whether the vectors come from an encoder, which could encode words as well.

    Raises
    ------
    InvalidConfig
    """
    asked = parse_aspects(config.aspects)
    if "pos" in asked:
        told = config.language not in ("auto", "none")  # otherwise the language, and so the model, is yet to be seen
        check_spacy(asked["pos"] or (default_model((config.language,)) if told else ""))
    if "keybert" in asked and (not encodes or config.encoder.startswith((SCHEME, ARRAY))):
        raise InvalidConfig(
            "aspects=keybert compares words encoded as the documents were, and these vectors were given: there is no "
            "encoder. mmr does without one; or fit with an encoder."
        )


def describe_aspects(
    known: Known, config: Config, workshop: Workshop, step: Callable[..., Ref], embed_words: Callable[[Ref], Ref]
) -> dict[str, Ref]:
    """References to aspects, by name; that of a sparse encoder comes first, unasked.

    Parameters
    ----------
    known : Known
    config : Config
    workshop : Workshop
    step : callable
        Runs a stage.
    embed_words : callable
        From a reference to words, as texts, to one to their vectors, made as those of the documents were.
    """
    made: dict[str, Ref] = {}
    many, words = {"n_terms": config.n_terms}, {"stop_words": sorted(set(config.stop_words))}
    if known.activations:
        made["expansion"] = step(EXPAND, known.settled, known.activations, known.counts, **words, **many)
    asked = parse_aspects(config.aspects)
    of_vectors = (known.settled, known.counts, known.vectors)
    if {"mmr", "keybert"} & asked.keys():
        candidates = step(CANDIDATES, *of_vectors)
    for name, option in asked.items():
        if name == "ctfidf":
            made[name] = step(BY_WEIGHT, known.described, **many)
        elif name == "phrases":
            made[name] = step(PHRASES, known.texts, known.settled, known.counts, **many)
        elif name == "pos":
            model = option or default_model(workshop.load(known.counts).languages)
            made[name] = step(NOUNS, known.texts, *of_vectors, model=model, **words, **many)
        elif name == "mmr":
            made[name] = step(BY_RELEVANCE, candidates, *of_vectors, trade=float(option or LAMBDA), **many)
        else:
            texts = workshop.load(candidates).texts
            encoded = embed_words(Ref("texts", texts.fingerprint[:40], within=candidates))
            made[name] = step(BY_MEANING, candidates, encoded, known.settled, **many)
    return made
