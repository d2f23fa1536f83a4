from __future__ import annotations

import numpy as np
import pytest
from splade import MONEY, SPORT, write_splade


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """A model in which a word activates itself and what it implies."""
    return write_splade(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def deep(tmp_path_factory):
    """A model with attention, whose last bits could depend on a batch."""
    return write_splade(tmp_path_factory.mktemp("deep"), layers=2, threshold=3.0)


@pytest.fixture(scope="session")
def texts():
    rng = np.random.default_rng(0)
    words = [*MONEY, *SPORT, "the", "unheard"]
    return ["", "unheard"] + [" ".join(rng.choice(words, many)) for many in (1, 2, 3, 7, 8, 9, 15, 16, 17, 30, 46, 90)]


@pytest.fixture(scope="session")
def documents():
    rng = np.random.default_rng(1)
    return [f"{' '.join(rng.choice(theme, 6))} {row}" for row in range(40) for theme in (MONEY, SPORT)]
