"""From the hidden states of a transformer to one vector a text: which layers, and how over the tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

POOLINGS = ("mean", "cls", "max", "last")
LAYERS = {"last": (-1,), "second-to-last": (-2,), "mean-last-4": (-4, -3, -2, -1), "concat-last-4": (-4, -3, -2, -1)}


def layer_numbers(layers: str, depth: int | None = None, model: str = "the model") -> tuple[int, ...]:
    """Say which hidden states `layers` means, ascending, from 0, the embedding layer, to `depth`.

    Parameters
    ----------
    layers : str
        One of `LAYERS`, or numbers with commas between them, from either end as in `hidden_states`.
    depth : int, optional
        Layers of the model; without it the numbers come as they were given.
    model : str
        Its name, for messages.

    Raises
    ------
    InvalidConfig
        If `layers` is neither, or the model does not have them.

    Examples
    --------
    >>> layer_numbers("mean-last-4", depth=12), layer_numbers("-1,0", depth=12)
    ((9, 10, 11, 12), (0, 12))
    """
    if layers not in LAYERS and not re.fullmatch(r"-?\d+(,-?\d+)*", layers, re.ASCII):
        raise InvalidConfig(f"layers={layers!r}; allowed are {', '.join(LAYERS)}, or numbers such as -1,-3.")
    numbers = LAYERS.get(layers) or tuple(int(number) for number in layers.split(","))
    if depth is None:
        return numbers
    lowest = -depth if layers in LAYERS else -depth - 1  # the embedding layer is meant only where it is named
    if min(numbers) < lowest or max(numbers) > depth:
        raise InvalidConfig(
            f"layers={layers!r}; {model} has {depth} layers: allowed are numbers from {-depth - 1} to {depth}, "
            "and names that do not reach below layer 1."
        )
    return tuple(sorted(number % (depth + 1) for number in numbers))


def chosen(output: Any, layers: tuple[int, ...], depth: int, concatenated: bool) -> Any:
    """Mean or concatenation of some layers' states; shape (rows, length, d) or (rows, length, d * layers).

    Raises
    ------
    InvalidConfig
        If the model does not give a state for each of its `depth` layers, and not only the last is wanted.
    """
    import torch

    if layers == (depth,):
        return output.last_hidden_state
    if len(output.hidden_states) != depth + 1:
        raise InvalidConfig(
            f"layers are not to be told apart in a model of {depth} that gives {len(output.hidden_states)} hidden "
            "states: layers must be last."
        )
    states = [output.hidden_states[layer] for layer in layers]
    return torch.cat(states, dim=-1) if concatenated else torch.stack(states).mean(dim=0)


def pooled(states: Any, lengths: Any, pooling: str) -> Any:
    """Pool over the tokens of each text.

    Parameters
    ----------
    states : Tensor of shape (rows, length, d)
        A vector for each token; a text's own tokens come first, padding after them.
    lengths : Tensor of shape (rows,)
        Tokens of each text, 1 or more.
    pooling : {'mean', 'cls', 'max', 'last'}

    Returns
    -------
    Tensor of shape (rows, d)

    Examples
    --------
    >>> import torch
    >>> states, lengths = torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([2])
    >>> [pooled(states, lengths, pooling).item() for pooling in POOLINGS]
    [2.0, 1.0, 3.0, 3.0]
    """
    import torch

    own = (torch.arange(states.shape[1]) < lengths[:, None])[..., None]
    if pooling == "mean":
        return (states * own).sum(dim=1) / lengths[:, None]
    if pooling == "max":
        return states.masked_fill(~own, -np.inf).amax(dim=1)
    return states[:, 0] if pooling == "cls" else states[range(len(states)), lengths - 1]


def batches(lengths: Sequence[int], step: int, limit: int, budget: int) -> list[tuple[list[int], int, int]]:
    """Group texts of equal padded length into batches whose shape depends on that length alone.

    Parameters
    ----------
    lengths : sequence of int
        Tokens of each text; texts without any come in no batch.
    step : int
        Padded lengths are its multiples; 1 pads nothing.
    limit : int
        Largest padded length.
    budget : int
        Tokens in a batch, padding included; long texts are alone.

    Returns
    -------
    list of (rows, int, int)
        Rows of the batch, how many to fill it up to, and the length to pad them to; longest first.
        Texts that need no padding are kept apart: without a mask attention takes another path.

    Examples
    --------
    >>> batches([3, 20, 16, 0], step=16, limit=80, budget=64)
    [([1], 2, 32), ([2], 4, 16), ([0], 4, 16)]
    """
    groups: dict[tuple[int, bool], list[int]] = {}
    for row, length in enumerate(lengths):
        padded = min(-(-length // step) * step, limit)
        if length:
            groups.setdefault((padded, padded == length), []).append(row)
    found = []
    for (padded, _), rows in sorted(groups.items(), reverse=True):
        many = max(1, budget // padded)
        found += [(rows[start : start + many], many, padded) for start in range(0, len(rows), many)]
    return found
