"""Run by test_eventlog.py as a process of its own: keeps events, says which are kept, and waits to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from contracts.events import Event, EventKind
from operations.database import migrate, open_database
from operations.eventlog import EventLog
from operations.settings import EventLogSettings


def main() -> None:
    home = Path(sys.argv[1])
    engine = open_database(sys.argv[2], home)
    migrate(engine)
    log = EventLog(engine, home / "spool", EventLogSettings(group_commit_ms=5))
    number = 0
    while True:
        for _ in range(7):
            number += 1
            log.append(Event(EventKind.TROUBLE, "c1", {"what": "test", "n": number}))
        if log.flush(30):
            print(number, flush=True)


if __name__ == "__main__":
    main()
