"""Every error that crosses a room's border.

::

    CallwrightError
    ├── ConfigError              settings, rules or manifest are wrong; names file, line, nearest valid name
    ├── ModelFileError           a model file is missing or its digest differs; `callwright models fetch`
    ├── WorkerError              a model worker could not do what was asked
    │   ├── DeadlineExceeded     the request's absolute deadline passed; retrying with the same one is useless
    │   ├── Cancelled            the asker withdrew the request
    │   ├── WorkerDied           the process ended or hung; a retry reaches its replacement
    │   ├── WorkerBusy           the bounded queue is full; retry later or take a cheaper rung
    │   └── EngineFailed         the engine raised; a retry will fail the same way
    ├── LegError                 something with a caller's leg
    │   ├── LegClosed            the call is over
    │   ├── CallTaken            another person talks with this caller; says who
    │   ├── TransferFailed       the far end refused or did not answer; the call goes on
    │   └── DialFailed           an outgoing call was not answered (busy, refused, timeout)
    ├── KnowledgeError
    │   ├── DocumentRefused      not text, too large, wrong encoding: says which and what to do
    │   ├── DocumentUnknown      no such document
    │   ├── ReleaseRefused       not approved, blocked by its checks, nothing to publish: says which and what to do
    │   └── ReleaseUnknown       no such release, or no longer ready
    ├── ToolError                an action on the owner's systems was not done
    │   ├── ToolNotAllowed       not on the allow-list, or not as its OpenAPI file describes; nothing sent
    │   ├── ToolRefused          the service understood and said no (4xx); ``code`` is its reason
    │   ├── ToolUnavailable      the service was not reached; nothing was done there
    │   ├── ToolUncertain        a write was sent, and no answer of use came: perhaps done; its key may be sent again
    │   └── ToolFailed           of a read: 5xx, or the answer is too large or not as described
    ├── RecordError
    │   └── CallUnknown          no such call in the record
    ├── SwitchRefused            the kill switch cannot be turned so: says why
    └── DeviceFull               no space left for the record or a recording

``retryable`` says whether the same request may succeed if sent again.
"""

from __future__ import annotations


class CallwrightError(Exception):
    """Root of all errors that are shown to a person as one line."""

    retryable: bool = False
    exit_code: int = 1


class ConfigError(CallwrightError):
    """Settings, rules, prompts or the model manifest cannot be used as written."""

    exit_code = 2


class ModelFileError(CallwrightError):
    """A model file is missing or differs from its pinned SHA-256."""

    exit_code = 3


class WorkerError(CallwrightError):
    """A model worker could not do what was asked."""


class DeadlineExceeded(WorkerError):
    """The request's deadline passed before it was finished."""


class Cancelled(WorkerError):
    """The asker withdrew the request."""


class WorkerDied(WorkerError):
    """The worker process ended or hung while it had the request."""

    retryable = True


class WorkerBusy(WorkerError):
    """The worker's bounded queue is full."""

    retryable = True


class EngineFailed(WorkerError):
    """The engine raised; the message carries its words."""


class LegError(CallwrightError):
    """Something went wrong with a caller's leg."""


class LegClosed(LegError):
    """The call is over; nothing can be sent or received."""


class CallTaken(LegError):
    """Another person has this caller already; says who."""


class TransferFailed(LegError):
    """The transfer did not come about; the caller is still with us."""

    retryable = True


class DialFailed(LegError):
    """An outgoing call was not answered."""

    exit_code = 4


class KnowledgeError(CallwrightError):
    """The knowledge base could not do what was asked."""


class DocumentRefused(KnowledgeError):
    """A document cannot be taken in; the message says why and what to do."""


class DocumentUnknown(KnowledgeError):
    """No document with that id or source."""


class ReleaseRefused(KnowledgeError):
    """A release cannot be proposed, approved or published; the message says why and what to do."""


class ReleaseUnknown(KnowledgeError):
    """No release of that name, or one that is no longer ready to answer."""


class ToolError(CallwrightError):
    """An action on the owner's systems was not done, or may not have been."""


class ToolNotAllowed(ToolError):
    """Not on the allow-list, or with arguments that its OpenAPI file does not describe. Nothing was sent."""


class ToolRefused(ToolError):
    """The service understood and said no. ``code``: its short reason, such as ``no_such_day``; may be empty."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class ToolUnavailable(ToolError):
    """The service was not reached, or takes no more requests: nothing was done."""

    retryable = True


class ToolUncertain(ToolError):
    """A write left and no answer of use came: it may have been done. Sent again with the same key it is harmless."""

    retryable = True


class ToolFailed(ToolError):
    """A read's service failed, or answered with what its OpenAPI file does not describe."""


class RecordError(CallwrightError):
    """The record of calls could not do what was asked."""


class CallUnknown(RecordError):
    """No call with that id in the record."""


class SwitchRefused(CallwrightError):
    """The kill switch cannot be turned as asked."""


class DeviceFull(CallwrightError):
    """No space left on the device; calls go on without what could not be written."""
