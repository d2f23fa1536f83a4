"""The command line: `topics fit posts.csv --text body`, and what follows from it."""

from __future__ import annotations

import gc
import sys

import click

from topics.cli.continuing import compare, history, update
from topics.cli.fitting import demo, evaluate, fit, verify
from topics.cli.keeping import store
from topics.cli.looking import assign, export, report, search, show
from topics.cli.models import distill, encoders
from topics.cli.shared import FAILURE, INTERRUPTED, USAGE, default_name
from topics.cli.sweeping import sweep
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound, TopicsError

__all__ = ["commands", "default_name", "main", "run_command"]

_ALLOCATED = 20_000  # objects after which cycles are looked for; libraries make many more, and keep them


def main(arguments: list[str] | None = None) -> None:
    """Run a command; errors become one paragraph and an exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    gc.set_threshold(_ALLOCATED)
    code = run_command(commands, arguments)
    gc.freeze()  # the process ends: nobody has to look once more for what could be freed
    sys.exit(code)


def run_command(command: click.Command, arguments: list[str]) -> int:
    """Run a click command and give its exit code: no traceback unless `--debug`, 2 for what the user can mend."""
    debug = "--debug" in arguments
    try:
        code = command.main([word for word in arguments if word != "--debug"], standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("Stopped. What was finished is in the store: the same command goes on from there.")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has read enough
        sys.stderr.close()
        return 0
    except TopicsError as error:
        if debug:
            raise
        _say(f"Error: {error}")
        return USAGE if isinstance(error, InvalidInput | InvalidConfig | ModelNotFound) else FAILURE
    except OSError as error:
        if debug:
            raise
        _say(f"Error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}.")
        return FAILURE
    except Exception as error:
        if debug:
            raise
        _say(f"Error: something unforeseen happened ({type(error).__name__}: {error}). With --debug it shows where.")
        return FAILURE
    return code if isinstance(code, int) else 0  # click gives back the code of an `Exit`


def _say(message: str) -> None:
    click.echo(message.encode("utf-8", "replace").decode(), err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="topics")
def commands() -> None:
    """Find what documents are about: the same answer every time, cheap to ask again.

    \b
    topics demo                        try it on text that is on this machine
    topics fit posts.csv --text body   topics and a report, in outputs/posts
    topics show outputs/posts T0003    look at one topic
    topics update outputs/posts more.csv   new documents; topics keep their ids
    topics encoders                    the models that are on this machine

    Any command takes --debug, to see where an error comes from.
    """


for _command in (
    assign,
    compare,
    demo,
    distill,
    encoders,
    evaluate,
    export,
    fit,
    history,
    report,
    search,
    show,
    store,
    sweep,
    update,
    verify,
):
    commands.add_command(_command)
