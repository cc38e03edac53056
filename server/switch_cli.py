"""`callwright switch`: turns the operator, a rule or a topic off and on, at this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from contracts.switch import Scope, SwitchState, Turned
from operations.audit import at_terminal
from operations.database import migrate, open_database
from operations.eventlog import EventLog
from operations.switches import read_switch, switch_event
from server.control_client import OperatorNotRunning, ask
from server.settings import OperatorSettings

RuleOption = Annotated[str, typer.Option("--rule", help="Only this rule, by its id.")]
TopicOption = Annotated[str, typer.Option("--topic", help="Only this topic.")]
WhyOption = Annotated[str, typer.Option("--why", help="For the record.")]


def make_app(load: Callable[[], OperatorSettings]) -> typer.Typer:
    """`callwright switch`."""
    app = typer.Typer(help="The kill switch: callers go to a person instead of being answered.", no_args_is_help=True)

    @app.command(epilog='Example:  callwright switch off --rule complaint --why "fires on every greeting"')
    def off(rule: RuleOption = "", topic: TopicOption = "", why: WhyOption = "") -> None:
        """Switch the operator off, or a rule, or a topic: new calls at once, present ones at their next turn."""
        _turn(load(), rule, topic, why, off=True)

    @app.command(epilog="Example:  callwright switch on")
    def on(rule: RuleOption = "", topic: TopicOption = "", why: WhyOption = "") -> None:
        """Switch it on again."""
        _turn(load(), rule, topic, why, off=False)

    @app.command(epilog="Example:  callwright switch show")
    def show() -> None:
        """Say what is off, since when, by whom and why."""
        settings = load()
        try:
            state = asyncio.run(ask(settings.control_socket, "switch"))
        except OperatorNotRunning:
            _print(_shown(_recorded(settings)), "the operator is not running; it will start like this")
            return
        _print(state, "")

    return app


def _turn(settings: OperatorSettings, rule: str, topic: str, why: str, *, off: bool) -> None:
    if rule and topic:
        raise typer.BadParameter("give --rule or --topic, not both")
    scope = Scope.RULE if rule else Scope.TOPIC if topic else Scope.WHOLE
    fields: dict[str, Any] = {"scope": str(scope), "name": rule or topic, "off": off, "by": at_terminal(), "why": why}
    what = f"{scope} {rule or topic}".strip() if scope is not Scope.WHOLE else "the operator"
    try:
        answer = asyncio.run(ask(settings.control_socket, "turn_switch", **fields))
    except OperatorNotRunning:
        _record(settings, Turned.read(fields, datetime.now(UTC)))
        print(f"{what} is {'off' if off else 'on'}; the operator is not running, and will start like this")
        return
    kept = "" if answer["kept"] else " (not in the record yet: see the log)"
    print(f"{what} is {'off' if off else 'on'} from now on{kept}")


def _recorded(settings: OperatorSettings) -> SwitchState:
    engine = open_database(settings.operations.database_url, settings.home_dir)
    try:
        migrate(engine)
        return read_switch(engine)
    finally:
        engine.dispose()


def _record(settings: OperatorSettings, turn: Turned) -> None:
    """For an operator that is not running: nobody else writes its chain."""
    engine = open_database(settings.operations.database_url, settings.home_dir)
    try:
        migrate(engine)
        events = EventLog(engine, settings.home_dir / settings.operations.spool, settings.operations.events)
        events.append(switch_event(turn))
        events.close()
    finally:
        engine.dispose()


def _shown(state: SwitchState) -> dict[str, Any]:
    def told(turn: Turned) -> dict[str, Any]:
        return {"name": turn.name, "off": True, "by": turn.by, "why": turn.why, "at": turn.at.isoformat()}

    whole = state.why_off(Scope.WHOLE)
    return {
        "whole": told(whole) if whole else {"off": False},
        "rules": [told(one) for one in state.off if one.scope is Scope.RULE],
        "topics": [told(one) for one in state.off if one.scope is Scope.TOPIC],
    }


def _print(state: dict[str, Any], note: str) -> None:
    console = Console(soft_wrap=True, highlight=False)
    whole = state["whole"]
    console.print(f"operator: {'[red]off[/]' + _since(whole) if whole['off'] else '[green]on[/]'}")
    for kind in ("rules", "topics"):
        for one in state[kind]:
            if one["off"]:
                console.print(f"{kind[:-1]} {escape(one['name'])}: [red]off[/]{_since(one)}")
    if note:
        console.print(note)


def _since(told: dict[str, Any]) -> str:
    why = f": {told['why']}" if told["why"] else ""
    return escape(f" since {told['at'][:16].replace('T', ' ')} UTC, by {told['by']}{why}")
