"""A corpus that is there wherever the library is: what Python packages say about themselves.

Docstrings are read from the source files of packages that are installed anyway. Nothing is
imported, nothing is fetched; the package a docstring comes from serves as its class.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import inspect
import logging
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from topics.data import Corpus, normalise, text_key
from topics.errors import InvalidInput
from topics.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = logging.getLogger(__name__)

#: Distribution name -> the name it is imported by.
PACKAGES: Mapping[str, str] = {
    "numpy": "numpy",
    "scipy": "scipy",
    "scikit-learn": "sklearn",
    "pandas": "pandas",
    "networkx": "networkx",
    "sympy": "sympy",
    "SQLAlchemy": "sqlalchemy",
    "Prefect": "prefect",
    "pydantic": "pydantic",
    "rich": "rich",
    "Jinja2": "jinja2",
    "Pillow": "PIL",
    "fsspec": "fsspec",
}
FEWEST_DOCUMENTS = 200  #: below this there is nothing to demonstrate
FEWEST_WORDS = 8  #: a description shorter than this says too little

_ASIDE = re.compile(r"_?(tests?|testing|conftest|externals?|vendor(ed)?|migrations|array_api_\w+)|test_\w+|\w+_test")
_SECTION = re.compile(
    r"((type |other )?parameters?|params?|arg(ument)?s|key(word)? ?arg(ument)?s|kwargs|attributes|methods|"
    r"returns?|yields?|receives|raises|warns|warnings?|see also|notes?|references|examples?|usage|todo|explanation)"
    r"\s*:{0,2}",
    re.IGNORECASE,
)
_FIELD = re.compile(r":(param|parameter|arg|argument|key|keyword|type|returns?|rtype|raises?|var|ivar|cvar)\b[^:]*:")
_ABOUT = re.compile(r":\w+: ")  # ":author: ...", before or between prose
_UNDERLINE = re.compile(r"([-=~^*#\"'+.])\1{2,}")
_SIGNATURE = re.compile(r"[\w.]+\(.*\)(\s*->.*)?")
_SOFTENED = (
    (re.compile(r":math:`[^`]*`|\$[^$\n]{1,200}\$"), " "),
    (re.compile(r"https?://[^\s>)`]+"), " "),
    (re.compile(r"\[[#*\w]{1,12}\]_"), " "),  # footnotes and citations
    (re.compile(r"(?::[\w+.-]+)*:?`+([^`<]+?)\s*<[^`>]*>`+_{0,2}"), r"\1"),  # `shown <target>`
    (re.compile(r"(?::[\w+.-]+)+:`[~!.]*(?:_[a-z]+\.)?([^`]*)`"), r"\1"),  # :role:`shown`
    (re.compile(r"`+([^`]*)`+_{0,2}"), r"\1"),
    (re.compile(r"(?<![\w*])\*{1,2}(?=\S)([^*\n]+?)(?<=\S)\*{1,2}(?![\w*])"), r"\1"),
    (re.compile(r"\[([^\[\]\n]+)\]\([^()\s]*\)"), r"\1"),  # [shown](target)
    (re.compile(r"(?<!\w)\|(\w[^|\n]*)\|"), r"\1"),
    (re.compile(r"\\([*_`|\\])|\\[ \n]"), r"\1"),
    (re.compile(r"(?<=\w)\\(?=s\b)"), ""),  # the plural of some markup
    (re.compile(r"\\[A-Za-z]+"), " "),  # TeX
)
_TEMPLATE = re.compile(r"%\(\w+\)|(?<![\w$\\^_{])\{\w+\}")


def docstrings(limit: int = 6000, packages: Mapping[str, str] = PACKAGES) -> Corpus:
    """Read the descriptions in the docstrings of installed packages.

    Sections, examples and markup are cut off, repeated and very short descriptions are left out.
    Of the rest those with the smallest keys stay: a sample that depends on nothing but the texts.

    Parameters
    ----------
    limit : int
        Most documents. All packages together have more than twenty thousand.
    packages : mapping of str to str
        Distribution name to import name. Packages that are not installed are skipped.

    Returns
    -------
    Corpus
        Ids are "package:module.name", as in "scipy:signal._waveforms.chirp"; meta has the column "class".

    Raises
    ------
    InvalidInput
        If fewer than `FEWEST_DOCUMENTS` remain.
    """
    import pandas as pd

    found: dict[str, tuple[str, str, str]] = {}  # text key -> id, text, package
    roots = _installed(packages)
    for package in packages:
        if package not in roots:
            logger.info("%s is not installed and left out of the built-in corpus.", package)
    for package, root in track(roots.items(), len(roots), "Reading docstrings", "packages"):
        for name, text in _described(root):
            entry = (f"{package}:{name}", text, package)
            key = text_key(text)
            found[key] = min(found.get(key, entry), entry)
    kept = [found[key] for key in sorted(found)[: max(limit, 0)]]
    if len(kept) < min(FEWEST_DOCUMENTS, limit) or not kept:
        raise InvalidInput(
            f"the built-in corpus has only {len(kept)} documents here; it is made of the docstrings of "
            f"{', '.join(packages)}, of which at least some must be installed with their source files. "
            "Install them, or pass documents of your own."
        )
    ids, texts, classes = zip(*sorted(kept), strict=True)
    meta = pd.DataFrame({"class": pd.Series(classes, dtype="str")})
    return Corpus.from_texts(texts, ids, meta)


def versions(packages: Mapping[str, str] = PACKAGES) -> dict[str, str]:
    """The packages `docstrings` would read here, with their versions; enough to key a cache.

    Examples
    --------
    >>> sorted(versions({"numpy": "numpy", "no-such-package": "no_such_package"}))
    ['numpy']
    """
    return {package: importlib.metadata.version(package) for package in _installed(packages)}


def describe(docstring: str) -> str:
    r"""The description in a docstring: prose up to the first section, example or field, without markup.

    Examples
    --------
    >>> describe("Fit :class:`~a.Model`.\n\n.. versionadded:: 2\n\nIt is ``fast``.\n\nArgs:\n    x: data")
    'Fit a.Model. It is fast.'
    """
    text = "\n".join(_prose(inspect.cleandoc(docstring).splitlines()))
    for pattern, replacement in _SOFTENED:
        text = pattern.sub(replacement, text)
    return re.sub(r" +([.,;:)](?:\s|$))", r"\1", normalise(text))


def _installed(packages: Mapping[str, str]) -> dict[str, Path]:
    """The folder of each package that is here. Looks, but imports nothing."""
    roots = {}
    for package, module in packages.items():
        spec = importlib.util.find_spec(module)
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            spec = None
        if spec is None or not spec.submodule_search_locations:
            continue
        roots[package] = Path(next(iter(spec.submodule_search_locations)))
    return roots


def _described(root: Path) -> Iterator[tuple[str, str]]:
    """Name and description of everything documented under a package's folder."""
    seen = set()
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if any(_ASIDE.fullmatch(part) for part in parts):
            continue
        module = ".".join(part for part in parts if part != "__init__")
        for name, docstring in _documented(path):
            full = ".".join(filter(None, (module, name))) or root.name
            text = describe(docstring)
            if full not in seen and _is_telling(text):
                seen.add(full)
                yield full, text


