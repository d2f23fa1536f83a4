"""Keep models up to date on a schedule, on one machine: this process starts the runs, a Prefect server keeps the time.

    python -m flows.serve --cron "0 6 * * 1" --config topics.toml
    python -m flows.serve --interval 3600 --config tickets.toml --config mails.toml --start-server

Each file holds what `flows.update` takes. Stop it with Ctrl-C or SIGTERM: the schedules stay, and go on when it is
started again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import click

from topics.cli import run_command
from topics.errors import InvalidConfig, TopicsError
from topics.swapping import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prefect.deployments.runner import RunnerDeployment
    from prefect.schedules import Schedule

    from flows.update import UpdateConfig

log = logging.getLogger("topics.flows")

_PATIENCE = 120  # seconds for a server to start: the first time it makes its database
_SHORTEST = 5.0  # seconds between runs
_SAMPLE = 600  # documents of the sample
_PACKAGES = ("pandas", "scikit-learn", "SQLAlchemy", "Prefect", "rich")  # ... are docstrings of these


def schedule_of(cron: str | None, interval: float | None, timezone: str | None) -> Schedule:
    """When to run, from what was asked for.

    Raises
    ------
    InvalidConfig
    """
    from prefect.schedules import Cron, Interval

    if bool(cron) == bool(interval):
        raise InvalidConfig("say when: either --cron, such as '0 6 * * 1', or --interval SECONDS.")
    if interval is not None and interval < _SHORTEST:
        raise InvalidConfig(f"--interval {interval:g}: at least {_SHORTEST:g} seconds.")
    try:
        ZoneInfo(timezone or "UTC")
        if cron:
            return Cron(cron, timezone=timezone or "UTC")
        return Interval(timedelta(seconds=float(interval or 0)), timezone=timezone or "UTC")
    except (ValueError, LookupError) as error:
        raise InvalidConfig(f"{cron or interval} in {timezone or 'UTC'} is no schedule: {error}.") from None


def deployment_of(config: UpdateConfig, schedule: Schedule) -> RunnerDeployment:
    """The update of one model as a deployment: named after it, never two runs at a time."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.types.entrypoint import EntrypointType

    from flows.update import update_topics_flow

    made = update_topics_flow.to_deployment(
        name=config.name,
        schedule=schedule,
        parameters={"config": config.model_dump(mode="json")},
        tags=["topics", f"model:{config.name}"],
        description=f"Keeps the topics of {config.place.name} up to date, in {config.folder}.",
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return cast("RunnerDeployment", made)  # a coroutine only within an event loop


@contextlib.contextmanager
def local_server(port: int) -> Iterator[str]:
    """A Prefect server on this machine, for as long as the block lasts; gives the address of its API.

    Raises
    ------
    InvalidConfig
        If the port is taken.
    TopicsError
        If it does not start.
    """
    from prefect.settings import PREFECT_HOME

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise InvalidConfig(
                f"port {port} is taken: name another with --port, or leave out --start-server to use the server there "
                f"(PREFECT_API_URL=http://127.0.0.1:{port}/api)."
            ) from None
    words = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}/api"
    # Its pages ask port 4200 unless they are told where it is.
    told = {"PREFECT_SERVER_UI_API_URL": url, "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false"}
    log_file = PREFECT_HOME.value() / "server.log"
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("wb") as words_of_it:
        # In a session of its own: a Ctrl-C is for us, and we end it when its runs have ended.
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *words],
            stdout=words_of_it,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **told},
        )
    try:
        _wait_for(f"{url}/health", process, log_file)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log_file: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise TopicsError(f"the Prefect server ended at once, with {process.returncode}; {log_file} says why.")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):  # noqa: S310 - of our own making
            return
        time.sleep(0.3)
    raise TopicsError(f"the Prefect server did not answer at {url} within {_PATIENCE} s; {log_file} says why.")


