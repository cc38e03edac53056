"""The kill switch: the whole operator, a rule, a topic; each turn of it is in the audit before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from console.control import MediaProcessSilent, ask
from console.permissions import Permission
from console.settings import ConsoleSettings
from console.web import NavItem, Visit, Web
from contracts.switch import MAX_NAME, MAX_WHY, Scope

SWITCH = "/switch"


@dataclass(slots=True)
class SwitchPage:
    """Its page."""

    web: Web
    settings: ConsoleSettings
    control: Path

    def routes(self) -> list[Route]:
        """Its addresses."""
        kill = Permission.KILL_SWITCH
        self.web.nav.append(NavItem(SWITCH, "Switch", kill))
        return [
            self.web.get(SWITCH, self.show, kill),
            self.web.post(f"{SWITCH}/turn", self.turn, kill, home=SWITCH),
        ]

    async def show(self, visit: Visit) -> Response:
        """What is off, and what can be."""
        try:
            state: dict[str, Any] | None = await ask(self.control, "switch", self.settings.control_timeout_s)
        except MediaProcessSilent:
            state = None
        return self.web.page(visit, "switch.html", state=state, most_name=MAX_NAME, most_why=MAX_WHY)

    async def turn(self, visit: Visit) -> Response:
        """One of them."""
        scope, name, off = visit.field("scope", 10), visit.field("name", MAX_NAME), visit.field("off", 3) == "yes"
        if scope not in set(Scope):
            raise HTTPException(400, "scope is whole, rule or topic")
        why = visit.field("why", MAX_WHY)
        what = "the operator" if scope == Scope.WHOLE else f"{scope} {name}"
        await self.web.note(visit, f"switch.{'off' if off else 'on'}", f"{what}: {why}" if why else what)
        answer = await ask(
            self.control, "turn_switch", self.settings.control_timeout_s + 2.0,
            scope=scope, name=name, off=off, by=visit.by, why=why,
        )  # fmt: skip
        said = f"{what[0].upper()}{what[1:]} is {'off' if off else 'on'} from now on."
        if not answer.get("kept"):
            said += " The record has not got it yet: see the log before you restart the operator."
        return self.web.back(visit, SWITCH, said)
