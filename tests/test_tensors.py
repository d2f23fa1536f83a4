"""Arrays in files: the bytes of the package safetensors, without its copies."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from topics.tensors import mapped, parts_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def some() -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(0)
    return {
        "vectors": rng.normal(size=(7, 3)).astype(np.float32),
        "odd": np.arange(3, dtype=np.uint8),
        "flags": np.array([True, False, True]),
        "labels": np.arange(-2, 5, dtype=np.int32),
        "axes": rng.normal(size=(2, 2)),
        "ends": np.arange(4, dtype=np.int64),
        "transposed": rng.normal(size=(5, 2)).astype(np.float32).T,
        "none": np.empty((0, 4), dtype=np.float32),
        "größe": np.ones(1, dtype=np.float64),
    }


def test_the_bytes_are_those_of_the_package() -> None:
    assert b"".join(parts_of(some())) == save({name: np.ascontiguousarray(array) for name, array in some().items()})


def test_what_is_mapped_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"".join(parts_of(some())))
    found, expected = mapped(path), load_file(path)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
        assert not found[name].flags.writeable


def test_large_arrays_are_neither_copied_nor_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    script = (
        "import resource, sys, numpy as np; from topics.tensors import mapped, parts_of; from pathlib import Path\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "vectors = np.ones((40_000_000,), dtype=np.float32)\n"
        "with open(sys.argv[1], 'wb') as file: file.writelines(parts_of({'vectors': vectors}))\n"
        "del vectors\n"
        "assert mapped(Path(sys.argv[1]))['vectors'][12_345] == 1\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    told = subprocess.run([sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(told.stdout) * unit < 1.3 * 160e6


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"".join(parts_of(some()))[:-1])
    with pytest.raises(SafetensorError):
        mapped(path)


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="half: arrays of float16 are not kept; there are I64, F64"):
        list(parts_of({"half": np.ones(2, dtype=np.float16)}))
