"""`make demo`: starts the operator with the demo bank, calls it over SIP, and shows what happens while it happens.

python -m scripts.demo
python -m scripts.demo --caller my_wavs/     # your own voice: WAV files, said in the order of their names
python -m scripts.demo --serve               # afterwards the operator stays up: call it yourself
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.errors import CallwrightError
from evaluation.cascadecli import FILE
from operations.transcript import render_waterfall
from scripts.operator_process import OperatorProcess
from scripts.stats import summary
from server.caller import CallResult, converse
from server.settings import ROOT, load_settings
from telephony.lines import LineError, spoken_lines, wav_lines
from telephony.robot import Line, Manners
from telephony.sip.caller import CallerSettings, SipCaller

LINES = (
    "Hi, my name is Linda. What are your branch hours on Saturday?",
    "How much is a box of checks, and how long do they take?",
    "I lost my debit card, can you send me a new one?",
    "[1.2] Sorry, wait. How much does it cost to replace the card?",
    "Why is my available balance different from my current balance?",
    "What is your mortgage rate?",
    "Okay. Can I talk to a real person please?",
)
"""Six questions: one that no document answers, one that interrupts; and the wish for a person."""
PERSON_PORT = 5090
DEMO = ROOT / "configs" / "demo.yaml"
TOPICS = ROOT / "configs" / "demo" / "topics.csv"
"""Questions with their topics, from which the demo's topics are learned at its first start (2 s)."""


class Screen:
    """Prints events of a call as people read them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.measured: list[dict[str, Any]] = []
        self.rungs: dict[str, int] = {}
        self.escalation = ""
        self.call_id = ""
        self._answers: dict[int, dict[str, Any]] = {}

    def show(self, event: dict[str, Any]) -> None:
        """One event."""
        body, kind = event["body"], event["kind"]
        out = self._console
        if kind == "call.started":
            self.call_id = event["call_id"]
            out.print(f"\n[bold]call {event['call_id']}[/] from {body['caller']}, {body['codec']}\n")
        elif kind == "turn.caller" and body.get("text"):
            note = " [yellow](interrupting)[/]" if body.get("barge_in") else ""
            out.print(f"[cyan]caller  [/] {body['text']}{note}")
        elif kind == "turn.operator":
            self._operator(body)
        elif kind == "turn.measured":
            self.measured.append(body)
            self.rungs[body["rung"]] = self.rungs.get(body["rung"], 0) + 1
            out.print(render_waterfall(body["stages"]), highlight=False)
        elif kind == "gate.rejected":
            out.print(f"         [red]not said:[/] [dim]{body['sentence']}[/] — {', '.join(body['unsupported'])}")
        elif kind == "escalation.raised":
            self.escalation = f"{body['reason']} (rule {body['rule_id']}: “{body['evidence']}”)"
            out.print(f"[magenta]rule    [/] {self.escalation}")
        elif kind in ("transfer.begun", "transfer.ended"):
            words = "begun" if kind.endswith("begun") else f"{'done' if body['ok'] else 'failed'}: {body['status']}"
            out.print(f"[magenta]transfer[/] to {body['target']} {words}")
        elif kind in ("trouble", "worker.lost"):
            out.print(f"[red]{kind}[/] {body}")

    def _operator(self, body: dict[str, Any]) -> None:
        source = f" · {body['documents'][0]}" if body.get("documents") else ""
        cut = " [yellow](interrupted here)[/]" if body["interrupted"] else ""
        self._console.print(f"[green]operator[/] {body['heard'] or '…'}{cut}  [dim]\\[{body['rung']}{source}][/]")

    def conclude(self, operator: OperatorProcess, result: CallResult) -> None:
        """The closing table."""
        latencies = [one["response_latency_s"] for one in self.measured if one["response_latency_s"]]
        figures = summary(latencies)
        table = Table("what", "value", title="the call in figures", title_justify="left")
        table.add_row("turns answered", str(figures["n"]))
        for name in ("p50", "p95", "max"):
            table.add_row(f"response latency {name}", f"{figures[name]} s" if figures["n"] else "—")
        table.add_row("turns by rung", ", ".join(f"{rung} {n}" for rung, n in sorted(self.rungs.items())) or "—")
        table.add_row("escalation", self.escalation or "none")
        table.add_row("transferred to", result.transferred_to or "—")
        self._console.print()
        self._console.print(table)
        home = operator.settings.home_dir
        recording = home / "recordings" / f"{self.call_id}.wav"
        self._console.print(f"\nRecording (left: caller, right: operator): [bold]{recording}[/]", soft_wrap=True)
        self._console.print(
            f"The call again, with timings: [bold]callwright calls show {self.call_id}[/]", soft_wrap=True
        )
        self._console.print(
            "\nCall it yourself: [bold].venv/bin/callwright serve --config configs/demo.yaml[/], then dial "
            f"[bold]{operator.sip_uri}[/] with any SIP phone on this machine,\nor "
            f'[bold].venv/bin/callwright call {operator.sip_uri} --say "When do you open on Saturday?"[/]',
            soft_wrap=True,
        )


@contextlib.asynccontextmanager
async def person(port: int) -> AsyncIterator[None]:
    """A SIP phone that answers the transfer, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scripts.person", "--port", str(port),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


