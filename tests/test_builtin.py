"""The built-in corpus: which docstrings are read, and what is left of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from topics import builtin
from topics.errors import InvalidInput

PROSE = "Computes the seventh moment of the given whale with great numerical care."


def described(docstring):
    return builtin.describe(docstring)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make an installed package of files; returns the mapping `docstrings` takes."""

    def make(files, name="whalelib"):
        for path, source in {"__init__.py": "", **files}.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(source if isinstance(source, bytes) else source.encode())
        info = tmp_path / f"{name}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        return {name: name}

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(builtin, "FEWEST_DOCUMENTS", 1)
    return make


def texts_by_id(packages, limit=1000):
    corpus = builtin.docstrings(limit, packages)
    return {name: corpus.texts.texts[row] for name, row in zip(corpus.ids, corpus.rows, strict=True)}


@pytest.mark.parametrize(
    "rest",
    [
        "Parameters\n----------\nx : int\n    The whale.",
        "Args:\n    x: The whale.",
        "Returns:\n    The moment.",
        ":param x: the whale\n:returns: the moment",
        ":rtype: float",
        ">>> moment(whale)\n7",
        "Examples::\n\n    moment(whale)",
        "See Also\n--------\nother : another one",
        "Theory\n======\nThe seventh moment is odd.",
    ],
)
def test_a_description_ends_where_sections_fields_and_examples_begin(rest):
    assert described(f"{PROSE}\n\n{rest}") == PROSE


@pytest.mark.parametrize(
    "block",
    [
        ".. versionadded:: 1.2\n   Whales, that is.",
        ".. note::\n\n    Not for sharks.\n\n    Nor for rays.",
        "::\n\n    moment(whale)\n",
        "```python\nmoment(whale)\n```",
        "====  ====\n++  --\n====  ====",
        '!!! abstract "Usage"\n    See elsewhere.',
        ":author: A. Whale",
    ],
)
def test_blocks_that_are_no_prose_are_stepped_over(block):
    assert described(f"{PROSE}\n\n{block}\n\nIt is fast.") == f"{PROSE} It is fast."


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("see :class:`~topics.run.Run` now", "see topics.run.Run now"),
        ("see :py:meth:`.Query.all`, please", "see Query.all, please"),
        ("see :class:`_orm.Session` now", "see Session now"),
        ("see :ref:`the guide <user_guide>`.", "see the guide."),
        ("see `the guide <https://example.org/a>`_ now", "see the guide now"),
        ("pass ``x`` or `y` or *z* or **w**", "pass x or y or z or w"),
        ("as shown [1]_, [CIT2002]_ it holds", "as shown, it holds"),
        ("the angle :math:`\\alpha^2` grows", "the angle grows"),
        ("at https://example.org/x?y=1 there", "at there"),
        ("many ``dtype``\\ s", "many dtypes"),
        ("a * b * c and **kwargs and *args", "a * b * c and **kwargs and *args"),
        ("read [the guide](../guide.md#a) now", "read the guide now"),
        ("a token\\s list, where $\\mu$ and \\bar{x} grow", "a tokens list, where and {x} grow"),
        ("snake_case_names stay", "snake_case_names stay"),
    ],
)
def test_markup_becomes_plain_words(markup, plain):
    assert described(markup) == plain


def test_the_signature_and_the_underline_of_a_title_are_no_prose():
    assert described(f"moment(whale, n=7) -> float\n\n{PROSE}") == PROSE
    assert described(f"Moments\n=======\n\n{PROSE}") == f"Moments {PROSE}"


def test_modules_classes_methods_and_inner_functions_are_read(package):
    source = f'''"""Module. {PROSE}"""
class Whale:
    """Class. {PROSE}"""
    def swim(self):
        """Method. {PROSE}"""
        def inner():
            """Inner. {PROSE}"""
    async def dive(self):
        """Async. {PROSE}"""
'''
    assert texts_by_id(package({"sea/__init__.py": source, "mute.py": "x = 1"})) == {
        "whalelib:sea": f"Module. {PROSE}",
        "whalelib:sea.Whale": f"Class. {PROSE}",
        "whalelib:sea.Whale.swim": f"Method. {PROSE}",
        "whalelib:sea.Whale.swim.inner": f"Inner. {PROSE}",
        "whalelib:sea.Whale.dive": f"Async. {PROSE}",
    }


