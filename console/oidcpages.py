"""Signing in at a provider: there with a state of our own, back with a code, in with a session as all others have.

A state counts once, for ten minutes, in the browser that began. The session's cookie is ``SameSite=Strict``, which a
browser does not send along the redirects of another site, so the way back ends on a page of ours that leads on.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.accounts import AccountError
from console.limits import RateLimit
from console.oidc import Begun, OidcRefused, Provider
from console.settings import SignInSettings
from console.signin import NO_TLS, address_of, give_session, lacks_tls, ours
from console.web import SIGN_IN, Web, first_allowed

OIDC = f"{SIGN_IN}/oidc"
_COOKIE = "callwright-oidc"
_LASTS_S = 600.0
_UNDER_WAY = 1000
_EACH = 30
"""Sign-ins begun from one address within the window of wrong passwords."""
_MAX_CODE = 4096


@dataclass(slots=True)
class OidcPages:
    """There and back. ``now``: monotonic seconds."""

    web: Web
    settings: SignInSettings
    provider: Provider
    now: Callable[[], float] = time.monotonic
    _begun: OrderedDict[str, tuple[float, Begun]] = field(default_factory=OrderedDict)
    _tries: RateLimit = field(init=False)

    def __post_init__(self) -> None:
        self._tries = RateLimit(_EACH, self.settings.window_s)

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route(OIDC, self.go, methods=["GET"]),
            Route(f"{OIDC}/back", self.back, methods=["GET"]),
        ]

    async def go(self, request: Request) -> Response:
        """To the provider."""
        if lacks_tls(request, self.settings):
            return self._refused(403, NO_TLS)
        key = f"from {address_of(request)}"
        if (wait_s := self._tries.wait_s(key, self.now())) > 0:
            return self._refused(429, f"Too many sign-ins were begun. Please wait {int(wait_s / 60) + 1} min.")
        self._tries.use(key, self.now())
        begun = Begun(ours(request.query_params.get("to", "/")))
        try:
            answer = RedirectResponse(await self.provider.begin_url(begun), 303)
        except OidcRefused as error:
            return self._refused(502, str(error))
        self._begun[begun.state] = (self.now(), begun)
        while len(self._begun) > _UNDER_WAY:
            self._begun.popitem(last=False)
        answer.set_cookie(
            _COOKIE, begun.browser, max_age=int(_LASTS_S), httponly=True, samesite="lax", path=SIGN_IN,
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer

    async def back(self, request: Request) -> Response:
        """From the provider, with a code or with its refusal."""
        begun = self._taken(request)
        if begun is None:
            return self._refused(
                403, "This sign-in is too old, was used, or began in another browser. Begin once more."
            )
        if error := request.query_params.get("error", ""):
            code = error[:40] if error.replace("_", "").isalnum() else "no reason given"
            return self._refused(
                403, f"The provider did not sign you in ({code}). Begin once more, or ask who keeps it."
            )
        if request.query_params.get("iss", self.settings.oidc.issuer) != self.settings.oidc.issuer:  # RFC 9207
            return self._refused(403, "The answer came from another provider than the one that you were sent to.")
        try:
            who = await self.provider.redeem(request.query_params.get("code", "")[:_MAX_CODE], begun)
            secret, account = await run_in_threadpool(
                self.web.accounts.sign_in_from, self.settings.oidc.issuer, who.subject, who.name, who.roles
            )
        except (OidcRefused, AccountError) as refusal:
            await run_in_threadpool(self.web.audit.note, "-", "session.refused", f"oidc: {refusal}"[:300])
            return self._refused(403, f"{str(refusal)[:1].upper()}{str(refusal)[1:]}.")
        self._tries.forget(f"from {address_of(request)}")
        target = begun.to if begun.to != "/" else first_allowed(self.web.nav, account)
        answer = self.web.bare("signed_in.html", to=target, name=account.name)
        give_session(request, answer, secret)
        answer.delete_cookie(_COOKIE, path=SIGN_IN)
        return answer

    def _taken(self, request: Request) -> Begun | None:
        """The sign-in that this answers; it cannot be answered again."""
        since, begun = self._begun.get(request.query_params.get("state", ""), (0.0, None))
        if begun is None:
            return None
        if not hmac.compare_digest(begun.browser.encode(), request.cookies.get(_COOKIE, "").encode()):
            return None  # a stranger who saw the state must not be able to end somebody else's sign-in
        del self._begun[begun.state]
        return begun if self.now() - since < _LASTS_S else None

    def _refused(self, status: int, said: str) -> Response:
        return self.web.bare("oidc_refused.html", status, said=said, label=self.settings.oidc.label)
