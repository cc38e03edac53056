"""`callwright check`: the doctor, asked about these settings."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from contracts.databases import is_postgres, shown
from contracts.errors import CallwrightError
from escalation.rules import RuleBook
from operations.database import migrate, open_database
from server.doctor import (
    CheckLine,
    Port,
    check_cpu,
    check_disk,
    check_memory,
    check_models,
    check_port,
    check_python,
    check_rtp,
    check_sqlite,
)
from server.engines import chosen, store_of
from server.settings import OperatorSettings, project_path


def check_all(settings: OperatorSettings, *, deep: bool) -> list[CheckLine]:
    """All findings, in the order in which they would be met."""
    store = store_of(settings.engines, settings.models_dir, project_path(settings.engines.manifest))
    names = chosen(settings.engines, settings.knowledge)
    sip = settings.telephony.sip
    faults = [fault for name in names for fault in store.faults(name, deep=deep)]
    return [
        check_cpu(Path("/proc/cpuinfo").read_text()),
        check_memory(Path("/proc/meminfo").read_text()),
        check_python(),
        check_disk("callwright_home", settings.home_dir),
        check_disk("callwright_models", settings.models_dir),
        *check_models(faults, len(names), deep),
        *(check_port(port) for port in _ports(settings)),
        check_rtp(sip.rtp_port_min, sip.rtp_port_max, settings.telephony.admission.max_calls),
        *record_lines(settings),
        _rules(settings),
        _person(settings),
    ]


def _ports(settings: OperatorSettings) -> list[Port]:
    sip, websocket, console = settings.telephony.sip, settings.telephony.websocket, settings.console
    ports = []
    if sip.enabled:
        ports += [Port("sip udp", sip.host, sip.port, "udp", "telephony.sip.port")]
        ports += [Port("sip tcp", sip.host, sip.port, "tcp", "telephony.sip.port")]
    if websocket.enabled:
        ports.append(Port("websocket", websocket.host, websocket.port, "tcp", "telephony.websocket.port"))
    if console.enabled:
        ports.append(Port("http", console.host, console.port, "tcp", "console.port"))
    return ports


def record_lines(settings: OperatorSettings) -> list[CheckLine]:
    """The database server or the file system under SQLite, and the schema. No password is shown."""
    lines = []
    try:
        engine = open_database(settings.operations.database_url, settings.home_dir)
        if not is_postgres(engine):
            lines.append(check_sqlite(settings.home_dir))
        migrate(engine)
        if is_postgres(engine):
            lines.append(CheckLine("database", "ok", _server(engine)))
        engine.dispose()
    except CallwrightError as error:
        advice = "mend operations.database_url (docs/postgres.md), or move the database away"
        return [*lines, CheckLine("record", "fail", str(error), advice)]
    return [*lines, CheckLine("record", "ok", f"{shown(engine.url)} has the newest schema")]


def _server(engine: sa.Engine) -> str:
    """Which Postgres, and how many connections it allows."""
    with engine.connect() as connection:
        version, most = (connection.scalar(sa.text(f"SHOW {one}")) for one in ("server_version", "max_connections"))
    return f"PostgreSQL {version}, at most {most} connections"


def _rules(settings: OperatorSettings) -> CheckLine:
    path = project_path(settings.escalation.rules)
    try:
        book = RuleBook.load(path)
    except CallwrightError as error:
        return CheckLine("rules", "fail", str(error), "mend the file")
    wrong = book.check_examples()
    if wrong:
        return CheckLine("rules", "fail", f"{path}: {wrong[0]}", "mend the rule or its example")
    return CheckLine("rules", "ok", f"{len(book.rules)} rules, every example holds")


def _person(settings: OperatorSettings) -> CheckLine:
    targets = settings.dialog.targets.get("person", ())
    if not targets:
        advice = "set dialog.targets.person to a SIP URI; until then callers who ask for a person are told so"
        return CheckLine("person", "warn", "nobody can be reached", advice)
    return CheckLine("person", "ok", "callers who need a person go to " + ", then ".join(one.target for one in targets))
