"""Vectors from a service: any OpenAI-compatible `POST {url}/embeddings` (OpenAI, Azure, TEI, vLLM, Ollama, Jina, ...).

Texts go out in requests of a bounded size, several at once. What may pass (429, 5xx, time-outs, lost
connections) is tried again, what will not is said; a reply is checked before anything of it is used.
The key is read from the environment when it is needed and goes into one header, of requests to this
address alone: redirects are not followed. Proxies are those of the environment (HTTPS_PROXY and alike).

Sources: OpenAI API reference, "Create embeddings"; RFC 9110, 10.2.3 (Retry-After); M. Brooker,
"Exponential Backoff And Jitter", AWS Architecture Blog 2015 (full jitter).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.embedding.replies import WrongReply, clean, message_of, read_vectors, retry_after
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound
from topics.store import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    import httpx
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

_OPENAI = "https://api.openai.com/v1"
_BOUNDS = {
    "dimensions": (1, 65536),
    "concurrency": (1, 64),
    "tokens": (1, 10**7),
    "timeout": (0.01, 3600),
    "retries": (0, 100),
}
_TEXTS = 2048  # in a request at most: OpenAI's limit
_WRONG = 2  # times a wrong reply is asked for again
_LONGEST = 60.0  # seconds of back-off
_PATIENCE = 600.0  # seconds that a service may ask to wait
_TOO_LARGE = re.compile(r"token|length|too.(long|large|many)|batch size|at most", re.IGNORECASE)


class RemoteEncoder:
    """A model behind an OpenAI-compatible address.

    A service need not give the same bits twice, nor in another batch. `vector_key` is the fingerprint
    all the same: with a store, the first answer for a text is the one that is kept and used ever after.

    Parameters
    ----------
    model : str
        What the service calls it.
    url : str, optional
        Where `/embeddings` is, or the full address that ends in it; by default $OPENAI_BASE_URL, or
        else OpenAI's. Without user or password; its query may hold `api-version` alone, and does then
        as Azure wants: the key goes into the header `api-key` instead of `Authorization`.
    key : str, optional
        Name of the environment variable that holds the key, never the key itself; by default
        OPENAI_API_KEY, but none where a `url` is given: a key goes to nobody it was not meant for.
        Where the variable is not set, no key is sent.
    dimensions : int, optional
        Numbers in a vector, for models that can shorten theirs.
    concurrency : int
        Requests at once.
    tokens : int
        In a request at most, at len / 3 + 1 a text; a longer text goes alone.
    timeout : float
        Seconds to connect, and between two pieces of a reply.
    retries : int
        Times a request is repeated that failed for what may pass.
    wait : callable of one float, optional
        Waits so many seconds before a request is repeated. By default it stops waiting when
        another request has failed for good.

    Examples
    --------
    >>> RemoteEncoder("nomic-embed-text", url="http://localhost:11434/v1")
    RemoteEncoder('nomic-embed-text', url='http://localhost:11434/v1/embeddings')
    """

    example = "remote:text-embedding-3-small"
    needs = "an OpenAI-compatible service, and its key in $OPENAI_API_KEY or the variable named by key="
    environment = ("OPENAI_API_KEY", "OPENAI_BASE_URL")

    def __init__(
        self,
        model: str,
        *,
        url: str | None = None,
        key: str | None = None,
        dimensions: int | None = None,
        concurrency: int = 4,
        tokens: int = 8000,
        timeout: float = 60.0,
        retries: int = 6,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        if not model.strip():
            raise InvalidConfig("a remote encoder needs the name of a model, such as text-embedding-3-small.")
        key = ("" if url else "OPENAI_API_KEY") if key is None else key
        if key and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):  # not shown: it may be a key
            raise InvalidConfig(
                "key must be the name of an environment variable that holds the key, never the key itself; "
                "export MY_KEY=... and say key=MY_KEY."
            )
        told = {"concurrency": concurrency, "tokens": tokens, "timeout": timeout, "retries": retries}
        for name, value in (told if dimensions is None else told | {"dimensions": dimensions}).items():
            low, high = _BOUNDS[name]
            if not low <= value <= high:
                raise InvalidConfig(f"{name}={value}: must lie between {low} and {high}.")
        self.name = model
        self.dimensions, self.concurrency, self.tokens = dimensions, concurrency, tokens
        self.timeout, self.retries = timeout, retries
        self._address = _address(url or os.environ.get("OPENAI_BASE_URL") or _OPENAI)
        self._place, _, self._query = self._address.partition("?")
        self._key = key
        self._wait = wait
        decisive = {"url": self._place, "model": model, "dimensions": dimensions}
        self.fingerprint = hashlib.sha256(canonical(decisive)).hexdigest()
        self.vector_key = self.fingerprint

    @classmethod
    def of(cls, rest: str, options: Mapping[str, str], threads: int = 1, batch_size: int = 64) -> Self:  # noqa: ARG003
        """Build it from text: `rest` is the model, the options are the constructor's but for `wait`.

        `threads` and `batch_size` are about this machine's processors; here `concurrency` and `tokens` count.

        Raises
        ------
        InvalidConfig
            If an option is unknown or its value cannot be used.

        Examples
        --------
        >>> RemoteEncoder.of("m", {"url": "http://localhost/v1", "retries": "many"})
        Traceback (most recent call last):
        topics.errors.InvalidConfig: retries='many' is no whole number.
        """
        unknown = sorted(set(options) - {"url", "key", *_BOUNDS})
        if unknown:
            raise InvalidConfig(f"unknown option {', '.join(unknown)}; there are: url, key, {', '.join(_BOUNDS)}.")
        return cls(rest, **{name: _value(name, text) for name, text in options.items()})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, url={self._place!r})"

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Ask for the vectors of texts.

        All are returned or none. When one request fails for good, no further ones begin, and the error
        is raised when those under way have ended; what they brought is lost, and `topics.embed`, which
        asks for a few hundred texts at a time, keeps what earlier calls returned.

        Returns
        -------
        ndarray of shape (len(sentences), d), float32
            As they came, not scaled. A text of nothing but white space is not sent: its row is zeros;
            of such texts alone d is not known, and is `dimensions` or else 0.

        Raises
        ------
        InvalidConfig
            If the service refuses (key, model name, address); with its message.
        ModelNotFound
            If it knows no such model, is not there, or too busy for longer than `retries` last.
        InvalidInput
            If a text is too long for it, or its reply is wrong three times.
        """
        rows = [row for row, text in enumerate(sentences) if text.strip()]
        found = self._ask_all(_requests([sentences[row] for row in rows], self.tokens))
        widths = sorted({part.shape[1] for part in found}) or [self.dimensions or 0]
        if len(widths) > 1:
            raise InvalidInput(
                f"{self._place} gave vectors of {' and '.join(map(str, widths))} numbers for one model, {self.name}; "
                "all must have the same length. Is there more than one model behind it?"
            )
        vectors = np.zeros((len(sentences), widths[0]), dtype=np.float32)
        if rows:
            vectors[rows] = np.concatenate(found)
        return vectors

    def _ask_all(self, requests: list[list[str]]) -> list[NDArray[np.float32]]:
        import httpx

        if not requests:
            return []
        stop = Event()

        def ask(texts: list[str]) -> list[NDArray[np.float32]]:
            try:
                return self._halving(client, texts, stop)
            except BaseException:
                stop.set()
                raise

        limits = httpx.Limits(max_connections=self.concurrency)
        with (
            httpx.Client(
                headers=self._headers(), timeout=self.timeout, limits=limits, follow_redirects=False
            ) as client,
            ThreadPoolExecutor(self.concurrency) as pool,
        ):
            try:
                futures = [pool.submit(ask, texts) for texts in requests]
                wait(futures)
            finally:
                stop.set()  # interrupted: nobody waits for what has not begun
        errors = [error for future in futures if (error := future.exception()) and not isinstance(error, _Stopped)]
        if errors:
            raise errors[0]
        return [part for future in futures for part in future.result()]

    def _headers(self) -> dict[str, str]:
        headers, key = {"Content-Type": "application/json"}, os.environ.get(self._key or " ", "").strip()
        if not key:
            return headers
        if not re.fullmatch(r"[\x21-\x7e]+", key):  # or the HTTP library would show it in its error
            raise InvalidConfig(f"the key in ${self._key} has characters that no key has: export it again.")
        return headers | ({"api-key": key} if self._query else {"Authorization": f"Bearer {key}"})

    def _halving(self, client: httpx.Client, texts: list[str], stop: Event) -> list[NDArray[np.float32]]:
        """Ask for some texts, or for half of them at a time where the service says that they are too many."""
        try:
            return [self._ask(client, texts, stop)]
        except _TooLarge as told:
            if len(texts) == 1:
                raise InvalidInput(
                    f"a text of {len(texts[0])} characters is too long for {self.name} at {self._place}: {told}. "
                    "Shorten or split it, or have the service cut what is too long."
                ) from None
        middle = len(texts) // 2
        return self._halving(client, texts[:middle], stop) + self._halving(client, texts[middle:], stop)

    def _ask(self, client: httpx.Client, texts: list[str], stop: Event) -> NDArray[np.float32]:
        """One request, as often as it takes; shape (len(texts), d)."""
        import httpx

        asked = {"model": self.name, "input": texts} | ({"dimensions": self.dimensions} if self.dimensions else {})
        content = json.dumps(asked, ensure_ascii=False).encode("utf-8", "replace")  # lone surrogates are no text
        failed = wrong = 0
        while not stop.is_set():
            told: float | None = None
            try:
                response = client.post(self._address, content=content)
                if response.is_success:
                    return read_vectors(response, len(texts), self.dimensions)
                problem = f"{response.status_code} {message_of(response)}".strip()
                if response.status_code not in (408, 429) and response.status_code < 500:
                    raise self._refusal(response, problem)
                failed, told = failed + 1, retry_after(response)
            except httpx.RequestError as error:
                failed, problem = failed + 1, f"{type(error).__name__} {clean(str(error), client.headers)}".strip()
            except WrongReply as error:
                wrong, problem = wrong + 1, str(error)
            if wrong > _WRONG:
                raise InvalidInput(
                    f"{self._place} gave a wrong reply {wrong} times: {problem}. "
                    "Nothing of it is used; check that it serves OpenAI's embeddings."
                )
            if failed > self.retries or (told or 0) > _PATIENCE:
                asks = f", and asks to wait {told:.0f} seconds" if told else ""
                raise ModelNotFound(
                    f"{self.name} is not to be had at {self._place} after {failed} failed requests: {problem}{asks}. "
                    "Check that the service runs and is not overloaded, and run again; what a store holds is not "
                    "asked for again."
                )
            seconds = told or secrets.SystemRandom().uniform(0, min(_LONGEST, 2.0 ** (failed + wrong - 1)))
            log.warning("%s: %s. Asking again in %.1f seconds.", self._place, problem, seconds)
            (self._wait or stop.wait)(seconds)
        raise _Stopped

    def _refusal(self, response: httpx.Response, problem: str) -> Exception:
        """What to raise for an answer that asking again would not change."""
        status = response.status_code
        if status == 413 or (status in (400, 422) and _TOO_LARGE.search(problem)):
            return _TooLarge(problem)
        if response.has_redirect_location:
            bare = re.split(r"[?#]", response.headers["Location"])[0].rpartition("@")[2]
            target = clean(bare, response.request.headers)
            return InvalidConfig(
                f"{self._place} redirects to {target}, and the key goes nowhere but where it was sent; "
                "give that address as url if you trust it."
            )
        if status == 404:
            return ModelNotFound(
                f"no model {self.name!r} at {self._place}: {problem}. Check its name, and that the url is the part "
                "before /embeddings; it often ends in /v1."
            )
        if status in (401, 403):
            known = os.environ.get(self._key)
            way = f"check the key in ${self._key}" if known else "name the variable with the key"
            return InvalidConfig(f"{self._place} refuses the key, or its lack: {problem}. To go on, {way} (key=NAME).")
        return InvalidConfig(f"{self._place} refuses model {self.name!r}: {problem}. Check the model and its options.")