@pytest.mark.parametrize(
    "path", ["tests/a.py", "sub/test/a.py", "test_a.py", "a_test.py", "conftest.py", "_vendor/a.py", "testing/a.py"]
)
def test_tests_and_other_peoples_code_are_left_out(package, path):
    found = texts_by_id(package({path: f'"""Hidden. {PROSE}"""', "contest.py": f'"""{PROSE}"""'}))
    assert found == {"whalelib:contest": PROSE}


def test_short_templated_and_repeated_descriptions_are_left_out(package):
    files = {
        "a.py": f'"""{PROSE}"""',
        "b.py": f'"""{PROSE}\n\n    :param x: another whale"""',
        "c.py": '"""Too short to say much."""',
        "d.py": '"""Return the %(name)s of the given object in all of its beauty."""',
        "e.py": '"""Return the {klass} of the given object in all of its beauty."""',
    }
    assert texts_by_id(package(files)) == {"whalelib:a": PROSE}


@pytest.mark.filterwarnings("error")
def test_files_that_do_not_parse_are_passed_over_in_silence(package):
    files = {
        "a.py": f'"""{PROSE}"""',
        "python2.py": '"""Old."""\nprint "whale"',
        "binary.py": b'"""\x00\xff\xfe"""',
        "deep.py": '"""Deep."""\nx = ' + "(" * 5000,
        "escape.py": f'"""Escapes. {PROSE}"""\nx = "\\d"\nassert (1, "always true")',
    }
    assert sorted(texts_by_id(package(files))) == ["whalelib:a", "whalelib:escape"]


def test_nothing_is_imported(package):
    texts_by_id(package({"a.py": f'"""{PROSE}"""\nraise SystemExit'}))
    assert "whalelib" not in sys.modules


def test_the_sample_depends_on_the_texts_alone(package):
    functions = [f'def f{i}():\n    """Number {i}. {PROSE}"""\n' for i in range(40)]
    one = texts_by_id(package({"a.py": "".join(functions)}), limit=10)
    two = texts_by_id(package({"z.py": "".join(functions[:20]), "y.py": "".join(functions[20:])}, "other"), limit=10)
    assert len(one) == 10
    assert sorted(one.values()) == sorted(two.values())
    assert set(texts_by_id({"whalelib": "whalelib"}, limit=5).values()) < set(one.values())


def test_missing_packages_are_skipped_and_said(package, caplog):
    packages = {"no-such-package": "no_such_package", **package({"a.py": f'"""{PROSE}"""'})}
    with caplog.at_level("INFO", logger="topics"):
        corpus = builtin.docstrings(packages=packages)
    assert corpus.meta["class"].tolist() == ["whalelib"]
    assert "no-such-package is not installed" in caplog.text
    assert builtin.versions(packages) == {"whalelib": "1.5"}


def test_too_few_docstrings_say_what_to_install(package, monkeypatch):
    monkeypatch.setattr(builtin, "FEWEST_DOCUMENTS", 2)
    with pytest.raises(
        InvalidInput, match=r"only 1 documents here.*docstrings of whalelib.*pass documents of your own"
    ):
        builtin.docstrings(packages=package({"a.py": f'"""{PROSE}"""'}))


def test_a_real_package_gives_telling_texts_and_its_name_as_class():
    corpus = builtin.docstrings(packages={"networkx": "networkx"}, limit=500)
    assert len(corpus) == len(corpus.texts) == 500
    assert set(corpus.meta["class"]) == {"networkx"}
    assert all(name.startswith("networkx:") for name in corpus.ids)
    assert all(len(text.split()) >= builtin.FEWEST_WORDS for text in corpus.texts.texts)
    marks = (">>>", ":param", "-----", "Parameters", "``", ":class:`")
    assert not [text for text in corpus.texts.texts if any(mark in text for mark in marks)]


def test_finding_versions_reads_no_source_and_imports_nothing():
    code = (
        "import sys; from topics.builtin import versions; assert len(versions()) >= 3;"
        "sys.exit(any(m in sys.modules for m in ('pandas', 'scipy', 'sympy', 'networkx')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
