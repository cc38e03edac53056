"""Who may open a stream: the provider's signature, a shared token, or (for a demo) anyone on this machine.

``X-Twilio-Signature`` is base64(HMAC-SHA1(auth token, URL)) over the URL that the provider was told to call
(https://www.twilio.com/docs/usage/security). Providers differ in whether they sign the port and a closing slash, so
every such spelling of the *same* URL is tried; each needs the secret.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit, urlunsplit

from telephony.websocket.settings import WebSocketSettings

TOKEN_PARAMETER = "token"
"""Name of the query or custom parameter that carries the shared token."""
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def signature(auth_token: str, url: str) -> str:
    """What the provider puts into X-Twilio-Signature for a WebSocket URL."""
    return b64encode(hmac.new(auth_token.encode(), url.encode(), hashlib.sha1).digest()).decode()


@dataclass(slots=True, frozen=True)
class Verdict:
    """``refused`` is the HTTP status to answer with, or None; ``token_due``: the start message must bring the token."""

    refused: HTTPStatus | None = None
    reason: str = ""
    token_due: bool = False


_NOT_FOUND = Verdict(HTTPStatus.NOT_FOUND, "no such path")


class Gatekeeper:
    """Judges upgrade requests. Pure: request line, headers and address in, verdict out."""

    def __init__(self, settings: WebSocketSettings) -> None:
        self._settings = settings
        self._auth_token = settings.auth_token.get_secret_value()
        self._shared_token = settings.shared_token.get_secret_value()

    def judge(self, target: str, headers: Mapping[str, str], address: str) -> Verdict:
        """``target`` is the request's path and query; ``headers`` have lower-case names."""
        path, _, query = target.partition("?")
        base = self._settings.path
        token = ""
        if path.rstrip("/") != base:
            if not self._shared_token or not path.startswith(base + "/"):
                return _NOT_FOUND
            token = path[len(base) + 1 :]
        if self._settings.allow_unsigned_loopback and _is_loopback(address) and not _proxied(headers):
            return Verdict()
        if not self._auth_token and not self._shared_token:
            return Verdict(HTTPStatus.FORBIDDEN, "unsigned streams are not admitted")
        if self._auth_token:
            given = headers.get("x-twilio-signature", "")
            if not given:
                return Verdict(HTTPStatus.UNAUTHORIZED, "no signature")
            if not self._signed(given, target, headers.get("host", "")):
                return Verdict(HTTPStatus.FORBIDDEN, "bad signature")
        if not self._shared_token:
            return Verdict()
        token = token or _query_token(query)
        if not token:
            return Verdict(token_due=True)
        return Verdict() if self.token_matches(token) else Verdict(HTTPStatus.FORBIDDEN, "bad token")

    def token_matches(self, token: str) -> bool:
        """Whether this is the shared token, in a time that does not tell how much of it was right."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._shared_token.encode())

    def _signed(self, given: str, target: str, host: str) -> bool:
        right = False
        for url in self._spellings(target, host):
            expected = signature(self._auth_token, url).encode()
            right |= hmac.compare_digest(given.encode("utf-8", "replace"), expected)
        return right

    def _spellings(self, target: str, host: str) -> set[str]:
        path, _, query = target.partition("?")
        below = path.removeprefix(self._settings.path)
        if self._settings.public_url:
            bases = [self._settings.public_url.rstrip("/") + below]
        else:
            bases = [f"{scheme}://{host}{path}" for scheme in ("wss", "ws")]
        found = set()
        for base in bases:
            scheme, netloc, where, _, _ = urlsplit(base)
            port = {"wss": ":443", "ws": ":80"}[scheme]
            for place in {netloc, netloc.removesuffix(port), netloc if ":" in netloc else netloc + port}:
                for end in {where, where.rstrip("/"), where.rstrip("/") + "/"}:
                    found.add(urlunsplit((scheme, place, end, query, "")))
        return found


def _query_token(query: str) -> str:
    try:
        return next(iter(parse_qs(query, max_num_fields=16).get(TOKEN_PARAMETER, [])), "")
    except ValueError:  # too many fields
        return ""


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _proxied(headers: Mapping[str, str]) -> bool:
    """A proxy on this machine makes every stranger look like loopback."""
    return any(name in headers for name in _PROXY_HEADERS)
