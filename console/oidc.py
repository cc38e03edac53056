"""An OpenID Connect provider as this console sees it: where to send people, and who they are when they come back.

::

    browser ─► /sign-in/oidc ─► provider: state, nonce, S256 challenge ─► the person signs in there
       ▲                                                                    │ code, state
       └── session cookie ◄── name, roles ◄── ID token checked ◄── token endpoint (code, verifier, secret)

Authorization code with PKCE (RFC 7636) and discovery (OpenID Connect Core 1.0, 3.1; Discovery 1.0). Whatever the
provider answers is a stranger's: limited in size and time, and nothing of it counts before its signature does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from console.settings import OidcSettings, is_safe_url
from contracts.errors import CallwrightError

_DISCOVERY = "/.well-known/openid-configuration"
_MAX_BYTES = 1 << 18
_FRESH_S = 3600.0
"""So long metadata and keys are believed."""
_AGAIN_S = 10.0
"""A key that is not known is looked for at most so often."""
_MAX_SUBJECT = 255
"""OpenID Connect Core 1.0, 2."""
_SET_UP = "see docs/console.md, Signing in with your provider"


class OidcRefused(CallwrightError):
    """Nobody is signed in; says why, and what to do."""


@dataclass(slots=True, frozen=True)
class Begun:
    """A sign-in that is under way. ``to``: the page of ours that was wanted."""

    to: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    browser: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """In a cookie: who comes back is who went."""

    @property
    def challenge(self) -> str:
        """Of PKCE, S256."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(slots=True, frozen=True)
class Identity:
    """Who somebody is, as the provider signed it; ``roles`` as our settings map them."""

    subject: str
    name: str
    roles: tuple[str, ...]