class _Stopped(Exception):
    """Another request has failed for good."""


class _TooLarge(Exception):
    """The service takes less at once."""


def _value(name: str, text: str) -> Any:
    if name in ("url", "key"):
        return text
    try:
        return float(text) if name == "timeout" else int(text)
    except ValueError:
        raise InvalidConfig(f"{name}={text!r} is no {'number' if name == 'timeout' else 'whole number'}.") from None


def _address(url: str) -> str:
    """The full address to post to.

    Examples
    --------
    >>> _address("https://Example.org:443/v1/")
    'https://example.org/v1/embeddings'
    >>> _address("https://example.org/deployments/d/embeddings?api-version=1")
    'https://example.org/deployments/d/embeddings?api-version=1'
    """
    import httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    # What is refused is not shown: it may hold a password.
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidConfig("url must be an address such as https://api.openai.com/v1 or http://localhost:11434/v1.")
    if parsed.userinfo or set(parsed.params) - {"api-version"}:
        raise InvalidConfig(
            f"the url of {parsed.host} holds a user, a password or a query other than api-version; "
            "leave them out: a key is named by the variable that holds it (key=NAME)."
        )
    path, mark, query = parsed.raw_path.partition(b"?")
    path = path.rstrip(b"/").removesuffix(b"/embeddings") + b"/embeddings"
    return str(parsed.copy_with(raw_path=path + mark + query, fragment=None))


def _requests(texts: list[str], tokens: int) -> list[list[str]]:
    """Cut a list of texts, in order, into requests of at most so many tokens, or of one text.

    Examples
    --------
    >>> _requests(["a" * 9, "b" * 9, "c" * 90, "d"], tokens=8)
    [['aaaaaaaaa', 'bbbbbbbbb'], ['ccc...ccc'], ['d']]
    """
    found: list[list[str]] = []
    room = 0
    for text in texts:
        needed = len(text) // 3 + 1
        if not found or needed > room or len(found[-1]) == _TEXTS:
            found.append([])
            room = tokens
        found[-1].append(text)
        room -= needed
    return found
