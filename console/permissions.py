"""Who may do what: the one table. Pure.

An account may have several roles; it may do what any of them may.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """What an account is for."""

    SUPERVISOR = "supervisor"
    AGENT = "agent"
    EDITOR = "editor"
    APPROVER = "approver"
    ENGINEER = "engineer"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a page or a button asks for."""

    KNOWLEDGE_READ = "knowledge.read"
    """Documents, releases, search and trying a question."""
    KNOWLEDGE_EDIT = "knowledge.edit"
    """Upload, amend, remove, decide on held documents, revert, propose."""
    KNOWLEDGE_APPROVE = "knowledge.approve"
    """Approve and publish a release."""
    KNOWLEDGE_ROLLBACK = "knowledge.rollback"
    """Take a release back: a wrong answer must be stopped by whoever sees it."""
    GAPS_READ = "gaps.read"
    """Callers' questions that found nothing (redacted)."""
    CALLS_WATCH = "calls.watch"
    """The wall of live calls, without words."""
    CALLS_ACT = "calls.act"
    """Listen, whisper, barge, take over, give back, end."""
    HANDOFFS_TAKE = "handoffs.take"
    """The inbox of escalations: claim, release, close."""
    TRANSCRIPTS_READ = "transcripts.read"
    """What was said, redacted; each view is audited."""
    KILL_SWITCH = "kill.switch"
    """Switch off a rule, a topic or the operator."""
    CALLERS_READ = "callers.read"
    """All that is kept of one caller, and its export."""
    CALLERS_ERASE = "callers.erase"
    """Erase it for good."""
    AUDIT_READ = "audit.read"
    """Who did what."""
    OPERATOR_SEE = "operator.see"
    """Workers, capacity, health."""


_P = Permission
_SEE_KNOWLEDGE = frozenset({_P.KNOWLEDGE_READ})
ROLES: dict[Role, frozenset[Permission]] = {
    Role.SUPERVISOR: _SEE_KNOWLEDGE
    | {_P.CALLS_WATCH, _P.CALLS_ACT, _P.HANDOFFS_TAKE, _P.TRANSCRIPTS_READ, _P.KILL_SWITCH, _P.OPERATOR_SEE}
    | {_P.GAPS_READ, _P.CALLERS_READ, _P.CALLERS_ERASE},
    Role.AGENT: _SEE_KNOWLEDGE | {_P.CALLS_WATCH, _P.HANDOFFS_TAKE},
    Role.EDITOR: _SEE_KNOWLEDGE | {_P.KNOWLEDGE_EDIT, _P.KNOWLEDGE_ROLLBACK, _P.GAPS_READ},
    Role.APPROVER: _SEE_KNOWLEDGE | {_P.KNOWLEDGE_APPROVE, _P.KNOWLEDGE_ROLLBACK, _P.GAPS_READ},
    Role.ENGINEER: _SEE_KNOWLEDGE | {_P.KNOWLEDGE_ROLLBACK, _P.OPERATOR_SEE, _P.KILL_SWITCH},
    Role.AUDITOR: _SEE_KNOWLEDGE | {_P.AUDIT_READ, _P.TRANSCRIPTS_READ, _P.GAPS_READ, _P.CALLERS_READ},
}
"""The table."""


def granted(roles: Iterable[str]) -> frozenset[Permission]:
    """What these roles may do together; a name that is no role any more grants nothing."""
    known = [Role(one) for one in roles if one in set(Role)]
    return frozenset().union(*(ROLES[one] for one in known))
