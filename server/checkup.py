"""`callwright check`: the doctor, asked about these settings."""

from __future__ import annotations

from pathlib import Path

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
        check_sqlite(settings.home_dir),
        _schema(settings),
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


def _schema(settings: OperatorSettings) -> CheckLine:
    try:
        engine = open_database(settings.operations.database_url, settings.home_dir)
        migrate(engine)
        engine.dispose()
    except CallwrightError as error:
        return CheckLine("record", "fail", str(error), "mend operations.database_url, or move the database away")
    return CheckLine("record", "ok", f"{settings.operations.database_url} has the newest schema")


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