def _documented(path: Path) -> Iterator[tuple[str, str]]:
    """Qualified name and docstring of a module and the classes and functions in it."""
    source = path.read_bytes()
    if b'"""' not in source and b"'''" not in source:  # parsing is what takes the time
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's invalid escapes
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        logger.debug("%s cannot be parsed: %s", path, error)
        return
    yield from _docstrings_of(tree, "")


def _docstrings_of(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str
) -> Iterator[tuple[str, str]]:
    docstring = ast.get_docstring(node, clean=False)
    if docstring:
        yield name, docstring
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _docstrings_of(child, f"{name}.{child.name}" if name else child.name)


def _prose(lines: list[str]) -> Iterator[str]:
    """The lines up to the first section, without directives, literal blocks, tables and underlines."""
    block: int | None = None  # indentation of the directive or "::" whose indented lines are skipped
    fenced = False
    told = False
    for line, following in zip(lines, [*lines, ""][1:], strict=True):
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        underlined = bool(_UNDERLINE.fullmatch(following.strip())) and not following.startswith(" ")
        if stripped.startswith("```"):
            fenced = not fenced
        if fenced or stripped.startswith("```"):
            continue
        if block is not None and stripped and indent <= block:
            block = None
        if block is not None:
            continue
        if _SECTION.fullmatch(stripped) or _FIELD.match(stripped) or stripped.startswith((">>>", "In [")):
            return
        if underlined and told:
            return
        if stripped.startswith((".. ", "!!! ")) or stripped.endswith("::"):
            block = indent
            if stripped.startswith((".. ", "!!! ")) or stripped == "::":
                continue
            line = stripped[:-1]
        heads = not told and _SIGNATURE.fullmatch(stripped)
        if heads or _ABOUT.match(stripped) or not any(c.isalpha() for c in stripped):
            yield ""
            continue
        told = told or not underlined
        yield line


def _is_telling(text: str) -> bool:
    """Whether a description is long enough and no template that a decorator fills in."""
    words = sum(any(c.isalpha() for c in word) for word in text.split())
    return words >= FEWEST_WORDS and not _TEMPLATE.search(text)
