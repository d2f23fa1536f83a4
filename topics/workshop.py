"""Where steps run: each is looked up in the store before it is computed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

from topics.data import read_only
from topics.limits import one_thread
from topics.memory import forget_peak, peak
from topics.progress import UNWATCHED, watched
from topics.store import Ref, Store, stage_key

if TYPE_CHECKING:
    from topics.executors import Executor

log = logging.getLogger(__name__)

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """One step: its name, what it computes, and what besides its inputs decides the result."""

    name: str
    compute: Callable[..., Any]  # (workshop, params, *inputs) -> a value of topics.data
    version: int = 1  # raised by hand when the code changes a result
    libraries: tuple[str, ...] = ()  # distributions whose release can change a bit
    resolve: Callable[[Params], Params] = dict  # adds what only the outside world knows, such as a file's hash
    outside: bool = False  # touches files or the network, so that trying again can help


@dataclass(frozen=True)
class Outcome:
    """What became of a step: a reference, never the value."""

    ref: Ref
    cached: bool
    seconds: float
    memory: int = 0  # most bytes that its process held meanwhile; 0 if not known


RunStage = Callable[[Stage, Sequence[Ref], Params], Outcome]


@dataclass
class Workshop:
    """Where steps run: a store, some threads, and the values at hand.

    With an `executor`, what can be cut into shards (encoding, counting) is computed through it.
    """

    store: Store
    threads: int = 1
    batch_size: int = 64
    executor: Executor | None = None
    memory: int | None = None  # bytes to get along with, if that is said
    at_hand: dict[Ref, Any] = field(default_factory=dict)
    _begun: dict[Ref, Future[bool]] = field(default_factory=dict)
    _kept: dict[Ref, Callable[[], tuple[Any, bool]]] = field(default_factory=dict)  # how to read it, or make it again

    @property
    def room(self) -> int | None:
        """Bytes for blocks of a stage, beside what it takes and gives; None where they may be as large as is best."""
        return None if self.memory is None else self.memory // 4

    def run(self, stage: Stage, inputs: Sequence[Ref], params: Params) -> Outcome:
        """Run a step, unless its result is in the store."""
        began = time.perf_counter()
        forget_peak()
        resolved, ref = _named(stage, inputs, params)
        if ref in self._begun:
            cached = self._begun.pop(ref).result()
        else:
            cached = self._make(stage, inputs, resolved, ref)
        return Outcome(ref, cached, time.perf_counter() - began, peak())

    def begin(self, stage: Stage, inputs: Sequence[Ref], params: Params) -> None:
        """Begin a step beside those that run until it is asked for; `run` then waits for it no longer than it takes.

        With one thread, an executor or a limit of memory, nothing is begun.
        """
        resolved, ref = _named(stage, inputs, params)
        alone = self.threads == 1 or self.executor is not None or self.memory is not None
        if not (alone or ref in self._begun or ref in self.at_hand or self.store.has(ref)):
            made = self._begun[ref] = Future[bool]()

            def work() -> None:
                try:
                    with watched(UNWATCHED):
                        made.set_result(self._make(stage, inputs, resolved, ref))
                except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the step is asked for
                    made.set_exception(error)

            Thread(target=work, name=f"topics {stage.name}", daemon=True).start()

    def _make(self, stage: Stage, inputs: Sequence[Ref], resolved: Params, ref: Ref) -> bool:
        """See to it that a value is in the store or at hand; returns whether it was. It is read when it is wanted."""
        if ref in self.at_hand or ref in self._kept:
            return True
        log.debug("%s", ref)

        def compute() -> Any:
            values = [self.load(given) for given in inputs]
            with one_thread():  # more threads in one product, other bits; stages run products side by side
                return read_only(stage.compute(self, resolved, *values))

        if self.store.has(ref):
            self.store.touch(ref)
            self._kept[ref] = partial(self.store.fetch, ref, compute)
            return True
        self.at_hand[ref], cached = self.store.fetch(ref, compute)
        return cached

    def load(self, ref: Ref) -> Any:
        """The value of a reference: at hand, or from the store; what a step found there damaged is made again."""
        if ref not in self.at_hand:
            if ref.within:
                self.at_hand[ref] = getattr(self.load(ref.within), ref.stage)
            elif ref in self._kept:
                self.at_hand[ref], _ = self._kept[ref]()
            else:
                self.at_hand[ref] = self.store.load(ref)
        return self.at_hand[ref]

    def hold(self, stage: str, key: str, value: Any) -> Ref:
        """Give a value made elsewhere a reference. It is not stored."""
        ref = Ref(stage, key)
        self.at_hand[ref] = value
        return ref


def _named(stage: Stage, inputs: Sequence[Ref], params: Params) -> tuple[Params, Ref]:
    """All settings of a step, and what its result is called."""
    resolved = stage.resolve(params)
    return resolved, Ref(stage.name, stage_key(stage.name, stage.version, resolved, inputs, stage.libraries))
