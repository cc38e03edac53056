"""What goes into a REFER, and what the far end's answers mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from contracts.leg import HangupReason

UUI_OCTETS = 127
"""RFC 7433 leaves room for more; ISDN carries 128 octets with the protocol discriminator."""

_HOST = re.compile(r"sips?:(?:[^@>;?]*@)?(\[[^\]]+\]|[^:;>?]+)(:\d+)?")
_TARGET = re.compile(r"^[^\s<>\"?\r\n]+$")
_TEL = re.compile(r"^[0-9*#+._A-Za-z-]+$")


def host_of(uri: str) -> str:
    """``host`` or ``host:port`` of a SIP URI; empty if it has none."""
    found = _HOST.search(uri)
    return found.group(1) + (found.group(2) or "") if found else ""


def address_of(header: str) -> str:
    """The URI of a To or From header without its parameters: ``"A" <sip:a@b;x=y>;tag=1`` → ``sip:a@b``."""
    inside = header.partition("<")[2].partition(">")[0] or header
    return inside.partition(";")[0].strip()


def refer_uri(target: str, domain: str, context: Mapping[str, str], *, uui: bool = True) -> str:
    """The Refer-To URI for ``target`` (``sip:…``, ``user@host`` or a bare user, completed by ``domain``).

    ``context`` goes along as User-to-User (RFC 7433, hex), the pairs that fit in 127 octets, in their order.
    Raises ValueError when the target cannot be put into a URI.
    """
    if not _TARGET.match(target):
        raise ValueError(f"not a transfer target: {target!r}")
    if not target.startswith(("sip:", "sips:")):
        if "@" not in target:
            if not _TEL.match(target) or not domain:
                raise ValueError(f"not a transfer target: {target!r}")
            target = f"{target}@{domain}"
        target = f"sip:{target}"
    data = uui_octets(context) if uui else b""
    return f"{target}?User-to-User={data.hex()}{quote(';encoding=hex', safe='')}" if data else target


def uui_octets(context: Mapping[str, str]) -> bytes:
    """``key=value;key=value`` in UTF-8, whole pairs only, at most 127 octets."""
    data = b""
    for key, value in context.items():
        pair = f"{key}={value}".replace(";", ",").encode()
        longer = data + b";" + pair if data else pair
        if len(longer) <= UUI_OCTETS:
            data = longer
    return data


def parse_uui(value: str) -> dict[str, str]:
    """The pairs of a User-to-User value that uui_octets made; empty if it is anything else."""
    try:
        text = bytes.fromhex(value.partition(";")[0].strip()).decode()
    except ValueError:
        return {}
    return {key: word for key, equals, word in (pair.partition("=") for pair in text.split(";")) if equals}


TRANSFERRED_TEXT = "Call transfered"
"""The library's own spelling."""


def close_reason(text: str | None) -> tuple[HangupReason, str]:
    """Why the library closed a call that we did not end: reason and its words."""
    words = text or ""
    if words == TRANSFERRED_TEXT:
        return HangupReason.TRANSFERRED, ""
    if "rtp stream error" in words.lower():
        return HangupReason.MEDIA_TIMEOUT, words
    if not words or words.lower().startswith(("connection reset", "200", "487", "request terminated", "cancel")):
        return HangupReason.CALLER, words
    return HangupReason.ERROR, words
