"""Which encoders there are here, by name, and what the store remembers of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from topics.embedding.listing import SENTENCE, Listed, describe, installed
from topics.errors import StoreDamaged
from topics.steps import ENCODER
from topics.store import Store, shelved, stage_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

COLUMNS = ("name", "family", "where", "dimension", "max_length", "bytes", "prepared", "vectors", "problem")


def encoders(*names: str, store: Store | None = None) -> pd.DataFrame:
    """List the encoders that can be used here now, without network and without loading any.

    The packaged model, the models in the Hugging Face hub's cache with safetensors weights, a remote
    service whose key is in the environment, and what the store remembers.

    Parameters
    ----------
    *names : str
        More of them: names, folders, or schemes with their options.
    store : Store, optional
        By default `$TOPICS_STORE`, else `outputs/store`.

    Returns
    -------
    DataFrame
        name (what `encoder=` takes), family, where, dimension, max_length (tokens), bytes, prepared
        ("converted" for this machine, "PyTorch" where that failed, "not yet", or "" where nothing has to be),
        vectors (kept in the store), problem (why it cannot be used, or "").

    Examples
    --------
    >>> from topics import NO_STORE
    >>> encoders("no-such-model", store=NO_STORE).set_index("name").problem["no-such-model"]
    'not on this machine'
    """
    import pandas as pd

    table = pd.DataFrame(list_encoders(names, store or Store()))
    return table.astype({"dimension": "Int64", "max_length": "Int64", "bytes": "Int64"})


def list_encoders(names: Sequence[str], store: Store) -> list[dict[str, Any]]:
    """The rows of `encoders`; pandas would take longer to load than all of them."""
    prepared, vectors = _prepared(store), shelved(store)
    found = {listed.name: listed for listed in installed()}
    for name in (*names, *sorted({*prepared, *vectors})):
        if name not in found and not name.startswith("<"):  # an object has no name by which it could be found
            found[name] = describe(name)
    return [_row(listed, prepared, vectors) for listed in found.values()]


def _row(listed: Listed, prepared: Mapping[str, str], vectors: Mapping[str, int]) -> dict[str, Any]:
    state = prepared.get(listed.name, "not yet") if listed.family == SENTENCE and listed.where else ""
    told = asdict(listed) | {"prepared": state, "vectors": vectors.get(listed.name, 0)}
    return {name: told[name] for name in COLUMNS}


def _prepared(store: Store) -> dict[str, str]:
    """What the store knows of sentence-transformers models by name: converted, on PyTorch, or not any more."""
    found: dict[str, str] = {}
    for entry in store.entries(ENCODER.name):
        try:
            told = store.peek(entry.ref)
            name, reason = str(told["name"]), told["reason"]
        except (StoreDamaged, KeyError):
            continue
        # To ask which precision this processor has would load OpenVINO, to hash the files would take longer still.
        keys = {
            stage_key(
                ENCODER.name,
                ENCODER.version,
                {"name": name, "checkpoint": told["digest"], "precision": precision},
                [],
                ENCODER.libraries,
            )
            for precision in ("bf16", "f32")
        }
        if entry.ref.key in keys:
            found[name] = "PyTorch" if reason else "converted"
        elif told["graph"] or reason:
            found.setdefault(name, "not yet")  # by other releases
    return found
