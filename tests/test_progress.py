"""Long work tells that it goes on; who watches is decided outside."""

from __future__ import annotations

import threading

import pytest

from topics import progress
from topics.progress import LogWatcher, NotebookWatcher, default_watcher, track, watched


class Recorder:
    """Remembers what it was told."""

    def __init__(self):
        self.told = []

    def start(self, task, total, unit):
        self.told.append(("start", task, total, unit))

    def advance(self, amount):
        self.told.append(amount)

    def finish(self):
        self.told.append("finish")


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by as many seconds as are added to it."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_watcher_hears_of_the_beginning_of_every_item_and_of_the_end():
    recorder = Recorder()
    with watched(recorder):
        assert list(track(["ab", "c"], 3, "Reading", "letters", len)) == ["ab", "c"]
    assert recorder.told == [("start", "Reading", 3, "letters"), 2, 1, "finish"]


def test_an_item_counts_once_it_is_done_and_not_before():
    recorder = Recorder()
    with watched(recorder):
        for _ in track([1, 2], 2, "", ""):
            assert len(recorder.told) < 3
            break


@pytest.mark.parametrize("how", ["error", "break"])
def test_work_that_stops_early_is_finished_for_the_watcher(how):
    recorder = Recorder()

    def work():
        for _ in track(range(5), 5, "", ""):
            if how == "break":
                return
            raise ZeroDivisionError

    with watched(recorder):
        if how == "error":
            with pytest.raises(ZeroDivisionError):
                work()
        else:
            work()
    assert recorder.told[-1] == "finish"


def test_the_inner_watcher_counts_and_the_outer_one_is_back_afterwards():
    outer, inner = Recorder(), Recorder()
    with watched(outer):
        with watched(inner):
            list(track([1], 1, "inside", ""))
        list(track([1], 1, "outside", ""))
    assert inner.told[0] == ("start", "inside", 1, "")
    assert outer.told[0] == ("start", "outside", 1, "")


def test_an_error_leaves_no_watcher_behind():
    recorder = Recorder()
    with pytest.raises(ZeroDivisionError), watched(recorder):
        raise ZeroDivisionError
    list(track([1], 1, "", ""))
    assert recorder.told == []


def test_another_thread_has_its_own_watcher():
    recorder = Recorder()
    with watched(recorder):
        thread = threading.Thread(target=lambda: list(track([1], 1, "", "")))
        thread.start()
        thread.join()
    assert recorder.told == []


def test_the_log_hears_every_ten_seconds_with_speed_and_time_left(clock, caplog):
    caplog.set_level("INFO", "topics")
    for _ in track(range(40), 40, "Embedding", "documents", lambda _: 1):
        clock[0] += 1
    assert len(caplog.messages) == 4
    assert caplog.messages[0] == "Embedding: 10 of 40 documents, 1 a second, 30 s left"


def test_short_work_is_not_worth_a_line(clock, caplog):
    caplog.set_level("INFO", "topics")
    for _ in track(range(9), 9, "", ""):
        clock[0] += 1
    assert caplog.messages == []


def test_work_without_progress_has_no_end_in_sight_and_no_error(clock, caplog):
    caplog.set_level("INFO", "topics")
    watcher = LogWatcher()
    watcher.start("Waiting", 5, "answers")
    clock[0] += 20
    watcher.advance(0)
    assert "0 of 5 answers" in caplog.messages[0]


def test_the_items_are_neither_more_nor_fewer_than_came():
    assert list(track(iter("abc"), 99, "", "")) == ["a", "b", "c"]
    assert list(track([], 0, "", "")) == []


class Display:
    """Stands in for what a notebook displays below a cell, and can change later."""

    def __init__(self, monkeypatch):
        import IPython.display

        self.shown = []
        monkeypatch.setattr(IPython.display, "display", self.show)

    def show(self, bar, display_id):
        assert display_id
        self.shown.append(bar.data)
        return self

    def update(self, bar):
        self.shown.append(bar.data)


def test_a_notebook_shows_a_bar_that_is_gone_at_the_end(clock, monkeypatch):
    display = Display(monkeypatch)
    with watched(NotebookWatcher()):
        for _ in track(range(5), 5, "Reading <b>", "texts"):
            clock[0] += 1.5
    *bars, last = display.shown
    assert [bar.split("</progress> ")[1] for bar in bars] == [
        "Reading &lt;b&gt;: 2 of 5 texts, 0.667 a second, 4 s left",
        "Reading &lt;b&gt;: 3 of 5 texts, 0.667 a second, 3 s left",
        "Reading &lt;b&gt;: 4 of 5 texts, 0.667 a second, 2 s left",
    ]
    assert last == ""


def test_short_work_leaves_no_trace_in_a_notebook(clock, monkeypatch):
    display = Display(monkeypatch)
    with watched(NotebookWatcher()):
        for _ in track(range(5), 5, "", ""):
            clock[0] += 0.1
    assert display.shown == []


def test_who_watches_by_default_depends_on_where_the_work_is_done(monkeypatch):
    import IPython

    assert isinstance(default_watcher(), LogWatcher)
    kernel = type("Shell", (), {"kernel": object()})()
    monkeypatch.setattr(IPython, "get_ipython", lambda: kernel)
    assert isinstance(default_watcher(), NotebookWatcher)
