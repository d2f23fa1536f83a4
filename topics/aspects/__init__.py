"""Topics seen from other sides than their terms: each aspect lists words of its own for every topic."""

from topics.aspects.asked import TITLES, parse_aspects, spell_aspects
from topics.aspects.expansion import beyond_expected, expansions, word_columns
from topics.aspects.nouns import central_texts, check_spacy, decisive, default_model, noun_phrases, open_tagger
from topics.aspects.phrases import phrases
from topics.aspects.selection import by_marginal_relevance, by_meaning, by_weight, choose_candidates

__all__ = [
    "TITLES",
    "beyond_expected",
    "by_marginal_relevance",
    "by_meaning",
    "by_weight",
    "central_texts",
    "check_spacy",
    "choose_candidates",
    "decisive",
    "default_model",
    "expansions",
    "noun_phrases",
    "open_tagger",
    "parse_aspects",
    "phrases",
    "spell_aspects",
    "word_columns",
]
