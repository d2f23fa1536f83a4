"""One thread in libraries, for as long as anybody is in a block, and as many as before after that."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from types import ModuleType

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from topics.limits import one_thread


def blas():
    """Threads of BLAS, but for one that has them of OpenMP: there every thread has a number of its own."""
    pools = (pool for pool in threadpool_info() if pool["user_api"] == "blas")
    return {pool["num_threads"] for pool in pools if pool.get("threading_layer") != "openmp"}


@pytest.fixture(autouse=True, params=["numpy", "scipy.linalg", "faiss"])
def three(request):
    """Libraries that may use three threads, on any machine: threads of their own, and those of OpenMP."""
    pytest.importorskip(request.param)
    with threadpool_limits(3):
        assert blas() == {3}
        yield


def test_within_a_block_there_is_one_and_after_it_as_many_as_before():
    with one_thread():
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
        with one_thread():
            assert blas() == {1}
        assert blas() == {1}
    assert {pool["num_threads"] for pool in threadpool_info()} == {3}


def test_an_error_gives_them_back():
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert blas() == {3}


def test_who_leaves_first_does_not_give_threads_to_who_is_still_inside():
    entered, leave, found = threading.Event(), threading.Event(), []

    def other():
        with one_thread():
            entered.set()
            leave.wait(10)
            found.append(blas())

    thread = threading.Thread(target=other)
    with one_thread():
        thread.start()
        assert entered.wait(10)
    assert blas() == {1}
    leave.set()
    thread.join()
    assert found == [{1}]
    assert blas() == {3}


def test_what_is_loaded_meanwhile_is_limited_by_the_next_block(monkeypatch):
    with ExitStack() as inside:
        inside.enter_context(one_thread())
        inside.enter_context(threadpool_limits(2))  # as a library does that comes with its own threads
        monkeypatch.setitem(sys.modules, "just_loaded", ModuleType("just_loaded"))
        inside.enter_context(one_thread())
        assert blas() == {1}
    assert blas() == {3}
