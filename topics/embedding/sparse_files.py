"""Where the files of a sparse encoder are, and how they are loaded without trusting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from topics.embedding.checkpoint import Checkpoint, find_checkpoint
from topics.embedding.hub import read_json, scheme_of, whole
from topics.embedding.openvino import silence
from topics.errors import InvalidConfig, ModelNotFound

if TYPE_CHECKING:
    from pathlib import Path

_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
_SAFE: dict[str, Any] = {"use_safetensors": True}
_AGAIN = "SparseEncoder.save_pretrained of sentence-transformers"
_WAY_OUT = (
    "If it needs code of its own, that is never run (trust_remote_code is off). Otherwise its files are not whole: "
    f"save it again with {_AGAIN}."
)


def find_sparse(name: str) -> Checkpoint:
    """Find a sparse encoder by its name or folder. Its files are told apart, not loaded.

    Raises
    ------
    ModelNotFound
        If there is none, or its weights are pickled.
    InvalidConfig
        If it is another kind of model; it says how to name that.
    """
    checkpoint = find_checkpoint(name)
    scheme = scheme_of(checkpoint.folder)
    if scheme == "":
        raise InvalidConfig(f"{name} is no sparse encoder, its vectors are dense: name it without sparse:.")
    if scheme == "transformer":
        raise InvalidConfig(
            f"{name} is a transformer that does not say it is a sparse encoder. For vectors of its hidden states name "
            f"transformer:{name}; if it was trained as SPLADE, save it once as what it is, with sentence-transformers' "
            f"SparseEncoder({name!r}).save_pretrained(FOLDER), and name sparse:FOLDER."
        )
    if scheme != "sparse":
        raise InvalidConfig(f"{name} is no sparse encoder: it has no modules.json that names the modules of one.")
    if not whole(checkpoint.folder) or _pickled(checkpoint.folder):
        raise ModelNotFound(
            f"no safetensors weights, or not all of them, in {checkpoint.folder}. Pickled weights (*.bin) are never "
            f"read, since reading them can run code: where you trust them, save the model again with {_AGAIN}."
        )
    return checkpoint


def load_sparse(checkpoint: Checkpoint) -> Any:
    """The SparseEncoder of sentence-transformers, on the CPU.

    Raises
    ------
    ModelNotFound
        If its files are not whole.
    InvalidConfig
        If its dimensions are not terms.
    """
    from safetensors import SafetensorError
    from sentence_transformers import SparseEncoder

    try:
        with silence():
            model = SparseEncoder(str(checkpoint.folder), device="cpu", model_kwargs=_SAFE, **_LOCAL).eval()
            features = any(type(module).__name__ == "SparseAutoEncoder" for module in model.modules())
            missing = [] if features else _made_up(checkpoint)
    except (OSError, ValueError, LookupError, ImportError, RuntimeError, TypeError, SafetensorError) as error:
        why = " ".join(str(error).split())[:160]
        raise ModelNotFound(f"{checkpoint.name} cannot be loaded: {why}. {_WAY_OUT}") from error
    if features:
        raise InvalidConfig(
            f"the dimensions of {checkpoint.name} are not terms of a vocabulary but features of its own (CSR); name a "
            "SPLADE model, or the dense model it was made from."
        )
    if missing:
        lack = f"lack {len(missing)} tensors, as {missing[0]}"
        raise ModelNotFound(f"the weights of {checkpoint.name} {lack}. {_WAY_OUT}")
    return model


def _pickled(folder: Path) -> bool:
    return any(not any(file.parent.glob("*.safetensors")) for file in folder.rglob("pytorch_model*.bin"))


def _made_up(checkpoint: Checkpoint) -> list[str]:
    """Weights of a masked language model that are not in its files, which transformers would draw at random."""
    from transformers import AutoModelForMaskedLM

    found: list[str] = []
    for folder in sorted({file.parent for file in checkpoint.folder.rglob("*.safetensors")}):
        if "model_type" in read_json(folder / "config.json"):  # of transformers, not of another module
            _, told = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True, **_SAFE, **_LOCAL)
            found += sorted(told["missing_keys"])
    return found