def sample(folder: Path) -> UpdateConfig:
    """A model to try it with: an inbox with some docstrings of the packages installed here.

    A copy of `more.jsonl` in the inbox is taken in by the next run.
    """
    import json

    from flows.update import UpdateConfig
    from topics.builtin import PACKAGES, docstrings

    inbox = folder / "inbox"
    if not inbox.exists():
        corpus = docstrings(2 * _SAMPLE, {name: PACKAGES[name] for name in _PACKAGES})
        for path, start in ((inbox / "first.jsonl", 0), (folder / "more.jsonl", 1)):
            rows = range(start, len(corpus), 2)  # mixed: neighbours are of one package
            told = ({"id": corpus.ids[row], "text": corpus.texts.texts[corpus.rows[row]]} for row in rows)
            write_file(path, "".join(f"{json.dumps(each)}\n" for each in told).encode())
    return UpdateConfig.of(model="sample", input=str(inbox), text="text", id="id")


def _serve(configs: Sequence[UpdateConfig], schedule: Schedule) -> None:
    from prefect import serve

    for logger in ("prefect.flow_runs.runner", "prefect.runner"):
        logging.getLogger(logger).setLevel(logging.INFO)
    warnings.filterwarnings("ignore", "coroutine 'Runner.astop'", RuntimeWarning)  # of Prefect's own, when it is ended
    # A service that is started again finds its schedules as they were.
    serve(*(deployment_of(config, schedule) for config in configs), pause_on_shutdown=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--config", "files", metavar="FILE", multiple=True, help="TOML file of a model; as often as there are models"
)
@click.option("--cron", metavar="CRON", help='when, as in crontab: "0 6 * * 1" is Mondays at six')
@click.option("--interval", type=float, metavar="SECONDS", help="or so many seconds after the last start")
@click.option("--timezone", metavar="ZONE", help="of the schedule, such as Europe/Berlin  [default: UTC]")
@click.option("--demo", is_flag=True, help="a sample instead of files, in outputs/sample")
@click.option(
    "--start-server", is_flag=True, help="start a Prefect server on this machine, and end it with this process"
)
@click.option("--port", default=4200, show_default=True, metavar="PORT", help="of that server")
def command(
    files: tuple[str, ...],
    cron: str | None,
    interval: float | None,
    timezone: str | None,
    demo: bool,
    start_server: bool,
    port: int,
) -> None:
    """Update the topics of models on a schedule, each from its own file of settings.

    A file holds what `python -m flows.update` takes: model, input or sql and query, text, id, and any setting of a fit.
    It needs a Prefect server: the one PREFECT_API_URL names, or with --start-server one of its own.
    """
    if bool(files) == demo:
        raise InvalidConfig("say what: --config FILE, once for every model, or --demo.")
    from flows.update import read_config

    schedule = schedule_of(cron, interval, timezone)
    configs = [read_config(path) for path in files]
    names = [config.name for config in configs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidConfig(f"two files are about the model {twice[0]!r}: give each a name of its own, as model.")
    with contextlib.ExitStack() as around:
        if start_server:
            from prefect.settings import PREFECT_API_URL, temporary_settings

            os.environ["PREFECT_API_URL"] = around.enter_context(local_server(port))  # for the runs
            around.enter_context(temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}))
            click.echo(f"Prefect shows its runs at http://127.0.0.1:{port}")
        elif not _server_named():
            raise InvalidConfig(
                "a schedule needs a Prefect server: set PREFECT_API_URL, or let --start-server start one."
            )
        if demo:
            configs = [sample(Path("outputs/sample"))]
            click.echo("More for the sample: cp outputs/sample/more.jsonl outputs/sample/inbox")
        around.enter_context(contextlib.suppress(KeyboardInterrupt))
        _serve(configs, schedule)


def _server_named() -> Any:
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value()


if __name__ == "__main__":
    sys.exit(run_command(command, sys.argv[1:]))
