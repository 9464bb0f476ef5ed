"""The ``flowengine`` command. Each subcommand is a file here, imported only when it is called.

Exit codes: 0 clean, 1 problems, 2 wrong usage, 3 the tool itself failed.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from flowengine import __version__
from flowengine.problems import did_you_mean

CLEAN, PROBLEMS, USAGE, FAILED = 0, 1, 2, 3

COMMANDS: dict[str, tuple[str, str]] = {
    "validate": ("flowengine.cli.validate:validate", "Check flows and tell every problem."),
    "explain": ("flowengine.cli.explain:explain", "Say what a rule means, with a wrong and a right example."),
    "call": ("flowengine.cli.call:call", "Be the caller of a flow, in the terminal."),
    "chat": ("flowengine.cli.chat:chat", "Be the contact of a flow, in the terminal."),
    "graph": ("flowengine.cli.graph:graph", "Draw a flow as SVG, PNG, PDF, DOT or Mermaid."),
    "test": ("flowengine.cli.test:test", "Play the scenarios beside the flows, and tell what they cover."),
    "explore": ("flowengine.cli.explore:explore", "Play every way through a flow, and tell what does not hold."),
    "compile": ("flowengine.cli.compile:compile_", "Show the callback handlers that a flow becomes."),
    "serve": ("flowengine.cli.serve:serve", "Serve flows to Sinch with gunicorn."),
    "worker": ("flowengine.cli.worker:worker", "Fire timers, send messages and place calls."),
    "start": ("flowengine.cli.start:start", "Start a flow with somebody: write to them, or ring them."),
    "dial": ("flowengine.cli.dial:dial", "Start an outbound flow: ring somebody."),
    "trace": ("flowengine.cli.trace:trace", "Tell a call or conversation from the journal, and why it went so."),
    "replay": ("flowengine.cli.replay:replay", "Play recorded calls again, against the flows that are here."),
    "letters": ("flowengine.cli.letters:letters", "Tell what could not be sent or used, and why."),
    "erase": ("flowengine.cli.erase:erase", "Erase everything about a person, or one call."),
    "doctor": ("flowengine.cli.doctor:doctor", "Say what is well and what is not: flows, store, keys, worker."),
    "revisions": ("flowengine.cli.revisions:revisions", "List the flows that are served and those still in use."),
    "check-upgrade": ("flowengine.cli.check_upgrade:check_upgrade", "Tell who stands in what new flows change."),
    "post": ("flowengine.cli.post:post", "Send a callback or message to a running server and show the answer."),
}


class Sentence(click.ClickException):
    """Ends the command with one sentence on standard error."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        return self.code

    def show(self, file: Any = None) -> None:
        click.echo(f"flowengine: {self.message}", file=file or sys.stderr)


class Worked:
    """Help that begins with worked examples."""

    examples: tuple[tuple[str, str], ...] = ()

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                formatter.write_dl(list(self.examples), col_max=60)
            formatter.write_paragraph()
        super().format_help(ctx, formatter)  # type: ignore[misc]


class Command(Worked, click.Command):
    """A command with ``examples``: pairs of a command line and what it does."""

    def __init__(self, *args: Any, examples: tuple[tuple[str, str], ...] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.examples = examples


class Commands(Worked, click.Group):
    """The group: commands by name, late imports, and one sentence for whatever goes wrong."""

    examples = (
        ("flowengine validate", "check every flow in flows/"),
        ("flowengine graph front_desk -o front_desk.svg", "draw one"),
        ("flowengine post examples/callbacks/ice.json", "call a running server"),
    )

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise Sentence(f'there is no command "{args[0]}"{_hint(args[0])}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            ctx.exit(130)
        except Exception as error:
            raise _told(error) from None


def _hint(word: str) -> str:
    return did_you_mean(word, COMMANDS) or f"; the commands are {', '.join(COMMANDS)}"


def _told(error: Exception) -> Sentence:
    if _is_usage(error):
        return Sentence(str(error), USAGE)
    if os.environ.get("FLOWENGINE_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
    return _Failure(f"flowengine failed: {said}; please report it (FLOWENGINE_DEBUG=1 shows where)")


def _is_usage(error: Exception) -> bool:
    # Only a module that was loaded can have raised it, and --version must not load it.
    project = sys.modules.get("flowengine.project")
    return project is not None and isinstance(error, project.UsageError)


class _Failure(Sentence):
    def __init__(self, message: str) -> None:
        super().__init__(message, FAILED)

    def show(self, file: Any = None) -> None:
        click.echo(self.message, file=file or sys.stderr)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="flowengine %(version)s")
def main() -> None:
    """Phone lines and chats as YAML state machines: check, draw, compile and serve them."""
