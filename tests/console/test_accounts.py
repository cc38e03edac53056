"""Accounts, sessions on a clock, permissions and rates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from console.accounts import AccountError, Accounts
from console.cli import make_app
from console.limits import RateLimit
from console.permissions import ROLES, Permission, Role, granted
from console.settings import SignInSettings
from operations.verifying import faults
from tests.console.conftest import PASSWORD, SETTINGS
from tests.postgres import BOTH

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class At:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.parametrize("people", BOTH, indirect=True)
def test_a_session_ends_when_unused_and_in_any_case_after_its_longest_time(people: sa.Engine) -> None:
    clock = At()
    settings = SignInSettings(idle_min=30, longest_h=2, argon2_passes=1, argon2_memory_kib=64)
    accounts = Accounts(people, settings, clock)
    signed = accounts.sign_in("editor", PASSWORD)
    assert signed is not None
    for _ in range(5):
        clock.now += timedelta(minutes=23)
        assert accounts.session(signed[0]) is not None
    clock.now += timedelta(minutes=23)
    assert accounts.session(signed[0]) is None, "two hours are over"
    again = accounts.sign_in("editor", PASSWORD)
    assert again is not None
    clock.now += timedelta(minutes=30)
    assert accounts.session(again[0]) is None, "unused for half an hour"


@pytest.mark.parametrize("people", BOTH, indirect=True)
def test_other_roles_end_the_sessions_and_a_removed_account_opens_nothing(people: sa.Engine) -> None:
    accounts = Accounts(people, SETTINGS.sign_in)
    signed = accounts.sign_in("editor", PASSWORD)
    assert signed is not None
    accounts.set_roles("editor", [Role.AGENT], by="test")
    assert accounts.session(signed[0]) is None
    accounts.remove("editor", by="test")
    assert accounts.sign_in("editor", PASSWORD) is None
    assert accounts.add("editor", PASSWORD, [Role.EDITOR], by="test").roles == ("editor",)


@pytest.mark.parametrize(
    ("name", "password", "roles", "why"),
    [
        ("Maria B", PASSWORD, [Role.EDITOR], "lower-case"),
        ("max", "short", [Role.EDITOR], "12 to 256"),
        ("max", PASSWORD, [], "at least one role"),
        ("maria", PASSWORD, [Role.EDITOR], "already"),
        ("maximilian", "maximilian12", [Role.EDITOR], "must not be made of the name"),
    ],
)
def test_an_account_that_cannot_be_is_refused_with_a_reason(
    people: sa.Engine, name: str, password: str, roles: list[Role], why: str
) -> None:
    with pytest.raises(AccountError, match=why):
        Accounts(people, SETTINGS.sign_in).add(name, password, roles, by="test")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE accounts SET roles = '[\"engineer\"]' WHERE name = 'agent'", "name agent: roles changed"),
        ("UPDATE accounts SET password = 'x' WHERE name = 'agent'", "name agent: password_sha256 changed"),
        ("UPDATE accounts SET active = 1 WHERE name = 'auditor'", "name auditor: active changed"),
        ("UPDATE accounts SET issuer = 'https://evil.example', subject = '1' WHERE name = 'agent'", "issuer, subject"),
        ("DELETE FROM accounts WHERE name = 'agent'", "name agent: a row is missing"),
        ("INSERT INTO accounts (name, password, roles, made_at, changed_at, active) SELECT 'eve', password, roles, "
         "made_at, changed_at, active FROM accounts WHERE name = 'agent'", "name eve: no entry"),
        ("INSERT INTO sessions (digest, name, csrf, made_at, seen_at) SELECT 'd', name, 'c', made_at, made_at "
         "FROM accounts WHERE name = 'agent'", "a session of agent"),
        ("UPDATE sessions SET name = 'engineer'", "a session of engineer"),
    ],
)  # fmt: skip
def test_whoever_changes_an_account_or_makes_a_session_behind_the_audit_is_found(
    people: sa.Engine, change: str, named: str
) -> None:
    accounts = Accounts(people, SETTINGS.sign_in)
    accounts.remove("auditor", by="test")
    accounts.set_password("maria", "another long sentence", by="test")
    assert accounts.sign_in("editor", PASSWORD) is not None
    assert list(faults(people)) == []
    with people.begin() as connection:
        assert connection.execute(sa.text(change)).rowcount
    found = list(faults(people))
    assert any(named in line for line in found), found


def test_roles_add_up_and_unknown_ones_grant_nothing() -> None:
    assert granted(["editor", "approver"]) == ROLES[Role.EDITOR] | ROLES[Role.APPROVER]
    assert granted(["emperor"]) == frozenset()


def test_who_edits_does_not_approve_and_the_auditor_changes_nothing() -> None:
    assert Permission.KNOWLEDGE_APPROVE not in ROLES[Role.EDITOR]
    assert Permission.KNOWLEDGE_EDIT not in ROLES[Role.APPROVER]
    reading = {Permission.KNOWLEDGE_READ, Permission.GAPS_READ, Permission.TRANSCRIPTS_READ, Permission.AUDIT_READ}
    assert ROLES[Role.AUDITOR] <= reading | {Permission.CALLERS_READ}


def test_a_rate_is_a_sliding_window_for_each_key() -> None:
    rate = RateLimit(2, 60)
    rate.use("a", 0)
    rate.use("a", 30)
    assert rate.wait_s("a", 40) == 20
    assert rate.wait_s("b", 40) == 0
    assert rate.wait_s("a", 60) == 0
    rate.use("a", 60)
    assert rate.wait_s("a", 61) == 29
    rate.forget("a")
    assert rate.wait_s("a", 61) == 0


@pytest.mark.parametrize("people", BOTH, indirect=True)
def test_the_command_line_makes_accounts_from_a_pipe(people: sa.Engine) -> None:
    @contextmanager
    def opened() -> Iterator[Accounts]:
        yield Accounts(people, SETTINGS.sign_in)

    app: typer.Typer = make_app(opened)
    made = CliRunner().invoke(app, ["add", "omar", "--role", "agent"], input=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    assert "omar" in CliRunner().invoke(app, ["list"]).output
    assert Accounts(people, SETTINGS.sign_in).sign_in("omar", PASSWORD) is not None
