"""`callwright`: the command line. Errors are one line on stderr; exit codes are in EXIT_CODES."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from contracts.errors import CallwrightError
from server.settings import OperatorSettings, load_settings, project_path

EXIT_CODES = (
    "Exit codes: 0 done; 1 refused or failed; 2 wrong settings or arguments; 3 model files missing or damaged; "
    "4 a call was not answered; 130 interrupted."
)

app = typer.Typer(
    help=f"A voice operator for call centres that runs on your own machines.\n\n{EXIT_CODES}",
    epilog="Example:  callwright check && callwright serve",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Settings file.", show_default="configs/callwright.yaml", envvar="CALLWRIGHT_CONFIG"
    ),
]

_config: Path | None = None


def _mount() -> None:
    """Sub-commands of the rooms. They read the settings named by --config's variable when they run, not before."""
    from console.cli import make_app as users_app
    from evaluation.cascadecli import make_app as cascade_app
    from evaluation.cli import COMMAND, EPILOG, make_command
    from knowledge.cli import make_app as knowledge_app
    from operations.callbacks_cli import make_app as callbacks_app
    from operations.callers_cli import callers_app
    from operations.cli import make_app as calls_app
    from operations.keeping_cli import audit_app, retention_app
    from server.knowledge_link import access_of
    from server.models_cli import app as models_app
    from server.records_link import accounts_of, callbacks_of, kept_of, records_of
    from server.rules_cli import make_app as rules_app
    from server.switch_cli import make_app as switch_app
    from server.tools import make_app as tools_app

    def load() -> OperatorSettings:
        return load_settings(_config)

    def max_bytes() -> int:
        return load().knowledge.limits.max_document_bytes

    app.add_typer(models_app, name="models")
    app.add_typer(rules_app(lambda: project_path(load().escalation.rules), lambda: load().control_socket), name="rules")
    app.add_typer(knowledge_app(access_of(load), max_bytes), name="knowledge")
    app.add_typer(calls_app(records_of(load)), name="calls")
    app.add_typer(callbacks_app(callbacks_of(load)), name="callbacks")
    app.add_typer(tools_app(load), name="tools")
    app.add_typer(switch_app(load), name="switch")
    app.add_typer(audit_app(kept_of(load)), name="audit")
    app.add_typer(retention_app(kept_of(load)), name="retention")
    app.add_typer(callers_app(kept_of(load)), name="callers")
    app.add_typer(users_app(accounts_of(load)), name="users")
    app.add_typer(
        cascade_app(lambda: load().models_dir, lambda: load().home_dir, lambda: project_path(load().dialog.cascade)),
        name="cascade",
    )
    app.command(COMMAND, epilog=EPILOG)(make_command(lambda: load().models_dir))


@app.callback()
def common(config: ConfigOption = None) -> None:
    """Options before the command."""
    global _config
    _config = config


@app.command(epilog="Example:  callwright serve --config configs/demo.yaml")
def serve(config: ConfigOption = None) -> None:
    """Answer calls until SIGTERM or Ctrl-C; then take no new ones, let the others end, and stop."""
    from server.app import run

    sys.exit(run(load_settings(config or _config)))


@app.command(
    epilog='Example:  callwright call sip:bank@127.0.0.1 --say "When do you open on Saturday?" --record call.wav'
)
def call(
    uri: Annotated[str, typer.Argument(help="Whom to call: sip:user@host[:port][;transport=tcp].")],
    say: Annotated[
        list[str] | None,
        typer.Option(help="A line to say; several are said in turn. '[1.5] text' interrupts after 1.5 s."),
    ] = None,
    wav: Annotated[
        list[Path] | None, typer.Option(help="A WAV file to play as a line; several are played in turn.")
    ] = None,
    record: Annotated[Path | None, typer.Option(help="Write both sides here (WAV, left: this caller).")] = None,
    codec: Annotated[str, typer.Option(help="opus, g722, pcma or pcmu.")] = "pcmu",
    dtmf: Annotated[str, typer.Option(help="Keys to press after the last line.")] = "",
    timeout: Annotated[float, typer.Option(help="Hang up after this many seconds.")] = 180.0,
) -> None:
    """Be a caller: a real SIP user agent with manners, which waits for the operator to finish before it speaks."""
    from server.caller import place_call

    result = asyncio.run(
        place_call(uri, say=say or [], wav=wav or [], record=record, codec=codec, dtmf=dtmf, timeout_s=timeout)
    )
    table = Table("line", "said at", "ended", "first reply after")
    for spoken in result.spoken:
        reply = f"{spoken.reply_at - spoken.true_end_at:.2f} s" if spoken.reply_at else "—"
        start = result.answered_at
        table.add_row(spoken.label, f"{spoken.started_at - start:.1f} s", f"{spoken.true_end_at - start:.1f} s", reply)
    console = Console()
    console.print(table)
    console.print(f"Call ended: {result.ended}." + (f" Recorded in {record}." if record else ""))


@app.command(epilog="Example:  callwright check --config configs/callwright.yaml --deep")
def check(
    config: ConfigOption = None,
    deep: Annotated[bool, typer.Option("--deep", help="Hash every model file (takes some seconds).")] = False,
) -> None:
    """Look at this machine and these settings, and say what would keep the operator from answering."""
    from server.checkup import check_all

    lines = check_all(load_settings(config or _config), deep=deep)
    marks = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}
    console = Console(soft_wrap=True)
    for line in lines:
        advice = f"  → {line.advice}" if line.advice else ""
        console.print(f"{marks[line.state]} {line.name}: {line.text}{advice}", highlight=False)
    if any(line.state == "fail" for line in lines):
        raise typer.Exit(1)


def main() -> None:
    """Entry point: every CallwrightError becomes one line and its exit code."""
    try:
        _mount()
        app()
    except CallwrightError as error:
        print(f"callwright: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
