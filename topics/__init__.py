"""What is this text about, how does it change, and which documents say so - the same answer every time.

>>> import topics
>>> topics.fit(["..."])  # doctest: +SKIP

Importing this loads nothing heavy; what a name needs is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from topics.api import assign, distribution, embed, fit
    from topics.catalogue import encoders
    from topics.config import Config
    from topics.corpus import Source, read
    from topics.data import Corpus
    from topics.distilling import distill
    from topics.errors import (
        InvalidConfig,
        InvalidInput,
        ModelNotFound,
        RunInProgress,
        SchemaMismatch,
        StoreDamaged,
        TopicsError,
        VerificationFailed,
    )
    from topics.estimator import TopicModel
    from topics.evaluation import evaluate
    from topics.exports import export
    from topics.folder import load
    from topics.reading import passages
    from topics.registry import Registry
    from topics.run import Run
    from topics.store import NO_STORE, Store
    from topics.trial import try_encoders
    from topics.updates.updating import update

#: Every public name and where it lives.
_HOME = {
    "Config": "config",
    "Corpus": "data",
    "InvalidConfig": "errors",
    "InvalidInput": "errors",
    "ModelNotFound": "errors",
    "NO_STORE": "store",
    "Registry": "registry",
    "Run": "run",
    "RunInProgress": "errors",
    "SchemaMismatch": "errors",
    "Source": "corpus",
    "Store": "store",
    "StoreDamaged": "errors",
    "TopicModel": "estimator",
    "TopicsError": "errors",
    "VerificationFailed": "errors",
    "assign": "api",
    "distill": "distilling",
    "distribution": "api",
    "embed": "api",
    "encoders": "catalogue",
    "evaluate": "evaluation",
    "export": "exports",
    "fit": "api",
    "load": "folder",
    "passages": "reading",
    "read": "corpus",
    "try_encoders": "trial",
    "update": "updates.updating",
}

#: Modules whose functions are called by the module's name, as in `topics.interop.to_bertopic(run)`.
_MODULES = ("editing", "interop")

__all__ = [
    "NO_STORE",
    "Config",
    "Corpus",
    "InvalidConfig",
    "InvalidInput",
    "ModelNotFound",
    "Registry",
    "Run",
    "RunInProgress",
    "SchemaMismatch",
    "Source",
    "Store",
    "StoreDamaged",
    "TopicModel",
    "TopicsError",
    "VerificationFailed",
    "assign",
    "distill",
    "distribution",
    "embed",
    "encoders",
    "evaluate",
    "export",
    "fit",
    "load",
    "passages",
    "read",
    "try_encoders",
    "update",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("topics")
    if name in _MODULES:
        return import_module(f"topics.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'topics' has no attribute {name!r}")
    return getattr(import_module(f"topics.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
