"""A real Prefect server on this machine, for tests that need its scheduler."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from uuid import UUID


@dataclass(frozen=True)
class Server:
    """Where a server is, and its home."""

    url: str
    home: Path

    def ask(self, path: str, **body: object) -> Any:
        """Post to the API; while its database is busy, it says so and is asked again."""
        request = urllib.request.Request(
            f"{self.url}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        for left in reversed(range(40)):
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503 or not left:
                    raise
                time.sleep(0.25)
        raise AssertionError

    def runs_of(self, deployment: str) -> list[dict[str, Any]]:
        """The flow runs of a deployment that have begun, oldest first."""
        found = self.ask("flow_runs/filter", deployments={"name": {"any_": [deployment]}}, sort="START_TIME_ASC")
        return [run for run in found if run["start_time"]]


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """A server on a free port, ended by its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home, log = folder / "home", folder / "server.log"
    home.mkdir()
    words = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    process = start(words, log, folder, PREFECT_HOME=str(home))
    try:
        url = f"http://127.0.0.1:{port}/api"

        def healthy() -> bool:
            assert process.poll() is None, log.read_text("utf-8", "replace")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=2):
                return True
            return False

        wait_until(healthy, 120, log)
        yield Server(url, home)
    finally:
        end(process)


def start(words: list[str], log: Path, cwd: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start Python in a session of its own, its words in a file."""
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, *words],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **environment},
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], how: int = signal.SIGTERM, seconds: float = 30) -> int:
    """End a process that `start` started, and those it started; gives its exit code."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(seconds)
    return process.returncode


def wait_until(condition: Callable[[], Any], seconds: float, log: Path) -> Any:
    """Ask until something is true, and give it; the log is shown if it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds} s: {log.read_text('utf-8', 'replace')}")


def states_of(flow_run: UUID, *wanted: str) -> dict[str, tuple[str, int]]:
    """State and number of attempts of every task of a flow run, those that are wanted among them."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    with get_client(sync_client=True) as client:
        for _ in range(50):  # the API learns of states a moment later
            runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run])))
            names = {run.name.rsplit("-", 1)[0] for run in runs}
            if runs and names.issuperset(wanted) and all(run.state and run.state.is_final() for run in runs):
                break
            time.sleep(0.2)
    return {run.name.rsplit("-", 1)[0]: (run.state_name, run.run_count) for run in runs}