def lines_of(caller: Path | None) -> list[Line]:
    """What the caller will say. Raises LineError."""
    if caller is None:
        return spoken_lines(LINES)
    paths = sorted(caller.glob("*.wav"))
    if not paths:
        raise LineError(f"{caller}: no .wav files in this folder")
    return wav_lines(paths)


async def learn_topics(config: Path) -> str:
    """Fit the demo's topics into its home folder, unless they are there; what is to be said of it."""
    settings = load_settings(config)
    fitted = settings.home_dir / FILE
    if settings.dialog.topics.file is not None or fitted.is_file():
        return ""
    command = [sys.executable, "-m", "server.cli", "--config", str(config), "cascade", "topics", str(TOPICS)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    if process.returncode:
        return f"[yellow]Without topics:[/] {escape(complaint.decode(errors='replace').strip()[-300:])}"
    return f"Topics learned from {TOPICS.relative_to(ROOT)}; each question on the wall of calls gets one."


async def run(config: Path, caller: Path | None, stay: bool) -> int:
    """The whole demo; the exit code."""
    console = Console(highlight=False)
    screen = Screen(console)
    begun = time.monotonic()
    with console.status("Starting the operator: loading five models, reading the demo bank …"):
        lines = await asyncio.to_thread(lines_of, caller)
        if config == DEMO and (said := await learn_topics(config)):
            console.print(said)
        operator = OperatorProcess(config, on_event=screen.show)
        await operator.__aenter__()
    try:
        console.print(f"Operator ready after {time.monotonic() - begun:.1f} s at [bold]{operator.sip_uri}[/].")
        async with person(PERSON_PORT), SipCaller(CallerSettings()) as agent:
            result = await converse(agent, operator.sip_uri, lines, manners=Manners(gap_s=1.1), timeout_s=240.0)
            await operator.idle()
            await asyncio.sleep(0.3)  # the last events are on their way through the socket
        screen.conclude(operator, result)
        if stay:
            console.print("\nThe operator stays up; Ctrl-C ends it.")
            await asyncio.Event().wait()
    finally:
        await operator.__aexit__()
    return 0 if screen.measured else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=DEMO, help="settings of the operator")
    parser.add_argument("--caller", type=Path, help="folder of WAV files to be said instead")
    parser.add_argument("--serve", action="store_true", help="leave the operator running afterwards")
    options = parser.parse_args(arguments)
    try:
        return asyncio.run(run(options.config, options.caller, options.serve))
    except CallwrightError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
