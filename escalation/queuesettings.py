"""Settings of the queue for a person."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import Field

from contracts.handoff import Reason
from contracts.settings import Settings
from escalation.numbers import address_of

_HEAD_STARTS = {
    Reason.DANGER: 1800.0,
    Reason.EMERGENCY: 1800.0,
    Reason.FRAUD: 600.0,
    Reason.VULNERABLE: 300.0,
    Reason.BEREAVEMENT: 120.0,
    Reason.MINOR: 120.0,
}
"""Half an hour for a crisis: nobody waits that long before a callback is offered, so it is first in practice."""


class QueueSettings(Settings):
    """Who is next, how long things may take, and what callers hear while they wait."""

    enabled: bool = Field(
        default=True, description="Callers whom no target took wait for whoever signs in at the desk."
    )
    head_start_s: dict[Reason, float] = Field(
        default=_HEAD_STARTS,
        description="Reason → seconds of waiting that it counts for; others 0. Who waited longer than the largest of "
        "these goes before all who come later, so nobody starves.",
    )
    skills: dict[Reason, tuple[str, ...]] = Field(
        default={}, description="Reason → skills that whoever takes the caller must have, all of them."
    )
    called_skills: dict[str, tuple[str, ...]] = Field(
        default={}, description="Called address (pattern with * and ?) → skills wanted besides, such as a language."
    )
    hours: str = Field(
        default="",
        description="A table of escalation.hours: while it is closed nobody begins to wait but who is in danger. "
        "Empty: open whenever somebody is signed in.",
    )
    skill_hours: dict[str, str] = Field(
        default={}, description="Skill → table: closed for whoever wants that skill; besides hours."
    )
    any_skill_after_s: float = Field(
        default=180.0, ge=0, le=86_400, description="Then anybody may take them; 0: never."
    )
    ring_s: float = Field(default=20.0, gt=0, le=300, description="An offer stands so long; then the next is asked.")
    connect_s: float = Field(
        default=10.0, gt=0, le=120, description="From claim to talking; then the caller is offered again."
    )
    again_s: float = Field(
        default=10.0,
        ge=0,
        le=600,
        description="Who missed, declined or gave back a caller is offered none for so long.",
    )
    wrap_up_s: float = Field(
        default=0.0, ge=0, le=3600, description="After a conversation, until the next offer; pressing Ready ends it."
    )
    wrap_up_people: dict[str, Annotated[float, Field(ge=0, le=3600)]] = Field(
        default={}, description="Account → its own wrap_up_s."
    )
    misses: int = Field(default=2, ge=1, le=100, description="Offers missed in a row that make somebody away.")
    gone_s: float = Field(
        default=20.0, gt=0, le=3600, description="A page that has not asked for so long is closed: its person is away."
    )
    max_waiting: int = Field(default=50, ge=0, le=10_000, description="Callers at once; more are offered a callback.")
    max_wait_s: float = Field(default=900.0, gt=0, le=86_400, description="Then a callback is noted, with an apology.")
    without_people_s: float = Field(
        default=0.0, ge=0, le=86_400, description="Patience while nobody at all is signed in; then a callback is noted."
    )
    say_every_s: float = Field(default=45.0, ge=10, le=600, description="From one word on the position to the next.")
    known_after: int = Field(
        default=3, ge=1, le=100, description="Conversations (or waits) seen before a wait is estimated and spoken."
    )
    weight: float = Field(default=0.2, gt=0, le=1, description="Of the newest in the moving averages.")
    longest_said_s: float = Field(default=1800.0, gt=0, description="A longer estimate is not spoken.")
    phones: tuple[str, ...] = Field(
        default=(),
        description="SIP addresses (patterns with * and ?) at which people at the desk may be called, such as "
        "sip:*@pbx.example; none: they talk in the browser.",
    )
    phone_confirm: bool = Field(
        default=True,
        description="At a telephone they take the caller by handover.skip_key after the briefing; false: by answering.",
    )
    music: Path | None = Field(
        default=None, description="WAV or FLAC of yours for those who wait; none: the quiet one made by the project."
    )
    music_db: float = Field(default=-30.0, ge=-60, le=-12, description="Its loudness: dBFS, RMS; speech is about -22.")
    callbacks: bool = Field(default=True, description="Offer and note callbacks.")
    callback_route: str = Field(
        default="",
        pattern=r"^(sips?:\{number\}@[^\s<>?@]+)?$",
        description="How the operator dials the number of a callback for whoever has taken it, such as "
        "sip:{number}@trunk.example; they need a telephone that phones allows. Empty: they dial it themselves.",
    )
    callback_ring_s: float = Field(default=40.0, gt=0, le=300, description="How long such a number may ring.")
    callback_days: float = Field(default=5.0, gt=0, le=365, description="A callback not made by then has expired.")
    callback_kept_days: float = Field(
        default=30.0, gt=0, le=3650, description="A callback that is done or expired is erased after so long."
    )

    def pause_s(self, name: str) -> float:
        """Of this person, after a conversation."""
        return self.wrap_up_people.get(name, self.wrap_up_s)

    def may_call(self, reach: str) -> bool:
        """Only where the owner allows it: whoever could name any address could have the operator call the world."""
        return bool(address_of(reach)) and any(fnmatchcase(reach.lower(), one.lower()) for one in self.phones)

    def tables(self, reason: Reason, called: str) -> set[str]:
        """Names of the tables that must be open for such a caller."""
        skills = self.wants(reason, called)
        return {self.hours, *(self.skill_hours.get(skill, "") for skill in skills)} - {""}

    def wants(self, reason: Reason, called: str) -> frozenset[str]:
        """Skills for this reason, on this line."""
        wanted = set(self.skills.get(reason, ()))
        for pattern, skills in self.called_skills.items():
            if fnmatchcase(called.lower(), pattern.lower()):
                wanted.update(skills)
        return frozenset(wanted)
