"""What scripts.peers.handover tries: a plan or people at telephones, and how it must end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ASTERISK = "127.0.0.1:5160"
HUMAN, BUSY, RINGS, LEAVES, MAILBOX, BACK, UNKNOWN = (
    f"sip:{number}@{ASTERISK}" for number in (200, 201, 202, 203, 204, 205, 999)
)
DEAD = "sip:nobody@127.0.0.1:9"


def bridge(target: str, **more: Any) -> dict[str, Any]:
    return {"mode": "bridge", "target": target, **more}


def refer(target: str) -> dict[str, Any]:
    return {"mode": "refer", "target": target}


@dataclass(slots=True, frozen=True)
class Case:
    """One hand-over. ``reached``: the person has the caller in the end; ``by``: who joined them."""

    plan: list[dict[str, Any]]
    reached: bool = True
    by: str = "us"
    failures: tuple[str, ...] = ()
    """What the targets before answered, in order."""
    direct: bool = False
    """The caller calls the operator itself, with a telephone that follows no transfer."""
    follows: bool = False
    """… but this one does: it keeps its call with us until it knows how the transfer went."""
    stream: bool = False
    """The caller comes by a provider's WebSocket."""
    lost: bool = False
    """Asterisk ends the caller's call, as it has let go of us before it knew."""
    full: bool = False
    """The operator's lines are taken by others: this one goes to a person at once."""
    desk: tuple[str, ...] = ()
    """Telephones at which people at the desk are ready, in the order in which they are asked."""


CASES: dict[str, Case] = {
    "blind": Case([refer(HUMAN)], by="refer"),
    "attended": Case([{"mode": "attended", "target": HUMAN}], by="far end"),
    "bridge": Case([bridge(HUMAN)]),
    "no-replaces": Case([{"mode": "attended", "target": HUMAN}], direct=True),
    "busy": Case([bridge(BUSY), bridge(HUMAN)], failures=("486",)),
    "no-answer": Case([bridge(RINGS, ring_s=4), bridge(HUMAN)], failures=("no answer",)),
    "leaves": Case([bridge(LEAVES), bridge(HUMAN)], failures=("hung up before",)),
    "unknown": Case([bridge(UNKNOWN), bridge(HUMAN)], failures=("404",)),
    "dead": Case([bridge(DEAD), bridge(HUMAN)], failures=("",)),
    "stream": Case([bridge(HUMAN)], stream=True),
    "blind-busy": Case([refer(BUSY)], reached=False, failures=("503",), lost=True),
    "blind-kept": Case([refer(BUSY)], reached=False, failures=("486",), direct=True, follows=True),
    "blind-back": Case([refer(BACK)], reached=False),
    "nobody": Case([bridge(BUSY), bridge(UNKNOWN)], reached=False, failures=("486", "404")),
    "overload": Case([bridge(BUSY), bridge(HUMAN)], failures=("486",), full=True),
    "queue": Case([], desk=(HUMAN,)),
    "queue-stream": Case([], desk=(HUMAN,), stream=True),
    "queue-attended": Case([{"mode": "attended", "target": BUSY}], desk=(HUMAN,), failures=("486",), by="far end"),
    "queue-refer": Case([refer(UNKNOWN)], desk=(HUMAN,), failures=("603",), direct=True),
    "queue-failures": Case(
        [],
        desk=(BUSY, RINGS, LEAVES, MAILBOX, UNKNOWN, DEAD, HUMAN),
        failures=("486", "no answer", "hung up before", "no key was pressed", "404", ""),
    ),
    "queue-nobody": Case([], desk=(BUSY, UNKNOWN), reached=False, failures=("486", "404", "486", "404")),
}
NUMBERS = {name: 150 + index for index, name in enumerate(CASES)}