class Provider:
    """One provider. Methods raise OidcRefused. ``now``: seconds since 1970."""

    def __init__(self, settings: OidcSettings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        self._about: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._tls: ssl.SSLContext | None = None

    async def begin_url(self, begun: Begun) -> str:
        """Where the browser goes."""
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }
        return _with(await self._endpoint("authorization_endpoint"), asked)

    async def redeem(self, code: str, begun: Begun) -> Identity:
        """Who came back with this code."""
        settings, secret = self._settings, self._settings.client_secret.get_secret_value()
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "code_verifier": begun.verifier,
            "client_id": settings.client_id,
        }
        auth = httpx.BasicAuth(settings.client_id, secret) if secret else None
        answer = await self._fetch(await self._endpoint("token_endpoint"), given, auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OidcRefused("the provider gave no ID token: `openid` must be among console.sign_in.oidc.scopes")
        return identity_of(await self._claims(token, begun.nonce), settings)

    async def end_url(self) -> str:
        """Where people sign out at the provider too; empty if it has no such page or does not answer."""
        try:
            where = str((await self._discovered()).get("end_session_endpoint", ""))
        except OidcRefused:
            return ""
        back = {"client_id": self._settings.client_id, "post_logout_redirect_uri": self._settings.signed_out_uri}
        return _with(where, back) if is_safe_url(where) else ""

    # ── the ID token ────────────────────────────────────────────────────────────────────────────────────────────

    async def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """Signed by a key of the provider, for us, now, for this very sign-in (Core 1.0, 3.1.3.7)."""
        settings = self._settings
        claims = await self._signed(token)
        registry = jwt.JWTClaimsRegistry(
            now=int(self._now()),
            leeway=int(settings.leeway_s),
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            advice = f"issuer, client id and the clocks of both machines must agree; {_SET_UP}"
            raise OidcRefused(f"the ID token does not hold for this console ({error}): {advice}") from error
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != settings.client_id:
            raise OidcRefused(f"the ID token is for several clients and was made for another one (azp): {_SET_UP}")
        if claims.get("nonce") != nonce:
            raise OidcRefused("the ID token is of another sign-in (nonce): please sign in again")
        return claims

    async def _signed(self, token: str) -> dict[str, Any]:
        """The claims, if a key of the provider signed them; a key that is new there is fetched."""
        algorithms = list(self._settings.algorithms)
        try:
            return dict(jwt.decode(token, await self._key_set(_FRESH_S), algorithms=algorithms).claims)
        except (JoseError, ValueError):
            keys = await self._key_set(_AGAIN_S)
        try:
            return dict(jwt.decode(token, keys, algorithms=algorithms).claims)
        except (JoseError, ValueError) as error:
            raise OidcRefused(f"no key of the provider signed the ID token ({error}); {_SET_UP}") from error

    async def _key_set(self, fresh_s: float) -> KeySet:
        if self._keys is not None and self._now() - self._keys[0] < fresh_s:
            return self._keys[1]
        answer = await self._fetch(await self._endpoint("jwks_uri"))
        listed = answer.get("keys")
        kept = [one for one in listed if _signs(one)] if isinstance(listed, list) else []
        try:
            keys = KeySet.import_key_set({"keys": kept})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OidcRefused(f"the provider's keys cannot be read ({error}); {_SET_UP}") from error
        self._keys = (self._now(), keys)
        return keys

    # ── asking the provider ─────────────────────────────────────────────────────────────────────────────────────

    async def _endpoint(self, name: str) -> str:
        where = str((await self._discovered()).get(name, ""))
        if not is_safe_url(where):
            raise OidcRefused(f"the provider names no safe {name} (https): {_SET_UP}")
        return where

    async def _discovered(self) -> dict[str, Any]:
        if self._about is not None and self._now() - self._about[0] < _FRESH_S:
            return self._about[1]
        issuer = self._settings.issuer
        about = await self._fetch(issuer.rstrip("/") + _DISCOVERY)
        if about.get("issuer") != issuer:
            called = str(about.get("issuer", "nothing"))[:200]
            raise OidcRefused(f"the provider calls itself {called!r}: write it so in console.sign_in.oidc.issuer")
        self._about = (self._now(), about)
        return about

    async def _fetch(
        self, where: str, given: Mapping[str, str] | None = None, auth: httpx.BasicAuth | None = None
    ) -> dict[str, Any]:
        """A JSON object of the provider; ``given`` is posted as a form."""
        body = bytearray()
        try:
            async with (
                httpx.AsyncClient(timeout=self._settings.timeout_s, verify=self._trusted()) as client,
                client.stream("POST" if given else "GET", where, data=given, auth=auth) as answer,
            ):
                async for block in answer.aiter_bytes():
                    body += block
                    if len(body) > _MAX_BYTES:
                        raise OidcRefused(f"the provider's answer is longer than {_MAX_BYTES} bytes: {where}")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            told = f"{type(error).__name__} {error}".strip()
            raise OidcRefused(f"the provider does not answer ({told}): {where}") from error
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or answer.status_code != 200:
            raise OidcRefused(
                f"the provider refused with status {answer.status_code}{_reason(said)}: {where}; {_SET_UP}"
            )
        return said

    def _trusted(self) -> ssl.SSLContext:
        if self._tls is None:
            path = self._settings.ca_file
            self._tls = ssl.create_default_context(cafile=str(path.expanduser()) if path else None)
        return self._tls


def identity_of(claims: Mapping[str, Any], settings: OidcSettings) -> Identity:
    """Who it is and what they may do here. Raises OidcRefused for whom the settings give no role."""
    subject, name = claims["sub"], claims.get(settings.name_claim)
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
        raise OidcRefused("the ID token names nobody (sub)")
    if not isinstance(name, str) or not name:
        raise OidcRefused(
            f"the ID token has no claim {settings.name_claim!r}: console.sign_in.oidc.name_claim; {_SET_UP}"
        )
    given = claim_at(claims, settings.roles_claim)
    had = (
        {given}
        if isinstance(given, str)
        else {one for one in given if isinstance(one, str)}
        if isinstance(given, list)
        else set()
    )
    roles = sorted({str(settings.roles[one]) for one in had if one in settings.roles})
    if not roles:
        wanted = ", ".join(sorted(settings.roles))
        raise OidcRefused(
            f"you have no role here: {settings.roles_claim} of your account at the provider holds none of {wanted}. "
            "Ask whoever keeps the accounts there"
        )
    return Identity(subject, name.strip().lower(), tuple(roles))


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by names with dots between (``realm_access.roles``); None if it is not there."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _signs(key: object) -> bool:
    return isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"


def _reason(told: object) -> str:
    """The error code of RFC 6749, 5.2, if it is one; its description may hold anything."""
    code = told.get("error") if isinstance(told, dict) else None
    return f" ({code})" if isinstance(code, str) and code.replace("_", "").isalpha() and len(code) < 40 else ""


def _with(where: str, asked: Mapping[str, str]) -> str:
    return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"
